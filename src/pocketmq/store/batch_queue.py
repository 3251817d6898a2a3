"""A topic's queue of batches: units that point into the commit log, each to a record of one or more messages.

    unit, 46 bytes    int64 log offset   int32 size   int64 tags code   int64 store time
                      int64 first queue offset   int16 count   int32 -1   int32 0          file: 300,000 units

    units     | 0: 0..2 | 1: 3..4 | 2: 5 | 3: 6..9 | ...      queue offset 4 is found in unit 1, by bisection
    files     batchconsumequeue/TOPIC/QUEUE/, named by byte offset

A consume queue whose topic has `queue.type=BatchCQ` is one of these: the same to who appends, publishes and pulls, but
that an offset may lie within a record, which is then answered whole. Its queue offsets go up by the messages of a
record; `min_offset` is -1 as long as nothing was ever put. The -1 in a unit is where compaction would note its own
offset, the 0 is reserved. Source: BatchConsumeQueue.
"""

import struct
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pocketmq.store.commit_log import Dispatch
from pocketmq.store.consume_queue import ConsumeQueue, Entry, Selection, pack_entries
from pocketmq.store.disk import Disk
from pocketmq.store.segments import DescriptorCache, Segments

BATCH_FOLDER = "batchconsumequeue"
UNIT_BYTES = 46
"""BatchConsumeQueue.CQ_STORE_UNIT_SIZE."""

NO_OFFSET = -1
"""BatchConsumeQueue.minOffsetInQueue of a queue that has no unit."""

_SCAN_BYTES_MAX = 16_000
"""MessageStoreConfig.maxFilterMessageSize: how far one pull looks for a match, as if each offset had a unit."""

_UNITS_READ = 64
_UNIT = struct.Struct(">qiqqqhii")
_INVALID_POSITION = -1
"""BatchConsumeQueue.INVALID_POS."""


class Unit(NamedTuple):
    """Where a record lies in the log, its size, the hash of its tags, when it was stored (ms), and its messages."""

    log_offset: int
    size: int
    tags_code: int
    store_timestamp: int
    first_offset: int
    message_count: int

    @property
    def end_offset(self) -> int:
        """One past the queue offset of its last message."""
        return self.first_offset + self.message_count

    @property
    def is_sound(self) -> bool:
        """Whether a record can have caused it (BatchConsumeQueue#recover); zeros have not."""
        return self.log_offset >= 0 and self.size > 0 and self.first_offset >= 0 and self.message_count > 0


def pack_units(units: Iterable[Unit]) -> bytes:
    """The units as a queue's file has them. Raises struct.error for a number that does not fit its field."""
    return b"".join([_UNIT.pack(*unit, _INVALID_POSITION, 0) for unit in units])


def unpack_units(packed: bytes) -> list[Unit]:
    """What `pack_units` packed, sound or not; bytes at the end that are no whole unit are left out."""
    whole = memoryview(packed)[: len(packed) - len(packed) % UNIT_BYTES]
    return [Unit(*fields[:6]) for fields in _UNIT.iter_unpack(whole)]


