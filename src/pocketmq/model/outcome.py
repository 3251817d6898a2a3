"""What a handler decides. The node carries it out: sends, waits for the disk, parks, forwards.

A handler is a plain function `(request, peer, state, now_ms) -> Outcome`; it may raise `Refusal`, which the
node turns into a `Reply`. `Push` values go to the state's outbox, for clients other than the one that asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

NO_FIELDS: Mapping[str, str] = {}

ROUTE = -1
"""In the key of a `Park`, in a queue id's place: it waits for what the name servers say about the topic."""

LIMIT = -2
"""As `ROUTE`: it waits until its time has come, whatever arrives meanwhile."""

Wanted = frozenset[int] | Callable[[bytes], bool]


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


class ReadFirst(NamedTuple):
    """Read the records of these packed queue entries, from the disk if need be.

    `then` decides, with their bytes and the time it is by then.
    """

    entries: bytes
    then: Callable[[bytes, int], "Outcome"]


class RecordsWhenDurable(NamedTuple):
    """`ReplyWithRecords` held back as `ReplyWhenDurable` is; the reply's own body comes first, entries may be none."""

    reply: Reply
    entries: bytes
    log_offset_end: int


class Park(NamedTuple):
    """Ask again when a message arrives in `key` or in one of `more`, and at `until_ms` at the latest.

    Keys are (topic, queue_id), or (topic, ROUTE or LIMIT). `wants`: tags codes, or what judges a message's properties;
    a message that none of it wants need wake nobody. Those that wait are counted by `label`. Of those with equal label
    and `alike` none finds a message where another of them has found none; None says nothing.
    """

    until_ms: int
    key: tuple[str, int]
    wants: Wanted | None = None
    more: tuple[tuple[str, int], ...] = ()
    label: str = ""
    alike: str | None = None


class Relay(NamedTuple):
    """Ask the client behind `peer_id` this request, and answer with what it says; where `accepted` and `failed` are
    given, with the one if it says SUCCESS, with the other if it says anything else or nothing in time."""

    peer_id: int
    code: int
    fields: Mapping[str, str]
    body: bytes
    timeout_ms: int
    accepted: Reply | None = None
    failed: Reply | None = None


class Survey(NamedTuple):
    """Ask several clients the same, and answer with what `summary` makes of the replies, by `peer_id`.

    Clients that are gone, or say nothing within `timeout_ms`, have no reply.
    """

    peer_ids: tuple[int, ...]
    code: int
    fields: Mapping[str, str]
    timeout_ms: int
    summary: Callable[[Mapping[int, Reply]], Reply]


class NoReply(NamedTuple):
    """The request is one-way, or its answer is silence."""


Outcome = Reply | ReplyWhenDurable | ReplyWithRecords | ReadFirst | RecordsWhenDurable | Park | Relay | Survey | NoReply


@dataclass(frozen=True, slots=True)
class Push:
    """A one-way request of ours to the client behind `peer_id`."""

    peer_id: int
    code: int
    fields: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
