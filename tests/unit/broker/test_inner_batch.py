"""A topic of batch queues from its creation to its end: sends, pulls, times, refusals, restarts."""

import pytest
from hand_frames import UNIQUE_KEY, pull_fields, send_fields

from pocketmq.model.errors import Refusal
from pocketmq.model.limits import MESSAGE_BYTES_MAX
from pocketmq.model.message import Message, StoredMessage
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame.send_reply import Stored
from pocketmq.protocol.message import encode_messages, unwrap_batch
from pocketmq.protocol.stored import decode_records
from pocketmq.store.batch_queue import BatchQueue
from pocketmq.testing.lone_broker import LoneBroker

TOPIC = "Batched"
AT_ONCE = "4"
PLACE = {"topic": TOPIC, "queueId": "0"}


@pytest.fixture
def batched(broker: LoneBroker) -> LoneBroker:
    create(broker, "+queue.type=BatchCQ")
    return broker


def create(broker: LoneBroker, attributes: str) -> None:
    fields = {
        "topic": TOPIC,
        "defaultTopic": "TBW102",
        "readQueueNums": 2,
        "writeQueueNums": 2,
        "perm": 6,
        "topicFilterType": "SINGLE_TAG",
        "order": "false",
        "attributes": attributes,
    }
    assert broker.ask(RequestCode.UPDATE_AND_CREATE_TOPIC, fields).code == ResponseCode.SUCCESS


def batch(*bodies: bytes) -> bytes:
    return encode_messages([Message(TOPIC, body, {"n": body.decode()}) for body in bodies])


def send_batch(broker: LoneBroker, *bodies: bytes, properties: dict[str, str] | None = None) -> dict[str, str]:
    fields = send_fields(TOPIC, properties=properties)
    reply = broker.ask(RequestCode.SEND_BATCH_MESSAGE, fields, batch(*bodies))
    assert reply.code == ResponseCode.SUCCESS
    return dict(reply.fields)


def pulled(broker: LoneBroker, offset: int, **more: str) -> tuple[list[StoredMessage], dict[str, str]]:
    reply = broker.ask(RequestCode.PULL_MESSAGE, pull_fields(TOPIC, 0, offset, sysFlag=AT_ONCE, **more))
    return decode_records(reply.body), dict(reply.fields)


def refused(broker: LoneBroker, code: int, fields: dict[str, str], body: bytes) -> Refusal:
    end = broker.state.store.log.end
    with pytest.raises(Refusal) as refusal:
        broker.decide(code, fields, body)
    assert broker.state.store.log.end == end
    return refusal.value


def test_a_batch_is_one_record_that_names_what_it_holds(batched: LoneBroker) -> None:
    answer = send_batch(batched, b"a", b"bb", b"c", properties={"UNIQ_KEY": UNIQUE_KEY, "TAGS": "t", "INNER_BASE": "9"})
    assert answer == {
        "MSG_REGION": "DefaultRegion",
        "TRACE_ON": "true",
        "msgId": "7F00000100002A9F0000000000000000",
        "queueId": "0",
        "queueOffset": "0",
        "transactionId": UNIQUE_KEY,
        "batchUniqId": UNIQUE_KEY,
    }
    assert send_batch(batched, b"d")["queueOffset"] == "3"
    (first, second), _ = pulled(batched, 0)
    assert first.sys_flag == second.sys_flag == 192
    assert first.properties == {
        "UNIQ_KEY": UNIQUE_KEY,
        "TAGS": "t",
        "CLUSTER": "DefaultCluster",
        "INNER_NUM": "3",
        "INNER_BASE": "0",
    }
    assert second.properties["INNER_BASE"] == "3"
    assert (batched.state.store.read_record(0) or b"").count(b"INNER_BASE") == 1
    inside = [*unwrap_batch(first), *unwrap_batch(second)]
    assert [(one.queue_offset, one.body) for one in inside] == [(0, b"a"), (1, b"bb"), (2, b"c"), (3, b"d")]


def test_single_messages_lie_between_batches(batched: LoneBroker) -> None:
    send_batch(batched, b"a", b"b")
    single = batched.decide(RequestCode.SEND_MESSAGE_V2, send_fields(TOPIC), b"single")
    assert isinstance(single, Stored)
    assert single.queue_offset == 2
    send_batch(batched, b"c", b"d", b"e")
    records, fields = pulled(batched, 1)
    assert [(one.queue_offset, one.body) for one in records][1] == (2, b"single")
    assert [one.queue_offset for one in records] == [0, 2, 3]
    assert (fields["nextBeginOffset"], fields["minOffset"], fields["maxOffset"]) == ("6", "0", "6")
    records, fields = pulled(batched, 4, maxMsgNums="1")
    assert ([one.queue_offset for one in records], fields["nextBeginOffset"]) == ([3], "6")


def test_a_batch_without_unique_key_is_stored_message_by_message(batched: LoneBroker) -> None:
    answer = send_batch(batched, b"a", b"b", properties={"WAIT": "true"})
    assert answer["msgId"].count(",") == 1
    assert "batchUniqId" not in answer
    records, _ = pulled(batched, 0)
    assert [(one.queue_offset, one.body, one.sys_flag) for one in records] == [(0, b"a", 0), (1, b"b", 0)]


def test_a_topic_of_simple_queues_gets_no_inner_batches(broker: LoneBroker) -> None:
    create(broker, "+queue.type=SimpleCQ")
    assert send_batch(broker, b"a", b"b")["queueOffset"] == "0"
    assert [one.sys_flag for one in pulled(broker, 0)[0]] == [0, 0]


