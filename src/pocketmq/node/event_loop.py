"""Runs a server's coroutine on the fastest loop there is."""

import asyncio
import gc
from collections.abc import Callable, Coroutine

GC_THRESHOLDS = (50_000, 10, 10)
"""New objects, and rounds of the younger generation, after which circles are looked for (gc.set_threshold).

A broker makes objects all the time and hardly ever a circle. With Python's own 700 a broker of 80,000 queues spent a
fifth of its time on going through them, a quarter of a second at a stretch.
"""


def run(server: Coroutine[object, object, int]) -> int:
    """The server's exit status; uvloop where it is installed, else asyncio's own loop."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(server)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop
