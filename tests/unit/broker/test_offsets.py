"""Where groups have come to, and where queues begin and end."""

import pytest

from pocketmq.broker.boot import BroughtBack, start
from pocketmq.broker.topics import create_plain
from pocketmq.model.limits import QUEUES_PER_TOPIC_MAX
from pocketmq.protocol.codes import RequestCode
from pocketmq.testing.lone_broker import LoneBroker

QUERY = RequestCode.QUERY_CONSUMER_OFFSET
UPDATE = RequestCode.UPDATE_CONSUMER_OFFSET
PLACE = {"consumerGroup": "GroupA", "topic": "TopicA", "queueId": 0}
QUEUE = {"topic": "TopicA", "queueId": 0}


@pytest.fixture
def ready(broker: LoneBroker) -> LoneBroker:
    create_plain(broker.state, "TopicA", 2, broker.now_ms)
    broker.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=b'{"groupName":"GroupA"}')
    return broker


def test_a_commit_is_remembered_even_backwards(ready: LoneBroker) -> None:
    for offset in (5, 3, 9):
        assert ready.ask(UPDATE, PLACE | {"commitOffset": offset}).code == 0
        assert ready.ask(QUERY, PLACE).fields == {"offset": str(offset)}


@pytest.mark.parametrize(
    ("changes", "code", "remark"),
    [
        ({"consumerGroup": "GroupB"}, 26, "Group GroupB not exist!"),
        ({"consumerGroup": "../x"}, 26, "Group ../x not exist!"),
        ({"topic": "TopicB"}, 17, "Topic TopicB not exist!"),
        ({"topic": "../x"}, 17, "Topic ../x not exist!"),
        ({"commitOffset": "much"}, 29, "Offset is null, topic is TopicA"),
        ({"queueId": "one"}, 29, "QueueId is null, topic is TopicA"),
        (
            {"queueId": QUEUES_PER_TOPIC_MAX},
            29,
            f"QueueId {QUEUES_PER_TOPIC_MAX} is not from 0 to 65535, topic is TopicA",
        ),
        ({"queueId": -1}, 29, "QueueId -1 is not from 0 to 65535, topic is TopicA"),
    ],
)
def test_a_commit_that_is_refused(ready: LoneBroker, changes: dict[str, object], code: int, remark: str) -> None:
    reply = ready.ask(UPDATE, PLACE | {"commitOffset": 1} | changes)
    assert (reply.code, reply.remark) == (code, remark)
    assert ready.state.offsets.committed == {}


def test_a_commit_does_not_undo_a_reset_that_its_consumer_does_not_know(ready: LoneBroker) -> None:
    ready.ask(UPDATE, PLACE | {"commitOffset": 5})
    ready.state.offsets.reset("GroupA", "TopicA", 0, 1, ready.now_ms)
    reply = ready.ask(UPDATE, PLACE | {"commitOffset": 6})
    assert (reply.code, reply.remark) == (0, "Offset has been previously reset")
    assert ready.ask(QUERY, PLACE).fields == {"offset": "1"}


