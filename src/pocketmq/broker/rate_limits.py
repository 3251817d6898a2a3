"""Rates of topics and groups: how long the next message of each has to wait.

A rate comes from an attribute of the topic or group, else from a setting; 0 is no limit. RocketMQ's own topics and
groups, retries and dead letters have none. `limits_sends` and `limits_pulls` are all that a broker without limits asks.
"""

from enum import Enum

from pocketmq.broker.token_bucket import TokenBucket
from pocketmq.model import names
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.errors import Refusal
from pocketmq.model.group import ATTRIBUTE_PULL_RATE_LIMIT as GROUP_PULL_RATE
from pocketmq.model.group import SubscriptionGroupConfig
from pocketmq.model.limits import RATE_BUCKETS_MAX
from pocketmq.model.topic import ATTRIBUTE_PULL_RATE_LIMIT, ATTRIBUTE_SEND_RATE_LIMIT, TopicConfig
from pocketmq.protocol.codes import ResponseCode

HELD_MS_MAX = 1_000
"""A send waits at most so long for its turn. Clients give up after 3 s; Java's try three times without a pause."""


class Rate(Enum):
    """What is counted."""

    TOPIC_SENDS = "sends to topic"
    GROUP_SENDS = "sends of group"
    TOPIC_PULLS = "pulls of topic"
    GROUP_PULLS = "pulls of group"


class RateLimits:
    """Token buckets by what they count, made when first needed. Call `refresh` whenever a limit may have changed."""

    def __init__(self, settings: BrokerSettings) -> None:
        self.limits_sends = False
        self.limits_pulls = False
        self._settings = settings
        self._buckets: dict[tuple[Rate, str], TokenBucket] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def refresh(self, *, topics_have_limits: bool, groups_have_limits: bool) -> None:
        """Find out whether there is any limit at all; `…_have_limits` is whether an attribute says so."""
        settings = self._settings
        self.limits_sends = topics_have_limits or bool(
            settings.send_rate_limit_per_topic or settings.send_rate_limit_per_group
        )
        self.limits_pulls = (
            topics_have_limits
            or groups_have_limits
            or bool(settings.pull_rate_limit_per_topic or settings.pull_rate_limit_per_group)
        )

    def take_send(self, topic: TopicConfig, group: str, now_ms: int) -> int:
        """Count one message, and say how long it has to wait for its turn.

        Refusal SYSTEM_BUSY, and nothing is counted, if that is more than HELD_MS_MAX.
        """
        buckets = self._send_buckets(topic, group, now_ms)
        wait_ms = 0
        for (rate, name), bucket in buckets:
            wait_ms = max(wait_ms, bucket.wait_ms(now_ms))
            if wait_ms > HELD_MS_MAX:
                raise Refusal(
                    ResponseCode.SYSTEM_BUSY,
                    f"[RATE_LIMIT]broker busy, start flow control for a while, {rate.value}[{name}] are limited to "
                    f"{bucket.rate} messages a second",
                )
        for _, bucket in buckets:
            bucket.spend(1)
        return wait_ms

    def spend_sends(self, topic: TopicConfig, group: str, count: int, now_ms: int) -> None:
        """Count the other messages of a batch that was taken."""
        for _, bucket in self._send_buckets(topic, group, now_ms):
            bucket.spend(count)

    def pull_wait_ms(self, topic: TopicConfig, group: SubscriptionGroupConfig, now_ms: int) -> int:
        """How long the group has to wait for its next message of the topic."""
        return max((bucket.wait_ms(now_ms) for bucket in self._pull_buckets(topic, group, now_ms)), default=0)

    def spend_pulls(self, topic: TopicConfig, group: SubscriptionGroupConfig, count: int, now_ms: int) -> None:
        """Count messages that were given."""
        for bucket in self._pull_buckets(topic, group, now_ms):
            bucket.spend(count)

    def _send_buckets(self, topic: TopicConfig, group: str, now_ms: int) -> list[tuple[tuple[Rate, str], TokenBucket]]:
        if not _is_limited(topic.topic_name):
            return []
        settings = self._settings
        of_topic = _rate_of(topic.attributes.get(ATTRIBUTE_SEND_RATE_LIMIT), settings.send_rate_limit_per_topic)
        wanted = (
            ((Rate.TOPIC_SENDS, topic.topic_name), of_topic),
            ((Rate.GROUP_SENDS, group), settings.send_rate_limit_per_group),
        )
        return [(key, self._bucket(key, rate, now_ms)) for key, rate in wanted if rate]

    def _pull_buckets(self, topic: TopicConfig, group: SubscriptionGroupConfig, now_ms: int) -> list[TokenBucket]:
        if names.is_system_group(group.group_name):
            return []
        settings = self._settings
        of_topic = _rate_of(topic.attributes.get(ATTRIBUTE_PULL_RATE_LIMIT), settings.pull_rate_limit_per_topic)
        of_group = _rate_of(group.attributes.get(GROUP_PULL_RATE), settings.pull_rate_limit_per_group)
        wanted = (
            ((Rate.TOPIC_PULLS, topic.topic_name), of_topic if _is_limited(topic.topic_name) else 0),
            ((Rate.GROUP_PULLS, group.group_name), of_group),
        )
        return [self._bucket(key, rate, now_ms) for key, rate in wanted if rate]

    def _bucket(self, key: tuple[Rate, str], rate: int, now_ms: int) -> TokenBucket:
        bucket = self._buckets.get(key)
        if bucket is None or bucket.rate != rate:
            if len(self._buckets) >= RATE_BUCKETS_MAX:
                self._buckets.clear()  # Each begins full again: a burst too many, and no list that grows.
            bucket = self._buckets[key] = TokenBucket(rate, now_ms)
        return bucket


def _is_limited(topic: str) -> bool:
    return not (topic.startswith((names.RETRY_PREFIX, names.DLQ_PREFIX)) or names.is_system_topic(topic))


def _rate_of(attribute: str | None, setting: int) -> int:
    """Attributes come from a file, too, where anything may stand."""
    return int(attribute) if attribute is not None and attribute.isascii() and attribute.isdigit() else setting