class BatchQueue(ConsumeQueue):
    """One queue of batches. Counted in units are `written_offset`, and what `cut` and `resume` take."""

    def __init__(self, disk: Disk, topic: str, queue_id: int, file_bytes: int, descriptors: DescriptorCache) -> None:
        """`file_bytes` is rounded up to whole units."""
        self.topic = topic
        self.topic_bytes = topic.encode()
        self.queue_id = queue_id
        folder = f"{BATCH_FOLDER}/{topic}/{queue_id}"
        self.segments = Segments(disk, folder, file_bytes + -file_bytes % UNIT_BYTES, descriptors)
        self.watched = False
        self._gathered: list[Unit] = []
        self._counts: deque[tuple[Dispatch, int]] = deque()
        self._hint = 0
        first = self.segments.start // UNIT_BYTES
        self._start = self._written = first
        self.next_offset = self.max_offset = 0
        self.min_offset = NO_OFFSET

    @property
    def written_offset(self) -> int:
        """Units below this one are in their file."""
        return self._written

    @property
    def first_unwritten(self) -> int:
        """Where in the log the record of the first unit lies that is not in its file, if there is one."""
        return self._gathered[0].log_offset

    @property
    def has_gathered(self) -> bool:
        """Whether units wait to be written."""
        return bool(self._gathered)

    # -------------------------------------------------------------------------------------------- writing

    def expect(self, dispatch: Dispatch, count: int) -> None:
        """The record of this very dispatch, which is to be put later, holds `count` messages; others hold one."""
        while self._counts and self._counts[-1][0][2] >= dispatch[2]:
            self._counts.pop()  # It was taken back by `CommitLog.discard`.
        self._counts.append((dispatch, count))

    def put_dispatch(self, dispatch: Dispatch) -> None:
        """Adds a record's unit; one that is there already is left as it is, and a gap of lost messages is let be."""
        _, first_offset, log_offset, size, tags_code, store_timestamp = dispatch[:6]
        count = 1
        while self._counts and self._counts[0][0][2] <= log_offset:
            expected, expected_count = self._counts.popleft()
            count = expected_count if expected is dispatch else 1
        if first_offset < self.max_offset:
            return
        unit = Unit(log_offset, size, tags_code, store_timestamp, first_offset, count)
        assert unit.is_sound, f"{self.topic}-{self.queue_id}: {unit} would not be found again"
        if self._start == self._end:
            self.min_offset = first_offset
        self._gathered.append(unit)
        self.max_offset = unit.end_offset
        self.next_offset = max(self.next_offset, self.max_offset)

    def write(self) -> tuple[int, int]:
        """Brings the gathered units into their files: how many messages they have, and the bytes of their records.

        Raises OSError; then they are still gathered.
        """
        packed = pack_units(self._gathered)
        done = 0
        while done < len(packed):
            position = self._written * UNIT_BYTES + done
            part = min(self.segments.segment_size - position % self.segments.segment_size, len(packed) - done)
            self.segments.write(position, packed[done : done + part])
            done += part
        written = (sum(unit.message_count for unit in self._gathered), sum(unit.size for unit in self._gathered))
        self._written += len(self._gathered)
        self._gathered = []
        return written

    def cut(self, queue_offset: int) -> None:
        """Forgets the units from this one on, in memory and on disk; durable on return."""
        if queue_offset < self._written:
            self.segments.truncate_after(queue_offset * UNIT_BYTES)
            self.resume(min(self._start, queue_offset), queue_offset)
        else:
            self._gathered = self._gathered[: queue_offset - self._written]
            self._find_bounds()

    def resume(self, min_offset: int, max_offset: int) -> None:
        """What recovery found in the files: units [min_offset, max_offset) are sound."""
        self._start, self._written = min_offset, max_offset
        self._gathered = []
        self._find_bounds()

    def _find_bounds(self) -> None:
        """Queue offsets by the units that are there; those of records that expired still say where the queue ends."""
        last = self._unit(self._end - 1) if self._end > self.segments.start // UNIT_BYTES else None
        self.next_offset = self.max_offset = last.end_offset if last is not None else 0
        if self._start < self._end:
            self.min_offset = self._require(self._start).first_offset
        else:
            self.min_offset = self.max_offset if last is not None else NO_OFFSET

    def trim(self, log_offset: int, stored_ms: int = 0) -> int:
        """Lets go the units of records below this log offset or stored before `stored_ms`.

        The answer is the byte position before which no file is needed.
        """
        low, high = self._start, self._end
        while low < high:
            middle = (low + high) // 2
            unit = self._require(middle)
            if unit.log_offset < log_offset or unit.store_timestamp < stored_ms:
                low = middle + 1
            else:
                high = middle
        if low > self._start:
            self._start = low
            self.min_offset = self._require(low).first_offset if low < self._end else self.max_offset
        return min(low, self._written) * UNIT_BYTES

    # -------------------------------------------------------------------------------------------- reading

    def raw(self, start: int, count: int) -> bytes:
        """The bytes of the units that hold queue offsets of [start, start + count), as far as readers may see."""
        found = []
        for unit in self._units_from(self._index_of(start)):
            if unit.first_offset >= start + count:
                break
            found.append(unit)
        return pack_units(found)

    def unit(self, queue_offset: int) -> Unit | None:
        """The unit that holds this offset, if readers may see it."""
        index = self._index_of(queue_offset)
        found = self._unit(index) if index < self._end else None
        return found if found is not None and found.first_offset <= queue_offset else None

    def entry(self, queue_offset: int) -> Entry | None:
        """Where the record of the message at this offset lies."""
        found = self.unit(queue_offset)
        return Entry(found.log_offset, found.size, found.tags_code) if found is not None else None

    def entries(self, start: int, count: int) -> list[Entry]:
        """The records that hold offsets of [start, start + count)."""
        return [Entry(unit.log_offset, unit.size, unit.tags_code) for unit in unpack_units(self.raw(start, count))]

    def select(self, start: int, count_max: int, bytes_max: int, codes: Any, log_offset_min: int) -> Selection:
        """As `ConsumeQueue.select`; the first record may begin below `start`, and `count_max` counts messages."""
        found: list[Entry] = []
        messages = taken = 0
        next_offset = start
        index = self._index_of(start)
        for unit in self._units_from(index):
            if (unit.first_offset - start) * UNIT_BYTES >= max(_SCAN_BYTES_MAX, count_max * UNIT_BYTES):
                break
            if found and (messages + unit.message_count > count_max or taken + unit.size > bytes_max):
                break
            index += 1
            next_offset = unit.end_offset
            if (codes is not None and unit.tags_code not in codes) or unit.log_offset < log_offset_min:
                continue
            found.append(Entry(unit.log_offset, unit.size, unit.tags_code))
            messages += unit.message_count
            taken += unit.size
        self._hint = index
        return Selection(pack_entries(found), next_offset, taken)

    def offset_by_time(self, timestamp: int, *, upper: bool) -> int:
        """Of the first unit stored at or after `timestamp` (ms) the first offset, of the last one if there is none.

        `upper`: of the last unit stored at or before it; the first one if there is none. 0 for an empty queue.
        (BatchConsumeQueue#getOffsetInQueueByTime, ConsumeQueueStore#getOffsetInQueueByTime)
        """
        low, high = self._start, self._end
        if low == high:
            return 0
        wanted = timestamp + 1 if upper else timestamp
        while low < high:
            middle = (low + high) // 2
            if self._require(middle).store_timestamp < wanted:
                low = middle + 1
            else:
                high = middle
        low -= upper
        return self._require(min(max(low, self._start), self._end - 1)).first_offset

    # ---------------------------------------------------------------------------------------------- units

    @property
    def _end(self) -> int:
        """One past the last unit that readers may see."""
        return self._written + len(self._gathered)

    def _unit(self, index: int) -> Unit | None:
        if index >= self._written:
            return self._gathered[index - self._written] if index < self._end else None
        found = unpack_units(self.segments.read(index * UNIT_BYTES, UNIT_BYTES))
        return found[0] if found else None

    def _require(self, index: int) -> Unit:
        found = self._unit(index)
        assert found is not None, f"{self.topic}-{self.queue_id}: unit {index} is gone, {self._start} to {self._end}"
        return found

    def _units_from(self, index: int) -> Iterator[Unit]:
        while index < self._written:
            count = min(_UNITS_READ, self._written - index)
            found = unpack_units(self.segments.read(index * UNIT_BYTES, count * UNIT_BYTES))
            assert found, f"{self.topic}-{self.queue_id}: unit {index} is gone, {self._start} to {self._end}"
            yield from found
            index += len(found)
        yield from self._gathered[index - self._written :]

    def _index_of(self, queue_offset: int) -> int:
        """The first unit that ends beyond this offset; where the last pull went on is tried first."""
        low, high = self._start, self._end
        if low < self._hint <= high and self._require(self._hint - 1).end_offset <= queue_offset:
            low = self._hint
            if low < high and self._require(low).end_offset > queue_offset:
                return low
        while low < high:
            middle = (low + high) // 2
            if self._require(middle).end_offset <= queue_offset:
                low = middle + 1
            else:
                high = middle
        return low