def test_a_deleted_topic_takes_its_offsets_along_and_leaves_those_of_others(ready: LoneBroker) -> None:
    create_plain(ready.state, "TopicAB", 1, ready.now_ms)
    for topic in ("TopicA", "TopicAB"):
        ready.ask(UPDATE, PLACE | {"topic": topic, "commitOffset": 5})
        ready.state.offsets.note_pulled("GroupA", topic, 0, 6)
    ready.state.offsets.reset("GroupA", "TopicA", 0, 1, ready.now_ms)
    assert ready.ask(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": "TopicA"}).code == 0
    offsets = ready.restarted(ready.disk.crash_process()).state.offsets
    assert offsets.committed.keys() == offsets.pulled.keys() == {"TopicAB@GroupA"}
    assert ready.state.offsets.resets == {}, "a topic of the same name starts anew"


def test_a_negative_commit_says_nothing(ready: LoneBroker) -> None:
    ready.ask(UPDATE, PLACE | {"commitOffset": 4})
    assert ready.ask(UPDATE, PLACE | {"commitOffset": -1}).code == 0
    assert ready.ask(QUERY, PLACE).fields == {"offset": "4"}


def test_an_empty_queue_starts_at_zero_unless_that_is_not_wanted(ready: LoneBroker) -> None:
    assert ready.ask(QUERY, PLACE).fields == {"offset": "0"}
    reply = ready.ask(QUERY, PLACE | {"setZeroIfNotFound": "false"})
    assert (reply.code, reply.remark) == (22, "Not found, do not set to zero, maybe this group boot first")


def test_a_young_queue_starts_at_zero_and_an_old_one_does_not(ready: LoneBroker) -> None:
    ready.store("TopicA", 0, bytes(1000))
    ready.store("TopicA", 0, bytes(1000))
    assert ready.ask(QUERY, PLACE).fields == {"offset": "0"}
    ready.state.memory_bytes = 100
    reply = ready.ask(QUERY, PLACE)
    assert (reply.code, reply.remark) == (22, "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first")


def test_the_ends_of_a_queue(ready: LoneBroker) -> None:
    for minute in range(3):
        ready.store("TopicA", 0, b"x")
        ready.now_ms += 60_000 * (minute < 2)
    first, last = ready.now_ms - 120_000, ready.now_ms
    assert ready.ask(RequestCode.GET_MAX_OFFSET, QUEUE).fields == {"offset": "3"}
    assert ready.ask(RequestCode.GET_MIN_OFFSET, QUEUE).fields == {"offset": "0"}
    assert ready.ask(RequestCode.GET_EARLIEST_MSG_STORETIME, QUEUE).fields == {"timestamp": str(first)}
    search = RequestCode.SEARCH_OFFSET_BY_TIMESTAMP
    for timestamp, boundary, offset in (
        (first, "LOWER", 0),
        (first + 1, "LOWER", 1),
        (first + 1, "UPPER", 0),
        (last, "LOWER", 2),
        (last + 1, "LOWER", 3),
        (last + 1, "UPPER", 2),
        (0, "LOWER", 0),
    ):
        fields = QUEUE | {"timestamp": timestamp, "boundaryType": boundary}
        assert ready.ask(search, fields).fields == {"offset": str(offset)}, fields


@pytest.mark.parametrize("topic", ["TopicA", "NoSuchTopic", "../../x"])
def test_a_queue_never_written_is_empty_and_stays_unwritten(ready: LoneBroker, topic: str) -> None:
    queue = {"topic": topic, "queueId": 77}
    for code in (RequestCode.GET_MAX_OFFSET, RequestCode.GET_MIN_OFFSET):
        assert ready.ask(code, queue).fields == {"offset": "0"}
    assert ready.ask(RequestCode.GET_EARLIEST_MSG_STORETIME, queue).fields == {"timestamp": "-1"}
    assert ready.ask(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, queue | {"timestamp": 1}).fields == {"offset": "0"}
    assert ready.state.store.topics() == set()


@pytest.mark.parametrize("code", [QUERY, UPDATE, RequestCode.GET_MAX_OFFSET, RequestCode.SEARCH_OFFSET_BY_TIMESTAMP])
def test_missing_fields_are_named(ready: LoneBroker, code: int) -> None:
    reply = ready.ask(code, {"queueId": 0, "commitOffset": 0})
    assert reply.code == 1
    assert "is null" in (reply.remark or "")


def test_the_file_is_java_s_and_comes_back(ready: LoneBroker) -> None:
    for queue_id, offset in ((0, 2), (1, 1)):
        for _ in range(2):
            ready.store("TopicA", queue_id, b"x")
        ready.ask(UPDATE, PLACE | {"queueId": queue_id, "commitOffset": offset})
    ready.state.offsets.note_pulled("GroupA", "TopicA", 0, 2)
    assert ready.state.offsets.is_changed
    content = ready.state.table_text("consumerOffset")
    assert not ready.state.offsets.is_changed
    assert b'"TopicA@GroupA":{\n\t\t\t0:2,\n\t\t\t1:1\n\t\t}' in content
    ready.flush()
    ready.save("consumerOffset")
    again = ready.restarted(ready.disk.crash_process()).state.offsets
    assert again.committed == {"TopicA@GroupA": {0: 2, 1: 1}}
    assert again.pulled == {"TopicA@GroupA": {0: 2}}


@pytest.mark.parametrize(
    "content",
    [b'{"offsetTable":7}', b'{"offsetTable":{"a@b":7,"a@b@c":{0:1},"ab":{0:1},"t@g":{"x":1,"-1":2,0:"z",1:5}}}', b"{}"],
)
def test_a_strange_file_yields_what_is_legible(ready: LoneBroker, content: bytes) -> None:
    ready.state.load_table("consumerOffset", content)
    assert ready.state.offsets.committed in ({}, {"t@g": {1: 5}})


def test_an_offset_beyond_what_a_power_loss_left_is_brought_back(ready: LoneBroker) -> None:
    ready.store("TopicA", 0, b"kept")
    ready.flush()
    ready.store("TopicA", 0, b"lost")
    ready.ask(UPDATE, PLACE | {"commitOffset": 2})
    content = ready.state.table_text("consumerOffset")
    again = LoneBroker(settings=ready.state.settings)
    again.store("TopicA", 0, b"kept")
    again.state.load_table("consumerOffset", content)
    again.state.offsets.note_pulled("GroupA", "TopicA", 0, 2)
    again.state.offsets.is_changed = False
    assert start(again.state) == [BroughtBack("TopicA@GroupA", 0, offset=2, end=1)]
    assert again.state.offsets.find("GroupA", "TopicA", 0) == 1
    assert again.state.offsets.find_pulled("GroupA", "TopicA", 0) == 1
    assert again.state.offsets.is_changed
    assert start(again.state) == []


def test_all_offsets_travel(ready: LoneBroker) -> None:
    ready.ask(UPDATE, PLACE | {"commitOffset": 3})
    body = ready.ask(RequestCode.GET_ALL_CONSUMER_OFFSET).body
    assert b'"groupTopicMap":{"GroupA":["TopicA"]},"offsetTable":{"TopicA@GroupA":{0:3}}' in body


def test_the_version_moves_every_so_many_commits(ready: LoneBroker) -> None:
    step = ready.state.settings.consumer_offset_update_version_step
    for offset in range(step - 1):
        ready.state.offsets.commit("GroupA", "TopicA", 0, offset, ready.now_ms)
    assert ready.state.offsets.version.counter == 0
    ready.state.offsets.commit("GroupA", "TopicA", 0, 0, ready.now_ms)
    assert ready.state.offsets.version.counter == 1


def test_a_queue_that_no_longer_begins_at_zero_has_no_start_of_its_own(ready: LoneBroker) -> None:
    ready.store("TopicA", 0, b"x")
    ready.store("TopicA", 0, b"x")
    queue = ready.state.store.find_queue("TopicA", 0)
    assert queue is not None
    queue.min_offset = 1
    assert ready.ask(QUERY, PLACE).code == 22


@pytest.mark.parametrize("place", [{"queueId": 2}, {"queueId": -1}, {"topic": "TopicB"}])
def test_a_queue_that_is_not_there_has_no_start(ready: LoneBroker, place: dict[str, object]) -> None:
    assert ready.ask(QUERY, PLACE | place).code == 22


def test_the_smallest_offset_of_the_other_groups_corrects_one(ready: LoneBroker) -> None:
    ask = {"topic": "TopicA", "compareGroup": "GroupC"}
    for group, offsets in {"GroupA": (4, 7), "GroupB": (6, 5), "GroupC": (5, 9)}.items():
        ready.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=f'{{"groupName":"{group}"}}'.encode())
        for queue_id, offset in enumerate(offsets):
            ready.ask(UPDATE, {"consumerGroup": group, "topic": "TopicA", "queueId": queue_id, "commitOffset": offset})

    def corrected(**changes: str) -> bytes:
        reply = ready.ask(RequestCode.QUERY_CORRECTION_OFFSET, ask | changes)
        assert reply.code == 0
        return reply.body

    assert corrected() == b'{"correctionOffsets":{0:4,1:5}}'
    assert corrected(filterGroups="GroupA,GroupC") == b'{"correctionOffsets":{0:9223372036854775807,1:5}}'
    assert corrected(filterGroups="GroupA,GroupB,GroupC") == (
        b'{"correctionOffsets":{0:9223372036854775807,1:9223372036854775807}}'
    )
    ready.ask(UPDATE, {"consumerGroup": "GroupC", "topic": "TopicA", "queueId": 0, "commitOffset": 6})
    assert corrected(filterGroups="GroupA") == b'{"correctionOffsets":{0:6,1:5}}', "a group at it is not behind"
    assert corrected(topic="TopicB") == b'{"correctionOffsets":{}}'
    assert ready.state.offsets.groups_of("TopicA") == {"GroupA", "GroupB", "GroupC"}, "asking forgot offsets"


def test_offsets_of_messages_that_are_gone_correct_nobody(ready: LoneBroker) -> None:
    ready.ask(UPDATE, PLACE | {"commitOffset": 2})
    ready.store("TopicA", 0, b"x")
    queue = ready.state.store.find_queue("TopicA", 0)
    assert queue is not None
    queue.min_offset = 3
    assert ready.ask(RequestCode.QUERY_CORRECTION_OFFSET, {"topic": "TopicA"}).body == b'{"correctionOffsets":{}}'
