"""What an answer to a pop holds, as Java's client makes it out: messages, and the handles that hide them.

Source: MQClientAPIImpl#processPopResponse.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pocketmq.model import properties
from pocketmq.model.message import StoredMessage
from pocketmq.protocol.pop_handle import PopHandle, decode_pop_handle, retry_kind
from pocketmq.protocol.pop_offsets import parse_start_offsets, queue_key
from pocketmq.protocol.stored import decode_records


class Popped(NamedTuple):
    """A message, the handle that hides it, and the topic in which it really lies."""

    message: StoredMessage
    handle: PopHandle
    topic: str

    @property
    def body(self) -> bytes:
        """The message's body."""
        return self.message.body

    def ack_fields(self, group: str) -> dict[str, object]:
        """The header of its acknowledgement."""
        return {
            "consumerGroup": group,
            "topic": self.topic,
            "queueId": self.handle.queue_id,
            "extraInfo": self.handle.encode(),
            "offset": self.message.queue_offset,
        }


def popped_of(fields: Mapping[str, str], body: bytes, topic: str, group: str, broker_name: str) -> list[Popped]:
    """The messages of an answer that found some. Refusal if its header is not what a broker sends."""
    starts = parse_start_offsets(fields["startOffsetInfo"])
    pop_time, invisible_ms, revive_queue = (int(fields[name]) for name in ("popTime", "invisibleTime", "reviveQid"))
    found = []
    for message in decode_records(body):
        if text := message.properties.get(properties.POP_CK):
            handle = decode_pop_handle(text)
        else:
            kind = retry_kind(message.topic)
            start = starts[queue_key(kind, message.queue_id)]
            place = (broker_name, message.queue_id, message.queue_offset)
            handle = PopHandle(start, pop_time, invisible_ms, revive_queue, kind, *place)
        found.append(Popped(message, handle, handle.real_topic(topic, group)))
    return found
