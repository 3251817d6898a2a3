"""Headers about the clients that are connected."""

import msgspec

from pocketmq.protocol.headers.declaration import Header, Int, RpcRequest, TopicRequest


class HeartbeatRequest(RpcRequest, frozen=True, kw_only=True):
    """34 HEART_BEAT."""


class UnregisterClientRequest(RpcRequest, frozen=True, kw_only=True):
    """35 UNREGISTER_CLIENT."""

    client_id: str = msgspec.field(name="clientID")
    producer_group: str | None = None
    consumer_group: str | None = None


class UnregisterClientResponse(Header, frozen=True, kw_only=True):
    """Answer to UNREGISTER_CLIENT."""


class GetConsumerListByGroupRequest(RpcRequest, frozen=True, kw_only=True):
    """38 GET_CONSUMER_LIST_BY_GROUP."""

    consumer_group: str


class GetConsumerListByGroupResponse(Header, frozen=True, kw_only=True):
    """Answer to GET_CONSUMER_LIST_BY_GROUP."""


class NotifyConsumerIdsChangedRequest(RpcRequest, frozen=True, kw_only=True):
    """40 NOTIFY_CONSUMER_IDS_CHANGED."""

    consumer_group: str


class LockBatchMqRequest(RpcRequest, frozen=True, kw_only=True):
    """41 LOCK_BATCH_MQ."""


class UnlockBatchMqRequest(RpcRequest, frozen=True, kw_only=True):
    """42 UNLOCK_BATCH_MQ."""


class GetConsumerConnectionListRequest(RpcRequest, frozen=True, kw_only=True):
    """203 GET_CONSUMER_CONNECTION_LIST."""

    consumer_group: str


class GetProducerConnectionListRequest(RpcRequest, frozen=True, kw_only=True):
    """204 GET_PRODUCER_CONNECTION_LIST."""

    producer_group: str


class GetConsumerRunningInfoRequest(RpcRequest, frozen=True, kw_only=True):
    """307 GET_CONSUMER_RUNNING_INFO."""

    consumer_group: str
    client_id: str
    jstack_enable: bool = False


class GetConsumerStatusRequest(TopicRequest, frozen=True, kw_only=True):
    """223 INVOKE_BROKER_TO_GET_CONSUMER_STATUS, 221 GET_CONSUMER_STATUS_FROM_CLIENT."""

    topic: str
    group: str
    client_addr: str | None = None


class ConsumeMessageDirectlyResultRequest(TopicRequest, frozen=True, kw_only=True):
    """309 CONSUME_MESSAGE_DIRECTLY."""

    consumer_group: str
    client_id: str | None = None
    msg_id: str | None = None
    broker_name: str | None = None
    topic: str | None = None
    topic_sys_flag: Int | None = None
    group_sys_flag: Int | None = None


class GetAllProducerInfoRequest(Header, frozen=True, kw_only=True):
    """328 GET_ALL_PRODUCER_INFO."""
