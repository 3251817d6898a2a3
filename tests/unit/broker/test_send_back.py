"""Messages that consumers return."""

import pytest

from pocketmq.broker.topics import create_plain
from pocketmq.model.message import StoredMessage
from pocketmq.model.outcome import Reply, ReplyWhenDurable
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.record import NewMessage
from pocketmq.protocol.stored import decode_record
from pocketmq.testing.lone_broker import LoneBroker

BACK = RequestCode.CONSUMER_SEND_MSG_BACK
KEY = "7F000001000018B4AAC2000000000001"


def last(broker: LoneBroker, topic: str, queue_id: int = 0) -> StoredMessage:
    store = broker.state.store
    entry = store.entry(topic, queue_id, store.max_offset(topic, queue_id) - 1)
    assert entry is not None
    return decode_record(store.read_record(entry.log_offset, entry.size) or b"")


def fields(offset: int, level: int = 0, **changes: object) -> dict[str, object]:
    return {"offset": offset, "group": "GroupA", "delayLevel": level} | changes


@pytest.fixture
def stored(broker: LoneBroker) -> tuple[LoneBroker, int]:
    create_plain(broker.state, "TopicA", 1, broker.now_ms)
    appended = broker.store("TopicA", 0, b"again", {"TAGS": "TagA", "KEYS": "k", "UNIQ_KEY": KEY})
    return broker, appended.log_offset


def test_a_returned_message_waits_and_comes_to_the_retry_topic(stored: tuple[LoneBroker, int]) -> None:
    broker, offset = stored
    outcome = broker.decide(BACK, fields(offset))
    assert isinstance(outcome, ReplyWhenDurable)
    assert (outcome.reply, outcome.waits, outcome.log_offset_end) == (Reply(), True, broker.state.store.log_max_offset)
    broker.end_turn()
    waiting = last(broker, "SCHEDULE_TOPIC_XXXX", 2)
    assert (waiting.reconsume_times, waiting.body) == (1, b"again")
    kept = {"TAGS": "TagA", "KEYS": "k", "UNIQ_KEY": KEY, "RETRY_TOPIC": "TopicA", "WAIT": "false", "DELAY": "3"}
    place = {"REAL_TOPIC": "%RETRY%GroupA", "REAL_QID": "0", "ORIGIN_MESSAGE_ID": f"7F00000100002A9F{offset:016X}"}
    assert waiting.properties == kept | place
    broker.now_ms += 10_000
    assert broker.deliver_delayed() == 1
    assert last(broker, "%RETRY%GroupA").properties == waiting.properties


def test_each_return_waits_longer_and_keeps_its_origin(stored: tuple[LoneBroker, int]) -> None:
    broker, offset = stored
    broker.ask(BACK, fields(offset))
    broker.now_ms += 10_000
    broker.deliver_delayed()
    first = last(broker, "%RETRY%GroupA")
    broker.ask(BACK, fields(first.log_offset))
    second = last(broker, "SCHEDULE_TOPIC_XXXX", 3)
    assert second.reconsume_times == 2
    for name in ("RETRY_TOPIC", "ORIGIN_MESSAGE_ID"):
        assert second.properties[name] == first.properties[name]


@pytest.mark.parametrize(("level", "queue_id"), [(1, 0), (18, 17), (99, 17)])
def test_the_consumer_may_name_a_level(stored: tuple[LoneBroker, int], level: int, queue_id: int) -> None:
    broker, offset = stored
    assert broker.ask(BACK, fields(offset, level)).code == 0
    assert last(broker, "SCHEDULE_TOPIC_XXXX", queue_id).properties["DELAY"] == str(queue_id + 1)


@pytest.mark.parametrize(
    "changes", [{"delayLevel": -1}, {"maxReconsumeTimes": 0}], ids=["negative level", "as often as allowed"]
)
def test_dead_letters(stored: tuple[LoneBroker, int], changes: dict[str, object]) -> None:
    broker, offset = stored
    assert broker.ask(BACK, fields(offset) | changes).code == 0
    dead = last(broker, "%DLQ%GroupA")
    assert (dead.properties["DELAY"], dead.reconsume_times) == ("0", 1)
    config = broker.state.topics.require("%DLQ%GroupA")
    assert (config.write_queue_nums, config.perm) == (1, 6)
    assert broker.state.statistics.find("DLQ_PUT_NUMS", "TopicA@GroupA") is not None


def test_old_consumers_cannot_say_how_often(stored: tuple[LoneBroker, int]) -> None:
    broker, offset = stored
    broker.ask(BACK, fields(offset, maxReconsumeTimes=0), version=120)
    assert "%DLQ%GroupA" not in broker.state.topics
    broker.ask(BACK, fields(offset, maxReconsumeTimes=0), version=121)
    assert "%DLQ%GroupA" in broker.state.topics


