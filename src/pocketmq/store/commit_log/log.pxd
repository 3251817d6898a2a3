# The C types behind log.py.

from pocketmq.protocol.frame.command cimport Command
from pocketmq.protocol.frame.send_header cimport SendHeader
from pocketmq.protocol.frame.send_reply cimport Stored
from pocketmq.protocol.record.facts cimport Facts
from pocketmq.protocol.record.laying cimport lay, size_of
from pocketmq.store.commit_log.cutting cimport bytes_of, cut, offset_at, size_at
from pocketmq.store.consume_queue cimport ConsumeQueue

cdef class CommitLog:
    cdef public object segments
    cdef public bint seals
    cdef public Py_ssize_t message_bytes_max
    cdef public long long end, written, flushed, last_store_timestamp
    cdef public list undispatched
    cdef bytearray _buffer, _scratch
    cdef Py_ssize_t _size
    cdef list _runs
    cdef public long long _resumed_at
    cdef long long _run_start, _file_bytes, _unchecked_bytes

    cpdef long long append(
        self, ConsumeQueue queue, Facts facts, bytes body, bytes properties, int flag, int sys_flag,
        long long born_timestamp, bytes born_host, bytes store_host, int reconsume_times,
        long long prepared_transaction_offset, long long tags_code, long long now_ms
    ) except -1
