"""Runs a server's coroutine on the fastest loop there is."""

import asyncio
from collections.abc import Callable, Coroutine


def run(server: Coroutine[object, object, int]) -> int:
    """The server's exit status; uvloop where it is installed, else asyncio's own loop."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(server)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop
