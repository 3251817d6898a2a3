"""Settings of a name server (RocketMQ's NamesrvConfig and NettyServerConfig)."""

from dataclasses import dataclass
from typing import ClassVar

from pocketmq.model.settings import LONG_MAX, Settings, UnusedKeys, integer, switch, text

_NO_POOLS = "one event loop serves all requests: there are no thread pools and queues to size"
_NO_NETTY = "the transport is not Netty"

NAMESRV_UNUSED_KEYS = (
    UnusedKeys(
        _NO_POOLS,
        """
        clientRequestThreadPoolNums=8 clientRequestThreadPoolQueueCapacity=50000 defaultThreadPoolNums=16
        defaultThreadPoolQueueCapacity=10000 serverCallbackExecutorThreads=0 serverSelectorThreads=3
        serverWorkerThreads=8 serverOnewaySemaphoreValue=256 serverAsyncSemaphoreValue=64
        unRegisterBrokerQueueCapacity=3000
        """,
    ),
    UnusedKeys(
        _NO_NETTY,
        """
        serverNettyWorkerGroupEnable=true serverPooledByteBufAllocatorEnable=true useEpollNativeSelector=false
        writeBufferHighWaterMark=0 writeBufferLowWaterMark=0 serverSocketSndBufSize=0 serverSocketRcvBufSize=0
        clientWorkerThreads clientCallbackExecutorThreads clientOnewaySemaphoreValue clientAsyncSemaphoreValue
        connectTimeoutMillis channelNotActiveInterval clientChannelMaxIdleTimeSeconds clientSocketSndBufSize
        clientSocketRcvBufSize clientPooledByteBufAllocatorEnable clientCloseSocketIfTimeout socksProxyConfig
        disableCallbackExecutor disableNettyWorkerGroup maxReconnectIntervalTimeSeconds enableReconnectForGoAway
        isScanAvailableNameSrv scanAvailableNameSrv useTLS
        """,
    ),
    UnusedKeys(
        "a stop answers what has arrived and closes; there is nothing to wait for",
        "enableShutdownGracefully=false shutdownWaitTimeSeconds=30",
    ),
    UnusedKeys("PocketMQ needs no home folder", "rocketmqHome=${rocketmqHome}"),
    UnusedKeys("there is no controller that elects masters", "enableControllerInNamesrv=false", only_default=True),
    UnusedKeys(
        "there is no controller that elects masters",
        """
        controllerThreadPoolNums controllerRequestThreadPoolQueueCapacity controllerDLegerGroup
        controllerDLegerPeers controllerDLegerSelfId mappedFileSize controllerStorePath enableElectUncleanMaster
        processReadEvent notifyBrokerRoleChanged scanInactiveMasterInterval controllerType electMasterMaxRetryCount
        jRaftElectionTimeoutMs jRaftSnapshotIntervalSecs jRaftGroupId jRaftServerId jRaftInitConf
        jRaftControllerRPCAddr jRaftScanWaitTimeoutMs metricsExporterType metricsGrpcExporterTarget
        metricsGrpcExporterHeader metricGrpcExporterTimeOutInMills metricGrpcExporterIntervalInMills
        metricLoggingExporterIntervalInMills metricsPromExporterPort metricsPromExporterHost metricsLabel
        metricsInDelta
        """,
    ),
)

NAMESRV_IDLE_KEYS = (
    UnusedKeys("no other name server is asked", "productEnvName clusterTest"),
    UnusedKeys("the system chooses well", "serverSocketBacklog"),
)
"""Declared, so that their values are checked and kept; nothing acts on them."""


@dataclass(slots=True, eq=False, repr=False)
class NamesrvSettings(Settings):
    """Every setting of a name server, with RocketMQ's defaults."""

    UNUSED: ClassVar[tuple[UnusedKeys, ...]] = NAMESRV_UNUSED_KEYS + NAMESRV_IDLE_KEYS
    ENVIRONMENT_PREFIX: ClassVar[str] = "POCKETMQ_NAMESRV_"

    bind_address: str = text("bindAddress", "0.0.0.0", "Address to listen on.", at_start=True, important=True)
    listen_port: int = integer(
        "listenPort", 9876, "Port of the name server; 0 takes any free one.", high=65535, at_start=True, important=True
    )
    kv_config_path: str = text(
        "kvConfigPath", "~/namesrv/kvConfig.json", "File of the key-value table.", at_start=True, important=True
    )
    config_store_path: str = text(
        "configStorePath", "~/namesrv/namesrv.properties", "File that changed settings are written to.", at_start=True
    )
    config_black_list: str = text(
        "configBlackList",
        "configBlackList;configStorePath;kvConfigPath",
        "Keys, separated by `;`, that cannot be changed over the network.",
        at_start=True,
    )
    product_env_name: str = text("productEnvName", "center", "Name of the environment, as `namesrv` answers it.")
    cluster_test: bool = switch("clusterTest", False, "Ask the environment's name server for topics unknown here.")
    order_message_enable: bool = switch(
        "orderMessageEnable", False, "Add the order configuration of a topic to its route.", important=True
    )
    return_order_topic_config_to_broker: bool = switch(
        "returnOrderTopicConfigToBroker", True, "Answer a registration with the order configuration of all topics."
    )
    scan_not_active_broker_interval: int = integer(
        "scanNotActiveBrokerInterval", 5000, "Milliseconds between two looks for silent brokers.", low=1, high=LONG_MAX
    )
    support_acting_master: bool = switch(
        "supportActingMaster", False, "Name the replica with the smallest number as master when the master is lost."
    )
    notify_min_broker_id_changed: bool = switch(
        "notifyMinBrokerIdChanged", False, "Tell a group's brokers when their smallest number changes."
    )
    enable_all_topic_list: bool = switch("enableAllTopicList", True, "Answer questions for the list of all topics.")
    enable_topic_list: bool = switch("enableTopicList", True, "Answer questions for lists of topics.")
    delete_topic_with_broker_registration: bool = switch(
        "deleteTopicWithBrokerRegistration", False, "Forget a topic that a broker no longer registers."
    )
    need_wait_for_service: bool = switch(
        "needWaitForService", False, "Refuse routes for a while after the start, until brokers have registered."
    )
    wait_seconds_for_service: int = integer("waitSecondsForService", 45, "That while, in seconds.")
    server_channel_max_idle_time_seconds: int = integer(
        "serverChannelMaxIdleTimeSeconds", 120, "Seconds of silence after which a connection is closed.", low=1
    )
    server_socket_backlog: int = integer(
        "serverSocketBacklog", 1024, "Connections that may wait to be accepted.", low=1, at_start=True
    )
