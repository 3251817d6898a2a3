"""What a broker knows about a consumer group, and how long its failed messages wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

RETRY_DELAYS_MS_DEFAULT = (
    1_000,
    5_000,
    10_000,
    30_000,
    60_000,
    120_000,
    180_000,
    240_000,
    300_000,
    360_000,
    420_000,
    480_000,
    540_000,
    600_000,
    1_200_000,
    1_800_000,
    3_600_000,
    7_200_000,
)
"""CustomizedRetryPolicy.next: the default delay levels."""

_FIRST_RETRY_INDEX = 2
"""CustomizedRetryPolicy: the first retry waits as long as delay level 3."""

_EXPONENT_MAX = 32
"""ExponentialRetryPolicy#nextDelayDuration."""

ATTRIBUTE_PRIORITY_FACTOR = "priority.factor"
ATTRIBUTE_LITE_BIND_TOPIC = "lite.bind.topic"
ATTRIBUTE_LITE_SUB_MODEL = "lite.sub.model"
ATTRIBUTE_LITE_SUB_CLIENT_QUOTA = "lite.sub.client.quota"
ATTRIBUTE_LITE_SUB_WILDCARD = "lite.sub.wildcard"
"""SubscriptionGroupAttributes."""

ATTRIBUTE_PULL_RATE_LIMIT = "pull.rate.limit"
"""Messages a second; PocketMQ's own, and Java keeps it without knowing it."""


class RetryPolicyType(StrEnum):
    """GroupRetryPolicyType."""

    EXPONENTIAL = "EXPONENTIAL"
    CUSTOMIZED = "CUSTOMIZED"


@dataclass(frozen=True, slots=True)
class CustomizedRetryPolicy:
    """A list of delays; beyond its end the last one repeats, and an empty list means the default one."""

    next: Sequence[int] = RETRY_DELAYS_MS_DEFAULT

    def next_delay_ms(self, reconsume_times: int) -> int:
        """How long a message waits that has been retried this often."""
        delays = self.next or RETRY_DELAYS_MS_DEFAULT
        index = max(reconsume_times, 0) + _FIRST_RETRY_INDEX
        return delays[min(index, len(delays) - 1)]


@dataclass(frozen=True, slots=True)
class ExponentialRetryPolicy:
    """Delays that grow by a factor up to a bound."""

    initial: int = 5_000
    max: int = 7_200_000
    multiplier: int = 2

    def next_delay_ms(self, reconsume_times: int) -> int:
        """How long a message waits that has been retried this often."""
        exponent = min(max(reconsume_times, 0), _EXPONENT_MAX)
        growth: int = self.multiplier**exponent
        return min(self.max, self.initial * growth)


DEFAULT_RETRY_POLICY = CustomizedRetryPolicy()


@dataclass(frozen=True, slots=True)
class GroupRetryPolicy:
    """Which of the two policies a group has; a type without its policy means the default delays."""

    type: RetryPolicyType = RetryPolicyType.CUSTOMIZED
    exponential_retry_policy: ExponentialRetryPolicy | None = None
    customized_retry_policy: CustomizedRetryPolicy | None = None

    @property
    def policy(self) -> CustomizedRetryPolicy | ExponentialRetryPolicy:
        """The policy in force (GroupRetryPolicy#getRetryPolicy)."""
        chosen = (
            self.exponential_retry_policy if self.type is RetryPolicyType.EXPONENTIAL else self.customized_retry_policy
        )
        return DEFAULT_RETRY_POLICY if chosen is None else chosen


@dataclass(frozen=True, slots=True)
class SimpleSubscriptionData:
    """A subscription that an administrator wrote into a group's configuration."""

    topic: str
    expression_type: str = "TAG"
    expression: str = "*"
    version: int = 0


@dataclass(frozen=True, slots=True)
class SubscriptionGroupConfig:
    """A consumer group on one broker; the defaults are those of SubscriptionGroupConfig."""

    group_name: str
    consume_enable: bool = True
    consume_from_min_enable: bool = True
    consume_broadcast_enable: bool = True
    consume_message_orderly: bool = False
    retry_queue_nums: int = 1
    retry_max_times: int = 16
    group_retry_policy: GroupRetryPolicy = GroupRetryPolicy()
    broker_id: int = 0
    which_broker_when_consume_slowly: int = 1
    notify_consumer_ids_changed_enable: bool = True
    group_sys_flag: int = 0
    consume_timeout_minute: int = 15
    subscription_data_set: Sequence[SimpleSubscriptionData] | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
