"""What a consumer group subscribes to, and the words that heartbeats use for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pocketmq.model.java import java_string_hash

SUB_ALL = "*"
"""SubscriptionData.SUB_ALL: every tag."""

EXPRESSION_TAG = "TAG"
EXPRESSION_SQL92 = "SQL92"
"""ExpressionType."""


class ConsumeType(StrEnum):
    """Who decides when messages move (ConsumeType)."""

    CONSUME_ACTIVELY = "CONSUME_ACTIVELY"
    CONSUME_PASSIVELY = "CONSUME_PASSIVELY"
    CONSUME_POP = "CONSUME_POP"


class MessageModel(StrEnum):
    """Whether the members of a group share the messages (MessageModel)."""

    BROADCASTING = "BROADCASTING"
    CLUSTERING = "CLUSTERING"
    LITE_SELECTIVE = "LITE_SELECTIVE"


class ConsumeFromWhere(StrEnum):
    """Where a group without offsets starts (ConsumeFromWhere); the three long names are obsolete."""

    CONSUME_FROM_LAST_OFFSET = "CONSUME_FROM_LAST_OFFSET"
    CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST = "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST"
    CONSUME_FROM_MIN_OFFSET = "CONSUME_FROM_MIN_OFFSET"
    CONSUME_FROM_MAX_OFFSET = "CONSUME_FROM_MAX_OFFSET"
    CONSUME_FROM_FIRST_OFFSET = "CONSUME_FROM_FIRST_OFFSET"
    CONSUME_FROM_TIMESTAMP = "CONSUME_FROM_TIMESTAMP"


class MessageRequestMode(StrEnum):
    """How a group gets its messages (MessageRequestMode)."""

    PULL = "PULL"
    POP = "POP"


@dataclass(frozen=True, slots=True)
class SubscriptionData:
    """A subscription to one topic. `tags_set` and `code_set` keep their order, so that the wire form repeats."""

    topic: str
    sub_string: str = SUB_ALL
    tags_set: Sequence[str] = ()
    code_set: Sequence[int] = ()
    sub_version: int = 0
    expression_type: str = EXPRESSION_TAG
    class_filter_mode: bool = False


@dataclass(frozen=True, slots=True)
class BloomBits:
    """The bits that stand for a group and topic in a message's bit map of `bit_num` bits (BloomFilterData)."""

    bit_num: int = 0
    bit_pos: Sequence[int] = ()


def is_tag_type(expression_type: str | None) -> bool:
    """No type, an empty one and TAG mean tags (ExpressionType#isTagType)."""
    return not expression_type or expression_type == EXPRESSION_TAG


def tag_subscription(topic: str, expression: str | None, *, version: int = 0) -> SubscriptionData:
    """The subscription to `TagA || TagB`; `*` or nothing means every tag (FilterAPI). ValueError for bars alone."""
    if not expression or expression == SUB_ALL:
        return SubscriptionData(topic, SUB_ALL, sub_version=version)
    parts = expression.split("||")
    if not any(parts):
        raise ValueError("subString split error")
    tags = tuple(dict.fromkeys(tag for part in parts if (tag := _java_trim(part))))
    codes = tuple(dict.fromkeys(java_string_hash(tag) for tag in tags))
    return SubscriptionData(topic, expression, tags, codes, sub_version=version)


def subscription(
    topic: str, expression: str | None, expression_type: str | None = None, *, version: int = 0
) -> SubscriptionData:
    """The subscription for an expression of either type (FilterAPI#build); ValueError if it is no expression."""
    if expression_type is None or expression_type == EXPRESSION_TAG:
        return tag_subscription(topic, expression, version=version)
    if not expression:
        raise ValueError(f"Expression can't be null! {expression_type}")
    return SubscriptionData(topic, expression, sub_version=version, expression_type=expression_type)


def codes_wanted(wanted: SubscriptionData) -> frozenset[int] | None:
    """The hashes of the tags that a subscription to tags wants; None: all."""
    return frozenset(wanted.code_set) if wanted.code_set and wanted.sub_string != SUB_ALL else None


def _java_trim(text: str) -> str:
    return text.strip("".join(map(chr, range(33))))
