"""Retention without a clock: files that go at once, and queues and keys that follow them."""

from pocketmq.store.key_index import KeyIndex
from pocketmq.store.message_store import MessageStore
from pocketmq.store.retention import QueueSweep, RetentionPolicy
from pocketmq.store.segments import Segments


def drop_before(files: Segments | KeyIndex, offset: int) -> list[str]:
    """Removes the files that are not needed from this offset on; their names."""
    removals = files.release_before(offset)
    for removal in removals:
        removal.sync()
    return [removal.path.rpartition("/")[2] for removal in removals]


def sweep_all(store: MessageStore) -> None:
    """All queues let go what the log no longer has, and so does the key index."""
    sweep = QueueSweep(store, RetentionPolicy(), 0)
    while sweep.step(100) is not None:
        pass
    sweep.finish()
    for removal in sweep.removals:
        removal.sync()
