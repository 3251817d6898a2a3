"""Looking messages up."""

import json

import pytest

from pocketmq.protocol.bodies.statistics import QueryConsumeQueueResponseBody
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.stored import decode_records
from pocketmq.testing.lone_broker import LoneBroker

QUERY = RequestCode.QUERY_MESSAGE
UNIQUE = "7F000001000018B4AAC2000000000001"


def span(key: str, **changes: object) -> dict[str, object]:
    asked: dict[str, object] = {"topic": "TopicA", "key": key, "maxNum": 32, "beginTimestamp": 0, "endTimestamp": 2**62}
    return asked | changes


def bodies(broker: LoneBroker, key: str, **changes: object) -> list[bytes]:
    reply = broker.ask(QUERY, span(key, **changes))
    assert (reply.code == 22) == (not reply.body)
    return [message.body for message in decode_records(reply.body)]


@pytest.fixture
def stored(broker: LoneBroker) -> LoneBroker:
    broker.store("TopicA", 0, b"first", {"KEYS": "one two", "UNIQ_KEY": UNIQUE, "TAGS": "TagA"})
    broker.now_ms += 60_000
    broker.store("TopicA", 1, b"second", {"KEYS": "two", "TAGS": "TagB"})
    broker.store("TopicB", 0, b"other", {"KEYS": "two"})
    return broker


def test_by_key_in_log_order(stored: LoneBroker) -> None:
    assert bodies(stored, "two") == [b"first", b"second"]
    assert bodies(stored, "one") == bodies(stored, UNIQUE) == [b"first"]
    assert bodies(stored, "two", topic="TopicB") == [b"other"]


def test_the_newest_if_not_all_are_wanted(stored: LoneBroker) -> None:
    assert bodies(stored, "two", maxNum=1) == [b"second"]
    assert bodies(stored, "two", maxNum=0) == bodies(stored, "two", maxNum=-1) == []
    assert bodies(stored, UNIQUE, maxNum=0, _UNIQUE_KEY_QUERY="true") == [b"first"]


def test_within_a_time_span(stored: LoneBroker) -> None:
    assert bodies(stored, "two", endTimestamp=stored.now_ms - 60_000) == [b"first"]
    assert bodies(stored, "two", beginTimestamp=stored.now_ms) == [b"second"]
    assert bodies(stored, "two", endTimestamp=1) == []


@pytest.mark.parametrize(
    ("index_type", "key", "found"),
    [("K", "two", True), ("K", UNIQUE, False), ("U", UNIQUE, True), ("U", "two", False)],
)
def test_by_one_kind_of_key(stored: LoneBroker, index_type: str, key: str, found: bool) -> None:
    assert bool(bodies(stored, key, indexType=index_type)) is found


@pytest.mark.parametrize("changes", [{"key": "three"}, {"topic": "../../x"}, {"topic": "NoSuchTopic"}, {"key": ""}])
def test_what_is_not_there(stored: LoneBroker, changes: dict[str, object]) -> None:
    reply = stored.ask(QUERY, span("two") | changes)
    assert (reply.code, reply.remark) == (22, "can not find message, maybe time range not correct")
    assert reply.fields == {"indexLastUpdateTimestamp": "0", "indexLastUpdatePhyoffset": "0"}


def test_hashes_that_collide_are_told_apart(broker: LoneBroker) -> None:
    """ "Aa" and "BB" have the same String.hashCode."""
    broker.store("TopicA", 0, b"right", {"KEYS": "Aa"})
    broker.store("TopicA", 0, b"wrong", {"KEYS": "BB"})
    assert bodies(broker, "Aa") == [b"right"]


def test_an_answer_fits_into_a_frame(broker: LoneBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.broker.queries.RECORDS_BYTES_MAX", 250)
    for number in range(3):
        broker.store("TopicA", 0, b"%d" % number * 100, {"KEYS": "k"})
    assert bodies(broker, "k") == [b"2" * 100]


def test_by_place(stored: LoneBroker) -> None:
    reply = stored.ask(RequestCode.VIEW_MESSAGE_BY_ID, {"offset": 0})
    assert [message.body for message in decode_records(reply.body)] == [b"first"]


@pytest.mark.parametrize("offset", [-1, 3, 10**9, 2**63 - 1])
def test_no_message_at_that_place(stored: LoneBroker, offset: int) -> None:
    reply = stored.ask(RequestCode.VIEW_MESSAGE_BY_ID, {"offset": offset})
    assert (reply.code, reply.remark) == (1, f"can not find message by the offset, {offset}")


def test_queue_entries(stored: LoneBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    code, place = RequestCode.QUERY_CONSUME_QUEUE, {"topic": "TopicA", "queueId": 0, "index": 0, "count": 9}
    body = QueryConsumeQueueResponseBody.decode(stored.ask(code, place).body)
    assert (body.min_queue_index, body.max_queue_index) == (0, 1)
    assert body.queue_data is not None
    assert (body.queue_data[0].physic_offset, body.queue_data[0].tags_code) == (0, 2598919)
    assert b"GroupA@TopicA is not online!" in stored.ask(code, place | {"consumerGroup": "GroupA"}).body
    reply = stored.ask(code, place | {"index": 1})
    assert (reply.code, reply.remark) == (1, "Index 1 of 0@TopicA is not exist!")
    reply = stored.ask(code, place | {"queueId": 7})
    assert (reply.code, reply.remark) == (1, "7@TopicA is not exist!")
    assert stored.ask(code, {}).code == 1
    stored.store("TopicA", 0, b"x")
    monkeypatch.setattr("pocketmq.broker.queries.QUEUE_ENTRIES_QUERIED_MAX", 1)
    body = QueryConsumeQueueResponseBody.decode(stored.ask(code, place).body)
    assert len(body.queue_data or ()) == 1


def test_who_consumes_what(broker: LoneBroker) -> None:
    subscription = {"topic": "TopicA", "subString": "*", "subVersion": 1}
    beat = {"clientID": "c", "consumerDataSet": [{"groupName": "GroupB", "subscriptionDataSet": [subscription]}]}
    broker.ask(RequestCode.HEART_BEAT, body=json.dumps(beat).encode())
    broker.state.offsets.commit("GroupA", "TopicA", 0, 1, broker.now_ms)
    assert (
        broker.ask(RequestCode.QUERY_TOPIC_CONSUME_BY_WHO, {"topic": "TopicA"}).body
        == b'{"groupList":["GroupA","GroupB"]}'
    )
    topics = broker.ask(RequestCode.QUERY_TOPICS_BY_CONSUMER, {"group": "GroupA"}).body
    assert topics == b'{"brokerAddr":"127.0.0.1:10911","topicList":["TopicA"]}'
    code = RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER
    assert b'"subString":"*"' in broker.ask(code, {"group": "GroupB", "topic": "TopicA"}).body
    assert broker.ask(code, {"group": "GroupB"}).body == b'{"group":"GroupB"}'
