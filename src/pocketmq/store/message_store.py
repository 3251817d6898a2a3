"""The door of the store: append, publish, select, look up. Keeps log, queues and index in step; no network, no clock.

A turn of the loop: `append` (bytes in memory) → `write` (one call to the file) → `publish` (readers see the records).
Beside it, in the node's flusher: log sync → `mark_flushed`; `write_derived` → sync → `save_progress` (the checkpoint).
"""

from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from pocketmq.model.delays import DEFAULT_DELAY_LEVELS, parse_delay_levels
from pocketmq.model.limits import MESSAGE_BYTES_MAX
from pocketmq.protocol.record import MAGIC_START, NewMessage, examine
from pocketmq.store.batch_queue import BATCH_FOLDER, NO_OFFSET, UNIT_BYTES, BatchQueue
from pocketmq.store.checkpoint import Checkpoint, save_checkpoint, save_durable_offset
from pocketmq.store.commit_log import CommitLog, is_sound
from pocketmq.store.consume_queue import ENTRY_BYTES, ConsumeQueue, Entry, Selection
from pocketmq.store.derive import stands_for_tags
from pocketmq.store.derived import Derived
from pocketmq.store.disk import Disk
from pocketmq.store.key_index import KeyIndex
from pocketmq.store.queue_extension import EXTENSION_FOLDER
from pocketmq.store.queue_kinds import QueueKinds
from pocketmq.store.segments import DescriptorCache, SyncTarget
from pocketmq.store.unavailable import unavailable

_STORE_TIME_AT = 56
_BORN_V6_EXTRA = 12
_SYS_FLAG_AT = 36
_RECORD_HEAD_BYTES = 76
_ABORT_PATH = "abort"


@dataclass(frozen=True, slots=True)
class StoreSizes:
    """Sizes of the files, what a message may weigh, and what is kept beside it (MessageStoreConfig).

    `seals`: new records get a checksum of all their fields; `verifies_seals`: recovery looks at it. `extends_queues`:
    each entry of a consume queue gets a unit in the queue's extension.
    """

    log_file_bytes: int = 1 << 30
    queue_file_bytes: int = 300_000 * ENTRY_BYTES
    batch_queue_file_bytes: int = 300_000 * UNIT_BYTES
    extension_file_bytes: int = 48 << 20
    index_slots: int = 5_000_000
    index_entries: int = 20_000_000
    message_bytes_max: int = MESSAGE_BYTES_MAX
    delay_levels: str = DEFAULT_DELAY_LEVELS
    index_enabled: bool = True
    seals: bool = False
    verifies_seals: bool = False
    extends_queues: bool = False


class Appended(NamedTuple):
    """Where a message was put."""

    log_offset: int
    size: int
    queue_offset: int
    log_offset_end: int


class KeyHits(NamedTuple):
    """Records that may carry a key, newest first, and how far the index has come."""

    log_offsets: list[int]
    last_update_timestamp: int
    last_update_log_offset: int


class Found(Enum):
    """How a look into a queue went (GetMessageStatus)."""

    FOUND = "FOUND"
    NO_MATCHED_MESSAGE = "NO_MATCHED_MESSAGE"
    MESSAGE_WAS_REMOVING = "MESSAGE_WAS_REMOVING"
    OFFSET_FOUND_NULL = "OFFSET_FOUND_NULL"
    OFFSET_OVERFLOW_BADLY = "OFFSET_OVERFLOW_BADLY"
    OFFSET_OVERFLOW_ONE = "OFFSET_OVERFLOW_ONE"
    OFFSET_TOO_SMALL = "OFFSET_TOO_SMALL"
    NO_MATCHED_LOGIC_QUEUE = "NO_MATCHED_LOGIC_QUEUE"
    NO_MESSAGE_IN_QUEUE = "NO_MESSAGE_IN_QUEUE"
    OFFSET_RESET = "OFFSET_RESET"


