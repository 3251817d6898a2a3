"""Keys of a broker that are declared, so that their values are checked and kept, and that nothing acts on."""

from pocketmq.model.settings import UnusedKeys

BROKER_IDLE_KEYS = (
    UnusedKeys(
        "popped messages come back at their time, one retry queue a group, and wake all that wait",
        """
        reviveInterval reviveMaxSlow reviveAckWaitMs enableSkipLongAwaitingAck popReviveMaxAttemptTimes
        skipWhenCKRePutReachMaxTimes popFromRetryProbabilityForPriority priorityOrderAsc useSeparateRetryQueue
        enableNotifyBeforePopCalculateLag enableNotifyAfterPopOrderLockRelease
        """,
    ),
    UnusedKeys(
        "there are no transactions",
        """
        rejectTransactionMessage transactionTimeOut transactionCheckMax transactionCheckInterval
        transactionOpMsgMaxSize transactionOpBatchInterval
        """,
    ),
    UnusedKeys(
        "delays have levels; there is no timer wheel",
        """
        mappedFileSizeTimerLog timerPrecisionMs timerRollWindowSlot timerMaxDelaySec timerFlushIntervalMs
        timerCongestNumEachSlot timerInterceptDelayLevel timerStopEnqueue timerStopDequeue
        appendTopicForTimerDeleteKey recallMessageEnable allowRecallWhenBrokerNotWriteable
        """,
    ),
    UnusedKeys(
        "there are no replicas",
        """
        haMasterAddress haSendHeartbeatInterval haHousekeepingInterval haTransferBatchSize haMaxGapNotInSync
        slaveTimeout totalReplicas minInSyncReplicas enableAutoInSyncReplicas haFlowControlEnable
        maxHaTransferByteInSecond syncFromLastFile offsetCheckInSlave enableSlaveActingMaster brokerHeartbeatInterval
        sendHeartbeatTimeoutMillis brokerNotActiveTimeoutMillis syncBrokerMemberGroupPeriod lockInStrictMode
        """,
    ),
    UnusedKeys("there are no replicas to wait for", "inSyncReplicas allAckInSyncStateSet", only_default=True),
    UnusedKeys(
        "there are no light queues",
        "enableLmq enableMultiDispatch maxLmqConsumeQueueNum",
    ),
    UnusedKeys(
        "a lag is counted from the offsets, under a filter too",
        "maxConsumeQueueScan sampleCountThreshold estimateAccumulation",
    ),
    UnusedKeys(
        "a pull looks through 800 entries of its queue for matches, as 16,000 bytes say",
        "maxFilterMessageSize",
    ),
    UnusedKeys(
        "a pull brings at most 160 messages and 256 KiB, from memory and disk alike",
        """
        maxTransferBytesOnMessageInMemory maxTransferCountOnMessageInMemory maxTransferBytesOnMessageInDisk
        maxTransferCountOnMessageInDisk pullBatchMaxMessageCount disableConsumeIfConsumerReadSlowly
        consumerFallbehindThreshold
        """,
    ),
    UnusedKeys("records of topics longer than 127 bytes are always of version 2", "autoMessageVersionOnTopicLen"),
    UnusedKeys("a send waits for the disk for as long as syncFlushTimeout says", "putMessageTimeout"),
    UnusedKeys(
        "clients and subscriptions are remembered until channelExpiredTimeout",
        "subscriptionExpiredTimeout enableRegisterProducer",
    ),
    UnusedKeys("body checksums are always checked after a crash", "checkCRCOnRecover"),
    UnusedKeys(
        "the rhythm of the small files is fixed: offsets every 5 seconds, queues every second",
        "flushConsumerOffsetInterval flushDelayOffsetInterval flushIntervalConsumeQueue",
    ),
    UnusedKeys(
        "the broker registers the one way there is",
        "forceRegister enableSingleTopicRegister enableSplitRegistration splitRegistrationSize",
    ),
    UnusedKeys(
        "the system chooses well",
        "serverSocketBacklog connectTimeoutMillis",
    ),
    UnusedKeys(
        "proxies and static subscriptions are not served",
        "forwardTimeout useStaticSubscription",
    ),
)
