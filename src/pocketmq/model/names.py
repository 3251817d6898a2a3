"""Names of topics and groups: the reserved ones, what is legal, retry and dead-letter names, namespaces."""

from collections.abc import Collection

from pocketmq.model.limits import GROUP_CHARS_MAX, RETRY_OR_DLQ_TOPIC_CHARS_MAX, TOPIC_CHARS_MAX

# TopicValidator
AUTO_CREATE_TOPIC = "TBW102"
SCHEDULE_TOPIC = "SCHEDULE_TOPIC_XXXX"
BENCHMARK_TOPIC = "BenchmarkTest"
HALF_TOPIC = "RMQ_SYS_TRANS_HALF_TOPIC"
OP_HALF_TOPIC = "RMQ_SYS_TRANS_OP_HALF_TOPIC"
ROCKSDB_HALF_TOPIC = "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC"
ROCKSDB_OP_HALF_TOPIC = "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC"
TRACE_TOPIC = "RMQ_SYS_TRACE_TOPIC"
CHECK_MAX_TIME_TOPIC = "TRANS_CHECK_MAX_TIME_TOPIC"
SELF_TEST_TOPIC = "SELF_TEST_TOPIC"
OFFSET_MOVED_EVENT = "OFFSET_MOVED_EVENT"
CHECKPOINT_TOPIC = "CHECKPOINT_TOPIC"
SYSTEM_TOPIC_PREFIX = "rmq_sys_"
SYNC_BROKER_MEMBER_PREFIX = "rmq_sys_SYNC_BROKER_MEMBER_"

TIMER_TOPIC = "rmq_sys_wheel_timer"
"""TimerMessageStore.TIMER_TOPIC."""

REVIVE_TOPIC_PREFIX = "rmq_sys_REVIVE_LOG_"
"""PopAckConstants.REVIVE_TOPIC: the cluster's name follows."""

REPLY_TOPIC_POSTFIX = "REPLY_TOPIC"
"""MixAll.REPLY_TOPIC_POSTFIX: `{cluster}_REPLY_TOPIC`."""

# MixAll
DEFAULT_PRODUCER_GROUP = "DEFAULT_PRODUCER"
DEFAULT_CONSUMER_GROUP = "DEFAULT_CONSUMER"
TOOLS_CONSUMER_GROUP = "TOOLS_CONSUMER"
SCHEDULE_CONSUMER_GROUP = "SCHEDULE_CONSUMER"
FILTERSRV_CONSUMER_GROUP = "FILTERSRV_CONSUMER"
MONITOR_CONSUMER_GROUP = "__MONITOR_CONSUMER"
CLIENT_INNER_PRODUCER_GROUP = "CLIENT_INNER_PRODUCER"
SELF_TEST_PRODUCER_GROUP = "SELF_TEST_P_GROUP"
SELF_TEST_CONSUMER_GROUP = "SELF_TEST_C_GROUP"
ONS_HTTP_PROXY_GROUP = "CID_ONS-HTTP-PROXY"
ONSAPI_PERMISSION_GROUP = "CID_ONSAPI_PERMISSION"
ONSAPI_OWNER_GROUP = "CID_ONSAPI_OWNER"
ONSAPI_PULL_GROUP = "CID_ONSAPI_PULL"
TRANSACTION_GROUP = "CID_RMQ_SYS_TRANS"
SYSTEM_GROUP_PREFIX = "CID_RMQ_SYS_"
RETRY_PREFIX = "%RETRY%"
DLQ_PREFIX = "%DLQ%"
LMQ_PREFIX = "%LMQ%"
LMQ_QUEUE_ID = 0
LMQ_SEPARATOR = ","
UNIQUE_KEY_QUERY = "_UNIQUE_KEY_QUERY"
IS_SUPPORT_HEART_BEAT_V2 = "IS_SUPPORT_HEART_BEAT_V2"
IS_SUB_CHANGE = "IS_SUB_CHANGE"
DEFAULT_REGION = "DefaultRegion"
REPLY_MESSAGE_TYPE = "reply"
REQUEST_TYPE_FIELD = "ReqT"
ZONE_NAME_FIELD = "__ZONE_NAME"
ZONE_MODE_FIELD = "__ZONE_MODE"
STATIC_BROKER_PREFIX = "__syslo__"
STATIC_SCOPE_GLOBAL = "__global__"
STATIC_BROKER_NONE = "__syslo__none__"
MASTER_ID = 0
FIRST_SLAVE_ID = 1

