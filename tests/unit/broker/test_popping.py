"""Pops: what comes, from where, and what the header says of it."""

import pytest
from popper import GROUP, TOPIC, Popper, bodies

from pocketmq.broker.topics import create_plain
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.errors import Refusal
from pocketmq.model.java import java_string_hash
from pocketmq.model.limits import POP_INVISIBLE_MS_MAX
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.testing.lone_broker import LoneBroker


@pytest.fixture
def popper(broker: LoneBroker) -> Popper:
    create_plain(broker.state, TOPIC, 4, broker.now_ms)
    return Popper(broker)


def test_a_pop_of_all_queues_brings_what_is_there_and_says_where_it_lay(popper: Popper) -> None:
    for queue_id in (0, 2, 0, 3):
        popper.broker.store(TOPIC, queue_id, b"%d" % queue_id)
    popped = popper.pop(invisible_ms=30_000)
    assert sorted(bodies(popped)) == [b"0", b"0", b"2", b"3"]
    fields = popper.reply.fields
    assert sorted(fields["startOffsetInfo"].split(";")) == ["0 0 0", "0 2 0", "0 3 0"]
    assert sorted(fields["msgOffsetInfo"].split(";")) == ["0 0 0,1", "0 2 0", "0 3 0"]
    assert (fields["invisibleTime"], fields["restNum"]) == ("30000", "0")
    assert fields["popTime"] == str(popper.broker.now_ms)
    assert popper.reply.remark == "FOUND"


def test_what_is_popped_is_hidden_from_its_group_alone(popper: Popper) -> None:
    popper.broker.store(TOPIC, 1, b"one")
    assert bodies(popper.pop()) == [b"one"]
    assert popper.pop() == []
    assert popper.reply.code == ResponseCode.POLLING_TIMEOUT
    assert bodies(Popper(popper.broker, group="GroupB").pop()) == [b"one"]


def test_a_pop_of_one_queue_leaves_the_others(popper: Popper) -> None:
    popper.broker.store(TOPIC, 0, b"zero")
    popper.broker.store(TOPIC, 1, b"one")
    assert bodies(popper.pop(queue_id=1)) == [b"one"]
    assert bodies(popper.pop()) == [b"zero"]


def test_a_pop_brings_no_more_than_it_asks_for_and_counts_the_rest(popper: Popper) -> None:
    for index in range(5):
        popper.broker.store(TOPIC, 0, b"%d" % index)
    assert bodies(popper.pop(2)) == [b"0", b"1"]
    assert popper.reply.fields["restNum"] == "3"
    assert bodies(popper.pop(2)) == [b"2", b"3"]


def test_queues_take_turns_to_be_first(popper: Popper) -> None:
    for queue_id in range(4):
        for _ in range(4):
            popper.broker.store(TOPIC, queue_id, b"%d" % queue_id)
    assert sorted(bodies(popper.pop(1) + popper.pop(1) + popper.pop(1) + popper.pop(1))) == [b"0", b"1", b"2", b"3"]


def test_only_wanted_tags_come_and_the_others_are_passed_over(popper: Popper) -> None:
    for tag in ("B", "A", "B", "A"):
        popper.broker.store(TOPIC, 0, tag.encode(), {"TAGS": tag})
    popped = popper.pop(exp="A", expType="TAG")
    assert bodies(popped) == [b"A", b"A"]
    assert popper.reply.fields["msgOffsetInfo"] == "0 0 1,3"
    for one in popped:
        assert popper.ack(one) == ResponseCode.SUCCESS
    assert popper.committed() == 4
    popper.broker.store(TOPIC, 0, b"B", {"TAGS": "B"})
    assert popper.pop(exp="A", expType="TAG") == []
    assert popper.committed() == 5


