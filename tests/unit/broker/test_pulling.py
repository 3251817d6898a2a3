"""Pulls that find nothing: who may wait, and who is told where to go on."""

import pytest
from hand_frames import pull_fields

from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.topic import TopicConfig
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.testing.lone_broker import LoneBroker

PULL = RequestCode.PULL_MESSAGE
AT_ONCE = "4"
"""A system flag with the pull's own subscription and without waiting (PullSysFlag)."""


@pytest.mark.parametrize(
    ("queue_id", "offset", "code", "next_offset"),
    [
        (1, 0, ResponseCode.PULL_NOT_FOUND, "0"),
        (1, 5, ResponseCode.PULL_OFFSET_MOVED, "0"),
        (0, 1, ResponseCode.PULL_NOT_FOUND, "1"),
        (0, 2, ResponseCode.PULL_OFFSET_MOVED, "1"),
    ],
)
def test_an_offset_beyond_the_queue_is_moved(
    broker: LoneBroker, queue_id: int, offset: int, code: int, next_offset: str
) -> None:
    broker.state.topics.put(TopicConfig("TopicA", 2, 2), broker.now_ms)
    broker.store("TopicA", 0, b"only")
    reply = broker.ask(PULL, pull_fields("TopicA", queue_id, offset, sysFlag=AT_ONCE))
    assert (reply.code, reply.fields["nextBeginOffset"]) == (code, next_offset)


@pytest.mark.parametrize(("moves_groups", "code"), [("true", ResponseCode.PULL_OFFSET_MOVED), ("false", 0)])
def test_a_reset_counts_as_long_as_the_broker_moves_groups(broker: LoneBroker, moves_groups: str, code: int) -> None:
    broker.state.topics.put(TopicConfig("TopicA", 1, 1), broker.now_ms)
    broker.store("TopicA", 0, b"only")
    broker.state.offsets.reset("CG", "TopicA", 0, 0, broker.now_ms)
    setting = f"useServerSideResetOffset={moves_groups}".encode()
    assert broker.ask(RequestCode.UPDATE_BROKER_CONFIG, body=setting).code == 0
    assert broker.ask(PULL, pull_fields("TopicA", 0, 0, sysFlag=AT_ONCE)).code == code


@pytest.mark.parametrize(("is_cold", "count"), [(False, 20), (True, 7)])
def test_less_is_taken_at_a_time_of_what_may_lie_on_the_disk(broker: LoneBroker, is_cold: bool, count: int) -> None:
    broker.state.topics.put(TopicConfig("TopicA", 1, 1), broker.now_ms)
    for _ in range(20):
        broker.store("TopicA", 0, bytes(4096))
    log = broker.state.store.log
    if is_cold:  # As after a start: this process did not write it.
        log._resumed_at = log.end
    reply = broker.ask(PULL, pull_fields("TopicA", 0, 0, sysFlag=AT_ONCE))
    assert (reply.code, reply.fields["nextBeginOffset"]) == (ResponseCode.SUCCESS, str(count))


@pytest.mark.parametrize(
    ("reads_replicas", "memory_bytes", "offset", "suggested"),
    [
        (False, 0, 0, "0"),
        (True, 1 << 30, 0, "3"),
        (True, 4_000, 0, "4"),
        (True, 4_000, 18, "3"),
        (True, 4_000, 20, "3"),
        (True, 4_000, 99, "3"),
    ],
)
def test_a_group_far_behind_is_sent_to_its_replica(
    reads_replicas: bool, memory_bytes: int, offset: int, suggested: str
) -> None:
    broker = LoneBroker(
        settings=BrokerSettings(slave_read_enable=reads_replicas, access_message_in_memory_max_ratio=40)
    )
    broker.state.memory_bytes = memory_bytes
    broker.state.topics.put(TopicConfig("TopicA", 1, 1), broker.now_ms)
    config = b'{"groupName":"GroupA","brokerId":3,"whichBrokerWhenConsumeSlowly":4}'
    assert broker.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=config).code == 0
    for _ in range(20):
        broker.store("TopicA", 0, bytes(500))
    fields = pull_fields("TopicA", 0, offset, sysFlag=AT_ONCE, consumerGroup="GroupA", maxMsgNums="2")
    assert broker.ask(PULL, fields).fields["suggestWhichBrokerId"] == suggested
