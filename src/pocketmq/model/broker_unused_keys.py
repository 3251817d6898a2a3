"""The keys of a Java broker that mean nothing here, with the reason why; see `UnusedKeys`."""

from pocketmq.model.settings import UnusedKeys

BROKER_UNUSED_KEYS = (
    UnusedKeys(
        "one event loop serves all requests: there are no thread pools and queues to size",
        """
        ackMessageThreadPoolNums=16 ackThreadPoolQueueCapacity=100000 adminBrokerThreadPoolNums=16
        adminBrokerThreadPoolQueueCapacity=10000 batchDispatchRequestThreadPoolNums=16 clientManageThreadPoolNums=32
        clientManagerThreadPoolQueueCapacity=1000000 consumerManageThreadPoolNums=32
        consumerManagerThreadPoolQueueCapacity=1000000 compactionThreadNum=6 endTransactionPoolQueueCapacity=100000
        endTransactionThreadPoolNums=12 heartbeatThreadPoolNums=2 heartbeatThreadPoolQueueCapacity=50000
        litePullMessageThreadPoolNums=20 litePullThreadPoolQueueCapacity=100000
        loadBalanceProcessorThreadPoolNums=32 loadBalanceThreadPoolQueueCapacity=100000
        processReplyMessageThreadPoolNums=20 pullMessageThreadPoolNums=20 pullThreadPoolQueueCapacity=100000
        putMessageFutureThreadPoolNums=2 putThreadPoolQueueCapacity=10000 queryMessageThreadPoolNums=10
        queryThreadPoolQueueCapacity=20000 recoverConcurrently=false recoverThreadPoolNums=32
        replyThreadPoolQueueCapacity=10000 sendMessageThreadPoolNums=2 sendThreadPoolQueueCapacity=10000
        serverCallbackExecutorThreads=0 serverSelectorThreads=3 serverWorkerThreads=8 clientCallbackExecutorThreads=2
        clientWorkerThreads=4 dispatchCqThreads=10 dispatchCqCacheNum=4096 popReviveConcurrency=32
        timerGetMessageThreadNum=3 timerPutMessageThreadNum=3 timerEnableDisruptor=false
        timerReputServiceCorePoolSize=6 timerReputServiceMaxPoolSize=6 timerReputServiceQueueCapacity=10000
        transactionCheckRocksdbCoreThreads=2 transactionCheckRocksdbMaxThreads=5
        transactionCheckRocksdbQueueCapacity=2000 enableFastChannelEventProcess=false
        """,
    ),
    UnusedKeys(
        "requests are decided in the order they come: no semaphores count them",
        """
        maxAsyncPutMessageRequests=5000 serverAsyncSemaphoreValue=64 serverOnewaySemaphoreValue=256
        clientAsyncSemaphoreValue=65535 clientOnewaySemaphoreValue=65535
        """,
    ),
    UnusedKeys(
        "one writer needs no locks",
        """
        useReentrantLockWhenPutMessage=true useABSLock=false spinLockCollisionRetreatOptimalDegree=1000
        topicQueueLockNum=32 debugLockEnable=false
        """,
    ),
    UnusedKeys(
        "the transport is not Netty",
        """
        serverNettyWorkerGroupEnable=true serverPooledByteBufAllocatorEnable=true useEpollNativeSelector=false
        clientPooledByteBufAllocatorEnable=false disableCallbackExecutor=false disableNettyWorkerGroup=false
        serverSocketRcvBufSize=0 serverSocketSndBufSize=0 clientSocketRcvBufSize=0 clientSocketSndBufSize=0
        writeBufferHighWaterMark=0 writeBufferLowWaterMark=0 channelNotActiveInterval=60000
        clientChannelMaxIdleTimeSeconds=120 clientCloseSocketIfTimeout=true maxReconnectIntervalTimeSeconds=60
        enableReconnectForGoAway=true isScanAvailableNameSrv=true scanAvailableNameSrv socksProxyConfig={}
        enableNetWorkFlowControl=false
        """,
    ),
    UnusedKeys(
        "the store writes with pwrite and reads through the page cache: it maps no files into memory",
        """
        writeWithoutMmap=false transferMsgByHeap=true transientStorePoolEnable=false transientStorePoolSize=5
        fastFailIfNoBufferInStorePool=false commitIntervalCommitLog=200 commitCommitLogLeastPages=4
        commitCommitLogThoroughInterval=200 wakeCommitWhenPutMessage=true warmMapedFileEnable=false
        flushLeastPagesWhenWarmMapedFile=4096 mappedFileSwapEnable=true cleanSwapedMapInterval=300000
        commitLogForceSwapMapInterval=43200000 commitLogSwapMapInterval=3600000 commitLogSwapMapReserveFileNum=100
        logicQueueForceSwapMapInterval=43200000 logicQueueSwapMapInterval=3600000 logicQueueSwapMapReserveFileNum=20
        destroyMapedFileIntervalForcibly=120000 redeleteHangedFileInterval=120000
        putConsumeQueueDataByFileChannel=true sharedByteBufferNum=16 searchBcqByCacheEnable=true
        """,
    ),
    UnusedKeys(
        "each flush takes everything written so far, in one fsync for all who wait",
        """
        flushCommitLogLeastPages=4 flushCommitLogThoroughInterval=10000 flushCommitLogTimed=true
        wakeFlushWhenPutMessage=false flushConsumeQueueLeastPages=2 flushConsumeQueueThoroughInterval=60000
        enableRunningFlagsInFlush=false
        """,
    ),
    UnusedKeys(
        "queues and index are derived in the turn of the append: nothing lags behind the log",
        """
        enableAsyncReput=true dispatchFromSenderThread=false enableBuildConsumeQueueConcurrently=false
        recheckReputOffsetFromCq=false putMsgIndexHightWater=600000 readUnCommitted=false
        enableLogConsumeQueueRepeatedlyBuildWhenRecover=false messageIndexSafe=false
        indexFileReadEnable=true indexFileWriteEnable=true
        """,
    ),
    UnusedKeys(
        "recovery walks the log from the last checkpoint to its end, whatever its length",
        """
        enableAcceleratedRecovery=false maxRecoveryCommitlogFiles=30 commitLogRecoverMaxNum=10
        checkCommitLogOffsetOnRecover=false diskFallRecorded=true
        """,
    ),
    UnusedKeys(
        "expired files go one at a time between requests: there are no pauses to set",
        """
        deleteCommitLogFilesInterval=100 deleteConsumeQueueFilesInterval=100 maxBatchDeleteFilesNum=50
        correctLogicMinOffsetForceInterval=300000 correctLogicMinOffsetSleepInterval=1
        logicalDiskSpaceCleanForciblyThreshold=0.8 replicasPerDiskPartition=1
        """,
    ),
    UnusedKeys(
        "thresholds of cold reads are as they were set, and what is cold is told from the log offset",
        """
        coldCtrStrategyEnable=false usePIDColdCtrStrategy=true coldDataScanEnable=false
        timerColdDataCheckIntervalMs=60000 dataReadAheadEnable=true
        """,
    ),
    UnusedKeys(
        "how long a bit map is follows from maxErrorRateOfBloomFilter and expectConsumerNumUseFilter",
        "bitMapLengthConsumeQueueExt=112",
    ),
    UnusedKeys(
        "how Java's pops buffer and look ahead; the outcome here does not depend on it",
        """
        enablePopBufferMerge=false popCkMaxBufferSize=200000 popCkOffsetMaxQueueSize=20000 popCkStayBufferTime=10000
        popCkStayBufferTimeOut=3000 appendAckAsync=false appendCkAsync=false enablePopBatchAck=false
        popLongPollingForceNotifyInterval=800 popPollingMapExpireTimeSeconds=600 popPollingMapSize=100000
        popReviveMaxReturnSizePerRead=16384 popReviveSkipIfGroupAbsent=true reviveScanTime=10000 enablePopLog=false
        popConsumerFSServiceInit=true popConsumerKVServiceEnable=false popConsumerKVServiceInit=false
        popConsumerKVServiceLog=false travelCqFileNumWhenGetMessage=1
        """,
    ),
    UnusedKeys(
        "how Java's timers buffer, retry and check themselves; the outcome here does not depend on it",
        """
        timerCheckMetricsWhen=05 timerEnableCheckMetrics=true timerEnableRetryUntilSuccess=false
        timerMetricSmallThreshold=1000000 timerProgressLogIntervalMs=10000 timerSkipUnknownError=false
        timerWarmEnable=false timerWheelSnapshotFlush=false timerWheelSnapshotIntervalMs=10000
        enableScheduleAsyncDeliver=false scheduleAsyncDeliverMaxPendingLimit=2000
        scheduleAsyncDeliverMaxResendNum2Blocked=3 enableScheduleMessageStats=true disappearTimeAfterStart=-1
        asyncSendEnable=true
        """,
    ),
    UnusedKeys(
        "there is no RocksDB",
        """
        bottomMostCompressionTypeForConsumeQueueStore=zstd cleanRocksDBDirtyCQIntervalMin=60
        combineAssignOffsetCQType=default combineCQEnableCheckSelf=false
        combineCQLoadingCQTypes=default;defaultRocksDB combineCQMaxExtraSearchCommitLogFiles=3
        combineCQPreferCQType=default combineCQUseRocksdbForLmq=false enableRocksDBLog=false
        iteratorWhenUseRocksdbConsumeQueue=true maxRocksDBIndexQueryDays=7 memTableFlushIntervalMs=3600000
        persistConsumerOffsetIncrementally=false realTimePersistRocksDBConfig=true rocksdbCQDoubleWriteEnable=false
        rocksdbCompressionType=lz4 rocksdbFlushWalFrequency=1024 rocksdbWalFileRollingThreshold=1073741824
        statRocksDBCQIntervalSec=10 timerRecallToTimeWheelEnable=true timerRecallToTimelineEnable=true
        timerRocksDBPrecisionMs=1000 timerRocksDBRollIntervalHours=1 timerRocksDBRollMaxTps=8000.0
        timerRocksDBRollRangeHours=2 timerRocksDBStopScan=false timerRocksDBTimeExpiredMaxTps=200000.0
        transWriteOriginTransHalfEnable=true useSeparateStorePathForRocksdbCQ=false
        useSingleRocksDBForAllConfigs=false
        """,
    ),
    UnusedKeys(
        "there is no RocksDB, and what a store keeps there would be lost from sight",
        """
        storeType=default configManagerVersion=v1 timerRocksDBEnable=false transRocksDBEnable=false
        indexRocksDBEnable=false
        """,
        only_default=True,
    ),
    UnusedKeys(
        "there is no DLedger; replicas copy from a master (brokerRole)",
        """
        dLegerGroup dLegerPeers dLegerSelfId preferredLeaderId storePathDLedgerCommitLog enableBatchPush=false
        """,
    ),
    UnusedKeys(
        "there is no DLedger; replicas copy from a master (brokerRole)",
        "enableDLegerCommitLog=false",
        only_default=True,
    ),
    UnusedKeys(
        "there is no controller that elects masters",
        """
        controllerAddr= controllerHeartBeatTimeoutMills=10000 fetchControllerAddrByDnsLookup=false
        brokerElectionPriority=2147483647 syncBrokerMetadataPeriod=5000 syncControllerMetadataPeriod=10000
        checkSyncStateSetPeriod=5000 storePathEpochFile storePathBrokerIdentity asyncLearner=false
        haMaxTimeSlaveNotCatchup=15000
        """,
    ),
    UnusedKeys("there is no controller that elects masters", "enableControllerMode=false", only_default=True),
    UnusedKeys(
        "there is no access control, and a broker that seems to have it is worse than one that says so",
        """
        aclEnable=false authenticationEnabled authorizationEnabled migrateAuthFromV1Enabled
        """,
        only_default=True,
    ),
    UnusedKeys(
        "there is no access control",
        """
        configName clusterName authConfigPath authenticationProvider authenticationMetadataProvider
        authenticationStrategy authenticationWhitelist initAuthenticationUser innerClientAuthenticationCredentials
        authorizationProvider authorizationMetadataProvider authorizationStrategy authorizationWhitelist
        userCacheMaxNum userCacheExpiredSecond userCacheRefreshSecond aclCacheMaxNum aclCacheExpiredSecond
        aclCacheRefreshSecond statefulAuthenticationCacheMaxNum statefulAuthenticationCacheExpiredSecond
        statefulAuthorizationCacheMaxNum statefulAuthorizationCacheExpiredSecond
        """,
    ),
    UnusedKeys(
        "connections to other brokers and name servers are plain",
        "useTLS=false",
        only_default=True,
    ),
    UnusedKeys(
        "name servers are named by namesrvAddr; nothing looks them up",
        "fetchNameSrvAddrByDnsLookup=false fetchNamesrvAddrByAddressServer=false",
        only_default=True,
    ),
    UnusedKeys(
        "name servers are named by namesrvAddr; nothing looks them up",
        """
        fetchNamesrvAddrInterval=10000 updateNameServerAddrPeriod=120000 rmqAddressServerDomain
        rmqAddressServerSubGroup
        """,
    ),
    UnusedKeys(
        "there is no broker container",
        "isBrokerContainer=false isInBrokerContainer=false brokerContainer inBrokerContainer",
        only_default=True,
    ),
    UnusedKeys(
        "there are no store plug-ins",
        "messageStorePlugIn= duplicationEnable=false",
        only_default=True,
    ),
    UnusedKeys(
        "there is no tiered store",
        """
        tieredStorageLevel recordGetMessageResult tieredStoreCommitLogMaxSize tieredStoreConsumeQueueMaxSize
        tieredStoreIndexFileMaxHashSlotNum tieredStoreIndexFileMaxIndexNum tieredMetadataServiceProvider
        tieredBackendServiceProvider tieredStoreDeleteFileEnable tieredStoreFileReservedTime
        tieredStoreDeleteFileInterval commitLogRollingInterval commitLogRollingMinimumSize tieredStoreGroupCommit
        tieredStoreGroupCommitTimeout tieredStoreGroupCommitCount tieredStoreGroupCommitSize
        tieredStoreMaxGroupCommitCount readAheadCacheEnable readAheadMessageCountThreshold
        readAheadMessageSizeThreshold readAheadCacheExpireDuration readAheadCacheSizeThresholdRate
        tieredStoreMaxPendingLimit tieredStoreCrcCheckEnable tieredStoreFilePath objectStoreEndpoint
        objectStoreBucket objectStoreAccessKey objectStoreSecretKey
        """,
    ),
    UnusedKeys(
        "replicas always agree on where the log begins and ends",
        """
        maxChecksumRange=1073741824 maxSlaveResendLength=268435456 syncMasterFlushOffsetWhenStartup=false
        """,
    ),
    UnusedKeys(
        "there are no compacted topics",
        """
        enableCompaction=true compactionCqMappedFileSize=10485760 compactionMappedFileSize=104857600
        compactionScheduleInternal=900000 maxOffsetMapSize=104857600
        """,
    ),
    UnusedKeys(
        "there are no lite topics",
        """
        enableLiteEventMode=true enableLitePopLog=false liteEventCheckInterval=10000
        liteEventFullDispatchDelayTime=10000 liteEventFullDispatchDelayTimeForWildcardGroup=10000
        liteLagCountMetricsEnable=false liteLagLatencyCollectEnable=false liteLagLatencyMetricsEnable=false
        liteLagLatencyTopK=50 liteSubscriptionCheckInterval=120000 liteSubscriptionCheckTimeoutMills=180000
        liteTtlCheckInterval=120000 maxClientEventCount=100 maxLiteSubscriptionCount=100000 minLiteTTl=900000
        """,
    ),
    UnusedKeys(
        "there is no metrics exporter",
        """
        metricsExporterType=DISABLE metricGrpcExporterIntervalInMills=60000 metricGrpcExporterTimeOutInMills=3000
        metricLoggingExporterIntervalInMills=10000 metricsExportBatchMaxDataPoints=1000 metricsGrpcExporterHeader=
        metricsGrpcExporterTarget= metricsInDelta=false metricsLabel= metricsOtelCardinalityLimit=50000
        metricsPromExporterHost= metricsPromExporterPort=5557 enableConnectionMetrics=true
        enableLagAndDlqMetrics=true enableMessageStoreMetrics=true enablePopMetrics=true enableRemotingMetrics=true
        enableRequestMetrics=true enableStatsMetrics=true enableTransactionMetrics=true
        transactionMetricFlushInterval=10000
        """,
    ),
    UnusedKeys(
        "statistics are kept the one way there is",
        """
        accountStatsEnable=true accountStatsPrintZeroValues=true autoDeleteUnusedStats=true commercialBaseCount=1
        commercialSizePerMsg=4096 enableDetailStat=true enableLmqStats=false maxStatsIdleTimeInMinutes=-1
        sampleSteps=32 flushConsumerOffsetHistoryInterval=60000 printChannelGroups=false printChannelGroupsMinNum=5
        """,
    ),
    UnusedKeys("light queues are bounded by maxLmqConsumeQueueNum alone", "enableLmqQuota=false"),
    UnusedKeys(
        "a stop answers what has arrived, flushes and closes; there is nothing to wait for",
        "enableShutdownGracefully=false shutdownWaitTimeSeconds=30",
    ),
    UnusedKeys(
        "a replica that stands in for its master does so the one way there is",
        "enableRemoteEscape=false skipPreOnline=false compatibleWithOldNameSrv=true",
    ),
    UnusedKeys(
        "offsets go with their topic or group", "enableCleanExpiredOffset=false cleanOfflineBrokerInterval=30000"
    ),
    UnusedKeys(
        "topic names are bounded by the record's version, see autoMessageVersionOnTopicLen", "maxTopicLength=127"
    ),
    UnusedKeys("PocketMQ needs no home folder", "rocketmqHome=${rocketmqHome}"),
    UnusedKeys("logs go to standard error or --log-dir", "isolateLogEnable=false"),
    UnusedKeys("Java itself reads it nowhere", "highSpeedMode=false"),
)
