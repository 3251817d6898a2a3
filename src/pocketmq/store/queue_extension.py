"""What a consume queue keeps beside its entries: units of any length, whose address stands for an entry's tags code.

    unit      int16 size (20 and the bit map)   int64 tags code   int64 store time   int16 bit map size   bit map
    file      unit unit unit ... int16 -1, rest unused            48 MiB, consumequeue_ext/TOPIC/QUEUE/, by byte offset
    address   byte offset - 2**63, which no hash of tags and no time is: they are above -2**31 - 1

Under `enableConsumeQueueExt` each message has a unit, in the order of the entries. The bit map says which consumers'
filters the message matches; the broker calculates it, or leaves it out. A unit leaves at least 4 bytes free in its
file, for the -1 that ends it. Like its queue the extension is derived, and weaker: where a unit cannot be read, the
entry may match any tag, and the client, which filters too, has the last word. Source: ConsumeQueueExt.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from pocketmq.store.disk import Disk
from pocketmq.store.segments import DescriptorCache, Segments, SyncTarget

EXTENSION_FOLDER = "consumequeue_ext"
ADDRESS_MAX = -(1 << 31) - 1
"""ConsumeQueueExt.MAX_ADDR."""

UNIT_BYTES_MIN = 20
"""CqExtUnit.MIN_EXT_UNIT_SIZE: a unit without bit map."""

UNIT_BYTES_MAX = 0x7FFF
"""CqExtUnit.MAX_EXT_UNIT_SIZE."""

_BASE = -(1 << 63)
_OFFSET_MAX = ADDRESS_MAX - _BASE
"""ConsumeQueueExt.MAX_REAL_OFFSET."""

_BLANK_BYTES = 4
"""ConsumeQueueExt.END_BLANK_DATA_LENGTH."""

_READ_BYTES = 128
"""Enough for a bit map of Java's default size, 112 bits; a unit that is longer is read once more."""

_SPAN_BYTES = 64 * 1024
"""Of units that are read together."""

_HEAD = struct.Struct(">hqqh")
_END = struct.pack(">h", -1)


class ExtensionUnit(NamedTuple):
    """A message's tags code, when it was stored (ms), and its bit map; an empty one is none."""

    tags_code: int
    store_timestamp: int
    bit_map: bytes = b""


def is_address(tags_code: int) -> bool:
    """Whether what stands for an entry's tags code is the address of a unit (ConsumeQueueExt#isExtAddr)."""
    return tags_code <= ADDRESS_MAX


def address_of(offset: int) -> int:
    """The address of the unit at this byte of the extension (ConsumeQueueExt#decorate)."""
    return offset + _BASE


def offset_of(address: int) -> int:
    """The byte of the extension that the address means (ConsumeQueueExt#unDecorate)."""
    return address - _BASE


def pack_unit(unit: ExtensionUnit) -> bytes:
    """The unit as it lies in its file. Raises struct.error for a bit map of more than 32747 bytes."""
    size = UNIT_BYTES_MIN + len(unit.bit_map)
    return _HEAD.pack(size, unit.tags_code, unit.store_timestamp, len(unit.bit_map)) + unit.bit_map


def unpack_unit(content: bytes, at: int = 0) -> tuple[ExtensionUnit, int] | None:
    """The unit that lies in `content` there, and its size; None if there is none, or not all of it."""
    if at + UNIT_BYTES_MIN > len(content):
        return None
    size, tags_code, store_timestamp, bit_map_size = _HEAD.unpack_from(content, at)
    end = UNIT_BYTES_MIN + max(bit_map_size, 0)
    if not end <= size <= len(content) - at:
        return None
    return ExtensionUnit(tags_code, store_timestamp, content[at + UNIT_BYTES_MIN : at + end]), size


