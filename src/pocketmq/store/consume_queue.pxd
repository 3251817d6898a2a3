# The C types behind consume_queue.py.

cdef class ConsumeQueue:
    cdef public str topic
    cdef public bytes topic_bytes
    cdef public int queue_id
    cdef public long long next_offset, max_offset, min_offset
    cdef public bint watched
    cdef public object segments
    cdef public bytearray _pending
    cdef public long long _pending_offset, _pending_log_bytes
    cdef public Py_ssize_t _pending_size

    cpdef void put(self, long long queue_offset, long long log_offset, long long size, long long tags) except *
