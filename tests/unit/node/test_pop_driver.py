"""Pops carried out: when they are answered, who wakes them, and what a client that goes leaves behind."""

import errno

import pytest
from hand_driver import HandDriver, HandLink
from hand_frames import send_frame
from hand_stories import in_loop, opaques, topic_made

from pocketmq.broker.popping import reviving
from pocketmq.broker.router import HANDLERS, RUNS
from pocketmq.model.outcome import Outcome, Reply
from pocketmq.node.session import Session
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.connection import Connection
from pocketmq.protocol.frame import Command, encode_request, encode_response
from pocketmq.protocol.stored import decode_records
from pocketmq.testing.faulty_disk import Fault, FaultyDisk
from pocketmq.testing.lone_broker import LoneBroker
from pocketmq.testing.memory_disk import MemoryDisk


def pop_fields(**more: object) -> dict[str, str]:
    fields: dict[str, object] = {
        "consumerGroup": "CG",
        "topic": "TopicTest",
        "queueId": -1,
        "maxMsgNums": 32,
        "invisibleTime": 10_000,
        "pollTime": 15_000,
        "bornTime": 0,
        "initMode": 0,
        **more,
    }
    return {name: str(value) for name, value in fields.items()}


def pop_frame(opaque: int, **more: object) -> bytes:
    return encode_request(RequestCode.POP_MESSAGE, pop_fields(**more), opaque=opaque)


def settled(hand: HandDriver) -> None:
    """All that must be saved is, and all turns are over."""
    for _ in range(3):
        hand.turn()
        hand.table_flusher.drain()
        hand.flusher.drain()


def emptied(hand: HandDriver) -> tuple[HandLink, Session]:
    """A client whose group has popped and acknowledged all there was."""
    link, session = topic_made(hand)
    session.received(pop_frame(2))
    settled(hand)
    (answer,) = link.take()
    session.received(ack_frame(3, answer))
    settled(hand)
    assert opaques(link) == [(3, 0)]
    return link, session


def ack_frame(opaque: int, popped: Command, offset: int = 0) -> bytes:
    fields = popped.fields
    handle = f"0 {fields['popTime']} {fields['invisibleTime']} {fields['reviveQid']} 0 BROKER 0 {offset}"
    handle = handle.replace("BROKER", LoneBroker().state.settings.broker_name)
    more = {"consumerGroup": "CG", "topic": "TopicTest", "queueId": "0", "offset": str(offset), "extraInfo": handle}
    return encode_request(RequestCode.ACK_MESSAGE, more, opaque=opaque)


@in_loop
async def test_p8_a_waiting_pop_has_the_message_of_any_queue_in_the_turn_that_stored_it() -> None:
    hand = HandDriver()
    link, session = emptied(hand)
    session.received(pop_frame(4))
    hand.turn()
    assert link.take() == []
    _, producer = hand.connect()
    producer.received(send_frame(5, b"second", queue_id="3"))
    hand.turn()
    hand.turn()
    (answer,) = link.take()
    assert (answer.opaque, answer.code) == (4, 0)
    assert [message.body for message in decode_records(answer.body)] == [b"second"]
    assert hand.driver.parking.count == 0


@in_loop
async def test_p8_a_message_that_comes_while_a_first_offset_is_saved_is_not_missed() -> None:
    hand = HandDriver()
    _, producer = topic_made(hand)
    link, session = hand.connect()
    session.received(pop_frame(4, queueId=2))
    producer.received(send_frame(5, b"second", queue_id="2"))
    hand.turn()
    assert link.take() == []
    settled(hand)
    assert opaques(link) == [(4, 0)]


@in_loop
async def test_p8_a_message_that_comes_back_wakes_those_who_wait() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    session.received(pop_frame(2))
    settled(hand)
    session.received(pop_frame(3))
    settled(hand)
    assert opaques(link) == [(2, 0)]
    hand.now_ms += 10_000
    assert reviving.due(hand.state, hand.now_ms)
    settled(hand)
    assert opaques(link) == [(3, 0)]


@in_loop
async def test_a_pop_that_waited_in_vain_is_told_so() -> None:
    hand = HandDriver()
    link, session = emptied(hand)
    session.received(pop_frame(4))
    hand.now_ms += 15_100
    hand.driver.due()
    assert opaques(link) == [(4, ResponseCode.POLLING_TIMEOUT)]
    assert hand.state.parked == {}


@in_loop
async def test_under_sync_flush_what_is_popped_waits_for_its_checkpoint() -> None:
    hand = HandDriver(is_sync=True)
    link, session = topic_made(hand)
    session.received(pop_frame(2))
    hand.table_flusher.drain()
    hand.turn()
    assert link.take() == []
    hand.flusher.step()
    (popped,) = link.take()
    session.received(ack_frame(3, popped))
    hand.turn()
    assert link.take() == []
    hand.flusher.step()
    assert opaques(link) == [(3, 0)]


