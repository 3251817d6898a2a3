"""Builds all that is derived again, from the log alone, which is not changed.

Before anything is removed the file `abort` is made and the checkpoint goes: so a repair that is itself cut off is
finished by the next start, which then trusts no queue and no index. Light queues stay, for the log does not lead to
them, and topics that the store had no queues of do not come back: they were deleted.
"""

from pocketmq.model.delays import delay_of_level, parse_delay_levels
from pocketmq.store.batch_queue import BATCH_FOLDER
from pocketmq.store.checkpoint import CHECKPOINT_PATH
from pocketmq.store.commit_log import LOG_FOLDER
from pocketmq.store.disk import Disk
from pocketmq.store.index_file import Shape
from pocketmq.store.layout import Layout
from pocketmq.store.message_store import StoreSizes
from pocketmq.store.placing import LIGHT_TOPIC_PREFIX
from pocketmq.store.queue_extension import EXTENSION_FOLDER
from pocketmq.store.read_only_disk import GuardedDisk
from pocketmq.store.recovery import ABORT_PATH, INDEX_FOLDER, QUEUE_FOLDER, Recovery, open_store
from pocketmq.store.verify import Verification
from pocketmq.store.verify_tables import batch_topics, find_table


def refusal(verification: Verification, delay_levels: str) -> str | None:
    """Why this store, which has been verified, must not be repaired; None if it may be."""
    if verification.unrepairable is not None:
        return verification.unrepairable
    levels = parse_delay_levels(delay_levels)
    for queue_id, delay_ms in verification.delays_ms.items():
        if delay_of_level(levels, min(queue_id + 1, max(levels, default=queue_id + 1))) != delay_ms:
            return f"messages of delay level {queue_id + 1} wait {delay_ms} ms: give --message-delay-level as it was"
    return None


def repair(disk: Disk, layout: Layout, shape: Shape, delay_levels: str, now_ms: int) -> Recovery:
    """Queues and index, built again; what recovery met on the way. Raises OSError; then call it again."""
    guarded = GuardedDisk(disk, LOG_FOLDER)
    of_batches = batch_topics(disk)
    extended = set(disk.listdir(EXTENSION_FOLDER))
    topics = of_batches | set(disk.listdir(QUEUE_FOLDER))
    known = find_table(disk, "topics").get("topicConfigTable")
    has_index = bool(disk.listdir(INDEX_FOLDER))
    disk.open(ABORT_PATH, create=True).close()
    disk.fsync_dir("")
    if disk.exists(CHECKPOINT_PATH):
        disk.remove(CHECKPOINT_PATH)
        disk.fsync_dir("")
    for topic in topics:
        if not topic.startswith(LIGHT_TOPIC_PREFIX):
            guarded.remove_tree(f"{QUEUE_FOLDER}/{topic}")
    for folder in (BATCH_FOLDER, EXTENSION_FOLDER):
        guarded.remove_tree(folder)
    guarded.remove_tree(INDEX_FOLDER)
    sizes = StoreSizes(
        log_file_bytes=layout.log_file_bytes,
        queue_file_bytes=layout.queue_file_bytes,
        batch_queue_file_bytes=layout.batch_file_bytes,
        extension_file_bytes=layout.extension_file_bytes,
        extends_queues=bool(extended),
        index_slots=shape.slots_max,
        index_entries=shape.entries_max,
        delay_levels=delay_levels,
        index_enabled=has_index,
    )
    store, recovery = open_store(guarded, sizes, now_ms, batch_topics=of_batches)
    for topic in store.topics() - topics - set(known if isinstance(known, dict) else ()):
        store.delete_topic(topic)
    store.close()
    return recovery
