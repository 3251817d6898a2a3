"""Groups that read far behind are told where to read on."""

import pytest
from hand_frames import pull_fields

from pocketmq.model.topic import TopicConfig
from pocketmq.protocol.codes import RequestCode
from pocketmq.testing.lone_broker import LoneBroker

TAGGED = {"sysFlag": "4", "expressionType": "TAG"}
"""PullSysFlag: with the pull's own subscription, and without waiting."""


@pytest.fixture
def behind(broker: LoneBroker) -> LoneBroker:
    """Four messages, of which memory is taken to hold the last two; the group reads elsewhere when it is behind."""
    broker.state.topics.put(TopicConfig("TopicA", 1, 1), broker.now_ms)
    group = b'{"groupName":"GroupA","brokerId":5,"whichBrokerWhenConsumeSlowly":7}'
    assert broker.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=group).code == 0
    sizes = [broker.store("TopicA", 0, bytes(100), {"TAGS": "T"}).size for _ in range(4)]
    broker.state.memory_bytes = sum(sizes[2:]) * 2
    broker.state.settings.access_message_in_memory_max_ratio = 50
    broker.state.settings.slave_read_enable = True
    return broker


def suggested(broker: LoneBroker, offset: int, count: int, subscription: str = "*") -> str:
    fields = pull_fields("TopicA", 0, offset, subscription=subscription, maxMsgNums=str(count), **TAGGED)
    return broker.ask(RequestCode.PULL_MESSAGE, fields | {"consumerGroup": "GroupA"}).fields["suggestWhichBrokerId"]


@pytest.mark.parametrize(
    ("offset", "count", "expected"),
    [(0, 1, "7"), (1, 1, "7"), (0, 3, "5"), (2, 1, "5"), (3, 1, "5"), (4, 1, "5"), (9, 1, "5")],
)
def test_the_last_message_looked_at_decides(behind: LoneBroker, offset: int, count: int, expected: str) -> None:
    assert suggested(behind, offset, count) == expected


def test_messages_that_do_not_match_were_looked_at_too(behind: LoneBroker) -> None:
    assert suggested(behind, 0, 1, "NoSuchTag") == "5", "it looked through to the end"
    behind.state.memory_bytes = 0
    assert suggested(behind, 0, 1, "NoSuchTag") == "7"


@pytest.mark.parametrize("offset", [4, 9, -1])
def test_a_pull_that_looked_at_nothing_says_nothing(behind: LoneBroker, offset: int) -> None:
    behind.state.memory_bytes = 0
    assert suggested(behind, offset, 1) == "5"


def test_a_pull_that_only_hears_of_a_reset_says_nothing(behind: LoneBroker) -> None:
    behind.state.offsets.reset("GroupA", "TopicA", 0, 1, behind.now_ms)
    assert suggested(behind, 3, 1) == "5"


def test_without_reading_from_replicas_it_is_the_master(behind: LoneBroker) -> None:
    behind.state.settings.slave_read_enable = False
    assert {suggested(behind, offset, 1) for offset in (0, 3, 9)} == {"0"}
