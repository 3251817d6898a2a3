"""A question to all clients of a group: who is asked, and what becomes of their answers."""

import json

import pytest

from pocketmq.model.outcome import Reply, Survey
from pocketmq.model.peer import Peer
from pocketmq.protocol.codes import RequestCode
from pocketmq.testing.lone_broker import ALICE, BOB, LoneBroker

STATUS = RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS
ASKED = {"topic": "TopicA", "group": "GroupA"}
EMPTY = b'{"consumerTable":{},"messageQueueTable":{}}'


def queue(offset: int) -> str:
    return f'{{"brokerName":"broker-a","queueId":0,"topic":"TopicA"}}:{offset}'


def table(offset: int) -> Reply:
    return Reply(body=f'{{"messageQueueTable":{{{queue(offset)}}}}}'.encode())


def connect(broker: LoneBroker, peer: Peer, client_id: str, version: int = 513) -> None:
    beat = {"clientID": client_id, "consumerDataSet": [{"groupName": "GroupA"}]}
    broker.ask(RequestCode.HEART_BEAT, body=json.dumps(beat).encode(), peer=peer, version=version)


def survey(broker: LoneBroker, **changes: str) -> Survey:
    outcome = broker.decide(STATUS, ASKED | changes)
    assert isinstance(outcome, Survey)
    return outcome


def test_every_client_is_asked_and_each_answer_has_its_name(broker: LoneBroker) -> None:
    connect(broker, ALICE, "c1")
    connect(broker, BOB, "c2")
    asked = survey(broker)
    assert (asked.peer_ids, asked.code, dict(asked.fields), asked.timeout_ms) == ((1, 2), 221, ASKED, 3_000)
    both = asked.summary({1: table(4), 2: table(7)})
    assert json.loads(both.body.replace(b'{"brokerName":"broker-a","queueId":0,"topic":"TopicA"}', b'"q"')) == {
        "consumerTable": {"c1": {"q": 4}, "c2": {"q": 7}},
        "messageQueueTable": {},
    }


def test_one_client_may_be_named(broker: LoneBroker) -> None:
    connect(broker, ALICE, "c1")
    connect(broker, BOB, "c2")
    assert survey(broker, clientAddr="c2").peer_ids == (2,)
    assert survey(broker, clientAddr=" ").peer_ids == (1, 2)
    assert broker.ask(STATUS, ASKED | {"clientAddr": "c9"}).body == EMPTY


@pytest.mark.parametrize(
    "reply",
    [Reply(1, body=table(9).body), Reply(), Reply(body=b"no json"), Reply(body=b"[]"), Reply(body=b"\xff")],
)
def test_a_client_that_says_nothing_sensible_is_left_out(broker: LoneBroker, reply: Reply) -> None:
    connect(broker, ALICE, "c1")
    connect(broker, BOB, "c2")
    answer = survey(broker).summary({1: reply, 2: table(7)})
    assert (answer.code, answer.body) == (
        0,
        f'{{"consumerTable":{{"c2":{{{queue(7)}}}}},"messageQueueTable":{{}}}}'.encode(),
    )
    assert survey(broker).summary({}).body == EMPTY


def test_nobody_and_too_old_clients_are_named(broker: LoneBroker) -> None:
    nobody = broker.ask(STATUS, ASKED)
    assert (nobody.code, nobody.remark) == (1, "No Any Consumer online in the consumer group: [GroupA]")
    connect(broker, ALICE, "c1")
    connect(broker, BOB, "old", version=3)
    old = broker.ask(STATUS, ASKED)
    assert (old.code, old.remark) == (1, "the client does not support this feature. version=V3_0_0_BETA2")
