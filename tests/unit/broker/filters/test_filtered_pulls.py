"""Pulls under SQL92: what comes, where the next one begins, what must be read first, and who is refused."""

import json

import pytest
from hand_frames import pull_fields
from hypothesis import given
from hypothesis import strategies as st

from pocketmq.broker.filters import selecting
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.outcome import Park, ReadFirst, ReplyWithRecords
from pocketmq.model.topic import TopicConfig
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.stored import decode_records
from pocketmq.testing.lone_broker import LoneBroker

PULL = RequestCode.PULL_MESSAGE
OWN, OWN_AND_WAITS, REGISTERED, BY_CLASS = "4", "6", "0", "12"
"""System flags: with its own subscription, and waiting; with the group's; with a class (PullSysFlag)."""

NO_SQL = "The broker does not support consumer to filter message by SQL92"


@pytest.fixture
def broker() -> LoneBroker:
    settings = BrokerSettings()
    settings.enable_property_filter = True
    made = LoneBroker(settings=settings)
    made.state.topics.put(TopicConfig("TopicA", 1, 1), made.now_ms)
    return made


def sql(expression: str, offset: int = 0, **more: str) -> dict[str, str]:
    wanted = {"subscription": expression, "expressionType": "SQL92", "sysFlag": OWN}
    return pull_fields("TopicA", 0, offset, **wanted | more)


def pulled(broker: LoneBroker, expression: str, offset: int = 0, **more: str) -> tuple[int, list[str], int]:
    reply = broker.ask(PULL, sql(expression, offset, **more))
    bodies = [message.body.decode() for message in decode_records(reply.body)]
    return reply.code, bodies, int(reply.fields["nextBeginOffset"])


def beat(broker: LoneBroker, expression: str, version: int, kind: str = "SQL92") -> None:
    wanted = {"topic": "TopicA", "subString": expression, "subVersion": version, "expressionType": kind}
    group = {"groupName": "CG", "subscriptionDataSet": [wanted], "consumeType": "CONSUME_PASSIVELY"}
    body = {"clientID": "c1", "consumerDataSet": [group | {"messageModel": "CLUSTERING"}], "producerDataSet": []}
    assert broker.ask(RequestCode.HEART_BEAT, body=json.dumps(body).encode()).code == 0


class Weather(set[str]):
    """Says, from the last to the first, of which look the records are not in memory; of further looks they are."""

    def __init__(self, cold: list[bool]) -> None:
        self.looks = list(cold)

    def __contains__(self, path: object) -> bool:
        return bool(self.looks) and self.looks.pop()


def fill(broker: LoneBroker, count: int, body: str = "") -> None:
    for number in range(count):
        broker.store("TopicA", 0, (body or str(number)).encode(), {"n": str(number), "even": str(1 - number % 2)})


def test_what_matches_comes_and_the_next_pull_begins_behind_it(broker: LoneBroker) -> None:
    fill(broker, 10)
    assert pulled(broker, "n BETWEEN 3 AND 5") == (ResponseCode.SUCCESS, ["3", "4", "5"], 10)
    assert pulled(broker, "even = 1", maxMsgNums="2") == (ResponseCode.SUCCESS, ["0", "2"], 3)
    assert pulled(broker, "even = 1", 5, maxMsgNums="2") == (ResponseCode.SUCCESS, ["6", "8"], 9)
    assert pulled(broker, "even = 1", maxMsgBytes="1") == (ResponseCode.SUCCESS, ["0"], 1)
    assert pulled(broker, "even = 1", maxMsgBytes="300") == (ResponseCode.SUCCESS, ["0", "2"], 3)
    assert pulled(broker, "missing = 1") == (ResponseCode.PULL_RETRY_IMMEDIATELY, [], 10)
    assert pulled(broker, "n = 'x'", 10) == (ResponseCode.PULL_NOT_FOUND, [], 10)
    assert pulled(broker, "n = 'x'", 11) == (ResponseCode.PULL_OFFSET_MOVED, [], 10)


