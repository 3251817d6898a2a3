# The C types behind facts.py.

cdef class Facts:
    cdef public bint is_special, is_open, waits
    cdef public long long tags_code
    cdef public bytes unique_key, keys
    cdef public int delay_level

cpdef Facts examine(bytes properties)
