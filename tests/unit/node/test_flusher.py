"""The thread that waits for disks: in order, its errors on the loop, its end awaited."""

import asyncio
import errno
import threading

import pytest

from pocketmq.node.flusher import Flusher


class _Target:
    def __init__(self, name: str, did: list[str], error: OSError | None = None) -> None:
        self.path = name
        self._did = did
        self._error = error

    def sync(self) -> None:
        self._did.append(f"{self.path} in {threading.current_thread().name}")
        if self._error is not None:
            raise self._error


def test_targets_are_synced_in_order_by_the_thread_and_the_loop_hears() -> None:
    did: list[str] = []

    async def story() -> None:
        flusher = Flusher("flush")
        heard: asyncio.Future[OSError | None] = asyncio.get_running_loop().create_future()
        flusher.sync([_Target("a", did), _Target("b", did)], heard.set_result)  # type: ignore[list-item]
        assert await heard is None
        flusher.stop()

    asyncio.run(story())
    assert did == ["a in flush", "b in flush"]


def test_the_first_error_ends_the_job_and_the_thread_goes_on() -> None:
    did: list[str] = []

    async def story() -> None:
        flusher = Flusher("flush")
        heard: asyncio.Future[OSError | None] = asyncio.get_running_loop().create_future()
        broken = OSError(errno.EIO, "broken")
        flusher.sync([_Target("a", did, broken), _Target("b", did)], heard.set_result)  # type: ignore[list-item]
        assert await heard is broken
        await flusher.finish(lambda: did.append("next"))
        with pytest.raises(OSError, match="broken"):
            await flusher.finish(lambda: _Target("c", [], broken).sync())
        flusher.stop()

    asyncio.run(story())
    assert did == ["a in flush", "next"]
