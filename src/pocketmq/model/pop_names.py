"""Names around POP consumption (KeyBuilder): the retry topic of a topic and group, in both versions."""

from pocketmq.model.names import POP_RETRY_SEPARATOR_V1, POP_RETRY_SEPARATOR_V2, RETRY_PREFIX


def pop_retry_topic(topic: str, group: str, *, version_2: bool) -> str:
    """Where messages wait that the group popped and did not acknowledge."""
    separator = POP_RETRY_SEPARATOR_V2 if version_2 else POP_RETRY_SEPARATOR_V1
    return f"{RETRY_PREFIX}{group}{separator}{topic}"


def is_pop_retry_topic_v2(topic: str) -> bool:
    """The only version that can be told from the name alone: `+` is illegal in names that users choose."""
    return topic.startswith(RETRY_PREFIX) and POP_RETRY_SEPARATOR_V2 in topic


def normal_topic(topic: str, group: str) -> str:
    """The topic behind a POP retry topic of this group; any other topic as it is (KeyBuilder#parseNormalTopic)."""
    if not topic.startswith(RETRY_PREFIX):
        return topic
    return topic[len(RETRY_PREFIX) + len(group) + 1 :]


def normal_topic_of_v2(topic: str) -> str:
    """The topic behind a version 2 retry topic of any group; any other topic as it is."""
    parts = topic.split(POP_RETRY_SEPARATOR_V2)
    return parts[1] if is_pop_retry_topic_v2(topic) and len(parts) == 2 else topic


def group_of_retry_topic(topic: str) -> str:
    """The group of a version 2 retry topic; of any other the text after `%RETRY%` (KeyBuilder#parseGroup)."""
    parts = topic.split(POP_RETRY_SEPARATOR_V2)
    head = parts[0] if is_pop_retry_topic_v2(topic) and len(parts) == 2 else topic
    return head[len(RETRY_PREFIX) :]


def polling_key(topic: str, group: str, queue_id: int) -> str:
    """What a parked pop waits for (KeyBuilder#buildPollingKey)."""
    return f"{topic}@{group}@{queue_id}"
