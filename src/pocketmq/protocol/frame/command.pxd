# The C types behind command.py, for it and for the compiled modules that read commands.

cdef class Command:
    cdef public int code, language, version, opaque, flag, serialize_type, resumed
    cdef public long long arrived_ms
    cdef public object remark, _letters
    cdef public bytes _data, _ext
    cdef public Py_ssize_t _ext_start, _ext_end, _body_start, _body_end
    cdef public dict _fields
