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
| hidden | a popped message given away again while it was hidden |
| acknowledged | a popped message given away again although its acknowledgement had been answered in time |

A disturbance lasts as long as members may rightly disagree on who owns what: after one joins or leaves, until each has
balanced again; after one fell silent, until it is missed; after the broker was killed, until no member believes in a
lock that the broker has forgotten: like Java's it keeps locks in memory, and what a listener began then may overlap.
Whoever took a queue up meanwhile may go on committing what is behind another member's commit for as long as it is.

Where there is always a disturbance these windows excuse too much. A scenario whose members say when they take a queue
up and give it up (`took`, `gave`) is judged by those tenures too, whatever disturbs the group:

again
    Within one tenure only what the listener asked for. In another only what was done less than `RECOMMITTED_MS` before
    the first tenure ended or the other began: members commit every 5 seconds, and a killed broker forgets the commits
    of 5 seconds. Longer only where a third tenure had begun by then that was behind, for its commits count as well.
back
    Not at all where one tenure ended in good order before the next began and nobody else had the queue, unless the
    broker was killed in between. Concurrent members do not wait for each other: told of a change in the same moment,
    one may ask where to begin just before the other commits where it ended, so that only what is `ANSWERED_MS` apart
    is one after the other. Orderly members are held apart by the lock, unless the broker was killed in the first tenure
    and its lock was no more than believed in. While two members have a queue the commits of
    the one that is behind overwrite the other's: brokers take every commit, as Java's do.
order
    Within one tenure offset by offset from where it began. Two members are busy at once only where the older tenure
    began before a kill of the broker and the younger one after it, and until the lock that the killed broker had
    granted is no longer believed in: 30 seconds in Java's protocol.

Popped messages need no windows: what is hidden is on the disk before it is given away, and so is an acknowledgement
before it is answered. One that comes after the message has become visible again may be too late.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

Place = tuple[str, int]
"""Topic and queue id."""

KILLED = "the broker is killed"
"""The disturbance in which locks are lost."""

RECOMMITTED_MS = 30_000
"""What was done so long ago has been committed: the member's interval, the broker's, and time for a broker to start,
for a commit to be tried again, and for whoever begins anew to come as far as the first had come."""

ANSWERED_MS = 2_000
"""How long a question to the broker, or its answer, may be on its way to a busy member."""

EARLY_MS = 100
"""How exactly a member knows the broker's time."""


