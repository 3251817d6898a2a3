"""Settings of delivery: topics, sending, pulling, popping, transactions (RocketMQ's BrokerConfig, first half)."""

from dataclasses import dataclass

from pocketmq.model.settings import INT_MAX, LONG_MAX, choice, integer, switch, text
from pocketmq.model.store_settings import StoreSettings
from pocketmq.model.subscription import MessageRequestMode


@dataclass(slots=True, eq=False, repr=False)
class DeliverySettings(StoreSettings):
    """What handlers ask while they decide; `BrokerSettings` continues it."""

    # Topics and groups
    default_topic_queue_nums: int = integer(
        "defaultTopicQueueNums", 8, "Most queues of a topic that a send creates.", low=1, high=65_536
    )
    auto_create_topic_enable: bool = switch(
        "autoCreateTopicEnable", True, "Create a topic at the first send to it.", important=True
    )
    auto_create_subscription_group: bool = switch(
        "autoCreateSubscriptionGroup", True, "Create a consumer group at its first request.", important=True
    )
    cluster_topic_enable: bool = switch(
        "clusterTopicEnable", True, "Allow sends to the topic named like the cluster.", at_start=True
    )
    broker_topic_enable: bool = switch(
        "brokerTopicEnable", True, "Allow sends to the topic named like the broker.", at_start=True
    )
    trace_topic_enable: bool = switch(
        "traceTopicEnable", False, "Have a topic for message traces.", at_start=True, important=True
    )
    msg_trace_topic_name: str = text(
        "msgTraceTopicName", "RMQ_SYS_TRACE_TOPIC", "Topic of message traces.", at_start=True, important=True
    )
    trace_on: bool = switch(
        "traceOn", True, "Tell clients, in answers and messages, that traces are wanted.", at_start=True
    )
    validate_system_topic_when_update_topic: bool = switch(
        "validateSystemTopicWhenUpdateTopic", True, "Refuse to change RocketMQ's own topics."
    )
    enable_mixed_message_type: bool = switch(
        "enableMixedMessageType", False, "Allow topics of type MIXED, which take any kind of message."
    )
    enable_create_sys_group: bool = switch(
        "enableCreateSysGroup", True, "Have RocketMQ's own consumer groups.", at_start=True
    )
    clear_retry_topic_when_delete_topic: bool = switch(
        "clearRetryTopicWhenDeleteTopic", True, "Delete the retry topics of popping groups with their topic."
    )
    use_static_subscription: bool = switch(
        "useStaticSubscription", False, "Check subscriptions against those stored with the group."
    )

    # Sending
    reject_transaction_message: bool = switch(
        "rejectTransactionMessage", False, "Refuse transactional messages.", important=True
    )
    start_accept_send_request_time_stamp: int = integer(
        "startAcceptSendRequestTimeStamp",
        0,
        "Refuse sends before this time, in milliseconds of Unix time.",
        high=LONG_MAX,
    )
    store_reply_message_enable: bool = switch(
        "storeReplyMessageEnable", True, "Also store answers of the request-reply pattern."
    )
    recall_message_enable: bool = switch("recallMessageEnable", False, "Let a sender recall a delayed message.")
    allow_recall_when_broker_not_writeable: bool = switch(
        "allowRecallWhenBrokerNotWriteable", True, "Recall also while the broker accepts no sends."
    )
    enable_register_producer: bool = switch("enableRegisterProducer", True, "Remember producers that send heartbeats.")
    forward_timeout: int = integer(
        "forwardTimeout",
        3000,
        "Milliseconds to wait for another broker that a request is passed to.",
        low=1,
        high=LONG_MAX,
    )

    # Pulling
    long_polling_enable: bool = switch(
        "longPollingEnable", True, "Hold a pull without messages for as long as the client allows."
    )
    short_polling_time_mills: int = integer(
        "shortPollingTimeMills",
        1000,
        "Milliseconds to hold a pull without messages when long polling is off.",
        low=1,
        high=LONG_MAX,
    )
    slave_read_enable: bool = switch(
        "slaveReadEnable", False, "Send consumers who lag far behind to a replica, and serve them as one."
    )
    disable_consume_if_consumer_read_slowly: bool = switch(
        "disableConsumeIfConsumerReadSlowly", False, "Stop serving groups that lag too far."
    )
    consumer_fallbehind_threshold: int = integer(
        "consumerFallbehindThreshold",
        16 << 30,
        "Bytes of log a group may lag before it is too far.",
        low=1,
        high=LONG_MAX,
    )
    lite_pull_message_enable: bool = switch(
        "litePullMessageEnable", True, "Serve consumers of the lite pull kind by their own request code."
    )
    reject_pull_consumer_enable: bool = switch("rejectPullConsumerEnable", False, "Refuse consumers of the pull kind.")
    use_server_side_reset_offset: bool = switch(
        "useServerSideResetOffset", True, "Reset offsets in the broker, whether or not consumers are there."
    )
    enable_property_filter: bool = switch("enablePropertyFilter", False, "Allow SQL92 filters.", important=True)
    filter_support_retry: bool = switch(
        "filterSupportRetry", False, "Filter messages by SQL92 again when they are retried."
    )
    filter_data_clean_time_span: int = integer(
        "filterDataCleanTimeSpan", 24 * 3_600_000, "Milliseconds a dead subscription's filter is kept.", high=LONG_MAX
    )
    enable_calc_filter_bit_map: bool = switch(
        "enableCalcFilterBitMap",
        False,
        "Judge messages by SQL92 when they are stored, and keep in their queue's extension for which groups they are.",
    )
    expect_consumer_num_use_filter: int = integer(
        "expectConsumerNumUseFilter",
        32,
        "Groups that are expected to filter one topic.",
        low=1,
        high=10_000,
        at_start=True,
    )
    max_error_rate_of_bloom_filter: int = integer(
        "maxErrorRateOfBloomFilter",
        20,
        "Per cent of messages that may have a group's bits without being for it, if as many groups filter as expected.",
        low=1,
        high=99,
        at_start=True,
    )
    use_message_filter_for_notification: bool = switch(
        "useMessageFilterForNotification", True, "Tell who waits to pop only of messages that its expression wants."
    )
    max_message_filter_num_for_notification: int = integer(
        "maxMessageFilterNumForNotification", 64, "Waiting messages beyond which their tags are not looked at."
    )
    estimate_accumulation: bool = switch(
        "estimateAccumulation", True, "Estimate a lag under a filter rather than count it."
    )

    # Consumers
    notify_consumer_ids_changed_enable: bool = switch(
        "notifyConsumerIdsChangedEnable", True, "Tell a group's consumers when one comes or goes."
    )
    real_time_notify_consumer_change: bool = switch(
        "realTimeNotifyConsumerChange", True, "Tell them at once, not at the next turn of 10 seconds."
    )
    channel_expired_timeout: int = integer(
        "channelExpiredTimeout",
        120_000,
        "Milliseconds without heartbeat after which a client is gone.",
        low=1,
        high=LONG_MAX,
    )
    subscription_expired_timeout: int = integer(
        "subscriptionExpiredTimeout",
        600_000,
        "Milliseconds without heartbeat after which a subscription is forgotten.",
        low=1,
        high=LONG_MAX,
    )
    flush_consumer_offset_interval: int = integer(
        "flushConsumerOffsetInterval", 5000, "Milliseconds between two writes of `consumerOffset.json`.", low=1
    )
    consumer_offset_update_version_step: int = integer(
        "consumerOffsetUpdateVersionStep",
        500,
        "Commits after which the offsets get a new version.",
        low=1,
        high=LONG_MAX,
        at_start=True,
    )
    delay_offset_update_version_step: int = integer(
        "delayOffsetUpdateVersionStep",
        200,
        "Deliveries after which the delay offsets get a new version.",
        low=1,
        high=LONG_MAX,
        at_start=True,
    )
    enable_broadcast_offset_store: bool = switch(
        "enableBroadcastOffsetStore", True, "Keep offsets of broadcast consumers that come through a proxy."
    )
    broadcast_offset_expire_second: int = integer(
        "broadcastOffsetExpireSecond", 120, "Seconds after which such an offset is forgotten.", low=1, high=LONG_MAX
    )
    broadcast_offset_expire_max_second: int = integer(
        "broadcastOffsetExpireMaxSecond",
        300,
        "Seconds after which it is forgotten at the latest.",
        low=1,
        high=LONG_MAX,
    )
    default_message_request_mode: MessageRequestMode = choice(  # noqa: RUF009 - it makes a field
        "defaultMessageRequestMode", MessageRequestMode.PULL, "How groups fetch that have not said how."
    )
    default_pop_share_queue_num: int = integer(
        "defaultPopShareQueueNum", -1, "Queues a popping consumer shares with others; -1 is all.", low=-1
    )
    server_load_balancer_enable: bool = switch(
        "serverLoadBalancerEnable", True, "Assign queues to consumers that ask the broker to."
    )

    load_balance_poll_name_server_interval: int = integer(
        "loadBalancePollNameServerInterval",
        30_000,
        "Milliseconds between two looks at the routes of topics that the broker shares out.",
        low=1_000,
        high=LONG_MAX,
    )

    # Popping
    pop_polling_size: int = integer("popPollingSize", 1024, "Pops that may wait on one queue of one group.", low=1)
    max_pop_polling_size: int = integer(
        "maxPopPollingSize", 100_000, "Pops that may wait on the broker.", low=1, high=LONG_MAX
    )
    revive_queue_num: int = integer(
        "reviveQueueNum", 8, "Queues of the topic that remembers popped messages.", low=1, high=1024, at_start=True
    )
    revive_interval: int = integer(
        "reviveInterval",
        1000,
        "Milliseconds between two looks for popped messages nobody acknowledged.",
        low=1,
        high=LONG_MAX,
    )
    revive_max_slow: int = integer(
        "reviveMaxSlow", 3, "Turns with nothing to do after which these looks become rarer.", low=1, high=LONG_MAX
    )
    revive_ack_wait_ms: int = integer(
        "reviveAckWaitMs",
        180_000,
        "Milliseconds an acknowledgement waits for the pop it belongs to.",
        low=1,
        high=LONG_MAX,
    )
    enable_skip_long_awaiting_ack: bool = switch(
        "enableSkipLongAwaitingAck", False, "Give up acknowledgements that wait too long for their pop."
    )
    pop_revive_max_attempt_times: int = integer(
        "popReviveMaxAttemptTimes", 16, "Attempts to bring a popped message back.", low=1, high=INT_MAX
    )
    skip_when_ck_re_put_reach_max_times: bool = switch(
        "skipWhenCKRePutReachMaxTimes", False, "Give a popped message up after its last attempt."
    )
    pop_from_retry_probability: int = integer(
        "popFromRetryProbability", 20, "Per cent of pops that look at retries first.", high=100
    )
    pop_from_retry_probability_for_priority: int = integer(
        "popFromRetryProbabilityForPriority", 0, "The same for topics with priorities.", high=100
    )
    priority_order_asc: bool = switch("priorityOrderAsc", True, "Higher queue numbers are higher priorities.")
    use_separate_retry_queue: bool = switch(
        "useSeparateRetryQueue", False, "Retry in a queue per original queue rather than in one."
    )
    enable_retry_topic_v2: bool = switch(
        "enableRetryTopicV2", False, "Name retry topics of popping groups `%RETRY%group+topic`."
    )
    retrieve_message_from_pop_retry_topic_v1: bool = switch(
        "retrieveMessageFromPopRetryTopicV1", True, "Look into `%RETRY%group_topic` too when V2 names are on."
    )
    pop_response_return_actual_retry_topic: bool = switch(
        "popResponseReturnActualRetryTopic", False, "Deliver a retried message under its retry topic's name."
    )
    init_pop_offset_by_check_msg_in_mem: bool = switch(
        "initPopOffsetByCheckMsgInMem", True, "A new group on a young queue starts with its first message."
    )
    enable_notify_before_pop_calculate_lag: bool = switch(
        "enableNotifyBeforePopCalculateLag", True, "Wake one more waiting pop while messages remain."
    )
    enable_notify_after_pop_order_lock_release: bool = switch(
        "enableNotifyAfterPopOrderLockRelease", True, "Wake waiting pops when an ordered queue becomes free."
    )
    enable_pop_message_threshold: bool = switch(
        "enablePopMessageThreshold", False, "Bound the messages a group has popped and not acknowledged."
    )
    pop_inflight_message_threshold: int = integer(
        "popInflightMessageThreshold", 10_000, "That bound, for each queue.", low=1, high=LONG_MAX
    )

    # Transactions
    transaction_time_out: int = integer(
        "transactionTimeOut",
        6000,
        "Milliseconds a half message is left alone before its sender is asked.",
        high=LONG_MAX,
        important=True,
    )
    transaction_check_max: int = integer(
        "transactionCheckMax", 15, "Times a sender is asked before its half message is given up.", important=True
    )
    transaction_check_interval: int = integer(
        "transactionCheckInterval",
        30_000,
        "Milliseconds between two looks for half messages to ask about.",
        low=1,
        high=LONG_MAX,
        important=True,
    )
    transaction_op_msg_max_size: int = integer(
        "transactionOpMsgMaxSize", 4096, "Bytes of decided half messages' offsets in one record.", low=20
    )
    transaction_op_batch_interval: int = integer(
        "transactionOpBatchInterval", 3000, "Milliseconds such offsets are gathered before they are written.", low=1
    )
