"""Requests that wait for a message: by queue, so that an append finds its own, and by deadline, in 100 ms buckets."""

from typing import NamedTuple

from pocketmq.broker.state import ALL_PARKED
from pocketmq.model.limits import PARKED_PULLS_MAX
from pocketmq.protocol.frame import Command
from pocketmq.transport.server import Link

BUCKET_MS = 100
Key = tuple[str, int]


class Parked(NamedTuple):
    """A request that its handler wants to decide again later; `more` are the other queues that it waits for."""

    link: Link
    request: Command
    until_ms: int
    more: tuple[Key, ...] = ()
    label: str = ""
    alike: str | None = None


class Parking:
    """At most PARKED_PULLS_MAX requests; `park` says no beyond them. `labels` counts those with a label."""

    def __init__(self, labels: dict[str, int] | None = None) -> None:
        self._labels = {} if labels is None else labels
        self._by_key: dict[Key, dict[int, Parked]] = {}
        self._by_bucket: dict[int, list[tuple[Key, int]]] = {}
        self._swept = 0
        self._next = 0
        self.count = 0

    def park(self, key: Key, parked: Parked) -> bool:
        """Keeps it until `take` or `due`; false if there is no room."""
        if self.count >= PARKED_PULLS_MAX:
            return False
        self._next += 1
        self._by_key.setdefault(key, {})[self._next] = parked
        for other in parked.more:
            self._by_key.setdefault(other, {})[self._next] = parked._replace(more=(key, *parked.more))
        bucket = -(-parked.until_ms // BUCKET_MS)
        if bucket <= self._swept:
            bucket = self._swept + 1
        self._by_bucket.setdefault(bucket, []).append((key, self._next))
        self.count += 1
        if parked.label:
            for label in (parked.label, ALL_PARKED):
                self._labels[label] = self._labels.get(label, 0) + 1
        return True

    def take(self, key: Key) -> list[Parked]:
        """All that wait for this queue; they wait no more."""
        waiting = self._by_key.pop(key, None)
        if not waiting:
            return []
        for number, parked in waiting.items():
            self._gone(number, parked)
        return list(waiting.values())

    def due(self, now_ms: int) -> list[Parked]:
        """All whose time is up; they wait no more."""
        last = now_ms // BUCKET_MS
        if self._swept == 0:
            self._swept = last - 1 if not self._by_bucket else min(min(self._by_bucket) - 1, last)
        found: list[Parked] = []
        while self._swept < last:
            self._swept += 1
            for key, number in self._by_bucket.pop(self._swept, ()):
                waiting = self._by_key.get(key)
                parked = waiting.pop(number, None) if waiting else None
                if parked is not None:
                    self._gone(number, parked)
                    found.append(parked)
                    if not waiting:
                        del self._by_key[key]
            if not self._by_bucket:
                self._swept = last
        return found

    def forget(self, link: Link) -> None:
        """The link is gone, and what it waited for with it."""
        for key in [key for key, waiting in self._by_key.items() if any(p.link is link for p in waiting.values())]:
            waiting = self._by_key.get(key, {})
            for number in [number for number, parked in waiting.items() if parked.link is link]:
                self._gone(number, waiting.pop(number))
            if not waiting:
                self._by_key.pop(key, None)

    def _gone(self, number: int, parked: Parked) -> None:
        """It is taken from one queue's requests: it waits at the others no more."""
        self.count -= 1
        for other in parked.more:
            waiting = self._by_key.get(other)
            if waiting is not None:
                waiting.pop(number, None)
                if not waiting:
                    del self._by_key[other]
        if parked.label:
            for label in (parked.label, ALL_PARKED):
                left = self._labels.pop(label) - 1
                if left:
                    self._labels[label] = left
