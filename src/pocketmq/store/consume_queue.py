"""A topic's queue: fixed entries that point into the commit log (⚡). Derived from the log, disposable.

    entry, 20 bytes: int64 log offset, int32 size, int64 tags code      file: 300,000 entries, named by byte offset

New entries gather in memory (`put`) and reach their file in batches (`write`); after a crash the log is walked again
from where the files end. A queue offset is the index of its entry; `next_offset` is the one the log assigns next,
`max_offset` the first that readers do not see yet. Source: ConsumeQueue.
"""

import struct
from collections.abc import Iterable
from typing import Any, NamedTuple

try:
    import cython
except ModuleNotFoundError:  # Without Cython this file runs as plain Python.
    from pocketmq.model import uncompiled as cython  # type: ignore[no-redef]

from pocketmq.store.disk import Disk
from pocketmq.store.segments import DescriptorCache, Segments, SyncTarget

ENTRY_BYTES = 20
FILTER_SCAN_ENTRIES_MAX = 800
"""MessageStoreConfig.maxFilterMessageSize, 16,000 bytes of entries: how far one pull looks for a match."""

_entry_bytes = cython.declare(cython.Py_ssize_t, ENTRY_BYTES)
_scan_entries_max = cython.declare(cython.longlong, FILTER_SCAN_ENTRIES_MAX)

_ENTRY = struct.Struct(">qiq")
_PUT_ENTRY = _ENTRY.pack_into
_filler_size = cython.declare(cython.longlong, 0x7FFFFFFF)
"""The size in an entry that only fills a file before its first message (ConsumeQueue#fillPreBlank)."""


class Entry(NamedTuple):
    """Where a message lies in the log, how long it is, and the hash of its tags (or what stands for it)."""

    log_offset: int
    size: int
    tags_code: int


class Selection(NamedTuple):
    """What a pull may have: packed entries of the records, the offset to go on from, and the records' bytes."""

    entries: bytes
    next_offset: int
    bytes: int


def pack_entries(entries: Iterable[Entry]) -> bytes:
    """The entries as a queue's file has them."""
    return b"".join([_ENTRY.pack(*entry) for entry in entries])


def unpack_entries(packed: bytes) -> list[Entry]:
    """What `pack_entries` packed."""
    return [Entry(*fields) for fields in _ENTRY.iter_unpack(packed)]


