"""Puts the records that recovery walks over into their queues and the key index, and doubts those that do not fit.

A queue's offsets go up by one. A record beyond the next offset leaves a gap, which is believed if damaged bytes before
it may have held what is missing, or if the queue is new and its log began later than its offsets. Otherwise either
entries are missing that the checkpoint promised, and all must be derived again; or, in a walk over the whole log, one
of two records lies about itself (the CRC does not cover headers), and the queue's next record decides which.
Offsets without a record are filled with entries that stand for no message, which readers pass over; in a batch queue
nothing needs to stand for them. There a record takes as many offsets as it holds messages.
"""

from pocketmq.protocol.record import Scanned
from pocketmq.store.batch_queue import BatchQueue
from pocketmq.store.commit_log import Dispatch
from pocketmq.store.consume_queue import ENTRY_BYTES, ConsumeQueue
from pocketmq.store.derive import derive, dispatch_of, is_hidden
from pocketmq.store.log_walk import Damage
from pocketmq.store.message_store import MessageStore
from pocketmq.store.queue_recovery import fillers

LIGHT_TOPIC_PREFIX = "%LMQ%"
"""Light queues hold entries of other topics' records (MixAll.LMQ_PREFIX)."""
DISPATCHES_PER_TURN = 4096
RECORD_BYTES_MIN = 91
BELIEVED_GAP_MAX = 1024
"""Of a queue's last record, when none follows to decide."""


