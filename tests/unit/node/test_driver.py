"""Outcomes carried out: when an answer may leave, who is woken, who is asked."""

import asyncio
import errno
import logging

import pytest
from hand_driver import HandDriver, HandLink
from hand_frames import send_fields, send_frame
from hand_stories import in_loop, opaques, pull_frame, topic_made

from pocketmq.broker import router
from pocketmq.model.outcome import Relay
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command, encode_request, encode_response
from pocketmq.protocol.stored import decode_records


@in_loop
async def test_answers_leave_after_the_turns_write_and_not_before() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    session.received(send_frame(2) + send_frame(3))
    assert link.take() == []
    assert hand.state.store.max_offset("TopicTest", 0) == 1, "a reader saw what was not written"
    hand.turn()
    assert opaques(link) == [(2, 0), (3, 0)]
    assert hand.state.store.max_offset("TopicTest", 0) == 3


@in_loop
async def test_under_sync_flush_answers_and_readers_wait_for_the_sync() -> None:
    hand = HandDriver(is_sync=True)
    link, session = topic_made(hand)
    session.received(send_frame(2))
    hand.turn()
    session.received(send_frame(3))
    hand.turn()
    assert link.take() == []
    assert hand.state.store.max_offset("TopicTest", 0) == 1
    hand.flusher.step()
    assert opaques(link) == [(2, 0)]
    assert hand.state.store.max_offset("TopicTest", 0) == 2
    hand.flusher.step()
    assert opaques(link) == [(3, 0)]
    assert hand.flusher.jobs == []


@in_loop
async def test_one_sync_serves_all_who_wait() -> None:
    hand = HandDriver(is_sync=True)
    clients = [topic_made(hand), hand.connect(), hand.connect()]
    for link, session in clients:
        session.received(send_frame(10 + link.id))
    hand.turn()
    assert len(hand.flusher.jobs) == 1
    hand.flusher.step()
    assert [opaques(link) for link, _ in clients] == [[(11, 0)], [(12, 0)], [(13, 0)]]


@in_loop
async def test_wait_false_is_answered_after_the_write_under_sync_flush_too() -> None:
    hand = HandDriver(is_sync=True)
    link, session = topic_made(hand)
    fields = send_fields(properties={"UNIQ_KEY": "k", "WAIT": "false"})
    session.received(encode_request(RequestCode.SEND_MESSAGE_V2, fields, b"x", opaque=5))
    hand.turn()
    assert opaques(link) == [(5, 0)]


@in_loop
async def test_a_one_way_send_is_stored_and_not_answered() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    session.received(encode_request(RequestCode.SEND_MESSAGE_V2, send_fields(), b"x", opaque=5, oneway=True))
    hand.turn()
    assert link.take() == []
    assert hand.state.store.max_offset("TopicTest", 0) == 2


@in_loop
async def test_a_new_topic_is_on_disk_before_its_first_answer_leaves() -> None:
    hand = HandDriver()
    link, session = hand.connect()
    session.received(send_frame(1, topic="Orders"))
    hand.turn()
    assert link.take() == []
    hand.table_flusher.step()
    hand.turn()
    assert opaques(link) == [(1, 0)]
    assert b'"Orders"' in hand.broker.disk.open("config/topics.json").pread(0, 1 << 20)


@in_loop
async def test_a_table_that_cannot_be_saved_is_said_and_tried_again() -> None:
    hand = HandDriver()
    link, session = hand.connect()
    session.received(send_frame(1, topic="Orders"))
    _, done = hand.table_flusher.jobs.pop()
    done(OSError(errno.ENOSPC, "No space left on device"))
    (answer,) = link.take()
    assert answer.code == ResponseCode.SYSTEM_ERROR
    assert "cannot be saved" in str(answer.remark)
    assert hand.tables.has_failed
    hand.tables.save_also(set())
    hand.table_flusher.drain()
    assert not hand.tables.has_failed
    assert b'"Orders"' in hand.broker.disk.open("config/topics.json").pread(0, 1 << 20)


