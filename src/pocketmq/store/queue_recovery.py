"""What of a queue's files can be kept, and what stands in for entries that cannot be derived again.

Entries of records below the log offset that was synced last, with all that is derived, are known to be there; what
lies behind them in the file may be missing, stale or in pages that a power loss left out, and is derived again. Both
counts below are found by bisection, for the entries that count come before those that do not. For a batch queue they
are counts of its units, not queue offsets.
"""

from typing import Protocol

from pocketmq.store.batch_queue import UNIT_BYTES, BatchQueue, unpack_units
from pocketmq.store.commit_log import Dispatch
from pocketmq.store.consume_queue import ENTRY_BYTES, ConsumeQueue, Entry
from pocketmq.store.segments import Segments

FILLER_SIZE = 0x7FFFFFFF
"""The size in an entry that stands for no message (ConsumeQueue#fillPreBlank)."""


class HasEntries(Protocol):
    """A queue that has files."""

    @property
    def segments(self) -> Segments:
        """Its files."""


def count_kept(queue: HasEntries, log_offset: int | None) -> int:
    """The first queue offset not known to be sound: entries of records below `log_offset` are; None: all there are."""
    low, high = _bounds(queue)
    while low < high:
        middle = (low + high) // 2
        entry = _stored(queue, middle)
        if entry.size > 0 and (log_offset is None or entry.log_offset < log_offset):
            low = middle + 1
        else:
            high = middle
    return low


def first_live(queue: HasEntries, end: int, log_start: int) -> int:
    """The first queue offset below `end` whose record is still in the log, or `end` (ConsumeQueue#correctMinOffset)."""
    low, _ = _bounds(queue)
    high = end
    while low < high:
        middle = (low + high) // 2
        entry = _stored(queue, middle)
        if entry.log_offset < log_start or (entry.size == FILLER_SIZE and entry.log_offset == 0):
            low = middle + 1
        else:
            high = middle
    return low


def last_record(queue: HasEntries, end: int) -> Entry | None:
    """The last entry below `end` that stands for a message."""
    start, _ = _bounds(queue)
    while end > start:
        end -= 1
        entry = _stored(queue, end)
        if entry.size != FILLER_SIZE:
            return entry
    return None


def fillers(queue: ConsumeQueue, start: int, end: int, log_offset: int) -> list[Dispatch]:
    """Entries that stand for no message, for the queue offsets [start, end)."""
    return [(queue, offset, log_offset, FILLER_SIZE, 0, 0, queue.topic_bytes, b"", b"") for offset in range(start, end)]


def entry_bytes(queue: HasEntries) -> int:
    """The size of what stands for a record in the queue's files."""
    return UNIT_BYTES if isinstance(queue, BatchQueue) else ENTRY_BYTES


def _bounds(queue: HasEntries) -> tuple[int, int]:
    return queue.segments.start // entry_bytes(queue), queue.segments.end // entry_bytes(queue)


def _stored(queue: HasEntries, queue_offset: int) -> Entry:
    if isinstance(queue, BatchQueue):
        raw = queue.segments.read(queue_offset * UNIT_BYTES, UNIT_BYTES).ljust(UNIT_BYTES, b"\0")
        (unit,) = unpack_units(raw)
        return Entry(unit.log_offset, unit.size if unit.is_sound else 0, unit.tags_code)
    raw = queue.segments.read(queue_offset * ENTRY_BYTES, ENTRY_BYTES).ljust(ENTRY_BYTES, b"\0")
    return Entry(
        int.from_bytes(raw[:8], "big", signed=True),
        int.from_bytes(raw[8:12], "big", signed=True),
        int.from_bytes(raw[12:], "big", signed=True),
    )
