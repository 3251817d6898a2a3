"""Pulls that wait with a filter: woken by what they may want, by nothing else, and at the latest when time is up."""

import pytest
from hand_driver import HandDriver, HandLink
from hand_frames import send_fields
from hand_stories import in_loop, opaques, pull_frame, topic_made
from hypothesis import given
from hypothesis import strategies as st

from pocketmq.broker.filters import arrivals as arriving
from pocketmq.model.limits import EXPRESSIONS_AWAITED_MAX
from pocketmq.model.outcome import Wanted
from pocketmq.node import parking
from pocketmq.node.parking import Parked, Parking
from pocketmq.node.session import Session
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command, encode_request
from pocketmq.protocol.stored import decode_records

KEY = ("t", 0)


class Came:
    """Messages that arrived, as what wakes whom: tags codes, and numbers for properties."""

    def __init__(self, end: int, codes: set[int], properties: list[bytes]) -> None:
        self.end = end
        self.codes = codes
        self.properties = properties

    def may_pass(self, judge) -> bool:  # type: ignore[no-untyped-def]
        return any(map(judge, self.properties))


JUDGES = [lambda text, number=number: text == b"%d" % number for number in range(4)]
WANTED = st.one_of(st.none(), st.frozensets(st.integers(0, 4), min_size=1, max_size=3), st.sampled_from(JUDGES))
CAME = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=3)


@given(st.lists(st.one_of(WANTED, CAME.map(tuple)), max_size=30))
def test_a_message_wakes_whom_it_may_be_for_and_nobody_else(
    steps: list[Wanted | tuple[tuple[int, int], ...] | None],
) -> None:
    held = Parking()
    waiting: dict[int, Wanted | None] = {}
    for opaque, step in enumerate(steps):
        if not isinstance(step, tuple):
            request = Command.of(11, opaque=opaque)
            held.park(KEY, Parked(HandLink(1), request, 0, step))  # type: ignore[arg-type]
            waiting[opaque] = step
            continue
        codes, properties = {code for code, _ in step}, [b"%d" % number for _, number in step]
        woken = [
            number
            for number, wants in waiting.items()
            if wants is None or (codes & wants if isinstance(wants, frozenset) else any(map(wants, properties)))
        ]
        assert held.is_choosy(KEY) is any(wants is not None for wants in waiting.values())
        taken = held.take(KEY, Came(opaque, codes, properties))  # type: ignore[arg-type]
        assert [parked.request.opaque for parked in taken] == woken
        for number in woken:
            del waiting[number]
        assert (held.count, held.awaits(KEY)) == (len(waiting), bool(waiting))
    assert len(held.take(KEY)) == len(waiting)
    assert not held._by_key


def test_an_expression_is_asked_once_however_many_wait_with_it() -> None:
    held = Parking()
    asked: list[bytes] = []

    def judge(properties: bytes) -> bool:
        asked.append(properties)
        return False

    for number in range(1000):
        wants: Wanted = judge if number % 2 else frozenset({number})
        held.park(KEY, Parked(HandLink(1), Command.of(11, opaque=number), 0, wants))  # type: ignore[arg-type]
    woken = [held.take(KEY, Came(end, {10, code}, [b"%d" % end])) for end, code in ((1, 2000), (2, 12))]  # type: ignore[arg-type]
    assert [[parked.request.opaque for parked in parked_all] for parked_all in woken] == [[10], [12]]
    assert asked == [b"1", b"2"]
    assert held.count == 998


def test_of_too_many_expressions_some_are_woken_always() -> None:
    assert EXPRESSIONS_AWAITED_MAX == parking.EXPRESSIONS_AWAITED_MAX == 64
    held = Parking()
    judges = [lambda text, number=number: False for number in range(66)]
    links = [HandLink(number) for number in range(66)]
    for number in [*range(66), 0]:
        held.park(KEY, Parked(links[number], Command.of(11, opaque=number), 0, judges[number]))  # type: ignore[arg-type]
    assert [parked.request.opaque for parked in held.take(KEY, Came(1, set(), [b"x"]))] == [64, 65]  # type: ignore[arg-type]
    held.forget(links[0])  # type: ignore[arg-type]
    held.park(KEY, Parked(links[65], Command.of(11, opaque=65), 0, judges[65]))  # type: ignore[arg-type]
    assert held.take(KEY, Came(1, set(), [b"x"])) == []  # type: ignore[arg-type]
    assert held.count == 64


def waiting(opaque: int, **wanted: str) -> tuple[HandDriver, HandLink, Session]:
    """A broker, and a client whose pull waits behind the only message of TopicTest."""
    hand = HandDriver()
    hand.state.settings.enable_property_filter = True
    link, session = topic_made(hand)
    session.received(pull_frame(opaque, 1, **wanted))
    hand.table_flusher.drain()
    assert hand.driver.parking.count == 1
    return hand, link, session


