"""Attributes of topics and groups, and the small language that changes them: `+key=value,-key` (AttributeUtil).

A key has a kind and may be changeable or fixed for good. Remarks are Java's, which tools show to people.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from pocketmq.model import group as group_words
from pocketmq.model import topic as topic_words
from pocketmq.model.errors import Refusal
from pocketmq.model.settings import INT_MAX, LONG_MAX
from pocketmq.protocol.codes import ResponseCode

ADD = "+"
DELETE = "-"


@dataclass(frozen=True, slots=True)
class Attribute:
    """What a value of one key must be; anything, unless `words` or `low` and `high` say otherwise."""

    changeable: bool = True
    words: tuple[str, ...] = ()
    low: int | None = None
    high: int = LONG_MAX

    def verify(self, value: str) -> None:
        """Refuse a value that the key cannot have."""
        if self.words and value not in self.words:
            refuse(f"value is not in set: [{', '.join(self.words)}]")
        if self.low is not None:
            try:
                number = int(value)
            except ValueError:
                refuse(f'For input string: "{value}"')
            if not self.low <= number <= self.high:
                refuse(f"value is not in range({self.low}, {self.high})")


MESSAGE_TYPES = ("UNSPECIFIED", "MIXED", "TRANSACTION", "PRIORITY", "FIFO", "DELAY", "LITE", "NORMAL")
"""TopicMessageType, in the order in which Java's remark names them."""

TOPIC_ATTRIBUTES: Mapping[str, Attribute] = {
    topic_words.ATTRIBUTE_QUEUE_TYPE: Attribute(changeable=False, words=(topic_words.QUEUE_TYPE_BATCH, "SimpleCQ")),
    topic_words.ATTRIBUTE_CLEANUP_POLICY: Attribute(changeable=False, words=("COMPACTION", "DELETE")),
    topic_words.ATTRIBUTE_MESSAGE_TYPE: Attribute(words=MESSAGE_TYPES),
    topic_words.ATTRIBUTE_RESERVE_TIME: Attribute(low=-1),
    topic_words.ATTRIBUTE_LITE_EXPIRATION: Attribute(low=-1, high=43_200),
    topic_words.ATTRIBUTE_SEND_RATE_LIMIT: Attribute(low=0, high=INT_MAX),
    topic_words.ATTRIBUTE_PULL_RATE_LIMIT: Attribute(low=0, high=INT_MAX),
}
"""TopicAttributes.ALL, and the rates, which are ours."""

GROUP_ATTRIBUTES: Mapping[str, Attribute] = {
    group_words.ATTRIBUTE_PRIORITY_FACTOR: Attribute(low=0, high=100),
    group_words.ATTRIBUTE_LITE_BIND_TOPIC: Attribute(),
    group_words.ATTRIBUTE_LITE_SUB_MODEL: Attribute(words=("Shared", "Exclusive")),
    "lite.sub.reset.offset.exclusive": Attribute(words=("true", "false")),
    "lite.sub.reset.offset.unsubscribe": Attribute(words=("true", "false")),
    group_words.ATTRIBUTE_LITE_SUB_CLIENT_QUOTA: Attribute(low=-1),
    "lite.sub.client.max.event.cnt": Attribute(low=10),
    group_words.ATTRIBUTE_LITE_SUB_WILDCARD: Attribute(),
    group_words.ATTRIBUTE_PULL_RATE_LIMIT: Attribute(low=0, high=INT_MAX),
}
"""SubscriptionGroupAttributes.ALL, and the rate, which is ours."""


def parse_changes(text: str | None) -> dict[str, str]:
    """The changes in `+key=value,-key`: keys keep their sign, a deletion has no value (AttributeParser#parseToMap)."""
    changes: dict[str, str] = {}
    for change in text.split(",") if text else ():
        key, equals, value = change.partition("=")
        if equals and (ADD not in key or not value):
            refuse(f"add/alter attribute format is wrong: {key}")
        if not equals and DELETE not in key:
            refuse(f"delete attribute format is wrong: {key}")
        if key in changes:
            refuse(f"key duplication: {key}")
        changes[key] = value.partition("=")[0]
    return changes


def apply_changes(
    known: Mapping[str, Attribute], current: Mapping[str, str] | None, changes: Mapping[str, str]
) -> dict[str, str]:
    """The attributes after the changes; `current` is None for what is being created, which only takes additions."""
    seen: set[str] = set()
    for signed_key, value in changes.items():
        sign, key = signed_key[:1], signed_key[1:]
        if not key or "+" in key or "-" in key:
            refuse("kv string format wrong.")
        if key in seen:
            refuse(f"alter duplication key. key: {key}")
        seen.add(key)
        if current is None and sign != ADD:
            refuse(f"only add attribute is supported while creating topic. key: {key}")
        if sign not in (ADD, DELETE):
            refuse(f"wrong format key: {key}")
        if sign == DELETE and key not in (current or {}):
            refuse(f"attempt to delete a nonexistent key: {key}")
        attribute = known.get(key)
        if attribute is None:
            refuse(f"unsupported key: {key}")
        if current is not None and not attribute.changeable:
            refuse(f"attempt to update an unchangeable attribute. key: {key}")
        if sign == ADD:
            attribute.verify(value)
    changed = dict(current or {})
    for signed_key, value in changes.items():
        if signed_key.startswith(ADD):
            changed[signed_key[1:]] = value
        else:
            del changed[signed_key[1:]]
    return changed


def refuse(remark: str) -> NoReturn:
    """Java throws a RuntimeException here, which becomes SYSTEM_ERROR with its message."""
    raise Refusal(ResponseCode.SYSTEM_ERROR, remark)
