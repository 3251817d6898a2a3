"""How far behind a group is, under a filter too."""

import json

import pytest

from pocketmq.broker.lag import Lag, lag_of, matching, on_the_way, to_fetch
from pocketmq.broker.topics import create_plain
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.java import java_string_hash
from pocketmq.protocol.codes import RequestCode
from pocketmq.testing.lone_broker import LoneBroker

GROUP, TOPIC = "GroupA", "TopicA"


def filled(count: int = 12, **settings: object) -> LoneBroker:
    """Every third message of the first queue has the tag `Third`; a minute lies between two."""
    broker = LoneBroker(settings=BrokerSettings(**settings))  # type: ignore[arg-type]
    create_plain(broker.state, TOPIC, 2, broker.now_ms)
    broker.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=b'{"groupName":"GroupA"}')
    for number in range(count):
        broker.now_ms += 60_000
        broker.store(TOPIC, 0, b"x", {"TAGS": "Other" if number % 3 else "Third"})
    return broker


def subscribe(broker: LoneBroker, expression: str, kind: str = "TAG") -> None:
    one = {"topic": TOPIC, "subString": expression, "expressionType": kind, "subVersion": 1}
    one |= {"codeSet": [java_string_hash(expression)], "tagsSet": [expression]}
    beat = {"clientID": "c1", "consumerDataSet": [{"groupName": GROUP, "subscriptionDataSet": [one]}]}
    broker.ask(RequestCode.HEART_BEAT, body=json.dumps(beat).encode())


def test_a_group_is_behind_from_its_commit_on() -> None:
    broker = filled()
    first_ms = broker.now_ms - 11 * 60_000
    assert lag_of(broker.state, GROUP, TOPIC) == Lag(0, 0), "nobody knows where it will start"
    broker.state.offsets.commit(GROUP, TOPIC, 0, 4, broker.now_ms)
    broker.state.offsets.note_pulled(GROUP, TOPIC, 0, 9)
    assert lag_of(broker.state, GROUP, TOPIC) == Lag(8, first_ms + 4 * 60_000)
    assert on_the_way(broker.state, GROUP, TOPIC) == Lag(5, first_ms + 9 * 60_000)
    assert to_fetch(broker.state, GROUP, TOPIC) == 3
    broker.state.offsets.commit(GROUP, TOPIC, 0, 12, broker.now_ms)
    broker.state.offsets.note_pulled(GROUP, TOPIC, 0, 12)
    assert lag_of(broker.state, GROUP, TOPIC) == on_the_way(broker.state, GROUP, TOPIC) == Lag(0, 0)


def test_what_is_not_there_has_no_lag() -> None:
    broker = filled()
    assert lag_of(broker.state, GROUP, "NoSuchTopic") == on_the_way(broker.state, GROUP, "NoSuchTopic") == Lag(0, 0)
    assert to_fetch(broker.state, GROUP, "NoSuchTopic") == to_fetch(broker.state, GROUP, TOPIC) == 0
    assert matching(broker.state, GROUP, TOPIC, 0, start=7, end=3) == 0
    broker.state.offsets.note_pulled(GROUP, TOPIC, 0, 12)
    assert on_the_way(broker.state, GROUP, TOPIC) == Lag(0, 0), "pulled, and never said how far it came"


@pytest.mark.parametrize(
    ("expression", "kind", "count"),
    [("Third", "TAG", 3), ("Other", "TAG", 6), ("None", "TAG", 0), ("*", "TAG", 9), ("a > 1", "SQL92", 9)],
)
def test_only_what_a_group_wants_is_counted(expression: str, kind: str, count: int) -> None:
    broker = filled()
    subscribe(broker, expression, kind)
    assert matching(broker.state, GROUP, TOPIC, 0, start=3, end=12) == count
    assert matching(broker.state, "GroupB", TOPIC, 0, start=3, end=12) == 9


def test_the_estimate_can_be_turned_off() -> None:
    broker = filled(estimate_accumulation=False)
    subscribe(broker, "Third")
    assert matching(broker.state, GROUP, TOPIC, 0, start=3, end=12) == 9


@pytest.mark.parametrize(
    ("settings", "count"),
    [({"max_consume_queue_scan": 4}, 600), ({"sample_count_threshold": 1}, 600), ({"max_consume_queue_scan": 3}, 400)],
)
def test_a_part_speaks_for_many(settings: dict[str, int], count: int) -> None:
    broker = filled(1200, **settings)
    subscribe(broker, "Third")
    assert matching(broker.state, GROUP, TOPIC, 0, start=0, end=1200) == count


def test_what_has_expired_is_not_counted() -> None:
    broker = filled()
    subscribe(broker, "Third")
    queue = broker.state.store.find_queue(TOPIC, 0)
    assert queue is not None
    queue.min_offset = 6
    assert matching(broker.state, GROUP, TOPIC, 0, start=0, end=12) == 2
    assert matching(broker.state, GROUP, TOPIC, 0, start=0, end=6) == 0


@pytest.mark.parametrize(
    ("listed", "count"),
    [
        ([{"topic": TOPIC, "expression": "Third", "expressionType": "TAG"}], 4),
        ([{"topic": TOPIC, "expression": "||", "expressionType": "TAG"}], 12),
        ([{"topic": "TopicB", "expression": "Third", "expressionType": "TAG"}], 12),
        ([], 12),
    ],
)
def test_an_administrator_may_say_what_a_group_wants(listed: list[dict[str, str]], count: int) -> None:
    broker = filled(use_static_subscription=True)
    subscribe(broker, "None")
    config = {"groupName": GROUP, "subscriptionDataSet": listed}
    assert broker.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=json.dumps(config).encode()).code == 0
    assert matching(broker.state, GROUP, TOPIC, 0, start=0, end=12) == count
    assert matching(broker.state, "GroupB", TOPIC, 0, start=0, end=12) == 12
