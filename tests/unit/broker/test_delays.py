"""Delayed messages: where they wait, when they arrive, and once."""

import pytest
from expiry import drop_before

from pocketmq.broker import delays
from pocketmq.broker.boot import start
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.limits import DELAYED_PER_TURN_MAX
from pocketmq.model.message import StoredMessage
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.properties import encode_properties
from pocketmq.protocol.record import NewMessage
from pocketmq.protocol.stored import decode_record
from pocketmq.store.consume_queue import ENTRY_BYTES
from pocketmq.testing.lone_broker import SIZES, LoneBroker

SCHEDULE = "SCHEDULE_TOPIC_XXXX"
KEY = {"UNIQ_KEY": "7F000001000018B4AAC2000000000001"}


def messages(broker: LoneBroker, topic: str, queue_id: int = 0) -> list[StoredMessage]:
    store = broker.state.store
    found = []
    for offset in range(store.max_offset(topic, queue_id)):
        entry = store.entry(topic, queue_id, offset)
        assert entry is not None
        found.append(decode_record(store.read_record(entry.log_offset, entry.size) or b""))
    return found


def test_a_message_waits_and_arrives_with_all_it_had(broker: LoneBroker) -> None:
    sent = broker.now_ms
    broker.store("TopicA", 3, b"later", {"DELAY": "3", "TAGS": "TagA", "TIMER_DELAY_SEC": "9"} | KEY)
    (waiting,) = messages(broker, SCHEDULE, 2)
    assert waiting.properties == {"DELAY": "3", "TAGS": "TagA", "REAL_TOPIC": "TopicA", "REAL_QID": "3"} | KEY
    assert delays.next_due_ms(broker.state, broker.now_ms) == sent + 10_000
    broker.now_ms = sent + 9_999
    assert broker.deliver_delayed() == 0
    broker.now_ms = sent + 10_000
    assert broker.deliver_delayed() == 1
    (arrived,) = messages(broker, "TopicA", 3)
    assert (arrived.body, arrived.properties, arrived.born_timestamp) == (b"later", waiting.properties, sent)
    assert arrived.store_timestamp == broker.now_ms
    assert broker.deliver_delayed() == 0
    assert delays.next_due_ms(broker.state, broker.now_ms) is None


@pytest.mark.parametrize(
    ("level", "waits_ms", "queue_id"), [("1", 1_000, 0), ("18", 7_200_000, 17), ("99", 7_200_000, 17)]
)
def test_a_level_beyond_the_table_is_the_highest(broker: LoneBroker, level: str, waits_ms: int, queue_id: int) -> None:
    broker.store("TopicA", 0, b"", {"DELAY": level})
    assert delays.next_due_ms(broker.state, broker.now_ms) == broker.now_ms + waits_ms
    (waiting,) = messages(broker, SCHEDULE, queue_id)
    assert waiting.properties["DELAY"] == str(queue_id + 1)


@pytest.mark.parametrize("level", ["0", "-1", "soon", "", "1.5", "9" * 30])
def test_what_is_no_level_does_not_delay(broker: LoneBroker, level: str) -> None:
    broker.store("TopicA", 0, b"", {"DELAY": level})
    assert len(messages(broker, "TopicA")) == 1


@pytest.mark.parametrize(("sys_flag", "delayed"), [(0, True), (8, True), (4, False), (12, False)])
def test_half_messages_are_not_delayed(broker: LoneBroker, sys_flag: int, delayed: bool) -> None:
    message = NewMessage("TopicA", 0, b"", encode_properties({"DELAY": "1"}), sys_flag=sys_flag)
    assert (delays.intercept(message, broker.state).topic == SCHEDULE) is delayed


def test_a_client_cannot_say_where_a_message_really_goes(broker: LoneBroker) -> None:
    broker.store("TopicA", 0, b"", {"DELAY": "1", "REAL_TOPIC": "../../x", "REAL_QID": "-7"})
    broker.now_ms += 1_000
    assert broker.deliver_delayed() == 1
    assert broker.state.store.topics() == {SCHEDULE, "TopicA"}


@pytest.mark.parametrize(
    "address",
    [
        {"REAL_TOPIC": "../../x", "REAL_QID": "0"},
        {"REAL_TOPIC": "RMQ_SYS_TRANS_HALF_TOPIC", "REAL_QID": "0"},
        {"REAL_TOPIC": "TopicA", "REAL_QID": "-1"},
        {"REAL_TOPIC": "TopicA", "REAL_QID": "65536"},
        {"REAL_TOPIC": "TopicA"},
        {"REAL_QID": "0"},
    ],
)
def test_a_message_without_legal_address_is_passed_over(broker: LoneBroker, address: dict[str, str]) -> None:
    broken = NewMessage(SCHEDULE, 0, b"bad", encode_properties({"DELAY": "1"} | address))
    broker.state.store.append(broken, broker.now_ms)
    broker.store("TopicA", 0, b"good", {"DELAY": "1"})
    broker.now_ms += 1_000
    assert broker.deliver_delayed() == 1
    assert [message.body for message in messages(broker, "TopicA")] == [b"good"]
    assert broker.state.delays.discarded == 1


def test_nothing_is_delivered_while_the_store_takes_nothing(broker: LoneBroker) -> None:
    broker.store("TopicA", 0, b"", {"DELAY": "1"})
    broker.now_ms += 1_000
    broker.state.store.refuses = "disk is full"
    assert broker.deliver_delayed() == 0
    broker.state.store.refuses = None
    assert broker.deliver_delayed() == 1


