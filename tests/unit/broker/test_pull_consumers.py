"""A broker that wants no consumers of the pull kind."""

import json

import pytest
from hand_frames import pull_fields

from pocketmq.model.topic import TopicConfig
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.testing.lone_broker import ALICE, BOB, LoneBroker

REJECTED = "the consumer's group info not exist, or the pull consumer is rejected by server.\nSee https://"


@pytest.fixture
def strict(broker: LoneBroker) -> LoneBroker:
    """BOB was there with a pulling and a pushing group before the broker was set to reject such."""
    broker.state.topics.put(TopicConfig("TopicA", 1, 1), broker.now_ms)
    broker.store("TopicA", 0, b"x", {"TAGS": "T"})
    for group, kind in (("Pulls", "CONSUME_ACTIVELY"), ("Pushes", "CONSUME_PASSIVELY")):
        data = {"clientID": "c1", "consumerDataSet": [{"groupName": group, "consumeType": kind}]}
        broker.ask(RequestCode.HEART_BEAT, body=json.dumps(data).encode(), peer=BOB)
    broker.state.settings.reject_pull_consumer_enable = True
    return broker


@pytest.mark.parametrize(
    ("group", "peer", "code"),
    [
        ("Pulls", BOB, ResponseCode.SUCCESS),
        ("Pulls", ALICE, ResponseCode.SUBSCRIPTION_NOT_EXIST),
        ("Pushes", BOB, ResponseCode.SUCCESS),
        ("Pushes", ALICE, ResponseCode.SUCCESS),
        ("Nobody", ALICE, ResponseCode.SUBSCRIPTION_NOT_EXIST),
        ("TOOLS_CONSUMER", ALICE, ResponseCode.SUCCESS),
        ("CID_RMQ_SYS_mine", ALICE, ResponseCode.SUCCESS),
    ],
)
def test_who_may_pull(strict: LoneBroker, group: str, peer: object, code: int) -> None:
    fields = pull_fields("TopicA", 0, 0, sysFlag="4") | {"consumerGroup": group}
    reply = strict.ask(RequestCode.PULL_MESSAGE, fields, peer=peer)  # type: ignore[arg-type]
    assert reply.code == code
    if code:
        assert (reply.remark or "").startswith(REJECTED)
    strict.state.settings.reject_pull_consumer_enable = False
    assert strict.ask(RequestCode.PULL_MESSAGE, fields, peer=peer).code == 0  # type: ignore[arg-type]


def test_a_filter_by_properties_makes_no_difference(strict: LoneBroker) -> None:
    strict.state.settings.enable_property_filter = True
    fields = pull_fields("TopicA", 0, 0, sysFlag="4", expressionType="SQL92", subscription="TAGS = 'T'")
    reply = strict.ask(RequestCode.PULL_MESSAGE, fields | {"consumerGroup": "Nobody"})
    assert (reply.code, (reply.remark or "").startswith(REJECTED)) == (ResponseCode.SUBSCRIPTION_NOT_EXIST, True)
