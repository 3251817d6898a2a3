"""Headers about offsets."""

from pocketmq.model.queue import BoundaryType
from pocketmq.protocol.headers.declaration import Header, Int, Long, RpcRequest, TopicRequest


class QueryConsumerOffsetRequest(TopicRequest, frozen=True, kw_only=True):
    """14 QUERY_CONSUMER_OFFSET."""

    consumer_group: str
    topic: str
    queue_id: Int
    set_zero_if_not_found: bool | None = None


class QueryConsumerOffsetResponse(Header, frozen=True, kw_only=True):
    """Answer to QUERY_CONSUMER_OFFSET."""

    offset: Long


class UpdateConsumerOffsetRequest(TopicRequest, frozen=True, kw_only=True):
    """15 UPDATE_CONSUMER_OFFSET."""

    consumer_group: str
    topic: str
    queue_id: Int
    commit_offset: Long


class UpdateConsumerOffsetResponse(Header, frozen=True, kw_only=True):
    """Answer to UPDATE_CONSUMER_OFFSET."""


class GetMaxOffsetRequest(TopicRequest, frozen=True, kw_only=True):
    """30 GET_MAX_OFFSET."""

    topic: str
    queue_id: Int
    committed: bool = True


class GetMaxOffsetResponse(Header, frozen=True, kw_only=True):
    """Answer to GET_MAX_OFFSET."""

    offset: Long


class GetMinOffsetRequest(TopicRequest, frozen=True, kw_only=True):
    """31 GET_MIN_OFFSET."""

    topic: str
    queue_id: Int


class GetMinOffsetResponse(Header, frozen=True, kw_only=True):
    """Answer to GET_MIN_OFFSET."""

    offset: Long


class GetEarliestMsgStoretimeRequest(TopicRequest, frozen=True, kw_only=True):
    """32 GET_EARLIEST_MSG_STORETIME."""

    topic: str
    queue_id: Int


class GetEarliestMsgStoretimeResponse(Header, frozen=True, kw_only=True):
    """Answer to GET_EARLIEST_MSG_STORETIME."""

    timestamp: Long


class SearchOffsetRequest(TopicRequest, frozen=True, kw_only=True):
    """29 SEARCH_OFFSET_BY_TIMESTAMP."""

    topic: str
    lite_topic: str | None = None
    queue_id: Int
    timestamp: Long
    boundary_type: BoundaryType | None = None


class SearchOffsetResponse(Header, frozen=True, kw_only=True):
    """Answer to SEARCH_OFFSET_BY_TIMESTAMP."""

    offset: Long


class ResetOffsetRequest(TopicRequest, frozen=True, kw_only=True):
    """222 INVOKE_BROKER_TO_RESET_OFFSET, 220 RESET_CONSUMER_CLIENT_OFFSET."""

    group: str
    topic: str
    queue_id: Int = -1
    offset: Long | None = None
    timestamp: Long = 0
    is_force: bool = False


class CloneGroupOffsetRequest(RpcRequest, frozen=True, kw_only=True):
    """314 CLONE_GROUP_OFFSET."""

    src_group: str
    dest_group: str
    topic: str | None = None
    offline: bool = False


class QueryCorrectionOffset(TopicRequest, frozen=True, kw_only=True):
    """308 QUERY_CORRECTION_OFFSET."""

    filter_groups: str | None = None
    compare_group: str
    topic: str
