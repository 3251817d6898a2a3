"""What has had its time: which log files may go, and what of queues and key index speaks only of those.

```
disk in use    0 ........ 75 ............. 85 ................. 90 .... 100 per cent
               expired files go            the oldest files go  sends are refused,
               at the hours of deleteWhen  before their time,   reads go on
                          ... at any hour  if that is enabled
```

A log file has expired when the record that begins the next file is older than the time that records are kept: then
all in it are older. Only the oldest files go, and never the last. A topic may have a time of its own (attribute
`reserve.time`, hours): if it is shorter, its queues begin later than its records in the log; if it is longer, the log
files that still hold its records stay. Sources: CleanCommitLogService, CleanConsumeQueueService, MappedFileQueue
#deleteExpiredFileByTime, TopicAttributes; Java's local log takes no notice of `reserve.time`, and goes by the files'
times of change, which copying a store renews.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pocketmq.store.batch_queue import BatchQueue
from pocketmq.store.consume_queue import ENTRY_BYTES, ConsumeQueue
from pocketmq.store.extended_queue import ExtendedQueue
from pocketmq.store.message_store import MessageStore
from pocketmq.store.queue_recovery import first_live
from pocketmq.store.segments import SyncTarget

HOUR_MS = 3_600_000
MANUAL_TURNS = 20
"""CleanCommitLogService.MAX_MANUAL_DELETE_FILE_TIMES: turns of deletion that one command starts."""


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """The settings in numbers: milliseconds, hours of the day, parts of the disk from 0.0 to 1.0."""

    kept_ms: int = 72 * HOUR_MS
    hours: frozenset[int] = frozenset((4,))
    batch_max: int = 10
    cleans_above: float = 0.75
    forces_above: float = 0.85
    refuses_above: float = 0.90
    may_force: bool = False
    topics_ms: Mapping[str, int] = field(default_factory=dict)
    """Topics that are kept for a time of their own."""


class LogExpiry(NamedTuple):
    """Log files that may go: all that end at or below `log_offset`; from `forced_from` on, before their time."""

    log_offset: int
    forced_from: int


class Trimmed(NamedTuple):
    """The messages of a queue that are no longer there: offsets [start, end)."""

    topic: str
    queue_id: int
    start: int
    end: int


def expired_log(
    store: MessageStore, policy: RetentionPolicy, hour: int, used: float, now_ms: int, told: bool
) -> LogExpiry:
    """What of the log may go now, at this `hour` of the day and with the part `used` of the disk in use.

    `told`: at any hour.
    """
    log = store.log.segments
    start = log.start
    if not (told or hour in policy.hours or used > policy.cleans_above):
        return LogExpiry(start, start)
    size = log.segment_size
    # Behind the checkpoint recovery needs the log to find out where its queues are.
    safe = min(store.log.flushed, store.saved_progress)
    floor = min(log.end - size, safe - safe % size, _needed_from(store, policy, now_ms))
    end = start
    for boundary in range(start + size, min(floor, start + policy.batch_max * size) + 1, size):
        stored_at = store.stored_at(boundary)
        if stored_at > now_ms - policy.kept_ms:
            break
        if stored_at >= 0:  # Else no sound record stands there, and a later file has to say.
            end = boundary
    forced_from = end
    if end == start and used > policy.forces_above and policy.may_force and start + size <= floor:
        # One file at a time: the next look sees whether that was enough.
        end += size
    return LogExpiry(end, forced_from)


def _needed_from(store: MessageStore, policy: RetentionPolicy, now_ms: int) -> int:
    """The first log offset that a topic with a longer time of its own still needs."""
    needed: int = store.log.end
    for topic, kept_ms in policy.topics_ms.items():
        if kept_ms <= policy.kept_ms:
            continue
        for queue_id in store.queues(topic):
            entry = store.entry(topic, queue_id, store.min_offset(topic, queue_id))
            if entry is not None and store.stored_at(entry.log_offset) > now_ms - kept_ms:
                needed = min(needed, entry.log_offset)
    return needed


class QueueSweep:
    """Goes over all queues in small steps, and lets go what is behind the log's start or a topic's own time.

    Each `step` costs a read for a queue that has nothing to give, some twenty for one that has. `removals` gathers
    what a thread must do: the files of queues, and at the end those of the key index.
    """

    def __init__(self, store: MessageStore, policy: RetentionPolicy, now_ms: int) -> None:
        self.removals: list[SyncTarget] = []
        self._store = store
        self._policy = policy
        self._now_ms = now_ms
        self._queues: Iterator[ConsumeQueue] = iter(store.all_queues())

    def step(self, count: int) -> list[Trimmed] | None:
        """Look at up to `count` queues; what they lost, or None after the last."""
        trimmed: list[Trimmed] = []
        for _ in range(count):
            queue = next(self._queues, None)
            if queue is None:
                if not trimmed:
                    return None
                break
            lost = self._trim(queue)
            if lost is not None:
                trimmed.append(lost)
        return trimmed

    def finish(self) -> None:
        """The index files go that lead only to records that are gone."""
        if self._store.index is not None:
            self.removals += self._store.index.release_before(self._store.log.start)

    def _trim(self, queue: ConsumeQueue) -> Trimmed | None:
        if self._store.find_queue(queue.topic, queue.queue_id) is not queue:
            return None
        start: int = queue.min_offset
        if isinstance(queue, BatchQueue):
            needed_from = queue.trim(self._store.log.start, self._kept_since_ms(queue.topic))
            end: int = queue.min_offset
        else:
            end = self._first_kept(queue)
            needed_from = end * ENTRY_BYTES
        if end <= start:
            return None
        queue.min_offset = end
        self.removals += queue.segments.release_before(needed_from)
        if isinstance(queue, ExtendedQueue):
            self.removals += queue.release_units()
        return Trimmed(queue.topic, queue.queue_id, start, end)

    def _first_kept(self, queue: ConsumeQueue) -> int:
        start: int = queue.min_offset
        entry = queue.entry(start)
        if entry is None:
            return start
        if entry.log_offset < self._store.log.start:
            start = max(start, first_live(queue, queue.written_offset, self._store.log.start))
        since_ms = self._kept_since_ms(queue.topic)
        return max(start, self._store.first_stored_at(queue, start, since_ms)) if since_ms else start

    def _kept_since_ms(self, topic: str) -> int:
        """When the oldest messages were stored that a topic with a time of its own keeps; 0 for all others."""
        kept_ms = self._policy.topics_ms.get(topic)
        return 0 if kept_ms is None else max(self._now_ms - kept_ms, 0)
