"""How far groups have come, resets and clones."""

import json

import pytest

from pocketmq.broker.topics import create_plain
from pocketmq.model.broker_settings import BrokerRole
from pocketmq.model.outcome import Push
from pocketmq.model.queue import MessageQueue
from pocketmq.protocol.bodies.offsets import ResetOffsetBody, ResetOffsetBodyForC
from pocketmq.protocol.bodies.statistics import (
    ConsumeStats,
    ConsumeStatsList,
    QueryConsumeTimeSpanBody,
    TopicStatsTable,
)
from pocketmq.protocol.codes import RequestCode
from pocketmq.testing.lone_broker import BOB, LoneBroker

RESET = RequestCode.INVOKE_BROKER_TO_RESET_OFFSET
WAY = {"topic": "TopicA", "group": "GroupA", "timestamp": -1, "isForce": "true"}


def queue(queue_id: int, topic: str = "TopicA") -> MessageQueue:
    return MessageQueue(topic, "broker-a", queue_id)


@pytest.fixture
def ready(broker: LoneBroker) -> LoneBroker:
    create_plain(broker.state, "TopicA", 2, broker.now_ms)
    broker.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=b'{"groupName":"GroupA"}')
    for minute in range(3):
        broker.store("TopicA", 0, b"x")
        broker.now_ms += 60_000 * (minute < 2)
    broker.state.offsets.commit("GroupA", "TopicA", 0, 1, broker.now_ms)
    return broker


def test_what_a_topic_holds(ready: LoneBroker) -> None:
    table = TopicStatsTable.decode(ready.ask(RequestCode.GET_TOPIC_STATS_INFO, {"topic": "TopicA"}).body).offset_table
    full, empty = table[queue(0)], table[queue(1)]
    assert (full.min_offset, full.max_offset, full.last_update_timestamp) == (0, 3, ready.now_ms)
    assert (empty.min_offset, empty.max_offset, empty.last_update_timestamp) == (0, 0, 0)
    reply = ready.ask(RequestCode.GET_TOPIC_STATS_INFO, {"topic": "../x"})
    assert (reply.code, reply.remark) == (17, "topic[../x] not exist")


def test_how_far_a_group_is(ready: LoneBroker) -> None:
    ready.state.offsets.note_pulled("GroupA", "TopicA", 0, 2)
    row = stats(ready).offset_table[queue(0)]
    assert (row.broker_offset, row.consumer_offset, row.pull_offset) == (3, 1, 2)
    assert row.last_timestamp == ready.now_ms - 120_000
    named = stats(ready, topicList="TopicA;NoSuchTopic;")
    assert named.offset_table.keys() == {queue(0), queue(1)}
    assert stats(ready, topic="NoSuchTopic").offset_table == {}
    assert stats(ready, consumerGroup="GroupB").offset_table == {}
    assert stats(ready, consumerGroup="GroupB", topic="TopicA").offset_table[queue(0)].consumer_offset == 0


def stats(broker: LoneBroker, **fields: object) -> ConsumeStats:
    reply = broker.ask(RequestCode.GET_CONSUME_STATS, {"consumerGroup": "GroupA"} | fields)
    assert reply.code == 0
    return ConsumeStats.decode(reply.body)


def test_a_connected_group_is_shown_where_it_subscribes(ready: LoneBroker) -> None:
    beat(ready, "TopicB")
    assert stats(ready).offset_table == {}
    listed = ConsumeStatsList.decode(ready.ask(RequestCode.GET_BROKER_CONSUME_STATS, {"isOrder": "false"}).body)
    assert listed.total_diff == 0
    beat(ready, "TopicA")
    assert stats(ready).offset_table != {}


def beat(broker: LoneBroker, topic: str, version: int = 513) -> None:
    subscription = {"topic": topic, "subString": "*", "subVersion": 1}
    data = {"clientID": "c", "consumerDataSet": [{"groupName": "GroupA", "subscriptionDataSet": [subscription]}]}
    broker.ask(RequestCode.HEART_BEAT, body=json.dumps(data).encode(), peer=BOB, version=version)
    broker.state.outbox.clear()


