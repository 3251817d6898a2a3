"""Acknowledgements and longer hiding: what they change, how long they last, and what changes nothing."""

from dataclasses import replace

import pytest
from popper import BROKER, GROUP, RETRY, TOPIC, Popper, bodies

from pocketmq.broker.topics import create_plain
from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import ReplyWhenDurable
from pocketmq.protocol.bodies.popping import BatchAck, BatchAckMessageRequestBody
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.pop_handle import PopHandle
from pocketmq.testing.lone_broker import LoneBroker
from pocketmq.testing.popped import Popped

OK, GONE, ILLEGAL = ResponseCode.SUCCESS, ResponseCode.NO_MESSAGE, ResponseCode.MESSAGE_ILLEGAL


@pytest.fixture
def popper(broker: LoneBroker) -> Popper:
    broker.state.settings.broker_name = BROKER
    create_plain(broker.state, TOPIC, 4, broker.now_ms)
    for index in range(4):
        broker.store(TOPIC, 0, b"%d" % index)
    return Popper(broker)


def restarted(popper: Popper) -> Popper:
    """The same consumer, and the broker as a kill has left it."""
    return Popper(popper.broker.restarted(popper.broker.disk.crash_process()), popper.topic, popper.group)


def test_what_is_acknowledged_does_not_come_back(popper: Popper) -> None:
    for one in popper.pop():
        assert popper.ack(one) == OK
    assert popper.revive(after_ms=60_000) == 0
    assert popper.pop() == []
    assert popper.committed() == 4


def test_an_acknowledgement_is_answered_when_the_log_has_it(popper: Popper) -> None:
    (one, *_) = popper.pop()
    fields = one.ack_fields(popper.group)
    outcome = popper.broker.decide(RequestCode.ACK_MESSAGE, fields)
    assert isinstance(outcome, ReplyWhenDurable)
    assert outcome.log_offset_end == popper.broker.state.store.log.end
    again = popper.broker.decide(RequestCode.ACK_MESSAGE, fields)
    assert isinstance(again, ReplyWhenDurable)
    assert (again.reply.code, again.log_offset_end) == (OK, outcome.log_offset_end)


def test_an_acknowledgement_repeated_after_the_whole_batch_is_granted(popper: Popper) -> None:
    popped = popper.pop()
    for one in popped:
        popper.ack(one)
    end = popper.broker.state.store.log.end
    assert popper.ack(popped[0]) == OK
    assert popper.broker.state.store.log.end == end
    popper.broker.now_ms += 60_000
    assert popper.ack(popped[0]) == GONE


def test_p1_what_is_acknowledged_before_a_kill_is_not_delivered_after_it(popper: Popper) -> None:
    popped = popper.pop()
    assert popper.ack(popped[1]) == OK
    assert popper.ack(popped[3]) == OK
    again = restarted(popper)
    assert again.pop() == []
    again.revive(after_ms=60_000)
    assert bodies(again.pop()) == [b"0", b"2"]


def test_p1_a_handle_holds_after_a_kill(popper: Popper) -> None:
    popped = popper.pop()
    again = restarted(popper)
    for one in popped:
        assert again.ack(one) == OK
    again.revive(after_ms=60_000)
    assert again.pop() == []
    assert again.committed() == 4


def test_p3_the_offset_stays_at_the_first_message_that_is_out(popper: Popper) -> None:
    first, second, third, _ = popper.pop(1) + popper.pop(1) + popper.pop(1) + popper.pop(1)
    popper.ack(second)
    popper.ack(third)
    assert popper.committed() == 0
    popper.ack(first)
    assert popper.committed() == 3


def test_p3_no_offset_is_committed_before_the_log_is_durable(popper: Popper) -> None:
    offsets = popper.broker.state.offsets
    for one in popper.pop():
        popper.ack(one)
    assert offsets.find(GROUP, TOPIC, 0) == 0
    popper.broker.flush()
    assert offsets.find(GROUP, TOPIC, 0) == 0
    assert popper.committed() == 4


