"""What a handler decides. The node carries it out: sends, waits for the disk, parks, forwards.

A handler is a plain function `(request, peer, state, now_ms) -> Outcome`; it may raise `Refusal`, which the
node turns into a `Reply`. `Push` values go to the state's outbox, for clients other than the one that asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

NO_FIELDS: Mapping[str, str] = {}


class Reply:
    """Answer now. `fields` are the header's extension fields by wire name, values already text."""

    __slots__ = ("body", "code", "fields", "remark")

    def __init__(
        self, code: int = 0, remark: str | None = None, fields: Mapping[str, str] = NO_FIELDS, body: bytes = b""
    ) -> None:
        self.code = code
        self.remark = remark
        self.fields = fields
        self.body = body

    def with_body(self, body: bytes) -> "Reply":
        """The same answer with this body."""
        return Reply(self.code, self.remark, self.fields, body)

    def __repr__(self) -> str:
        return f"Reply(code={self.code}, remark={self.remark!r}, fields={dict(self.fields)}, body={self.body!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reply):
            return NotImplemented
        return (self.code, self.remark, dict(self.fields), self.body) == (
            other.code,
            other.remark,
            dict(other.fields),
            other.body,
        )

    __hash__ = None  # type: ignore[assignment]


class ReplyWhenDurable(NamedTuple):
    """Answer once the log is as durable as policy asks up to `log_offset_end`; `waits` false if the message said so."""

    reply: Reply
    log_offset_end: int
    waits: bool = True


class ReplyWithRecords(NamedTuple):
    """Answer with stored records as body: `entries` are packed queue entries, one or more, by ascending log offset."""

    reply: Reply
    entries: bytes


class RecordsWhenDurable(NamedTuple):
    """`ReplyWithRecords` held back as `ReplyWhenDurable` is; the reply's own body comes first, entries may be none."""

    reply: Reply
    entries: bytes
    log_offset_end: int


class Park(NamedTuple):
    """Ask again when a message arrives in `key` or in one of `more`, and at `until_ms` at the latest.

    Keys are (topic, queue_id). Those that wait are counted by `label`. Of those with equal label and `alike` none finds
    a message where another of them has found none; None says nothing.
    """

    until_ms: int
    key: tuple[str, int]
    more: tuple[tuple[str, int], ...] = ()
    label: str = ""
    alike: str | None = None


class Relay(NamedTuple):
    """Ask the client behind `peer_id` this request, and answer with what it says."""

    peer_id: int
    code: int
    fields: Mapping[str, str]
    body: bytes
    timeout_ms: int


class NoReply(NamedTuple):
    """The request is one-way, or its answer is silence."""


Outcome = Reply | ReplyWhenDurable | ReplyWithRecords | RecordsWhenDurable | Park | Relay | NoReply


@dataclass(frozen=True, slots=True)
class Push:
    """A one-way request of ours to the client behind `peer_id`."""

    peer_id: int
    code: int
    fields: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
