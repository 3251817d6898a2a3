"""Makes the store on a disk ready to use: finds the log's end, keeps what is sound, derives the rest again.

```
log     |.... synced with all derived ....|.... walked, checked, derived again ....|  torn, zeroed  |
        start                         trusted                                     end
```

The file `abort` is there while a store is open; found at the start, it says that the last stop was unclean. Then
queues and index are trusted for records below `trusted`, the checkpoint's log offset, never by timestamps; after a
clean stop, for all records that the queues know. From the last record they agree on, the log is walked to its end.
Where queues or index are missing, or turn out to lack what they should have, the walk starts at the log's start.

Progress is saved every 64 MiB, so that a recovery that is itself cut off does not start over.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pocketmq.protocol.record import Scanned
from pocketmq.store.batch_queue import BATCH_FOLDER
from pocketmq.store.checkpoint import (
    Checkpoint,
    establish_durable_offset,
    load_checkpoint,
    load_durable_offset,
    save_checkpoint,
)
from pocketmq.store.consume_queue import ConsumeQueue
from pocketmq.store.disk import Disk
from pocketmq.store.log_walk import Damage, LogWalk
from pocketmq.store.message_store import MessageStore, StoreSizes
from pocketmq.store.placing import LIGHT_TOPIC_PREFIX, Placing
from pocketmq.store.queue_extension import EXTENSION_FOLDER
from pocketmq.store.queue_recovery import count_kept, entry_bytes, first_live, last_record
from pocketmq.store.segments import Unsynced, UnsyncedFolder

ABORT_PATH = "abort"
QUEUE_FOLDER = "consumequeue"
INDEX_FOLDER = "index"
PROGRESS_BYTES = 64 << 20


@dataclass(slots=True)
class Recovery:
    """What was found. Each damage is something acknowledged that cannot be read any more: a person must look at it."""

    was_clean: bool
    walked_from: int = 0
    log_end: int = 0
    records: int = 0
    torn: str = ""
    """What stood at the end of the log and was cut off; empty if nothing."""
    damage: list[Damage] = field(default_factory=list)


class EntriesMissing(Exception):
    """A queue lacks entries that the checkpoint promises."""


def open_store(
    disk: Disk, sizes: StoreSizes, now_ms: int, owner: bytes = b"", batch_topics: Iterable[str] = ()
) -> tuple[MessageStore, Recovery]:
    """The store of this disk, an empty one if there is none; `owner` is written to the abort file.

    `batch_topics` are those whose queues are batch queues, by the table of topics; what a store shows by itself of
    other topics is added.

    Raises OSError, and StoreError for files that do not fit the settings; nothing that a record holds keeps a store
    from opening.
    """
    was_clean = not disk.exists(ABORT_PATH)
    _write_abort(disk, owner)
    simple = set(disk.listdir(QUEUE_FOLDER))
    kinds = {*batch_topics, *(topic for topic in disk.listdir(BATCH_FOLDER) if topic not in simple)}
    checkpoint = load_checkpoint(disk)
    is_complete = disk.exists(QUEUE_FOLDER) and (not kinds or disk.exists(BATCH_FOLDER))
    if not kinds.isdisjoint(simple):
        is_complete = False
        checkpoint = _distrust(disk, checkpoint)
        _remove_other_kind(disk, kinds)
    store = MessageStore(disk, sizes, kinds)
    is_complete = is_complete and (store.index is None or disk.exists(INDEX_FOLDER))
    has_log = store.log.segments.end > store.log.segments.start
    if has_log and not is_complete:
        was_clean = False
        checkpoint = _distrust(disk, checkpoint)
    opening = Opening(store, Recovery(was_clean), checkpoint, now_ms)
    try:
        opening.run()
    except EntriesMissing:
        store.descriptors.close()
        checkpoint = _distrust(disk, checkpoint)
        _remove_other_kind(disk, kinds)
        store = MessageStore(disk, sizes, kinds)
        opening = Opening(store, Recovery(was_clean=False), checkpoint, now_ms)
        opening.run()
    for folder in (QUEUE_FOLDER, BATCH_FOLDER, INDEX_FOLDER):
        disk.mkdirs(folder)
    establish_durable_offset(disk, store.log.flushed)
    return store, opening.report


def _distrust(disk: Disk, checkpoint: Checkpoint) -> Checkpoint:
    """All must be derived again; by the next recovery, too, if this one is cut off after it removed what was there."""
    checkpoint = replace(checkpoint, queue_log_offset=0)
    save_checkpoint(disk, checkpoint)
    return checkpoint


def _remove_other_kind(disk: Disk, batch_topics: set[str]) -> None:
    """The queues of these topics that were kept as if each record were one message."""
    for topic in sorted(batch_topics.intersection(disk.listdir(QUEUE_FOLDER))):
        disk.remove_tree(f"{QUEUE_FOLDER}/{topic}")


def _write_abort(disk: Disk, owner: bytes) -> None:
    file = disk.open(ABORT_PATH, create=True)
    try:
        file.truncate(0)
        file.pwrite(0, owner)
        file.sync()
    finally:
        file.close()
    disk.fsync_dir("")


class Opening:
    """One pass over a store; another pass needs a fresh one."""

    def __init__(self, store: MessageStore, report: Recovery, checkpoint: Checkpoint, now_ms: int) -> None:
        self.store = store
        self.report = report
        self._log = store.log.segments
        self._checkpoint = checkpoint
        self._kept: dict[ConsumeQueue, int] = {}
        self._placing = Placing(store, now_ms)
        self._synced_to = 0
        self._unsynced_folders = all_folders(store)
        """What a killed process created it may not have synced."""

    def run(self) -> None:
        """Recover; afterwards the store goes on where its log ends."""
        trusted, start = self._starting_point()
        for queue, kept in self._kept.items():
            self._keep_entries(queue, kept)
        if not self.report.was_clean and self.store.index is not None:
            self.store.index.recover(trusted)
        self._placing.trusted = trusted
        self.report.walked_from = self._synced_to = start
        verifies_seals = self.store.sizes.verifies_seals
        walk = LogWalk(self._log, start, load_durable_offset(self.store.disk), verifies_seals=verifies_seals)
        for found in walk:
            if isinstance(found, Damage):
                self.report.damage.append(found)
                self._placing.note_damage(found)
            else:
                self.report.records += 1
                self._placing.place(found)
            if self._placing.is_incomplete:
                raise EntriesMissing
            if walk.end - self._synced_to >= PROGRESS_BYTES:
                self._save_progress(walk.end)
        self._placing.finish()
        self.report.damage += self._placing.misplaced
        self._finish(walk, trusted)

    def _starting_point(self) -> tuple[int, int]:
        """The log offset below which all that is derived is trusted, and where the walk starts."""
        log = self._log
        last, end = self._count_entries(self._checkpoint.queue_log_offset)
        trusted = self._checkpoint.queue_log_offset
        if self.report.was_clean:
            # The last records may be those of a topic that was deleted: then no queue knows of them.
            trusted = max(end, min(trusted, log.end))
        if not log.start < trusted <= log.end:
            if trusted > log.start:
                # Part of the log is gone.
                self.report.was_clean = False
                self._count_entries(log.start)
            return log.start, log.start
        if isinstance(LogWalk(log, last, None).record_at(last), Scanned):
            return trusted, last
        # Not what the queues say: the files' starts at least are records' starts.
        return trusted, (trusted - 1) - (trusted - 1) % log.segment_size

    def _count_entries(self, trusted: int) -> tuple[int, int]:
        """Note how many entries of each queue to keep; where the last record among theirs starts and ends."""
        trusted = max(trusted, self._log.start)
        last = end = self._log.start
        for queue in find_queues(self.store):
            all_kept = self.report.was_clean or queue.topic.startswith(LIGHT_TOPIC_PREFIX)
            self._kept[queue] = count_kept(queue, None if all_kept else trusted)
            entry = last_record(queue, self._kept[queue])
            if entry is not None and last <= entry.log_offset and (self.report.was_clean or entry.log_offset < trusted):
                last = entry.log_offset
                end = last + entry.size
        return last, end

    def _keep_entries(self, queue: ConsumeQueue, kept: int) -> None:
        if not self.report.was_clean:
            if kept * entry_bytes(queue) == queue.segments.start:
                # Nothing to keep, and even where the queue starts may be wrong: an earlier file may be lost.
                kept = 0
                queue.segments.remove_all()
            queue.segments.clear_after(kept * entry_bytes(queue))
            for target in queue.segments.sync_targets():
                target.sync()
        queue.resume(first_live(queue, kept, self._log.start), kept)

    def _save_progress(self, log_offset: int) -> None:
        """All that was walked and derived so far is synced, and the next recovery starts here."""
        self._placing.derive()
        self._sync(log_offset)
        timestamp = self.store.log.last_store_timestamp
        save_checkpoint(
            self.store.disk,
            replace(
                self._checkpoint,
                log_timestamp=timestamp,
                queue_timestamp=timestamp,
                index_timestamp=timestamp,
                queue_log_offset=log_offset,
            ),
        )

    def _sync(self, log_offset: int) -> None:
        """Write what is derived; sync it, and the log files from where the last sync came to."""
        self.store.write_derived()
        while self._unsynced_folders:
            UnsyncedFolder(self.store.disk, self._unsynced_folders.pop()).sync()
        for name in self._log.names():
            if int(name) < log_offset and int(name) + self._log.segment_size > self._synced_to:
                Unsynced(self.store.disk, f"{self._log.folder}/{name}", None).sync()
        self._synced_to = log_offset
        for target in self.store.derived_sync_targets():
            target.sync()

    def _finish(self, walk: LogWalk, trusted: int) -> None:
        store = self.store
        self.report.log_end = walk.end
        self.report.torn = walk.reason
        is_clean = self.report.was_clean and not walk.reason and walk.end >= trusted
        if not is_clean:
            self._log.truncate_after(walk.end)
            for queue in self._kept:
                self._forget_entries(queue, walk.end)
            if store.index is not None:
                store.index.truncate_after(walk.end)
        store.log.resume(walk.end)
        store.published = walk.end
        store.derived_timestamp = store.log.last_store_timestamp
        if not is_clean:
            self._sync(walk.end)
            store.save_progress(walk.end)

    def _forget_entries(self, queue: ConsumeQueue, log_end: int) -> None:
        """Cut the queue where its entries point behind the log's end; without files it has only new ones."""
        if queue.segments.start == queue.segments.end:
            return
        kept = count_kept(queue, log_end)
        if kept < min(queue.written_offset, queue.max_offset):
            queue.cut(kept)
            queue.resume(first_live(queue, kept, self._log.start), kept)


def find_queues(store: MessageStore) -> list[ConsumeQueue]:
    """All queues that have files."""
    return [
        store.queue(topic, int(queue_id))
        for folder in (QUEUE_FOLDER, BATCH_FOLDER)
        for topic in store.disk.listdir(folder)
        for queue_id in store.disk.listdir(f"{folder}/{topic}")
        if queue_id.isascii() and queue_id.isdigit()
    ]


def all_folders(store: MessageStore) -> list[str]:
    """The folders of everything that recovery derives from or derives, innermost last."""
    folders = ["", store.log.segments.folder, INDEX_FOLDER]
    for kind in (QUEUE_FOLDER, BATCH_FOLDER, EXTENSION_FOLDER):
        topics = [f"{kind}/{topic}" for topic in store.disk.listdir(kind)]
        folders += [kind, *topics]
        folders += [f"{topic}/{queue_id}" for topic in topics for queue_id in store.disk.listdir(topic)]
    return folders
