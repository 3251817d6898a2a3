"""A consume queue with an extension: an entry's tags code may be the address of a unit that holds the true one.

A queue is one of these if `enableConsumeQueueExt` is on, or if it has an extension from a time when it was: then new
entries carry their tags code themselves again, and old ones are still understood. Source: ConsumeQueue.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any

from pocketmq.store.commit_log import Dispatch
from pocketmq.store.consume_queue import ENTRY_BYTES, ConsumeQueue, Entry, Selection, unpack_entries
from pocketmq.store.disk import Disk
from pocketmq.store.queue_extension import ExtensionUnit, QueueExtension, is_address, offset_of
from pocketmq.store.queue_recovery import FILLER_SIZE
from pocketmq.store.segments import DescriptorCache, Removal, SyncTarget

_ENTRIES_READ = 1024


class TrueCodes:
    """Tags codes that a pull wants: contains what an entry says, too, if its unit says one of them or is lost."""

    def __init__(self, codes: AbstractSet[int], extension: QueueExtension) -> None:
        self._codes = codes
        self._extension = extension

    def __contains__(self, tags_code: int) -> bool:
        if not is_address(tags_code):
            return tags_code in self._codes
        unit = self._extension.get(tags_code)
        return unit is None or unit.tags_code in self._codes


class BitMapSource:
    """Who calculates bit maps for new units: `of` gets a dispatch whose record is written. Nobody until it is set."""

    def __init__(self) -> None:
        self.of: Callable[[Dispatch], bytes] | None = None


class ExtendedQueue(ConsumeQueue):
    """`raw` bytes are as stored; an `entry` has the true tags code, or the address if its unit cannot be read."""

    def __init__(
        self,
        disk: Disk,
        topic: str,
        queue_id: int,
        file_bytes: int,
        descriptors: DescriptorCache,
        *,
        extension_file_bytes: int,
        is_extended: bool,
        bit_maps: BitMapSource,
    ) -> None:
        """`is_extended`: new entries get a unit, with a bit map if `bit_maps` has one."""
        super().__init__(disk, topic, queue_id, file_bytes, descriptors)
        self.extension = QueueExtension(disk, topic, queue_id, extension_file_bytes, descriptors)
        self._is_extended = is_extended
        self._bit_maps = bit_maps
        if self.segments.start == self.segments.end:
            self.extension.resume(None)  # No entry leads to what may be left of it, and new units begin where it began.

    @property
    def has_gathered(self) -> bool:
        """Whether entries wait to be written."""
        return bool(self._pending_size)

    def put_dispatch(self, dispatch: Dispatch) -> None:
        """As `put`, with a unit if new entries get one; not for an entry that stands for no message."""
        _, queue_offset, log_offset, size, tags_code, store_timestamp = dispatch[:6]
        if self._is_extended and queue_offset >= self.max_offset and size != FILLER_SIZE:
            calculate = self._bit_maps.of
            bit_map = b"" if calculate is None else calculate(dispatch)
            address = self.extension.append(ExtensionUnit(tags_code, store_timestamp, bit_map))
            tags_code = tags_code if address is None else address
        self.put(queue_offset, log_offset, size, tags_code)

    def write(self) -> tuple[int, int]:
        """As `ConsumeQueue.write`; the units first, so that no entry leads to one that is not there."""
        self.extension.write()
        return super().write()

    def sync_targets(self) -> list[SyncTarget]:
        """What a thread must sync for the written entries and units to survive a power cut."""
        return [*self.extension.sync_targets(), *super().sync_targets()]

    def entry(self, queue_offset: int) -> Entry | None:
        """The entry at this offset, if readers may see it."""
        found = super().entry(queue_offset)
        return found if found is None else self._true(found)

    def entries(self, start: int, count: int) -> list[Entry]:
        """Up to `count` entries from `start`."""
        return [self._true(entry) for entry in super().entries(start, count)]

    def select(self, start: int, count_max: int, bytes_max: int, codes: Any, log_offset_min: int) -> Selection:
        """As `ConsumeQueue.select`; the packed entries are as stored."""
        wanted = None if codes is None else TrueCodes(codes, self.extension)
        return super().select(start, count_max, bytes_max, wanted, log_offset_min)

    def cut(self, queue_offset: int) -> None:
        """As `ConsumeQueue.cut`, and the units of the entries that go."""
        super().cut(queue_offset)
        self.extension.resume(self._last_address())

    def resume(self, min_offset: int, max_offset: int) -> None:
        """As `ConsumeQueue.resume`; units behind that of the last sound entry go. Durable on return."""
        super().resume(min_offset, max_offset)
        self.extension.resume(self._last_address())

    def release_units(self) -> list[Removal]:
        """Forgets the files of units that no live entry leads to; the caller owes each its `sync`."""
        start: int = self.min_offset
        while start < self.max_offset:
            entries = unpack_entries(self.raw(start, _ENTRIES_READ))
            for entry in entries:
                if is_address(entry.tags_code):
                    return self.extension.segments.release_before(offset_of(entry.tags_code))
            start += max(len(entries), 1)
        return []

    def _true(self, entry: Entry) -> Entry:
        unit = self.extension.get(entry.tags_code) if is_address(entry.tags_code) else None
        return entry if unit is None else entry._replace(tags_code=unit.tags_code)

    def _last_address(self) -> int | None:
        """The address in the last entry that has one."""
        has_files = self.segments.start < self.segments.end
        first = self.segments.start // ENTRY_BYTES if has_files else self.written_offset
        end: int = self.max_offset
        while end > first:
            start = max(first, end - _ENTRIES_READ)
            for entry in reversed(unpack_entries(self.raw(start, end - start))):
                if is_address(entry.tags_code):
                    return entry.tags_code
            end = start
        return None
