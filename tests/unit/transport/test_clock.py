"""The real clock, asked for no more than a moment, and the manual one that stands in for it."""

import asyncio
import time

import pytest

from pocketmq.testing.manual_clock import ManualClock
from pocketmq.transport.clock import Clock


async def test_the_real_clock_goes() -> None:
    clock = Clock()
    before = clock.monotonic()
    await clock.sleep(0.0)
    assert clock.monotonic() >= before
    assert abs(clock.now_ms() - time.time_ns() // 1_000_000) < 60_000
    with pytest.raises(TimeoutError):
        async with clock.deadline(0.0):
            await asyncio.Event().wait()


async def test_an_event_ends_a_wait_and_is_clear_again() -> None:
    clock, event = ManualClock(), asyncio.Event()
    waiting = asyncio.ensure_future(clock.wait(event, 5.0))
    await asyncio.sleep(0)
    event.set()
    await waiting
    assert not event.is_set()
    assert clock.due_in() == []


async def test_time_moves_as_far_as_it_is_told() -> None:
    clock = ManualClock(1000)
    fired: list[float] = []
    clock.call_later(2.0, lambda: fired.append(clock.monotonic()))
    clock.call_later(1.0, lambda: fired.append(clock.monotonic()))
    clock.call_later(1.5, lambda: fired.append(-1.0)).cancel()
    await clock.advance(1.9)
    assert (fired, clock.now_ms(), clock.due_in()) == ([1.0], 2900, [pytest.approx(0.1)])
    await clock.advance(0.1)
    assert fired == [1.0, 2.0]


async def test_a_deadline_is_told_from_a_time_out_within_it() -> None:
    clock = ManualClock()

    async def guarded() -> str:
        try:
            async with clock.deadline(2.0):
                await asyncio.Event().wait()
        except TimeoutError:
            return f"ended at {clock.monotonic():g}"
        return "never"

    work = asyncio.ensure_future(guarded())
    await clock.advance(5.0)
    assert await work == "ended at 2"
    async with clock.deadline(1.0):
        pass
    assert clock.due_in() == []


async def test_a_task_that_rearms_its_timer_is_served_within_one_advance() -> None:
    clock = ManualClock()
    rounds: list[float] = []

    async def every_second() -> None:
        while True:
            await clock.sleep(1.0)
            rounds.append(clock.monotonic())

    task = asyncio.ensure_future(every_second())
    await clock.advance(3.0)
    assert rounds == [1.0, 2.0, 3.0]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
