"""A broker's clockwork, turned by hand, and its stop while a disk hangs."""

import asyncio
import threading
from pathlib import Path

import pytest
from small_node import small_node

from pocketmq.model.store_settings import FlushDiskType
from pocketmq.protocol.record import NewMessage
from pocketmq.testing.manual_clock import ManualClock

PATIENCE_SECONDS = 60.0


@pytest.mark.parametrize("is_on", [True, False])
def test_slow_syncs_are_watched_if_the_settings_say_so(tmp_path: Path, is_on: bool) -> None:
    async def story() -> None:
        clock = ManualClock()
        node = small_node(tmp_path, clock)
        node.settings.broker_fast_failure_enable = is_on
        node.settings.os_page_cache_busy_time_out_mills = 777
        await node.start()
        watched: list[int] = []
        node.durability.watch = lambda now_ms, busy_after_ms: watched.append(busy_after_ms)  # type: ignore[method-assign]
        beat = asyncio.create_task(node.beat())
        await clock.advance(1)
        beat.cancel()
        assert set(watched) == ({777} if is_on else set())
        await node.stop()

    asyncio.run(story())


def test_a_broker_that_stops_takes_nothing_though_its_disk_goes_on(tmp_path: Path) -> None:
    disk_goes_on = threading.Event()

    async def story() -> None:
        node = small_node(tmp_path)
        node.settings.flush_disk_type = FlushDiskType.SYNC_FLUSH
        await node.start()
        node.log_flusher.run(lambda: assert_set(disk_goes_on), lambda error: None)
        node.store.append(NewMessage("T", 0, b"x", b""), 1)
        node.store.write()
        node.durability.sync_log()
        for now_ms in (0, 2_000):
            node.durability.watch(now_ms, 1_000)
        assert (node.store.refuses or "").startswith("[PCBUSY")
        stopping = asyncio.create_task(node.stop())
        await asyncio.sleep(0)
        disk_goes_on.set()
        await stopping
        assert node.store.refuses == "shut down"

    try:
        asyncio.run(story())
    finally:
        disk_goes_on.set()


def assert_set(event: threading.Event) -> None:
    assert event.wait(PATIENCE_SECONDS)
