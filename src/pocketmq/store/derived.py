"""What has been derived from the log and is on its way to its files: the entries of queues, and keys.

    put ─▶ in memory, readers see it ─▶ write: in the files ─▶ sync: durable ─▶ the checkpoint may say so

Queues wait in the order in which they got their first entry since they were last written. So whatever is derived from
records before the first entry of the queue that waits longest is in the files, and a broker of very many queues may
write some of them at a time.
"""

from pocketmq.store.commit_log import Dispatch
from pocketmq.store.consume_queue import ConsumeQueue
from pocketmq.store.disk import Disk
from pocketmq.store.key_index import KeyIndex
from pocketmq.store.queue_kinds import QueueKinds
from pocketmq.store.segments import SyncTarget, WholeDisk

SYNCED_ONE_BY_ONE_MAX = 256
"""A sync of everything takes about as long as that many of single files."""


class Derived:
    """The queues that wait to be written, and those written since the last sync. `index` may be None."""

    def __init__(self, disk: Disk, index: KeyIndex | None, kinds: QueueKinds) -> None:
        self._disk = disk
        self._index = index
        self._kinds = kinds
        self._waiting: list[ConsumeQueue] = []
        self._unsynced: dict[tuple[str, int], ConsumeQueue] = {}
        self._counts: dict[str, tuple[int, int]] = {}

    @property
    def waiting(self) -> int:
        """How many queues wait to be written."""
        return len(self._waiting)

    def put(self, dispatches: list[Dispatch], now_ms: int) -> list[ConsumeQueue]:
        """Shows records to readers, in log order; the queues whose watchers must look again.

        Policy decides when: after the write to the file under ASYNC_FLUSH, after the sync under SYNC_FLUSH.
        """
        woken: list[ConsumeQueue] = []
        self._kinds.put_entries(dispatches, self._waiting, woken)
        if self._index is not None:
            self._index.put_all(dispatches, now_ms)
        return woken

    def write(self, count: int | None = None) -> None:
        """Brings the entries of the `count` queues that have waited longest to their files, or of all queues.

        Raises OSError; then those not written still wait.
        """
        done = 0
        try:
            for queue in self._waiting if count is None else self._waiting[:count]:
                entries, size = queue.write()
                before = self._counts.get(queue.topic, (0, 0))
                self._counts[queue.topic] = (before[0] + entries, before[1] + size)
                self._unsynced[queue.key] = queue
                done += 1
        finally:
            del self._waiting[:done]

    def write_keys(self) -> None:
        """Brings all keys to their files. Raises OSError; nothing is forgotten then."""
        if self._index is not None:
            self._index.flush()

    def written_to(self, published: int) -> int:
        """The log offset below which all that is derived is in the files, once `write_keys` has been called."""
        return self._waiting[0].first_unwritten if self._waiting else published

    def take_counts(self) -> list[tuple[str, int, int]]:
        """(topic, messages, bytes) of what `write` has written since this was asked last."""
        counts, self._counts = self._counts, {}
        return [(topic, count, size) for topic, (count, size) in counts.items()]

    def sync_targets(self) -> list[SyncTarget]:
        """What a thread must sync for all that was written to survive a power cut."""
        unsynced, self._unsynced = self._unsynced, {}
        keys: list[SyncTarget] = [] if self._index is None else list(self._index.sync_targets())
        if len(unsynced) > SYNCED_ONE_BY_ONE_MAX:
            for queue in unsynced.values():
                queue.segments.synced_with_all()
            return [WholeDisk(self._disk)]
        return [target for queue in unsynced.values() for target in queue.sync_targets()] + keys

    def forget(self, queue: ConsumeQueue) -> None:
        """The queue's topic is deleted."""
        self._unsynced.pop(queue.key, None)
        if queue in self._waiting:
            self._waiting.remove(queue)
