"""Bodies about a broker's copies: how far they are, epochs, in-sync sets, elections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pocketmq.protocol.bodies.codec import Body
from pocketmq.protocol.bodies.routes import BrokerMemberGroup

EPOCH_OPEN_END = 2**63 - 1
"""EpochEntry.endOffset of the epoch that still goes on."""


@dataclass(frozen=True, slots=True)
class HAConnectionRuntimeInfo(Body):
    """One copy as its master sees it (HARuntimeInfo.HAConnectionRuntimeInfo)."""

    addr: str | None = None
    slave_ack_offset: int = 0
    diff: int = 0
    in_sync: bool = False
    transferred_byte_in_second: int = 0
    transfer_from_where: int = 0


@dataclass(frozen=True, slots=True)
class HAClientRuntimeInfo(Body):
    """A copy as it sees itself (HARuntimeInfo.HAClientRuntimeInfo)."""

    master_addr: str | None = None
    transferred_byte_in_second: int = 0
    max_offset: int = 0
    last_read_timestamp: int = 0
    last_write_timestamp: int = 0
    master_flush_offset: int = 0


@dataclass(frozen=True, slots=True)
class HARuntimeInfo(Body):
    """How a broker and its copies stand."""

    master: bool = False
    master_commit_log_max_offset: int = 0
    in_sync_slave_nums: int = 0
    ha_connection_info: Sequence[HAConnectionRuntimeInfo] = ()
    ha_client_runtime_info: HAClientRuntimeInfo = field(default_factory=HAClientRuntimeInfo)


@dataclass(frozen=True, slots=True)
class BrokerSyncInfo(Body):
    """Where a new copy finds its master, and from where it must not lag."""

    master_ha_address: str | None = None
    master_flush_offset: int = 0
    master_address: str | None = None


@dataclass(frozen=True, slots=True)
class EpochEntry(Body):
    """A stretch of the log under one master."""

    epoch: int
    start_offset: int = 0
    end_offset: int = EPOCH_OPEN_END


@dataclass(frozen=True, slots=True)
class EpochEntryCache(Body):
    """The epochs of one broker's log."""

    cluster_name: str | None = None
    broker_name: str | None = None
    broker_id: int = 0
    epoch_list: Sequence[EpochEntry] = ()
    max_offset: int = 0


@dataclass(frozen=True, slots=True)
class SyncStateSet(Body):
    """The members that have everything that has been acknowledged."""

    sync_state_set: Sequence[int] = ()
    sync_state_set_epoch: int = 0


@dataclass(frozen=True, slots=True)
class ElectMasterResponseBody(Body):
    """The members after an election."""

    broker_member_group: BrokerMemberGroup | None = None
    sync_state_set: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class RoleChangeNotifyEntry(Body):
    """Who is master from now on."""

    broker_member_group: BrokerMemberGroup | None = None
    master_address: str | None = None
    master_broker_id: int | None = None
    master_epoch: int = 0
    sync_state_set_epoch: int = 0
    sync_state_set: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class ReplicaIdentity(Body):
    """One member (BrokerReplicasInfo.ReplicaIdentity)."""

    broker_name: str | None = None
    broker_id: int | None = None
    broker_address: str | None = None
    alive: bool = False


@dataclass(frozen=True, slots=True)
class ReplicasInfo(Body):
    """The members under one broker name (BrokerReplicasInfo.ReplicasInfo)."""

    master_broker_id: int | None = None
    master_address: str | None = None
    master_epoch: int | None = None
    sync_state_set_epoch: int | None = None
    in_sync_replicas: Sequence[ReplicaIdentity] | None = None
    not_in_sync_replicas: Sequence[ReplicaIdentity] | None = None


@dataclass(frozen=True, slots=True)
class BrokerReplicasInfo(Body):
    """The members under every broker name."""

    replicas_info_table: Mapping[str, ReplicasInfo] = field(default_factory=dict)
