"""Compares a queue's entries with the log's records while these come by in order, without keeping either.

```
entries  | 0 | 1 | 2 | 3 | 4 |        `next`: every entry before it has been met
records    0   1   2   ^ next
```

Record and entry must name each other: the entry has the record's log offset, size and tags code and stands at the queue
offset that the record says. Where they differ one of them is wrong; if the entry points at another sound record which
says it belongs there, it is the record, whose header no checksum covers. Neighbours with one fault are one finding.
"""

from collections.abc import Sequence

from pocketmq.protocol.record import Scanned
from pocketmq.store.consume_queue import ENTRY_BYTES, Entry
from pocketmq.store.derive import SCHEDULE_TOPIC
from pocketmq.store.finding import Finding, Severity, Trust
from pocketmq.store.queue_extension import QueueExtension, is_address, offset_of
from pocketmq.store.segments import Segments
from pocketmq.store.stored_queue import BATCH_ENTRIES, NO_ENTRY, StoredQueue, is_filler, place_in, read_record

MISSING = "{count} of the log's records have no entry here"
DANGLING = "{count} entries point where the log has no record of this queue"
FILLED = "{count} queue offsets stand for no message"
BEHIND_LOG = "{count} entries point behind the log's end"


class QueueCheck:
    """One queue. `place` takes its records in log order, then `finish`; `end` is one past its last entry or record."""

    def __init__(
        self,
        queue: StoredQueue,
        log: Segments,
        trust: Trust,
        damaged: list[tuple[int, int]],
        extension: QueueExtension | None,
    ) -> None:
        self.queue = queue
        self.end = self.next = queue.start
        self.earlier_records = 0
        """Records from before the queue was deleted and made again."""
        self._log = log
        self._trust = trust
        self._damaged = damaged
        self._extension = extension
        self.delay_ms: int | None = None
        """In the schedule topic: what the queue's messages wait."""
        self._run: _Run | None = None
        self._begins_at: int | None = None
        self._found: list[Finding] = []

    def place(self, record: Scanned) -> Sequence[Finding]:
        """Takes the queue's next record; what is wrong with it or with the entries before it."""
        entry = self.queue.entry(record.queue_offset) if record.queue_offset == self.next else NO_ENTRY
        if entry.log_offset == record.log_offset and entry.size == record.size and self._has_tags(entry, record):
            self.next += 1
            if self._run is None:
                return ()
            self._close_run()
        else:
            self._judge(record)
        found, self._found = self._found, []
        return found

    def finish(self, log_end: int) -> list[Finding]:
        """No record follows: what else stands in the files."""
        self._pass(self.next, self.queue.segments.end // ENTRY_BYTES, log_end)
        self._close_run()
        self.end = max(self.end, self.next)
        found, self._found = self._found, []
        return found

    def _judge(self, record: Scanned) -> None:
        offset = record.queue_offset
        if offset >= self.queue.start and self._is_earlier(record):
            self.earlier_records += 1
            return
        if offset < self.next:
            self._judge_taken(record)
            return
        if offset > self.next:
            if self.queue.entry(self.next).log_offset == record.log_offset and self.queue.entry(self.next).size > 0:
                self._blame(record, f"says queue offset {offset}, its entry is that of {self.next}")
                self.next += 1
                return
            if self.queue.entry(offset).log_offset != record.log_offset or self.queue.entry(offset).size <= 0:
                self._note(MISSING, offset, record.log_offset)
                return
            self._pass(self.next, offset, None)
            self.next = offset
        self._judge_entry(record, self.queue.entry(offset))

    def _judge_taken(self, record: Scanned) -> None:
        offset = record.queue_offset
        if offset < self.queue.start:
            self._note(MISSING, offset, record.log_offset)
        else:
            self._blame(record, f"says queue offset {offset}, which an earlier record has; the next is {self.next}")

    def _judge_entry(self, record: Scanned, entry: Entry) -> None:
        """The entry at the record's queue offset, which is `next`."""
        offset = record.queue_offset
        if entry.log_offset == record.log_offset and not is_filler(entry) and entry.size > 0:
            if entry.size != record.size:
                self._accuse(record, f"says {entry.size} bytes, the record has {record.size}")
            elif not self._has_tags(entry, record):
                said = f"leads to unit {offset_of(entry.tags_code)} of the extension, which is not the record's"
                if self._extension is None or not is_address(entry.tags_code):
                    said = f"says tags code {entry.tags_code}, which is not the record's"
                self._accuse(record, said)
        elif entry.size <= 0:
            self._note(MISSING, offset, record.log_offset)
        elif self._is_right(entry, offset):
            self._blame(record, f"says queue offset {offset}, which the record at {entry.log_offset} has")
            return
        else:
            said = "no message" if is_filler(entry) else f"{entry.size} bytes at {entry.log_offset}"
            self._accuse(record, f"says {said}, the record lies at {record.log_offset}")
        self.next = offset + 1

    def _is_earlier(self, record: Scanned) -> bool:
        """Whether the record is older than all that the queue's files have: those of a topic that was made again."""
        if self._begins_at is None:
            self._begins_at = -1
            for offset in range(self.queue.start, self.queue.start + BATCH_ENTRIES):
                entry = self.queue.entry(offset)
                if not is_filler(entry):  # Zeros are entries that were lost, whose records are not older.
                    self._begins_at = entry.log_offset if self._is_right(entry, offset) else -1
                    break
        return record.log_offset < self._begins_at

    def _is_right(self, entry: Entry, queue_offset: int) -> bool:
        """Whether a sound record lies where the entry points, and says that it belongs there."""
        _, found = read_record(self._log, entry.log_offset)
        return isinstance(found, Scanned) and (
            (found.topic, found.queue_id, found.queue_offset, found.size)
            == (self.queue.topic.encode(), self.queue.queue_id, queue_offset, entry.size)
        )

    def _has_tags(self, entry: Entry, record: Scanned) -> bool:
        if self._extension is not None and is_address(entry.tags_code):
            unit = self._extension.get(entry.tags_code)
            if unit is None or unit.store_timestamp != record.store_timestamp:
                return False
            entry = entry._replace(tags_code=unit.tags_code)
        if self.queue.topic == SCHEDULE_TOPIC and record.facts.delay_level > 0:
            # The delivery time. A queue is a level: what its messages wait is not known here, but it is the same.
            delay_ms = entry.tags_code - record.store_timestamp
            if self.delay_ms is None and delay_ms >= 0:
                self.delay_ms = delay_ms
            return delay_ms == self.delay_ms
        return entry.tags_code == record.facts.tags_code

    def _pass(self, start: int, end: int, log_end: int | None) -> None:
        """Entries that belong to no record that came by; `log_end` is None while more records may come."""
        offset = start
        while offset < end:
            entry = self.queue.entry(offset)
            if entry == NO_ENTRY:
                if (following := self._next_stored(offset + 1)) is None:
                    return
                offset = following
                continue
            if is_filler(entry) and entry.tags_code == 0:
                if entry.log_offset:
                    self._note(FILLED, offset, entry.log_offset)
            elif log_end is not None and entry.log_offset >= log_end:
                self._note(BEHIND_LOG, offset, entry.log_offset)
            elif entry.size <= 0 or not self._is_excused(entry):
                self._note(DANGLING, offset, entry.log_offset)
            offset += 1
            self.end = max(self.end, offset)

    def _is_excused(self, entry: Entry) -> bool:
        """Whether its record was in a log file that is gone, or in damage that has been told."""
        if 0 <= entry.log_offset < self._log.start:
            return True
        return any(start <= entry.log_offset < end for start, end in self._damaged)

    def _next_stored(self, queue_offset: int) -> int | None:
        """From there on, the first entry that may not be zeros."""
        at = queue_offset * ENTRY_BYTES
        while at < self.queue.segments.end:
            room = self.queue.segments.segment_size - at % self.queue.segments.segment_size
            stored = self.queue.segments.next_stored(at)
            if stored is None:
                at += room
                continue
            raw = self.queue.segments.read(stored, min(room, 1 << 16))
            if rest := raw.lstrip(b"\0"):
                return (stored + len(raw) - len(rest)) // ENTRY_BYTES
            at = stored + max(1, len(raw))
        return None

    def _blame(self, record: Scanned, said: str) -> None:
        self._close_run()
        name, inside = place_in(record.log_offset, self._log.segment_size)
        self._found.append(
            Finding(
                Severity.DAMAGE, f"{self._log.folder}/{name}", f"a record {said}",
                "none: no checksum covers a record's header", inside,
                self.queue.topic, self.queue.queue_id, record.queue_offset, record.log_offset,
            )
        )  # fmt: skip

    def _accuse(self, record: Scanned, said: str) -> None:
        self._close_run()
        self._found.append(self._of_entry(record.queue_offset, record.log_offset, f"an entry {said}"))

    def _note(self, kind: str, queue_offset: int, log_offset: int) -> None:
        """One of a run of offsets with the same fault."""
        run = self._run
        if run is not None and (run.kind, run.last + 1) == (kind, queue_offset):
            run.last = queue_offset
            return
        self._close_run()
        self._run = _Run(kind, queue_offset, log_offset)

    def _close_run(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            said = f"{run.kind.format(count=run.last - run.first + 1)}: queue offsets {run.first} to {run.last}"
            self._found.append(self._of_entry(run.first, run.log_offset, said, is_fault=run.kind != FILLED))

    def _of_entry(self, queue_offset: int, log_offset: int, said: str, *, is_fault: bool = True) -> Finding:
        path, inside = self.queue.place(queue_offset)
        return Finding(
            self._trust.severity(log_offset) if is_fault else Severity.NOTICE, path, said,
            self._trust.remedy(log_offset) if is_fault else "none: a message was lost here before", inside,
            self.queue.topic, self.queue.queue_id, queue_offset, log_offset,
        )  # fmt: skip


class _Run:
    """Neighbouring queue offsets with one fault, from `first` to `last`; `log_offset` is that of the first."""

    __slots__ = ("first", "kind", "last", "log_offset")

    def __init__(self, kind: str, first: int, log_offset: int) -> None:
        self.kind = kind
        self.first = self.last = first
        self.log_offset = log_offset
