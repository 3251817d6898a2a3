"""What a POP consumer needs to acknowledge a message (POP_CK, extraInfo, receipt handle): numbers and words in a row.

    checkpoint offset · pop time · invisible time · revive queue · retry kind · broker name · queue id
    [· queue offset [· log offset]]

A broker name with a blank shifts every later part, as in Java. Sources: ExtraInfoUtil, ReceiptHandle.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pocketmq.model.errors import Refusal
from pocketmq.model.names import POP_ORDER_REVIVE_QUEUE, RETRY_PREFIX
from pocketmq.model.pop_names import is_pop_retry_topic_v2, pop_retry_topic
from pocketmq.protocol.codes import ResponseCode

NORMAL = "0"
RETRY_V1 = "1"
RETRY_V2 = "2"
"""ExtraInfoUtil: the retry kind, what kind of topic the message was popped from."""

_SEPARATOR = " "
_PARTS_MIN = 7
_LONG_END = 1 << 63


@dataclass(frozen=True, slots=True)
class PopHandle:
    """A popped message, or with `queue_offset` None the batch it came in."""

    start_offset: int
    pop_time: int
    invisible_time: int
    revive_queue_id: int
    retry_kind: str
    broker_name: str
    queue_id: int
    queue_offset: int | None = None
    log_offset: int | None = None

    @property
    def is_orderly(self) -> bool:
        """Popped by an orderly consumer: there is no checkpoint, the broker keeps the order itself."""
        return self.revive_queue_id == POP_ORDER_REVIVE_QUEUE

    @property
    def is_retry(self) -> bool:
        """Popped from a retry topic."""
        return self.retry_kind in (RETRY_V1, RETRY_V2)

    @property
    def next_visible_time(self) -> int:
        """When it is delivered again if nobody acknowledges it."""
        return self.pop_time + self.invisible_time

    def real_topic(self, topic: str, group: str) -> str:
        """The topic it was popped from, given the one that was subscribed to."""
        return real_topic(topic, group, self.retry_kind)

    def encode(self) -> str:
        """The handle's text."""
        parts = (
            self.start_offset,
            self.pop_time,
            self.invisible_time,
            self.revive_queue_id,
            self.retry_kind,
            self.broker_name,
            self.queue_id,
            self.queue_offset,
            self.log_offset,
        )
        return _SEPARATOR.join(str(part) for part in parts if part is not None)


def decode_pop_handle(text: str) -> PopHandle:
    """Inverse of `PopHandle.encode`; Refusal if a part is missing or no number."""
    parts = text.split(_SEPARATOR)
    if len(parts) < _PARTS_MIN:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"pop handle {text[:128]!r} has {len(parts)} parts, not {_PARTS_MIN}")
    return PopHandle(
        start_offset=_number(parts, 0),
        pop_time=_number(parts, 1),
        invisible_time=_number(parts, 2),
        revive_queue_id=_number(parts, 3),
        retry_kind=parts[4],
        broker_name=parts[5],
        queue_id=_number(parts, 6),
        queue_offset=_number(parts, 7) if len(parts) > 7 else None,
        log_offset=_number(parts, 8) if len(parts) > 8 else None,
    )


def retry_kind(topic: str) -> str:
    """The retry kind of a topic."""
    if is_pop_retry_topic_v2(topic):
        return RETRY_V2
    return RETRY_V1 if topic.startswith(RETRY_PREFIX) else NORMAL


def real_topic(topic: str, group: str, kind: str) -> str:
    """The topic that a retry kind stands for; an unknown kind means the topic itself."""
    if kind not in (RETRY_V1, RETRY_V2):
        return topic
    return pop_retry_topic(topic, group, version_2=kind == RETRY_V2)


def _number(parts: Sequence[str], index: int) -> int:
    text = parts[index]
    digits = text.removeprefix("-")
    number = int(text) if digits.isascii() and digits.isdigit() and len(digits) < 20 else _LONG_END
    if not -_LONG_END <= number < _LONG_END:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"part {index} of a pop handle is {text[:64]!r}, not a whole number")
    return number
