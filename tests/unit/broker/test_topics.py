"""Topics: made, changed, listed, deleted, refused."""

import json

import pytest

from pocketmq.broker.topics import create_from_default, create_plain
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.errors import Refusal
from pocketmq.model.limits import QUEUES_PER_TOPIC_MAX
from pocketmq.protocol.bodies.codec import encode_body
from pocketmq.protocol.bodies.routes import TopicConfigAndMappingSerializeWrapper, TopicConfigSerializeWrapper
from pocketmq.protocol.codes import RequestCode
from pocketmq.testing.faulty_disk import Fault, FaultyDisk
from pocketmq.testing.lone_broker import LoneBroker

CREATE = RequestCode.UPDATE_AND_CREATE_TOPIC
DELETE = RequestCode.DELETE_TOPIC_IN_BROKER


def fields(topic: str, **changes: object) -> dict[str, object]:
    named: dict[str, object] = {"topic": topic, "defaultTopic": "TBW102", "readQueueNums": 4, "writeQueueNums": 4}
    return named | {"perm": 6, "topicFilterType": "SINGLE_TAG", "order": "false"} | changes


def test_a_created_topic_is_saved_and_registered(broker: LoneBroker) -> None:
    version = broker.state.topics.version
    broker.decide(CREATE, fields("TopicA"))
    assert broker.state.topics.require("TopicA").write_queue_nums == 4
    assert broker.state.topics.version.counter == (version.counter or 0) + 1
    assert broker.state.unsaved == {"topics"}
    assert broker.state.registration_due


def test_creating_it_again_as_it_is_changes_nothing(broker: LoneBroker) -> None:
    broker.ask(CREATE, fields("TopicA"))
    version, broker.state.registration_due = broker.state.topics.version, False
    assert broker.ask(CREATE, fields("TopicA")).code == 0
    assert (broker.state.topics.version, broker.state.registration_due) == (version, False)


@pytest.mark.parametrize(
    "topic", ["../../x", "a/b", "a b", "", " ", "T" * 128, "a\0b", "%DLQ%" + "T" * 251, "é", "a.b"]
)
@pytest.mark.parametrize("code", [CREATE, DELETE])
def test_an_illegal_name_is_refused_and_leaves_nothing(broker: LoneBroker, code: int, topic: str) -> None:
    before = dict(broker.state.topics.configs)
    reply = broker.ask(code, fields(topic))
    assert reply.code == 29
    assert reply.remark is not None
    assert reply.remark.startswith("The specified topic")
    assert broker.state.topics.configs == before


@pytest.mark.parametrize("topic", ["TBW102", "SCHEDULE_TOPIC_XXXX", "rmq_sys_mine", "DefaultCluster", "broker-a"])
@pytest.mark.parametrize("code", [CREATE, DELETE])
def test_rocketmq_s_own_topics_are_left_alone(broker: LoneBroker, code: int, topic: str) -> None:
    reply = broker.ask(code, fields(topic))
    assert (reply.code, reply.remark) == (29, f"The topic[{topic}] is conflict with system topic.")


@pytest.mark.parametrize(
    "changes",
    [{"readQueueNums": -1}, {"writeQueueNums": QUEUES_PER_TOPIC_MAX + 1}, {"perm": 16}, {"perm": -1}],
)
def test_numbers_out_of_bounds_are_refused(broker: LoneBroker, changes: dict[str, object]) -> None:
    assert broker.ask(CREATE, fields("TopicA", **changes)).code == 29
    assert "TopicA" not in broker.state.topics


def test_the_largest_topic_is_taken(broker: LoneBroker) -> None:
    assert broker.ask(CREATE, fields("TopicA", readQueueNums=QUEUES_PER_TOPIC_MAX)).code == 0


def test_a_list_is_all_or_nothing(broker: LoneBroker) -> None:
    wanted = [{"topicName": "TopicA", "perm": 6}, {"topicName": "a b", "perm": 6}]
    assert broker.ask(RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, body=body(wanted)).code == 29
    assert "TopicA" not in broker.state.topics
    wanted[1]["topicName"] = "TopicB"
    assert broker.ask(RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, body=body(wanted)).code == 0
    assert {"TopicA", "TopicB"} <= broker.state.topics.configs.keys()


def body(topics: list[dict[str, object]]) -> bytes:
    return json.dumps({"topicConfigList": topics}).encode()


def test_deleting_takes_queues_offsets_counters_and_pop_retry_topics(broker: LoneBroker) -> None:
    for topic in ("TopicA", "%RETRY%GroupA+TopicA", "%RETRY%GroupA_TopicA", "TopicB"):
        create_plain(broker.state, topic, 1, broker.now_ms)
        broker.store(topic, 0, b"x")
    broker.state.offsets.commit("GroupA", "TopicA", 0, 1, broker.now_ms)
    broker.state.statistics.count_put("TopicA", 100)
    assert broker.ask(DELETE, {"topic": "TopicA"}).code == 0
    assert broker.state.store.topics() == {"TopicB"}
    assert [name for name in broker.state.topics.configs if "TopicA" in name] == []
    assert broker.state.offsets.groups_of("TopicA") == set()
    assert broker.state.statistics.find("TOPIC_PUT_NUMS", "TopicA") is None


def test_deleted_topics_stay_deleted_after_a_crash(broker: LoneBroker) -> None:
    broker.ask(CREATE, fields("TopicA"))
    broker.ask(DELETE, {"topic": "TopicA"})
    again = broker.restarted(broker.disk.crash_process())
    assert "TopicA" not in again.state.topics


