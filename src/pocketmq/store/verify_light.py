"""Light queues (MixAll.LMQ_PREFIX): their entries point at records of other topics, so each record is looked up."""

from pocketmq.protocol.record import Scanned
from pocketmq.store.finding import Finding, Trust
from pocketmq.store.segments import Segments
from pocketmq.store.stored_queue import StoredQueue, is_filler, read_record


def verify_light(queue: StoredQueue, log: Segments, trust: Trust) -> tuple[list[Finding], int]:
    """Entries that point at no sound record of their size, and one past the last entry's queue offset."""
    found = []
    start, end = queue.bounds(log.start)
    for queue_offset in range(start, end):
        entry = queue.entry(queue_offset)
        _, record = read_record(log, entry.log_offset)
        if is_filler(entry) or (isinstance(record, Scanned) and record.size == entry.size):
            continue
        path, inside = queue.place(queue_offset)
        said = f"an entry says {entry.size} bytes at {entry.log_offset}, where no such record lies"
        found.append(
            Finding(
                trust.severity(entry.log_offset), path, said, trust.remedy(entry.log_offset), inside,
                queue.topic, queue.queue_id, queue_offset, entry.log_offset,
            )
        )  # fmt: skip
    return found, end
