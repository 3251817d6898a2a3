"""Headers of the name server."""

from pocketmq.protocol.headers.declaration import Header, Int, Long, TopicRequest


class GetRouteInfoRequest(TopicRequest, frozen=True, kw_only=True):
    """105 GET_ROUTEINFO_BY_TOPIC."""

    topic: str
    accept_standard_json_only: bool | None = None


class RegisterBrokerRequest(Header, frozen=True, kw_only=True):
    """103 REGISTER_BROKER."""

    broker_name: str
    broker_addr: str
    cluster_name: str
    ha_server_addr: str
    broker_id: Long
    heartbeat_timeout_millis: Long | None = None
    enable_acting_master: bool | None = None
    compressed: bool = False
    body_crc32: Int = 0


class RegisterBrokerResponse(Header, frozen=True, kw_only=True):
    """Answer to REGISTER_BROKER."""

    ha_server_addr: str | None = None
    master_addr: str | None = None


class UnRegisterBrokerRequest(Header, frozen=True, kw_only=True):
    """104 UNREGISTER_BROKER."""

    broker_name: str
    broker_addr: str
    cluster_name: str
    broker_id: Long


class BrokerHeartbeatRequest(Header, frozen=True, kw_only=True):
    """904 BROKER_HEARTBEAT."""

    cluster_name: str
    broker_addr: str
    broker_name: str
    broker_id: Long | None = None
    epoch: Int | None = None
    max_offset: Long | None = None
    confirm_offset: Long | None = None
    heartbeat_timeout_mills: Long | None = None
    election_priority: Int | None = None


class QueryDataVersionRequest(Header, frozen=True, kw_only=True):
    """322 QUERY_DATA_VERSION."""

    broker_name: str
    broker_addr: str
    cluster_name: str
    broker_id: Long


class QueryDataVersionResponse(Header, frozen=True, kw_only=True):
    """Answer to QUERY_DATA_VERSION."""

    changed: bool


class PutKVConfigRequest(Header, frozen=True, kw_only=True):
    """100 PUT_KV_CONFIG."""

    namespace: str
    key: str
    value: str


class GetKVConfigRequest(Header, frozen=True, kw_only=True):
    """101 GET_KV_CONFIG."""

    namespace: str
    key: str


class GetKVConfigResponse(Header, frozen=True, kw_only=True):
    """Answer to GET_KV_CONFIG."""

    value: str | None = None


class DeleteKVConfigRequest(Header, frozen=True, kw_only=True):
    """102 DELETE_KV_CONFIG."""

    namespace: str
    key: str


class GetKVListByNamespaceRequest(Header, frozen=True, kw_only=True):
    """219 GET_KVLIST_BY_NAMESPACE."""

    namespace: str


class RegisterOrderTopicRequest(Header, frozen=True, kw_only=True):
    """Which queues an ordered topic has on which broker."""

    topic: str
    order_topic_string: str


class RegisterTopicRequest(TopicRequest, frozen=True, kw_only=True):
    """217 REGISTER_TOPIC_IN_NAMESRV."""

    topic: str


class DeleteTopicFromNamesrvRequest(TopicRequest, frozen=True, kw_only=True):
    """216 DELETE_TOPIC_IN_NAMESRV."""

    topic: str
    cluster_name: str | None = None


class WipeWritePermOfBrokerRequest(Header, frozen=True, kw_only=True):
    """205 WIPE_WRITE_PERM_OF_BROKER."""

    broker_name: str


class WipeWritePermOfBrokerResponse(Header, frozen=True, kw_only=True):
    """Answer to WIPE_WRITE_PERM_OF_BROKER."""

    wipe_topic_count: Int


class AddWritePermOfBrokerRequest(Header, frozen=True, kw_only=True):
    """327 ADD_WRITE_PERM_OF_BROKER."""

    broker_name: str


class AddWritePermOfBrokerResponse(Header, frozen=True, kw_only=True):
    """Answer to ADD_WRITE_PERM_OF_BROKER."""

    add_topic_count: Int


class GetBrokerMemberGroupRequest(Header, frozen=True, kw_only=True):
    """901 GET_BROKER_MEMBER_GROUP."""

    cluster_name: str
    broker_name: str