def test_a_pull_looks_at_a_bounded_number_of_entries(broker: LoneBroker) -> None:
    assert selecting.FILTER_SCAN_ENTRIES_MAX == 800
    fill(broker, 1000)
    code, bodies, next_offset = pulled(broker, "n = 999")
    assert (code, bodies) == (ResponseCode.PULL_RETRY_IMMEDIATELY, [])
    assert 800 <= next_offset < 800 + selecting.STRETCH_ENTRIES
    assert pulled(broker, "n = 999", next_offset) == (ResponseCode.SUCCESS, ["999"], 1000)


def test_a_pull_looks_at_a_bounded_number_of_bytes(broker: LoneBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    assert selecting._LOOK_BYTES_MAX == 1 << 20
    monkeypatch.setattr(selecting, "_LOOK_BYTES_MAX", 10_000)
    monkeypatch.setattr(selecting, "STRETCH_BYTES", 4_000)
    fill(broker, 40, "x" * 1000)
    assert pulled(broker, "n = 99") == (ResponseCode.PULL_RETRY_IMMEDIATELY, [], 12)


def test_records_on_the_disk_are_read_before_anybody_decides(broker: LoneBroker) -> None:
    fill(broker, 100)
    broker.disk.cold = Weather([True])
    outcome = broker.decide(PULL, sql("n IN ('3', '77')"))
    assert isinstance(outcome, ReadFirst)
    read = broker.state.store.log.gather(outcome.entries)[0]
    found = outcome.then(read, broker.now_ms)
    assert isinstance(found, ReplyWithRecords)
    assert (found.reply.fields["nextBeginOffset"], found.entries[:8]) == ("32", outcome.entries[60:68])
    damaged = outcome.then(read[len(read) // 2 :], broker.now_ms)
    assert (damaged.code, damaged.fields["nextBeginOffset"]) == (ResponseCode.PULL_RETRY_IMMEDIATELY, "32")  # type: ignore[union-attr]
    assert outcome.then(b"", broker.now_ms).fields["nextBeginOffset"] == "32"  # type: ignore[union-attr]


def test_what_is_known_is_answered_before_the_disk_is_asked(broker: LoneBroker) -> None:
    fill(broker, 100)
    broker.disk.cold = Weather([True, False])
    outcome = broker.decide(PULL, sql("n IN ('3', '77')"))
    assert isinstance(outcome, ReplyWithRecords)
    assert outcome.reply.fields["nextBeginOffset"] == "32"


def test_a_pull_that_finds_nothing_new_waits_for_what_it_wants(broker: LoneBroker) -> None:
    fill(broker, 1)
    outcome = broker.decide(PULL, sql("n = 5", 1, sysFlag=OWN_AND_WAITS))
    assert isinstance(outcome, Park)
    assert callable(outcome.wants)
    assert [outcome.wants(text) for text in (b"n\x015\x02", b"n\x016\x02")] == [True, False]
    tags = pull_fields("TopicA", 0, 1, subscription="TagA", sysFlag=OWN_AND_WAITS)
    assert broker.decide(PULL, tags).wants == frozenset({2598919})  # type: ignore[union-attr]
    assert broker.decide(PULL, tags | {"subscription": "*"}).wants is None  # type: ignore[union-attr]
    nowhere = sql("n = 5", sysFlag=OWN_AND_WAITS) | {"queueId": "0"}
    broker.state.topics.put(TopicConfig("TopicB", 1, 1), broker.now_ms)
    assert isinstance(broker.decide(PULL, nowhere | {"topic": "TopicB"}), Park)


def test_an_expression_that_says_nothing_is_refused_with_its_place(broker: LoneBroker) -> None:
    reply = broker.ask(PULL, sql("n > "))
    assert reply.code == ResponseCode.SUBSCRIPTION_PARSE_FAILED
    assert reply.remark == (
        "the expression cannot be read: at line 1, column 5: a property, a constant or ( is expected, not the end"
    )
    assert broker.ask(PULL, sql("")).code == ResponseCode.SUBSCRIPTION_PARSE_FAILED
    assert broker.ask(PULL, sql("n", expressionType="XPATH")).code == ResponseCode.SUBSCRIPTION_PARSE_FAILED


def test_a_group_that_filters_must_have_said_so(broker: LoneBroker) -> None:
    fill(broker, 10)
    beat(broker, "n >", 1)
    reply = broker.ask(PULL, sql("", sysFlag=REGISTERED, subVersion="1"))
    assert (reply.code, reply.remark) == (
        ResponseCode.FILTER_DATA_NOT_EXIST,
        "The broker's consumer filter data is not exist!Your expression may be wrong!",
    )
    beat(broker, "n = 4", 2)
    assert pulled(broker, "", sysFlag=REGISTERED, subVersion="2") == (ResponseCode.SUCCESS, ["4"], 10)
    beat(broker, "*", 3, "TAG")
    assert pulled(broker, "", sysFlag=REGISTERED, subVersion="3", maxMsgNums="1") == (ResponseCode.SUCCESS, ["0"], 1)
    beat(broker, "n =", 4)
    assert broker.ask(PULL, sql("", sysFlag=REGISTERED, subVersion="4")).code == ResponseCode.FILTER_DATA_NOT_EXIST


def test_an_older_filter_is_not_used_for_a_newer_pull(broker: LoneBroker) -> None:
    beat(broker, "n = 4", 2)
    known = broker.state.sessions.consumers["CG"].subscriptions
    object.__setattr__(known["TopicA"], "sub_version", 9)
    reply = broker.ask(PULL, sql("", sysFlag=REGISTERED, subVersion="3"))
    assert (reply.code, reply.remark) == (
        ResponseCode.FILTER_DATA_NOT_LATEST,
        "the consumer's consumer filter data not latest",
    )


def test_where_sql_is_off_it_is_refused(broker: LoneBroker) -> None:
    beat(broker, "n = 4", 2)
    broker.state.settings.enable_property_filter = False
    for fields in (sql("n = 4"), sql("n ="), sql("", sysFlag=REGISTERED, subVersion="2")):
        reply = broker.ask(PULL, fields)
        assert (reply.code, reply.remark) == (ResponseCode.SYSTEM_ERROR, NO_SQL)


def test_a_class_filters_nothing_here(broker: LoneBroker) -> None:
    fill(broker, 1)
    says = "TopicA is not filtered by a class: brokers run no code of consumers"
    for kind in ("TAG", "SQL92"):
        reply = broker.ask(PULL, sql("n = 0", sysFlag=BY_CLASS, expressionType=kind))
        assert (reply.code, reply.remark) == (ResponseCode.SYSTEM_ERROR, says)
    wanted = {"topic": "TopicA", "subString": "x", "subVersion": 1, "classFilterMode": True}
    group = {"groupName": "CG", "subscriptionDataSet": [wanted], "consumeType": "CONSUME_PASSIVELY"}
    body = {"clientID": "c1", "consumerDataSet": [group], "producerDataSet": []}
    broker.ask(RequestCode.HEART_BEAT, body=json.dumps(body).encode())
    assert broker.ask(PULL, sql("", sysFlag=REGISTERED)).remark == says


def test_retried_messages_are_judged_by_the_filter_of_their_first_topic(broker: LoneBroker) -> None:
    beat(broker, "n = 4", 2)
    retry = "%RETRY%CG"
    for body, properties in (
        ("wanted", {"n": "4", "RETRY_TOPIC": "TopicA"}),
        ("unwanted", {"n": "5", "RETRY_TOPIC": "TopicA"}),
        ("of no filter", {"n": "5", "RETRY_TOPIC": "TopicB"}),
        ("of no topic", {"n": "5"}),
    ):
        broker.store(retry, 0, body.encode(), properties)
    fields = sql("n = 5") | {"topic": retry}
    assert [m.body for m in decode_records(broker.ask(PULL, fields).body)] == [
        b"unwanted",
        b"of no filter",
        b"of no topic",
    ]
    broker.state.settings.filter_support_retry = True
    assert [m.body for m in decode_records(broker.ask(PULL, fields).body)] == [
        b"wanted",
        b"of no filter",
        b"of no topic",
    ]


@pytest.mark.parametrize(
    ("kind", "expression", "code", "says"),
    [
        ("SQL92", "a = 1", 0, None),
        ("TAG", "a = ", 0, None),
        (
            "SQL92",
            "a = ",
            ResponseCode.SUBSCRIPTION_PARSE_FAILED,
            "the expression cannot be read: at line 1, column 5: ",
        ),
        (
            "XPATH",
            "a",
            ResponseCode.SUBSCRIPTION_PARSE_FAILED,
            "the expression cannot be read: expressions are of type",
        ),
    ],
)
def test_a_client_may_ask_first(broker: LoneBroker, kind: str, expression: str, code: int, says: str | None) -> None:
    wanted = {"topic": "TopicA", "subString": expression, "expressionType": kind}
    body = json.dumps({"clientId": "c", "group": "CG", "subscriptionData": wanted}).encode()
    reply = broker.ask(RequestCode.CHECK_CLIENT_CONFIG, body=body)
    assert (reply.code, (reply.remark or "").startswith(says or "")) == (code, True)


@given(
    sizes=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 300)), max_size=60),
    wanted=st.sets(st.integers(0, 9)),
    count_max=st.integers(1, 5),
    bytes_max=st.integers(1, 1500),
    cold=st.lists(st.booleans(), max_size=40),
)
def test_pull_after_pull_brings_what_matches_once_and_in_order(
    sizes: list[tuple[int, int]], wanted: set[int], count_max: int, bytes_max: int, cold: list[bool]
) -> None:
    settings = BrokerSettings()
    settings.enable_property_filter = True
    broker = LoneBroker(settings=settings)
    broker.state.topics.put(TopicConfig("TopicA", 1, 1), broker.now_ms)
    for number, (kind, size) in enumerate(sizes):
        broker.store("TopicA", 0, b"%d %s" % (number, b"x" * size), {"kind": str(kind)})
    broker.disk.cold = Weather(cold)
    expression = " OR ".join(f"kind = {kind}" for kind in sorted(wanted)) or "FALSE"
    found: list[int] = []
    offset = 0
    for _ in range(200):
        code, bodies, offset = pulled(broker, expression, offset, maxMsgNums=str(count_max), maxMsgBytes=str(bytes_max))
        assert len(bodies) <= count_max
        found += [int(body.split()[0]) for body in bodies]
        if code == ResponseCode.PULL_NOT_FOUND:
            break
    assert offset == len(sizes)
    assert found == [number for number, (kind, _) in enumerate(sizes) if kind in wanted]


def test_who_asks_about_a_queue_is_told_what_the_group_filters_by(broker: LoneBroker) -> None:
    fill(broker, 1)
    fields = {"topic": "TopicA", "queueId": 0, "index": 0, "count": 1, "consumerGroup": "CG"}
    beat(broker, "*", 1, "TAG")
    for expression, version in (("", 1), ("n = 4", 2)):
        if expression:
            beat(broker, expression, version)
        said = json.loads(broker.ask(RequestCode.QUERY_CONSUME_QUEUE, fields).body)["filterData"]
        assert (said == "null") is not bool(expression)
    assert said.startswith('{\n\t"bloomFilterData":{\n\t\t"bitNum":112,')
    assert json.loads(said)["expression"] == "n = 4"
