"""Headers of the controller that elects masters."""

from pocketmq.protocol.headers.declaration import Header, Int, Long


class AlterSyncStateSetRequest(Header, frozen=True, kw_only=True):
    """1001 CONTROLLER_ALTER_SYNC_STATE_SET."""

    broker_name: str | None = None
    master_broker_id: Long | None = None
    master_epoch: Int | None = None
    invoke_time: Long = 0


class AlterSyncStateSetResponse(Header, frozen=True, kw_only=True):
    """Answer to CONTROLLER_ALTER_SYNC_STATE_SET."""

    new_sync_state_set_epoch: Int = 0


class ElectMasterRequest(Header, frozen=True, kw_only=True):
    """1002 CONTROLLER_ELECT_MASTER."""

    cluster_name: str = ""
    broker_name: str = ""
    broker_id: Long = -1
    designate_elect: bool = False
    invoke_time: Long = 0


class ElectMasterResponse(Header, frozen=True, kw_only=True):
    """Answer to CONTROLLER_ELECT_MASTER."""

    master_broker_id: Long | None = None
    master_address: str | None = None
    master_epoch: Int | None = None
    sync_state_set_epoch: Int | None = None


class GetMetaDataResponse(Header, frozen=True, kw_only=True):
    """Answer to CONTROLLER_GET_METADATA_INFO."""

    group: str | None = None
    controller_leader_id: str | None = None
    controller_leader_address: str | None = None
    is_leader: bool = False
    peers: str | None = None


class GetReplicaInfoRequest(Header, frozen=True, kw_only=True):
    """1004 CONTROLLER_GET_REPLICA_INFO."""

    broker_name: str | None = None


class GetReplicaInfoResponse(Header, frozen=True, kw_only=True):
    """Answer to CONTROLLER_GET_REPLICA_INFO."""

    master_broker_id: Long | None = None
    master_address: str | None = None
    master_epoch: Int | None = None


class CleanControllerBrokerDataRequest(Header, frozen=True, kw_only=True):
    """1011 CLEAN_BROKER_DATA."""

    cluster_name: str | None = None
    broker_name: str
    broker_controller_ids_to_clean: str | None = None
    is_clean_living_broker: bool = False
    invoke_time: Long = 0


class ApplyBrokerIdRequest(Header, frozen=True, kw_only=True):
    """1013 CONTROLLER_APPLY_BROKER_ID."""

    cluster_name: str | None = None
    broker_name: str | None = None
    applied_broker_id: Long | None = None
    register_check_code: str | None = None


class ApplyBrokerIdResponse(Header, frozen=True, kw_only=True):
    """Answer to CONTROLLER_APPLY_BROKER_ID."""

    cluster_name: str | None = None
    broker_name: str | None = None


class GetNextBrokerIdRequest(Header, frozen=True, kw_only=True):
    """1012 CONTROLLER_GET_NEXT_BROKER_ID."""

    cluster_name: str | None = None
    broker_name: str | None = None


class GetNextBrokerIdResponse(Header, frozen=True, kw_only=True):
    """Answer to CONTROLLER_GET_NEXT_BROKER_ID."""

    cluster_name: str | None = None
    broker_name: str | None = None
    next_broker_id: Long | None = None


class RegisterBrokerToControllerRequest(Header, frozen=True, kw_only=True):
    """1003 CONTROLLER_REGISTER_BROKER."""

    cluster_name: str | None = None
    broker_name: str | None = None
    broker_id: Long | None = None
    broker_address: str | None = None
    invoke_time: Long = 0


class RegisterBrokerToControllerResponse(Header, frozen=True, kw_only=True):
    """Answer to CONTROLLER_REGISTER_BROKER."""

    cluster_name: str | None = None
    broker_name: str | None = None
    master_broker_id: Long | None = None
    master_address: str | None = None
    master_epoch: Int | None = None
    sync_state_set_epoch: Int | None = None
