"""Laying a record into memory (⚡; MessageExtEncoder)."""

import struct
from typing import NamedTuple
from zlib import crc32

try:
    import cython
except ModuleNotFoundError:  # Without Cython this file runs as plain Python.
    from pocketmq.model import uncompiled as cython  # type: ignore[no-redef]

from pocketmq.protocol.checksums import LONG_BYTES
from pocketmq.protocol.checksums import crc32 as crc32_of_long

MAGIC_V1 = 0xDAA320A7
MAGIC_V2 = 0xDAA320AB
MAGIC_START = b"\xda\xa3\x20"
"""What the magics of both record versions begin with."""

MAGIC_BLANK = 0xCBD43194
BLANK_BYTES_MIN = 8
BORN_HOST_V6 = 16
STORE_HOST_V6 = 32
TOPIC_BYTES_V1_MAX = 127
FIXED_BYTES = 4 + 4 + 4 + 4 + 4 + 8 + 8 + 4 + 8 + 8 + 4 + 8 + 4 + 2
"""All but the hosts, the body, the topic with its length, and the properties."""

HEAD = struct.Struct(">iIIiiqqiq")
"""The fields before the born host."""

_heads = {(born, store): struct.Struct(f"{HEAD.format}{born}sq{store}siqi") for born in (8, 20) for store in (8, 20)}
_GROWTH = 1 << 20
_long_bytes = cython.declare(cython.Py_ssize_t, LONG_BYTES)
_fixed_bytes = cython.declare(cython.Py_ssize_t, FIXED_BYTES)
_topic_bytes_v1_max = cython.declare(cython.Py_ssize_t, TOPIC_BYTES_V1_MAX)
_born_host_v6 = cython.declare(cython.int, BORN_HOST_V6)
_store_host_v6 = cython.declare(cython.int, STORE_HOST_V6)
_magic_v1 = cython.declare(cython.longlong, MAGIC_V1)
_magic_v2 = cython.declare(cython.longlong, MAGIC_V2)


class NewMessage(NamedTuple):
    """A message about to be stored. Hosts are packed; `tags_code` None means the hash of its tags."""

    topic: str
    queue_id: int
    body: bytes
    properties: bytes
    flag: int = 0
    sys_flag: int = 0
    born_timestamp: int = 0
    born_host: bytes = bytes(8)
    store_host: bytes = bytes(8)
    reconsume_times: int = 0
    prepared_transaction_offset: int = 0
    tags_code: int | None = None