def test_the_group_says_how_often(stored: tuple[LoneBroker, int]) -> None:
    broker, offset = stored
    broker.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=b'{"groupName":"GroupA","retryMaxTimes":0}')
    broker.ask(BACK, fields(offset))
    assert "%DLQ%GroupA" in broker.state.topics


def test_retry_queues_take_turns(stored: tuple[LoneBroker, int]) -> None:
    broker, offset = stored
    broker.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=b'{"groupName":"GroupA","retryQueueNums":3}')
    for _ in range(6):
        broker.ask(BACK, fields(offset, 1))
    broker.now_ms += 1_000
    broker.deliver_delayed()
    assert [broker.state.store.max_offset("%RETRY%GroupA", queue_id) for queue_id in range(3)] == [2, 2, 2]


def test_a_group_without_retry_queues_forgets(stored: tuple[LoneBroker, int]) -> None:
    broker, offset = stored
    broker.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=b'{"groupName":"GroupA","retryQueueNums":0}')
    assert broker.ask(BACK, fields(offset)).code == 0
    assert broker.state.store.topics() == {"TopicA"}


@pytest.mark.parametrize("where", [999_999, -1, 5, 1])
def test_a_place_where_no_message_begins(stored: tuple[LoneBroker, int], where: int) -> None:
    broker, _ = stored
    reply = broker.ask(BACK, fields(where))
    assert (reply.code, reply.remark) == (1, f"look message by offset failed, {where}")


def test_an_unknown_or_illegal_group(stored: tuple[LoneBroker, int]) -> None:
    broker, offset = stored
    broker.state.settings.auto_create_subscription_group = False
    for group in ("GroupB", "../../x"):
        reply = broker.ask(BACK, fields(offset, group=group))
        assert reply.code == 26
        assert (reply.remark or "").startswith(f"subscription group not exist, {group} \nSee https://")
    assert not [name for name in broker.state.topics.configs if name.startswith("%")]


def test_a_broker_that_may_not_be_written_to(stored: tuple[LoneBroker, int]) -> None:
    broker, offset = stored
    broker.state.settings.broker_permission = 4
    reply = broker.ask(BACK, fields(offset))
    assert (reply.code, reply.remark) == (16, "the broker[127.0.0.1] sending message is forbidden")


def test_a_retry_topic_that_may_not_be_written_to(stored: tuple[LoneBroker, int]) -> None:
    broker, offset = stored
    broker.ask(BACK, fields(offset))
    locked = {"topic": "%RETRY%GroupA", "defaultTopic": "TBW102", "readQueueNums": 1, "writeQueueNums": 1, "perm": 4}
    broker.ask(RequestCode.UPDATE_AND_CREATE_TOPIC, locked | {"topicFilterType": "SINGLE_TAG"})
    reply = broker.ask(BACK, fields(offset))
    assert (reply.code, reply.remark) == (16, "the topic[%RETRY%GroupA] sending message is forbidden")


def test_a_store_that_takes_nothing(stored: tuple[LoneBroker, int]) -> None:
    broker, offset = stored
    broker.state.store.refuses = "disk is full"
    reply = broker.ask(BACK, fields(offset))
    assert (reply.code, reply.remark) == (1, "SERVICE_NOT_AVAILABLE")
    assert broker.state.statistics.put_failed == 1


def test_an_origin_that_a_client_made_up_is_replaced(broker: LoneBroker) -> None:
    appended = broker.store("TopicA", 0, b"", {"RETRY_TOPIC": "../../x"})
    broker.ask(BACK, fields(appended.log_offset, 1))
    assert last(broker, "SCHEDULE_TOPIC_XXXX").properties["RETRY_TOPIC"] == "TopicA"


def test_hosts_of_both_kinds_survive_the_way(broker: LoneBroker) -> None:
    message = NewMessage(
        "TopicA", 0, b"six", b"", sys_flag=48, born_host=bytes(15) + b"\1\0\0\0\7", store_host=bytes(20)
    )
    appended = broker.state.store.append(message, broker.now_ms)
    broker.end_turn()
    assert broker.ask(BACK, fields(appended.log_offset, 1)).code == 0
    again = last(broker, "SCHEDULE_TOPIC_XXXX")
    assert (again.born_host, again.store_host, again.sys_flag) == ("::1:7", "127.0.0.1:10911", 16)


def test_missing_fields_are_named(broker: LoneBroker) -> None:
    reply = broker.ask(BACK, {"group": "GroupA", "delayLevel": 0})
    assert (reply.code, reply.remark) == (1, "the custom field <offset> is null")
