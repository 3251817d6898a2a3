"""Headers of lite topics."""

from pocketmq.protocol.headers.declaration import Header, Int, Long, RpcRequest


class GetLiteClientInfoRequest(Header, frozen=True, kw_only=True):
    """200077 GET_LITE_CLIENT_INFO."""

    parent_topic: str | None = None
    group: str | None = None
    client_id: str | None = None
    max_count: Int = 1000


class GetLiteGroupInfoRequest(Header, frozen=True, kw_only=True):
    """200078 GET_LITE_GROUP_INFO."""

    group: str
    lite_topic: str | None = None
    top_k: Int = 0


class GetLiteTopicInfoRequest(Header, frozen=True, kw_only=True):
    """200076 GET_LITE_TOPIC_INFO."""

    parent_topic: str | None = None
    lite_topic: str | None = None


class GetParentTopicInfoRequest(Header, frozen=True, kw_only=True):
    """200075 GET_PARENT_TOPIC_INFO."""

    topic: str


class LiteSubscriptionCtlRequest(RpcRequest, frozen=True, kw_only=True):
    """200071 LITE_SUBSCRIPTION_CTL."""


class NotifyUnsubscribeLiteRequest(RpcRequest, frozen=True, kw_only=True):
    """200073 NOTIFY_UNSUBSCRIBE_LITE."""

    lite_topic: str
    consumer_group: str
    client_id: str


class PopLiteMessageRequest(RpcRequest, frozen=True, kw_only=True):
    """200070 POP_LITE_MESSAGE."""

    client_id: str
    consumer_group: str
    topic: str
    max_msg_num: Int = 0
    invisible_time: Long = 0
    poll_time: Long = 0
    born_time: Long = 0
    attempt_id: str | None = None


class PopLiteMessageResponse(Header, frozen=True, kw_only=True):
    """Answer to POP_LITE_MESSAGE."""

    pop_time: Long = 0
    invisible_time: Long = 0
    revive_qid: Int = 0
    start_offset_info: str | None = None
    msg_offset_info: str | None = None
    order_count_info: str | None = None


class TriggerLiteDispatchRequest(Header, frozen=True, kw_only=True):
    """200079 TRIGGER_LITE_DISPATCH."""

    group: str
    client_id: str | None = None
