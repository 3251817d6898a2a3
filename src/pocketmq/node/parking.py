"""Requests that wait for a message: by queue, so that an append finds its own, and by deadline, in 100 ms buckets."""

from typing import NamedTuple

from pocketmq.model.limits import PARKED_PULLS_MAX
from pocketmq.protocol.frame import Command
from pocketmq.transport.server import Link

BUCKET_MS = 100
Key = tuple[str, int]


class Parked(NamedTuple):
    """A request that its handler wants to decide again later."""

    link: Link
    request: Command
    until_ms: int


class Parking:
    """At most PARKED_PULLS_MAX requests; `park` says no beyond them."""

    def __init__(self) -> None:
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
        bucket = -(-parked.until_ms // BUCKET_MS)
        if bucket <= self._swept:
            bucket = self._swept + 1
        self._by_bucket.setdefault(bucket, []).append((key, self._next))
        self.count += 1
        return True

    def take(self, key: Key) -> list[Parked]:
        """All that wait for this queue; they wait no more."""
        waiting = self._by_key.pop(key, None)
        if not waiting:
            return []
        self.count -= len(waiting)
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
                    self.count -= 1
                    found.append(parked)
                    if not waiting:
                        del self._by_key[key]
            if not self._by_bucket:
                self._swept = last
        return found

    def forget(self, link: Link) -> None:
        """The link is gone, and what it waited for with it."""
        for key in [key for key, waiting in self._by_key.items() if any(p.link is link for p in waiting.values())]:
            waiting = self._by_key[key]
            for number in [number for number, parked in waiting.items() if parked.link is link]:
                del waiting[number]
                self.count -= 1
            if not waiting:
                del self._by_key[key]
