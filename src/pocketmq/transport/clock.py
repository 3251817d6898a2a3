"""Time as the shell sees it: one object for the wall clock, timers and sleeping, so that tests can turn the hands."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol


class Timer(Protocol):
    """What `call_later` gives back."""

    def cancel(self) -> None:
        """The callback will not be called; harmless after it was."""


class Clock:
    """Real time on the running loop. `testing.ManualClock` replaces the first three methods, the others follow."""

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Calls `callback` once, `seconds` from now."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Until `event` is set, by somebody or after `seconds`; the event is then clear again."""
        timer = self.call_later(seconds, event.set)
        try:
            await event.wait()
        finally:
            timer.cancel()
        event.clear()

    async def sleep(self, seconds: float) -> None:
        """Until `seconds` have passed."""
        await self.wait(asyncio.Event(), seconds)

    @asynccontextmanager
    async def deadline(self, seconds: float) -> AsyncIterator[None]:
        """Raises TimeoutError out of the block if it takes longer."""
        async with asyncio.timeout(None) as scope:
            timer = self.call_later(seconds, lambda: scope.reschedule(asyncio.get_running_loop().time()))
            try:
                yield
            finally:
                timer.cancel()