@in_loop
async def test_on_a_full_disk_only_what_must_be_saved_fails() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    session.received(pull_frame(2, 0))
    hand.table_flusher.drain()
    assert opaques(link) == [(2, 0)]
    hand.tables.save_also({"consumerOffset"})
    _, done = hand.table_flusher.jobs.pop()
    done(OSError(errno.ENOSPC, "No space left on device"))
    session.received(pull_frame(3, 0) + send_frame(4))
    hand.turn()
    assert opaques(link) == [(3, 0), (4, 0)], "they wait for a table that is not theirs"


@in_loop
async def test_a_found_message_comes_as_stored_bytes() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    session.received(pull_frame(7, 0))
    hand.turn()
    hand.table_flusher.drain()
    (answer,) = link.take()
    assert (answer.code, answer.remark) == (0, "FOUND")
    assert [message.body for message in decode_records(answer.body)] == [b"hello"]
    assert answer.fields["nextBeginOffset"] == "1"


@in_loop
async def test_a_pull_waits_and_is_woken_by_its_own_queue_alone() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    sender, sending = hand.connect()
    session.received(pull_frame(7, 1))
    hand.table_flusher.drain()
    assert link.take() == []
    sending.received(send_frame(1, queue_id=1))
    hand.turn()
    assert link.take() == []
    sending.received(send_frame(2))
    hand.turn()
    (answer,) = link.take()
    assert (answer.opaque, answer.remark) == (7, "FOUND")
    assert hand.driver.parking.count == 0
    assert opaques(sender) == [(1, 0), (2, 0)]


@in_loop
async def test_a_pull_waits_until_its_time_is_up_and_not_longer() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    session.received(pull_frame(7, 1))
    hand.table_flusher.drain()
    hand.now_ms += 14_900
    hand.driver.due()
    assert link.take() == []
    hand.now_ms += 300
    hand.driver.due()
    (answer,) = link.take()
    assert (answer.code, answer.remark) == (ResponseCode.PULL_NOT_FOUND, "OFFSET_OVERFLOW_ONE")


@in_loop
async def test_a_client_that_goes_leaves_nothing_parked() -> None:
    hand = HandDriver()
    _, session = topic_made(hand)
    session.received(pull_frame(7, 1) + pull_frame(8, 1))
    hand.table_flusher.drain()
    assert hand.driver.parking.count == 2
    session.lost()
    assert hand.driver.parking.count == 0
    assert hand.driver.sessions == {}


@in_loop
async def test_nonsense_closes_its_connection_and_no_other() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    bad, talking = hand.connect()
    talking.received(b"GET / HTTP/1.1\r\n\r\n")
    assert not bad.is_open
    session.received(send_frame(2))
    hand.turn()
    assert opaques(link) == [(2, 0)]


@in_loop
async def test_an_unknown_code_is_answered_as_java_answers_it() -> None:
    hand = HandDriver()
    link, session = hand.connect()
    session.received(encode_request(9999, {}, opaque=1))
    hand.turn()
    (answer,) = link.take()
    assert (answer.code, answer.remark) == (3, " request type 9999 not supported")


@in_loop
async def test_a_code_that_a_port_does_not_serve_is_refused_there() -> None:
    hand = HandDriver()
    link = HandLink(9)
    session = hand.driver.accept(link, frozenset((RequestCode.PULL_MESSAGE,)))  # type: ignore[arg-type]
    session.received(pull_frame(1, 0))
    hand.turn()
    assert opaques(link) == [(1, ResponseCode.REQUEST_CODE_NOT_SUPPORTED)]


@in_loop
async def test_the_answers_of_a_turn_leave_together() -> None:
    hand = HandDriver()
    clients = [topic_made(hand), hand.connect(), hand.connect()]
    clients[0][1].received(pull_frame(9, 0))
    hand.table_flusher.drain()
    assert opaques(clients[0][0]) == [(9, 0)], "the group is made and saved"
    for link, session in clients:
        session.received(pull_frame(link.id, 0))
    assert [link.take() for link, _ in clients] == [[], [], []]
    hand.turn()
    assert [opaques(link) for link, _ in clients] == [[(1, 0)], [(2, 0)], [(3, 0)]]


