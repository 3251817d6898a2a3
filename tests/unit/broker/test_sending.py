"""What a send decides: the straight way, the careful way, and every refusal in Java's words."""

import pytest
from hand_frames import UNIQUE_KEY, send_fields

from pocketmq.broker.sending import send
from pocketmq.model.errors import Refusal
from pocketmq.model.message import Message
from pocketmq.model.outcome import ReplyWhenDurable
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.frame.send_reply import Stored
from pocketmq.protocol.message import encode_messages
from pocketmq.protocol.stored import decode_record
from pocketmq.testing.lone_broker import ALICE, LoneBroker


def _send(broker: LoneBroker, body: bytes = b"hello", code: int = RequestCode.SEND_MESSAGE_V2, **fields: str) -> Stored:
    outcome = send(Command.of(code, send_fields(**fields), body), ALICE, broker.state, broker.now_ms)
    assert isinstance(outcome, Stored)
    return outcome


def _record(broker: LoneBroker, log_offset: int):  # type: ignore[no-untyped-def]
    store = broker.state.store
    store.write()
    store.publish(store.log.written, broker.now_ms)
    record = store.read_record(log_offset)
    assert record is not None
    return decode_record(record)


def _refused(broker: LoneBroker, body: bytes = b"hello", **fields: str) -> Refusal:
    before = broker.state.store.log.end
    with pytest.raises(Refusal) as refusal:
        _send(broker, body, **fields)
    assert broker.state.store.log.end == before, "a refused send left bytes behind"
    assert refusal.value.fields == {"MSG_REGION": "DefaultRegion", "TRACE_ON": "true"}
    return refusal.value


def test_a_plain_message_is_stored_with_the_brokers_stamp() -> None:
    broker = LoneBroker()
    stored = _send(broker)
    assert (stored.queue_id, stored.queue_offset, stored.log_offset) == (0, 0, 0)
    assert stored.unique_key == UNIQUE_KEY.encode()
    assert stored.waits
    message = _record(broker, stored.log_offset)
    assert (message.topic, message.body, message.born_host) == ("TopicTest", b"hello", ALICE.address)
    assert message.properties == {
        "UNIQ_KEY": UNIQUE_KEY,
        "WAIT": "true",
        "MSG_REGION": "DefaultRegion",
        "TRACE_ON": "true",
        "CLUSTER": "DefaultCluster",
    }


def test_the_plain_and_the_careful_way_store_the_same() -> None:
    broker = LoneBroker()
    plain = _record(broker, _send(broker, properties={"UNIQ_KEY": UNIQUE_KEY, "TAGS": "a", "KEYS": "k"}).log_offset)
    careful = _record(
        broker,
        _send(
            broker, properties={"UNIQ_KEY": UNIQUE_KEY, "TAGS": "a", "KEYS": "k", "CLUSTER": "other", "POP_CK": "x"}
        ).log_offset,
    )
    assert plain.properties == careful.properties
    assert plain.body == careful.body


def test_a_message_without_unique_key_gets_one_of_its_own() -> None:
    broker = LoneBroker()
    first, second = (_send(broker, properties={}) for _ in range(2))
    assert first.unique_key != second.unique_key
    assert len(first.unique_key) == 32
    assert _record(broker, first.log_offset).properties["UNIQ_KEY"] == first.unique_key.decode()


def test_queue_offsets_count_up_in_each_queue_by_itself() -> None:
    broker = LoneBroker()
    offsets = [_send(broker, queue_id=queue_id).queue_offset for queue_id in (0, 1, 0, 1, 0)]
    assert offsets == [0, 0, 1, 1, 2]


def test_an_unknown_topic_is_made_like_the_default_one_and_saved_before_the_answer() -> None:
    broker = LoneBroker()
    _send(broker, topic="Orders", d="3")
    config = broker.state.topics.find("Orders")
    assert config is not None
    assert (config.write_queue_nums, config.read_queue_nums, config.perm) == (3, 3, 6)
    assert "topics" in broker.state.unsaved
    assert broker.state.registration_due


def test_code_10_spells_its_fields_out() -> None:
    broker = LoneBroker()
    letters = send_fields()
    names = "producerGroup topic defaultTopic defaultTopicQueueNums queueId sysFlag bornTimestamp flag properties"
    spelled = dict(zip(names.split(), [letters[letter] for letter in "abcdefghi"], strict=True))
    outcome = send(Command.of(RequestCode.SEND_MESSAGE, spelled, b"x"), ALICE, broker.state, broker.now_ms)
    assert isinstance(outcome, Stored)