def batch(popped: list[Popped], *, places: set[int], **changed: object) -> BatchAckMessageRequestBody:
    handle = popped[0].handle
    ack = BatchAck(
        consumer_group=GROUP,
        topic=TOPIC,
        retry=handle.retry_kind,
        start_offset=handle.start_offset,
        queue_id=handle.queue_id,
        revive_queue_id=handle.revive_queue_id,
        pop_time=handle.pop_time,
        invisible_time=handle.invisible_time,
        bit_set=frozenset(places),
    )
    return BatchAckMessageRequestBody(broker_name=BROKER, acks=[replace(ack, **changed)])  # type: ignore[arg-type]


def ask_batch(popper: Popper, body: BatchAckMessageRequestBody | bytes) -> int:
    encoded = body if isinstance(body, bytes) else body.encode()
    return popper.broker.ask(RequestCode.BATCH_ACK_MESSAGE, body=encoded).code


def test_a_batch_of_acknowledgements_survives_a_kill(popper: Popper) -> None:
    popped = popper.pop()
    assert ask_batch(popper, batch(popped, places={0, 2, 40})) == OK
    assert ask_batch(popper, batch(popped, places={0})) == OK
    again = restarted(popper)
    again.revive(after_ms=60_000)
    assert bodies(again.pop()) == [b"1", b"3"]


def test_a_batch_that_names_nothing_is_refused_and_writes_nothing(popper: Popper) -> None:
    popped = popper.pop()
    end = popper.broker.state.store.log.end
    assert ask_batch(popper, b"") == GONE
    assert ask_batch(popper, b'{"acks":[]}') == GONE
    for changed in (
        {"start_offset": 1},
        {"pop_time": 7},
        {"revive_queue_id": 999},
        {"topic": "TopicB"},
        {"retry": "1"},
    ):
        assert ask_batch(popper, batch(popped, places={0}, **changed)) == GONE
    assert ask_batch(popper, batch(popped, places={4})) == GONE
    assert popper.broker.state.store.log.end == end


FORGED: list[tuple[dict[str, object], int]] = [
    ({"start_offset": 1}, GONE),
    ({"pop_time": 1}, GONE),
    ({"pop_time": 1 << 50}, GONE),
    ({"invisible_time": 1 << 50}, GONE),
    ({"revive_queue_id": 7}, GONE),
    ({"revive_queue_id": -1}, GONE),
    ({"broker_name": "broker-b"}, ILLEGAL),
    ({"queue_id": 1}, ILLEGAL),
    ({"retry_kind": "1"}, ILLEGAL),
    ({"queue_offset": 3}, ILLEGAL),
    ({"start_offset": -1}, ILLEGAL),
]


@pytest.mark.parametrize(("changed", "code"), FORGED)
def test_a_forged_handle_is_refused_and_changes_nothing(popper: Popper, changed: dict[str, object], code: int) -> None:
    one = popper.pop()[1]
    end = popper.broker.state.store.log.end
    forged = one._replace(handle=replace(one.handle, **changed))  # type: ignore[arg-type]
    there: dict[str, object] = {"queueId": 0}
    assert popper.ack(forged, **there) == code
    popper.hide(forged, 1_000, **there)
    assert popper.reply.code == code
    assert popper.broker.state.store.log.end == end
    assert popper.ack(one) == OK


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"queueId": 4}, ILLEGAL),
        ({"queueId": -1}, ILLEGAL),
        ({"queueId": 1}, GONE),
        ({"offset": 9}, GONE),
        ({"offset": -1}, GONE),
        ({"offset": 2}, ILLEGAL),
        ({"topic": "Nowhere"}, ResponseCode.TOPIC_NOT_EXIST),
        ({"consumerGroup": "GroupB"}, GONE),
        ({"extraInfo": "0 1 2"}, ResponseCode.SYSTEM_ERROR),
        ({"extraInfo": "a b c d e f g"}, ResponseCode.SYSTEM_ERROR),
    ],
)
def test_a_request_that_does_not_fit_its_handle_is_refused(
    popper: Popper, fields: dict[str, object], code: int
) -> None:
    one = popper.pop()[1]
    assert popper.ack(one, **fields) == code
    popper.hide(one, 1_000, **fields)
    assert popper.reply.code == code
    (progress,) = popper.broker.state.pops.queues.values()
    assert progress.in_flight == 4


