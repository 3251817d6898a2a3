"""What a failing disk does to the answers: which are refused, which wait, which never leave."""

import asyncio
import errno

import pytest
from hand_driver import HandDriver
from hand_frames import send_frame
from hand_stories import in_loop, opaques, pull_frame, topic_made

from pocketmq.protocol.codes import ResponseCode
from pocketmq.testing.faulty_disk import Fault, FaultyDisk
from pocketmq.testing.lone_broker import LoneBroker
from pocketmq.testing.memory_disk import MemoryDisk


def _faulty() -> tuple[FaultyDisk, HandDriver]:
    disk = FaultyDisk(MemoryDisk())
    return disk, HandDriver(broker=LoneBroker(disk))  # type: ignore[arg-type]


def test_a_full_disk_refuses_takes_back_and_takes_again(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        disk, hand = _faulty()
        link, session = topic_made(hand)
        end = hand.state.store.log.end
        disk.add(Fault("pwrite", effect=errno.ENOSPC, path="commitlog"))
        session.received(send_frame(2))
        hand.turn()
        (answer,) = link.take()
        assert answer.code == ResponseCode.SERVICE_NOT_AVAILABLE
        assert "disk is full" in str(answer.remark)
        assert hand.state.store.log.end == end
        session.received(send_frame(3))
        hand.turn()
        assert opaques(link) == [(3, ResponseCode.SERVICE_NOT_AVAILABLE)]
        session.received(pull_frame(4, 0))
        hand.table_flusher.drain()
        hand.turn()
        assert opaques(link) == [(4, 0)], "reads go on"
        hand.durability.tick(hand.now_ms)
        session.received(send_frame(5))
        hand.turn()
        (answer,) = link.take()
        assert (answer.opaque, answer.code, answer.fields["queueOffset"]) == (5, 0, "1")

    asyncio.run(story())
    assert sum("disk is full" in record.message for record in caplog.records) == 1


@in_loop
async def test_a_broken_disk_stops_every_acknowledgement() -> None:
    disk, hand = _faulty()
    link, session = topic_made(hand)
    disk.add(Fault("pwrite", effect=errno.EIO, path="commitlog"))
    session.received(send_frame(2))
    hand.turn()
    assert opaques(link) == [(2, ResponseCode.SERVICE_NOT_AVAILABLE)]
    hand.durability.tick(hand.now_ms)
    session.received(send_frame(3))
    hand.turn()
    assert opaques(link) == [(3, ResponseCode.SERVICE_NOT_AVAILABLE)], "nothing is acknowledged until a restart"


@in_loop
async def test_a_failed_sync_is_never_retried_into_success() -> None:
    disk = FaultyDisk(MemoryDisk())
    hand = HandDriver(is_sync=True, broker=LoneBroker(disk))  # type: ignore[arg-type]
    link, session = topic_made(hand)
    session.received(send_frame(2))
    hand.turn()
    disk.add(Fault("sync", effect=errno.EIO, path="commitlog"))
    hand.flusher.step()
    assert opaques(link) == [(2, ResponseCode.FLUSH_DISK_TIMEOUT)]
    assert hand.state.store.max_offset("TopicTest", 0) == 1, "a reader saw what may not be durable"
    session.received(send_frame(3))
    hand.turn()
    hand.flusher.drain()
    assert opaques(link) == [(3, ResponseCode.SERVICE_NOT_AVAILABLE)]


@in_loop
async def test_who_waits_too_long_for_a_sync_is_told_so() -> None:
    hand = HandDriver(is_sync=True)
    link, session = topic_made(hand)
    session.received(send_frame(2))
    hand.turn()
    hand.durability.tick(hand.now_ms + 5_000)
    assert link.take() == []
    hand.durability.tick(hand.now_ms + 5_001)
    assert opaques(link) == [(2, ResponseCode.FLUSH_DISK_TIMEOUT)]
    hand.flusher.drain()
    assert link.take() == [], "answered twice"


@in_loop
async def test_a_damaged_message_is_left_out_and_named_once(caplog: pytest.LogCaptureFixture) -> None:
    disk, hand = _faulty()
    link, session = topic_made(hand)
    for opaque in (2, 3):
        session.received(send_frame(opaque, body=b"body %d" % opaque))
    hand.turn()
    link.take()
    log = hand.state.store.log
    log.resume(log.written)
    second = hand.state.store.entry("TopicTest", 0, 1)
    assert second is not None
    disk.flip(f"commitlog/{0:020d}", second.log_offset + 90)
    for opaque in (4, 5):
        session.received(pull_frame(opaque, 0))
        hand.turn()
        hand.table_flusher.drain()
        hand.flusher.drain()
        hand.turn()
        (answer,) = link.take()
        assert (answer.opaque, answer.code, answer.fields["nextBeginOffset"]) == (opaque, 0, "3")
        assert b"hello" in answer.body
        assert b"body 2" not in answer.body
        assert b"body 3" in answer.body
    told = [record.getMessage() for record in caplog.records if "damaged" in record.message]
    assert len(told) == 1
    assert f"topic TopicTest, queue 0 at log offset {second.log_offset}" in told[0]


@in_loop
async def test_a_topic_saved_while_its_message_is_synced_delays_no_answer() -> None:
    """The sync may end between the topic's file and the end of the turn: no other sync would come to let it go."""
    hand = HandDriver(is_sync=True)
    link, session = hand.connect()
    session.received(send_frame(1))
    hand.turn()
    hand.table_flusher.drain()
    hand.flusher.drain()
    hand.turn()
    assert opaques(link) == [(1, 0)]