def test_a_negative_queue_id_means_any_queue() -> None:
    broker = LoneBroker()
    ids = {_send(broker, queue_id=-1).queue_id for _ in range(8)}
    assert ids == {0, 1, 2, 3}


def test_wait_false_does_not_wait() -> None:
    assert not _send(LoneBroker(), properties={"UNIQ_KEY": UNIQUE_KEY, "WAIT": "false"}).waits


def test_a_delayed_message_waits_in_the_schedule_topic() -> None:
    broker = LoneBroker()
    message = _record(broker, _send(broker, properties={"UNIQ_KEY": UNIQUE_KEY, "DELAY": "3"}).log_offset)
    assert (message.topic, message.queue_id) == ("SCHEDULE_TOPIC_XXXX", 2)
    assert (message.properties["REAL_TOPIC"], message.properties["REAL_QID"]) == ("TopicTest", "0")
    entry = broker.state.store.entry("SCHEDULE_TOPIC_XXXX", 2, 0)
    assert entry is not None
    assert entry.tags_code == broker.now_ms + 10_000


@pytest.mark.parametrize(
    ("topic", "code", "remark"),
    [
        ("../../x", ResponseCode.INVALID_PARAMETER, "contains illegal characters"),
        ("", ResponseCode.INVALID_PARAMETER, "The specified topic is blank"),
        ("a" * 128, ResponseCode.INVALID_PARAMETER, "longer than topic max length"),
        (
            "SCHEDULE_TOPIC_XXXX",
            ResponseCode.NO_PERMISSION,
            "Sending message to topic[SCHEDULE_TOPIC_XXXX] is forbidden.",
        ),
        ("RMQ_SYS_TRANS_HALF_TOPIC", ResponseCode.NO_PERMISSION, "is forbidden."),
    ],
)
def test_a_topic_that_may_not_be_sent_to_is_refused(topic: str, code: int, remark: str) -> None:
    refusal = _refused(LoneBroker(), topic=topic)
    assert refusal.code == code
    assert remark in refusal.remark


def test_an_unknown_topic_is_refused_where_topics_are_not_made() -> None:
    broker = LoneBroker()
    refusal = _refused(broker, topic="Orders", c="NoSuchDefault")
    assert refusal.code == ResponseCode.TOPIC_NOT_EXIST
    assert refusal.remark.startswith("topic[Orders] not exist, apply first please!\nSee https://")
    assert broker.state.topics.find("Orders") is None


def test_a_queue_beyond_the_topics_is_refused() -> None:
    broker = LoneBroker()
    _send(broker)
    refusal = _refused(broker, queue_id=4)
    assert refusal.code == ResponseCode.INVALID_PARAMETER
    assert refusal.remark.startswith(
        "request queueId[4] is illegal, TopicConfig [topicName=TopicTest, readQueueNums=4,"
    )
    assert refusal.remark.endswith(f" Producer: {ALICE.address}")


def test_too_large_a_body_is_refused() -> None:
    refusal = _refused(LoneBroker(), bytes(5 * 1024 * 1024))
    assert refusal.code == ResponseCode.MESSAGE_ILLEGAL
    assert "msg body length limit 4194304B, msg properties length limit 32KB." in refusal.remark


def test_too_long_properties_are_refused() -> None:
    refusal = _refused(LoneBroker(), properties={"UNIQ_KEY": UNIQUE_KEY, "long": "x" * 32_767})
    assert refusal.code == ResponseCode.MESSAGE_ILLEGAL


@pytest.mark.parametrize("letter", "abcdefgh")
def test_a_missing_field_is_named(letter: str) -> None:
    broker = LoneBroker()
    fields = send_fields()
    del fields[letter]
    with pytest.raises(Refusal, match=f"<{letter}> is null"):
        send(Command.of(RequestCode.SEND_MESSAGE_V2, fields, b"x"), ALICE, broker.state, broker.now_ms)


@pytest.mark.parametrize(
    ("letter", "text"), [("e", "two"), ("e", str(2**31)), ("g", str(2**63)), ("d", ""), ("j", "x")]
)
def test_an_ill_typed_field_is_named(letter: str, text: str) -> None:
    broker = LoneBroker()
    fields = {**send_fields(), letter: text}
    with pytest.raises(Refusal, match=f"<{letter}> is not a"):
        send(Command.of(RequestCode.SEND_MESSAGE_V2, fields, b"x"), ALICE, broker.state, broker.now_ms)


def test_a_transaction_is_refused_and_not_stored_as_a_plain_message() -> None:
    refusal = _refused(LoneBroker(), properties={"UNIQ_KEY": UNIQUE_KEY, "TRAN_MSG": "true"})
    assert refusal.code == ResponseCode.NO_PERMISSION
    assert "sending transaction message is forbidden" in refusal.remark


