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

    # A broker in trouble
    broker_fast_failure_enable: bool = switch(
        "brokerFastFailureEnable", True, "Refuse requests that have waited too long rather than serve them late."
    )
    wait_time_mills_in_send_queue: int = integer(
        "waitTimeMillsInSendQueue",
        200,
        "Milliseconds after which a send has waited too long.",
        low=1,
        high=LONG_MAX,
    )
    wait_time_mills_in_pull_queue: int = integer(
        "waitTimeMillsInPullQueue",
        5_000,
        "Milliseconds after which a pull has waited too long.",
        low=1,
        high=LONG_MAX,
    )
    wait_time_mills_in_lite_pull_queue: int = integer(
        "waitTimeMillsInLitePullQueue",
        5_000,
        "Milliseconds after which a pull of the lite kind has waited too long.",
        low=1,
        high=LONG_MAX,
    )
    wait_time_mills_in_heartbeat_queue: int = integer(
        "waitTimeMillsInHeartbeatQueue",
        31_000,
        "Milliseconds after which a heartbeat has waited too long.",
        low=1,
        high=LONG_MAX,
    )
    wait_time_mills_in_transaction_queue: int = integer(
        "waitTimeMillsInTransactionQueue",
        3_000,
        "Milliseconds after which a transaction's end has waited too long.",
        low=1,
        high=LONG_MAX,
    )
    wait_time_mills_in_ack_queue: int = integer(
        "waitTimeMillsInAckQueue",
        3_000,
        "Milliseconds after which an acknowledgement has waited too long.",
        low=1,
        high=LONG_MAX,
    )
    wait_time_mills_in_admin_broker_queue: int = integer(
        "waitTimeMillsInAdminBrokerQueue",
        5_000,
        "Milliseconds after which a request of any other kind has waited too long.",
        low=1,
        high=LONG_MAX,
    )
    os_page_cache_busy_time_out_mills: int = integer(
        "osPageCacheBusyTimeOutMills",
        1000,
        "Milliseconds of one sync of the log, under SYNC_FLUSH, after which sends are refused until it is done.",
        low=1,
        high=LONG_MAX,
    )
