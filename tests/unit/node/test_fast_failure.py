"""Requests that waited too long in a turn, and sends while a disk does not finish a sync, are refused at once."""

import asyncio
import errno

import pytest
from hand_driver import HandDriver
from hand_frames import send_frame
from hand_stories import in_loop, opaques, pull_frame, topic_made

from pocketmq.broker.fast_failure import overdue
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.outcome import Reply
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.connection import Connection
from pocketmq.protocol.frame import encode_request, encode_response

BUSY = ResponseCode.SYSTEM_BUSY


def long_turn(hand: HandDriver, waited_ms: int) -> None:
    """Another connection's request, after which the turn goes on for so long."""
    _other, talking = hand.connect()
    talking.received(send_frame(90))
    hand.now_ms += waited_ms


@pytest.mark.parametrize(("waited_ms", "code"), [(199, 0), (200, BUSY)])
def test_a_send_that_waited_too_long_in_its_turn_is_refused(waited_ms: int, code: int) -> None:
    async def story() -> None:
        hand = HandDriver()
        link, session = topic_made(hand)
        end = hand.state.store.log.end
        long_turn(hand, waited_ms)
        alone = hand.state.store.log.end
        assert alone > end
        session.received(send_frame(2))
        assert (hand.state.store.log.end == alone) == (code == BUSY), "a refused send leaves nothing"
        hand.turn()
        assert opaques(link) == [(2, code)]

    asyncio.run(story())


@in_loop
async def test_the_refusal_has_javas_words() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    long_turn(hand, 231)
    session.received(send_frame(2) + send_frame(3))
    first, second = link.take()
    words = "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: 231ms, size of queue: "
    assert (first.remark, second.remark) == (words + "1", words + "0")


@in_loop
async def test_others_have_more_patience_and_one_way_requests_no_answer() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    long_turn(hand, 300)
    oneway = encode_request(RequestCode.SEND_MESSAGE_V2, {}, b"", opaque=5, oneway=True)
    beat = encode_request(RequestCode.GET_BROKER_RUNTIME_INFO, {}, opaque=6)
    session.received(pull_frame(2, offset=0) + oneway + send_frame(3) + beat)
    hand.turn()
    hand.table_flusher.drain()
    assert sorted(opaques(link)) == [(2, 0), (3, BUSY), (6, 0)]


@in_loop
async def test_an_answer_of_a_client_is_never_too_late() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    long_turn(hand, 60_000)
    request = encode_request(RequestCode.GET_CONSUMER_RUNNING_INFO, {}, opaque=7)
    session.connection.feed(request)
    command = session.connection.feed(request)[0]
    session.received(encode_response(command, Reply()))
    assert opaques(link) == []


@in_loop
async def test_a_new_turn_begins_without_a_wait() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    long_turn(hand, 0)
    hand.turn()
    hand.now_ms += 60_000
    session.received(send_frame(2))
    hand.turn()
    assert opaques(link) == [(2, 0)]


@in_loop
async def test_it_can_be_turned_off() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    hand.state.settings.broker_fast_failure_enable = False
    long_turn(hand, 60_000)
    session.received(send_frame(2))
    hand.turn()
    assert opaques(link) == [(2, 0)]


@pytest.mark.parametrize(
    ("code", "patience_ms"),
    [
        *((code, 200) for code in (10, 310, 320, 36, 370)),
        *((code, 5_000) for code in (11, 200050, 200052, 200054, 200055, 361, 17, 28)),
        *((code, 3_000) for code in (37, 200051, 200151, 200053)),
        (34, 31_000),
    ],
)
def test_each_kind_has_javas_patience(code: int, patience_ms: int) -> None:
    (command,) = Connection().feed(encode_request(code, {}, opaque=1))
    assert overdue([command], patience_ms - 1, BrokerSettings()) == ([command], [])
    served, ((refused, reply),) = overdue([command], patience_ms, BrokerSettings())
    assert (served, refused, reply.code) == ([], command, BUSY)


@pytest.mark.parametrize("code", [12, 33, 35, 38, 46, 14, 15, 324, 325, 400, 401])
def test_what_java_never_clears_is_served_at_any_time(code: int) -> None:
    (command,) = Connection().feed(encode_request(code, {}, opaque=1))
    assert overdue([command], 1 << 40, BrokerSettings()) == ([command], [])


# ------------------------------------------------------------------------------------------ a slow disk


@in_loop
async def test_while_a_sync_takes_too_long_sends_are_refused_and_then_taken_again() -> None:
    hand = HandDriver(is_sync=True)
    link, session = topic_made(hand)
    session.received(send_frame(2))
    hand.turn()
    hand.durability.watch(hand.now_ms, 1_000)
    hand.now_ms += 999
    hand.durability.watch(hand.now_ms, 1_000)
    session.received(send_frame(3))
    hand.turn()
    assert opaques(link) == [], "both wait for the disk"
    hand.now_ms += 101
    hand.durability.watch(hand.now_ms, 1_000)
    hand.now_ms += 100
    hand.durability.watch(hand.now_ms, 1_000)
    end = hand.state.store.log.end
    session.received(send_frame(4))
    hand.turn()
    (refused,) = link.take()
    words = "[PCBUSY_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: 1200ms, size of queue: 2"
    assert (refused.opaque, refused.code, refused.remark) == (4, BUSY, words)
    assert hand.state.store.log.end == end
    hand.flusher.step()
    assert opaques(link) == [(2, 0)]
    hand.durability.watch(hand.now_ms, 1_000)
    session.received(send_frame(5))
    hand.turn()
    hand.flusher.drain()
    assert opaques(link) == [(3, 0), (5, 0)], "the next sync has its own time"


@in_loop
async def test_other_reasons_to_refuse_stay() -> None:
    hand = HandDriver(is_sync=True)
    _link, session = topic_made(hand)
    session.received(send_frame(2))
    hand.turn()
    store, durability = hand.state.store, hand.durability
    durability.watch(hand.now_ms, 1_000)
    store.refuses = "full"
    durability.watch(hand.now_ms + 2_000, 1_000)
    assert store.refuses == "full"
    store.refuses = None
    durability.watch(hand.now_ms + 2_000, 1_000)
    assert (store.refuses or "").startswith("[PCBUSY")
    store.refuses = "shut down"
    hand.flusher.drain()
    assert store.refuses == "shut down"


@in_loop
async def test_a_failed_sync_is_no_longer_a_slow_one() -> None:
    hand = HandDriver(is_sync=True)
    _link, session = topic_made(hand)
    session.received(send_frame(2))
    hand.turn()
    hand.durability.watch(hand.now_ms, 1_000)
    hand.durability.watch(hand.now_ms + 2_000, 1_000)
    _, done = hand.flusher.jobs.pop(0)
    done(OSError(errno.EIO, "gone"))
    assert (hand.state.store.refuses or "").startswith("failed")


@in_loop
async def test_under_async_flush_nobody_waits_for_a_sync() -> None:
    hand = HandDriver()
    _link, session = topic_made(hand)
    session.received(send_frame(2))
    hand.turn()
    hand.durability.sync_log()
    for _ in range(3):
        hand.now_ms += 10_000
        hand.durability.watch(hand.now_ms, 1_000)
    assert hand.state.store.refuses is None
