"""Pops that keep the order: one batch of a queue at a time, until it is done or in sight again."""

from dataclasses import replace

import pytest
from popper import GROUP, TOPIC, Popper, bodies

from pocketmq.broker.popping.order_table import HeldBatch, HeldBatches, OrderTable
from pocketmq.broker.topics import create_plain
from pocketmq.model.outcome import Park
from pocketmq.protocol.bodies.popping import BatchAck, BatchAckMessageRequestBody
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.testing.lone_broker import LoneBroker
from pocketmq.testing.popped import Popped

OK, GONE = ResponseCode.SUCCESS, ResponseCode.NO_MESSAGE


@pytest.fixture
def popper(broker: LoneBroker) -> Popper:
    create_plain(broker.state, TOPIC, 2, broker.now_ms)
    for index in range(4):
        broker.store(TOPIC, 0, b"%d" % index, {"TAGS": "even" if index % 2 == 0 else "odd"})
    return Popper(broker)


def pop(popper: Popper, count: int = 2, **more: object) -> list[Popped]:
    return popper.pop(count, order="true", **more)


def restarted(popper: Popper) -> Popper:
    return Popper(popper.broker.restarted(popper.broker.disk.crash_process()))


def test_no_second_batch_of_a_queue_is_given_out_before_the_first_is_done(popper: Popper) -> None:
    first, second = pop(popper)
    assert (first.handle.revive_queue_id, popper.reply.fields["reviveQid"]) == (999, "999")
    assert popper.reply.fields["orderCountInfo"] == "0 0 0"
    assert pop(popper) == []
    assert popper.ack(first) == OK
    assert pop(popper) == []
    assert popper.ack(second) == OK
    assert bodies(pop(popper)) == [b"2", b"3"]
    assert popper.broker.state.offsets.find(GROUP, TOPIC, 0) == 2


def test_other_queues_are_free_meanwhile(popper: Popper) -> None:
    popper.broker.store(TOPIC, 1, b"other")
    assert bodies(pop(popper, queue_id=0)) == [b"0", b"1"]
    assert bodies(pop(popper)) == [b"other"]


def test_what_is_not_done_in_time_comes_again_in_order_and_counts(popper: Popper) -> None:
    pop(popper, invisible_ms=1_000)
    popper.broker.now_ms += 1_000
    assert bodies(pop(popper, 3, invisible_ms=1_000)) == [b"0", b"1", b"2"]
    assert popper.reply.fields["orderCountInfo"] == "0 qo0%0 1;0 qo0%1 1;0 0 0"
    popper.broker.now_ms += 1_000
    pop(popper, 2)
    assert popper.reply.fields["orderCountInfo"] == "0 qo0%0 2;0 qo0%1 2;0 0 2"
    assert popper.broker.state.store.find_queue("rmq_sys_REVIVE_LOG_DefaultCluster", 0) is None


def test_what_is_done_in_the_middle_does_not_come_again(popper: Popper) -> None:
    _, second, _ = pop(popper, 3, invisible_ms=1_000)
    assert popper.ack(second) == OK
    popper.broker.now_ms += 1_000
    assert bodies(pop(popper, 3)) == [b"0", b"2"]
    assert popper.reply.fields["msgOffsetInfo"] == "0 0 0,2"


def test_the_same_attempt_gets_its_batch_again(popper: Popper) -> None:
    assert bodies(pop(popper, attemptId="a")) == [b"0", b"1"]
    assert pop(popper, attemptId="b") == []
    assert bodies(pop(popper, attemptId="a")) == [b"0", b"1"]
    assert popper.reply.fields["orderCountInfo"] == "0 0 0"


def test_p5_a_waiting_pop_looks_again_when_the_batch_is_in_sight_and_when_it_is_done(popper: Popper) -> None:
    first, second = pop(popper, invisible_ms=1_000)
    assert popper.park(order="true", queue_id=0).until_ms == popper.broker.now_ms + 1_000
    popper.ack(first)
    assert popper.broker.state.resets_made == set()
    popper.ack(second)
    assert popper.broker.state.resets_made == {(TOPIC, 0)}


def test_a_message_is_hidden_for_longer_or_shown_at_once(popper: Popper) -> None:
    first, second = pop(popper, invisible_ms=10_000)
    popper.hide(first, 500)
    assert popper.reply.fields["invisibleTime"] == "500"
    assert popper.reply.fields["popTime"] == str(first.handle.pop_time)
    popper.hide(second, 20_000)
    popper.broker.now_ms += 19_999
    assert pop(popper) == []
    popper.broker.now_ms += 1
    assert bodies(pop(popper)) == [b"0", b"1"]


