"""Headers of pulling and of looking messages up."""

from pocketmq.protocol.headers.declaration import Header, Int, Long, TopicRequest


class PullMessageRequest(TopicRequest, frozen=True, kw_only=True):
    """11 PULL_MESSAGE, 361 LITE_PULL_MESSAGE."""

    consumer_group: str
    topic: str
    lite_topic: str | None = None
    queue_id: Int
    queue_offset: Long
    max_msg_nums: Int
    sys_flag: Int
    commit_offset: Long
    suspend_timeout_millis: Long
    subscription: str | None = None
    sub_version: Long
    expression_type: str | None = None
    max_msg_bytes: Int | None = None
    request_source: Int | None = None
    proxy_froward_client_id: str | None = None


class PullMessageResponse(Header, frozen=True, kw_only=True):
    """Answer to PULL_MESSAGE, LITE_PULL_MESSAGE."""

    suggest_which_broker_id: Long
    next_begin_offset: Long
    min_offset: Long
    max_offset: Long
    offset_delta: Long | None = None
    topic_sys_flag: Int | None = None
    group_sys_flag: Int | None = None
    forbidden_type: Int | None = None


class QueryMessageRequest(TopicRequest, frozen=True, kw_only=True):
    """12 QUERY_MESSAGE."""

    topic: str
    key: str
    max_num: Int
    begin_timestamp: Long
    end_timestamp: Long
    index_type: str | None = None
    last_key: str | None = None


class QueryMessageResponse(Header, frozen=True, kw_only=True):
    """Answer to QUERY_MESSAGE."""

    index_last_update_timestamp: Long
    index_last_update_phyoffset: Long


class ViewMessageRequest(Header, frozen=True, kw_only=True):
    """33 VIEW_MESSAGE_BY_ID."""

    topic: str | None = None
    offset: Long


class ViewMessageResponse(Header, frozen=True, kw_only=True):
    """Answer to VIEW_MESSAGE_BY_ID."""


class QueryConsumeQueueRequest(TopicRequest, frozen=True, kw_only=True):
    """321 QUERY_CONSUME_QUEUE."""

    topic: str | None = None
    queue_id: Int = 0
    index: Long = 0
    count: Int = 0
    consumer_group: str | None = None
