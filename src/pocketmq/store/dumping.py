"""Reads the messages of one queue from a store that nobody has opened, damaged places included."""

from collections.abc import Iterator
from typing import NamedTuple

from pocketmq.model.errors import UserError
from pocketmq.model.message import StoredMessage
from pocketmq.protocol.record import Scanned, scan
from pocketmq.protocol.stored import decode_record
from pocketmq.store.batch_queue import BATCH_FOLDER, Unit
from pocketmq.store.commit_log import LOG_FOLDER
from pocketmq.store.disk import Disk
from pocketmq.store.layout import Layout, queue_places
from pocketmq.store.segments import DescriptorCache, Segments
from pocketmq.store.stored_batches import StoredBatches
from pocketmq.store.stored_queue import StoredQueue, is_filler, read_record


class Dumped(NamedTuple):
    """What a queue offset leads to: a message, or why there is none. `has_crc`: the body is that of its checksum."""

    queue_id: int
    queue_offset: int
    log_offset: int
    message: StoredMessage | None
    has_crc: bool
    damage: str


def queue_ids(disk: Disk, topic: str) -> list[int]:
    """The topic's queues. UserError if it has none here; the topics that are there are named."""
    places = [*queue_places(disk), *queue_places(disk, BATCH_FOLDER)]
    found = [queue_id for name, queue_id in places if name == topic]
    if not found:
        topics = sorted({name for name, _ in places})
        raise UserError(f"no queue of topic {topic} in this store; there are: {', '.join(topics) or 'none'}")
    return found


def dump(disk: Disk, layout: Layout, topic: str, queue_id: int, start: int, count: int | None) -> Iterator[Dumped]:
    """The queue's messages from the offset on, or from its least one if that is greater. StoreError for odd files.

    Messages that came as one batch are one record, told with the queue offset of the first of them.
    """
    descriptors = DescriptorCache()
    log = Segments(disk, LOG_FOLDER, layout.log_file_bytes, descriptors, reads_only=True)
    if (topic, queue_id) in queue_places(disk, BATCH_FOLDER):
        batches = StoredBatches(disk, topic, queue_id, layout.batch_file_bytes, descriptors)
        for unit in _units(batches, log, start, count):
            yield _dumped(log, queue_id, unit.first_offset, unit.log_offset, unit.size)
        descriptors.close()
        return
    queue = StoredQueue(disk, topic, queue_id, layout.queue_file_bytes, descriptors)
    first, end = queue.bounds(log.start)
    first = max(first, start)
    for queue_offset in range(first, end if count is None else min(end, first + count)):
        entry = queue.entry(queue_offset)
        if is_filler(entry):
            yield Dumped(queue_id, queue_offset, entry.log_offset, None, False, "its entry stands for no message")
            continue
        yield _dumped(log, queue_id, queue_offset, entry.log_offset, entry.size)
    descriptors.close()


def _units(queue: StoredBatches, log: Segments, start: int, count: int | None) -> Iterator[Unit]:
    """Those that hold messages of [start, start + count)."""
    first, end = queue.bounds(log.start)
    begin: int | None = None
    for index in range(first, end):
        unit = queue.unit(index)
        if unit is None or unit.end_offset <= start:
            continue
        begin = max(start, unit.first_offset) if begin is None else begin
        if count is not None and unit.first_offset >= begin + count:
            return
        yield unit


def _dumped(log: Segments, queue_id: int, queue_offset: int, log_offset: int, size: int) -> Dumped:
    """What lies where an entry or unit leads to."""
    data, found = read_record(log, log_offset)
    if isinstance(found, Scanned) and found.size == size:
        return Dumped(queue_id, queue_offset, log_offset, decode_record(data), True, "")
    if isinstance(found, Scanned):
        said = f"its entry says {size} bytes, the record has {found.size}"
        return Dumped(queue_id, queue_offset, log_offset, decode_record(data), True, said)
    if isinstance(scan(data, 0, log_offset, checks_body=False), Scanned):
        return Dumped(queue_id, queue_offset, log_offset, decode_record(data), False, found.reason)
    reason = found.reason or "the log ends before it"
    return Dumped(queue_id, queue_offset, log_offset, None, False, f"no record lies there: {reason}")
