# The C signatures behind cutting.py, for the commit log.

cpdef object cut(
    bytearray whole, long long count, long long first, long long wanted, bytes entries, long long checked_below
)

cpdef long long offset_at(bytes entries, Py_ssize_t at)

cpdef long long size_at(bytes entries, Py_ssize_t at)

cpdef long long bytes_of(bytes entries)
