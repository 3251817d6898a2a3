"""Several messages in one request, and in one stored record."""

from collections.abc import Sequence

import msgspec

from pocketmq.client.compression import restored
from pocketmq.client.errors import IllegalMessage
from pocketmq.model import properties as names
from pocketmq.model.flags import without_compressed
from pocketmq.model.message import Message, StoredMessage
from pocketmq.model.names import is_retry_topic
from pocketmq.protocol.message import unwrap_batch

DELAYS = (names.DELAY, names.TIMER_DELAY_MS, names.TIMER_DELAY_SEC, names.TIMER_DELIVER_MS)


def check_batch(messages: Sequence[Message]) -> None:
    """Raises IllegalMessage unless these can travel together (MessageBatch#generateFromList)."""
    if not messages:
        raise IllegalMessage("a batch holds at least one message")
    first = messages[0]
    for message in messages:
        if message.topic != first.topic:
            raise IllegalMessage(f"a batch goes to one topic; this one names {first.topic!r} and {message.topic!r}")
        if message.waits_for_store != first.waits_for_store:
            raise IllegalMessage("the messages of a batch must agree on waits_for_store")
        if any(name in message.properties for name in DELAYS):
            raise IllegalMessage("a message with a delay cannot travel in a batch: send it alone")
    if is_retry_topic(first.topic):
        raise IllegalMessage(f"{first.topic!r} is a retry topic, which takes no batches")


def unwrapped(stored: StoredMessage) -> list[StoredMessage]:
    """The messages inside a record that holds a whole batch. Raises UnreadableBody or Refusal."""
    plain = restored(stored.body, stored.sys_flag)
    return unwrap_batch(msgspec.structs.replace(stored, body=plain, sys_flag=without_compressed(stored.sys_flag)))
