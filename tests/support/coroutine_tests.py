"""Coroutine tests run on a loop of their own, which must be empty again when they end."""

import asyncio
import inspect
from collections.abc import Iterator

import pytest

LOOP_SECONDS = 30.0
"""Longer than any test that works."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs `async def test_…`."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(_bounded(pyfuncitem.obj(**arguments)))
    return True


@pytest.fixture(autouse=True)
def loop_complaints_fail(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What the loop can only log (a callback that raised, a bug in a background task) fails the test."""
    yield
    bad = [
        record.getMessage()
        for record in caplog.records
        if record.name == "asyncio" or "is a bug" in record.getMessage()
    ]
    assert not bad, bad


async def _bounded(work: object) -> None:
    async with asyncio.timeout(LOOP_SECONDS):
        await work  # type: ignore[misc]
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not others, f"tasks left behind: {others}"