def test_a_backlog_is_delivered_in_turns(broker: LoneBroker) -> None:
    for _ in range(DELAYED_PER_TURN_MAX + 1):
        broker.store("TopicA", 0, b"", {"DELAY": "1"})
    broker.now_ms += 1_000
    assert [broker.deliver_delayed() for _ in range(3)] == [DELAYED_PER_TURN_MAX, 1, 0]


def test_a_clock_set_back_delays_nothing_for_years(broker: LoneBroker) -> None:
    broker.now_ms += 10**12
    broker.store("TopicA", 0, b"", {"DELAY": "1"})
    broker.now_ms -= 10**12
    assert broker.deliver_delayed() == 1


def test_offsets_that_reach_the_file_are_behind_the_durable_log(broker: LoneBroker) -> None:
    broker.store("TopicA", 0, b"", {"DELAY": "1"} | KEY)
    broker.flush()
    broker.now_ms += 1_000
    assert broker.deliver_delayed() == 1
    assert b"1:1" not in broker.state.table_text("delayOffset"), "the delivered message is not durable yet"
    assert broker.state.delays.is_changed
    broker.flush()
    assert b"1:1" in broker.state.table_text("delayOffset")
    assert not broker.state.delays.is_changed
    assert broker.ask(RequestCode.GET_ALL_DELAY_OFFSET).body.endswith(b'"offsetTable":{1:1}}')


def test_a_crash_that_loses_the_offset_delivers_once(broker: LoneBroker) -> None:
    for retry in range(2):
        broker.store("TopicA", 0, b"%d" % retry, {"DELAY": "1", "UNIQ_KEY": f"{retry:032}"})
    broker.now_ms += 1_000
    broker.store("TopicA", 0, b"fresh", {"DELAY": "1", "UNIQ_KEY": f"{7:032}"})
    assert broker.deliver_delayed() == 2
    broker.flush()
    again = broker.restarted(broker.disk.crash_process())
    assert again.state.delays.offsets == {1: 0}
    assert again.deliver_delayed() == 0
    again.now_ms += 1_000
    assert again.deliver_delayed() == 1
    assert [message.body for message in messages(again, "TopicA")] == [b"0", b"1", b"fresh"]


def test_a_crash_before_delivery_loses_nothing(broker: LoneBroker) -> None:
    broker.store("TopicA", 0, b"", {"DELAY": "1"} | KEY)
    broker.flush()
    again = broker.restarted(broker.disk.crash_process(), now_ms=broker.now_ms + 86_400_000 * 30)
    assert again.deliver_delayed() == 1


def test_two_messages_of_one_key_both_arrive(broker: LoneBroker) -> None:
    """The same key twice is a retry, or a client of its own mind: both were acknowledged."""
    broker.store("TopicA", 0, b"now", KEY)
    broker.store("TopicA", 0, b"later", {"DELAY": "1"} | KEY)
    broker.flush()
    again = broker.restarted(broker.disk.crash_process(), now_ms=broker.now_ms + 5_000)
    assert again.deliver_delayed() == 1


def test_offsets_are_brought_within_the_queue(broker: LoneBroker) -> None:
    broker.store("TopicA", 0, b"", {"DELAY": "1"})
    broker.state.load_table("delayOffset", b'{"offsetTable":{1:9,"2":4}}')
    start(broker.state)
    assert broker.state.delays.offsets == {1: 1, 2: 0}


def test_the_version_moves_every_so_many_deliveries() -> None:
    broker = LoneBroker(settings=BrokerSettings(delay_offset_update_version_step=2))
    for _ in range(3):
        broker.store("TopicA", 0, b"", {"DELAY": "1"})
    broker.now_ms += 1_000
    broker.deliver_delayed()
    assert broker.state.delays.version.counter == 1


def test_messages_that_expired_undelivered_are_skipped(broker: LoneBroker) -> None:
    kept = SIZES.queue_file_bytes // ENTRY_BYTES
    for number in range(kept + 1):
        broker.store("TopicA", 0, b"%d" % number, {"DELAY": "1"})
    broker.state.store.write_derived()
    queue = broker.state.store.find_queue(SCHEDULE, 0)
    assert queue is not None
    drop_before(queue.segments, SIZES.queue_file_bytes)
    queue.min_offset = kept
    broker.now_ms += 1_000
    assert (broker.deliver_delayed(), broker.state.delays.offsets) == (0, {1: kept})
    assert broker.deliver_delayed() == 1
    assert messages_of_store(broker) == [b"%d" % kept]


def messages_of_store(broker: LoneBroker) -> list[bytes]:
    return [message.body for message in messages(broker, "TopicA")]


def test_a_message_that_no_longer_fits_is_passed_over(broker: LoneBroker) -> None:
    broker.store("TopicA", 0, bytes(100), {"DELAY": "1"})
    broker.store("TopicA", 0, b"small", {"DELAY": "1"})
    broker.state.store.log.limit(50)
    broker.now_ms += 1_000
    assert broker.deliver_delayed() == 1
    assert messages_of_store(broker) == [b"small"]
    assert broker.state.delays.discarded == 1


def test_an_old_message_without_a_key_is_delivered_rather_twice_than_never(broker: LoneBroker) -> None:
    broker.store("TopicA", 0, b"", {"DELAY": "1"})
    broker.now_ms += 1_000
    assert broker.deliver_delayed() == 1
    broker.flush()
    again = broker.restarted(broker.disk.crash_process())
    assert again.deliver_delayed() == 1
