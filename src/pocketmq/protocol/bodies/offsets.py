"""Bodies that carry offsets: resets, corrections, and the offset files of brokers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pocketmq.model.data_version import DataVersion
from pocketmq.model.queue import MessageQueue
from pocketmq.protocol.bodies.codec import Body


@dataclass(frozen=True, slots=True)
class ResetOffsetBody(Body):
    """New offsets by queue, in the form for every client but C++ ones."""

    offset_table: Mapping[MessageQueue, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MessageQueueForC(Body):
    """A queue with its new offset."""

    topic: str | None = None
    broker_name: str | None = None
    queue_id: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class ResetOffsetBodyForC(Body):
    """New offsets by queue, in the form for C++ clients."""

    offset_table: Sequence[MessageQueueForC] = ()


@dataclass(frozen=True, slots=True)
class GetConsumerStatusBody(Body):
    """Offsets as the consumers of a group know them."""

    message_queue_table: Mapping[MessageQueue, int] = field(default_factory=dict)
    consumer_table: Mapping[str, Mapping[MessageQueue, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueryCorrectionOffsetBody(Body):
    """The smallest offset that some groups have reached, by queue."""

    correction_offsets: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConsumerOffsetSerializeWrapper(Body):
    """What a copy gets of `consumerOffset.json`; the key is `topic@group`."""

    offset_table: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    data_version: DataVersion | None = None


@dataclass(frozen=True, slots=True)
class DelayOffsetSerializeWrapper(Body):
    """What `delayOffset.json` holds, by delay level."""

    offset_table: Mapping[int, int] = field(default_factory=dict)
    data_version: DataVersion | None = None


@dataclass(frozen=True, slots=True)
class OffsetMovedEvent(Body):
    """What a broker notes when it moves a consumer whose offset it no longer has."""

    consumer_group: str | None = None
    message_queue: MessageQueue | None = None
    offset_request: int = 0
    offset_new: int = 0
