# The C types behind send_header.py.

from pocketmq.protocol.frame.command cimport Command

cdef class SendHeader:
    cdef public str topic
    cdef public bytes _data
    cdef public object _producer_group, _default_topic
    cdef Py_ssize_t _group_start, _group_end, _default_start, _default_end
    cdef public int default_topic_queue_nums, queue_id, sys_flag, flag, reconsume_times, max_reconsume_times
    cdef public long long born_timestamp
    cdef public bytes properties
    cdef public bint unit_mode, batch