class MessageStore:
    """One broker's messages on one disk. `recovery.open_store` makes it ready to use.

    `refuses` is None, or why nothing may be appended: then every append is a Refusal, and reads go on.
    """

    def __init__(self, disk: Disk, sizes: StoreSizes, batch_topics: set[str] | None = None) -> None:
        self.disk = disk
        self.sizes = sizes
        self.descriptors = DescriptorCache()
        self.log = CommitLog(disk, sizes.log_file_bytes, self.descriptors, sizes.message_bytes_max)
        self.log.seals = sizes.seals
        self.index = KeyIndex(disk, "index", sizes.index_slots, sizes.index_entries) if sizes.index_enabled else None
        self.delay_levels = parse_delay_levels(sizes.delay_levels)
        self.batch_topics = set() if batch_topics is None else batch_topics
        """Topics whose queues are batch queues; a queue is of the kind that its topic has when it is first used."""
        self.kinds = QueueKinds(disk, self.descriptors, self.batch_topics, sizes)
        self.refuses: str | None = None
        self.discards = 0
        """How often records were taken back: what was concluded from the log before must be read from it again."""
        self.published = 0
        self._queues: dict[tuple[str, int], ConsumeQueue] = {}
        self._by_topic: dict[str, dict[int, ConsumeQueue]] = {}
        self.derived = Derived(disk, self.index, self.kinds)
        self.derived_timestamp = 0
        self.saved_progress = -1
        self.progress_due = False
        self.derived_failed = False
        """Whether a sync of queues or keys failed: then no checkpoint may speak of them before the next start."""

    # -------------------------------------------------------------------------------------------- writing

    def queue(self, topic: str, queue_id: int) -> ConsumeQueue:
        """The queue, made on first use."""
        queue = self._queues.get((topic, queue_id))
        if queue is None:
            queue = self.kinds.new_queue(topic, queue_id)
            self._queues[topic, queue_id] = queue
            self._by_topic.setdefault(topic, {})[queue_id] = queue
        return queue

    def append(self, message: NewMessage, now_ms: int) -> Appended:
        """Assigns the message its place. Raises Refusal for an illegal size, or if the store takes nothing now."""
        if self.refuses is not None:
            raise unavailable(self.refuses)
        log = self.log
        queue = self.queue(message.topic, message.queue_id)
        facts = examine(message.properties)
        tags_code = facts.tags_code if message.tags_code is None else message.tags_code
        if message.tags_code is None and facts.delay_level > 0:
            stored_at = max(now_ms, log.last_store_timestamp)
            tags_code = stands_for_tags(queue.topic_bytes, facts.delay_level, tags_code, stored_at, self.delay_levels)
        queue_offset = queue.next_offset
        log_offset = log.append(
            queue,
            facts,
            message.body,
            message.properties,
            message.flag,
            message.sys_flag,
            message.born_timestamp,
            message.born_host,
            message.store_host,
            message.reconsume_times,
            message.prepared_transaction_offset,
            tags_code,
            now_ms,
        )
        return Appended(log_offset, log.end - log_offset, queue_offset, log.end)

    def write(self) -> None:
        """Brings the turn's records to the log's file. Raises OSError; the records are then still in memory."""
        self.log.write()

    def discard(self) -> None:
        """Takes back what `write` could not bring to the file: it was promised to nobody, and no restart may find it.

        Raises OSError if the file cannot be cut where its records end; then the log must be given up.
        """
        self.discards += 1
        self.log.discard()
        if self.log.segments.end > self.log.written:
            self.log.segments.clear_after(self.log.written)

    def publish(self, log_offset: int, now_ms: int) -> list[ConsumeQueue]:
        """Shows readers all records that end at or below `log_offset`; the queues that somebody waits for."""
        waiting = self.log.undispatched
        if not waiting:
            return []
        if waiting[-1][2] + waiting[-1][3] <= log_offset:
            ready = waiting
            self.log.undispatched = []
        else:
            count = bisect_right(waiting, log_offset, key=lambda dispatch: dispatch[2] + dispatch[3])
            ready = waiting[:count]
            del waiting[:count]
            if not ready:
                return []
        self.published = ready[-1][2] + ready[-1][3]
        self.derived_timestamp = ready[-1][5]
        return self.derived.put(ready, now_ms)

    # ------------------------------------------------------------------------------------------- flushing

    def mark_flushed(self, log_offset: int) -> None:
        """The log is durable below this offset."""
        self.log.mark_flushed(log_offset)

    def write_derived(self) -> int:
        """Brings gathered queue entries and keys to their files; the log offset up to which they are then complete."""
        self.derived.write()
        self.derived.write_keys()
        return self.published

    def derived_sync_targets(self) -> list[SyncTarget]:
        """What a thread must sync for all that `write_derived` wrote to survive a power cut."""
        return self.derived.sync_targets()

    def save_progress(self, log_offset: int) -> None:
        """Log, queues and index are durable below `log_offset`: recovery need not look before it."""
        assert not self.derived_failed, "queues and keys are not durable"
        timestamp = self.derived_timestamp
        if log_offset < self.published:  # The record there is the first that is not derived for certain.
            timestamp = max(self.stored_at(log_offset), 0)
        self.saved_progress = log_offset
        self.progress_due = False
        save_durable_offset(self.disk, self.log.flushed)
        save_checkpoint(
            self.disk,
            Checkpoint(
                log_timestamp=timestamp,
                queue_timestamp=timestamp,
                index_timestamp=timestamp,
                confirm_offset=self.log.flushed,
                queue_log_offset=log_offset,
            ),
        )

    def sync_log(self) -> None:
        """Brings all that was appended to the disk, and shows it to readers. Raises OSError."""
        self.log.write()
        self.publish(self.log.written, self.log.last_store_timestamp)
        for target in self.log.sync_targets():
            target.sync()
        self.log.mark_flushed(self.log.written)

    def close(self) -> None:
        """Writes and syncs everything, and removes the `abort` file: the next start finds nothing to repair.

        Where a sync of queues or keys had failed, the file stays: the next start derives them from the checkpoint on.
        """
        self.sync_log()
        if self.derived_failed:
            self.descriptors.close()
            return
        self.write_derived()
        for target in self.derived_sync_targets():
            target.sync()
        # Not what was published: the last records may be those of a topic deleted before anybody saw them.
        self.save_progress(self.log.written)
        if self.disk.exists(_ABORT_PATH):
            self.disk.remove(_ABORT_PATH)
            self.disk.fsync_dir("")
        self.descriptors.close()

    # -------------------------------------------------------------------------------------------- reading

    @property
    def log_min_offset(self) -> int:
        """First byte of the log that is still there."""
        return self.log.start

    @property
    def log_max_offset(self) -> int:
        """One past the last byte appended."""
        end: int = self.log.end
        return end

    def topics(self) -> set[str]:
        """Topics that have queues here."""
        return set(self._by_topic)

    def queues(self, topic: str) -> list[int]:
        """Ids of the topic's queues, ascending."""
        return sorted(self._by_topic.get(topic, ()))

    def all_queues(self) -> list[ConsumeQueue]:
        """Every queue of every topic."""
        return list(self._queues.values())

    def find_queue(self, topic: str, queue_id: int) -> ConsumeQueue | None:
        """The queue if anything was ever written to it."""
        return self._queues.get((topic, queue_id))

    def min_offset(self, topic: str, queue_id: int) -> int:
        """First queue offset that is there; for a queue never written 0, or -1 if it is one of batches."""
        queue = self._queues.get((topic, queue_id))
        if queue is None:
            return NO_OFFSET if topic in self.batch_topics else 0
        return queue.min_offset

    def max_offset(self, topic: str, queue_id: int) -> int:
        """One past the last queue offset that readers see; 0 for a queue never written."""
        queue = self._queues.get((topic, queue_id))
        return queue.max_offset if queue is not None else 0

    def select(
        self,
        queue: ConsumeQueue,
        offset: int,
        count_max: int,
        bytes_max: int,
        codes: frozenset[int] | None,
    ) -> tuple[Found, int, Selection | None]:
        """Looks for records from `offset`: status, offset to go on from, and what was found (DefaultMessageStore)."""
        if queue.max_offset == 0:
            return Found.NO_MESSAGE_IN_QUEUE, 0, None
        if offset < queue.min_offset:
            return Found.OFFSET_TOO_SMALL, queue.min_offset, None
        if offset >= queue.max_offset:
            beyond = offset > queue.max_offset
            return (Found.OFFSET_OVERFLOW_BADLY if beyond else Found.OFFSET_OVERFLOW_ONE), queue.max_offset, None
        selection = queue.select(offset, count_max, bytes_max, codes, self.log.start)
        if selection.entries:
            return Found.FOUND, selection.next_offset, selection
        if selection.next_offset == offset:
            return (
                Found.OFFSET_FOUND_NULL,
                min(offset + self.sizes.queue_file_bytes // ENTRY_BYTES, queue.max_offset),
                None,
            )
        return Found.NO_MATCHED_MESSAGE, selection.next_offset, selection

    def entry(self, topic: str, queue_id: int, queue_offset: int) -> Entry | None:
        """Where the message at this queue offset lies."""
        queue = self._queues.get((topic, queue_id))
        return queue.entry(queue_offset) if queue is not None else None

    def read_record(self, log_offset: int, size: int | None = None) -> bytes | None:
        """One whole record; None if no record starts there."""
        if size is None:
            head = self.log.read(log_offset, 8)
            if len(head) < 8 or head[4:7] != MAGIC_START:
                return None
            size = int.from_bytes(head[:4], "big")
            if size < _RECORD_HEAD_BYTES or size > self.sizes.log_file_bytes:
                return None
        record = self.log.read(log_offset, size)
        return record if is_sound(record, Entry(log_offset, size, 0), self.log.checked_below) else None

    def store_timestamp(self, topic: str, queue_id: int, queue_offset: int) -> int:
        """When the message was stored, in ms; -1 if there is none."""
        entry = self.entry(topic, queue_id, queue_offset)
        return -1 if entry is None else self.stored_at(entry.log_offset)

    def offset_by_time(self, topic: str, queue_id: int, timestamp: int, upper: bool = False) -> int:
        """First queue offset stored at or after `timestamp`; `upper`: the last one stored at or before it."""
        queue = self._queues.get((topic, queue_id))
        if isinstance(queue, BatchQueue):
            return queue.offset_by_time(timestamp, upper=upper)
        if queue is None or queue.max_offset == queue.min_offset:
            return 0
        low = self.first_stored_at(queue, queue.min_offset, timestamp + 1 if upper else timestamp)
        return low - 1 if upper and low > queue.min_offset else low

    def first_stored_at(self, queue: ConsumeQueue, low: int, timestamp: int) -> int:
        """First queue offset from `low` on that was stored at or after `timestamp`; the queue's end if none was."""
        high: int = queue.max_offset
        while low < high:
            middle = (low + high) // 2
            if self.store_timestamp(queue.topic, queue.queue_id, middle) < timestamp:
                low = middle + 1
            else:
                high = middle
        return low

    def query_keys(self, topic: str, key: str, count_max: int, begin_ms: int, end_ms: int) -> KeyHits:
        """Records indexed under `topic#key` and stored in the time span. Hashes collide: the caller compares keys."""
        if self.index is None:
            return KeyHits([], 0, 0)
        offsets = self.index.query(topic, key, count_max, begin_ms, end_ms)
        return KeyHits(offsets, self.index.end_timestamp, max(self.index.end_log_offset, 0))

    def stored_at(self, log_offset: int) -> int:
        """When the record that starts there was stored, in ms; -1 if none does."""
        head = self.log.read(log_offset, _RECORD_HEAD_BYTES)
        if len(head) < _RECORD_HEAD_BYTES or head[4:7] != MAGIC_START or head[28:36] != log_offset.to_bytes(8, "big"):
            return -1
        at = _STORE_TIME_AT + (_BORN_V6_EXTRA if head[_SYS_FLAG_AT + 3] & 16 else 0)
        return int.from_bytes(head[at : at + 8], "big", signed=True)

    # ------------------------------------------------------------------------------------------- removing

    def delete_topic(self, topic: str) -> None:
        """Forgets the topic's queues and their files; its records stay in the log until they expire.

        Progress is due then: recovery must not derive those queues again.
        """
        self.progress_due = True
        for queue in self._by_topic.pop(topic, {}).values():
            self._queues.pop(queue.key, None)
            self.derived.forget(queue)
            queue.segments.close()
        self.log.undispatched = [d for d in self.log.undispatched if d[0] is None or d[0].topic != topic]
        self.kinds.forget(topic)
        for folder in ("consumequeue", BATCH_FOLDER, EXTENSION_FOLDER):
            self.disk.remove_tree(f"{folder}/{topic}")
            if self.disk.exists(folder):
                self.disk.fsync_dir(folder)
