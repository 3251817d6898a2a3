"""Requests that wait for a message: by queue, so that an append finds its own, and by deadline, in 100 ms buckets.

Within a queue those are found at once that wait for any message, or for a tag; of expressions there are few, and each
is asked once. So a message costs as much as it wakes, not as many as wait.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from pocketmq.broker.filters.arrivals import Arrivals
from pocketmq.broker.state import ALL_PARKED
from pocketmq.model.limits import EXPRESSIONS_AWAITED_MAX, PARKED_PULLS_MAX
from pocketmq.model.outcome import Wanted
from pocketmq.protocol.frame import Command
from pocketmq.transport.server import Link

BUCKET_MS = 100
Key = tuple[str, int]
Judge = Callable[[bytes], bool]
Label = int | Judge | None
"""What one message may be that wakes a request: of this tag, passed by this judge, or any."""


class Parked(NamedTuple):
    """A request that its handler wants to decide again later; the last three are as `Park` has them."""

    link: Link
    request: Command
    until_ms: int
    wants: Wanted | None = None
    more: tuple[Key, ...] = ()
    label: str = ""
    alike: str | None = None


class _Choosy:
    """Those who wait for one queue with a filter, by what may wake them."""

    __slots__ = ("judges", "labelled", "parked")

    def __init__(self) -> None:
        self.parked: dict[int, tuple[Parked, tuple[Label, ...]]] = {}
        self.labelled: dict[Label, set[int]] = {}
        self.judges = 0

    def put(self, number: int, parked: Parked) -> None:
        labels = self._labels(parked.wants)
        self.parked[number] = (parked, labels)
        for label in labels:
            if label not in self.labelled:
                self.labelled[label] = set()
                self.judges += callable(label)
            self.labelled[label].add(number)

    def pop(self, number: int) -> Parked | None:
        parked, labels = self.parked.pop(number, (None, ()))
        for label in labels:
            numbers = self.labelled[label]
            numbers.discard(number)
            if not numbers:
                del self.labelled[label]
                self.judges -= callable(label)
        return parked

    def woken_by(self, arrived: Arrivals) -> set[int]:
        woken = set(self.labelled.get(None, ()))
        for code in arrived.codes:
            woken |= self.labelled.get(code, set())
        if self.judges:
            for label, numbers in self.labelled.items():
                if callable(label) and arrived.may_pass(label):
                    woken |= numbers
        return woken

    def _labels(self, wants: Wanted | None) -> tuple[Label, ...]:
        if isinstance(wants, frozenset):
            return tuple(wants)
        return (wants,) if wants in self.labelled or self.judges < EXPRESSIONS_AWAITED_MAX else (None,)


class _Queue:
    """Who waits for one queue. What is below `judged_to` has been held against all; `waited_from` is where it began."""

    __slots__ = ("choosy", "judged_to", "plain", "waited_from")

    def __init__(self, offset: int) -> None:
        self.plain: dict[int, Parked] = {}
        self.choosy: _Choosy | None = None  # Most queues need none, and there may be 100,000 of them.
        self.judged_to = self.waited_from = offset

    def put(self, number: int, parked: Parked, offset: int) -> None:
        self.judged_to = min(self.judged_to, offset)
        if parked.wants is None:
            self.plain[number] = parked
            return
        if self.choosy is None:
            self.choosy = _Choosy()
        self.choosy.put(number, parked)

    def pop(self, number: int) -> Parked | None:
        parked = self.plain.pop(number, None)
        return self.choosy.pop(number) if parked is None and self.choosy is not None else parked

    @property
    def is_empty(self) -> bool:
        """Nobody waits any more."""
        return not self.plain and not (self.choosy is not None and self.choosy.parked)

    @property
    def numbers(self) -> list[int]:
        """All, in the order in which they came."""
        return sorted([*self.plain, *self.choosy.parked]) if self.choosy is not None else list(self.plain)

    def woken_by(self, arrived: Arrivals) -> list[int]:
        """Those that one of these messages may be for, in the order in which they came."""
        self.judged_to = arrived.end
        return sorted([*self.plain, *self.choosy.woken_by(arrived)]) if self.choosy is not None else list(self.plain)

    def of_link(self, link: Link) -> list[int]:
        """Those of this link."""
        found = [number for number, parked in self.plain.items() if parked.link is link]
        if self.choosy is not None:
            found += [number for number, (parked, _) in self.choosy.parked.items() if parked.link is link]
        return found


class Parking:
    """At most PARKED_PULLS_MAX requests; `park` says no beyond them. `labels` counts those with a label."""

    def __init__(self, labels: dict[str, int] | None = None) -> None:
        self._labels = {} if labels is None else labels
        self._by_key: dict[Key, _Queue] = {}
        self._by_bucket: dict[int, list[tuple[Key, int]]] = {}
        self._swept = 0
        self._next = 0
        self.count = 0

    def park(self, key: Key, parked: Parked, *offsets: int) -> bool:
        """Keeps it until `take` or `due`; false if there is no room.

        It has looked to `offsets`, the ends of the queues of `key` and of `parked.more`.
        """
        if self.count >= PARKED_PULLS_MAX:
            return False
        self._next += 1
        self._put(key, parked, offsets[0] if offsets else 0)
        for index, other in enumerate(parked.more, 1):
            offset = offsets[index] if index < len(offsets) else 0
            self._put(other, parked._replace(more=(key, *parked.more)), offset)
        bucket = -(-parked.until_ms // BUCKET_MS)
        if bucket <= self._swept:
            bucket = self._swept + 1
        self._by_bucket.setdefault(bucket, []).append((key, self._next))
        self.count += 1
        if parked.label:
            for label in (parked.label, ALL_PARKED):
                self._labels[label] = self._labels.get(label, 0) + 1
        return True

    def is_choosy(self, key: Key) -> bool:
        """Whether somebody waits for this queue whom not every message wakes: then `take` should know what arrived."""
        queue = self._by_key.get(key)
        return queue is not None and queue.choosy is not None and bool(queue.choosy.parked)

    def awaits(self, key: Key) -> bool:
        """Whether anybody waits for this queue."""
        return key in self._by_key

    def judged(self, key: Key) -> tuple[int, int]:
        """For a queue that somebody waits for: the offset that all have been judged to, and where waiting began."""
        queue = self._by_key[key]
        return queue.judged_to, queue.waited_from

    def take(self, key: Key, arrived: Arrivals | None = None) -> list[Parked]:
        """All that wait for this queue, or those that what arrived may be for; they wait no more."""
        queue = self._by_key.get(key)
        if queue is None:
            return []
        return self._pop_all(key, queue, queue.numbers if arrived is None else queue.woken_by(arrived))

    def due(self, now_ms: int) -> list[Parked]:
        """All whose time is up; they wait no more."""
        last = now_ms // BUCKET_MS
        if self._swept == 0:
            self._swept = last - 1 if not self._by_bucket else min(min(self._by_bucket) - 1, last)
        found: list[Parked] = []
        while self._swept < last:
            self._swept += 1
            for key, number in self._by_bucket.pop(self._swept, ()):
                queue = self._by_key.get(key)
                if queue is not None:
                    found += self._pop_all(key, queue, [number])
            if not self._by_bucket:
                self._swept = last
        return found

    def forget(self, link: Link) -> None:
        """The link is gone, and what it waited for with it."""
        for key, queue in list(self._by_key.items()):
            self._pop_all(key, queue, queue.of_link(link))

    def _put(self, key: Key, parked: Parked, offset: int) -> None:
        if key not in self._by_key:
            self._by_key[key] = _Queue(offset)
        self._by_key[key].put(self._next, parked, offset)

    def _pop_all(self, key: Key, queue: _Queue, numbers: Iterable[int]) -> list[Parked]:
        popped = []
        for number in numbers:
            parked = queue.pop(number)
            if parked is not None:
                popped.append(parked)
                self._gone(number, parked)
        if queue.is_empty:
            self._by_key.pop(key, None)
        return popped

    def _gone(self, number: int, parked: Parked) -> None:
        """It is taken from one queue's requests: it waits at the others no more."""
        self.count -= 1
        for other in parked.more:
            queue = self._by_key.get(other)
            if queue is not None:
                queue.pop(number)
                if queue.is_empty:
                    del self._by_key[other]
        if parked.label:
            for label in (parked.label, ALL_PARKED):
                left = self._labels.pop(label) - 1
                if left:
                    self._labels[label] = left
