"""Headers of POP consumption."""

from pocketmq.protocol.headers.declaration import Header, Int, Long, TopicRequest


class PopMessageRequest(TopicRequest, frozen=True, kw_only=True):
    """200050 POP_MESSAGE."""

    consumer_group: str
    topic: str
    queue_id: Int = 0
    max_msg_nums: Int = 0
    invisible_time: Long = 0
    poll_time: Long = 0
    born_time: Long = 0
    init_mode: Int = 0
    exp_type: str | None = None
    exp: str | None = None
    order: bool = False
    attempt_id: str | None = None


class PopMessageResponse(Header, frozen=True, kw_only=True):
    """Answer to POP_MESSAGE."""

    pop_time: Long = 0
    invisible_time: Long = 0
    revive_qid: Int = 0
    rest_num: Long = 0
    start_offset_info: str | None = None
    msg_offset_info: str | None = None
    order_count_info: str | None = None


class PeekMessageRequest(TopicRequest, frozen=True, kw_only=True):
    """200052 PEEK_MESSAGE."""

    topic: str
    queue_id: Int = 0
    max_msg_nums: Int = 0
    consumer_group: str


class AckMessageRequest(TopicRequest, frozen=True, kw_only=True):
    """200051 ACK_MESSAGE."""

    consumer_group: str
    topic: str
    queue_id: Int
    extra_info: str
    offset: Long
    lite_topic: str | None = None


class ChangeInvisibleTimeRequest(TopicRequest, frozen=True, kw_only=True):
    """200053 CHANGE_MESSAGE_INVISIBLETIME."""

    consumer_group: str
    topic: str
    queue_id: Int
    extra_info: str
    offset: Long
    invisible_time: Long
    lite_topic: str | None = None
    suspend: bool = False


class ChangeInvisibleTimeResponse(Header, frozen=True, kw_only=True):
    """Answer to CHANGE_MESSAGE_INVISIBLETIME."""

    pop_time: Long = 0
    invisible_time: Long = 0
    revive_qid: Int = 0


class NotificationRequest(TopicRequest, frozen=True, kw_only=True):
    """200054 NOTIFICATION."""

    consumer_group: str
    topic: str
    queue_id: Int = 0
    poll_time: Long = 0
    born_time: Long = 0
    order: bool = False
    attempt_id: str | None = None
    exp_type: str | None = None
    exp: str | None = None


class NotificationResponse(Header, frozen=True, kw_only=True):
    """Answer to NOTIFICATION."""

    has_msg: bool = False
    polling_full: bool = False


class PollingInfoRequest(TopicRequest, frozen=True, kw_only=True):
    """200055 POLLING_INFO."""

    consumer_group: str
    topic: str
    queue_id: Int = 0


class PollingInfoResponse(Header, frozen=True, kw_only=True):
    """Answer to POLLING_INFO."""

    polling_num: Int = 0


class InitConsumerOffsetRequest(TopicRequest, frozen=True, kw_only=True):
    """Where a group starts in a topic it has never read."""

    topic: str | None = None
    init_mode: Int = 0


class StatisticsMessagesRequest(TopicRequest, frozen=True, kw_only=True):
    """How many messages lie between two times."""

    consumer_group: str
    topic: str
    queue_id: Int = 0
    from_time: Long = 0
    to_time: Long = 0
