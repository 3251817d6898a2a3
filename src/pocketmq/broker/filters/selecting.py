"""Looks through a queue for messages that a filter wants: entries, their records, the records' properties.

    entries ─▶ records from memory ─▶ judged ─┬─ enough found, or enough looked at: answer with where to go on
       ▲                                      └─ else the next stretch
       └── records on the disk: answer with what is known; if that is nothing, somebody must read them first

One look is bounded: by entries as in Java (MessageStoreConfig.maxFilterMessageSize), and by the bytes of the records.
"""

from collections.abc import Callable
from typing import NamedTuple

from pocketmq.broker.filters.bit_maps import not_ruled_out
from pocketmq.broker.filters.filter_table import Registered
from pocketmq.protocol.record.peeking import peek, queue_offset_of
from pocketmq.store.consume_queue import ENTRY_BYTES, FILTER_SCAN_ENTRIES_MAX, ConsumeQueue
from pocketmq.store.message_store import Found, MessageStore

Matches = Callable[[bytes], bool]

STRETCH_ENTRIES = 64
STRETCH_BYTES = 128 * 1024
"""Of what is read and judged at a time."""

_LOOK_BYTES_MAX = 1 << 20
"""Of records that one look brings from the page cache: to copy them takes the loop some 0.2 ms."""


class Looked(NamedTuple):
    """What a look found: packed entries of `size` bytes of records, and where the next look begins."""

    status: Found
    next_offset: int
    entries: bytes = b""
    size: int = 0


class Unread(NamedTuple):
    """The records of these entries must be read from the disk before anybody can say; then call `judged`."""

    entries: bytes
    next_offset: int


def look_through(
    store: MessageStore,
    queue: ConsumeQueue,
    offset: int,
    count_max: int,
    bytes_max: int,
    matches: Matches,
    registered: Registered | None = None,
) -> Looked | Unread:
    """Messages from `offset` that match: up to `count_max`, and of `bytes_max` bytes, but one at least.

    If `matches` is a `registered` filter, messages whose bit maps rule them out are not read.
    """
    looked = Looked(Found.NO_MATCHED_MESSAGE, offset)
    stretch, read = count_max, 0
    while looked.next_offset - offset < FILTER_SCAN_ENTRIES_MAX and read < _LOOK_BYTES_MAX:
        at = looked.next_offset
        status, next_offset, selection = store.select(queue, at, stretch, STRETCH_BYTES, None)
        if selection is None:
            return Looked(status, next_offset) if at == offset else looked
        entries = selection.entries if registered is None else not_ruled_out(queue, selection.entries, registered)
        records = store.log.gather_nowait(entries)
        if records is None:
            return Unread(entries, next_offset) if at == offset else looked
        looked = judged(entries, records, next_offset, count_max, bytes_max, matches, looked)
        if looked.next_offset < next_offset or len(looked.entries) >= count_max * ENTRY_BYTES:
            return looked
        stretch = STRETCH_ENTRIES
        read += len(records)
    return looked


_NOTHING = Looked(Found.NO_MATCHED_MESSAGE, 0)


def judged(
    entries: bytes,
    records: bytes | bytearray,
    next_offset: int,
    count_max: int,
    bytes_max: int,
    matches: Matches,
    before: Looked = _NOTHING,
) -> Looked:
    """What was found `before`, and of these entries those that match; `next_offset` is what comes behind them.

    `records` are the entries', in their order; an entry whose record is not among them is left out.
    """
    found = [before.entries] if before.entries else []
    count = len(before.entries) // ENTRY_BYTES
    size = before.size
    at = 0
    here = peek(records, 0) if records else None
    for start in range(0, len(entries), ENTRY_BYTES):
        if here is None:
            break
        record_size, log_offset, properties = here
        if entries[start : start + 8] != log_offset:
            continue
        if count >= count_max or (count and size + record_size > bytes_max):
            next_offset = queue_offset_of(records, at)
            break
        if matches(properties):
            found.append(entries[start : start + ENTRY_BYTES])
            count += 1
            size += record_size
        at += record_size
        here = peek(records, at) if at < len(records) else None
    return Looked(Found.FOUND if found else Found.NO_MATCHED_MESSAGE, next_offset, b"".join(found), size)