def test_offsets_of_a_queue_that_was_never_sent_to(batched: LoneBroker) -> None:
    assert batched.ask(RequestCode.GET_MIN_OFFSET, PLACE).fields == {"offset": "-1"}
    assert batched.ask(RequestCode.GET_MAX_OFFSET, PLACE).fields == {"offset": "0"}
    assert pulled(batched, 0)[1]["minOffset"] == "-1"
    stats = batched.ask(RequestCode.GET_TOPIC_STATS_INFO, {"topic": TOPIC}).body
    assert b'"minOffset":0' in stats
    assert b"-1" not in stats


def test_a_time_leads_to_a_batch(batched: LoneBroker) -> None:
    start = batched.now_ms
    send_batch(batched, b"a", b"b")
    batched.now_ms += 10
    send_batch(batched, b"c", b"d")
    search = RequestCode.SEARCH_OFFSET_BY_TIMESTAMP
    assert batched.ask(search, PLACE | {"timestamp": start + 1}).fields == {"offset": "2"}
    assert batched.ask(search, PLACE | {"timestamp": start + 9, "boundaryType": "upper"}).fields == {"offset": "0"}


def test_the_queues_entries_are_shown_once_each(batched: LoneBroker) -> None:
    send_batch(batched, b"a", b"b")
    send_batch(batched, b"c")
    fields = {"topic": TOPIC, "queueId": 0, "index": 0, "count": 10}
    assert batched.ask(RequestCode.QUERY_CONSUME_QUEUE, fields).body.count(b'"physicOffset"') == 2


@pytest.mark.parametrize("key", ["DELAY", "TIMER_DELAY_MS", "TIMER_DELAY_SEC", "TIMER_DELIVER_MS", "TRAN_MSG"])
def test_a_batch_that_would_have_to_wait_is_refused(batched: LoneBroker, key: str) -> None:
    fields = send_fields(TOPIC, properties={"UNIQ_KEY": UNIQUE_KEY, key: "1"})
    refusal = refused(batched, RequestCode.SEND_BATCH_MESSAGE, fields, batch(b"a"))
    assert (refusal.code, key in refusal.remark) == (ResponseCode.MESSAGE_ILLEGAL, True)


def test_a_batch_that_is_broken_or_holds_too_many_is_refused(batched: LoneBroker) -> None:
    fields = send_fields(TOPIC)
    for body in (b"", batch(b"a")[:-1], bytes(100), b"x" * (MESSAGE_BYTES_MAX + 1)):
        assert refused(batched, RequestCode.SEND_BATCH_MESSAGE, fields, body).code == ResponseCode.MESSAGE_ILLEGAL
    many = encode_messages([Message(TOPIC, b"")]) * 32_768
    assert "32768" in (refused(batched, RequestCode.SEND_BATCH_MESSAGE, fields, many).remark or "")
    reply = batched.ask(RequestCode.SEND_BATCH_MESSAGE, fields, many[22:])
    assert reply.code == ResponseCode.SUCCESS
    assert batched.ask(RequestCode.GET_MAX_OFFSET, PLACE).fields == {"offset": "32767"}


@pytest.mark.parametrize(
    ("topic", "sys_flag", "number", "is_refused"),
    [(TOPIC, "0", "2", True), ("Other", "128", "2", True), ("Other", "0", "2", True), (TOPIC, "128", "7", False)],
)
def test_a_single_send_may_be_an_inner_batch_if_all_of_it_says_so(
    batched: LoneBroker, topic: str, sys_flag: str, number: str, is_refused: bool
) -> None:
    fields = send_fields(topic, properties={"UNIQ_KEY": UNIQUE_KEY, "INNER_NUM": number}, f=sys_flag)
    if is_refused:
        batched.decide(RequestCode.SEND_MESSAGE_V2, send_fields(topic), b"so that it is there")
        refusal = refused(batched, RequestCode.SEND_MESSAGE_V2, fields, batch(b"a", b"b"))
        assert refusal.code == ResponseCode.MESSAGE_ILLEGAL
        assert "the message is illegal" in refusal.remark
    else:
        batched.ask(RequestCode.SEND_MESSAGE_V2, fields, batch(b"a", b"b"))
        ((record,), _) = pulled(batched, 0)
        assert record.properties["INNER_NUM"] == "2"
        assert batched.ask(RequestCode.GET_MAX_OFFSET, PLACE).fields == {"offset": "2"}


def test_a_message_of_a_batch_cannot_be_returned(batched: LoneBroker) -> None:
    send_batch(batched, b"a", b"b")
    fields = {"offset": 0, "group": "GroupA", "delayLevel": 0, "originTopic": TOPIC}
    refusal = refused(batched, RequestCode.CONSUMER_SEND_MSG_BACK, fields, b"")  # type: ignore[arg-type]
    assert (refusal.code, refusal.remark) == (ResponseCode.SYSTEM_ERROR, "MESSAGE_ILLEGAL")


def test_a_restart_finds_the_topic_as_it_was(batched: LoneBroker) -> None:
    send_batch(batched, b"a", b"b")
    batched.flush()
    batched.decide(RequestCode.SEND_MESSAGE_V2, send_fields(TOPIC, queue_id=1), b"single")
    batched.end_turn()
    again = batched.restarted(batched.disk.crash_process())
    assert isinstance(again.state.store.find_queue(TOPIC, 1), BatchQueue)
    assert send_batch(again, b"c")["queueOffset"] == "2"
    reply = again.ask(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": TOPIC})
    assert reply.code == ResponseCode.SUCCESS
    create(again, "")
    assert send_batch(again, b"a", b"b")["queueOffset"] == "0"
    assert not isinstance(again.state.store.find_queue(TOPIC, 0), BatchQueue)
