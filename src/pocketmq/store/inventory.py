"""What a store holds, in numbers: a few reads for each queue, never a walk over the log."""

from collections.abc import Iterator
from dataclasses import dataclass

from pocketmq.model.errors import StoreError
from pocketmq.protocol.record import Scanned
from pocketmq.store.batch_queue import BATCH_FOLDER, UNIT_BYTES
from pocketmq.store.checkpoint import Checkpoint, load_checkpoint, load_durable_offset
from pocketmq.store.commit_log import LOG_FOLDER
from pocketmq.store.consume_queue import ENTRY_BYTES
from pocketmq.store.disk import Disk
from pocketmq.store.index_file import HEADER_BYTES, Header, decode_header, index_names
from pocketmq.store.layout import Layout, find_layout, queue_places, segment_names
from pocketmq.store.log_walk import LogWalk
from pocketmq.store.queue_recovery import last_record
from pocketmq.store.recovery import ABORT_PATH, INDEX_FOLDER, QUEUE_FOLDER
from pocketmq.store.segments import DescriptorCache, Segments
from pocketmq.store.stored_batches import StoredBatches
from pocketmq.store.stored_queue import StoredQueue, read_record


@dataclass(frozen=True, slots=True)
class QueueInventory:
    """One queue: its bounds, bytes of entries, and store times in ms of its oldest and newest message; None: unknown.

    `fault`: why its files cannot be read; then all else is 0.
    """

    topic: str
    queue_id: int
    min_offset: int = 0
    max_offset: int = 0
    entries_bytes: int = 0
    oldest_ms: int | None = None
    newest_ms: int | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class LogInventory:
    """Log offsets of the first and behind the last record, files, and store times in ms of both records."""

    files: int
    file_bytes: int
    start: int
    end: int
    oldest_ms: int | None
    newest_ms: int | None


@dataclass(frozen=True, slots=True)
class Inventory:
    """A store; `durable_offset` is None without a watermark, `doubts` are sentences."""

    log: LogInventory
    queues: list[QueueInventory]
    index: list[tuple[str, Header]]
    checkpoint: Checkpoint
    durable_offset: int | None
    was_clean: bool
    doubts: tuple[str, ...]


def take_inventory(disk: Disk) -> Inventory:
    """What this disk holds. UserError where there is no store, StoreError for a log whose files do not fit."""
    layout = find_layout(disk)
    descriptors = DescriptorCache()
    log = Segments(disk, LOG_FOLDER, layout.log_file_bytes, descriptors, reads_only=True)
    last = log.start
    queues = []
    for kind in (QUEUE_FOLDER, BATCH_FOLDER):
        for topic, queue_id in queue_places(disk, kind):
            queue: StoredQueue | StoredBatches
            try:
                if kind == BATCH_FOLDER:
                    queue = StoredBatches(disk, topic, queue_id, layout.batch_file_bytes, descriptors)
                else:
                    queue = StoredQueue(disk, topic, queue_id, layout.queue_file_bytes, descriptors)
            except StoreError as failure:
                queues.append(QueueInventory(topic, queue_id, fault=str(failure)))
                continue
            found, newest = _of_queue(queue, log) if isinstance(queue, StoredQueue) else _of_batches(queue, log)
            last = max(last, newest)
            queues.append(found)
    queues.sort(key=lambda queue: (queue.topic, queue.queue_id))
    inventory = Inventory(
        _of_log(disk, log, layout, last),
        queues,
        list(_of_index(disk)),
        load_checkpoint(disk),
        load_durable_offset(disk),
        not disk.exists(ABORT_PATH),
        layout.doubts,
    )
    descriptors.close()
    return inventory


def _of_queue(queue: StoredQueue, log: Segments) -> tuple[QueueInventory, int]:
    """The queue, and the log offset of its newest record that is sound, else 0."""
    start, end = queue.bounds(log.start)
    oldest = read_record(log, queue.entry(start).log_offset)[1] if start < end else None
    last = last_record(queue, end)
    newest = None if last is None else read_record(log, last.log_offset)[1]
    return QueueInventory(
        queue.topic,
        queue.queue_id,
        start,
        end,
        (end - start) * ENTRY_BYTES,
        oldest.store_timestamp if isinstance(oldest, Scanned) else None,
        newest.store_timestamp if isinstance(newest, Scanned) else None,
    ), (newest.log_offset if isinstance(newest, Scanned) else 0)


def _of_batches(queue: StoredBatches, log: Segments) -> tuple[QueueInventory, int]:
    """As `_of_queue`; what the units say of their records is believed."""
    start, end = queue.bounds(log.start)
    first, last = queue.unit(start), queue.unit(end - 1)
    if first is None or last is None or start == end:
        return QueueInventory(queue.topic, queue.queue_id), 0
    _, newest = read_record(log, last.log_offset)
    return QueueInventory(
        queue.topic, queue.queue_id, first.first_offset, last.end_offset, (end - start) * UNIT_BYTES,
        first.store_timestamp, last.store_timestamp,
    ), (last.log_offset if isinstance(newest, Scanned) else 0)  # fmt: skip


def _of_log(disk: Disk, log: Segments, layout: Layout, last: int) -> LogInventory:
    """Walks only what lies behind the record at `last`, the newest that a queue knows."""
    first = read_record(log, log.start)[1]
    newest: Scanned | None = None
    walk = LogWalk(log, last, load_durable_offset(disk))
    for found in walk:
        newest = found if isinstance(found, Scanned) else newest
    return LogInventory(
        len(segment_names(disk, LOG_FOLDER)),
        layout.log_file_bytes,
        log.start,
        walk.end,
        first.store_timestamp if isinstance(first, Scanned) else None,
        newest.store_timestamp if newest is not None else None,
    )


def _of_index(disk: Disk) -> Iterator[tuple[str, Header]]:
    for name in index_names(disk, INDEX_FOLDER):
        file = disk.open(f"{INDEX_FOLDER}/{name}")
        yield name, decode_header(file.pread(0, HEADER_BYTES))
        file.close()
