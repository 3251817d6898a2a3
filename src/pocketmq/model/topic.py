"""What a broker knows about a topic (TopicConfig) and the attributes a topic may have (TopicAttributes)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pocketmq.model import properties
from pocketmq.model.permissions import PERM_READ_WRITE

QUEUE_NUMS_DEFAULT = 16
"""TopicConfig.defaultReadQueueNums and defaultWriteQueueNums."""

ATTRIBUTE_QUEUE_TYPE = "queue.type"
QUEUE_TYPE_BATCH = "BatchCQ"
"""CQType.BatchCQ: what the attribute says of a topic with batch queues."""

ATTRIBUTE_CLEANUP_POLICY = "cleanup.policy"
ATTRIBUTE_MESSAGE_TYPE = "message.type"
ATTRIBUTE_RESERVE_TIME = "reserve.time"
ATTRIBUTE_LITE_EXPIRATION = "lite.topic.expiration"
ATTRIBUTE_SEND_RATE_LIMIT = "send.rate.limit"
ATTRIBUTE_PULL_RATE_LIMIT = "pull.rate.limit"
"""Messages a second; these two are PocketMQ's own, and Java keeps them without knowing them."""


class TopicFilterType(StrEnum):
    """How many tags a message may carry; RocketMQ itself only writes the first."""

    SINGLE_TAG = "SINGLE_TAG"
    MULTI_TAG = "MULTI_TAG"


class TopicMessageType(StrEnum):
    """Which messages a topic is meant for (TopicMessageType)."""

    UNSPECIFIED = "UNSPECIFIED"
    NORMAL = "NORMAL"
    FIFO = "FIFO"
    DELAY = "DELAY"
    TRANSACTION = "TRANSACTION"
    PRIORITY = "PRIORITY"
    LITE = "LITE"
    MIXED = "MIXED"


@dataclass(frozen=True, slots=True)
class TopicConfig:
    """A topic's queues, permission and attributes on one broker."""

    topic_name: str
    read_queue_nums: int = QUEUE_NUMS_DEFAULT
    write_queue_nums: int = QUEUE_NUMS_DEFAULT
    perm: int = PERM_READ_WRITE
    topic_filter_type: TopicFilterType = TopicFilterType.SINGLE_TAG
    topic_sys_flag: int = 0
    order: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_batch_queues(self) -> bool:
        """Whether a batch sent to it stays one record (QueueTypeUtils#isBatchCq)."""
        return self.attributes.get(ATTRIBUTE_QUEUE_TYPE) == QUEUE_TYPE_BATCH

    @property
    def message_type(self) -> TopicMessageType:
        """The declared type; NORMAL if none is declared, UNSPECIFIED if the word is unknown."""
        text = self.attributes.get(ATTRIBUTE_MESSAGE_TYPE, TopicMessageType.NORMAL)
        return TopicMessageType(text) if text in TopicMessageType.__members__ else TopicMessageType.UNSPECIFIED


def message_type_of(message_properties: Mapping[str, str]) -> TopicMessageType:
    """What kind of message these properties make (TopicMessageType#parseFromMessageProperty)."""
    if message_properties.get(properties.TRANSACTION_PREPARED, "").lower() == "true":
        return TopicMessageType.TRANSACTION
    return next((kind for name, kind in _TYPE_BY_PROPERTY if name in message_properties), TopicMessageType.NORMAL)


_TYPE_BY_PROPERTY = (
    (properties.DELAY, TopicMessageType.DELAY),
    (properties.TIMER_DELIVER_MS, TopicMessageType.DELAY),
    (properties.TIMER_DELAY_SEC, TopicMessageType.DELAY),
    (properties.TIMER_DELAY_MS, TopicMessageType.DELAY),
    (properties.SHARDING_KEY, TopicMessageType.FIFO),
    (properties.PRIORITY, TopicMessageType.PRIORITY),
    (properties.LITE_TOPIC, TopicMessageType.LITE),
)
