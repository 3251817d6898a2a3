"""Bodies about progress: offsets, consumption, time spans, figures of brokers and consumers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from pocketmq.model.queue import MessageQueue
from pocketmq.model.subscription import SubscriptionData
from pocketmq.protocol.bodies.codec import Body


@dataclass(frozen=True, slots=True)
class OffsetWrapper(Body):
    """How far a group is in one queue."""

    broker_offset: int = 0
    consumer_offset: int = 0
    pull_offset: int = 0
    last_timestamp: int = 0


@dataclass(frozen=True, slots=True)
class ConsumeStats(Body):
    """How far a group is in each queue, and how fast."""

    offset_table: Mapping[MessageQueue, OffsetWrapper] = field(default_factory=dict)
    consume_tps: float = 0.0


@dataclass(frozen=True, slots=True)
class ConsumeStatsList(Body):
    """How far every group of a broker is."""

    consume_stats_list: Sequence[Mapping[str, Sequence[ConsumeStats]]] = ()
    broker_addr: str | None = None
    total_diff: int = 0
    total_inflight_diff: int = 0


@dataclass(frozen=True, slots=True)
class TopicOffset(Body):
    """What one queue of a topic holds."""

    min_offset: int = 0
    max_offset: int = 0
    last_update_timestamp: int = 0


@dataclass(frozen=True, slots=True)
class TopicStatsTable(Body):
    """What each queue of a topic holds, and how fast it grows."""

    topic_put_tps: float = 0.0
    offset_table: Mapping[MessageQueue, TopicOffset] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RollbackStats(Body):
    """What resetting one queue's offset by time does."""

    broker_name: str | None = None
    queue_id: int = 0
    broker_offset: int = 0
    consumer_offset: int = 0
    timestamp_offset: int = 0
    rollback_offset: int = 0


@dataclass(frozen=True, slots=True)
class QueueTimeSpan(Body):
    """The times of a queue's first, last and next consumed message; the texts are written in UTC, not local time."""

    WRITTEN_ONLY = {
        "minTimeStampStr": "min_time_stamp_text",
        "maxTimeStampStr": "max_time_stamp_text",
        "consumeTimeStampStr": "consume_time_stamp_text",
    }

    message_queue: MessageQueue | None = None
    min_time_stamp: int = 0
    max_time_stamp: int = 0
    consume_time_stamp: int = 0
    delay_time: int = 0

    @property
    def min_time_stamp_text(self) -> str:
        """When the first message was stored."""
        return _time_text(self.min_time_stamp)

    @property
    def max_time_stamp_text(self) -> str:
        """When the last message was stored."""
        return _time_text(self.max_time_stamp)

    @property
    def consume_time_stamp_text(self) -> str:
        """When the next message to be consumed was stored."""
        return _time_text(self.consume_time_stamp)


@dataclass(frozen=True, slots=True)
class QueryConsumeTimeSpanBody(Body):
    """The time spans of a topic's queues."""

    consume_time_span_set: Sequence[QueueTimeSpan] = ()


@dataclass(frozen=True, slots=True)
class BrokerStatsItem(Body):
    """Sum, rate and average time of one figure."""

    sum: int = 0
    tps: float = 0.0
    avgpt: float = 0.0


@dataclass(frozen=True, slots=True)
class BrokerStatsData(Body):
    """One figure over the last minute, hour and day."""

    stats_minute: BrokerStatsItem | None = None
    stats_hour: BrokerStatsItem | None = None
    stats_day: BrokerStatsItem | None = None


@dataclass(frozen=True, slots=True)
class ProcessQueueInfo(Body):
    """What a pulling consumer holds of one queue."""

    WIRE = {"cached_msg_size_in_mib": "cachedMsgSizeInMiB"}

    commit_offset: int = 0
    cached_msg_min_offset: int = 0
    cached_msg_max_offset: int = 0
    cached_msg_count: int = 0
    cached_msg_size_in_mib: int = 0
    transaction_msg_min_offset: int = 0
    transaction_msg_max_offset: int = 0
    transaction_msg_count: int = 0
    locked: bool = False
    try_unlock_times: int = 0
    last_lock_timestamp: int = 0
    droped: bool = False
    last_pull_timestamp: int = 0
    last_consume_timestamp: int = 0


@dataclass(frozen=True, slots=True)
class PopProcessQueueInfo(Body):
    """What a popping consumer holds of one queue."""

    wait_ack_count: int = 0
    droped: bool = False
    last_pop_timestamp: int = 0


@dataclass(frozen=True, slots=True)
class ConsumeStatus(Body):
    """How fast a consumer works on one topic."""

    WIRE = {
        "pull_rt": "pullRT",
        "pull_tps": "pullTPS",
        "consume_rt": "consumeRT",
        "consume_ok_tps": "consumeOKTPS",
        "consume_failed_tps": "consumeFailedTPS",
    }

    pull_rt: float = 0.0
    pull_tps: float = 0.0
    consume_rt: float = 0.0
    consume_ok_tps: float = 0.0
    consume_failed_tps: float = 0.0
    consume_failed_msgs: int = 0


@dataclass(frozen=True, slots=True)
class ConsumerRunningInfo(Body):
    """What a consumer says about itself when it is asked."""

    properties: Mapping[str, str] = field(default_factory=dict)
    subscription_set: Sequence[SubscriptionData] = ()
    mq_table: Mapping[MessageQueue, ProcessQueueInfo] = field(default_factory=dict)
    mq_pop_table: Mapping[MessageQueue, PopProcessQueueInfo] = field(default_factory=dict)
    status_table: Mapping[str, ConsumeStatus] = field(default_factory=dict)
    user_consumer_info: Mapping[str, str] = field(default_factory=dict)
    jstack: str | None = None


class CMResult(StrEnum):
    """How consuming one message on an administrator's order went."""

    CR_SUCCESS = "CR_SUCCESS"
    CR_LATER = "CR_LATER"
    CR_ROLLBACK = "CR_ROLLBACK"
    CR_COMMIT = "CR_COMMIT"
    CR_THROW_EXCEPTION = "CR_THROW_EXCEPTION"
    CR_RETURN_NULL = "CR_RETURN_NULL"


@dataclass(frozen=True, slots=True)
class ConsumeMessageDirectlyResult(Body):
    """What came of it."""

    order: bool = False
    auto_commit: bool = True
    consume_result: CMResult | None = None
    remark: str | None = None
    spent_time_mills: int = 0


@dataclass(frozen=True, slots=True)
class ConsumeByWho(Body):
    """Which groups have consumed a message and which have not."""

    consumed_group: Sequence[str] = ()
    not_consumed_group: Sequence[str] = ()
    topic: str | None = None
    queue_id: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class ConsumeQueueData(Body):
    """One entry of a consume queue."""

    physic_offset: int = 0
    physic_size: int = 0
    tags_code: int = 0
    extend_data_json: str | None = None
    bit_map: str | None = None
    eval: bool = False
    msg: str | None = None


@dataclass(frozen=True, slots=True)
class QueryConsumeQueueResponseBody(Body):
    """Some entries of a consume queue, and how a group's filter judges them."""

    subscription_data: SubscriptionData | None = None
    filter_data: str | None = None
    queue_data: Sequence[ConsumeQueueData] | None = None
    max_queue_index: int = 0
    min_queue_index: int = 0


def _time_text(time_ms: int) -> str:
    """`2024-02-29#12:34:56:789` (UtilAll.YYYY_MM_DD_HH_MM_SS_SSS); empty beyond the year 9999."""
    try:
        moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return f"{moment:%Y-%m-%d#%H:%M:%S}:{time_ms % 1000:03d}"