def test_a_timer_is_refused_and_not_delivered_at_once() -> None:
    refusal = _refused(LoneBroker(), properties={"UNIQ_KEY": UNIQUE_KEY, "TIMER_DELAY_SEC": "60"})
    assert refusal.code == ResponseCode.SYSTEM_ERROR
    assert "accurate timer message is not enabled" in refusal.remark


def test_a_store_that_takes_nothing_refuses_and_says_why() -> None:
    broker = LoneBroker()
    broker.state.store.refuses = "full"
    refusal = _refused(broker)
    assert refusal.code == ResponseCode.SERVICE_NOT_AVAILABLE
    assert "disk is full [full]" in refusal.remark


def test_a_retry_beyond_its_maximum_becomes_a_dead_letter() -> None:
    broker = LoneBroker()
    broker.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=b'{"groupName":"CG","retryMaxTimes":1}')
    properties = {"UNIQ_KEY": UNIQUE_KEY, "DELAY": "4", "RETRY_TOPIC": "TopicTest"}
    again = _record(broker, _send(broker, topic="%RETRY%CG", properties=properties, j="1").log_offset)
    assert again.topic == "SCHEDULE_TOPIC_XXXX"
    dead = _record(broker, _send(broker, topic="%RETRY%CG", properties=properties, j="2").log_offset)
    assert (dead.topic, dead.queue_id) == ("%DLQ%CG", 0)
    assert dead.properties["RETRY_TOPIC"] == "TopicTest"


def test_a_retry_of_an_unknown_group_is_refused() -> None:
    refusal = _refused(LoneBroker(), topic="%RETRY%nobody", properties={"UNIQ_KEY": UNIQUE_KEY})
    assert refusal.code == ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST


def _batch(broker: LoneBroker, body: bytes, **fields: str) -> ReplyWhenDurable:
    request = Command.of(RequestCode.SEND_BATCH_MESSAGE, send_fields(m="true", **fields), body)
    outcome = send(request, ALICE, broker.state, broker.now_ms)
    assert isinstance(outcome, ReplyWhenDurable)
    return outcome


def test_a_batch_is_stored_message_by_message_in_order() -> None:
    broker = LoneBroker()
    body = encode_messages([Message("TopicTest", f"m{n}".encode(), {"n": str(n)}) for n in range(3)])
    outcome = _batch(broker, body)
    ids = outcome.reply.fields["msgId"].split(",")
    assert len(ids) == 3
    assert outcome.reply.fields["queueOffset"] == "0"
    messages = [_record(broker, int(message_id[-16:], 16)) for message_id in ids]
    assert [message.body for message in messages] == [b"m0", b"m1", b"m2"]
    assert [message.queue_offset for message in messages] == [0, 1, 2]
    assert [message.properties for message in messages] == [{"n": "0"}, {"n": "1"}, {"n": "2"}]


@pytest.mark.parametrize("cut", [1, 10, 30, 45])
def test_a_batch_whose_lengths_lie_is_refused_whole(cut: int) -> None:
    broker = LoneBroker()
    body = encode_messages([Message("TopicTest", b"x" * 20, {"a": "b"})] * 2)
    before = broker.state.store.log.end
    with pytest.raises(Refusal) as refusal:
        _batch(broker, body[:-cut])
    assert refusal.value.code == ResponseCode.MESSAGE_ILLEGAL
    assert broker.state.store.log.end == before


def test_a_batch_of_one_too_large_message_leaves_nothing() -> None:
    broker = LoneBroker()
    fits = Message("TopicTest", b"x")
    over = Message("TopicTest", bytes((1 << 20) - 100))
    before = broker.state.store.log.end
    with pytest.raises(Refusal):
        _batch(broker, encode_messages([fits, over]))
    assert broker.state.store.log.end == before, "a part of the batch was stored"


def test_a_batch_to_a_retry_topic_is_refused() -> None:
    with pytest.raises(Refusal, match="batch request does not support retry group"):
        _batch(LoneBroker(), encode_messages([Message("t", b"x")]), topic="%RETRY%CG")


def test_properties_without_their_last_separator_are_stored_with_it() -> None:
    broker = LoneBroker()
    stored = _send(broker, i=f"UNIQ_KEY\x01{UNIQUE_KEY}\x02TAGS\x01TagA")
    message = _record(broker, stored.log_offset)
    assert message.properties["TAGS"] == "TagA"
    assert message.properties["CLUSTER"] == "DefaultCluster"