ORDER_TOPIC_NAMESPACE = "ORDER_TOPIC_CONFIG"
"""NamesrvUtil.NAMESPACE_ORDER_TOPIC_CONFIG: where the name server keeps order topics."""

NAMESPACE_SEPARATOR = "%"
"""NamespaceUtil.NAMESPACE_SEPARATOR."""

POP_RETRY_SEPARATOR_V1 = "_"
POP_RETRY_SEPARATOR_V2 = "+"
"""KeyBuilder: between group and topic in the retry topic of a POP group."""

POP_ORDER_REVIVE_QUEUE = 999
"""KeyBuilder.POP_ORDER_REVIVE_QUEUE: the revive queue id that marks an orderly pop."""

SYSTEM_TOPICS = frozenset(
    {
        AUTO_CREATE_TOPIC,
        SCHEDULE_TOPIC,
        BENCHMARK_TOPIC,
        HALF_TOPIC,
        ROCKSDB_HALF_TOPIC,
        TRACE_TOPIC,
        OP_HALF_TOPIC,
        ROCKSDB_OP_HALF_TOPIC,
        CHECK_MAX_TIME_TOPIC,
        SELF_TEST_TOPIC,
        OFFSET_MOVED_EVENT,
        CHECKPOINT_TOPIC,
    }
)
"""TopicValidator.SYSTEM_TOPIC_SET before a broker adds its own and its cluster's name."""

NOT_ALLOWED_SEND_TOPICS = frozenset(
    {
        SCHEDULE_TOPIC,
        HALF_TOPIC,
        ROCKSDB_HALF_TOPIC,
        OP_HALF_TOPIC,
        ROCKSDB_OP_HALF_TOPIC,
        CHECK_MAX_TIME_TOPIC,
        SELF_TEST_TOPIC,
        OFFSET_MOVED_EVENT,
    }
)
"""TopicValidator.NOT_ALLOWED_SEND_TOPIC_SET."""

PREDEFINED_GROUPS = frozenset(
    {
        DEFAULT_CONSUMER_GROUP,
        DEFAULT_PRODUCER_GROUP,
        TOOLS_CONSUMER_GROUP,
        SCHEDULE_CONSUMER_GROUP,
        FILTERSRV_CONSUMER_GROUP,
        MONITOR_CONSUMER_GROUP,
        CLIENT_INNER_PRODUCER_GROUP,
        SELF_TEST_PRODUCER_GROUP,
        SELF_TEST_CONSUMER_GROUP,
        ONS_HTTP_PROXY_GROUP,
        ONSAPI_PERMISSION_GROUP,
        ONSAPI_OWNER_GROUP,
        ONSAPI_PULL_GROUP,
        TRANSACTION_GROUP,
    }
)
"""MixAll.PREDEFINE_GROUP_SET."""