def test_an_acknowledgement_in_the_last_moment_counts_and_after_the_revival_does_not(popper: Popper) -> None:
    first, second, *_ = popper.pop()
    popper.broker.now_ms += 70_000
    assert popper.ack(first) == OK
    popper.revive()
    assert popper.ack(second) == GONE
    assert sorted(bodies(popper.pop())) == [b"1", b"2", b"3"]


def test_a_hidden_message_comes_back_by_its_new_time_alone(popper: Popper) -> None:
    one, *others = popper.pop(invisible_ms=10_000)
    for other in others:
        popper.ack(other)
    longer = popper.hide(one, 30_000)
    assert longer.handle != one.handle
    assert popper.ack(one) == GONE
    popper.revive(after_ms=30_000)
    assert popper.pop() == []
    assert popper.committed() == 0
    assert popper.ack(one) == GONE
    popper.revive(after_ms=1)
    assert bodies(popper.pop()) == [b"0"]
    assert popper.ack(longer) == GONE


def test_a_message_can_be_shown_earlier_and_hidden_twice_in_one_millisecond(popper: Popper) -> None:
    one = popper.pop(1, invisible_ms=60_000)[0]
    handles = [one := popper.hide(one, 60_000) for _ in range(3)]
    assert len({each.handle for each in handles}) == 3
    sooner = popper.hide(one, 500)
    popper.hide(handles[0], 90_000)
    assert popper.reply.code == GONE
    popper.revive(after_ms=504)
    assert b"0" in bodies(popper.pop())
    assert popper.ack(sooner) == GONE


def test_p9_a_renewed_handle_is_known_after_a_kill_and_the_message_is_hidden_still(popper: Popper) -> None:
    one, *others = popper.pop(invisible_ms=10_000)
    for other in others:
        popper.ack(other)
    longer = popper.hide(one, 30_000)
    again = restarted(popper)
    again.revive(after_ms=20_000)
    assert again.pop() == []
    assert again.ack(longer) == OK
    again.revive(after_ms=20_000)
    assert again.pop() == []
    assert again.committed() == 4


def test_a_handle_of_another_consumers_group_is_no_handle_of_this(popper: Popper) -> None:
    mine, others = popper.pop(), Popper(popper.broker, group="GroupB")
    assert others.ack(mine[0]) == GONE
    theirs = others.pop()
    assert popper.ack(theirs[0]) == GONE


def test_a_refused_write_is_no_acknowledgement(popper: Popper) -> None:
    one = popper.pop()[0]
    popper.broker.state.store.refuses = "full"
    with pytest.raises(Refusal):
        popper.broker.decide(RequestCode.ACK_MESSAGE, one.ack_fields(popper.group))
    popper.broker.state.store.refuses = None
    popper.revive(after_ms=60_000)
    assert len(popper.pop()) == 4


def test_records_taken_back_by_a_full_disk_are_forgotten(popper: Popper) -> None:
    one, *_ = popper.pop(1)
    state = popper.broker.state
    assert isinstance(popper.broker.decide(RequestCode.ACK_MESSAGE, one.ack_fields(popper.group)), ReplyWhenDurable)
    popper.broker.decide(RequestCode.POP_MESSAGE, popper.fields())
    state.store.discard()
    assert bodies(popper.pop()) == [b"1", b"2", b"3"]
    popper.revive(after_ms=60_000)
    assert sorted(bodies(popper.pop())) == [b"0", b"1", b"2", b"3"]


def test_a_handle_of_a_retried_message_names_its_retry_topic(popper: Popper) -> None:
    popper.pop()
    popper.revive(after_ms=60_000)
    popped = popper.pop()
    assert {one.topic for one in popped} == {RETRY}
    assert {one.message.topic for one in popped} == {TOPIC}
    assert [one.handle.retry_kind for one in popped] == ["1"] * 4
    for one in popped:
        assert isinstance(one.handle, PopHandle)
        assert popper.ack(one) == OK
    assert popper.committed(topic=RETRY) == 4
