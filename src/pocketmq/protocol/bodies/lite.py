"""Bodies about lite topics, new in RocketMQ 5.5."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pocketmq.protocol.bodies.codec import Body
from pocketmq.protocol.bodies.statistics import OffsetWrapper, TopicOffset


class LiteSubscriptionAction(StrEnum):
    """What a client changes about its lite topics."""

    PARTIAL_ADD = "PARTIAL_ADD"
    PARTIAL_REMOVE = "PARTIAL_REMOVE"
    COMPLETE_ADD = "COMPLETE_ADD"
    COMPLETE_REMOVE = "COMPLETE_REMOVE"


class OffsetOptionType(StrEnum):
    """What the number of an offset option means (OffsetOption.Type)."""

    POLICY = "POLICY"
    OFFSET = "OFFSET"
    TAIL_N = "TAIL_N"
    TIMESTAMP = "TIMESTAMP"


@dataclass(frozen=True, slots=True)
class OffsetOption(Body):
    """Where a new subscription starts; policies are 0 last, 1 first, 2 end."""

    type: OffsetOptionType | None = None
    value: int = 0


@dataclass(frozen=True, slots=True)
class LiteSubscriptionDTO(Body):
    """One change of a client's lite topics under one parent topic."""

    action: LiteSubscriptionAction | None = None
    client_id: str | None = None
    group: str | None = None
    topic: str | None = None
    lite_topic_set: Sequence[str] | None = None
    offset_option: OffsetOption | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class LiteSubscriptionCtlRequestBody(Body):
    """Changes of lite subscriptions."""

    subscription_set: Sequence[LiteSubscriptionDTO] | None = None


@dataclass(frozen=True, slots=True)
class LiteLagInfo(Body):
    """How far a group lags in one lite topic."""

    lite_topic: str | None = None
    lag_count: int = 0
    earliest_unconsumed_timestamp: int = 0


@dataclass(frozen=True, slots=True)
class ClientGroup(Body):
    """A client as a member of a group."""

    client_id: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class GetBrokerLiteInfoResponseBody(Body):
    """A broker's lite topics in numbers."""

    store_type: str | None = None
    max_lmq_num: int = 0
    current_lmq_num: int = 0
    lite_subscription_count: int = 0
    order_info_count: int = 0
    cq_table_size: int = 0
    offset_table_size: int = 0
    event_map_size: int = 0
    topic_meta: Mapping[str, int] | None = None
    group_meta: Mapping[str, Sequence[str]] | None = None


@dataclass(frozen=True, slots=True)
class GetLiteClientInfoResponseBody(Body):
    """One client's lite topics."""

    parent_topic: str | None = None
    group: str | None = None
    client_id: str | None = None
    last_access_time: int = 0
    last_consume_time: int = 0
    lite_topic_count: int = 0
    lite_topic_set: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class GetLiteGroupInfoResponseBody(Body):
    """One group's lite topics, the laggards first."""

    group: str | None = None
    parent_topic: str | None = None
    lite_topic: str | None = None
    earliest_unconsumed_timestamp: int = -1
    total_lag_count: int = 0
    lite_topic_offset_wrapper: OffsetWrapper | None = None
    lag_count_top_k: Sequence[LiteLagInfo] | None = None
    lag_timestamp_top_k: Sequence[LiteLagInfo] | None = None


@dataclass(frozen=True, slots=True)
class GetLiteTopicInfoResponseBody(Body):
    """One lite topic."""

    parent_topic: str | None = None
    lite_topic: str | None = None
    subscriber: Sequence[ClientGroup] | None = None
    topic_offset: TopicOffset | None = None
    sharding_to_broker: bool = False


@dataclass(frozen=True, slots=True)
class GetParentTopicInfoResponseBody(Body):
    """One parent topic."""

    topic: str | None = None
    ttl: int = 0
    groups: Sequence[str] | None = None
    lmq_num: int = 0
    lite_topic_count: int = 0
