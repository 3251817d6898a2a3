"""Groups that read far behind: counted, held while they read too much, asked about and given thresholds."""

import json

import pytest

from pocketmq.broker.cold_reads import KEPT_MS, WINDOW_MS, ColdReads
from pocketmq.broker.router import HANDLERS
from pocketmq.broker.topics import create_plain
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import LIMIT, Outcome, Park, ReplyWithRecords
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.frame import Command
from pocketmq.testing.lone_broker import ALICE, LoneBroker

TOPIC, GROUP = "TopicA", "GroupA"
UPDATE, REMOVE, ASK = (
    RequestCode.UPDATE_COLD_DATA_FLOW_CTR_CONFIG,
    RequestCode.REMOVE_COLD_DATA_FLOW_CTR_CONFIG,
    RequestCode.GET_COLD_DATA_FLOW_CTR_INFO,
)


def reads(**settings: int) -> ColdReads:
    return ColdReads(BrokerSettings(cold_data_flow_control_enable=True, **settings), 0)  # type: ignore[arg-type]


def test_a_group_over_its_threshold_waits_for_the_next_window() -> None:
    cold = reads(cg_cold_read_threshold=100)
    cold.note(GROUP, 99, 1_000)
    assert cold.wait_ms(GROUP, 1_000) == 0
    cold.note(GROUP, 1, 2_000)
    assert cold.wait_ms(GROUP, 2_000) == WINDOW_MS - 2_000
    assert cold.wait_ms("GroupB", 2_000) == 0
    assert cold.wait_ms(GROUP, WINDOW_MS) == 0


def test_all_together_have_a_threshold_too() -> None:
    cold = reads(cg_cold_read_threshold=100, global_cold_read_threshold=150)
    for group in ("GroupA", "GroupB"):
        cold.note(group, 80, 0)
    assert cold.wait_ms("GroupA", 0) == cold.wait_ms("GroupB", 0) == WINDOW_MS
    assert cold.wait_ms("GroupC", 0) == 0, "who has read nothing old is not held back by others"


def test_a_threshold_of_its_own_goes_before_the_setting() -> None:
    cold = reads(cg_cold_read_threshold=100)
    cold.set_threshold(GROUP, 1_000)
    cold.note(GROUP, 999, 0)
    assert cold.wait_ms(GROUP, 0) == 0
    cold.set_threshold(GROUP, 5)
    assert cold.wait_ms(GROUP, 0) == WINDOW_MS


def test_rocketmqs_own_groups_never_wait() -> None:
    cold = reads(cg_cold_read_threshold=1)
    cold.note("CID_RMQ_SYS_TOOLS", 99, 0)
    assert cold.wait_ms("CID_RMQ_SYS_TOOLS", 0) == 0


def test_readers_are_forgotten_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.broker.cold_reads.GROUPS_PER_BROKER_MAX", 2)
    cold = reads()
    for number in range(3):
        cold.note(f"G{number}", 1, 0)
        if number < 2:
            cold.set_threshold(f"G{number}", 1)
    assert (list(cold.readers), cold.read_bytes) == (["G0", "G1"], 3)
    with pytest.raises(Refusal, match="2 groups have thresholds"):
        cold.set_threshold("G2", 1)
    cold.note("G1", 1, WINDOW_MS)
    cold.wait_ms("G1", KEPT_MS - 1)
    assert list(cold.readers) == ["G0", "G1"]
    cold = reads()
    cold.note("G0", 1, 0)
    cold.note("G1", 1, WINDOW_MS)
    cold.wait_ms("G1", KEPT_MS)
    assert list(cold.readers) == ["G1"]


def test_a_clock_that_is_set_back_begins_a_window() -> None:
    cold = reads(cg_cold_read_threshold=1)
    cold.note(GROUP, 9, 1_000)
    assert cold.wait_ms(GROUP, -60_000) == 0


# ------------------------------------------------------------------------------------------ in a broker


def pull(broker: LoneBroker, offset: int = 0) -> Outcome:
    fields = {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0, "queueOffset": offset, "maxMsgNums": 4}
    fields |= {"sysFlag": 6, "commitOffset": 0, "suspendTimeoutMillis": 15_000, "subscription": "*", "subVersion": 0}
    request = Command.of(11, {key: str(value) for key, value in fields.items()}, arrived_ms=broker.now_ms)
    return HANDLERS[11](request, ALICE, broker.state, broker.now_ms)  # type: ignore[return-value]


@pytest.fixture
def behind(broker: LoneBroker) -> LoneBroker:
    """Eight messages, the first four of which memory is not expected to hold."""
    create_plain(broker.state, TOPIC, 1, broker.now_ms)
    sizes = [broker.store(TOPIC, 0, bytes(1_000)).size for _ in range(8)]
    broker.state.memory_bytes = sizes[0] * 4 + 10
    settings = b"coldDataFlowControlEnable=true\naccessMessageInMemoryHotRatio=100\ncgColdReadThreshold=2000\n"
    assert broker.ask(RequestCode.UPDATE_BROKER_CONFIG, body=settings).code == 0
    return broker


def test_a_reader_far_behind_is_held_and_one_at_the_end_is_not(behind: LoneBroker) -> None:
    assert isinstance(pull(behind), ReplyWithRecords)
    assert pull(behind) == Park(behind.now_ms + WINDOW_MS, (TOPIC, LIMIT))
    assert isinstance(pull(behind, 4), ReplyWithRecords)
    behind.now_ms += WINDOW_MS
    assert isinstance(pull(behind), ReplyWithRecords)


def test_what_is_read_at_the_end_is_not_counted(behind: LoneBroker) -> None:
    for _ in range(9):
        pull(behind, 4)
    assert behind.state.cold_reads.readers == {}


def test_off_means_off(behind: LoneBroker) -> None:
    behind.ask(RequestCode.UPDATE_BROKER_CONFIG, body=b"coldDataFlowControlEnable=false\n")
    assert not behind.state.holds_pulls
    for _ in range(9):
        assert isinstance(pull(behind), ReplyWithRecords)


def test_an_administrator_looks_and_sets_thresholds(behind: LoneBroker) -> None:
    pull(behind)
    assert behind.ask(UPDATE, body=b"GroupA=5000\nGroupB=1\n").code == 0
    table = json.loads(behind.ask(ASK).body)
    read = table["globalAcc"]
    assert table == {
        "runtimeTable": {
            GROUP: {"coldAcc": read, "createTimeMills": behind.now_ms, "lastColdReadTimeMills": behind.now_ms}
        },
        "configTable": {GROUP: 5000, "GroupB": 1},
        "cgColdReadThreshold": 2000,
        "globalColdReadThreshold": 100 << 20,
        "globalAcc": read,
    }
    assert read > 4_000
    assert isinstance(pull(behind), ReplyWithRecords)
    assert behind.ask(REMOVE, body=b"GroupA").code == behind.ask(REMOVE, body=b"nobody").code == 0
    assert isinstance(pull(behind), Park)


@pytest.mark.parametrize(
    "body", [b"GroupA=many", b"GroupA=-1", b"GroupA=1\n../x=2", b"GroupA=1\nGroupB=9999999999999999999"]
)
def test_thresholds_that_make_no_sense_change_nothing(broker: LoneBroker, body: bytes) -> None:
    assert broker.ask(UPDATE, body=body).code == 29
    assert broker.state.cold_reads.thresholds == {}


def test_a_body_that_is_no_text_is_refused(broker: LoneBroker) -> None:
    assert broker.ask(UPDATE, body=b"\xff\xfe=1").code == 1
