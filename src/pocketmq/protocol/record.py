"""Log records: how a message lies in the commit log and travels to consumers (⚡). Big endian.

    0 total size 4      4 magic 4             8 body CRC 4          12 queue id 4        16 flag 4
    20 queue offset 8   28 log offset 8       36 system flag 4      40 born time 8       48 born host 8 | 20
    .. store time 8     .. store host 8 | 20  .. reconsume times 4  .. prepared transaction offset 8
    .. body length 4, body                    .. topic length 1 (V1) | 2 (V2), topic     .. properties length 2, properties

A host is its address bytes and a 4-byte port; bits of the system flag say which hosts are IPv6. V2 is chosen for topics
over 127 bytes. A file ends in a blank: 4 bytes of length, 4 of magic, the rest unused. The CRC covers the body alone.
Sources: MessageExtEncoder, MessageDecoder, CommitLog#checkMessageAndReturnSize, MessageVersion.
"""

import struct
from typing import NamedTuple
from zlib import crc32

try:
    import cython
except ModuleNotFoundError:  # Without Cython this file runs as plain Python.
    from pocketmq.model import uncompiled as cython  # type: ignore[no-redef]

from pocketmq.model.java import java_string_hash

MAGIC_V1 = 0xDAA320A7
MAGIC_V2 = 0xDAA320AB
MAGIC_BLANK = 0xCBD43194
BLANK_BYTES_MIN = 8
BORN_HOST_V6 = 16
STORE_HOST_V6 = 32
TOPIC_BYTES_V1_MAX = 127
_FIXED_BYTES = 4 + 4 + 4 + 4 + 4 + 8 + 8 + 4 + 8 + 8 + 4 + 8 + 4 + 2
"""All but the hosts, the body, the topic with its length, and the properties."""
_HEAD = struct.Struct(">iIIiiqqiq")
_GROWTH = 1 << 20


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


@cython.cclass
class Facts:
    """What the broker must know of a message's properties, found in one walk over them.

    `is_special`: something in them asks for more than storing (a delay, a transaction, a key of ours, an odd shape).
    """

    is_special = cython.declare(cython.bint, visibility="public")
    waits = cython.declare(cython.bint, visibility="public")
    tags_code = cython.declare(cython.longlong, visibility="public")
    unique_key = cython.declare(bytes, visibility="public")
    keys = cython.declare(bytes, visibility="public")
    delay_level = cython.declare(cython.int, visibility="public")

    def __init__(self) -> None:
        self.is_special = False
        self.waits = True
        self.tags_code = 0
        self.unique_key = b""
        self.keys = b""
        self.delay_level = 0


def examine(properties: bytes) -> Facts:
    """Walks `key \\x01 value \\x02 ...`."""
    facts: Facts = Facts()
    if not cython.compiled:
        return _examine_slowly(facts, properties)
    p: cython.p_const_uchar = properties
    end: cython.Py_ssize_t = len(properties)
    at: cython.Py_ssize_t = 0
    key: cython.Py_ssize_t
    value: cython.Py_ssize_t
    length: cython.Py_ssize_t
    while at < end:
        key = at
        while at < end and p[at] != 1 and p[at] != 2:
            at += 1
        length = at - key
        if at >= end or p[at] == 2 or length == 0:
            facts.is_special = True
            return facts
        at += 1
        value = at
        while at < end and p[at] > 2:
            at += 1
        if at >= end or p[at] != 2 or at == value:
            facts.is_special = True
            return facts
        _note(facts, properties, p, key, length, value, at)
        at += 1
    return facts


@cython.cfunc
def _note(
    facts: Facts,
    properties: bytes,
    p: cython.p_const_uchar,
    key: cython.Py_ssize_t,
    length: cython.Py_ssize_t,
    value: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
) -> None:
    """Remembers one property if it is of those that matter; lengths first, as almost none have them."""
    first: cython.int = p[key]
    if length == 4:
        if first == 0x54 and properties[key : key + 4] == b"TAGS":
            facts.tags_code = tags_code(properties[value:end])
        elif first == 0x4B and properties[key : key + 4] == b"KEYS":
            facts.keys = properties[value:end]
        elif first == 0x57 and properties[key : key + 4] == b"WAIT":
            facts.waits = properties[value:end].lower() == b"true"
    elif length == 8:
        if first == 0x55 and properties[key : key + 8] == b"UNIQ_KEY":
            facts.unique_key = properties[value:end]
        elif first == 0x54 and properties[key : key + 8] in _SPECIAL:
            facts.is_special = True
    elif length == 5 and first == 0x44 and properties[key : key + 5] == b"DELAY":
        facts.delay_level = _level(properties[value:end])
        facts.is_special = True
    elif first == 0x54 or first == 0x49 or first == 0x43 or first == 0x4D or first == 0x50 or first == 0x5F:
        if _is_special(properties[key : key + length]):
            facts.is_special = True