def eight_popped(hand: HandDriver) -> tuple[HandLink, Session, list[bytes]]:
    """A client that has popped eight messages, and the frames that acknowledge them, from opaque 20 on."""
    link, session = topic_made(hand)
    for opaque in range(2, 9):
        session.received(send_frame(opaque, b"more"))
    settled(hand)
    link.take()
    session.received(pop_frame(10))
    settled(hand)
    (popped,) = link.take()
    assert len(decode_records(popped.body)) == 8
    return link, session, [ack_frame(20 + offset, popped, offset) for offset in range(8)]


@in_loop
async def test_acknowledgements_that_came_together_leave_together_when_their_record_is_synced() -> None:
    hand = HandDriver(is_sync=True)
    link, session, frames = eight_popped(hand)
    session.received(b"".join(frames[:3]) + send_frame(30, b"between") + b"".join(frames[3:]))
    hand.turn()
    assert link.take() == []
    hand.flusher.drain()
    assert sorted(opaques(link)) == [*((20 + offset, 0) for offset in range(8)), (30, 0)]
    assert hand.state.pops.open == {}
    session.received(b"".join(frames))
    assert opaques(link) == [(20 + offset, 0) for offset in range(8)], "what is durable is said again at once"


@in_loop
async def test_one_way_acknowledgements_that_came_together_are_done_and_not_answered() -> None:
    hand = HandDriver()
    link, session, frames = eight_popped(hand)
    session.received(b"".join(frame.replace(b'"flag":0', b'"flag":2') for frame in frames))
    hand.turn()
    assert link.take() == []
    assert hand.state.pops.open == {}


@in_loop
async def test_acknowledgements_that_cannot_be_written_are_refused_and_may_be_repeated() -> None:
    disk = FaultyDisk(MemoryDisk())
    hand = HandDriver(broker=LoneBroker(disk))  # type: ignore[arg-type]
    link, session, frames = eight_popped(hand)
    disk.add(Fault("pwrite", effect=errno.ENOSPC, path="commitlog"))
    session.received(b"".join(frames))
    hand.turn()
    assert opaques(link) == [(20 + offset, ResponseCode.SERVICE_NOT_AVAILABLE) for offset in range(8)]
    hand.durability.tick(hand.now_ms)
    session.received(b"".join(frames))
    hand.turn()
    assert opaques(link) == [(20 + offset, 0) for offset in range(8)]


@in_loop
async def test_a_run_that_breaks_is_our_bug_for_each_of_its_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    hand = HandDriver()
    link, session, frames = eight_popped(hand)

    def broken(*_: object) -> list[Outcome]:
        raise RuntimeError("broken")

    monkeypatch.setitem(RUNS, RequestCode.ACK_MESSAGE, broken)
    session.received(b"".join(frames))
    hand.turn()
    assert opaques(link) == [(20 + offset, ResponseCode.SYSTEM_ERROR) for offset in range(8)]
    assert hand.state.bugs == 8


@in_loop
async def test_a_client_that_goes_leaves_nothing_waiting_and_its_message_comes_back() -> None:
    hand = HandDriver()
    _, session = emptied(hand)
    session.received(pop_frame(4))
    session.received(pop_frame(5, queueId=1))
    assert hand.state.parked == {"TopicTest@CG@-1": 1, "TopicTest@CG@1": 1, "": 2}
    hand.driver.lost(session)
    assert (hand.state.parked, hand.driver.parking.count) == ({}, 0)
    _, producer = hand.connect()
    producer.received(send_frame(6, b"second"))
    settled(hand)
    assert hand.state.pops.open == {}


@in_loop
async def test_a_pop_that_cannot_be_written_hides_nothing() -> None:
    disk = FaultyDisk(MemoryDisk())
    hand = HandDriver(broker=LoneBroker(disk))  # type: ignore[arg-type]
    link, session = topic_made(hand)
    hand.state.offsets.commit("CG", "TopicTest", 0, 0, hand.now_ms)
    session.received(pop_frame(2, pollTime=0))
    hand.table_flusher.drain()
    disk.add(Fault("pwrite", effect=errno.ENOSPC, path="commitlog"))
    hand.turn()
    (refused,) = link.take()
    assert refused.code != 0
    assert refused.body == b""
    hand.durability.tick(hand.now_ms)
    session.received(pop_frame(3, pollTime=0))
    settled(hand)
    assert opaques(link) == [(3, 0)]


