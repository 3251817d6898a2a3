"""Which kind of queue a topic has, and putting records into queues of all kinds.

A store that has plain consume queues only runs the code of those and no other: `put_entries` changes when the first
queue of another kind is made.
"""

from collections.abc import Callable
from typing import Any, Protocol

from pocketmq.store.batch_queue import BatchQueue
from pocketmq.store.commit_log import Dispatch
from pocketmq.store.consume_queue import ConsumeQueue, put_all
from pocketmq.store.disk import Disk
from pocketmq.store.extended_queue import BitMapSource, ExtendedQueue
from pocketmq.store.queue_extension import EXTENSION_FOLDER
from pocketmq.store.segments import DescriptorCache

PutEntries = Callable[[list[Dispatch], list[ConsumeQueue], list[ConsumeQueue]], None]
"""`consume_queue.put_all`, or `put_all_kinds`."""

_OTHER_KINDS = (BatchQueue, ExtendedQueue)


class KindSizes(Protocol):
    """Sizes of the files of each kind; `extends_queues`: new entries of consume queues get a unit in an extension."""

    @property
    def queue_file_bytes(self) -> int: ...

    @property
    def batch_queue_file_bytes(self) -> int: ...

    @property
    def extension_file_bytes(self) -> int: ...

    @property
    def extends_queues(self) -> bool: ...


class QueueKinds:
    """Makes a store's queues. `batch_topics` may change: it is asked when a queue is made."""

    def __init__(self, disk: Disk, descriptors: DescriptorCache, batch_topics: set[str], sizes: KindSizes) -> None:
        self.put_entries: PutEntries = put_all
        self.bit_maps = BitMapSource()
        self._disk = disk
        self._descriptors = descriptors
        self._batch_topics = batch_topics
        self._sizes = sizes
        self._extended_topics = set(disk.listdir(EXTENSION_FOLDER))

    def new_queue(self, topic: str, queue_id: int) -> ConsumeQueue:
        """The queue with the files it has; of batches, extended (now or once), or plain."""
        disk, descriptors = self._disk, self._descriptors
        if topic in self._batch_topics:
            self.put_entries = put_all_kinds
            return BatchQueue(disk, topic, queue_id, self._sizes.batch_queue_file_bytes, descriptors)
        if not self._sizes.extends_queues and topic not in self._extended_topics:
            return ConsumeQueue(disk, topic, queue_id, self._sizes.queue_file_bytes, descriptors)
        self.put_entries = put_all_kinds
        return ExtendedQueue(
            disk,
            topic,
            queue_id,
            self._sizes.queue_file_bytes,
            descriptors,
            extension_file_bytes=self._sizes.extension_file_bytes,
            is_extended=self._sizes.extends_queues,
            bit_maps=self.bit_maps,
        )

    def forget(self, topic: str) -> None:
        """The topic is deleted: who makes it again decides anew."""
        self._batch_topics.discard(topic)
        self._extended_topics.discard(topic)


def put_all_kinds(dispatches: list[Any], dirty: list[Any], woken: list[Any]) -> None:
    """As `consume_queue.put_all`; a queue that is not plain takes a dispatch as a whole."""
    put_all([dispatch for dispatch in dispatches if not isinstance(dispatch[0], _OTHER_KINDS)], dirty, woken)
    for dispatch in dispatches:
        queue = dispatch[0]
        if not isinstance(queue, _OTHER_KINDS):
            continue
        if not queue.has_gathered:
            dirty.append(queue)
        queue.put_dispatch(dispatch)
        if queue.watched:
            queue.watched = False
            woken.append(queue)