@cython.cclass
class ConsumeQueue:
    """One queue. `watched`: somebody waits for its next entry."""

    def __init__(self, disk: Disk, topic: str, queue_id: int, file_bytes: int, descriptors: DescriptorCache) -> None:
        self.topic = topic
        self.topic_bytes = topic.encode()
        self.queue_id = queue_id
        self.segments = Segments(disk, f"consumequeue/{topic}/{queue_id}", file_bytes, descriptors)
        self.next_offset = self.max_offset = self.min_offset = self.segments.start // ENTRY_BYTES
        self.watched = False
        self._pending = bytearray()
        self._pending_offset = self.max_offset
        self._pending_size = 0
        self._pending_log_bytes = 0

    @property
    def key(self) -> tuple[str, int]:
        """(topic, queue id)."""
        return (self.topic, self.queue_id)

    @property
    def written_offset(self) -> int:
        """Entries below this one are in their file."""
        return self._pending_offset

    @property
    def first_unwritten(self) -> int:
        """Where in the log the record of the first entry lies that is not in its file, if there is one."""
        return int.from_bytes(self._pending[:8], "big", signed=True)

    def put(
        self,
        queue_offset: cython.longlong,
        log_offset: cython.longlong,
        size: cython.longlong,
        tags: cython.longlong,
    ) -> cython.void:
        """Adds the entry at `max_offset`; one that is there already is left as it is."""
        at: cython.Py_ssize_t
        p: cython.p_uchar
        if queue_offset < self.max_offset:
            return
        assert queue_offset == self.max_offset, f"{self.topic}-{self.queue_id}: entry {queue_offset} leaves a gap"
        at = self._pending_size
        if at + _entry_bytes > len(self._pending):
            self._pending.extend(bytes(max(160, len(self._pending))))
        if cython.compiled:
            p = self._pending
            p = p + at
            _put64(p, log_offset)
            _put32(p + 8, size)
            _put64(p + 12, tags)
        else:
            _PUT_ENTRY(self._pending, at, log_offset, size, tags)
        self._pending_size = at + _entry_bytes
        self._pending_log_bytes += size
        self.max_offset = queue_offset + 1
        if self.next_offset < self.max_offset:
            self.next_offset = self.max_offset

    def write(self) -> tuple[int, int]:
        """Brings the gathered entries into their files: how many, and the bytes of their records.

        Raises OSError; then they are still gathered.
        """
        done: cython.Py_ssize_t = 0
        while done < self._pending_size:
            position = self._pending_offset * _entry_bytes + done
            room = self.segments.segment_size - position % self.segments.segment_size
            part = min(room, self._pending_size - done)
            with memoryview(self._pending) as pending:
                self.segments.write(position, pending[done : done + part])
            done += part
        written = (int(self._pending_size // _entry_bytes), int(self._pending_log_bytes))
        self._pending_offset += self._pending_size // _entry_bytes
        self._pending_size = 0
        self._pending_log_bytes = 0
        self._pending = bytearray()
        return written

    def sync_targets(self) -> list[SyncTarget]:
        """What a thread must sync for the written entries to survive a power cut."""
        targets: list[SyncTarget] = self.segments.sync_targets()
        return targets

    def raw(self, start: cython.longlong, count: cython.longlong) -> bytes:
        """The bytes of up to `count` entries from `start`, as far as readers may see."""
        end: cython.longlong = min(start + count, self.max_offset)
        if start < self.segments.start // _entry_bytes or start >= end:
            return b""
        written = b""
        if start < self._pending_offset:
            stop = min(end, self._pending_offset)
            written = self.segments.read(start * _entry_bytes, (stop - start) * _entry_bytes)
            if stop == end:
                return written
            start = stop
        at: cython.Py_ssize_t = (start - self._pending_offset) * _entry_bytes
        stop_at: cython.Py_ssize_t = (end - self._pending_offset) * _entry_bytes
        tail = bytes(self._pending[at:stop_at])
        return written + tail if written else tail

    def entry(self, queue_offset: int) -> Entry | None:
        """The entry at this offset, if readers may see it."""
        raw = self.raw(queue_offset, 1)
        return Entry(*_ENTRY.unpack(raw)) if len(raw) == _entry_bytes and queue_offset >= 0 else None

    def entries(self, start: int, count: int) -> list[Entry]:
        """Up to `count` entries from `start`."""
        return unpack_entries(self.raw(start, count))

    def select(
        self,
        start: cython.longlong,
        count_max: cython.longlong,
        bytes_max: cython.longlong,
        codes: Any,
        log_offset_min: cython.longlong,
    ) -> Selection:
        """Records from `start` whose tags code is in `codes` (all if None); at least one if any matches."""
        found = b""
        count: cython.longlong = 0
        taken: cython.longlong = 0
        looked: cython.longlong = 0
        at: cython.Py_ssize_t
        run: cython.Py_ssize_t
        log_offset: cython.longlong
        size: cython.longlong
        tags: cython.longlong
        p: cython.p_const_uchar
        while looked < _scan_entries_max:
            raw: bytes = self.raw(start + looked, count_max if codes is None else _scan_entries_max // 4)
            if not raw:
                break
            p = raw
            at = -_entry_bytes
            run = 0  # Where the entries began that are taken one behind the other.
            # A range whose step is no literal would count in Python's numbers.
            while at + 2 * _entry_bytes <= len(raw):
                at += _entry_bytes
                if cython.compiled:
                    log_offset = _get64(p + at)
                    size = _get32(p + at + 8)
                    tags = _get64(p + at + 12)
                else:
                    log_offset, size, tags = _ENTRY.unpack_from(raw, at)
                if count >= count_max or (taken and taken + size > bytes_max):
                    return Selection(found + raw[run:at], start + looked, taken)
                looked += 1
                if (codes is not None and tags not in codes) or log_offset < log_offset_min or size == _filler_size:
                    found += raw[run:at]
                    run = at + _entry_bytes
                    continue
                count += 1
                taken += size
            found += raw[run:]
            if count >= count_max:
                break
        return Selection(found, start + looked, taken)

    def cut(self, queue_offset: int) -> None:
        """Forgets the entries from `queue_offset` on, in memory and on disk; durable on return."""
        if queue_offset <= self._pending_offset:
            if queue_offset < self._pending_offset:
                self.segments.truncate_after(queue_offset * ENTRY_BYTES)
            self._pending_offset = queue_offset
            self._pending_size = 0
        else:
            self._pending_size = (queue_offset - self._pending_offset) * ENTRY_BYTES
        self.max_offset = self.next_offset = queue_offset

    def resume(self, min_offset: int, max_offset: int) -> None:
        """What recovery found in the files: entries [min_offset, max_offset) are sound."""
        self.min_offset = min_offset
        self.max_offset = self.next_offset = self._pending_offset = max_offset
        self._pending_size = 0


def put_all(dispatches: list[Any], dirty: list[Any], woken: list[Any]) -> None:
    """Makes records visible: (queue, queue_offset, log_offset, size, tags_code, ...) each.

    A queue that gathers its first entry since `write` goes into `dirty`, one that is watched into `woken`.
    """
    queue: ConsumeQueue
    dispatch: tuple[Any, ...]
    for dispatch in dispatches:
        queue = dispatch[0]
        if queue is None:
            continue
        if queue._pending_size == 0:
            dirty.append(queue)
        queue.put(dispatch[1], dispatch[2], dispatch[3], dispatch[4])
        if queue.watched:
            queue.watched = False
            woken.append(queue)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _put32(p: cython.p_uchar, value: cython.longlong) -> cython.void:
    p[0] = (value >> 24) & 0xFF
    p[1] = (value >> 16) & 0xFF
    p[2] = (value >> 8) & 0xFF
    p[3] = value & 0xFF


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _put64(p: cython.p_uchar, value: cython.longlong) -> cython.void:
    _put32(p, value >> 32)
    _put32(p + 4, value)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _get32(p: cython.p_const_uchar) -> cython.longlong:
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
def _get64(p: cython.p_const_uchar) -> cython.longlong:
    return (_get32(p) << 32) | cython.cast(cython.longlong, cython.cast(cython.uint, _get32(p + 4)))
