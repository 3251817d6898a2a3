"""Compares the key index with the log's records while these come by in order.

Entries stand in log order, one for each key. Behind a record's keys Java 5.5 puts its tags (`topic#T#tags`), and after
an unclean stop the last record's keys again: both are let pass. The slots are rebuilt beside the walk, 4 bytes each:
every entry must name the one that stood in its slot before it, and at a file's end the slots on disk must be those
rebuilt.
"""

from array import array
from collections.abc import Sequence
from sys import byteorder

from pocketmq.protocol.record import Scanned
from pocketmq.store.active_index import key_hash_of, keys_of
from pocketmq.store.derive import TRANSACTION_MASK, TRANSACTION_ROLLBACK
from pocketmq.store.disk import Disk
from pocketmq.store.finding import Finding, Severity, Trust
from pocketmq.store.index_file import (
    ENTRY_BYTES,
    SECONDS_MAX,
    IndexEntry,
    IndexFile,
    Shape,
    decode_entry,
    index_names,
)
from pocketmq.store.recovery import INDEX_FOLDER

BATCH_ENTRIES = 4096
READ_BYTES = 1 << 20
STRAY = "points where the log has no record with this key"


class IndexCheck:
    """All index files. `place` takes the log's records in order, then `finish`."""

    def __init__(self, disk: Disk, shape: Shape, log_start: int, trust: Trust, damaged: list[tuple[int, int]]) -> None:
        self._disk = disk
        self._shape = shape
        self._log_start = log_start
        self._trust = trust
        self._damaged = damaged
        self._names = index_names(disk, INDEX_FOLDER)
        self._found: list[Finding] = []
        self._file: _FileCheck | None = None
        self._missing: tuple[int, int] | None = None
        """Log offset of the first record of a run whose keys are not there, and how many keys."""
        self._open_next()

    def place(self, record: Scanned) -> Sequence[Finding]:
        """Takes the next record; what is wrong with its entries or those before them."""
        facts = record.facts
        at = record.log_offset
        hashes: tuple[int, ...] = ()
        while (entry := self._entry()) is not None and self._is_stray(entry, at):
            self._take(STRAY)
        if (facts.unique_key or facts.keys) and record.sys_flag & TRANSACTION_MASK != TRANSACTION_ROLLBACK:
            hashes = tuple(key_hash_of(record.topic, key) for key in keys_of(facts.unique_key, facts.keys))
            for key_hash in hashes:
                self._place_key(record, key_hash)
        while (entry := self._entry()) is not None and entry.log_offset == at:
            is_of_tags = facts.tags_code != 0
            self._take_with_time(entry, record, "" if is_of_tags or entry.key_hash in hashes else STRAY)
        if not self._found:
            return ()
        found, self._found = self._found, []
        return found

    def finish(self) -> list[Finding]:
        """No record follows: what else stands in the files."""
        while self._file is not None:
            self._take(STRAY)
        self._close_missing()
        return self._found

    def _place_key(self, record: Scanned, key_hash: int) -> None:
        at = record.log_offset
        while (entry := self._entry()) is not None and self._is_stray(entry, at):
            self._take(STRAY)
        if entry is None or entry.log_offset > at:
            self._missing = (at, 1) if self._missing is None else (self._missing[0], self._missing[1] + 1)
            return
        self._close_missing()
        self._take_with_time(entry, record, "" if entry.key_hash == key_hash else "has another hash than the key")

    def _take_with_time(self, entry: IndexEntry, record: Scanned, fault: str) -> None:
        """Goes on behind an entry of this record."""
        assert self._file is not None
        self._file.note_time(record.store_timestamp)
        if not fault and not self._file.has_time(entry, record.store_timestamp):
            fault = "says another time than the record"
        self._take(fault)

    def _is_stray(self, entry: IndexEntry, at: int) -> bool:
        """Whether it belongs before the record at `at`, or points so far that the entry behind it is out of order."""
        if entry.log_offset <= at:
            return entry.log_offset < at
        file = self._file
        assert file is not None
        following = file.entry(file.index + 1) if file.index + 1 < file.count else None
        limit = file.file.header.end_log_offset if following is None else following.log_offset
        return entry.log_offset > limit >= at

    def _entry(self) -> IndexEntry | None:
        return None if self._file is None else self._file.entry(self._file.index)

    def _take(self, fault: str) -> None:
        """Goes on to the next entry, having found `fault` with this one, if any."""
        file = self._file
        assert file is not None
        entry = file.entry(file.index)
        if fault == STRAY and self._is_excused(entry.log_offset):
            fault = ""
        chain_fault = file.chain_fault(entry)
        fault = fault or chain_fault
        if fault:
            said = f"entry {file.index}, for the record at {entry.log_offset}, {fault}"
            self._tell(file.file.name, said, self._shape.entry_position(file.index), entry.log_offset)
        file.index += 1
        if file.index >= file.count:
            for said, position in file.ending_faults():
                self._tell(file.file.name, said, position, file.last_log_offset)
            self._open_next()

    def _is_excused(self, log_offset: int) -> bool:
        """Whether the record was in a log file that is gone, or in damage that has been told."""
        return 0 <= log_offset < self._log_start or any(start <= log_offset < end for start, end in self._damaged)

    def _open_next(self) -> None:
        before = self._file
        self._file = None
        while self._names and self._file is None:
            name = self._names.pop(0)
            size = self._disk.size(f"{INDEX_FOLDER}/{name}")
            if size != self._shape.file_bytes:
                said = f"has {size} bytes, the shape of index files makes {self._shape.file_bytes}"
                self._tell(name, said, 0, self._trust.synced_log_offset if size == 0 else 0)
                continue
            base = None if before is None else before.file.header.end_timestamp
            self._file = _FileCheck(IndexFile(self._disk, INDEX_FOLDER, name, self._shape), base)
            if self._file.count > self._shape.entries_max:
                self._tell(name, f"counts {self._file.count} entries, at most {self._shape.entries_max}", 36, 0)
                self._file = None
            elif self._file.count == 1:
                for said, position in self._file.ending_faults():
                    self._tell(name, said, position, self._trust.synced_log_offset)
                before, self._file = self._file, None

    def _close_missing(self) -> None:
        missing, self._missing = self._missing, None
        if missing is not None:
            at, count = missing
            self._tell("", f"{count} keys have no entry, the first that of the record at {at}", None, at)

    def _tell(self, name: str, said: str, position: int | None, log_offset: int) -> None:
        path = f"{INDEX_FOLDER}/{name}" if name else INDEX_FOLDER
        severity, remedy = self._trust.severity(log_offset), self._trust.remedy(log_offset)
        self._found.append(Finding(severity, path, said, remedy, position, log_offset=log_offset))


