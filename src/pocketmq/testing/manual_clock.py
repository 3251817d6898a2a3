"""A clock whose hands a test turns: timers fire in order, in no real time."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from pocketmq.transport.clock import Clock, Timer

TURNS = 50
"""Turns of the loop between two moments: enough for a few calls over loopback, so that time does not outrun them."""


class _ManualTimer:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock(Clock):
    """Starts at 1,700,000,000,000 ms and moves when `advance` is called."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._start_ms = now_ms
        self._seconds = 0.0
        self._order = count()
        self._timers: list[tuple[float, int, _ManualTimer]] = []

    def now_ms(self) -> int:
        """The start plus every second advanced."""
        return self._start_ms + round(self._seconds * 1000)

    def monotonic(self) -> float:
        """Seconds advanced so far."""
        return self._seconds

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Fires during the `advance` that reaches it."""
        timer = _ManualTimer(callback)
        heapq.heappush(self._timers, (self._seconds + seconds, next(self._order), timer))
        return timer

    def due_in(self) -> list[float]:
        """Seconds until each armed timer, soonest first."""
        return [at - self._seconds for at, _, timer in sorted(self._timers) if timer.callback is not None]

    async def advance(self, seconds: float) -> None:
        """Moves time on, firing what falls due on the way; tasks run before, between and after."""
        end = self._seconds + seconds
        await _settle()
        while self._timers and self._timers[0][0] <= end:
            at, _, timer = heapq.heappop(self._timers)
            if timer.callback is None:
                continue
            self._seconds = max(self._seconds, at)
            timer.callback()
            await _settle()
        self._seconds = end

    async def advance_until(self, holds: Callable[[], object], step: float = 0.1) -> None:
        """Moves time on by steps until it holds; a caller's time-out ends it if it never does."""
        while not holds():
            await self.advance(step)


async def until(holds: Callable[[], object]) -> None:
    """Lets the loop turn, in no manual time, until it holds; a caller's time-out ends it if it never does."""
    while not holds():
        await asyncio.sleep(0)


async def _settle() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)
