"""Takes a batch apart and appends its messages, all or none (⚡).

    a message of the batch: int32 size, int32 magic, int32 CRC, int32 flag, int32 body length, body,
                            int16 properties length, properties              (MessageDecoder#encodeMessage)

Each becomes a record of its own, as if it had been sent alone, but for what the batch says once: system flags, times,
hosts and reconsume times (MessageExtEncoder#encode of a MessageExtBatch). Size, magic and CRC go unread, as in Java.
"""

try:
    import cython
except ModuleNotFoundError:  # Without Cython this file runs as plain Python.
    from pocketmq.model import uncompiled as cython  # type: ignore[no-redef]

from pocketmq.protocol.message import broken_batch, split_batch
from pocketmq.protocol.message_id import encode_message_id
from pocketmq.protocol.record.sealing import SEAL_ROOM_BYTES

if not cython.compiled:  # Compiled, these come by their C types: see batches.pxd.
    from pocketmq.protocol.frame.send_header import SendHeader
    from pocketmq.protocol.record import Facts, examine, size_of
    from pocketmq.store.commit_log.log import CommitLog
    from pocketmq.store.consume_queue import ConsumeQueue

_head_bytes = cython.declare(cython.Py_ssize_t, 20)
_flag_at = cython.declare(cython.Py_ssize_t, 12)
_body_length_at = cython.declare(cython.Py_ssize_t, 16)


def append_batch(
    log: CommitLog,
    queue: ConsumeQueue,
    body: bytes,
    header: SendHeader,
    sys_flag: cython.int,
    born_host: bytes,
    store_host: bytes,
    now_ms: cython.longlong,
) -> str:
    """Appends every message of the batch; their ids, separated by commas.

    Raises Refusal, with nothing appended, for a batch that is broken, empty or larger than a message may be, and for a
    message of a size Java refuses too.
    """
    p: cython.p_const_uchar = body
    size: cython.Py_ssize_t = len(body)
    at: cython.Py_ssize_t = 0
    body_size: cython.Py_ssize_t
    properties_size: cython.Py_ssize_t
    record_size: cython.Py_ssize_t
    hosts: cython.Py_ssize_t = len(born_host) + len(store_host)
    topic_size: cython.Py_ssize_t = len(queue.topic_bytes)
    count: cython.Py_ssize_t = 0
    room: cython.Py_ssize_t = SEAL_ROOM_BYTES if log.seals else 0
    if not cython.compiled:
        return _append_plainly(log, queue, body, header, sys_flag, born_host, store_host, now_ms)
    if size == 0 or size > log.message_bytes_max:
        split_batch(body, log.message_bytes_max)
    while at < size:
        body_size = _int32(p + at + _body_length_at) if size - at >= _head_bytes else -1
        if body_size < 0 or size - at - _head_bytes - 2 < body_size:
            raise broken_batch(size, at)
        properties_size = _int16(p + at + _head_bytes + body_size)
        if properties_size < 0 or size - at - _head_bytes - 2 - body_size < properties_size:
            raise broken_batch(size, at)
        record_size = size_of(topic_size, body_size, properties_size + room, hosts)
        if record_size > log._unchecked_bytes:
            log.check(record_size, body_size, properties_size + room)
        at += _head_bytes + body_size + 2 + properties_size
        count += 1
    return _append_checked(log, queue, p, size, count, header, sys_flag, born_host, store_host, now_ms)


@cython.cfunc
def _append_checked(
    log: CommitLog,
    queue: ConsumeQueue,
    p: cython.p_const_uchar,
    size: cython.Py_ssize_t,
    count: cython.Py_ssize_t,
    header: SendHeader,
    sys_flag: cython.int,
    born_host: bytes,
    store_host: bytes,
    now_ms: cython.longlong,
) -> str:
    at: cython.Py_ssize_t = 0
    start: cython.Py_ssize_t
    end: cython.Py_ssize_t
    properties_size: cython.Py_ssize_t
    log_offset: cython.longlong
    facts: Facts
    one: bytes
    properties: bytes
    host: bytes = store_host.hex().upper().encode()
    host_size: cython.Py_ssize_t = len(host)
    ids = bytearray(count * (host_size + 17))
    out: cython.p_uchar = ids
    host_at: cython.p_const_uchar = host
    place: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    nibble: cython.int
    while at < size:
        start = at + _head_bytes
        end = start + _int32(p + at + _body_length_at)
        one = p[start:end]
        properties_size = _int16(p + end)
        properties = p[end + 2 : end + 2 + properties_size]
        facts = examine(properties)
        log_offset = log.append(
            queue,
            facts,
            one,
            properties,
            _int32(p + at + _flag_at),
            sys_flag,
            header.born_timestamp,
            born_host,
            store_host,
            header.reconsume_times,
            0,
            facts.tags_code,
            now_ms,
        )
        for i in range(host_size):
            out[place + i] = host_at[i]
        place += host_size
        for i in range(16):
            nibble = (log_offset >> (60 - 4 * i)) & 15
            out[place + i] = nibble + (0x30 if nibble < 10 else 0x37)
        out[place + 16] = 0x2C
        place += 17
        at = end + 2 + properties_size
    return ids[: place - 1].decode("ascii")


def _append_plainly(
    log: CommitLog,
    queue: ConsumeQueue,
    body: bytes,
    header: SendHeader,
    sys_flag: int,
    born_host: bytes,
    store_host: bytes,
    now_ms: int,
) -> str:
    entries = split_batch(body, log.message_bytes_max)
    hosts = len(born_host) + len(store_host)
    for entry in entries:
        body_size = len(entry.body)
        properties_size = len(entry.properties) + (SEAL_ROOM_BYTES if log.seals else 0)
        size = size_of(len(queue.topic_bytes), body_size, properties_size, hosts)
        log.check(size, body_size, properties_size)
    ids = []
    for entry in entries:
        facts = examine(entry.properties)
        log_offset = log.append(
            queue,
            facts,
            entry.body,
            entry.properties,
            entry.flag,
            sys_flag,
            header.born_timestamp,
            born_host,
            store_host,
            header.reconsume_times,
            0,
            facts.tags_code,
            now_ms,
        )
        ids.append(encode_message_id(store_host, log_offset))
    return ",".join(ids)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _int32(p: cython.p_const_uchar) -> cython.longlong:
    value: cython.uint
    value = (
        (cython.cast(cython.uint, p[0]) << 24)
        | (cython.cast(cython.uint, p[1]) << 16)
        | (cython.cast(cython.uint, p[2]) << 8)
        | cython.cast(cython.uint, p[3])
    )
    return cython.cast(cython.longlong, cython.cast(cython.int, value))


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _int16(p: cython.p_const_uchar) -> cython.longlong:
    return cython.cast(cython.longlong, cython.cast(cython.short, (p[0] << 8) | p[1]))