_SPECIAL = frozenset((b"TRACE_ON", b"TRAN_MSG", b"CLUSTER", b"MSG_REGION", b"POP_CK"))
_SPECIAL_PREFIXES = (b"TIMER_", b"INNER_", b"__CRC32#", b"__RMQ.TRANSIENT.")


def _is_special(key: bytes) -> bool:
    return key in _SPECIAL or key.startswith(_SPECIAL_PREFIXES)


def _examine_slowly(facts: Facts, properties: bytes) -> Facts:
    """The same walk for plain Python, by splitting."""
    if not properties:
        return facts
    pairs = properties.split(b"\x02")
    if pairs.pop():
        facts.is_special = True
    for pair in pairs:
        key, separator, value = pair.partition(b"\x01")
        if not separator or not key or not value or b"\x01" in value:
            facts.is_special = True
        elif key == b"TAGS":
            facts.tags_code = tags_code(value)
        elif key == b"KEYS":
            facts.keys = value
        elif key == b"UNIQ_KEY":
            facts.unique_key = value
        elif key == b"WAIT":
            facts.waits = value.lower() == b"true"
        elif key == b"DELAY":
            facts.delay_level = _level(value)
            facts.is_special = True
        elif _is_special(key):
            facts.is_special = True
    return facts


def _level(value: bytes) -> int:
    try:
        level = int(value)
    except ValueError:
        return 0
    return level if -1 << 31 <= level < 1 << 31 else 0


_TAGS_REMEMBERED_MAX = 4096
_tags_codes: dict[bytes, int] = {b"": 0}


def tags_code(tags: bytes) -> int:
    """`String.hashCode` of the tags (MessageExtBrokerInner#tagsString2tagsCode); the common ones are remembered."""
    code = _tags_codes.get(tags)
    if code is None:
        code = java_string_hash(tags.decode("utf-8", "replace"))
        if len(_tags_codes) < _TAGS_REMEMBERED_MAX:
            _tags_codes[tags] = code
    return code


# ------------------------------------------------------------------------------------------------------- writing


def size_of(
    topic_bytes: cython.Py_ssize_t, body_bytes: cython.Py_ssize_t, properties_bytes: cython.Py_ssize_t, host_bytes: int
) -> int:
    """Bytes of the record; `host_bytes` is both hosts together (16, 28 or 40)."""
    wide: cython.Py_ssize_t = 2 if topic_bytes > TOPIC_BYTES_V1_MAX else 1
    return _FIXED_BYTES + host_bytes + wide + topic_bytes + body_bytes + properties_bytes


def lay(
    buffer: bytearray,
    at: cython.Py_ssize_t,
    topic: bytes,
    queue_id: int,
    flag: int,
    queue_offset: cython.longlong,
    log_offset: cython.longlong,
    sys_flag: int,
    born_timestamp: cython.longlong,
    born_host: bytes,
    store_timestamp: cython.longlong,
    store_host: bytes,
    reconsume_times: int,
    prepared_transaction_offset: cython.longlong,
    body: bytes,
    properties: bytes,
) -> int:
    """Lays one record into `buffer` at `at`, growing it if need be; its size."""
    wide: cython.Py_ssize_t = 2 if len(topic) > TOPIC_BYTES_V1_MAX else 1
    size: cython.Py_ssize_t
    p: cython.p_uchar
    size = _FIXED_BYTES + len(born_host) + len(store_host) + wide + len(topic) + len(body) + len(properties)
    if len(born_host) > 8:
        sys_flag |= BORN_HOST_V6
    if len(store_host) > 8:
        sys_flag |= STORE_HOST_V6
    if at + size > len(buffer):
        buffer.extend(bytes(max(_GROWTH, at + size - len(buffer))))
    checksum: cython.uint = crc32(body) & 0x7FFFFFFF if body else 0
    if not cython.compiled:
        head = _HEAD.pack(
            size,
            MAGIC_V1 if wide == 1 else MAGIC_V2,
            checksum,
            queue_id,
            flag,
            queue_offset,
            log_offset,
            sys_flag,
            born_timestamp,
        )
        middle = struct.pack(">iqi", reconsume_times, prepared_transaction_offset, len(body))
        buffer[at : at + size] = b"".join(
            (head, born_host, store_timestamp.to_bytes(8, "big"), store_host, middle, *_tail(body, topic, properties))
        )
        return size
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


