"""A queue as its files have it, read only: for those who look into a store that they did not open."""

from pocketmq.protocol.record import NoRecord, Scanned, scan
from pocketmq.store.consume_queue import ENTRY_BYTES, Entry, unpack_entries
from pocketmq.store.disk import Disk
from pocketmq.store.layout import queue_folder
from pocketmq.store.queue_recovery import FILLER_SIZE, count_kept, first_live
from pocketmq.store.segments import DescriptorCache, Segments

BATCH_ENTRIES = 256
"""Read at once, 5 KiB: there may be ten thousand queues beside each other."""

NO_ENTRY = Entry(0, 0, 0)
_HEAD_BYTES = 8


class StoredQueue:
    """Entries in any order; those beside the last one asked for are at hand. StoreError for files of another size."""

    def __init__(self, disk: Disk, topic: str, queue_id: int, file_bytes: int, descriptors: DescriptorCache) -> None:
        self.topic = topic
        self.queue_id = queue_id
        self.segments = Segments(disk, queue_folder(topic, queue_id), file_bytes, descriptors, reads_only=True)
        self.start = self.segments.start // ENTRY_BYTES
        """The queue offset that the first file begins with."""
        self._batch: list[Entry] = []
        self._batch_start = self._batch_end = 0

    def entry(self, queue_offset: int) -> Entry:
        """What stands at this queue offset; zeros where nothing does."""
        if not self._batch_start <= queue_offset < self._batch_end:
            self._load(queue_offset)
        return self._batch[queue_offset - self._batch_start]

    def bounds(self, log_start: int) -> tuple[int, int]:
        """Least queue offset whose record is still in the log, and one past the greatest: as recovery counts them."""
        end = count_kept(self, None)
        return first_live(self, end, log_start), end

    def place(self, queue_offset: int) -> tuple[str, int]:
        """File and byte in it where the entry stands."""
        name, inside = place_in(queue_offset * ENTRY_BYTES, self.segments.segment_size)
        return f"{self.segments.folder}/{name}", inside

    def _load(self, queue_offset: int) -> None:
        """Of one file only: a missing or short one must not move what stands in the next."""
        at = queue_offset * ENTRY_BYTES
        room = self.segments.segment_size - at % self.segments.segment_size
        size = min(max(room, ENTRY_BYTES), BATCH_ENTRIES * ENTRY_BYTES)
        self._batch = unpack_entries(self.segments.read(at, size).ljust(size, b"\0")[: size - size % ENTRY_BYTES])
        self._batch_start = queue_offset
        self._batch_end = queue_offset + len(self._batch)


def is_filler(entry: Entry) -> bool:
    """Whether it stands for no message."""
    return entry.size == FILLER_SIZE


def place_in(offset: int, file_bytes: int) -> tuple[str, int]:
    """Name of the file that holds the offset, and the byte in it."""
    return f"{offset - offset % file_bytes:020d}", offset % file_bytes


def read_record(log: Segments, log_offset: int) -> tuple[bytes, Scanned | NoRecord]:
    """The bytes at an offset of the log, and what stands there: a record if size, magic, own offset and CRC hold."""
    room = log.segment_size - log_offset % log.segment_size
    head = log.read(log_offset, min(room, _HEAD_BYTES)) if log.start <= log_offset < log.end else b""
    size = int.from_bytes(head[:4], "big")
    data = log.read(log_offset, size) if _HEAD_BYTES <= size <= room else head
    return data, scan(data, 0, log_offset)
