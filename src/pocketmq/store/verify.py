"""Verifies a store that nobody has opened: one walk over the log, and beside it over all that is derived from it.

```
log     |.... records ....|                    each: size, magic, own offset, body CRC, whole properties, store time
queue     .. entries ..                        each record has its entry, each entry its record
index     .. entries ..                        each key has its entry; slots and chains
```

Nothing is kept but a place in each queue and the slots of one index file, however long the log is. What a crash may
leave above the last checkpoint, and the next start derives again, is only noticed while the file `abort` is there.
"""

from collections.abc import Iterator

from pocketmq.model.errors import StoreError
from pocketmq.model.flags import INNER_BATCH
from pocketmq.protocol.record import Scanned
from pocketmq.store.batch_queue import BATCH_FOLDER
from pocketmq.store.checkpoint import load_checkpoint, load_durable_offset
from pocketmq.store.commit_log import LOG_FOLDER
from pocketmq.store.derive import is_hidden
from pocketmq.store.disk import Disk
from pocketmq.store.finding import REBUILT, Finding, Progress, Severity, Trust
from pocketmq.store.index_file import Shape
from pocketmq.store.layout import Layout, find_layout, queue_folder, queue_places, segment_names
from pocketmq.store.log_walk import Damage, LogWalk
from pocketmq.store.placing import LIGHT_TOPIC_PREFIX, is_sane
from pocketmq.store.queue_extension import EXTENSION_FOLDER, QueueExtension
from pocketmq.store.recovery import ABORT_PATH, INDEX_FOLDER, QUEUE_FOLDER
from pocketmq.store.segments import DescriptorCache, Segments
from pocketmq.store.stored_batches import StoredBatches
from pocketmq.store.stored_queue import StoredQueue, place_in
from pocketmq.store.verify_batches import BatchCheck
from pocketmq.store.verify_index import IndexCheck, shape_finding
from pocketmq.store.verify_light import verify_light
from pocketmq.store.verify_queues import QueueCheck
from pocketmq.store.verify_tables import batch_topics, find_table, progress_findings, table_findings

PROGRESS_BYTES = 8 << 20
SIZES_UNKNOWN = (
    "queue or index files are all gone, and with them their sizes: remove the folders consumequeue and index, "
    "batchconsumequeue and consumequeue_ext too if they are there, and start the broker, which builds all of them "
    "again with its own settings"
)


def verify(disk: Disk, shape: Shape) -> Iterator[Finding | Progress]:
    """All that is wrong with the store, in the order met. The disk is only read.

    `shape` is that of the index files. UserError where there is no store, StoreError for a log that cannot be walked.
    """
    yield from Verification(disk, find_layout(disk), shape).run()


