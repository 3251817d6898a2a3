"""Headers about topics and consumer groups."""

from pocketmq.protocol.headers.declaration import Header, Int, RpcRequest, TopicRequest


class CreateTopicRequest(TopicRequest, frozen=True, kw_only=True):
    """17 UPDATE_AND_CREATE_TOPIC."""

    topic: str
    default_topic: str
    read_queue_nums: Int
    write_queue_nums: Int
    perm: Int
    topic_filter_type: str
    topic_sys_flag: Int | None = None
    order: bool = False
    attributes: str | None = None
    force: bool = False


class CreateTopicListRequest(RpcRequest, frozen=True, kw_only=True):
    """18 UPDATE_AND_CREATE_TOPIC_LIST."""


class DeleteTopicRequest(TopicRequest, frozen=True, kw_only=True):
    """215 DELETE_TOPIC_IN_BROKER."""

    topic: str


class GetTopicConfigRequest(TopicRequest, frozen=True, kw_only=True):
    """351 GET_TOPIC_CONFIG."""

    topic: str


class GetAllTopicConfigRequest(Header, frozen=True, kw_only=True):
    """21 GET_ALL_TOPIC_CONFIG; brokers before 5.5 ask without a sequence number and mean everything."""

    topic_seq: Int | None = None
    data_version: str | None = None
    max_topic_num: Int | None = None


class GetAllTopicConfigResponse(Header, frozen=True, kw_only=True):
    """Answer to GET_ALL_TOPIC_CONFIG."""

    total_topic_num: Int | None = None


class GetTopicStatsInfoRequest(TopicRequest, frozen=True, kw_only=True):
    """202 GET_TOPIC_STATS_INFO."""

    topic: str


class GetTopicsByClusterRequest(Header, frozen=True, kw_only=True):
    """224 GET_TOPICS_BY_CLUSTER."""

    cluster: str


class QueryTopicConsumeByWhoRequest(TopicRequest, frozen=True, kw_only=True):
    """300 QUERY_TOPIC_CONSUME_BY_WHO."""

    topic: str


class QueryTopicsByConsumerRequest(RpcRequest, frozen=True, kw_only=True):
    """343 QUERY_TOPICS_BY_CONSUMER."""

    group: str


class DeleteSubscriptionGroupRequest(RpcRequest, frozen=True, kw_only=True):
    """207 DELETE_SUBSCRIPTIONGROUP."""

    group_name: str
    clean_offset: bool = False


class GetSubscriptionGroupConfigRequest(RpcRequest, frozen=True, kw_only=True):
    """352 GET_SUBSCRIPTIONGROUP_CONFIG."""

    group: str


class GetAllSubscriptionGroupRequest(Header, frozen=True, kw_only=True):
    """201 GET_ALL_SUBSCRIPTIONGROUP_CONFIG; brokers before 5.5 ask without a sequence number and mean everything."""

    group_seq: Int | None = None
    data_version: str | None = None
    max_group_num: Int | None = None


class GetAllSubscriptionGroupResponse(Header, frozen=True, kw_only=True):
    """Answer to GET_ALL_SUBSCRIPTIONGROUP_CONFIG."""

    total_group_num: Int


class QuerySubscriptionByConsumerRequest(TopicRequest, frozen=True, kw_only=True):
    """345 QUERY_SUBSCRIPTION_BY_CONSUMER."""

    group: str
    topic: str | None = None


class UpdateGroupForbiddenRequest(TopicRequest, frozen=True, kw_only=True):
    """353 UPDATE_AND_GET_GROUP_FORBIDDEN."""

    group: str
    topic: str
    readable: bool | None = None
