"""Every bound in one place. A number taken from RocketMQ names its class."""

FRAME_BYTES_MAX = 16_777_216
"""NettyDecoder: com.rocketmq.remoting.frameMaxLength; the length field itself is not counted."""

HEADER_BYTES_MAX = 1 << 20
"""A header larger than this is nonsense: topics, groups and 32 KiB of properties fit many times."""

JSON_DEPTH_MAX = 64
"""Nesting that no RocketMQ body reaches; deeper input is refused before it can exhaust the stack."""

TOPIC_CHARS_MAX = 127
"""TopicValidator.TOPIC_MAX_LENGTH for names that users choose."""

RETRY_OR_DLQ_TOPIC_CHARS_MAX = 255
"""TopicValidator.RETRY_OR_DLQ_TOPIC_MAX_LENGTH."""

GROUP_CHARS_MAX = 120
"""Validators.CHARACTER_MAX_LENGTH... TopicValidator.GROUP_MAX_LENGTH for consumer and producer groups."""

PROPERTIES_BYTES_MAX = 32_767
"""MessageExtEncoder: properties length is a signed 16-bit number."""

MESSAGE_BYTES_MAX = 4 * 1024 * 1024
"""MessageStoreConfig.maxMessageSize."""

PULL_BYTES_MAX = 256 * 1024
"""Of records, in one answer to a pull, and of one queue in one to a pop; one record may have more
(MessageStoreConfig.maxTransferBytesOnMessageInMemory)."""

PULL_MESSAGES_MAX = 160
"""DefaultMessageStore: pullBatchMaxMessageCount."""

QUEUES_PER_TOPIC_MAX = 65_536
"""A topic with more queues than this is a typing error; Java has no bound."""

PARKED_PULLS_MAX = 100_000
"""PullRequestHoldService has no bound; beyond ours a pull is answered at once instead of waiting."""

OUTBOX_BYTES_MAX = 64 * 1024 * 1024
"""What may wait for a slow reader before its connection is closed."""

OPEN_FILES_MAX = 256
"""Descriptors that the store keeps open for all its commit log and consume queue files; Java keeps every file open."""

CALLS_IN_FLIGHT_MAX = 65_535
"""NettySystemConfig.CLIENT_ASYNC_SEMAPHORE_VALUE: calls that may wait for an answer on one connection."""

CACHED_MESSAGES_PER_QUEUE_MAX = 1_000
"""DefaultMQPushConsumer.pullThresholdForQueue: pulled and not yet acknowledged."""

CACHED_BYTES_PER_QUEUE_MAX = 100 * 1024 * 1024
"""DefaultMQPushConsumer.pullThresholdSizeForQueue."""

CACHED_SPAN_PER_QUEUE_MAX = 2_000
"""DefaultMQPushConsumer.consumeConcurrentlyMaxSpan: from the first unacknowledged message to the last pulled."""

INFLATED_BODY_BYTES_MAX = 64 * 1024 * 1024
"""A compressed body that grows beyond this is refused: 4 MiB of zeros would become 4 GiB."""

SERVER_REQUESTS_IN_FLIGHT_MAX = 64
"""Requests of brokers that a client works on at once; more are refused as busy."""

NAMESRV_REPLICAS_MAX = 10_000
"""Broker processes in one name server's table; RouteInfoManager has no bound."""

NAMESRV_ROWS_MAX = 1_000_000
"""Pairs of topic and broker in one name server's table, some hundreds of bytes each; RouteInfoManager has no bound."""

NAMESRV_NAME_CHARS_MAX = 255
"""A cluster's, broker's, zone's or topic's name, or an address, in a registration; TopicValidator's longest topic."""

NAMESRV_FILTER_SERVERS_MAX = 100
"""Filter servers of one broker, a feature of RocketMQ 3; RouteInfoManager has no bound."""

KV_CONFIG_CHARS_MAX = 4 * 1024 * 1024
"""Namespaces, keys and values of the key-value table together; each change writes all of it to the disk."""

TOPICS_PER_BROKER_MAX = 100_000
"""TopicConfigManager has no bound; each topic is some hundreds of bytes here and a row of every registration."""

GROUPS_PER_BROKER_MAX = 100_000
"""SubscriptionGroupManager has no bound, and any request may create a group."""

