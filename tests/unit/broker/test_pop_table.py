"""What the table of popped messages keeps and forgets, where that shows only later."""

import pytest
from popper import GROUP, RETRY, TOPIC, Popper, bodies, messages

from pocketmq.broker.popping import revive_log, reviving
from pocketmq.broker.topics import create_plain
from pocketmq.model.limits import POP_INVISIBLE_MS_MAX
from pocketmq.model.outcome import RecordsWhenDurable
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.store.consume_queue import unpack_entries
from pocketmq.testing.lone_broker import LoneBroker


@pytest.fixture
def popper(broker: LoneBroker) -> Popper:
    create_plain(broker.state, TOPIC, 2, broker.now_ms)
    for index in range(4):
        broker.store(TOPIC, index % 2, b"%d" % index, {"TAGS": "T"})
    return Popper(broker)


def test_records_of_several_queues_are_asked_for_as_they_lie_in_the_log(popper: Popper) -> None:
    outcome = popper.broker.decide(RequestCode.POP_MESSAGE, popper.fields())
    assert isinstance(outcome, RecordsWhenDurable)
    places = [entry.log_offset for entry in unpack_entries(outcome.entries)]
    assert (len(places), places) == (4, sorted(places))


def test_p5_what_lies_in_the_place_of_a_popped_message_is_not_brought_back(popper: Popper) -> None:
    popper.pop(invisible_ms=1_000)
    popper.broker.state.store.delete_topic(TOPIC)
    popper.broker.store(TOPIC, 0, b"another")
    popper.revive(after_ms=1_000)
    assert messages(popper.broker, RETRY) == []


def test_a_retried_message_comes_whatever_tags_are_wanted_now(popper: Popper) -> None:
    popper.pop(invisible_ms=1_000)
    popper.revive(after_ms=1_000)
    assert len(popper.pop(exp="Other")) == 4


def test_p4_a_commit_from_before_a_reset_is_not_made_after_it(popper: Popper) -> None:
    for one in popper.pop(queue_id=0):
        popper.ack(one)
    popper.broker.state.offsets.reset(GROUP, TOPIC, 0, 0, popper.broker.now_ms)
    assert popper.pop(0, queue_id=0) == []
    assert popper.committed() == 0


def test_p6_of_a_deleted_topic_nothing_is_kept(popper: Popper) -> None:
    popped = popper.pop(1, queue_id=0)
    for one in popper.pop(1, queue_id=0):
        popper.ack(one)
    pops = popper.broker.state.pops
    assert (len(popped), pops.kept_count) == (1, 2)
    popper.broker.ask(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": TOPIC})
    assert (pops.kept_count, pops.open, pops.queues, list(pops.moves)) == (0, {}, {}, [])


def test_a_handle_that_was_replaced_is_none_after_its_checkpoint_was_written_again(
    popper: Popper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviving, "REVIVE_RECORDS_MAX", 0)
    one, other = popper.pop(queue_id=0)
    popper.hide(one, 0)
    popper.revive(after_ms=1)
    popper.revive()
    popper.committed()
    popper.broker.save("consumerOffset")
    again = Popper(popper.broker.restarted(popper.broker.disk.crash_process()))
    assert again.ack(one) == ResponseCode.NO_MESSAGE
    assert again.ack(other) == ResponseCode.SUCCESS


def test_what_is_written_and_not_synced_yet_stays_when_a_later_turn_is_taken_back(popper: Popper) -> None:
    """As under SYNC_FLUSH: the records of the first pop are in the file, and no reader sees them yet."""
    state = popper.broker.state
    first = popper.broker.decide(RequestCode.POP_MESSAGE, popper.fields(queue_id=0))
    assert isinstance(first, RecordsWhenDurable)
    state.store.write()
    popper.broker.decide(RequestCode.POP_MESSAGE, popper.fields(queue_id=1))
    state.store.discard()
    assert [checkpoint.offsets for checkpoint in revive_log.table(state).open.values()] == [(0, 1)]
    assert bodies(popper.pop()) == [b"1", b"3"]


@pytest.mark.parametrize("order", ["false", "true"])
def test_p4_an_offset_beyond_the_queue_does_not_skip_what_comes_next(popper: Popper, order: str) -> None:
    popper.broker.state.offsets.commit(GROUP, TOPIC, 0, 99, popper.broker.now_ms)
    assert popper.pop(queue_id=0, order=order) == []
    popper.broker.store(TOPIC, 0, b"next")
    assert bodies(popper.pop(queue_id=0, order=order)) == [b"next"]


@pytest.mark.parametrize("order", ["false", "true"])
def test_a_group_whose_messages_expired_goes_on_with_the_first_that_is_there(popper: Popper, order: str) -> None:
    queue = popper.broker.state.store.find_queue(TOPIC, 0)
    assert queue is not None
    popper.broker.state.offsets.commit(GROUP, TOPIC, 0, 0, popper.broker.now_ms)
    queue.min_offset = 1
    assert bodies(popper.pop(queue_id=0, order=order)) == [b"2"]


def test_a_damaged_retry_is_left_out_and_a_damaged_record_of_the_revive_log_too(popper: Popper) -> None:
    popper.pop(queue_id=0, invisible_ms=1_000)
    popper.revive(after_ms=1_000)
    entry = popper.broker.state.store.entry(RETRY, 0, 0)
    checkpoint = popper.broker.state.store.entry("rmq_sys_REVIVE_LOG_DefaultCluster", 0, 0)
    assert entry is not None
    assert checkpoint is not None
    for place in (entry.log_offset, checkpoint.log_offset):
        file = popper.broker.disk.open(f"commitlog/{0:020d}")
        file.pwrite(place + 4, bytes(4))
    assert bodies(popper.pop(queue_id=0)) == [b"2"]
    assert revive_log.rebuilt(popper.broker.state).read_until


def test_what_a_broker_may_not_give_it_does_not_give(popper: Popper) -> None:
    popper.broker.state.settings.broker_permission = 2  # type: ignore[misc]
    assert popper.pop() == []
    assert popper.reply.code == ResponseCode.NO_PERMISSION
    assert "pop message is forbidden" in (popper.reply.remark or "")


def test_a_message_cannot_be_hidden_for_ever(popper: Popper) -> None:
    one, _ = popper.pop(queue_id=0)
    popper.hide(one, POP_INVISIBLE_MS_MAX + 1)
    assert popper.reply.code == ResponseCode.INVALID_PARAMETER


def test_what_is_done_may_be_said_again_of_the_last_batches_only(
    popper: Popper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pocketmq.broker.popping.table.POP_CLOSED_REMEMBERED_MAX", 1)
    first, second = [popper.pop(1)[0] for _ in range(2)]
    assert [popper.ack(one) for one in (first, second, first, second)] == [0, 0, ResponseCode.NO_MESSAGE, 0]


def test_a_record_of_the_whole_batch_after_one_of_a_message_lets_go_of_the_others(popper: Popper) -> None:
    first, second = popper.pop(queue_id=0)
    (checkpoint,) = popper.broker.state.pops.open.values()
    pops = popper.broker.state.pops
    pops.ack(checkpoint, [first.message.queue_offset], 1)
    pops.ack(checkpoint, list(checkpoint.offsets), 2)
    assert (checkpoint.is_closed, pops.open, pops.queues[checkpoint.key.queue].in_flight) == (True, {}, 0)
    assert popper.ack(second) == ResponseCode.SUCCESS
