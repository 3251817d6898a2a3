"""Hashing and putting index entries as fast as plain Python has it, for where nothing is compiled."""

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import mul
from typing import TYPE_CHECKING, Any

from pocketmq.model.java import java_string_hash
from pocketmq.model.limits import INDEX_ENTRIES_PENDING_MAX
from pocketmq.store.index_file import ENTRY_BYTES, HEADER_BYTES, SECONDS_MAX, SLOT_BYTES

if TYPE_CHECKING:
    from pocketmq.store.active_index import ActiveIndex

_HEAD_CHARS = 28
"""All of a unique key but its counter (MessageClientIDSetter)."""

_POWERS: list[int] = [pow(31, exponent, 1 << 32) for exponent in range(512)]
_PAGE_BITS = 12
_slot_in = struct.Struct(">i").unpack_from
_put_slot = struct.Struct(">i").pack_into
_put_entry = struct.Struct(">iqii").pack_into


def hash_on_slowly(code: int, text: bytes) -> int:
    """The hash of what `code` stands for followed by `text`; negative if not all is ASCII."""
    if code < 0 or not text.isascii():
        return -2
    if len(text) > _HEAD_CHARS:
        code = _hash_on_head(code, text[:_HEAD_CHARS])
        text = text[_HEAD_CHARS:]
    size = len(text)
    if size >= len(_POWERS):
        own = java_string_hash(text.decode())
        return (code * pow(31, size, 1 << 32) + own) & 0xFFFFFFFF
    own = sum(map(mul, text[::-1], _POWERS))
    return (code * _POWERS[size] + own) & 0xFFFFFFFF


@lru_cache(maxsize=1024)
def _hash_on_head(code: int, text: bytes) -> int:
    """What one producer sends in one millisecond has keys that begin alike."""
    return hash_on_slowly(code, text)


def put_all_plainly(
    index: "ActiveIndex", dispatches: Sequence[Any], start: int, hash_of_any: Callable[[bytes, bytes], int]
) -> int:
    """What `put_all` does with most records; where it stopped, for `put_all` to go on.

    An attribute or a call costs as much as the work itself, so what an entry changes is kept in names from one entry to
    the next. The first record of a file, and one for which there might be no room, are left.
    """
    count, used, last, timestamp = index.count, index.slots_used, index.end_log_offset, index.end_timestamp
    pending, slots, dirty, slots_max = index.pending, index.slots, index.dirty, index.slots_max
    begin = index.begin_timestamp
    at = index.pending_count * ENTRY_BYTES
    room = count + min(index.entries_max - count, INDEX_ENTRIES_PENDING_MAX - index.pending_count)
    position = start
    if begin <= 0:
        return position
    for position in range(start, len(dispatches)):
        _, _, log_offset, _, _, store_timestamp, topic, unique_key, keys = dispatches[position]
        if log_offset <= last or not (unique_key or keys):
            continue
        texts = [unique_key, *keys.split(b" ")]
        if count + len(texts) > room:
            break
        seconds = (store_timestamp - begin) // 1000
        if not 0 <= seconds <= SECONDS_MAX:
            seconds = 0 if seconds < 0 else SECONDS_MAX
        for text in texts:
            if not text:
                continue
            code = hash_on_slowly(code_of_topic(topic), text)
            if code < 0:
                code = hash_of_any(topic, text)
            elif code >= 0x80000000:
                code = 0x100000000 - code & 0x7FFFFFFF
            slot = code % slots_max * SLOT_BYTES
            before = _slot_in(slots, slot)[0]
            if not 0 < before < count:
                before = 0
                used += 1
            _put_entry(pending, at, code, log_offset, seconds, before)
            _put_slot(slots, slot, count)
            dirty[HEADER_BYTES + slot >> _PAGE_BITS] = 1
            at += ENTRY_BYTES
            count += 1
        last, timestamp = log_offset, store_timestamp
    else:
        position = len(dispatches)
    if count > index.count:
        index.pending_count += count - index.count
        index.count, index.slots_used = count, used
        index.end_log_offset, index.end_timestamp = last, timestamp
        index.unflushed = True
    return position


@lru_cache(maxsize=4096)
def code_of_topic(topic: bytes) -> int:
    """The hash of what every key of this topic begins with."""
    return hash_on_slowly(0, topic + b"#")