CLIENT_REGISTRATIONS_MAX = 500_000
"""Pairs of group and connection that a broker remembers; ConsumerManager and ProducerManager have no bound."""

SUBSCRIPTIONS_PER_GROUP_MAX = 10_000
"""Topics that one consumer group subscribes to."""

CLIENT_ID_CHARS_MAX = 1_024
"""What a client calls itself: address, process, unit; Java has no bound."""

QUEUE_LOCKS_MAX = 1_000_000
"""Queues locked by orderly consumers; RebalanceLockManager has no bound."""

STATISTICS_COUNTERS_MAX = 200_000
"""Names times keys of BrokerStatsManager; beyond it new topics and groups are not counted."""

DELAYED_PER_TURN_MAX = 512
"""Delayed messages delivered in one turn, so that a backlog does not stop everybody else."""

RETRY_QUEUES_PER_GROUP_MAX = 1_024
"""SubscriptionGroupConfig.retryQueueNums has no bound."""

QUEUE_ENTRIES_QUERIED_MAX = 1_000
"""Entries that one QUERY_CONSUME_QUEUE answers; Java has no bound."""

INDEX_ENTRIES_PENDING_MAX = 16_384
"""Key index entries that gather in memory before they are written to the file; 20 bytes each."""

RATE_BUCKETS_MAX = 200_000
"""Topics and groups whose rates are counted at one time."""

REQUEST_MODES_MAX = 200_000
"""Pairs of topic and group in MessageRequestModeManager, which has no bound."""

ROUTED_TOPICS_MAX = 10_000
"""Topics whose routes a broker follows for clients that let it share out the queues; Java has no bound."""

BROADCAST_MEMBERS_MAX = 10_000
"""Members of broadcasting groups whose places are kept; Java has no bound."""

RELAYS_MAX = 1_000
"""Questions passed on to clients that may be open at once; Java has no bound."""

POP_CHECKPOINTS_MAX = 200_000
"""Popped batches that wait for acknowledgements, half a kilobyte each (BrokerConfig.popCkMaxBufferSize)."""

POP_CLOSED_REMEMBERED_MAX = 10_000
"""Popped batches that are done and may be acknowledged again, by a client that has not heard the answer."""

POPPED_MESSAGES_MAX = 32
"""PopMessageProcessor: messages of one pop; the bits of a checkpoint's map are as many."""

POP_INVISIBLE_MS_MAX = 3 * 24 * 60 * 60 * 1000
"""MessageStoreConfig.timerMaxDelaySec: Java's timer, which its checkpoints pass through, takes no longer delay."""

REVIVE_RECORDS_MAX = 10_000
"""Records of one revive queue that a start reads; the checkpoints before them are written again."""

REVIVED_PER_TURN_MAX = 512
"""Popped messages that one turn brings back, so that a crowd of them does not stop everybody else."""

BIT_SET_BYTES_MAX = 1024
"""BatchAck.bitSet: one bit for each message of a popped batch, and a pop returns some dozens."""

FILTER_CHARS_MAX = 32_768
"""An SQL92 expression; SelectorParser has no bound, and a heartbeat may carry thousands of expressions."""

FILTER_CHARS_PER_HEARTBEAT_MAX = 65_536
"""New SQL92 expressions that one group's heartbeat may bring, 0.2 s of reading; others are read at the next one."""

FILTER_DEPTH_MAX = 64
"""Brackets and signs inside each other in an SQL92 expression; Java's bound is its stack."""

FILTER_PARTS_MAX = 1_000
"""Properties, constants and brackets in an SQL92 expression; the texts behind an IN count as one."""

SUBSCRIPTIONS_REMEMBERED_MAX = 4096
"""Subscriptions that requests bring along, read once."""

FILTERS_REMEMBERED_MAX = 256
"""Compiled SQL92 expressions that are kept; SelectorParser.PARSE_CACHE keeps 100."""

FILTER_TABLE_CHARS_MAX = 2 * 1024 * 1024
"""Expressions, topics and groups in consumerFilter.json; compiled, an expression takes up to 100 times its text."""

EXPRESSIONS_AWAITED_MAX = 64
"""Different SQL92 expressions that pulls wait with in one queue; further ones are woken by every message there."""