_NAME_CHARS = frozenset("%|-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NAME_PATTERN = "^[%|a-zA-Z0-9_-]+$"


def topic_fault(topic: str) -> str | None:
    """Why the name is no legal topic, in the words of TopicValidator#validateTopic; None if it is one."""
    if _is_blank(topic):
        return "The specified topic is blank."
    if has_illegal_chars(topic):
        return f"The specified topic: {topic}, contains illegal characters, allowing only {_NAME_PATTERN}"
    if topic.startswith((RETRY_PREFIX, DLQ_PREFIX)):
        if len(topic) > RETRY_OR_DLQ_TOPIC_CHARS_MAX:
            return (
                f"The specified topic is DLQ or Retry topic: {topic}, "
                f"and it's longer than topic max length: {RETRY_OR_DLQ_TOPIC_CHARS_MAX}"
            )
    elif len(topic) > TOPIC_CHARS_MAX:
        return f"The specified topic: {topic}, is longer than topic max length: {TOPIC_CHARS_MAX}"
    return None


def group_fault(group: str) -> str | None:
    """Why the name is no legal group, in the words of TopicValidator#validateGroup; None if it is one."""
    if _is_blank(group):
        return "The specified group is blank."
    if has_illegal_chars(group):
        return f"The specified group: {group}, contains illegal characters, allowing only {_NAME_PATTERN}"
    if len(group) > GROUP_CHARS_MAX:
        return f"The specified group: {group}, is longer than group max length: {GROUP_CHARS_MAX}"
    return None


def client_topic_fault(topic: str) -> str | None:
    """Why a client may not use the topic, in the words of Validators#checkTopic; None if it may."""
    if _is_blank(topic):
        return "The specified topic is blank"
    if len(topic) > TOPIC_CHARS_MAX:
        return f"The specified topic is longer than topic max length {TOPIC_CHARS_MAX}."
    if has_illegal_chars(topic):
        return f"The specified topic[{topic}] contains illegal characters, allowing only {_NAME_PATTERN}"
    return None


def client_group_fault(group: str) -> str | None:
    """Why a client may not use the group, in the words of Validators#checkGroup; None if it may."""
    if _is_blank(group):
        return "the specified group is blank"
    if len(group) > GROUP_CHARS_MAX:
        return f"the specified group[{group}] is longer than group max length: {GROUP_CHARS_MAX}."
    if has_illegal_chars(group):
        return f"the specified group[{group}] contains illegal characters, allowing only {_NAME_PATTERN}"
    return None


def has_illegal_chars(name: str) -> bool:
    """TopicValidator#isTopicOrGroupIllegal: anything but `%`, `|`, `-`, `_`, ASCII letters and digits."""
    return not _NAME_CHARS.issuperset(name)


def is_system_topic(topic: str, extra: Collection[str] = ()) -> bool:
    """A topic that RocketMQ itself uses; `extra` holds what a broker adds, its name and its cluster's."""
    return topic in SYSTEM_TOPICS or topic.startswith(SYSTEM_TOPIC_PREFIX) or topic in extra


def is_send_allowed(topic: str) -> bool:
    """Clients may send to it, if they have the permission."""
    return topic not in NOT_ALLOWED_SEND_TOPICS


def is_system_group(group: str) -> bool:
    """MixAll#isSysConsumerGroup."""
    return group.startswith(SYSTEM_GROUP_PREFIX)


def is_lmq(name: str | None) -> bool:
    """A light message queue's name."""
    return name is not None and name.startswith(LMQ_PREFIX)


def retry_topic(group: str) -> str:
    """Where failed messages of the group wait (MixAll#getRetryTopic)."""
    return RETRY_PREFIX + group


def dlq_topic(group: str) -> str:
    """Where messages go that the group has failed too often (MixAll#getDLQTopic)."""
    return DLQ_PREFIX + group


def is_retry_topic(topic: str | None) -> bool:
    """NamespaceUtil#isRetryTopic."""
    return topic is not None and topic.startswith(RETRY_PREFIX)


def is_dlq_topic(topic: str | None) -> bool:
    """NamespaceUtil#isDLQTopic."""
    return topic is not None and topic.startswith(DLQ_PREFIX)


def reply_topic(cluster: str) -> str:
    """Where the replies of request-reply go (MixAll#getReplyTopic)."""
    return f"{cluster}_{REPLY_TOPIC_POSTFIX}"


def revive_topic(cluster: str) -> str:
    """Where POP checkpoints and acknowledgements go (PopAckConstants#buildClusterReviveTopic)."""
    return REVIVE_TOPIC_PREFIX + cluster


def _is_blank(name: str) -> bool:
    return not name.strip()
