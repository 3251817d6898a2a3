"""How a key index file lies on disk (IndexFile, IndexHeader). Big endian.

```
0    begin timestamp 8   end timestamp 8   begin log offset 8   end log offset 8   slots used 4   count 4
40   slots: 4 bytes each, the index of the newest entry whose key hashes here, 0 if none
..   entries: 20 bytes each; the one of index 0 is never used, so `count` starts at 1
     key hash 4   log offset 8   seconds since the begin timestamp 4   index of the entry before it in the slot 4
```

The first entry of a file moves both begin fields to itself, but its own seconds count from the begin that the file was
created with: the end of the file before. Sizes are fixed by the settings maxHashSlotNum and maxIndexNum.
"""

import struct
from collections.abc import Callable
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pocketmq.store.disk import Disk, File

HEADER_BYTES = 40
SLOT_BYTES = 4
ENTRY_BYTES = 20
NAME_DIGITS = 17

SECONDS_MAX = 0x7FFFFFFF
"""More are written as so many."""

_HEADER = struct.Struct(">qqqqii")
_ENTRY = struct.Struct(">iqii")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


NOTHING = (0, 0, 0, 0)
"""What stands where an entry was never written."""


class IndexEntry(NamedTuple):
    """One key of one message."""

    key_hash: int
    log_offset: int
    seconds: int
    before: int


@dataclass(slots=True)
class Header:
    """The 40 bytes at the start."""

    begin_timestamp: int = 0
    end_timestamp: int = 0
    begin_log_offset: int = 0
    end_log_offset: int = 0
    slots_used: int = 0
    count: int = 1

    def encode(self) -> bytes:
        """As on disk."""
        return _HEADER.pack(*astuple(self))

    def successor(self) -> "Header":
        """The header of a new file behind the one with this header."""
        return Header(self.end_timestamp, self.end_timestamp, self.end_log_offset, self.end_log_offset)

    def covers_time(self, begin_ms: int, end_ms: int) -> bool:
        """Whether an entry may be of that time (IndexFile#isTimeMatched)."""
        if begin_ms < self.begin_timestamp and end_ms > self.end_timestamp:
            return True
        return (
            self.begin_timestamp <= begin_ms <= self.end_timestamp
            or self.begin_timestamp <= end_ms <= self.end_timestamp
        )


def decode_header(content: bytes) -> Header:
    """Inverse of `Header.encode`; a file that was never flushed counts as empty (IndexHeader#load)."""
    if len(content) < HEADER_BYTES:
        return Header()
    header = Header(*_HEADER.unpack_from(content))
    header.count = max(1, header.count)
    return header


def decode_entry(content: bytes) -> IndexEntry:
    """One entry; zeros where the file ends too early."""
    return IndexEntry(*_ENTRY.unpack(content.ljust(ENTRY_BYTES, b"\0")))


class Shape(NamedTuple):
    """How many slots and entries each file has room for."""

    slots_max: int
    entries_max: int

    @property
    def file_bytes(self) -> int:
        """The size of a file."""
        return self.entry_position(self.entries_max)

    def slot_position(self, slot: int) -> int:
        """Where the slot stands in the file."""
        return HEADER_BYTES + slot * SLOT_BYTES

    def entry_position(self, index: int) -> int:
        """Where the entry stands in the file."""
        return HEADER_BYTES + self.slots_max * SLOT_BYTES + index * ENTRY_BYTES


class IndexFile:
    """An open index file that is read, not written, through this object."""

    __slots__ = ("file", "header", "name", "shape")

    def __init__(self, disk: Disk, folder: str, name: str, shape: Shape) -> None:
        self.name = name
        self.shape = shape
        self.file: File = disk.open(f"{folder}/{name}")
        self.header = decode_header(self.file.pread(0, HEADER_BYTES))

    def slot(self, slot: int) -> int:
        """The index that the slot holds."""
        return int.from_bytes(self.file.pread(self.shape.slot_position(slot), SLOT_BYTES), "big", signed=True)

    def entry(self, index: int) -> IndexEntry:
        """The entry of this index."""
        return decode_entry(self.file.pread(self.shape.entry_position(index), ENTRY_BYTES))

    def first_at(self, log_offset: int) -> int:
        """The least index whose entry is missing or of a record at or beyond `log_offset`; entries are in log order."""
        low, high = 1, self.header.count
        while low < high:
            middle = (low + high) // 2
            entry = self.entry(middle)
            if entry.log_offset >= log_offset or (entry == NOTHING and middle > 1):
                high = middle
            else:
                low = middle + 1
        return low


def is_plausible(header: Header, shape: Shape) -> bool:
    """Whether a file with entries can have this header."""
    if not 1 < header.count <= shape.entries_max or not 0 < header.slots_used < header.count:
        return False
    return 0 <= header.begin_log_offset <= header.end_log_offset


def walk_slot(
    found: list[int],
    header: Header,
    newest: int,
    entry: Callable[[int], IndexEntry],
    key_hash: int,
    max_count: int,
    begin_ms: int,
    end_ms: int,
) -> None:
    """Add to `found` the log offsets of this hash and time, newest first (IndexFile#selectPhyOffset)."""
    index = newest
    if index > header.count:
        return
    while index > 0 and len(found) < max_count:
        read = entry(index)
        if read.seconds < 0:
            return
        timestamp = header.begin_timestamp + read.seconds * 1000
        if read.key_hash == key_hash and begin_ms <= timestamp <= end_ms:
            found.append(read.log_offset)
        if timestamp < begin_ms or read.before >= index:
            return
        index = read.before


def name_for(now_ms: int, newest: str) -> str:
    """The name of a file created now, yyyyMMddHHmmssSSS in UTC; always behind `newest`, for order is by name.

    Java names by local time (UtilAll#timeMillisToHumanString), which goes back an hour once a year.
    """
    moment = _EPOCH + timedelta(milliseconds=now_ms)
    name = f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1000:03d}".rjust(NAME_DIGITS, "0")
    return name if name > newest else f"{int(newest) + 1:0{NAME_DIGITS}d}"


def index_names(disk: Disk, folder: str) -> list[str]:
    """The names of the index files, oldest first."""
    return [name for name in disk.listdir(folder) if len(name) == NAME_DIGITS and name.isascii() and name.isdigit()]
