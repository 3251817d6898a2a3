"""Which filter a subscription asks for, and why it gets none: one set of answers for pulls and for clients that ask.

Sources: PullMessageProcessor, ClientManageProcessor#checkClientConfig.
"""

from collections.abc import Callable
from functools import lru_cache

from pocketmq.broker.filters.filter_table import FilterTable, Registered
from pocketmq.broker.filters.matching import Filter, filter_for, find_property
from pocketmq.broker.filters.words import FilterFault
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.errors import Refusal
from pocketmq.model.limits import SUBSCRIPTIONS_REMEMBERED_MAX
from pocketmq.model.properties import RETRY_TOPIC
from pocketmq.model.subscription import SubscriptionData, is_tag_type, subscription
from pocketmq.protocol.codes import ResponseCode

UNREADABLE = "parse the consumer's subscription failed"

_first_topic = find_property(RETRY_TOPIC)


def require_subscription(
    topic: str, expression: str | None, expression_type: str | None, version: int = 0
) -> SubscriptionData:
    """What a request says that it subscribes to. Refusal if that is no expression."""
    try:
        return _parsed(topic, expression, expression_type, version)
    except ValueError:
        raise Refusal(ResponseCode.SUBSCRIPTION_PARSE_FAILED, UNREADABLE) from None


@lru_cache(maxsize=SUBSCRIPTIONS_REMEMBERED_MAX)
def _parsed(topic: str, expression: str | None, expression_type: str | None, version: int) -> SubscriptionData:
    """A consumer repeats its subscription with every request; it is parsed once."""
    return subscription(topic, expression, expression_type, version=version)


def require_filter(wanted: SubscriptionData, settings: BrokerSettings) -> Filter:
    """The filter for a subscription's own expression, which is no list of tags. Refusal if there is none."""
    require_served(wanted, settings)
    try:
        return filter_for(wanted.expression_type, wanted.sub_string)
    except FilterFault as fault:
        raise Refusal(ResponseCode.SUBSCRIPTION_PARSE_FAILED, f"the expression cannot be read: {fault}") from None


def require_registered_filter(
    wanted: SubscriptionData, group: str, version: int, table: FilterTable, settings: BrokerSettings
) -> Registered:
    """The filter that the group's heartbeats made, as a pull of this subscription version needs it."""
    if wanted.class_filter_mode:
        require_served(wanted, settings)
    found = table.find(wanted.topic, group)
    if found is None:
        raise Refusal(
            ResponseCode.FILTER_DATA_NOT_EXIST,
            "The broker's consumer filter data is not exist!Your expression may be wrong!",
        )
    if found.said.client_version < version:
        raise Refusal(ResponseCode.FILTER_DATA_NOT_LATEST, "the consumer's consumer filter data not latest")
    require_served(wanted, settings)
    return found


def require_served(wanted: SubscriptionData, settings: BrokerSettings) -> None:
    """Refusal if this broker does not filter so at all: by a class, or by SQL92 where that is not turned on."""
    if wanted.class_filter_mode:
        raise Refusal(
            ResponseCode.SYSTEM_ERROR, f"{wanted.topic} is not filtered by a class: brokers run no code of consumers"
        )
    if not is_tag_type(wanted.expression_type) and not settings.enable_property_filter:
        raise Refusal(
            ResponseCode.SYSTEM_ERROR,
            f"The broker does not support consumer to filter message by {wanted.expression_type}",
        )


def judge_of_retried(group: str, table: FilterTable) -> Callable[[bytes], bool]:
    """Judges messages of the group's retry topic by what it filters their first topic by; all, where by nothing.

    Source: ExpressionForRetryMessageFilter.
    """

    def matches(properties: bytes) -> bool:
        topic = _first_topic(properties)
        found = None if topic is None else table.find(topic.decode("utf-8", "replace"), group)
        return found is None or found.filter.matches(properties)

    return matches