class Verification:
    """One pass over a store. After `run`, `unrepairable` says why what is derived cannot be built again, if so."""

    def __init__(self, disk: Disk, layout: Layout, shape: Shape) -> None:
        self._disk = disk
        self._layout = layout
        self._descriptors = DescriptorCache()
        self._log = Segments(disk, LOG_FOLDER, layout.log_file_bytes, self._descriptors, reads_only=True)
        self._trust = Trust(not disk.exists(ABORT_PATH), load_checkpoint(disk).queue_log_offset)
        self.unrepairable: str | None = None
        self.delays_ms: dict[int, int] = {}
        """What the messages of each delay level's queue wait, by queue id."""
        self._damaged: list[tuple[int, int]] = []
        self._checks: dict[tuple[bytes, int], QueueCheck | BatchCheck | None] = {}
        self._without_queue: dict[bytes, tuple[int, int]] = {}
        """Of topics without a folder: log offset of the first record, and how many."""
        self._topics = set(disk.listdir(QUEUE_FOLDER))
        self._batch_topics = {topic.encode() for topic in batch_topics(disk)}
        self._shape_finding = shape_finding(disk, shape)
        if self._shape_finding is not None:
            self.unrepairable = f"{self._shape_finding.said}; {self._shape_finding.remedy}"
        if layout.unknown_sizes or not disk.exists(INDEX_FOLDER):
            self.unrepairable = SIZES_UNKNOWN
        self._index: IndexCheck | None = None
        if self._shape_finding is None and disk.listdir(INDEX_FOLDER):
            self._index = IndexCheck(disk, shape, self._log.start, self._trust, self._damaged)

    def run(self) -> Iterator[Finding | Progress]:
        """Everything, once."""
        for doubt in self._layout.doubts:
            yield Finding(Severity.NOTICE, ".", doubt, "look at the names and sizes of the files")
        yield from self._file_findings(LOG_FOLDER, self._layout.log_file_bytes, Severity.DAMAGE)
        walk = LogWalk(self._log, self._log.start, load_durable_offset(self._disk))
        yield from self._walk(walk)
        yield from self._end_findings(walk)
        yield from progress_findings(self._disk, walk.end, self._trust)
        ends: dict[tuple[str, int], int] = {}
        yield from self._queue_findings(walk.end, ends)
        yield from self._index_findings()
        yield from table_findings(self._disk, ends, self._trust)
        self._descriptors.close()

    def _walk(self, walk: LogWalk) -> Iterator[Finding | Progress]:
        told, total = walk.end, self._log.end - self._log.start
        last_timestamp = 0
        for found in walk:
            if isinstance(found, Damage):
                self._damaged.append((found.start, found.end))
                yield self._of_damage(found)
                continue
            if found.store_timestamp < last_timestamp:
                said = f"stored {last_timestamp - found.store_timestamp} ms before the record in front of it"
                yield self._of_log(Severity.NOTICE, found.log_offset, said, "none: a clock was set back", found)
            last_timestamp = max(last_timestamp, found.store_timestamp)
            yield from self._place(found)
            if walk.end - told >= PROGRESS_BYTES:
                told = walk.end
                yield Progress(told - self._log.start, total)

    def _place(self, record: Scanned) -> Iterator[Finding]:
        if self._index is not None:
            yield from self._index.place(record)
        if is_hidden(record.sys_flag):
            return
        if not is_sane(record):
            said = f"a record says queue {record.queue_id} of topic {record.topic!r}, which cannot be"
            yield self._of_log(Severity.DAMAGE, record.log_offset, said, "none: no checksum covers it", None)
            return
        if record.topic not in self._batch_topics and (
            record.sys_flag & INNER_BATCH or record.topic.decode() not in self._topics
        ):
            first, count = self._without_queue.get(record.topic, (record.log_offset, 0))
            self._without_queue[record.topic] = (first, count + 1)
            return
        key = (record.topic, record.queue_id)
        if key not in self._checks:
            self._checks[key] = None
            yield from self._open_queue(record.topic.decode(), record.queue_id)
        check = self._checks[key]
        if check is not None:
            yield from check.place(record)

    def _open_queue(self, topic: str, queue_id: int) -> Iterator[Finding]:
        kind = BATCH_FOLDER if topic.encode() in self._batch_topics else QUEUE_FOLDER
        folder = queue_folder(topic, queue_id, kind)
        try:
            check = self._batch_check(topic, queue_id) if kind == BATCH_FOLDER else self._check(topic, queue_id)
        except StoreError as failure:
            yield Finding(Severity.DERIVED, folder, str(failure), REBUILT, None, topic, queue_id)
            return
        self._checks[topic.encode(), queue_id] = check

    def _check(self, topic: str, queue_id: int) -> QueueCheck:
        queue = StoredQueue(self._disk, topic, queue_id, self._layout.queue_file_bytes, self._descriptors)
        extension = None
        if self._disk.exists(queue_folder(topic, queue_id, EXTENSION_FOLDER)):
            file_bytes = self._layout.extension_file_bytes
            extension = QueueExtension(self._disk, topic, queue_id, file_bytes, self._descriptors, reads_only=True)
        return QueueCheck(queue, self._log, self._trust, self._damaged, extension)

    def _batch_check(self, topic: str, queue_id: int) -> BatchCheck:
        queue = StoredBatches(self._disk, topic, queue_id, self._layout.batch_file_bytes, self._descriptors)
        return BatchCheck(queue, self._log.start, self._trust, self._damaged)

    def _queue_findings(self, log_end: int, ends: dict[tuple[str, int], int]) -> Iterator[Finding]:
        """What is left in the queues once the log has ended; `ends` takes their ends."""
        for topic, queue_id in (*queue_places(self._disk), *queue_places(self._disk, BATCH_FOLDER)):
            if (topic.encode(), queue_id) not in self._checks:
                yield from self._open_queue(topic, queue_id)
        for (raw_topic, queue_id), check in self._checks.items():
            topic = raw_topic.decode()
            if check is None:
                continue
            folder = check.queue.segments.folder
            yield from self._file_findings(folder, check.queue.segments.segment_size, Severity.DERIVED)
            if isinstance(check, BatchCheck):
                yield from check.finish(log_end)
                ends[topic, queue_id] = check.end
                continue
            if topic.startswith(LIGHT_TOPIC_PREFIX):
                found, ends[topic, queue_id] = verify_light(check.queue, self._log, self._trust)
                yield from found
                continue
            yield from check.finish(log_end)
            ends[topic, queue_id] = check.end
            if check.delay_ms is not None:
                self.delays_ms[queue_id] = check.delay_ms
            if check.earlier_records:
                said = f"{check.earlier_records} records in the log are older than the queue: its topic was made again"
                self.unrepairable = f"topic {topic} was deleted and made again: its old records would come back"
                yield Finding(Severity.NOTICE, folder, said, "none needed", None, topic, queue_id)
        yield from self._findings_without_queue()

    def _findings_without_queue(self) -> Iterator[Finding]:
        known = find_table(self._disk, "topics").get("topicConfigTable")
        for raw_topic, (log_offset, count) in self._without_queue.items():
            topic = raw_topic.decode()
            is_lost = not self._disk.exists(QUEUE_FOLDER) or (isinstance(known, dict) and topic in known)
            said = f"is missing; the log has {count} records of it, the first at {log_offset}"
            yield Finding(
                self._trust.severity(log_offset) if is_lost else Severity.NOTICE,
                f"{QUEUE_FOLDER}/{topic}",
                said,
                self._trust.remedy(log_offset) if is_lost else "none needed if the topic was deleted",
                topic=topic,
                log_offset=log_offset,
            )

    def _index_findings(self) -> Iterator[Finding]:
        if self._index is not None:
            yield from self._index.finish()
        elif self._shape_finding is not None:
            yield self._shape_finding
        elif self._disk.exists(INDEX_FOLDER):
            yield Finding(Severity.NOTICE, INDEX_FOLDER, "holds no file", "none needed with messageIndexEnable=false")
        elif self._log.end > self._log.start:
            severity = self._trust.severity(self._log.start)
            yield Finding(severity, INDEX_FOLDER, "is missing", "the next start builds it, and the queues, again")

    def _end_findings(self, walk: LogWalk) -> Iterator[Finding]:
        """What stands where the log ends, and behind that."""
        if walk.reason:
            severity = Severity.DAMAGE if self._trust.was_clean else Severity.NOTICE
            said = f"the log ends here before a record that is not whole: {walk.reason}"
            self.unrepairable = f"the log ends in a torn record at {walk.end}: start the broker once, which cuts it off"
            yield self._of_log(severity, walk.end, said, "the next start cuts it off", None)
        elif (at := self._first_stored(walk.end)) is not None:
            said = f"bytes behind the log's end {walk.end}, where nothing was written yet"
            self.unrepairable = f"{said}: start the broker with the file `abort` there, which makes them zero"
            yield self._of_log(Severity.NOTICE, at, said, "none needed: new records take their place", None)

    def _first_stored(self, at: int) -> int | None:
        """The first byte at or behind `at` that is not zero."""
        while at < self._log.end:
            room = self._log.segment_size - at % self._log.segment_size
            stored = self._log.next_stored(at)
            if stored is None:
                at += room
                continue
            content = self._log.read(stored, min(room - (stored - at), 1 << 20))
            if rest := content.lstrip(b"\0"):
                return stored + len(content) - len(rest)
            at = stored + max(1, len(content))
        return None

    def _file_findings(self, folder: str, file_bytes: int, severity: Severity) -> Iterator[Finding]:
        """Files that are missing between others, or shorter than they should be."""
        remedy = REBUILT if severity is Severity.DERIVED else "put back the file from a backup: its messages are lost"
        expected: int | None = None
        for name in segment_names(self._disk, folder):
            path = f"{folder}/{name}"
            if expected is not None and int(name) != expected:
                said = f"begins at {int(name)}, the file before it ends at {expected}: files between them are missing"
                yield Finding(severity, path, said, remedy, 0)
            expected = int(name) + file_bytes
            if (size := self._disk.size(path)) < file_bytes:
                said = f"has {size} bytes, others have {file_bytes}"
                if folder == LOG_FOLDER:
                    self.unrepairable = f"{path} {said}: start the broker once, which makes it whole"
                yield Finding(
                    Severity.NOTICE, path, said, "none needed: the next start makes it whole with zeros", size
                )

    def _of_damage(self, damage: Damage) -> Finding:
        said = f"{damage.end - damage.start} bytes are no sound record: {damage.reason}"
        remedy = "the messages in them are lost unless a backup has them; those behind are readable"
        return self._of_log(Severity.DAMAGE, damage.start, said, remedy, damage.known)

    def _of_log(self, severity: Severity, at: int, said: str, remedy: str, record: Scanned | None) -> Finding:
        name, inside = place_in(at, self._log.segment_size)
        path = f"{LOG_FOLDER}/{name}"
        if record is None:
            return Finding(severity, path, said, remedy, inside, log_offset=at)
        topic = record.topic.decode("utf-8", "replace")
        return Finding(severity, path, said, remedy, inside, topic, record.queue_id, record.queue_offset, at)
