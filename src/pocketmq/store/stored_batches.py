"""A queue of batches as its files have it, read only: for those who look into a store that they did not open."""

from pocketmq.model.errors import StoreError
from pocketmq.store.batch_queue import BATCH_FOLDER, UNIT_BYTES, Unit, unpack_units
from pocketmq.store.disk import Disk
from pocketmq.store.layout import queue_folder
from pocketmq.store.segments import DescriptorCache, Segments
from pocketmq.store.stored_queue import place_in

_UNITS_READ = 256


class StoredBatches:
    """Units in any order; those behind the last one asked for are at hand. StoreError for files of another size."""

    def __init__(self, disk: Disk, topic: str, queue_id: int, file_bytes: int, descriptors: DescriptorCache) -> None:
        self.topic = topic
        self.queue_id = queue_id
        folder = queue_folder(topic, queue_id, BATCH_FOLDER)
        if file_bytes % UNIT_BYTES:
            raise StoreError(f"files of {file_bytes} bytes in {folder} do not hold whole units of {UNIT_BYTES} bytes")
        self.segments = Segments(disk, folder, file_bytes, descriptors, reads_only=True)
        self.start = self.segments.start // UNIT_BYTES
        """The first unit that the files have."""
        self._units: list[Unit] = []
        self._units_start = self.start

    def unit(self, index: int) -> Unit | None:
        """The unit at this place; None where only zeros stand, or nothing."""
        if not self._units_start <= index < self._units_start + len(self._units):
            at = index * UNIT_BYTES
            room = self.segments.segment_size - at % self.segments.segment_size
            self._units = unpack_units(self.segments.read(at, min(room, _UNITS_READ * UNIT_BYTES)))
            self._units_start = index
            if not self._units:
                return None
        found = self._units[index - self._units_start]
        return found if any(found) else None

    def place(self, index: int) -> tuple[str, int]:
        """File and byte in it where the unit stands."""
        name, inside = place_in(index * UNIT_BYTES, self.segments.segment_size)
        return f"{self.segments.folder}/{name}", inside

    def bounds(self, log_start: int) -> tuple[int, int]:
        """The first unit whose record is still in the log, and one past the last unit."""
        low, high = self.start, self.segments.end // UNIT_BYTES
        while low < high:
            middle = (low + high) // 2
            if self.unit(middle) is None:
                high = middle
            else:
                low = middle + 1
        end, first = low, self.start
        while first < low:
            middle = (first + low) // 2
            unit = self.unit(middle)
            if unit is not None and unit.log_offset < log_start:
                first = middle + 1
            else:
                low = middle
        return first, end
