"""What stands at a place in the log: a record, a blank, its end, or damage (CommitLog#checkMessageAndReturnSize)."""

import struct
from typing import NamedTuple

from pocketmq.model.flags import INNER_BATCH
from pocketmq.model.properties import INNER_NUM
from pocketmq.protocol.checksums import crc32
from pocketmq.protocol.record.facts import Facts, examine
from pocketmq.protocol.record.laying import (
    BLANK_BYTES_MIN,
    BORN_HOST_V6,
    FIXED_BYTES,
    HEAD,
    MAGIC_BLANK,
    MAGIC_V1,
    MAGIC_V2,
    STORE_HOST_V6,
)

MESSAGES_PER_RECORD_MAX = 0x7FFF
"""INNER_NUM is an int16."""

_INNER_NUM = INNER_NUM.encode()
_COUNT_DIGITS_MAX = 5


class Scanned(NamedTuple):
    """One well-formed record, as recovery and derivation need it. `tags_code` is the hash of the tags.

    `inner_count`: the messages of an inner batch; 0 if it is none and thus one message.
    """

    size: int
    log_offset: int
    topic: bytes
    queue_id: int
    queue_offset: int
    sys_flag: int
    store_timestamp: int
    facts: Facts
    inner_count: int = 0


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
    if size < FIXED_BYTES + 16 + wide:
        return NoRecord("bad", reason=f"size {size} is too small")
    if size > have:
        return NoRecord("end", size, f"record of {size} bytes, {have} left")
    _, _, checksum, queue_id, _, queue_offset, own_offset, sys_flag, _ = HEAD.unpack_from(data, at)
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
        inner_count(data[properties_at:end]) if sys_flag & INNER_BATCH else 0,
    )


def inner_count(properties: bytes) -> int:
    """How many messages the properties say the body holds, 1 to 32767; 0 if they do not (CommitLog#getMessageNum)."""
    for pair in properties.split(b"\x02"):
        key, _, value = pair.partition(b"\x01")
        if key == _INNER_NUM and len(value) <= _COUNT_DIGITS_MAX and value.isdigit():
            count = int(value)
            return count if count <= MESSAGES_PER_RECORD_MAX else 0
    return 0
