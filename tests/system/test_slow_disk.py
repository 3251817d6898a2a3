"""A disk that does not finish a sync: sends are refused meanwhile, and taken again."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from pocketmq.client import BrokerError, Message, Producer
from pocketmq.node.durability import Durability
from pocketmq.node.flusher import Done, Flusher
from pocketmq.protocol.codes import ResponseCode
from pocketmq.store.segments import SyncTarget
from pocketmq.testing.embedded import embedded

PATIENCE_SECONDS = 60.0
"""Longer than anything here takes on a busy machine; reached only by a failing test."""

SETTINGS = {"flushDiskType": "SYNC_FLUSH", "osPageCacheBusyTimeOutMills": "1", "syncFlushTimeout": "60000"}


def test_sends_are_refused_while_a_sync_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk_goes_on = threading.Event()
    disk_goes_on.set()
    sync = Flusher.sync

    def wait() -> None:
        disk_goes_on.wait(PATIENCE_SECONDS)

    def slow_sync(flusher: Flusher, targets: Sequence[SyncTarget], done: Done) -> None:
        flusher.run(wait, lambda error: None)
        sync(flusher, targets, done)

    is_busy = asyncio.Event()
    watch = Durability.watch

    def noticed(durability: Durability, now_ms: int, busy_after_ms: int) -> None:
        watch(durability, now_ms, busy_after_ms)
        if (durability.store.refuses or "").startswith("[PCBUSY"):
            is_busy.set()

    async def dialogue() -> None:
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            embedded(tmp_path, settings=SETTINGS) as cluster,
            Producer(cluster.namesrv_address, group="PG", timeout=PATIENCE_SECONDS, retries=0) as producer,
        ):
            await producer.send(Message("orders", b"before"))
            disk_goes_on.clear()
            held = asyncio.ensure_future(producer.send(Message("orders", b"held")))
            await is_busy.wait()
            with pytest.raises(BrokerError) as busy:
                await producer.send(Message("orders", b"refused"))
            assert busy.value.code == ResponseCode.SYSTEM_BUSY
            assert busy.value.remark.startswith("[PCBUSY_CLEAN_QUEUE]broker busy")
            assert not held.done()
            disk_goes_on.set()
            await held
            await producer.send(Message("orders", b"afterwards"))

    monkeypatch.setattr(Flusher, "sync", slow_sync)
    monkeypatch.setattr(Durability, "watch", noticed)
    try:
        asyncio.run(dialogue())
    finally:
        disk_goes_on.set()
