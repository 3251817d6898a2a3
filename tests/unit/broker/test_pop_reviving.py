"""What nobody acknowledges: when it comes back, as what, how often, and where the table is after a restart."""

import pytest
from popper import GROUP, RETRY, TOPIC, Popper, bodies, messages

from pocketmq.broker.popping import revive_log, reviving
from pocketmq.broker.topics import create_plain
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.protocol.bodies.popping import AckMsg, BatchAckMsg, PopCheckPoint
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.testing.lone_broker import LoneBroker

REVIVE = "rmq_sys_REVIVE_LOG_DefaultCluster"


def popper_of(broker: LoneBroker, count: int = 3) -> Popper:
    create_plain(broker.state, TOPIC, 2, broker.now_ms)
    for index in range(count):
        broker.store(TOPIC, 0, b"%d" % index, {"TAGS": "T", "KEYS": "k"})
    return Popper(broker)


@pytest.fixture
def popper(broker: LoneBroker) -> Popper:
    return popper_of(broker)


def revive_records(broker: LoneBroker) -> list[object]:
    """The records of the revive log in the order in which they were written."""
    kinds = {"ck": PopCheckPoint, "ack": AckMsg, "bAck": BatchAckMsg}
    found = [one for queue_id in range(8) for one in messages(broker, REVIVE, queue_id)]
    return [kinds[one.tags or ""].decode(one.body) for one in sorted(found, key=lambda one: one.log_offset)]


def test_a_message_comes_back_when_its_time_is_over_and_not_before(popper: Popper) -> None:
    popped_at = popper.broker.now_ms
    popper.pop(invisible_ms=10_000)
    assert popper.revive(after_ms=9_999) == 0
    assert popper.pop() == []
    popper.revive(after_ms=1)
    (first, *_) = messages(popper.broker, RETRY)
    assert (first.body, first.reconsume_times, first.tags, first.keys) == (b"0", 1, "T", "k")
    assert first.properties["1ST_POP_TIME"] == str(popped_at)
    assert first.store_host == first.born_host == popper.broker.state.address
    assert bodies(popper.pop()) == [b"0", b"1", b"2"]


def test_the_time_of_the_first_pop_stays_while_reconsume_times_grow(popper: Popper) -> None:
    popped_at = popper.broker.now_ms
    for times in range(3):
        popped = popper.pop(invisible_ms=10_000)
        assert [one.message.reconsume_times for one in popped] == [times] * 3
        popper.revive(after_ms=10_000)
    assert {one.properties["1ST_POP_TIME"] for one in messages(popper.broker, RETRY)} == {str(popped_at)}


def test_the_log_says_what_java_would_say(popper: Popper) -> None:
    one, _, _ = popper.pop(invisible_ms=10_000)
    popper.ack(one)
    popper.revive(after_ms=10_000)
    checkpoint, ack, closing = revive_records(popper.broker)
    assert isinstance(checkpoint, PopCheckPoint)
    assert (checkpoint.num, checkpoint.queue_offset_diff, checkpoint.topic, checkpoint.cid) == (
        3,
        (0, 1, 2),
        TOPIC,
        GROUP,
    )
    assert isinstance(ack, AckMsg)
    assert (ack.ack_offset, ack.start_offset, ack.pop_time) == (0, 0, checkpoint.pop_time)
    assert isinstance(closing, BatchAckMsg)
    assert closing.ack_offset_list == (1, 2)
    (record,) = messages(popper.broker, REVIVE, 0)[:1]
    assert record.properties["TIMER_DELIVER_MS"] == str(checkpoint.revive_time - 1_000)
    assert record.properties["UNIQ_KEY"] == checkpoint.unique_id


def test_beyond_its_retries_a_message_is_a_dead_letter_once(broker: LoneBroker) -> None:
    broker.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=b'{"groupName":"GroupA","retryMaxTimes":1}')
    popper = popper_of(broker, 1)
    for _ in range(3):
        popper.pop(invisible_ms=1_000)
        popper.revive(after_ms=1_000)
    (dead,) = messages(broker, "%DLQ%GroupA")
    assert (dead.body, dead.reconsume_times, dead.properties["RETRY_TOPIC"]) == (b"0", 2, TOPIC)
    assert popper.pop() == []
    assert popper.committed(topic=RETRY) == 1


def test_what_is_revived_twice_before_a_kill_comes_back_once(popper: Popper) -> None:
    popper.pop(invisible_ms=1_000)
    popper.revive(after_ms=1_000)
    again = Popper(popper.broker.restarted(popper.broker.disk.crash_process()))
    again.revive(after_ms=10_000)
    assert len(messages(again.broker, RETRY)) == 3