def send(hand: HandDriver, session: Session, opaque: int, **properties: str) -> None:
    fields = send_fields(properties={"UNIQ_KEY": "k", **properties})
    session.received(encode_request(RequestCode.SEND_MESSAGE_V2, fields, b"%d" % opaque, opaque=opaque))
    hand.turn()


SQL = {"subscription": "n = 5", "expressionType": "SQL92"}


@pytest.mark.parametrize(
    ("wanted", "unwanted", "right"),
    [
        ({"subscription": "TagA || TagB"}, {"TAGS": "TagC"}, {"TAGS": "TagB"}),
        ({"subscription": "TagA"}, {}, {"TAGS": "TagA"}),
        (SQL, {"n": "6"}, {"n": "5"}),
        (SQL, {"n": "x"}, {"n": "5"}),
    ],
)
@in_loop
async def test_only_what_passes_its_filter_wakes_a_pull(
    wanted: dict[str, str], unwanted: dict[str, str], right: dict[str, str]
) -> None:
    hand, link, _ = waiting(7, **wanted)
    _, sending = hand.connect()
    for opaque in (20, 21):
        send(hand, sending, opaque, **unwanted)
        assert link.take() == []
    send(hand, sending, 22, **right)
    (answer,) = link.take()
    assert (answer.opaque, answer.code, answer.fields["nextBeginOffset"]) == (7, ResponseCode.SUCCESS, "4")
    assert [message.body for message in decode_records(answer.body)] == [b"22"]
    assert hand.driver.parking.count == 0


@in_loop
async def test_what_came_before_a_pull_waited_does_not_wake_it() -> None:
    hand, link, session = waiting(7, subscription="TagA")
    _, sending = hand.connect()
    send(hand, sending, 20, TAGS="TagB")
    session.received(pull_frame(8, 2, subscription="TagB"))
    hand.table_flusher.drain()
    assert hand.driver.parking.count == 2
    send(hand, sending, 21, TAGS="TagC")
    assert link.take() == []
    send(hand, sending, 22, TAGS="TagB")
    assert opaques(link) == [(8, ResponseCode.SUCCESS)]


@in_loop
async def test_each_expression_is_asked_about_the_same_messages() -> None:
    hand, link, session = waiting(7, **SQL)
    session.received(pull_frame(8, 1, subscription="n = 6", expressionType="SQL92") + pull_frame(9, 1))
    hand.table_flusher.drain()
    _, sending = hand.connect()
    send(hand, sending, 20, n="6")
    assert opaques(link) == [(8, ResponseCode.SUCCESS), (9, ResponseCode.SUCCESS)]
    send(hand, sending, 21, n="5")
    assert opaques(link) == [(7, ResponseCode.SUCCESS)]


@in_loop
async def test_whose_time_is_up_goes_on_behind_what_was_not_for_him() -> None:
    hand, link, session = waiting(7, subscription="wanted")
    send(hand, session, 20)
    assert opaques(link) == [(20, 0)]
    hand.now_ms += 15_000
    hand.driver.due()
    (answer,) = link.take()
    assert (answer.code, answer.fields["nextBeginOffset"]) == (ResponseCode.PULL_RETRY_IMMEDIATELY, "2")


@in_loop
async def test_too_much_that_is_not_for_him_wakes_him_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert arriving.FILTER_SCAN_ENTRIES_MAX == 800
    monkeypatch.setattr(arriving, "FILTER_SCAN_ENTRIES_MAX", 3)
    hand, link, _ = waiting(7, **SQL)
    _, sending = hand.connect()
    for opaque in (20, 21):
        send(hand, sending, opaque)
    assert link.take() == []
    send(hand, sending, 22)
    assert opaques(link) == [(7, ResponseCode.PULL_RETRY_IMMEDIATELY)]


@in_loop
async def test_who_can_not_be_judged_from_memory_is_woken() -> None:
    hand, link, session = waiting(7, **SQL)
    session.received(pull_frame(8, 1, subscription="TagA"))
    hand.table_flusher.drain()
    hand.broker.disk.cold.add("commitlog/00000000000000000000")
    _, sending = hand.connect()
    send(hand, sending, 20)
    assert link.take() == []
    assert hand.driver.parking.count == 1
    hand.flusher.drain()
    assert opaques(link) == [(7, ResponseCode.PULL_RETRY_IMMEDIATELY)]


@in_loop
async def test_the_thread_reads_what_a_filter_must_look_at() -> None:
    hand, link, session = waiting(7, **SQL)
    for opaque, n in ((20, "4"), (21, "5")):
        send(hand, session, opaque, n=n)
    link.take()
    hand.broker.disk.cold.add("commitlog/00000000000000000000")
    session.received(pull_frame(9, 0, **SQL))
    assert link.take() == []
    hand.flusher.drain()
    (answer,) = link.take()
    assert [message.body for message in decode_records(answer.body)] == [b"21"]