def test_a_tag_of_equal_hash_comes_too_as_the_client_looks_again(popper: Popper) -> None:
    assert java_string_hash("Aa") == java_string_hash("BB")
    popper.broker.store(TOPIC, 0, b"BB", {"TAGS": "BB"})
    assert bodies(popper.pop(exp="Aa")) == [b"BB"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"maxMsgNums": 33}, ResponseCode.INVALID_PARAMETER),
        ({"invisibleTime": -1}, ResponseCode.INVALID_PARAMETER),
        ({"invisibleTime": POP_INVISIBLE_MS_MAX + 1}, ResponseCode.INVALID_PARAMETER),
        ({"queueId": 4}, ResponseCode.INVALID_PARAMETER),
        ({"topic": "Nowhere"}, ResponseCode.TOPIC_NOT_EXIST),
        ({"exp": "||"}, ResponseCode.SUBSCRIPTION_PARSE_FAILED),
        ({"exp": "a >", "expType": "SQL92"}, ResponseCode.SUBSCRIPTION_PARSE_FAILED),
        ({"bornTime": 1, "pollTime": 1}, ResponseCode.POLLING_TIMEOUT),
        ({"consumerGroup": "a b"}, ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST),
    ],
)
def test_what_may_not_be_popped_is_refused_and_hides_nothing(
    popper: Popper, more: dict[str, object], code: int
) -> None:
    popper.broker.store(TOPIC, 0, b"kept")
    assert popper.pop(**more) == []
    assert popper.reply.code == code
    assert bodies(popper.pop()) == [b"kept"]


def test_nothing_can_be_popped_without_the_timer_as_in_java() -> None:
    broker = LoneBroker(settings=BrokerSettings(timer_wheel_enable=False))
    create_plain(broker.state, TOPIC, 1, broker.now_ms)
    popper = Popper(broker)
    assert popper.pop() == []
    assert popper.reply.code == ResponseCode.SYSTEM_ERROR
    assert "timerWheelEnable is false" in (popper.reply.remark or "")


def test_a_code_cut_to_16_bits_is_the_same_request(popper: Popper) -> None:
    popper.broker.store(TOPIC, 0, b"one")
    reply = popper.broker.ask(3442, popper.fields())
    assert reply.fields["msgOffsetInfo"] == "0 0 0"
    for code in (3443, 3445, 3543):
        with pytest.raises(Refusal):
            popper.broker.decide(code, {}, b"x")


@pytest.mark.parametrize(("init_mode", "first"), [(0, b"0"), (1, b"0")])
def test_a_new_group_starts_at_the_beginning_of_a_young_queue(popper: Popper, init_mode: int, first: bytes) -> None:
    popper.broker.store(TOPIC, 0, b"0")
    popper.broker.store(TOPIC, 0, b"1")
    assert bodies(popper.pop(1, init_mode=init_mode, queue_id=0)) == [first]


def test_a_new_group_with_mode_max_starts_with_the_last_message_of_an_old_queue() -> None:
    broker = LoneBroker(settings=BrokerSettings(init_pop_offset_by_check_msg_in_mem=False))
    create_plain(broker.state, TOPIC, 1, broker.now_ms)
    popper = Popper(broker)
    for index in range(3):
        broker.store(TOPIC, 0, b"%d" % index)
    assert bodies(popper.pop(init_mode=1)) == [b"2"]


def test_p7_a_queue_that_is_new_to_a_group_starts_at_its_first_message_even_in_mode_max() -> None:
    broker = LoneBroker(settings=BrokerSettings(init_pop_offset_by_check_msg_in_mem=False))
    create_plain(broker.state, TOPIC, 2, broker.now_ms)
    popper = Popper(broker)
    broker.store(TOPIC, 0, b"old")
    popper.pop(init_mode=1, queue_id=0)
    for index in range(3):
        broker.store(TOPIC, 1, b"%d" % index)
    assert bodies(popper.pop(init_mode=1)) == [b"0", b"1", b"2"]


def test_p4_a_first_offset_is_saved_before_the_answer_so_that_no_restart_starts_anew() -> None:
    settings = BrokerSettings(init_pop_offset_by_check_msg_in_mem=False)
    broker = LoneBroker(settings=settings)
    create_plain(broker.state, TOPIC, 1, broker.now_ms)
    broker.store(TOPIC, 0, b"before", {"TAGS": "B"})
    assert Popper(broker).pop(init_mode=1, exp="A") == []
    broker.store(TOPIC, 0, b"one", {"TAGS": "A"})
    broker.store(TOPIC, 0, b"two", {"TAGS": "A"})
    again = Popper(broker.restarted(broker.disk.crash_process()))
    assert bodies(again.pop(init_mode=1, exp="A")) == [b"one", b"two"]


