"""Which delay level a returned message gets from its group's retry policy."""

import pytest

from pocketmq.broker.retries import level_of_return
from pocketmq.broker.topics import create_plain
from pocketmq.model.delays import DEFAULT_DELAY_LEVELS, parse_delay_levels
from pocketmq.model.group import CustomizedRetryPolicy, ExponentialRetryPolicy, GroupRetryPolicy, RetryPolicyType
from pocketmq.protocol.codes import RequestCode
from pocketmq.testing.lone_broker import LoneBroker

LEVELS = parse_delay_levels(DEFAULT_DELAY_LEVELS)
EXPONENTIAL, CUSTOMIZED = RetryPolicyType.EXPONENTIAL, RetryPolicyType.CUSTOMIZED
GROWING = GroupRetryPolicy(EXPONENTIAL, ExponentialRetryPolicy(initial=20_000, max=150_000, multiplier=3))
LISTED = GroupRetryPolicy(CUSTOMIZED, customized_retry_policy=CustomizedRetryPolicy((1, 1, 1_000, 5_001, 90_000_000)))


@pytest.mark.parametrize(
    "policy",
    [
        GroupRetryPolicy(),
        GroupRetryPolicy(EXPONENTIAL),
        GroupRetryPolicy(CUSTOMIZED, ExponentialRetryPolicy()),
        GroupRetryPolicy(EXPONENTIAL, customized_retry_policy=CustomizedRetryPolicy((1,))),
        GroupRetryPolicy(CUSTOMIZED, customized_retry_policy=CustomizedRetryPolicy(())),
    ],
)
def test_a_group_that_says_nothing_has_java_s_levels(policy: GroupRetryPolicy) -> None:
    assert [level_of_return(policy, times, LEVELS) for times in (0, 1, 20)] == [3, 4, 23]


def test_a_delay_becomes_the_shortest_level_that_is_not_shorter() -> None:
    assert [level_of_return(GROWING, times, LEVELS) for times in range(4)] == [4, 5, 7, 7]
    assert [level_of_return(LISTED, times, LEVELS) for times in range(4)] == [1, 3, 18, 18]


def test_levels_need_not_be_in_order_and_may_be_missing() -> None:
    assert level_of_return(GROWING, 0, parse_delay_levels("1m 1s 30s 1m 30s")) == 3
    assert level_of_return(GROWING, 9, parse_delay_levels("1s 1m 30s")) == 2
    assert level_of_return(GROWING, 0, {}) == 3


@pytest.mark.parametrize(
    ("group", "level"),
    [
        ('"type":"EXPONENTIAL","exponentialRetryPolicy":{"initial":60000,"max":600000,"multiplier":2}', 5),
        ('"type":"CUSTOMIZED","customizedRetryPolicy":{"next":[1000,1000,1000]}', 1),
        ('"type":"EXPONENTIAL"', 3),
    ],
)
def test_a_returned_message_waits_as_its_group_says(broker: LoneBroker, group: str, level: int) -> None:
    create_plain(broker.state, "TopicA", 1, broker.now_ms)
    config = f'{{"groupName":"GroupA","groupRetryPolicy":{{{group}}}}}'
    assert broker.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=config.encode()).code == 0
    back = {"offset": broker.store("TopicA", 0, b"again").log_offset, "group": "GroupA", "delayLevel": 0}
    assert broker.ask(RequestCode.CONSUMER_SEND_MSG_BACK, back).code == 0
    assert broker.state.store.max_offset("SCHEDULE_TOPIC_XXXX", level - 1) == 1
    assert broker.ask(RequestCode.CONSUMER_SEND_MSG_BACK, back | {"delayLevel": 8}).code == 0
    assert broker.state.store.max_offset("SCHEDULE_TOPIC_XXXX", 7) == 1, "a consumer may still name a level"