def size_of(
    topic_bytes: cython.Py_ssize_t,
    body_bytes: cython.Py_ssize_t,
    properties_bytes: cython.Py_ssize_t,
    host_bytes: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """Bytes of the record; `host_bytes` is both hosts together (16, 28 or 40)."""
    wide: cython.Py_ssize_t = 2 if topic_bytes > _topic_bytes_v1_max else 1
    return _fixed_bytes + host_bytes + wide + topic_bytes + body_bytes + properties_bytes


def lay(
    buffer: bytearray,
    at: cython.Py_ssize_t,
    topic: bytes,
    queue_id: cython.int,
    flag: cython.int,
    queue_offset: cython.longlong,
    log_offset: cython.longlong,
    sys_flag: cython.int,
    born_timestamp: cython.longlong,
    born_host: bytes,
    store_timestamp: cython.longlong,
    store_host: bytes,
    reconsume_times: cython.int,
    prepared_transaction_offset: cython.longlong,
    body: bytes,
    properties: bytes,
) -> cython.Py_ssize_t:
    """Lays one record into `buffer` at `at`, growing it if need be; its size."""
    wide: cython.Py_ssize_t
    size: cython.Py_ssize_t
    p: cython.p_uchar
    if len(born_host) > 8:
        sys_flag |= _born_host_v6
    if len(store_host) > 8:
        sys_flag |= _store_host_v6
    checksum: cython.uint = crc32(body) if len(body) < _long_bytes else crc32_of_long(body)
    checksum = checksum & 0x7FFFFFFF
    if not cython.compiled:
        wide = 2 if len(topic) > TOPIC_BYTES_V1_MAX else 1
        head = _heads[len(born_host), len(store_host)]
        size = head.size + len(body) + wide + len(topic) + 2 + len(properties)
        fixed = head.pack(
            size,
            MAGIC_V1 if wide == 1 else MAGIC_V2,
            checksum,
            queue_id,
            flag,
            queue_offset,
            log_offset,
            sys_flag,
            born_timestamp,
            born_host,
            store_timestamp,
            store_host,
            reconsume_times,
            prepared_transaction_offset,
            len(body),
        )
        topic_size = len(topic).to_bytes(wide, "big")
        buffer[at : at + size] = b"".join(
            (fixed, body, topic_size, topic, len(properties).to_bytes(2, "big"), properties)
        )
        return size
    wide = 2 if len(topic) > _topic_bytes_v1_max else 1
    size = _fixed_bytes + len(born_host) + len(store_host) + wide + len(topic) + len(body) + len(properties)
    if at + size > len(buffer):
        buffer.extend(bytes(max(_GROWTH, at + size - len(buffer))))
    _lay_head(buffer, at, size, wide, checksum, queue_id, flag, queue_offset, log_offset)
    p = buffer
    p = p + at + 36
    p = _put32(p, sys_flag)
    p = _put64(p, born_timestamp)
    p = _put_bytes(p, born_host)
    p = _put64(p, store_timestamp)
    p = _put_bytes(p, store_host)
    p = _put32(p, reconsume_times)
    p = _put64(p, prepared_transaction_offset)
    _lay_tail(p, wide, body, topic, properties)
    return size


@cython.cfunc
def _lay_head(
    buffer: bytearray,
    at: cython.Py_ssize_t,
    size: cython.longlong,
    wide: cython.Py_ssize_t,
    checksum: cython.longlong,
    queue_id: cython.longlong,
    flag: cython.longlong,
    queue_offset: cython.longlong,
    log_offset: cython.longlong,
) -> cython.void:
    """The first 36 bytes."""
    p: cython.p_uchar = buffer
    p = _put32(p + at, size)
    p = _put32(p, _magic_v1 if wide == 1 else _magic_v2)
    p = _put32(p, checksum)
    p = _put32(p, queue_id)
    p = _put32(p, flag)
    p = _put64(p, queue_offset)
    _put64(p, log_offset)


@cython.cfunc
@cython.exceptval(check=False)
def _lay_tail(p: cython.p_uchar, wide: cython.Py_ssize_t, body: bytes, topic: bytes, properties: bytes) -> cython.void:
    """Body, topic and properties, each behind its length."""
    p = _put32(p, len(body))
    p = _put_bytes(p, body)
    if wide == 2:
        p[0] = (len(topic) >> 8) & 0xFF
        p += 1
    p[0] = len(topic) & 0xFF
    p = _put_bytes(p + 1, topic)
    p[0] = (len(properties) >> 8) & 0xFF
    p[1] = len(properties) & 0xFF
    _put_bytes(p + 2, properties)


@cython.cfunc
@cython.inline
def _put32(p: cython.p_uchar, value: cython.longlong) -> cython.p_uchar:
    p[0] = (value >> 24) & 0xFF
    p[1] = (value >> 16) & 0xFF
    p[2] = (value >> 8) & 0xFF
    p[3] = value & 0xFF
    return p + 4


@cython.cfunc
@cython.inline
def _put64(p: cython.p_uchar, value: cython.longlong) -> cython.p_uchar:
    _put32(p, value >> 32)
    return _put32(p + 4, value)


@cython.cfunc
@cython.inline
def _put_bytes(p: cython.p_uchar, content: bytes) -> cython.p_uchar:
    source: cython.p_const_uchar = content
    i: cython.Py_ssize_t
    n: cython.Py_ssize_t = len(content)
    for i in range(n):
        p[i] = source[i]
    return p + n


def blank(room: int) -> bytes:
    """The 8 bytes that say: the `room` bytes from here to the file's end hold nothing."""
    return struct.pack(">II", room, MAGIC_BLANK)