@pytest.mark.parametrize("changed", [{"pop_time": 1}, {"broker_name": "other"}])
def test_a_forged_or_old_handle_changes_nothing(popper: Popper, changed: dict[str, object]) -> None:
    first, _ = pop(popper)
    forged = first._replace(handle=replace(first.handle, **changed))  # type: ignore[arg-type]
    code = popper.ack(forged)
    assert code in (GONE, ResponseCode.MESSAGE_ILLEGAL)
    popper.hide(forged, 0)
    assert popper.reply.code == code
    (batch,) = popper.broker.state.orders.batches.values()
    assert (batch.left, batch.offset_next_visible_time) == ([0, 1], None)


def test_without_a_batch_no_offset_moves(popper: Popper) -> None:
    first, second = pop(popper)
    assert popper.ack(first, offset=3) == ResponseCode.MESSAGE_ILLEGAL
    beyond = first._replace(handle=replace(first.handle, queue_offset=None))
    assert popper.ack(beyond, offset=3) == ResponseCode.MESSAGE_ILLEGAL
    assert [popper.ack(one) for one in (first, second, first)] == [OK, OK, OK]
    assert popper.ack(beyond, offset=2) == GONE
    assert popper.broker.state.offsets.find(GROUP, TOPIC, 0) == 2


def test_a_batch_of_acknowledgements_sets_the_queue_free(popper: Popper) -> None:
    first, _ = pop(popper)
    ack = BatchAck(GROUP, TOPIC, "0", 0, 0, 999, first.handle.pop_time, 60_000, frozenset({0, 1, 7}))
    body = BatchAckMessageRequestBody("x", [ack]).encode()
    assert popper.broker.ask(RequestCode.BATCH_ACK_MESSAGE, body=body).code == OK
    assert bodies(pop(popper)) == [b"2", b"3"]
    forged = BatchAckMessageRequestBody("x", [BatchAck(GROUP, TOPIC, "0", 2, 0, 999, 7, 60_000, frozenset({0}))])
    assert popper.broker.ask(RequestCode.BATCH_ACK_MESSAGE, body=forged.encode()).code == GONE


def test_only_wanted_tags_come(popper: Popper) -> None:
    assert bodies(pop(popper, 4, exp="odd")) == [b"1", b"3"]
    assert popper.reply.fields["msgOffsetInfo"] == "0 0 1,3"
    assert pop(Popper(popper.broker, group="GroupB"), exp="none") == []
    assert popper.broker.state.offsets.find("GroupB", TOPIC, 0) == 4


def test_order_and_acknowledgements_survive_a_kill(popper: Popper) -> None:
    first, second = pop(popper)
    assert popper.ack(first) == OK
    again = restarted(popper)
    assert pop(again) == []
    assert again.ack(second) == OK
    assert bodies(pop(restarted(again))) == [b"2", b"3"]


def test_a_reset_lets_the_queue_go(popper: Popper) -> None:
    pop(popper)
    popper.broker.state.offsets.reset(GROUP, TOPIC, 0, 1, popper.broker.now_ms)
    assert bodies(pop(popper)) == [b"1", b"2"]


def test_of_a_deleted_topic_or_group_nothing_is_held(popper: Popper) -> None:
    pop(popper)
    pop(Popper(popper.broker, group="GroupB"))
    popper.broker.ask(RequestCode.DELETE_SUBSCRIPTIONGROUP, {"groupName": GROUP, "cleanOffset": "true"})
    assert len(popper.broker.state.orders.batches) == 1
    popper.broker.ask(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": TOPIC})
    assert popper.broker.state.orders.batches == {}


def test_a_notification_in_order_passes_over_what_is_held(popper: Popper) -> None:
    fields = {"topic": TOPIC, "consumerGroup": GROUP, "queueId": -1, "pollTime": 5_000, "order": "true"}
    pop(popper, invisible_ms=1_000, attemptId="a")
    park = popper.broker.decide(RequestCode.NOTIFICATION, fields)
    assert isinstance(park, Park)
    assert park.until_ms == popper.broker.now_ms + 1_000
    assert popper.broker.ask(RequestCode.NOTIFICATION, fields | {"attemptId": "a"}).fields["hasMsg"] == "true"


def test_the_file_is_the_one_that_java_writes() -> None:
    table = OrderTable()
    assert table.encode() == b'{\n\t"orderInfoCount":0,\n\t"orderedConsumptionLevel":"QUEUE",\n\t"table":{}\n}'
    batch = HeldBatch(pop_time=5, invisible_time=7, offset_list=(10, 2), commit_offset_bit=1, attempt_id="a")
    text = HeldBatches(table={f"{TOPIC}@{GROUP}": {3: batch}}).encode()
    table.load(text)
    (held,) = table.batches.values()
    assert (held, held.offsets, held.left, held.next_offset) == (batch, [10, 12], [12], 12)
    table.load(b'{"table":{"a@b":{0:{"o":[1],"cm":1}}}}')
    assert len(table.batches) == 1