@dataclass(slots=True, eq=False)
class Tenure:
    """One member's time with one queue. `end_offset` is what it committed at the end, None if it just stopped."""

    member: str
    place: Place
    start_offset: int
    begun_ms: int
    ended_ms: int | None = None
    end_offset: int | None = None


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

    tenure: Tenure | None = None
    hidden_until_ms: int | None = None
    """If it was popped: until when nobody else gets it."""

    acknowledged_ms: int | None = None
    """If it was popped: when its acknowledgement was answered."""


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
    _held: dict[tuple[str, Place], Tenure] = field(default_factory=dict)
    _tenures: dict[Place, list[Tenure]] = field(default_factory=dict)
    _last: dict[Place, Tenure] = field(default_factory=dict)

    def disturbed(self, what: str, now_ms: int, lasts_ms: int) -> None:
        """A member came, went or fell silent, or the broker was killed."""
        self.disturbances.append((now_ms, now_ms + lasts_ms, what))

    def _was_disturbed(self, start_ms: int, end_ms: int) -> bool:
        return any(begun <= end_ms and ended >= start_ms for begun, ended, _ in self.disturbances)

    def took(self, member: str, place: Place, offset: int, now_ms: int) -> None:
        """A member takes a queue up, and begins at the offset that the broker told it."""
        before = self._last.get(place)
        if before is not None and before.end_offset is not None and offset < before.end_offset:
            assert before.ended_ms is not None
            sure_ms = before.ended_ms + ANSWERED_MS
            was_killed = any(killed <= sure_ms for killed in self._kills_in(before, before.ended_ms))
            was_told = now_ms > sure_ms or (self.is_orderly and not was_killed)
            is_alone = all(held.place != place for held in self._held.values())
            if was_told and is_alone and not self._was_killed_between(before.ended_ms - ANSWERED_MS, now_ms):
                self._found.append(
                    f"back: {member} took {place} up at {offset}, {before.member} had left it at {before.end_offset}"
                )
        self.committed(place, offset, now_ms)
        self._held[member, place] = tenure = Tenure(member, place, offset, now_ms)
        self._tenures.setdefault(place, []).append(tenure)

    def gave(self, member: str, place: Place, offset: int | None, now_ms: int) -> None:
        """A member has given a queue up, and committed this offset before; None if it did not."""
        tenure = self._held.pop((member, place))
        tenure.ended_ms, tenure.end_offset = now_ms, offset
        self._last[place] = tenure

    def gone(self, member: str, now_ms: int) -> None:
        """A member is no more, and whatever it still did has ended with it."""
        for name, place in [key for key in self._held if key[0] == member]:
            self.gave(name, place, None, now_ms)

    def owners(self) -> dict[Place, list[str]]:
        """Who has each queue now, of those that anybody ever took up."""
        owners: dict[Place, list[str]] = {place: [] for place in self._last}
        for member, place in self._held:
            owners.setdefault(place, []).append(member)
        return owners

    def begin(self, member: str, place: Place, queue_offset: int, message: str, now_ms: int) -> Delivery:
        """A listener is called."""
        delivery = Delivery(member, place, queue_offset, message, now_ms, tenure=self._held.get((member, place)))
        self.deliveries.append(delivery)
        return delivery

    def popped(
        self, member: str, place: Place, queue_offset: int, message: str, *, now_ms: int, hidden_until_ms: int
    ) -> Delivery:
        """A member was given a message, hidden from the others until then, and its listener is called."""
        delivery = self.begin(member, place, queue_offset, message, now_ms)
        delivery.hidden_until_ms = hidden_until_ms
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
        if offset < before and not self._was_disturbed(now_ms, now_ms) and not self._is_behind(place, offset):
            self._found.append(f"back: the offset of {place} went from {before} to {offset}")
        missing = set(range(before, offset)) - self._done.get(place, set())
        if missing:
            self._found.append(f"skipped: {place} is committed up to {offset}, without {sorted(missing)[:5]}")
        self._committed[place] = offset

    def _is_behind(self, place: Place, offset: int) -> bool:
        """Whether a member that may be no further yet had the queue at a time with another, since a disturbance."""
        tenures = self._tenures.get(place, [])
        for behind in (held for held in self._held.values() if held.place == place and held.start_offset <= offset):
            for other in tenures:
                younger, older = (other, behind) if other.begun_ms > behind.begun_ms else (behind, other)
                is_shared = older is not younger and (older.ended_ms is None or older.ended_ms >= younger.begun_ms)
                if is_shared and self._was_disturbed(younger.begun_ms, younger.begun_ms):
                    return True
        return False

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
        ordered = [*self._out_of_order(), *self._out_of_step()] if self.is_orderly else []
        return [*self._found, *lost, *held, *self._again(), *self._popped_again(), *ordered]

    def _again(self) -> Iterator[str]:
        last: dict[tuple[Place, int], Delivery] = {}
        for delivery in self.deliveries:
            if delivery.hidden_until_ms is not None:
                continue
            key = (delivery.place, delivery.queue_offset)
            before = last.get(key)
            last[key] = delivery
            if before is None or (before.ended_ms is not None and not before.is_done):
                continue
            if not self._may_come_again(before, delivery):
                yield (
                    f"again: {delivery.message} of {delivery.place} to {before.member} at {before.begun_ms}, "
                    f"and to {delivery.member} at {delivery.begun_ms}"
                )

    def _may_come_again(self, before: Delivery, delivery: Delivery) -> bool:
        """Whether nobody need have known that the first of them was done."""
        tenure = delivery.tenure
        if before.tenure is not None and tenure is not None:
            if before.tenure is tenure:
                return False
            if before.ended_ms is not None and not self._was_forgotten(
                before.tenure, tenure, delivery, before.ended_ms
            ):
                return False
        return self._was_disturbed(before.begun_ms, delivery.begun_ms)

    def _was_forgotten(self, first: Tenure, other: Tenure, delivery: Delivery, done_ms: int) -> bool:
        """Whether what was done in the first tenure need not have been committed, or not for good, before the other."""
        sure_ms = done_ms + RECOMMITTED_MS
        if other.begun_ms <= sure_ms or (first.ended_ms is not None and first.ended_ms <= sure_ms):
            return True
        return any(
            behind.start_offset <= delivery.queue_offset
            and behind.begun_ms <= sure_ms
            and (behind.ended_ms is None or behind.ended_ms > done_ms)
            for behind in self._tenures[delivery.place]
            if behind is not first
        )

    def _popped_again(self) -> Iterator[str]:
        last: dict[str, Delivery] = {}
        popped = [delivery for delivery in self.deliveries if delivery.hidden_until_ms is not None]
        for delivery in sorted(popped, key=lambda one: one.begun_ms):
            before = last.get(delivery.message)
            last[delivery.message] = delivery
            if before is None or before.hidden_until_ms is None:
                continue
            visible_ms = before.hidden_until_ms - EARLY_MS
            told = f"{delivery.message} to {delivery.member} at {delivery.begun_ms}, {before.member} had it"
            if delivery.begun_ms < visible_ms:
                yield f"hidden: {told} until {before.hidden_until_ms}"
            elif before.acknowledged_ms is not None and before.acknowledged_ms < visible_ms:
                yield f"acknowledged: {told} and was answered at {before.acknowledged_ms}"

    def _out_of_order(self) -> Iterator[str]:
        last: dict[Place, Delivery] = {}
        for delivery in self.deliveries:
            before = last.get(delivery.place)
            last[delivery.place] = delivery
            if before is None:
                continue
            is_busy = before.ended_ms is None or before.ended_ms > delivery.begun_ms
            if is_busy and not self._may_overlap(before, delivery):
                yield f"order: {delivery.place} was busy at {before.member} when {delivery.member} began"
            if not _follows(before, delivery) and not self._was_disturbed(before.begun_ms, delivery.begun_ms):
                yield f"order: {delivery.place} {delivery.queue_offset} came after {before.queue_offset}"

    def _out_of_step(self) -> Iterator[str]:
        """Each tenure by itself, and all of them together against the order in which messages were sent."""
        last: dict[int, Delivery] = {}
        numbers = {message: number for number, message in enumerate(self.sent)}
        furthest: dict[Place, str] = {}
        seen: set[str] = set()
        for delivery in self.deliveries:
            tenure, message, place = delivery.tenure, delivery.message, delivery.place
            if tenure is not None:
                before = last.get(id(tenure))
                last[id(tenure)] = delivery
                if before is None and delivery.queue_offset != tenure.start_offset:
                    yield f"order: {tenure.member} began {place} at {tenure.start_offset} with {delivery.queue_offset}"
                if before is not None and not _follows(before, delivery):
                    yield f"order: {tenure.member} had {place} {delivery.queue_offset} after {before.queue_offset}"
            if delivery.is_done and message in numbers and message not in seen:
                seen.add(message)
                if numbers[message] < numbers[furthest.setdefault(place, message)]:
                    yield f"order: {message} of {place} came after {furthest[place]}, which was sent after it"
                furthest[place] = message

    def _may_overlap(self, before: Delivery, delivery: Delivery) -> bool:
        """Whether each of the two members may have believed that the queue was locked for it."""
        one, other = before.tenure, delivery.tenure
        if one is None or other is None:
            return self._was_killed(before) or self._was_killed(delivery)
        if one is other:
            return False
        older, at = (one, before.begun_ms) if one.begun_ms <= other.begun_ms else (other, delivery.begun_ms)
        younger = other if older is one else one
        return any(younger.begun_ms >= killed for killed in self._kills_in(older, at))

    def _kills_in(self, tenure: Tenure, at_ms: int) -> Iterator[int]:
        """When brokers were killed that had granted the lock, of those in which a member may still believe then."""
        for begun, ended, what in self.disturbances:
            if what == KILLED and tenure.begun_ms - ANSWERED_MS <= begun and at_ms <= ended:
                yield begun

    def _was_killed(self, delivery: Delivery) -> bool:
        """Whether it began while members might believe in locks that a killed broker had forgotten."""
        at = delivery.begun_ms
        return any(begun <= at <= ended and what == KILLED for begun, ended, what in self.disturbances)

    def _was_killed_between(self, start_ms: int, end_ms: int) -> bool:
        return any(start_ms <= begun <= end_ms and what == KILLED for begun, _, what in self.disturbances)


def _follows(before: Delivery, delivery: Delivery) -> bool:
    """Whether the one may come right after the other: the next, or the same that was not done."""
    is_same = delivery.queue_offset == before.queue_offset and not before.is_done
    return is_same or delivery.queue_offset == before.queue_offset + 1
