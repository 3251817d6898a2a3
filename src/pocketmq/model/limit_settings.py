"""Settings of limits: how fast clients may go, and when a broker in trouble says no (BrokerConfig, and ours).

The keys of rates are PocketMQ's own; a Java broker passes them over.
"""

from dataclasses import dataclass

from pocketmq.model.delivery_settings import DeliverySettings
from pocketmq.model.settings import INT_MAX, LONG_MAX, integer, switch

OWN_KEYS = frozenset(
    ("sendRateLimitPerTopic", "sendRateLimitPerGroup", "pullRateLimitPerTopic", "pullRateLimitPerGroup")
)
"""Keys that RocketMQ does not have."""


@dataclass(slots=True, eq=False, repr=False)
class LimitSettings(DeliverySettings):
    """What keeps some clients from taking everything from the others; `BrokerSettings` continues it."""

    # Rates
    send_rate_limit_per_topic: int = integer(
        "sendRateLimitPerTopic",
        0,
        "Messages a second that a topic takes; 0 is any number. A topic's attribute `send.rate.limit` goes before it.",
        high=INT_MAX,
    )
    send_rate_limit_per_group: int = integer(
        "sendRateLimitPerGroup", 0, "Messages a second that a producer group may send; 0 is any number.", high=INT_MAX
    )
    pull_rate_limit_per_topic: int = integer(
        "pullRateLimitPerTopic",
        0,
        "Messages a second that are given of a topic, to all its groups together; 0 is any number. A topic's attribute "
        "`pull.rate.limit` goes before it.",
        high=INT_MAX,
    )
    pull_rate_limit_per_group: int = integer(
        "pullRateLimitPerGroup",
        0,
        "Messages a second that a consumer group is given; 0 is any number. A group's attribute `pull.rate.limit` goes "
        "before it.",
        high=INT_MAX,
    )

    # Readers far behind
    cold_data_flow_control_enable: bool = switch(
        "coldDataFlowControlEnable", False, "Bound what groups read that lies far behind.", important=True
    )
    cg_cold_read_threshold: int = integer(
        "cgColdReadThreshold",
        3 * 1024 * 1024,
        "Bytes far behind that a group may read in 5 seconds, unless `updateColdDataFlowCtrGroupConfig` said another "
        "number for it.",
        low=1,
        high=LONG_MAX,
    )
    global_cold_read_threshold: int = integer(
        "globalColdReadThreshold",
        100 * 1024 * 1024,
        "Bytes far behind that all groups together may read in 5 seconds.",
        low=1,
        high=LONG_MAX,
    )
    access_message_in_memory_hot_ratio: int = integer(
        "accessMessageInMemoryHotRatio",
        26,
        "Per cent of the machine's memory that the end of the log is expected to be in; all before is far behind.",
        high=100,
    )
