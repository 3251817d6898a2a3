"""Peeks, notifications, and how many wait: what they say, and that they change nothing."""

import pytest
from popper import GROUP, RETRY, TOPIC, Popper, bodies

from pocketmq.broker.topics import create_plain
from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import Outcome, Park, Reply
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.stored import decode_records
from pocketmq.testing.lone_broker import LoneBroker


@pytest.fixture
def popper(broker: LoneBroker) -> Popper:
    create_plain(broker.state, TOPIC, 2, broker.now_ms)
    return Popper(broker)


def peeked(popper: Popper, count: int = 32, queue_id: int = -1) -> list[bytes]:
    fields = {"topic": TOPIC, "consumerGroup": GROUP, "queueId": queue_id, "maxMsgNums": count}
    popper.reply = popper.broker.ask(RequestCode.PEEK_MESSAGE, fields)
    return [message.body for message in decode_records(popper.reply.body)]


def asked(popper: Popper, *, queue_id: int = -1, poll_ms: int = 0) -> dict[str, object]:
    return {"topic": TOPIC, "consumerGroup": GROUP, "queueId": queue_id, "pollTime": poll_ms, "bornTime": 0}


def test_a_peek_shows_what_a_pop_would_bring_and_leaves_it(popper: Popper) -> None:
    for index in range(3):
        popper.broker.store(TOPIC, index % 2, b"%d" % index)
    assert sorted(peeked(popper)) == [b"0", b"1", b"2"]
    assert popper.reply.fields["restNum"] == "3"
    assert peeked(popper, 1, queue_id=1) == [b"1"]
    assert popper.broker.state.offsets.committed == {}
    assert sorted(bodies(popper.pop())) == [b"0", b"1", b"2"]
    assert peeked(popper) == []
    assert (popper.reply.code, popper.reply.remark) == (ResponseCode.PULL_NOT_FOUND, "NO_MESSAGE_IN_QUEUE")


def test_a_peek_sees_what_came_back(popper: Popper) -> None:
    popper.broker.store(TOPIC, 0, b"back")
    popper.pop(invisible_ms=1_000)
    popper.revive(after_ms=1_000)
    assert peeked(popper) == [b"back"]


def test_a_peek_from_before_the_queue_begins_or_behind_its_end_finds_its_place(popper: Popper) -> None:
    popper.broker.store(TOPIC, 0, b"one")
    popper.broker.state.offsets.commit(GROUP, TOPIC, 0, 9, popper.broker.now_ms)
    assert peeked(popper, queue_id=0) == []


def test_a_notification_says_whether_there_is_a_message(popper: Popper) -> None:
    ask = popper.broker.ask
    assert ask(RequestCode.NOTIFICATION, asked(popper)).fields == {"hasMsg": "false", "pollingFull": "false"}
    popper.broker.store(TOPIC, 1, b"one")
    assert ask(RequestCode.NOTIFICATION, asked(popper)).fields["hasMsg"] == "true"
    assert ask(RequestCode.NOTIFICATION, asked(popper, queue_id=0)).fields["hasMsg"] == "false"
    popper.pop(invisible_ms=1_000)
    assert ask(RequestCode.NOTIFICATION, asked(popper)).fields["hasMsg"] == "false"
    popper.revive(after_ms=1_000)
    assert ask(RequestCode.NOTIFICATION, asked(popper, queue_id=0)).fields["hasMsg"] == "true"


def test_a_notification_waits_as_a_pop_does(popper: Popper) -> None:
    park = popper.broker.decide(RequestCode.NOTIFICATION, asked(popper, queue_id=1, poll_ms=5_000))
    assert isinstance(park, Park)
    assert (park.until_ms, park.key, park.more) == (popper.broker.now_ms + 5_000, (TOPIC, 1), ((RETRY, 0),))
    popper.broker.state.parked[park.label] = 1025
    answer = popper.broker.ask(RequestCode.NOTIFICATION, asked(popper, queue_id=1, poll_ms=5_000))
    assert answer.fields == {"hasMsg": "false", "pollingFull": "true"}


def test_the_number_of_waiting_pops_is_told(popper: Popper) -> None:
    popper.broker.state.parked[popper.park().label] = 7
    fields = {"topic": TOPIC, "consumerGroup": GROUP, "queueId": -1}
    assert popper.broker.ask(RequestCode.POLLING_INFO, fields).fields == {"pollingNum": "7"}
    assert popper.broker.ask(RequestCode.POLLING_INFO, fields | {"queueId": 1}).fields == {"pollingNum": "0"}