class _FileCheck:
    """One file; `index` is the entry to be met next, `count` the header's. `base_timestamp`: the file before's end."""

    def __init__(self, file: IndexFile, base_timestamp: int | None) -> None:
        self.file = file
        self.count = file.header.count
        self.index = 1
        self.last_log_offset = 0
        self._base_timestamp = base_timestamp
        self._first_log_offset: int | None = None
        self._times: dict[int, int] = {}
        self._slots = array("i", bytes(file.shape.slots_max * 4))
        self._batch = b""
        self._batch_start = 0

    def entry(self, index: int) -> IndexEntry:
        """The entry of this index."""
        at = (index - self._batch_start) * ENTRY_BYTES
        if not 0 <= at < len(self._batch):
            position = self.file.shape.entry_position(index)
            self._batch = self.file.file.pread(position, BATCH_ENTRIES * ENTRY_BYTES)
            self._batch_start = index
            at = 0
        return decode_entry(self._batch[at : at + ENTRY_BYTES])

    def note_time(self, store_timestamp: int) -> None:
        """The record of the entry to be met next was stored then."""
        if self.index == 1:
            self._times[1] = store_timestamp
        if self.index == self.count - 1:
            self._times[self.index] = store_timestamp

    def has_time(self, entry: IndexEntry, store_timestamp: int) -> bool:
        """Whether its seconds fit (IndexFile#putKey); the first entry of the first file may count from a lost one."""
        if self.index == 1 and self._base_timestamp is None:
            return entry.seconds >= 0
        base = self._base_timestamp if self.index == 1 else self._times.get(1, self.file.header.begin_timestamp)
        seconds = (store_timestamp - base) // 1000 if base and store_timestamp > base else 0
        return entry.seconds == min(seconds, SECONDS_MAX)

    def chain_fault(self, entry: IndexEntry) -> str:
        """What is wrong with the entry's place in its slot; empty if nothing. Call once for each entry, in order."""
        if self._first_log_offset is None:
            self._first_log_offset = entry.log_offset
        self.last_log_offset = entry.log_offset
        if entry.key_hash < 0:
            return "has a negative hash"
        slot = entry.key_hash % self.file.shape.slots_max
        before, self._slots[slot] = self._slots[slot], self.index
        return "" if entry.before == before else f"says entry {entry.before} was before it in its slot, not {before}"

    def ending_faults(self) -> list[tuple[str, int]]:
        """What is wrong with header, slots, and what lies behind the entries; each with its byte in the file."""
        header = self.file.header
        slots_used = self.file.shape.slots_max - self._slots.count(0)
        fields = (
            ("begin timestamp", header.begin_timestamp, self._times.get(1), 0),
            ("end timestamp", header.end_timestamp, self._times.get(self.count - 1), 8),
            ("begin offset", header.begin_log_offset, self._first_log_offset, 16),
            ("end offset", header.end_log_offset, self.last_log_offset, 24),
            ("slots in use", header.slots_used, slots_used, 32),
        )
        found = [
            (f"the header says {name} {said}, the entries say {counted}", position)
            for name, said, counted, position in fields
            if self.count > 1 and counted is not None and said != counted
        ]
        return [*found, *self._slot_faults(), *self._stray_bytes()]

    def _slot_faults(self) -> list[tuple[str, int]]:
        shape = self.file.shape
        stored = array("i", self.file.file.pread(shape.slot_position(0), shape.slots_max * 4))
        if byteorder == "little":
            stored.byteswap()
        if stored == self._slots:
            return []
        wrong = [slot for slot, (there, here) in enumerate(zip(stored, self._slots, strict=True)) if there != here]
        said = f"{len(wrong)} slots do not point at their newest entry, the first is slot {wrong[0]}"
        return [(said, shape.slot_position(wrong[0]))]

    def _stray_bytes(self) -> list[tuple[str, int]]:
        """Bytes where no entry can be: in that of index 0, and behind the last."""
        shape, file = self.file.shape, self.file.file
        if file.pread(shape.entry_position(0), ENTRY_BYTES).strip(b"\0"):
            return [("bytes in the entry of index 0, which is never used", shape.entry_position(0))]
        at = shape.entry_position(self.count)
        while (stored := file.next_stored(at)) is not None and stored < shape.file_bytes:
            content = file.pread(stored, READ_BYTES)
            if rest := content.lstrip(b"\0"):
                return [("bytes behind the last entry", stored + len(content) - len(rest))]
            at = stored + len(content)
        return []


def shape_finding(disk: Disk, shape: Shape) -> Finding | None:
    """Why the index cannot be verified: all its files have one size, but another than this shape makes."""
    names = index_names(disk, INDEX_FOLDER)
    sizes = {disk.size(f"{INDEX_FOLDER}/{name}") for name in names}
    if len(sizes) != 1 or sizes <= {0, shape.file_bytes}:
        return None
    return Finding(
        Severity.NOTICE,
        f"{INDEX_FOLDER}/{names[0]}",
        f"not verified: index files have {sizes.pop()} bytes, {shape.slots_max} slots and {shape.entries_max} entries "
        f"make {shape.file_bytes}",
        "give --max-hash-slot-num and --max-index-num as the broker has them (maxHashSlotNum, maxIndexNum)",
    )