@pytest.mark.parametrize(("is_order", "behind"), [("false", 2), ("true", 0)])
def test_how_far_every_group_is(ready: LoneBroker, is_order: str, behind: int) -> None:
    ready.state.offsets.note_pulled("GroupA", "TopicA", 0, 3)
    ready.state.offsets.commit("GroupA", "Gone", 0, 1, ready.now_ms)
    body = ConsumeStatsList.decode(ready.ask(RequestCode.GET_BROKER_CONSUME_STATS, {"isOrder": is_order}).body)
    assert (body.broker_addr, body.total_diff, body.total_inflight_diff) == ("127.0.0.1:10911", behind, behind)
    assert [group for row in body.consume_stats_list for group in row] == list(ready.state.groups.configs)


def test_the_time_span_of_each_queue(ready: LoneBroker) -> None:
    ready.now_ms += 5
    reply = ready.ask(RequestCode.QUERY_CONSUME_TIME_SPAN, {"topic": "TopicA", "group": "GroupA"})
    full, empty = QueryConsumeTimeSpanBody.decode(reply.body).consume_time_span_set
    first = ready.now_ms - 120_005
    assert (full.min_time_stamp, full.max_time_stamp, full.consume_time_stamp) == (first, first + 120_000, first)
    assert full.delay_time == 60_005
    assert (empty.min_time_stamp, empty.delay_time) == (-1, 0)
    assert ready.ask(RequestCode.QUERY_CONSUME_TIME_SPAN, {"topic": "No", "group": "GroupA"}).code == 17


def test_counters_are_shown(ready: LoneBroker) -> None:
    fields = {"statsName": "TOPIC_PUT_NUMS", "statsKey": "TopicA"}
    assert ready.ask(RequestCode.VIEW_BROKER_STATS_DATA, fields).code == 1
    ready.state.statistics.count_put("TopicA", 100, 4)
    ready.state.statistics.sample(ready.now_ms)
    body = ready.ask(RequestCode.VIEW_BROKER_STATS_DATA, fields).body
    assert b'"statsMinute":{"avgpt":4.0,"sum":4,"tps":0.4}' in body
    reply = ready.ask(RequestCode.VIEW_BROKER_STATS_DATA, fields | {"statsName": "NONE"})
    assert reply.remark == "The stats <NONE> <TopicA> not exist"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {0: 3, 1: 0}),
        ({"timestamp": 0}, {0: 0, 1: 0}),
        ({"queueId": 0, "offset": 2}, {0: 2}),
        ({"queueId": 0, "offset": 4}, {0: 3}),
        ({"queueId": 0, "offset": -1}, {0: 3}),
        ({"queueId": 7, "timestamp": 0}, {7: 0}),
    ],
)
def test_a_reset_moves_the_group_and_holds_commits_until_it_is_known(
    ready: LoneBroker, changes: dict[str, object], expected: dict[int, int]
) -> None:
    ready.decide(RESET, WAY | changes)
    assert ready.state.unsaved == {"consumerOffset"}
    reply = ready.ask(RESET, WAY | changes)
    assert ResetOffsetBody.decode(reply.body).offset_table == {queue(number): to for number, to in expected.items()}
    for number, to in expected.items():
        assert ready.state.offsets.find("GroupA", "TopicA", number) == to
        assert not ready.state.offsets.commit("GroupA", "TopicA", number, 1, ready.now_ms)
        assert ready.state.offsets.take_reset("GroupA", "TopicA", number) == to
        assert ready.state.offsets.take_reset("GroupA", "TopicA", number) is None
        assert ready.state.offsets.commit("GroupA", "TopicA", number, 1, ready.now_ms)


@pytest.mark.parametrize(
    ("changes", "code", "remark"),
    [
        ({"topic": "../x"}, 17, "Topic ../x does not exist"),
        ({"group": "../x"}, 26, "Group ../x does not exist"),
        ({"queueId": 0, "offset": 9}, 1, "Target offset 9 not in consume queue range [0-3]"),
        ({"queueId": 0, "offset": -5}, 1, "Target offset -5 not in consume queue range [0-3]"),
        ({"queueId": 70_000}, 29, "queueId 70000 is not from 0 to 65535"),
    ],
)
def test_a_reset_that_is_refused(ready: LoneBroker, changes: dict[str, object], code: int, remark: str) -> None:
    reply = ready.ask(RESET, WAY | changes)
    assert (reply.code, reply.remark) == (code, remark)
    assert ready.state.offsets.find("GroupA", "TopicA", 0) == 1