def test_p2_the_very_message_comes_back_also_when_others_lie_between(broker: LoneBroker) -> None:
    create_plain(broker.state, TOPIC, 1, broker.now_ms)
    for tag in ("A", "B", "B", "A", "B", "A"):
        broker.store(TOPIC, 0, tag.encode(), {"TAGS": tag})
    popper = Popper(broker)
    first, second, third = popper.pop(exp="A", invisible_ms=1_000)
    assert popper.ack(second) == ResponseCode.SUCCESS
    popper.revive(after_ms=1_000)
    returned = popper.pop()
    assert bodies(returned) == [b"A", b"A"]
    assert [one.properties["1ST_POP_TIME"] for one in messages(broker, RETRY)] == [str(first.handle.pop_time)] * 2
    assert third.message.queue_offset == 5


def test_p5_many_checkpoints_of_one_deadline_all_come_back(broker: LoneBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviving, "REVIVED_PER_TURN_MAX", 4)
    popper = popper_of(broker, 9)
    for _ in range(9):
        popper.pop(1, invisible_ms=1_000)
    popper.revive(after_ms=1_000)
    assert len(messages(broker, RETRY)) == 2
    while popper.revive():
        pass
    assert len(messages(broker, RETRY)) == 9


def test_p5_a_topic_made_anew_gets_back_nothing_of_the_old_one(popper: Popper) -> None:
    popper.pop(invisible_ms=1_000)
    popper.broker.ask(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": TOPIC})
    create_plain(popper.broker.state, TOPIC, 2, popper.broker.now_ms)
    for index in range(2):
        popper.broker.store(TOPIC, 0, b"new %d" % index)
    assert bodies(popper.pop(1)) == [b"new 0"]
    popper.broker.save("topics", "consumerOffset")
    again = Popper(popper.broker.restarted(popper.broker.disk.crash_process()))
    assert bodies(again.pop(1)) == [b"new 1"]
    again.revive(after_ms=60_000)
    assert sorted(one.body for one in messages(again.broker, RETRY)) == [b"new 0", b"new 1"]


def test_p5_a_message_that_expired_does_not_keep_its_checkpoint_open(
    popper: Popper, monkeypatch: pytest.MonkeyPatch
) -> None:
    popper.pop(invisible_ms=1_000)
    monkeypatch.setattr(popper.broker.state.store, "entry", lambda *place: None)
    popper.revive(after_ms=1_000)
    assert popper.broker.state.pops.open == {}
    assert messages(popper.broker, RETRY) == []
    assert popper.committed() == 3


def test_p6_nothing_stays_of_what_is_done(broker: LoneBroker) -> None:
    popper = popper_of(broker, 0)
    pinned = None
    for index in range(300):
        broker.store(TOPIC, 0, b"%d" % index)
        one = popper.pop(1)[0]
        if pinned is None:
            pinned = one
        else:
            popper.ack(one)
            pinned = popper.hide(pinned, 60_000)
    pops = broker.state.pops
    assert len(pops.open) == 1
    assert pops.kept_count == 2
    assert max(len(pops.due), *(len(kept) for kept in pops.kept.values())) <= 130
    popper.ack(pinned)
    assert popper.committed() == 300
    assert (pops.kept_count, pops.queues, list(pops.moves)) == (0, {}, [])


def test_a_start_reads_no_more_of_the_revive_log_than_it_must(popper: Popper) -> None:
    for one in popper.pop():
        popper.ack(one)
    committed = popper.committed()
    offsets = [popper.broker.state.offsets.find(revive_log.REVIVE_GROUP, REVIVE, queue_id) for queue_id in range(8)]
    ends = [popper.broker.state.store.max_offset(REVIVE, queue_id) for queue_id in range(8)]
    assert (committed, max(offsets), sum(ends)) == (3, 3, 4)
    popper.broker.save("consumerOffset")
    again = Popper(popper.broker.restarted(popper.broker.disk.crash_process()))
    assert revive_log.table(again.broker.state).queues == {}
    assert again.pop() == []


def test_an_old_checkpoint_moves_to_the_end_of_the_revive_log(popper: Popper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviving, "REVIVE_RECORDS_MAX", 5)
    popper.broker.state.settings.revive_queue_num = 1
    popped = popper.pop(invisible_ms=600_000)
    popper.ack(popped[1])
    for index in range(3, 8):
        popper.broker.store(TOPIC, 0, b"%d" % index)
        popper.ack(popper.pop()[0])
        popper.revive()
    assert popper.committed() == 0
    first = popper.broker.state.offsets.find(revive_log.REVIVE_GROUP, REVIVE, 0)
    assert first >= 5
    popper.broker.save("consumerOffset")
    again = Popper(popper.broker.restarted(popper.broker.disk.crash_process()))
    assert again.pop() == []
    assert again.ack(popped[0]) == ResponseCode.SUCCESS
    again.revive(after_ms=600_000)
    assert bodies(again.pop()) == [b"2"]
    assert again.committed() == 8


def test_retry_topics_of_version_2_are_used_and_those_of_version_1_are_drained(broker: LoneBroker) -> None:
    popper = popper_of(broker, 2)
    popper.pop(1, invisible_ms=1_000)
    popper.revive(after_ms=1_000)
    again = popper_of(LoneBroker(broker.disk.crash_process(), settings=BrokerSettings(enable_retry_topic_v2=True)), 0)
    assert sorted(bodies(again.pop(2, invisible_ms=1_000))) == [b"0", b"1"]
    again.revive(after_ms=1_000)
    assert sorted(bodies([*again.pop(1), *again.pop(1)])) == [b"0", b"1"]
    lying = [[one.body for one in messages(again.broker, topic)] for topic in (RETRY, "%RETRY%GroupA+TopicA")]
    assert lying == [[b"0", b"0"], [b"1"]]


def test_a_reset_takes_the_place_of_all_that_is_popped(popper: Popper) -> None:
    first, *_ = popper.pop()
    popper.ack(first)
    popper.broker.state.offsets.reset(GROUP, TOPIC, 0, 1, popper.broker.now_ms)
    assert bodies(popper.pop(1)) == [b"1"]
    again = Popper(popper.broker.restarted(popper.broker.disk.crash_process()))
    assert bodies(again.pop()) == [b"2"]
    again.revive(after_ms=60_000)
    assert sorted(one.body for one in messages(again.broker, RETRY)) == [b"1", b"2"]


def test_p4_a_reset_holds_when_the_broker_dies_before_anybody_pops_again(popper: Popper) -> None:
    for one in popper.pop():
        popper.ack(one)
    popper.committed()
    popper.broker.state.offsets.reset(GROUP, TOPIC, 0, 0, popper.broker.now_ms)
    assert popper.pop(0) == []
    popper.broker.save("consumerOffset")
    again = Popper(popper.broker.restarted(popper.broker.disk.crash_process()))
    assert bodies(again.pop()) == [b"0", b"1", b"2"]


def test_a_message_that_no_retry_topic_takes_is_tried_again(popper: Popper, monkeypatch: pytest.MonkeyPatch) -> None:
    popper.pop(invisible_ms=1_000)
    monkeypatch.setattr("pocketmq.broker.topic_table.TOPICS_PER_BROKER_MAX", 1)
    popper.revive(after_ms=1_000)
    assert (len(popper.broker.state.pops.open), messages(popper.broker, RETRY)) == (1, [])
    monkeypatch.undo()
    assert popper.revive(after_ms=9_999) == 0
    popper.revive(after_ms=1)
    assert len(messages(popper.broker, RETRY)) == 3


def test_nothing_comes_back_while_the_store_takes_nothing(popper: Popper) -> None:
    popper.pop(invisible_ms=1_000)
    popper.broker.state.store.refuses = "full"
    assert popper.revive(after_ms=1_000) == 0
    popper.broker.state.store.refuses = None
    popper.revive()
    assert len(messages(popper.broker, RETRY)) == 3


def test_records_that_are_none_are_passed_over(popper: Popper) -> None:
    popped = popper.pop()
    for tag, body in (
        ("ck", b"{"),
        ("ck", b'{"n":40,"t":"TopicA","c":"GroupA"}'),
        ("ck", b'{"n":1,"so":9,"t":"TopicA","c":"GroupA","bn":"other"}'),
        ("ck", b'{"n":1,"so":99,"t":"TopicA","c":"GroupA"}'),
        ("ck", b"{}"),
        ("ack", b"[]"),
        ("bAck", b'{"aol":"x"}'),
        ("other", b""),
    ):
        popper.broker.store(REVIVE, 0, body, {"TAGS": tag})
    again = Popper(popper.broker.restarted(popper.broker.disk.crash_process()))
    assert len(revive_log.table(again.broker.state).open) == 1
    assert again.ack(popped[0]) == ResponseCode.SUCCESS


def test_messages_of_a_retry_topic_popped_as_such_come_back_to_it(broker: LoneBroker) -> None:
    create_plain(broker.state, "%RETRY%GroupA", 1, broker.now_ms)
    broker.store("%RETRY%GroupA", 0, b"sent back")
    popper = Popper(broker, topic="%RETRY%GroupA")
    for _ in range(2):
        assert bodies(popper.pop(invisible_ms=1_000)) == [b"sent back"]
        popper.revive(after_ms=1_000)


def test_of_a_deleted_group_nothing_comes_back(popper: Popper) -> None:
    popper.pop(invisible_ms=1_000)
    popper.broker.ask(RequestCode.DELETE_SUBSCRIPTIONGROUP, {"groupName": GROUP, "cleanOffset": "true"})
    assert popper.broker.state.pops.kept_count == 0
    popper.revive(after_ms=1_000)
    assert messages(popper.broker, RETRY) == []