def test_a_send_makes_a_topic_like_the_default_one(broker: LoneBroker) -> None:
    made = create_from_default(broker.state, "TopicA", "TBW102", 4, broker.now_ms, sys_flag=1)
    assert made is not None
    assert (made.read_queue_nums, made.perm, made.topic_sys_flag) == (4, 6, 1)
    many = create_from_default(broker.state, "TopicB", "TBW102", 400, broker.now_ms)
    assert many is not None
    assert many.write_queue_nums == 8
    assert create_from_default(broker.state, "TopicA", "Nothing", 1, broker.now_ms) == made


def test_a_send_makes_none_where_it_may_not(broker: LoneBroker) -> None:
    assert create_from_default(broker.state, "TopicA", "BenchmarkTest", 4, broker.now_ms) is None
    assert create_from_default(broker.state, "TopicA", "NoSuchTopic", 4, broker.now_ms) is None
    broker.state.settings.auto_create_topic_enable = False
    assert create_from_default(broker.state, "TopicA", "TBW102", 4, broker.now_ms) is None
    broker.state.settings.auto_create_topic_enable = True
    with pytest.raises(Refusal, match="illegal characters"):
        create_from_default(broker.state, "../x", "TBW102", 4, broker.now_ms)


def test_a_known_retry_topic_keeps_its_order_unless_told(broker: LoneBroker) -> None:
    create_plain(broker.state, "%RETRY%GroupA", 1, broker.now_ms, order=True)
    assert create_plain(broker.state, "%RETRY%GroupA", 1, broker.now_ms).order
    assert not create_plain(broker.state, "%RETRY%GroupA", 1, broker.now_ms, order=False).order


def test_no_topic_beyond_the_bound(broker: LoneBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.broker.topic_table.TOPICS_PER_BROKER_MAX", len(broker.state.topics) + 1)
    assert broker.ask(CREATE, fields("TopicA")).code == 0
    reply = broker.ask(CREATE, fields("TopicB"))
    assert reply.code == 1
    assert "one too many" in (reply.remark or "")
    assert broker.ask(CREATE, fields("TopicA", perm=4)).code == 0


def test_a_part_of_the_topics_and_the_next(broker: LoneBroker) -> None:
    every = sorted(broker.state.topics.configs)
    first = broker.ask(RequestCode.GET_ALL_TOPIC_CONFIG, {"topicSeq": 0, "maxTopicNum": 5})
    wrapper = TopicConfigAndMappingSerializeWrapper.decode(first.body)
    assert list(wrapper.topic_config_table) == every[:5]
    assert first.fields == {"totalTopicNum": str(len(every))}
    where = {"topicSeq": 5, "dataVersion": encode_body(wrapper.data_version).decode()}
    rest = TopicConfigSerializeWrapper.decode(broker.ask(RequestCode.GET_ALL_TOPIC_CONFIG, where).body)
    assert list(rest.topic_config_table) == every[5:]
    broker.ask(CREATE, fields("TopicA"))
    again = TopicConfigSerializeWrapper.decode(broker.ask(RequestCode.GET_ALL_TOPIC_CONFIG, where).body)
    assert len(again.topic_config_table) == len(every) + 1, "the table has changed: it starts over"


def test_the_file_is_java_s_and_comes_back(broker: LoneBroker) -> None:
    broker.ask(CREATE, fields("TopicA", attributes="+message.type=FIFO"))
    content = broker.state.table_text("topics")
    assert content.startswith(b'{\n\t"dataVersion":{\n\t\t"counter":1,')
    again = broker.restarted(broker.disk.crash_process())
    assert again.state.topics.configs == broker.state.topics.configs
    assert again.state.topics.version == broker.state.topics.version


def test_an_illegal_name_in_the_file_is_left_out(broker: LoneBroker) -> None:
    broker.state.load_table("topics", b'{"topicConfigTable":{"../x":{"topicName":"../x"},"Good":{"topicName":"Good"}}}')
    assert "../x" not in broker.state.topics
    assert "Good" in broker.state.topics


def test_retry_topics_can_be_kept(broker: LoneBroker) -> None:
    broker.state.settings.clear_retry_topic_when_delete_topic = False
    for topic in ("TopicA", "%RETRY%GroupA_TopicA"):
        create_plain(broker.state, topic, 1, broker.now_ms)
    broker.state.offsets.commit("GroupA", "TopicA", 0, 1, broker.now_ms)
    assert broker.ask(DELETE, {"topic": "TopicA"}).code == 0
    assert "%RETRY%GroupA_TopicA" in broker.state.topics


@pytest.mark.parametrize("wanted", [True, False])
def test_topics_of_the_first_start(wanted: bool) -> None:
    settings = BrokerSettings(
        auto_create_topic_enable=wanted,
        trace_topic_enable=wanted,
        timer_wheel_enable=wanted,
        cluster_topic_enable=wanted,
        broker_topic_enable=wanted,
    )
    table = LoneBroker(settings=settings).state.topics
    optional = {"TBW102", "RMQ_SYS_TRACE_TOPIC", "rmq_sys_wheel_timer"}
    assert optional & table.configs.keys() == (optional if wanted else set())
    assert {table.require(name).perm for name in ("DefaultCluster", "broker-a")} == {7 if wanted else 1}
    assert optional - {"rmq_sys_wheel_timer"} <= table.own_names, "reserved whether or not they are there"


def test_a_disk_that_keeps_the_files_does_not_keep_the_topic(broker: LoneBroker) -> None:
    create_plain(broker.state, "TopicA", 1, broker.now_ms)
    broker.store("TopicA", 0, b"x")
    broker.save("topics")
    broker.state.store.disk = FaultyDisk(broker.disk, Fault("remove_tree"))
    reply = broker.ask(DELETE, {"topic": "TopicA"})
    assert reply.code == 1
    assert "not the files of its queues" in (reply.remark or "")
    assert "TopicA" not in broker.restarted(broker.disk.crash_process()).state.topics
