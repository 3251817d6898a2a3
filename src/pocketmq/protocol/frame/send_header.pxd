# The C types behind send_header.py.

from pocketmq.protocol.frame.command cimport Command

cdef class SendHeader:
    cdef public str producer_group, topic, default_topic
    cdef public int default_topic_queue_nums, queue_id, sys_flag, flag, reconsume_times, max_reconsume_times
    cdef public long long born_timestamp
    cdef public bytes properties
    cdef public bint unit_mode, batch
