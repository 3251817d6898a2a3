"""Appending an inner batch: one record that holds many messages, whose body is a producer's batch as it came."""

from pocketmq.model.properties import INNER_BASE
from pocketmq.protocol.record import NewMessage, inner_count
from pocketmq.store.batch_queue import BatchQueue
from pocketmq.store.message_store import Appended, MessageStore


def append_inner_batch(store: MessageStore, message: NewMessage, now_ms: int) -> Appended:
    """As `MessageStore.append`, for a topic of batch queues and a message that names its INNER_NUM.

    The property INNER_BASE, the first queue offset, is added behind the others, each of which must have ended.
    (BatchConsumeQueue#assignQueueOffset, #increaseQueueOffset)
    """
    queue = store.queue(message.topic, message.queue_id)
    count = inner_count(message.properties)
    assert isinstance(queue, BatchQueue), f"{message.topic} has no batch queues"
    assert count, f"an inner batch for {message.topic} does not say how many messages it holds"
    first = queue.next_offset
    properties = message.properties + f"{INNER_BASE}\x01{first}\x02".encode()
    appended = store.append(message._replace(properties=properties), now_ms)
    queue.expect(store.log.undispatched[-1], count)
    queue.next_offset = first + count
    return appended
