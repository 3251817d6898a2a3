"""Reads the messages of one queue from a store that nobody has opened, damaged places included."""

from collections.abc import Iterator
from typing import NamedTuple

from pocketmq.model.errors import UserError
from pocketmq.model.message import StoredMessage
from pocketmq.protocol.record import Scanned, scan
from pocketmq.protocol.stored import decode_record
from pocketmq.store.disk import Disk
from pocketmq.store.layout import LOG_FOLDER, Layout, queue_places
from pocketmq.store.segments import DescriptorCache, Segments
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
    found = [queue_id for name, queue_id in queue_places(disk) if name == topic]
    if not found:
        topics = sorted({name for name, _ in queue_places(disk)})
        raise UserError(f"no queue of topic {topic} in this store; there are: {', '.join(topics) or 'none'}")
    return found


def dump(disk: Disk, layout: Layout, topic: str, queue_id: int, start: int, count: int | None) -> Iterator[Dumped]:
    """The queue's messages from the offset on, or from its least one if that is greater. StoreError for odd files."""
    descriptors = DescriptorCache()
    log = Segments(disk, LOG_FOLDER, layout.log_file_bytes, descriptors, reads_only=True)
    queue = StoredQueue(disk, topic, queue_id, layout.queue_file_bytes, descriptors)
    first, end = queue.bounds(log.start)
    first = max(first, start)
    for queue_offset in range(first, end if count is None else min(end, first + count)):
        entry = queue.entry(queue_offset)
        if is_filler(entry):
            yield Dumped(queue_id, queue_offset, entry.log_offset, None, False, "its entry stands for no message")
            continue
        data, found = read_record(log, entry.log_offset)
        if isinstance(found, Scanned) and found.size == entry.size:
            yield Dumped(queue_id, queue_offset, entry.log_offset, decode_record(data), True, "")
        elif isinstance(found, Scanned):
            said = f"its entry says {entry.size} bytes, the record has {found.size}"
            yield Dumped(queue_id, queue_offset, entry.log_offset, decode_record(data), True, said)
        elif isinstance(scan(data, 0, entry.log_offset, checks_body=False), Scanned):
            yield Dumped(queue_id, queue_offset, entry.log_offset, decode_record(data), False, found.reason)
        else:
            reason = found.reason or "the log ends before it"
            yield Dumped(queue_id, queue_offset, entry.log_offset, None, False, f"no record lies there: {reason}")
    descriptors.close()