def test_p6_in_flight_messages_beyond_the_threshold_stop_the_pops_of_that_queue() -> None:
    broker = LoneBroker(settings=BrokerSettings(enable_pop_message_threshold=True, pop_inflight_message_threshold=2))
    create_plain(broker.state, TOPIC, 1, broker.now_ms)
    popper = Popper(broker)
    for index in range(6):
        broker.store(TOPIC, 0, b"%d" % index)
    first = popper.pop(3)
    assert popper.pop(3) == []
    assert popper.park().until_ms == broker.now_ms + 200
    popper.ack(first[0])
    assert bodies(popper.pop(3)) == [b"3", b"4", b"5"]


def test_p6_no_pop_is_granted_beyond_the_cap_of_checkpoints(popper: Popper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.broker.popping.table.POP_CHECKPOINTS_MAX", 2)
    for index in range(4):
        popper.broker.store(TOPIC, 0, b"%d" % index)
    first, second = popper.pop(1)[0], popper.pop(1)[0]
    assert popper.pop(1) == []
    assert popper.reply.fields["restNum"] == "2"
    popper.ack(first)
    assert bodies(popper.pop(1)) == [b"2"]
    assert popper.ack(second) == 0


def test_a_pop_that_finds_nothing_waits_at_all_queues_and_the_retry_topic(popper: Popper) -> None:
    park = popper.park()
    assert sorted((park.key, *park.more)) == [
        ("%RETRY%GroupA_TopicA", 0),
        *((TOPIC, queue_id) for queue_id in range(4)),
    ]
    assert park.until_ms == popper.broker.now_ms + 15_000
    assert park.label == f"{TOPIC}@{GROUP}@-1"


def test_too_many_waiting_pops_are_told_so(popper: Popper) -> None:
    popper.broker.state.parked[f"{TOPIC}@{GROUP}@-1"] = 1025
    assert popper.pop(pollTime=1_000) == []
    assert popper.reply.code == ResponseCode.POLLING_FULL
    popper.park(queue_id=1)
    popper.broker.state.parked[""] = 100_000
    assert popper.pop(pollTime=1_000, queue_id=1) == []
    assert popper.reply.code == ResponseCode.POLLING_FULL


def test_an_answer_holds_little_more_than_fits_a_frame_however_many_queues_there_are(popper: Popper) -> None:
    for queue_id in range(4):
        popper.broker.store(TOPIC, queue_id, bytes(200_000))
    assert len(popper.pop()) == 2
    assert popper.reply.fields["restNum"] == "2"
    assert len(popper.pop()) == 2


def test_a_queue_of_batches_cannot_be_popped(broker: LoneBroker) -> None:
    fields = {
        "topic": "Batches",
        "defaultTopic": "TBW102",
        "readQueueNums": 1,
        "writeQueueNums": 1,
        "perm": 6,
        "topicFilterType": "SINGLE_TAG",
        "order": "false",
        "attributes": "+queue.type=BatchCQ",
    }
    broker.ask(RequestCode.UPDATE_AND_CREATE_TOPIC, fields)
    popper = Popper(broker, topic="Batches")
    assert popper.pop() == []
    assert "queues of batches" in (popper.reply.remark or "")


@pytest.mark.parametrize("code", [RequestCode.POP_ROLLBACK, RequestCode.POP_ROLLBACK & 0xFFFF])
def test_a_rollback_finds_nothing_to_do_and_leaves_what_is_popped(popper: Popper, code: int) -> None:
    popper.broker.store(TOPIC, 0, b"m")
    (message,) = popper.pop()
    assert popper.broker.ask(code, {}).code == ResponseCode.SUCCESS
    assert popper.pop() == []
    assert popper.ack(message) == ResponseCode.SUCCESS
