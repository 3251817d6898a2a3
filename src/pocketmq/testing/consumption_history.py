"""What happened to a consumer group, and whether it may have happened.

A scenario writes down every acknowledged send, delivery, commit and disturbance in the order in which they came;
`violations` then says, one sentence each, what no order of events allows:

| | |
|---|---|
| lost | an acknowledged message that no listener has finished, once everything has been drained |
| again | a message delivered again to its group, undisturbed, and the listener had not asked for it |
| back | a committed offset that went back, undisturbed |
| skipped | a committed offset beyond a message that no listener of the group had finished or returned |
| order | in an orderly group, two listeners busy with one queue at a time, or a message before one that precedes it |
| owners | a queue that has no owner, or two, once the group has settled |

A disturbance lasts as long as members may rightly disagree on who owns what: after one joins or leaves, until each has
balanced again; after one fell silent, until it is missed; after the broker was killed, until no member believes in a
lock that the broker has forgotten: like Java's it keeps locks in memory, and what a listener began then may overlap.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

Place = tuple[str, int]
"""Topic and queue id."""

KILLED = "the broker is killed"
"""The disturbance in which locks are lost."""


@dataclass(slots=True)
class Delivery:
    """One call of a listener: from when to when (ms), and how it ended; None while it runs, or never if it was lost."""

    member: str
    place: Place
    queue_offset: int
    message: str
    begun_ms: int
    ended_ms: int | None = None
    is_done: bool = False
    """Whether the listener was content; if it was not, it gets the message again, or another member a copy."""


@dataclass(slots=True)
class History:
    """Everything that happened to one group. `is_orderly`: its listeners take one message of a queue at a time."""

    is_orderly: bool = False
    sent: dict[str, Place] = field(default_factory=dict)
    """The acknowledged messages."""

    deliveries: list[Delivery] = field(default_factory=list)
    disturbances: list[tuple[int, int, str]] = field(default_factory=list)
    """From when, until when (ms), and what."""

    _committed: dict[Place, int] = field(default_factory=dict)
    _found: list[str] = field(default_factory=list)
    _done: dict[Place, set[int]] = field(default_factory=dict)

    def disturbed(self, what: str, now_ms: int, lasts_ms: int) -> None:
        """A member came, went or fell silent, or the broker was killed."""
        self.disturbances.append((now_ms, now_ms + lasts_ms, what))

    def _was_disturbed(self, start_ms: int, end_ms: int) -> bool:
        return any(begun <= end_ms and ended >= start_ms for begun, ended, _ in self.disturbances)

    def begin(self, member: str, place: Place, queue_offset: int, message: str, now_ms: int) -> Delivery:
        """A listener is called."""
        delivery = Delivery(member, place, queue_offset, message, now_ms)
        self.deliveries.append(delivery)
        return delivery

    def end(self, delivery: Delivery, now_ms: int, *, is_done: bool, is_settled: bool) -> None:
        """The listener has returned; settled is what needs no further call: done, or sent back and acknowledged."""
        delivery.ended_ms = now_ms
        delivery.is_done = is_done
        if is_settled:
            self._done.setdefault(delivery.place, set()).add(delivery.queue_offset)

    def committed(self, place: Place, offset: int, now_ms: int) -> None:
        """What the broker says now of the group's offset in this queue."""
        before = self._committed.get(place, 0)
        if offset < before and not self._was_disturbed(now_ms, now_ms):
            self._found.append(f"back: the offset of {place} went from {before} to {offset}")
        missing = set(range(before, offset)) - self._done.get(place, set())
        if missing:
            self._found.append(f"skipped: {place} is committed up to {offset}, without {sorted(missing)[:5]}")
        self._committed[place] = offset

    def killed(self, offsets: dict[Place, int], now_ms: int, lasts_ms: int) -> None:
        """The broker was killed, and came back with these offsets, which may be those of an earlier moment."""
        self.disturbed(KILLED, now_ms, lasts_ms)
        for place, before in self._committed.items():
            self._committed[place] = min(before, offsets.get(place, 0))

    def violations(self, owners: dict[Place, list[str]]) -> list[str]:
        """All that must not be, after everything has been drained; `owners` are the members that hold each queue."""
        done = {delivery.message for delivery in self.deliveries if delivery.is_done}
        lost = [f"lost: {message}, sent to {place}" for message, place in self.sent.items() if message not in done]
        held = [f"owners: {place} is held by {members}" for place, members in owners.items() if len(members) != 1]
        ordered = list(self._out_of_order()) if self.is_orderly else []
        return [*self._found, *lost, *held, *self._again(), *ordered]

    def _again(self) -> Iterator[str]:
        last: dict[tuple[Place, int], Delivery] = {}
        for delivery in self.deliveries:
            key = (delivery.place, delivery.queue_offset)
            before = last.get(key)
            asked = before is not None and before.ended_ms is not None and not before.is_done
            if before is not None and not asked and not self._was_disturbed(before.begun_ms, delivery.begun_ms):
                yield (
                    f"again: {delivery.message} of {delivery.place} to {before.member} at {before.begun_ms}, "
                    f"and to {delivery.member} at {delivery.begun_ms}"
                )
            last[key] = delivery

    def _out_of_order(self) -> Iterator[str]:
        last: dict[Place, Delivery] = {}
        for delivery in self.deliveries:
            before = last.get(delivery.place)
            if before is not None:
                is_calm = not self._was_disturbed(before.begun_ms, delivery.begun_ms)
                if (before.ended_ms is None or before.ended_ms > delivery.begun_ms) and not (
                    self._was_killed(before) or self._was_killed(delivery)
                ):
                    yield f"order: {delivery.place} was busy at {before.member} when {delivery.member} began"
                is_next = delivery.queue_offset == before.queue_offset + 1
                is_same = delivery.queue_offset == before.queue_offset and not before.is_done
                if is_calm and not (is_next or is_same):
                    yield f"order: {delivery.place} {delivery.queue_offset} came after {before.queue_offset}"
            last[delivery.place] = delivery

    def _was_killed(self, delivery: Delivery) -> bool:
        """Whether it began while members might believe in locks that a killed broker had forgotten."""
        at = delivery.begun_ms
        return any(begun <= at <= ended and what == KILLED for begun, ended, what in self.disturbances)
