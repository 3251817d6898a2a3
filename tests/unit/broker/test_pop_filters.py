"""Pops by SQL92: what comes, what is passed over, what must be read first, and whom a message wakes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from popper import GROUP, TOPIC, Popper, bodies

from pocketmq.broker.topics import create_plain
from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import Outcome, ReadFirst, RecordsWhenDurable, Reply, ReplyWithRecords
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.stored import decode_records
from pocketmq.store.consume_queue import ENTRY_BYTES
from pocketmq.testing.lone_broker import LoneBroker

LOG = "commitlog/" + "0" * 20


class Weather(set[str]):
    """Says of each look in its turn whether the records must come from the disk; of further looks they need not."""

    def __init__(self, cold: list[bool]) -> None:
        self.looks = list(cold)

    def __contains__(self, path: object) -> bool:
        return bool(self.looks) and self.looks.pop()


@pytest.fixture
def popper(broker: LoneBroker) -> Popper:
    create_plain(broker.state, TOPIC, 2, broker.now_ms)
    return Popper(broker)


def fill(popper: Popper, count: int, queue_id: int = 0) -> None:
    for number in range(count):
        popper.broker.store(TOPIC, queue_id, b"%d" % number, {"n": str(number)})


def sql(popper: Popper, expression: str, **more: object) -> dict[str, object]:
    return popper.fields(**more) | {"exp": expression, "expType": "SQL92"}  # type: ignore[arg-type]


def decide(popper: Popper, expression: str, **more: object) -> Outcome:
    outcome = popper.broker.decide(RequestCode.POP_MESSAGE, sql(popper, expression) | more)
    assert isinstance(outcome, Outcome)
    return outcome


def read(popper: Popper, outcome: Outcome) -> bytes:
    assert isinstance(outcome, ReadFirst), outcome
    return popper.broker.state.store.log.gather(outcome.entries)[0]


def after_reading(popper: Popper, outcome: Outcome) -> Outcome:
    records = read(popper, outcome)
    assert isinstance(outcome, ReadFirst)
    return outcome.then(records, popper.broker.now_ms)


def found(popper: Popper, outcome: Outcome) -> list[bytes]:
    assert isinstance(outcome, RecordsWhenDurable | ReplyWithRecords), outcome
    popper.broker.end_turn()
    return [message.body for message in decode_records(popper.broker.state.store.log.gather(outcome.entries)[0])]


def test_what_matches_is_popped_and_the_rest_is_passed_over_for_good(popper: Popper) -> None:
    fill(popper, 8)
    popped = popper.pop(2, exp="n IN ('2', '5', '7')", expType="SQL92")
    assert bodies(popped) == [b"2", b"5"]
    assert (popper.reply.fields["msgOffsetInfo"], popper.reply.fields["restNum"]) == ("0 0 2,5", "2")
    for one in popped:
        assert popper.ack(one) == ResponseCode.SUCCESS
    assert popper.committed() == 6
    assert popper.pop(exp="n = 0", expType="SQL92") == []
    assert popper.committed() == 8
    assert popper.pop() == []
    assert bodies(Popper(popper.broker, group="GroupB").pop(1)) == [b"0"]


@pytest.mark.parametrize(("kind", "expression"), [("SQL92", "n >"), ("SQL92", "*"), ("XPATH", "n")])
def test_what_is_no_expression_is_refused(popper: Popper, kind: str, expression: str) -> None:
    with pytest.raises(Refusal, match="parse the consumer's subscription failed") as refused:
        popper.broker.decide(RequestCode.POP_MESSAGE, popper.fields() | {"exp": expression, "expType": kind})
    assert refused.value.code == ResponseCode.SUBSCRIPTION_PARSE_FAILED


def test_a_retried_message_is_judged_again(popper: Popper) -> None:
    fill(popper, 2)
    assert len(popper.pop(invisible_ms=1_000, exp="n >= 0", expType="SQL92")) == 2
    popper.revive(after_ms=1_000)
    assert bodies(popper.pop(exp="n = 1", expType="SQL92")) == [b"1"]
    assert popper.pop() == []


def test_pops_in_order_hold_one_batch_of_what_matches(popper: Popper) -> None:
    fill(popper, 6)
    in_order = {"order": "true", "queue_id": 0, "expType": "SQL92"}
    assert bodies(popper.pop(exp="n IN ('1', '4')", **in_order)) == [b"1", b"4"]
    assert popper.pop(exp="n = 5", **in_order) == []
    state = popper.broker.state
    popper.broker.disk.cold.add(LOG)
    other = Popper(popper.broker, group="GroupB")
    assert bodies(other.pop(exp="n = 3", **in_order)) == [b"3"]
    assert other.pop(exp="n = 3", **in_order) == []
    assert state.offsets.find("GroupB", TOPIC, 0) == 0
    third = Popper(popper.broker, group="GroupC")
    assert third.pop(exp="n = 9", **in_order) == []
    assert state.offsets.find("GroupC", TOPIC, 0) == 6


def test_a_pop_takes_nothing_before_it_has_read_what_it_must(popper: Popper) -> None:
    fill(popper, 3)
    popper.broker.disk.cold.add(LOG)
    outcome = decide(popper, "n >= 1")
    assert len(read(popper, outcome)) > 0
    assert popper.broker.state.pops.open == {}
    popper.broker.now_ms += 700
    answer = after_reading(popper, outcome)
    assert found(popper, answer) == [b"1", b"2"]
    assert isinstance(answer, RecordsWhenDurable)
    assert answer.reply.fields["popTime"] == str(popper.broker.now_ms)


def test_what_others_popped_meanwhile_is_not_popped_again(popper: Popper) -> None:
    fill(popper, 100)
    popper.broker.disk.cold.add(LOG)
    first, second = decide(popper, "n >= 0", pollTime=15_000), decide(popper, "n >= 0", pollTime=15_000, queueId=0)
    earlier = read(popper, first)
    assert found(popper, after_reading(popper, second)) == [b"%d" % number for number in range(32)]
    assert isinstance(first, ReadFirst)
    again = first.then(earlier, popper.broker.now_ms)
    assert found(popper, after_reading(popper, again)) == [b"%d" % number for number in range(32, 64)]


def test_a_damaged_record_is_passed_over(popper: Popper) -> None:
    fill(popper, 3)
    popper.broker.disk.cold.add(LOG)
    outcome = decide(popper, "n >= 0")
    records = read(popper, outcome)
    assert isinstance(outcome, ReadFirst)
    assert found(popper, outcome.then(records[len(records) // 3 :], popper.broker.now_ms)) == [b"1", b"2"]


def test_a_pop_that_may_wait_reads_on_until_something_matches_or_its_time_is_over(popper: Popper) -> None:
    fill(popper, 300)
    popper.broker.disk.cold.add(LOG)
    outcome = decide(popper, "n = 290", pollTime=15_000)
    for _ in range(4):
        outcome = after_reading(popper, outcome)
    assert found(popper, after_reading(popper, outcome)) == [b"290"]
    other = Popper(popper.broker, group="GroupB")
    outcome = after_reading(other, decide(other, "n = 290", pollTime=15_000))
    popper.broker.now_ms += 15_000
    late = after_reading(other, outcome)
    assert isinstance(late, Reply)
    assert (late.code, late.fields["restNum"]) == (ResponseCode.POLLING_TIMEOUT, "172")


def test_a_pop_that_does_not_wait_reads_once(popper: Popper) -> None:
    fill(popper, 100)
    popper.broker.disk.cold.add(LOG)
    answer = after_reading(popper, decide(popper, "n = 99"))
    assert isinstance(answer, Reply)
    assert (answer.code, answer.fields["restNum"]) == (ResponseCode.POLLING_TIMEOUT, "36")
    assert bodies(popper.pop(exp="n = 99", expType="SQL92", queue_id=0)) == [b"99"]


def test_a_long_backlog_of_one_queue_keeps_no_pop_from_the_others(popper: Popper) -> None:
    create_plain(popper.broker.state, "TopicB", 3, popper.broker.now_ms)
    for queue_id in (0, 1):
        for number in range(5_000):
            popper.broker.store("TopicB", queue_id, b"", {"n": str(number)})
    popper.broker.store("TopicB", 2, b"here", {"n": "-7"})
    other = Popper(popper.broker, topic="TopicB")
    outcome = decide(other, "n = -7", pollTime=15_000)
    reads = 0
    while isinstance(outcome, ReadFirst):
        reads += 1
        outcome = after_reading(other, outcome)
    assert (found(other, outcome), reads) == ([b"here"], 2)


def test_a_pop_that_read_is_refused_if_its_topic_is_gone_by_then(popper: Popper) -> None:
    fill(popper, 3)
    popper.broker.disk.cold.add(LOG)
    outcome = decide(popper, "n = 2", pollTime=15_000)
    records = read(popper, outcome)
    popper.broker.ask(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": TOPIC})
    assert isinstance(outcome, ReadFirst)
    with pytest.raises(Refusal, match="not exist"):
        outcome.then(records, popper.broker.now_ms)
    assert popper.broker.state.offsets.find(GROUP, TOPIC, 0) == -1


def test_a_long_look_in_memory_makes_way_for_others(popper: Popper) -> None:
    fill(popper, 2_000)
    outcome = decide(popper, "n = 1999", pollTime=15_000)
    assert isinstance(outcome, ReadFirst)
    assert len(outcome.entries) == 64 * ENTRY_BYTES
    while isinstance(outcome, ReadFirst):
        outcome = after_reading(popper, outcome)
    assert found(popper, outcome) == [b"1999"]


def test_the_queue_whose_turn_it_is_is_read_though_another_has_matches_in_memory(popper: Popper) -> None:
    store = popper.broker.state.store
    fill(popper, 3, queue_id=0)
    while store.log.end <= store.sizes.log_file_bytes:
        popper.broker.store("Other", 0, bytes(30_000))
    fill(popper, 3, queue_id=1)
    popper.broker.disk.cold.add(LOG)
    outcome = decide(popper, "n = 2")
    assert len(read(popper, outcome)) > 0
    assert found(popper, after_reading(popper, outcome)) == [b"2", b"2"]
    another = Popper(popper.broker, group="GroupB")
    assert found(another, decide(another, "n = 2")) == [b"2"]


@given(
    numbers=st.lists(st.integers(0, 9), max_size=80),
    wanted=st.sets(st.integers(0, 9), min_size=1),
    count_max=st.integers(1, 5),
    cold=st.lists(st.booleans(), max_size=60),
    in_order=st.booleans(),
)
def test_pop_after_pop_brings_what_matches_once_and_in_order(
    numbers: list[int], wanted: set[int], count_max: int, cold: list[bool], in_order: bool
) -> None:
    broker = LoneBroker()
    create_plain(broker.state, TOPIC, 1, broker.now_ms)
    popper = Popper(broker)
    for number in numbers:
        broker.store(TOPIC, 0, b"%d" % number, {"n": str(number)})
    broker.disk.cold = Weather(cold)
    expression = " OR ".join(f"n = {number}" for number in sorted(wanted))
    found: list[bytes] = []
    for _ in range(len(numbers) + 2):
        broker.now_ms += 1
        popped = popper.pop(count_max, queue_id=0, exp=expression, expType="SQL92", order=str(in_order).lower())
        found += bodies(popped)
        for one in popped:
            assert popper.ack(one) == ResponseCode.SUCCESS
    assert found == [b"%d" % number for number in numbers if number in wanted]
    assert popper.committed() == len(numbers)


def test_who_waits_is_woken_by_what_matches(popper: Popper) -> None:
    park = popper.park(exp="n > 5", expType="SQL92")
    assert callable(park.wants)
    assert [park.wants(text) for text in (b"n\x015\x02", b"n\x016\x02")] == [False, True]
    assert park.alike == "SQL92 n > 5"
    assert popper.park(exp="n > 5", expType="SQL92").wants == park.wants
    assert popper.park(exp="A", expType="TAG").wants is None