class QueueExtension:
    """One queue's units. New ones gather in memory until `write`; all can be read at once."""

    def __init__(
        self,
        disk: Disk,
        topic: str,
        queue_id: int,
        file_bytes: int,
        descriptors: DescriptorCache,
        *,
        reads_only: bool = False,
    ) -> None:
        folder = f"{EXTENSION_FOLDER}/{topic}/{queue_id}"
        self.segments = Segments(disk, folder, file_bytes, descriptors, reads_only=reads_only)
        self._end = 0
        self._gathered: dict[int, bytes] = {}

    @property
    def end(self) -> int:
        """The byte at which the next unit goes, unless its file has no room for it."""
        return self._end

    def append(self, unit: ExtensionUnit) -> int | None:
        """The new unit's address; None if the extension can hold no more, or no file such a unit."""
        packed = pack_unit(unit)
        file_bytes = self.segments.segment_size
        room = file_bytes - self._end % file_bytes - _BLANK_BYTES
        if len(packed) > file_bytes - _BLANK_BYTES or self._end + file_bytes > _OFFSET_MAX:
            return None
        if len(packed) > room:
            self._gathered[self._end] = _END
            self._end += room + _BLANK_BYTES
        offset = self._end
        self._gathered[offset] = packed
        self._end = offset + len(packed)
        return address_of(offset)

    def get(self, address: int) -> ExtensionUnit | None:
        """The unit at this address; None if none can be read there."""
        found = self._at(address)
        return found[0] if found is not None else None

    def get_near(self, addresses: Sequence[int]) -> list[ExtensionUnit | None]:
        """As `get` of each, ascending: those of neighbouring entries lie side by side, and come by one system call."""
        if not addresses:
            return []
        start, last = offset_of(addresses[0]), offset_of(addresses[-1])
        file_end = start - start % self.segments.segment_size + self.segments.segment_size
        if not start <= last < min(start + _SPAN_BYTES, file_end):
            return list(map(self.get, addresses))
        content = self.segments.read(start, min(last + _READ_BYTES, file_end) - start)
        gathered = self._gathered
        found: list[ExtensionUnit | None] = []
        for address in addresses:
            offset = address - _BASE
            unpacked = unpack_unit(content, offset - start) if offset not in gathered else None
            found.append(unpacked[0] if unpacked is not None else self.get(address))
        return found

    def write(self) -> None:
        """Brings the gathered units into their files. Raises OSError; then they are still gathered."""
        run = bytearray()
        start = 0
        for offset, content in self._gathered.items():
            if offset != start + len(run):  # The last file ended in a blank.
                self._write_run(start, run)
                start, run = offset, bytearray()
            run += content
        self._write_run(start, run)
        self._gathered = {}

    def sync_targets(self) -> list[SyncTarget]:
        """What a thread must sync for the written units to survive a power cut."""
        return self.segments.sync_targets()

    def resume(self, last_address: int | None) -> None:
        """Recovery keeps the units up to this one, that of the last entry that has one; None: no entry has.

        If it cannot be read, all files go, and new units begin where no entry's address can mean one of them.
        """
        found = None if last_address is None else self._at(last_address)
        if last_address is not None and found is not None:
            self._end = offset_of(last_address) + found[1]
            self._gathered = {offset: content for offset, content in self._gathered.items() if offset < self._end}
            self.segments.truncate_after(self._end)
            return
        self._gathered = {}
        self.segments.remove_all()
        file_bytes = self.segments.segment_size
        self._end = 0 if last_address is None else (offset_of(last_address) // file_bytes + 1) * file_bytes

    def _at(self, address: int) -> tuple[ExtensionUnit, int] | None:
        offset = offset_of(address)
        gathered = self._gathered.get(offset)
        if gathered is not None:
            return unpack_unit(gathered)
        room = self.segments.segment_size - offset % self.segments.segment_size
        content = self.segments.read(offset, min(room, _READ_BYTES))
        size = int.from_bytes(content[:2], "big", signed=True)
        if size > len(content):
            content = self.segments.read(offset, min(room, size))
        return unpack_unit(content)

    def _write_run(self, start: int, run: bytearray) -> None:
        if run:
            self.segments.write(start, run)
