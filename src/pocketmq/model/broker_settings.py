"""Settings of a broker: who it is, where it listens, whom it tells, and what its store and its handlers do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from pocketmq.model.broker_idle_keys import BROKER_IDLE_KEYS
from pocketmq.model.broker_unused_keys import BROKER_UNUSED_KEYS
from pocketmq.model.limit_settings import LimitSettings
from pocketmq.model.settings import LONG_MAX, UnusedKeys, integer, switch, text
from pocketmq.model.store_settings import BrokerRole, FlushDiskType
from pocketmq.model.subscription import MessageRequestMode

__all__ = ["BrokerRole", "BrokerSettings", "FlushDiskType", "MessageRequestMode"]


@dataclass(slots=True, eq=False, repr=False)
class BrokerSettings(LimitSettings):
    """Every setting of a broker, with RocketMQ's defaults; attributes are RocketMQ's keys in snake_case."""

    UNUSED: ClassVar[tuple[UnusedKeys, ...]] = BROKER_UNUSED_KEYS + BROKER_IDLE_KEYS
    HISTORIC: ClassVar[Mapping[str, str]] = {
        "mapedFileSizeCommitLog": "mappedFileSizeCommitLog",
        "mapedFileSizeConsumeQueue": "mappedFileSizeConsumeQueue",
    }
    ENVIRONMENT_PREFIX: ClassVar[str] = "POCKETMQ_BROKER_"

    # Identity
    broker_cluster_name: str = text("brokerClusterName", "DefaultCluster", "Name of the cluster.", at_start=True)
    broker_name: str = text("brokerName", "broker-a", "Name that a master shares with its replicas.", at_start=True)
    broker_id: int = integer(
        "brokerId", 0, "0 is the master, replicas have numbers of their own.", high=LONG_MAX, at_start=True
    )
    region_id: str = text("regionId", "DefaultRegion", "Region told to clients, for their traces.", at_start=True)
    broker_permission: int = integer(
        "brokerPermission", 6, "4 lets consumers read, 2 lets producers write, 6 both.", high=7
    )
    config_black_list: str = text(
        "configBlackList",
        "configBlackList;brokerConfigPath",
        "Keys, separated by `;`, that cannot be changed over the network.",
        at_start=True,
    )

    broker_config_path: str = text(
        "brokerConfigPath",
        "",
        "File that settings changed over the network are written to; the file read at start unless given.",
        at_start=True,
        absent_when_empty=True,
    )

    # Addresses
    bind_address: str = text("bindAddress", "0.0.0.0", "Address to listen on.", at_start=True)
    listen_port: int = integer(
        "listenPort", 10911, "Port clients reach; 0 takes any free one.", high=65535, at_start=True, important=True
    )
    broker_ip1: str = text(
        "brokerIP1",
        "",
        "Address told to clients; found out at start unless given.",
        at_start=True,
        important=True,
        absent_when_empty=True,
    )
    broker_ip2: str = text(
        "brokerIP2",
        "",
        "Address told to replicas; `brokerIP1` unless given.",
        at_start=True,
        absent_when_empty=True,
    )
    namesrv_addr: str = text(
        "namesrvAddr",
        "",
        "Name servers to register with: `host:port;host:port`.",
        important=True,
        absent_when_empty=True,
        at_start=True,
    )

    # Connections
    server_channel_max_idle_time_seconds: int = integer(
        "serverChannelMaxIdleTimeSeconds", 120, "Seconds of silence after which a client is disconnected.", low=1
    )
    server_socket_backlog: int = integer(
        "serverSocketBacklog", 1024, "Connections that may wait to be accepted.", low=1, at_start=True
    )
    connect_timeout_millis: int = integer(
        "connectTimeoutMillis", 3000, "Milliseconds to wait for a connection to a name server or broker.", low=1
    )

    # Registration
    register_name_server_period: int = integer(
        "registerNameServerPeriod",
        30_000,
        "Milliseconds between two registrations at the name servers; kept within 10 and 60 seconds.",
        low=1,
    )
    register_broker_timeout_mills: int = integer(
        "registerBrokerTimeoutMills", 24_000, "Milliseconds to wait for a name server's answer.", low=1
    )
    force_register: bool = switch(
        "forceRegister", True, "Register also when the name server already knows this version."
    )
    compressed_register: bool = switch("compressedRegister", False, "Compress what a registration carries.")
    enable_single_topic_register: bool = switch(
        "enableSingleTopicRegister", False, "Register a changed topic by itself."
    )
    enable_split_registration: bool = switch(
        "enableSplitRegistration", False, "Register many topics in several requests."
    )
    split_registration_size: int = integer("splitRegistrationSize", 800, "Topics in one such request.", low=1)
    enable_split_metadata: bool = switch(
        "enableSplitMetadata", True, "Answer questions for all topics or groups in several parts."
    )
    split_metadata_size: int = integer("splitMetadataSize", 2000, "Topics or groups in one such part.", low=1)
    enable_slave_acting_master: bool = switch(
        "enableSlaveActingMaster",
        False,
        "Let a replica stand in for its lost master for what must go on.",
        at_start=True,
    )
    broker_heartbeat_interval: int = integer(
        "brokerHeartbeatInterval", 1000, "Milliseconds between two heartbeats to the name servers then.", low=1
    )
    send_heartbeat_timeout_millis: int = integer(
        "sendHeartbeatTimeoutMillis", 1000, "Milliseconds to wait for the answer to such a heartbeat.", low=1
    )
    broker_not_active_timeout_millis: int = integer(
        "brokerNotActiveTimeoutMillis",
        10_000,
        "Milliseconds without heartbeat after which a name server gives the broker up then.",
        low=1,
        high=LONG_MAX,
    )
    sync_broker_member_group_period: int = integer(
        "syncBrokerMemberGroupPeriod", 1000, "Milliseconds between two looks at who else is in the group then.", low=1
    )
    lock_in_strict_mode: bool = switch(
        "lockInStrictMode", False, "Lock queues on a majority of the replicas then, not on one broker."
    )

    @property
    def broker_address(self) -> str:
        """`host:port` told to clients."""
        return f"{self.broker_ip1}:{self.listen_port}"

    @property
    def ha_address(self) -> str:
        """`host:port` told to replicas."""
        return f"{self.broker_ip2 or self.broker_ip1}:{self.ha_listen_port or self.listen_port + 1}"