def _tail(body: bytes, topic: bytes, properties: bytes) -> tuple[bytes, ...]:
    wide = 2 if len(topic) > TOPIC_BYTES_V1_MAX else 1
    return body, len(topic).to_bytes(wide, "big"), topic, len(properties).to_bytes(2, "big"), properties


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
    p = _put32(p, MAGIC_V1 if wide == 1 else MAGIC_V2)
    p = _put32(p, checksum)
    p = _put32(p, queue_id)
    p = _put32(p, flag)
    p = _put64(p, queue_offset)
    _put64(p, log_offset)


@cython.cfunc
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


# ------------------------------------------------------------------------------------------------------- reading


class Scanned(NamedTuple):
    """One well-formed record, as recovery and derivation need it. `tags_code` is the hash of the tags."""

    size: int
    log_offset: int
    topic: bytes
    queue_id: int
    queue_offset: int
    sys_flag: int
    store_timestamp: int
    facts: Facts


class NoRecord(NamedTuple):
    """No record stands here: "blank" (skip `size` bytes), "end" (zeros, or too few bytes) or "bad", and why."""

    kind: str
    size: int = 0
    reason: str = ""


def scan(data: bytes, at: int, log_offset: int, checks_body: bool = True) -> Scanned | NoRecord:
    """Reads what stands at `data[at:]`, which is `log_offset` of the log; says "end" if `data` ends too early."""
    have = len(data) - at
    if have < 8:
        return NoRecord("end", reason="fewer than 8 bytes left")
    size, magic = struct.unpack_from(">II", data, at)
    if magic == MAGIC_BLANK:
        return NoRecord("blank", size) if size >= BLANK_BYTES_MIN else NoRecord("bad", reason=f"blank of {size} bytes")
    if magic not in (MAGIC_V1, MAGIC_V2):
        if size == 0 and magic == 0:
            return NoRecord("end", reason="zeros")
        return NoRecord("bad", reason=f"magic {magic:#010x}")
    wide = 1 if magic == MAGIC_V1 else 2
    if size < _FIXED_BYTES + 16 + wide:
        return NoRecord("bad", reason=f"size {size} is too small")
    if size > have:
        return NoRecord("end", size, f"record of {size} bytes, {have} left")
    _, _, checksum, queue_id, _, queue_offset, own_offset, sys_flag, _ = _HEAD.unpack_from(data, at)
    if own_offset != log_offset:
        return NoRecord("bad", size, f"says it stands at {own_offset}")
    born = 20 if sys_flag & BORN_HOST_V6 else 8
    store = 20 if sys_flag & STORE_HOST_V6 else 8
    body_at = at + 48 + born + 8 + store + 16
    end = at + size
    if body_at + wide + 2 > end:
        return NoRecord("bad", size, "no room for its hosts")
    store_timestamp = int.from_bytes(data[at + 48 + born : at + 56 + born], "big", signed=True)
    body_size = int.from_bytes(data[body_at - 4 : body_at], "big", signed=True)
    topic_at = body_at + body_size + wide
    if body_size < 0 or topic_at + 2 > end:
        return NoRecord("bad", size, f"body length {body_size}")
    properties_at = topic_at + int.from_bytes(data[topic_at - wide : topic_at], "big") + 2
    if properties_at > end:
        return NoRecord("bad", size, "topic length")
    properties_size = int.from_bytes(data[properties_at - 2 : properties_at], "big")
    if properties_at + properties_size != end:
        return NoRecord("bad", size, f"properties length {properties_size}")
    if checks_body and body_size and crc32(data[body_at : body_at + body_size]) & 0x7FFFFFFF != checksum:
        return NoRecord("bad", size, "body CRC")
    return Scanned(
        size,
        log_offset,
        data[topic_at : properties_at - 2],
        queue_id,
        queue_offset,
        sys_flag,
        store_timestamp,
        examine(data[properties_at:end]),
    )