class Placing:
    """`trusted`: records below it are in their queues already. `misplaced`: those that lie about themselves."""

    def __init__(self, store: MessageStore, now_ms: int) -> None:
        self.trusted = 0
        self.is_incomplete = False
        """Whether entries are missing that should have been there."""
        self.misplaced: list[Damage] = []
        self._store = store
        self._now_ms = now_ms
        self._batch: list[Dispatch] = []
        self._doubted: dict[ConsumeQueue, Scanned] = {}
        self._lost_records_max = 0

    def place(self, record: Scanned) -> None:
        """Take the next record of the walk."""
        log = self._store.log
        log.last_store_timestamp = max(log.last_store_timestamp, record.store_timestamp)
        if record.log_offset < self.trusted:
            return
        queue = None
        if not is_hidden(record.sys_flag):
            if not is_sane(record):
                self._misplace(record, "topic or queue id")
                return
            queue = self._queue_of(record)
            if queue in self._doubted:
                self._settle(queue, record)
            if not self._fits(queue, record):
                queue = None
        self._take(dispatch_of(record, queue, self._store.delay_levels), record)
        if len(self._batch) >= DISPATCHES_PER_TURN:
            self.derive()

    def note_damage(self, damage: Damage) -> None:
        """Take bytes that are no record: the entry of the one that is known, if any, becomes a filler."""
        size = damage.end - damage.start
        known = damage.known
        if damage.start < self.trusted:
            return
        if known is not None and not is_hidden(known.sys_flag) and is_sane(known):
            queue = self._store.queue(known.topic.decode(), known.queue_id)
            if known.queue_offset == queue.next_offset:
                self._fill(queue, end_of(known), damage.start)
                size -= known.size
        self._lost_records_max += size // RECORD_BYTES_MIN

    def finish(self) -> None:
        """No record follows."""
        for queue, record in list(self._doubted.items()):
            del self._doubted[queue]
            if record.queue_offset - queue.next_offset <= BELIEVED_GAP_MAX:
                self._believe(queue, record)
            else:
                self._misplace(record, f"queue offset {record.queue_offset}, expected {queue.next_offset}")
        self.derive()

    def derive(self) -> None:
        """Bring what was taken into queues and index."""
        shown = [dispatch for dispatch in self._batch if dispatch[0] is not None]
        derive(shown, None, self._store._dirty, self._now_ms, self._store.kinds.put_entries)
        if self._store.index is not None:
            self._store.index.put_all(self._batch, self._now_ms)
        if self._batch:
            self._store._derived_timestamp = self._batch[-1][5]
        self._batch.clear()

    def _queue_of(self, record: Scanned) -> ConsumeQueue:
        """The record's queue. Only inner batches say of themselves what kind it is, should nothing else be left."""
        topic = record.topic.decode()
        if record.inner_count and topic not in self._store.batch_topics:
            self._store.batch_topics.add(topic)
            self.is_incomplete = bool(self._store.queues(topic))
        return self._store.queue(topic, record.queue_id)

    def _fits(self, queue: ConsumeQueue, record: Scanned) -> bool:
        """Whether the record's entry comes next, after filling a gap that is believed."""
        gap = record.queue_offset - queue.next_offset
        if gap < 0:
            self._misplace(record, f"queue offset {record.queue_offset} is taken, expected {queue.next_offset}")
            return False
        if gap == 0:
            queue.next_offset = end_of(record)
            return True
        log_start = self._store.log.start
        if gap <= self._lost_records_max:
            self._lost_records_max -= gap
            self._fill(queue, record.queue_offset, record.log_offset)
        elif self.trusted > log_start:
            self.is_incomplete = True
            return False
        elif queue.next_offset == 0 or queue.min_offset == queue.next_offset:
            self._begin(queue, record.queue_offset)
        else:
            self._doubted[queue] = record
            return False
        queue.next_offset = end_of(record)
        return True

    def _take(self, dispatch: Dispatch, record: Scanned) -> None:
        self._batch.append(dispatch)
        if record.inner_count and isinstance(dispatch[0], BatchQueue):
            dispatch[0].expect(dispatch, record.inner_count)

    def _settle(self, queue: ConsumeQueue, record: Scanned) -> None:
        """Decide on the doubted record, now that the one after it says what it thinks the offset is."""
        doubted = self._doubted.pop(queue)
        if record.queue_offset == end_of(doubted):
            self._believe(queue, doubted)
            return
        self._misplace(doubted, f"queue offset {doubted.queue_offset}, expected {queue.next_offset}")
        if record.queue_offset == queue.next_offset + end_of(doubted) - doubted.queue_offset:
            self._fill(queue, record.queue_offset, doubted.log_offset)

    def _believe(self, queue: ConsumeQueue, record: Scanned) -> None:
        self._fill(queue, record.queue_offset, record.log_offset)
        _, offset, log_offset, size, tags_code, timestamp, topic, _, _ = dispatch_of(
            record, queue, self._store.delay_levels
        )
        # Its keys went to the index when it was met.
        self._take((queue, offset, log_offset, size, tags_code, timestamp, topic, b"", b""), record)
        queue.next_offset = end_of(record)

    def _fill(self, queue: ConsumeQueue, end: int, log_offset: int) -> None:
        if not isinstance(queue, BatchQueue):
            self._batch += fillers(queue, queue.next_offset, end, log_offset)
        queue.next_offset = end

    def _begin(self, queue: ConsumeQueue, first: int) -> None:
        """Let the queue's live entries start at `first`; its file is filled before (ConsumeQueue#fillPreBlank)."""
        if isinstance(queue, BatchQueue):
            return
        self.derive()
        per_file = queue.segments.segment_size // ENTRY_BYTES
        start = first - first % per_file
        if start > queue.next_offset:
            queue.segments.remove_all()
            queue.resume(start, start)
        self._fill(queue, first, 0)
        self.derive()
        queue.min_offset = first

    def _misplace(self, record: Scanned, reason: str) -> None:
        self.misplaced.append(Damage(record.log_offset, record.log_offset + record.size, reason, record))


def end_of(record: Scanned) -> int:
    """The queue offset behind the record's last message."""
    return record.queue_offset + max(record.inner_count, 1)


def is_sane(record: Scanned) -> bool:
    """Whether topic and queue id can name a queue's folder."""
    topic = record.topic
    if record.queue_id < 0 or record.queue_offset < 0 or not topic or topic in (b".", b".."):
        return False
    return topic.isascii() and b"/" not in topic and b"\0" not in topic