def test_a_handler_that_breaks_is_our_bug_said_once_and_harms_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(request: Command, peer: object, state: object, now_ms: int) -> None:
        raise KeyError("oops")

    async def story() -> None:
        monkeypatch.setitem(router.HANDLERS, 9998, broken)  # type: ignore[arg-type]
        hand = HandDriver()
        link, session = topic_made(hand)
        with caplog.at_level(logging.ERROR):
            session.received(encode_request(9998, {}, opaque=1) + send_frame(2))
        hand.turn()
        assert opaques(link) == [(1, ResponseCode.SYSTEM_ERROR), (2, 0)]
        assert hand.state.bugs == 1

    asyncio.run(story())
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1


def _relaying(monkeypatch: pytest.MonkeyPatch, peer_id: int) -> None:
    monkeypatch.setitem(router.HANDLERS, 9997, lambda *_: Relay(peer_id, 307, {"a": "b"}, b"q", 60_000))


def test_a_relayed_question_brings_the_clients_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        hand = HandDriver()
        asker, asking = hand.connect()
        client, talking = hand.connect()
        _relaying(monkeypatch, client.id)
        asking.received(encode_request(9997, {}, opaque=4))
        (question,) = client.take()
        assert (question.code, question.fields, question.body) == (307, {"a": "b"}, b"q")
        reply = encode_response(question, _reply(5, "fine", b"a"))
        asking.received(reply)
        assert asker.take() == [], "somebody else answered"
        talking.received(reply)
        (answer,) = asker.take()
        assert (answer.opaque, answer.code, answer.remark, answer.body) == (4, 5, "fine", b"a")
        talking.received(reply)
        assert asker.take() == []

    asyncio.run(story())


def test_a_relayed_question_to_a_lost_client_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        hand = HandDriver()
        asker, asking = hand.connect()
        client, talking = hand.connect()
        _relaying(monkeypatch, client.id)
        asking.received(encode_request(9997, {}, opaque=4))
        talking.lost()
        assert opaques(asker) == [(4, ResponseCode.CONSUMER_NOT_ONLINE)]
        asking.received(encode_request(9997, {}, opaque=5))
        assert opaques(asker) == [(5, ResponseCode.CONSUMER_NOT_ONLINE)]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("said", "heard"), [((0, "fine", b""), (0, "taken")), ((5, "no", b""), (1, "not taken")), (None, (1, "not taken"))]
)
def test_a_relay_with_answers_of_its_own_hides_the_clients(
    said: tuple[int, str, bytes] | None, heard: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        hand = HandDriver()
        asker, asking = hand.connect()
        client, talking = hand.connect()
        relay = Relay(
            client.id, 326, {}, b"q", 60_000, accepted=_reply(0, "taken", b""), failed=_reply(1, "not taken", b"")
        )
        monkeypatch.setitem(router.HANDLERS, 9997, lambda *_: relay)
        asking.received(encode_request(9997, {}, opaque=4))
        (question,) = client.take()
        if said is None:
            talking.lost()
        else:
            talking.received(encode_response(question, _reply(*said)))
        (answer,) = asker.take()
        assert (answer.code, answer.remark) == heard

    asyncio.run(story())


def _reply(code: int, remark: str, body: bytes):  # type: ignore[no-untyped-def]
    from pocketmq.model.outcome import Reply

    return Reply(code, remark, {}, body)


@in_loop
async def test_a_client_that_is_alone_does_not_wait_for_others_and_company_is_noticed() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    for opaque in range(2, 40):
        session.received(send_frame(opaque))
        hand.turn()
    link.take()
    answered = []
    for opaque in range(100, 164):
        session.received(send_frame(opaque))
        answered.append(len(link.take()))
        await asyncio.sleep(0)  # The loop comes round, and an open turn ends.
        link.take()
    assert sum(answered) >= 62, "a lone client waits"
    assert 0 in answered, "nobody looks whether others came"
    other, talking = hand.connect()
    for _ in range(130):
        session.received(send_frame(1))
        talking.received(send_frame(2))
        hand.turn()
    link.take(), other.take()
    session.received(send_frame(3))
    assert link.take() == [], "two clients do not share a turn"
    hand.turn()
    assert opaques(link) == [(3, 0)]
