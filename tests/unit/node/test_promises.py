"""What the broker has promised when the disk fails, by the numbers of docs/reliability.md."""

import asyncio
import errno
from pathlib import Path

import pytest
from hand_driver import HandDriver
from hand_frames import send_frame
from hand_stories import in_loop, opaques, pull_frame, topic_made
from small_node import small_node

from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.record import NewMessage
from pocketmq.store.checkpoint import load_checkpoint
from pocketmq.testing.faulty_disk import Fault, FaultyDisk
from pocketmq.testing.lone_broker import LoneBroker
from pocketmq.testing.memory_disk import MemoryDisk


@in_loop
async def test_d4_readers_never_see_under_sync_flush_what_is_not_synced() -> None:
    hand = HandDriver(is_sync=True)
    link, session = topic_made(hand)
    hand.flusher.drain()
    seen = hand.state.store.max_offset("TopicTest", 0)
    session.received(send_frame(2))
    hand.turn()
    session.received(pull_frame(3, seen))
    hand.turn()
    assert hand.state.store.log.written > hand.state.store.log.flushed
    assert hand.state.store.max_offset("TopicTest", 0) == seen
    assert (3, 0) not in opaques(link)
    hand.flusher.drain()
    assert hand.state.store.max_offset("TopicTest", 0) == seen + 1
    assert (2, 0) in opaques(link)


@pytest.mark.parametrize("is_sync", [True, False])
def test_i12_after_a_failed_sync_not_even_the_turn_under_way_is_acknowledged(is_sync: bool) -> None:
    async def story() -> None:
        disk = FaultyDisk(MemoryDisk())
        hand = HandDriver(is_sync=is_sync, broker=LoneBroker(disk))  # type: ignore[arg-type]
        link, session = topic_made(hand)
        session.received(send_frame(2))
        hand.turn()
        hand.durability.sync_log()
        link.take()
        disk.add(Fault("sync", effect=errno.EIO, path="commitlog", loses=True))
        session.received(send_frame(3))
        hand.flusher.step()
        hand.turn()
        hand.flusher.drain()
        hand.turn()
        assert [code for opaque, code in opaques(link) if opaque == 3] == [ResponseCode.SERVICE_NOT_AVAILABLE]
        assert not hand.durability.has_turn

    asyncio.run(story())


@pytest.mark.parametrize("fails", [True, False])
def test_a_checkpoint_never_speaks_of_queues_whose_sync_failed(tmp_path: Path, fails: bool) -> None:
    async def story() -> None:
        node = small_node(tmp_path)
        node.disk = disk = FaultyDisk(node.disk)  # type: ignore[assignment]
        await node.start()
        before = load_checkpoint(disk).queue_log_offset
        if fails:
            disk.add(Fault("sync", effect=errno.EIO, path="consumequeue"))
        for _ in range(2):
            node.store.append(NewMessage("T", 0, b"x", b""), 1)
            node.store.write()
            node.store.publish(node.store.log.written, 1)
            node.durability.sync_log()
            await node.log_flusher.finish(lambda: None)
            node._save_progress()
            await node.table_flusher.finish(lambda: None)
        assert (load_checkpoint(disk).queue_log_offset == before) == fails
        await node.stop()
        assert disk.exists("abort") == fails
        assert (load_checkpoint(disk).queue_log_offset == before) == fails

    asyncio.run(story())