def test_a_reset_survives_a_crash(ready: LoneBroker) -> None:
    ready.flush()
    ready.ask(RESET, WAY)
    again = ready.restarted(ready.disk.crash_process())
    assert again.state.offsets.find("GroupA", "TopicA", 0) == 3


def test_a_replica_resets_nothing_and_no_queues_are_none(ready: LoneBroker) -> None:
    create_plain(ready.state, "TopicNone", 0, ready.now_ms)
    assert ready.ask(RESET, WAY | {"topic": "TopicNone"}).remark == "No queues to reset."
    ready.state.settings.broker_role = BrokerRole.SLAVE
    assert ready.ask(RESET, WAY).remark == "Can not reset offset in slave broker"


@pytest.mark.parametrize("language", ["JAVA", "CPP"])
def test_consumers_are_told_where_the_broker_does_not_reset_itself(ready: LoneBroker, language: str) -> None:
    ready.state.settings.use_server_side_reset_offset = False
    assert ready.ask(RESET, WAY).remark == "THe consumer group <GroupA> not exist"
    ready.state.offsets.commit("GroupA", "TopicA", 1, 0, ready.now_ms)
    assert ready.ask(RESET, WAY).code == 206
    beat(ready, "TopicA")
    reply = ready.ask(RESET, WAY, language=language)
    assert ResetOffsetBody.decode(reply.body).offset_table == {queue(0): 3, queue(1): 0}
    (push,) = ready.state.outbox
    assert isinstance(push, Push)
    assert (push.peer_id, push.code) == (BOB.id, RequestCode.RESET_CONSUMER_CLIENT_OFFSET)
    assert push.fields["timestamp"] == "-1"
    if language == "CPP":
        assert [row.offset for row in ResetOffsetBodyForC.decode(push.body).offset_table] == [3, 0]
    else:
        assert push.body == reply.body
    unforced = ResetOffsetBody.decode(ready.ask(RESET, WAY | {"isForce": "false"}).body)
    assert unforced.offset_table[queue(0)] == 1, "not forward unless forced"
    assert ready.ask(RESET, WAY | {"topic": "No"}).code == 17


def test_a_group_goes_on_where_another_does(ready: LoneBroker) -> None:
    code, fields = RequestCode.CLONE_GROUP_OFFSET, {"srcGroup": "GroupA", "destGroup": "GroupB"}
    assert ready.ask(code, fields | {"topic": "No"}).code == 0
    assert ready.state.offsets.topics_of("GroupB") == set()
    assert ready.ask(code, fields).code == 0
    assert ready.state.offsets.of_group("GroupB", "TopicA") == {0: 1}
    ready.state.offsets.commit("GroupA", "TopicA", 0, 2, ready.now_ms)
    assert ready.state.offsets.of_group("GroupB", "TopicA") == {0: 1}, "a copy, no alias"
    assert ready.ask(code, fields | {"destGroup": "../x"}).code == 29
    beat(ready, "TopicB")
    ready.ask(code, fields | {"topic": "TopicA"})
    assert ready.state.offsets.of_group("GroupB", "TopicA") == {0: 1}, "the group does not subscribe to it now"
    ready.ask(code, fields | {"topic": "TopicA", "offline": "true"})
    assert ready.state.offsets.of_group("GroupB", "TopicA") == {0: 2}


def test_an_advance_never_goes_back(ready: LoneBroker) -> None:
    offsets = ready.state.offsets
    assert offsets.advance("GroupA", "TopicA", 0, 2, ready.now_ms)
    assert not offsets.advance("GroupA", "TopicA", 0, 1, ready.now_ms)
    assert offsets.find("GroupA", "TopicA", 0) == 2


def test_cloning_nothing_yields_nothing(ready: LoneBroker) -> None:
    fields = {"srcGroup": "GroupB", "destGroup": "GroupC", "topic": "TopicA"}
    assert ready.ask(RequestCode.CLONE_GROUP_OFFSET, fields).code == 0
    assert ready.state.offsets.topics_of("GroupC") == set()
