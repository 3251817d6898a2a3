"""Which offsets a pop's answer holds, as text: `retry kind · queue id · what`, entries separated by semicolons.

    start offsets      0 0 100;2 0 7            message offsets   0 0 100,101,105;2 0 7
    order counts       0 0 2;0 qo0%101 3        by queue, and by queue and offset

Parsed entries are found by `kind@queue` or `kind@qo{queue}%{offset}`. Source: ExtraInfoUtil.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from pocketmq.model.errors import Refusal
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.pop_handle import retry_kind

T = TypeVar("T")

_PARTS = 3


def start_offset_entry(topic: str, queue_id: int, offset: int) -> str:
    """Where the popped batch of one queue starts."""
    return f"{retry_kind(topic)} {queue_id} {offset}"


def message_offsets_entry(topic: str, queue_id: int, offsets: Iterable[int]) -> str:
    """The offsets of the popped messages of one queue."""
    return f"{retry_kind(topic)} {queue_id} {','.join(map(str, offsets))}"


def queue_order_count_entry(topic: str, queue_id: int, count: int) -> str:
    """How often the head of one queue has been popped in order."""
    return f"{retry_kind(topic)} {queue_id} {count}"


def offset_order_count_entry(topic: str, queue_id: int, offset: int, count: int) -> str:
    """How often one message has been popped in order."""
    return f"{retry_kind(topic)} {offset_word(queue_id, offset)} {count}"


def join_entries(entries: Iterable[str]) -> str:
    """The text of several entries."""
    return ";".join(entries)


def parse_start_offsets(text: str | None) -> dict[str, int]:
    """Start offsets by `queue_key`; Refusal if the text is ill-formed."""
    return _parse(text, _number)


def parse_message_offsets(text: str | None) -> dict[str, tuple[int, ...]]:
    """Message offsets by `queue_key`; Refusal if the text is ill-formed."""
    return _parse(text, lambda offsets: tuple(_number(offset) for offset in offsets.split(",")))


def parse_order_counts(text: str | None) -> dict[str, int]:
    """Order counts by `queue_key` or `offset_key`; Refusal if the text is ill-formed."""
    return _parse(text, _number)


def queue_key(kind: str, queue_id: int) -> str:
    """The key of a queue among the parsed entries; `kind` is the retry kind of its topic or of a handle."""
    return f"{kind}@{queue_id}"


def offset_key(kind: str, queue_id: int, offset: int) -> str:
    """The key of one message among the parsed order counts."""
    return f"{kind}@{offset_word(queue_id, offset)}"


def offset_word(queue_id: int, offset: int) -> str:
    """One message's place in a text of order counts (ExtraInfoUtil#getQueueOffsetKeyValueKey)."""
    return f"qo{queue_id}%{offset}"


def _parse(text: str | None, read: Callable[[str], T]) -> dict[str, T]:
    found: dict[str, T] = {}
    for entry in text.split(";") if text else ():
        parts: Sequence[str] = entry.split(" ")
        key = "@".join(parts[:2])
        if len(parts) != _PARTS or key in found:
            raise Refusal(
                ResponseCode.SYSTEM_ERROR, f"pop offsets have the ill-formed or repeated entry {entry[:64]!r}"
            )
        found[key] = read(parts[2])
    return found


def _number(text: str) -> int:
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 19:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"pop offsets have {text[:64]!r} where a number should be")
    return int(text)
