"""The fields of a send, by both of their names (SendMessageRequestHeader, SendMessageRequestHeaderV2)."""

ABSENT = -1
"""`max_reconsume_times` of a send that does not say."""

NAMES = {
    "producer_group": ("producerGroup", "a"),
    "topic": ("topic", "b"),
    "default_topic": ("defaultTopic", "c"),
    "default_topic_queue_nums": ("defaultTopicQueueNums", "d"),
    "queue_id": ("queueId", "e"),
    "sys_flag": ("sysFlag", "f"),
    "born_timestamp": ("bornTimestamp", "g"),
    "flag": ("flag", "h"),
    "properties": ("properties", "i"),
    "reconsume_times": ("reconsumeTimes", "j"),
    "unit_mode": ("unitMode", "k"),
    "max_reconsume_times": ("maxReconsumeTimes", "l"),
    "batch": ("batch", "m"),
}
"""Spelled out, as SEND_MESSAGE has them, and the letters of SEND_MESSAGE_V2."""