@in_loop
async def test_of_many_that_wait_alike_one_more_is_asked_than_finds_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    hand = HandDriver()
    _, session = emptied(hand)
    for opaque in range(10, 20):
        session.received(pop_frame(opaque))
    asked: list[int] = []
    pop = HANDLERS[RequestCode.POP_MESSAGE]

    def counted(request: Command, *rest: object) -> object:
        asked.append(request.opaque)
        return pop(request, *rest)  # type: ignore[arg-type]

    monkeypatch.setitem(HANDLERS, RequestCode.POP_MESSAGE, counted)
    _, producer = hand.connect()
    producer.received(send_frame(5, b"second", queue_id="1"))
    settled(hand)
    assert asked == [10, 11]
    assert hand.driver.parking.count == 9
    assert hand.state.parked == {"TopicTest@CG@-1": 9, "": 9}
    for queue_id in (1, 2, 3):
        producer.received(send_frame(6, b"more", queue_id=str(queue_id)))
        settled(hand)
    assert hand.driver.parking.count == 6
    hand.now_ms += 15_100
    hand.driver.due()
    assert hand.driver.parking.count == 0


@in_loop
async def test_an_orderly_pop_that_waited_is_answered_when_its_batch_is_saved() -> None:
    hand = HandDriver()
    link, session = emptied(hand)
    session.received(pop_frame(4, order="true"))
    settled(hand)
    _, producer = hand.connect()
    producer.received(send_frame(5, b"second"))
    hand.turn()
    hand.turn()
    assert link.take() == []
    settled(hand)
    assert opaques(link) == [(4, 0)]


SQL = {"exp": "n > 5", "expType": "SQL92"}


def number_frame(opaque: int, number: int) -> bytes:
    return send_frame(opaque, b"%d" % number, queue_id="1", i=f"n\x01{number}\x02")


@in_loop
async def test_a_pop_by_an_expression_is_woken_by_what_matches_and_passes_over_the_rest() -> None:
    hand = HandDriver()
    link, session = emptied(hand)
    session.received(pop_frame(4, **SQL))
    settled(hand)
    _, producer = hand.connect()
    producer.received(number_frame(5, 3))
    settled(hand)
    assert (link.take(), hand.driver.parking.count) == ([], 1)
    assert hand.state.offsets.find("CG", "TopicTest", 1) == 0
    producer.received(number_frame(6, 7))
    settled(hand)
    (answer,) = link.take()
    assert [message.body for message in decode_records(answer.body)] == [b"7"]
    assert answer.fields["msgOffsetInfo"] == "0 1 1"


@in_loop
async def test_what_was_read_for_a_client_that_is_gone_is_hidden_from_nobody() -> None:
    hand = HandDriver()
    _, session = emptied(hand)
    link, producer = hand.connect()
    producer.received(number_frame(5, 7))
    settled(hand)
    link.take()
    hand.broker.disk.cold.add("commitlog/00000000000000000000")
    session.received(pop_frame(6, **SQL))
    hand.driver.lost(session)
    settled(hand)
    assert hand.state.pops.open == {}
    producer.received(pop_frame(7, **SQL))
    settled(hand)
    assert opaques(link) == [(7, 0)]


@in_loop
async def test_who_waits_again_waits_once_at_each_queue() -> None:
    hand = HandDriver()
    _, session = emptied(hand)
    for opaque in range(10, 15):
        session.received(pop_frame(opaque))
    _, producer = hand.connect()
    for queue_id in ("1", "2"):
        producer.received(send_frame(5, b"second", queue_id=queue_id))
        settled(hand)
    waiting = hand.driver.parking.take(("TopicTest", 0))
    assert len(waiting) == 3
    assert [len(parked.more) for parked in waiting] == [len(set(parked.more)) for parked in waiting]


@in_loop
async def test_an_answer_of_a_client_among_acknowledgements_is_none_of_them() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    for number in range(2):
        session.received(send_frame(3 + number, b"more"))
    settled(hand)
    session.received(pop_frame(2))
    settled(hand)
    (popped,) = [answer for answer in link.take() if answer.opaque == 2]
    acks = [ack_frame(10 + offset, popped, offset) for offset in range(2)]
    (asked,) = Connection().feed(acks[0])
    session.received(acks[0] + encode_response(asked, Reply(RequestCode.ACK_MESSAGE)) + acks[1])
    settled(hand)
    assert opaques(link) == [(10, 0), (11, 0)]


@in_loop
async def test_a_message_that_came_back_is_answered_though_no_record_is_read_for_it() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    session.received(pop_frame(2, invisibleTime=1_000))
    settled(hand)
    link.take()
    hand.now_ms += 1_000
    reviving.due(hand.state, hand.now_ms)
    settled(hand)
    session.received(pop_frame(3))
    settled(hand)
    (answer,) = link.take()
    assert (answer.opaque, answer.code, len(decode_records(answer.body))) == (3, 0, 1)
