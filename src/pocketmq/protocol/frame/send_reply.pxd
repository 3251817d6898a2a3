# The C types behind send_reply.py.

from pocketmq.protocol.frame.command cimport Command

cdef class Stored:
    cdef public int queue_id
    cdef public long long queue_offset, log_offset, log_offset_end
    cdef public bint waits
    cdef public bytes unique_key

cdef class SendReplies:
    cdef public str host
    cdef public dict fields
    cdef bint _is_plain
    cdef bytes _before_queue_id, _before_log_offset, _template, _end

    cdef Py_ssize_t _lay(self, Py_ssize_t at, Stored stored, bytes key, long long opaque)
