"""Questions to several clients at once: when the one who asked is answered, and with what."""

import asyncio

import pytest
from hand_driver import HandDriver, HandLink
from hand_stories import in_loop, opaques

from pocketmq.broker import router
from pocketmq.model.limits import RELAYS_MAX
from pocketmq.model.outcome import Relay, Reply, Survey
from pocketmq.node.session import Session
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.frame import encode_request, encode_response

AT_ONCE_MS = 0


def surveying(monkeypatch: pytest.MonkeyPatch, *peers: HandLink) -> None:
    """Code 9998 asks these clients, and its answer's body lists who replied."""

    def summary(replies: dict[int, Reply]) -> Reply:
        if any(reply.body == b"bug" for reply in replies.values()):
            raise ZeroDivisionError
        return Reply(body=" ".join(f"{peer}:{reply.body.decode()}" for peer, reply in sorted(replies.items())).encode())

    asked = tuple(peer.id for peer in peers)
    monkeypatch.setitem(router.HANDLERS, 9998, lambda *_: Survey(asked, 221, {"a": "b"}, AT_ONCE_MS, summary))  # type: ignore[arg-type]


def reply_to(link: HandLink, session: Session, body: bytes) -> None:
    (question,) = link.take()
    assert (question.code, question.fields) == (221, {"a": "b"})
    session.received(encode_response(question, Reply(body=body)))


@in_loop
async def test_the_summary_comes_when_the_last_client_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    hand = HandDriver()
    (asker, asking), (one, talking), (two, listening) = hand.connect(), hand.connect(), hand.connect()
    surveying(monkeypatch, one, two)
    asking.received(encode_request(9998, {}, opaque=4))
    reply_to(two, listening, b"x")
    assert asker.take() == []
    reply_to(one, talking, b"y")
    (answer,) = asker.take()
    assert (answer.opaque, answer.code, answer.body) == (4, 0, b"2:y 3:x")


@in_loop
async def test_clients_that_are_lost_or_silent_are_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    hand = HandDriver()
    (asker, asking), (one, talking), (two, listening) = hand.connect(), hand.connect(), hand.connect()
    gone, leaving = hand.connect()
    surveying(monkeypatch, one, two, gone)
    leaving.lost()
    asking.received(encode_request(9998, {}, opaque=4))
    reply_to(one, talking, b"y")
    listening.lost()
    assert asker.take()[0].body == b"2:y"
    asking.received(encode_request(9998, {}, opaque=5))
    assert asker.take() == []
    for _ in range(3):
        await asyncio.sleep(0)  # The loop comes round, and the time is up.
    assert [(answer.opaque, answer.body) for answer in asker.take()] == [(5, b"")]


@in_loop
async def test_a_bug_in_a_summary_is_ours_and_a_one_way_question_has_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    hand = HandDriver()
    (asker, asking), (one, talking) = hand.connect(), hand.connect()
    surveying(monkeypatch, one)
    asking.received(encode_request(9998, {}, opaque=4))
    reply_to(one, talking, b"bug")
    assert opaques(asker) == [(4, ResponseCode.SYSTEM_ERROR)]
    assert hand.state.bugs == 1
    asking.received(encode_request(9998, {}, opaque=5, oneway=True))
    reply_to(one, talking, b"y")
    assert asker.take() == []


@in_loop
async def test_a_one_way_relay_has_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    hand = HandDriver()
    (asker, asking), (one, talking) = hand.connect(), hand.connect()
    monkeypatch.setitem(router.HANDLERS, 9997, lambda *_: Relay(one.id, 221, {"a": "b"}, b"", AT_ONCE_MS))
    asking.received(encode_request(9997, {}, opaque=4, oneway=True))
    reply_to(one, talking, b"y")
    assert asker.take() == []


@in_loop
async def test_questions_to_clients_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    hand = HandDriver()
    (asker, asking), (one, talking) = hand.connect(), hand.connect()
    monkeypatch.setitem(router.HANDLERS, 9997, lambda *_: Relay(one.id, 221, {"a": "b"}, b"", 60_000))
    for opaque in range(RELAYS_MAX):
        asking.received(encode_request(9997, {}, opaque=opaque))
    assert asker.take() == []
    asking.received(encode_request(9997, {}, opaque=RELAYS_MAX))
    assert opaques(asker) == [(RELAYS_MAX, ResponseCode.SYSTEM_BUSY)]
    surveying(monkeypatch, one)
    asking.received(encode_request(9998, {}, opaque=4))
    (answer,) = asker.take()
    assert (answer.code, answer.body) == (0, b"")
    talking.lost()
    assert len(asker.take()) == RELAYS_MAX