@pytest.mark.parametrize("code", [RequestCode.PEEK_MESSAGE, RequestCode.NOTIFICATION, RequestCode.POLLING_INFO, 3446])
@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"topic": "Nowhere"}, ResponseCode.TOPIC_NOT_EXIST),
        ({"queueId": 2}, ResponseCode.INVALID_PARAMETER),
        ({"consumerGroup": "a b"}, ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST),
    ],
)
def test_who_may_not_pop_may_not_look(popper: Popper, code: int, fields: dict[str, object], refusal: int) -> None:
    assert popper.broker.ask(code, asked(popper) | {"maxMsgNums": 1} | fields).code == refusal


def test_a_topic_or_group_that_may_not_be_read_is_not_shown(popper: Popper) -> None:
    popper.broker.ask(
        RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=b'{"groupName":"GroupB","consumeEnable":false}'
    )
    fields = asked(popper) | {"consumerGroup": "GroupB"}
    assert popper.broker.ask(RequestCode.NOTIFICATION, fields).code == ResponseCode.NO_PERMISSION
    config = popper.broker.state.topics.require(TOPIC)
    popper.broker.state.topics.put(type(config)(TOPIC, 2, 2, perm=2), popper.broker.now_ms)
    assert popper.broker.ask(RequestCode.NOTIFICATION, asked(popper)).code == ResponseCode.NO_PERMISSION


def noticed(popper: Popper, **more: object) -> Outcome:
    fields = {"topic": TOPIC, "consumerGroup": GROUP, "queueId": -1, "pollTime": 0, "bornTime": 0}
    outcome = popper.broker.decide(RequestCode.NOTIFICATION, fields | more)
    assert isinstance(outcome, Outcome)
    return outcome


def has_message(popper: Popper, **more: object) -> bool:
    outcome = noticed(popper, **more)
    assert isinstance(outcome, Reply)
    return outcome.fields["hasMsg"] == "true"


def test_a_notification_looks_at_tags_where_few_messages_wait(popper: Popper) -> None:
    for number in range(63):
        popper.broker.store(TOPIC, 0, b"", {"TAGS": "B" if number == 62 else "A"})
    assert has_message(popper, exp="B", expType="TAG")
    assert not has_message(popper, exp="C", expType="TAG")
    assert has_message(popper, exp="C", expType="")
    assert has_message(popper, exp="*", expType="TAG")
    popper.broker.state.settings.use_message_filter_for_notification = False
    assert has_message(popper, exp="C", expType="TAG")
    popper.broker.state.settings.use_message_filter_for_notification = True
    popper.broker.store(TOPIC, 0, b"", {"TAGS": "A"})
    assert has_message(popper, exp="C", expType="TAG")


def test_a_notification_from_before_the_queue_begins_looks_at_no_tags(
    popper: Popper, monkeypatch: pytest.MonkeyPatch
) -> None:
    popper.broker.store(TOPIC, 0, b"", {"TAGS": "A"})
    popper.broker.store(TOPIC, 0, b"", {"TAGS": "A"})
    assert not has_message(popper, exp="C", expType="TAG")
    popper.broker.state.offsets.commit(GROUP, TOPIC, 0, 0, popper.broker.now_ms)
    monkeypatch.setattr(popper.broker.state.store.find_queue(TOPIC, 0), "min_offset", 1)
    assert has_message(popper, exp="C", expType="TAG")


def test_a_notification_of_an_expression_waits_for_what_matches(popper: Popper) -> None:
    park = noticed(popper, exp="n > 5", expType="SQL92", pollTime=15_000)
    assert isinstance(park, Park)
    assert callable(park.wants)
    assert park.wants(b"n\x016\x02")
    popper.broker.store(TOPIC, 0, b"", {"n": "1"})
    assert has_message(popper, exp="n > 5", expType="SQL92")


def test_a_message_that_came_back_is_noticed_under_whatever_tags(popper: Popper) -> None:
    popper.broker.store(TOPIC, 0, b"", {"TAGS": "A"})
    popper.pop(invisible_ms=1_000)
    popper.revive(after_ms=1_000)
    assert has_message(popper, exp="C", expType="TAG")


@pytest.mark.parametrize(("kind", "expression"), [("SQL92", "n >"), ("XPATH", "n"), ("TAG", "||")])
def test_a_notification_of_no_expression_is_refused(popper: Popper, kind: str, expression: str) -> None:
    with pytest.raises(Refusal, match="parse the consumer's subscription failed") as refused:
        noticed(popper, exp=expression, expType=kind)
    assert refused.value.code == ResponseCode.SUBSCRIPTION_PARSE_FAILED
