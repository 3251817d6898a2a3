"""Clients that come, stay, go, and are told of each other."""

import json

import pytest

from pocketmq.broker.sessions import connection_closed, expire
from pocketmq.model.limits import CLIENT_ID_CHARS_MAX
from pocketmq.model.outcome import Push
from pocketmq.model.peer import Peer
from pocketmq.model.subscription import SubscriptionData
from pocketmq.protocol.bodies.clients import ConsumerConnection, GetConsumerListByGroupResponseBody
from pocketmq.protocol.codes import RequestCode
from pocketmq.testing.lone_broker import ALICE, BOB, LoneBroker

GROUP = "GroupA"
BEAT = RequestCode.HEART_BEAT


def consumer(
    group: str = GROUP, topics: tuple[str, ...] = ("TopicA",), version: int = 1, **changes: object
) -> dict[str, object]:
    subscriptions = [{"topic": topic, "subString": "*", "subVersion": version} for topic in topics]
    data: dict[str, object] = {"groupName": group, "subscriptionDataSet": subscriptions}
    return data | {"consumeType": "CONSUME_PASSIVELY", "messageModel": "CLUSTERING"} | changes


def beat(
    broker: LoneBroker, peer: Peer, *consumers: dict[str, object], producer: str = "", **changes: object
) -> list[Push]:
    producers = [{"groupName": producer}] if producer else []
    data = {"clientID": f"c{peer.id}", "consumerDataSet": consumers, "producerDataSet": producers} | changes
    reply = broker.ask(BEAT, body=json.dumps(data).encode(), peer=peer)
    assert reply.code == 0, reply
    return told(broker)


def told(broker: LoneBroker) -> list[Push]:
    pushes = list(broker.state.outbox)
    broker.state.outbox.clear()
    return pushes


def notice(*peers: Peer) -> list[Push]:
    return [Push(peer.id, RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, {"consumerGroup": GROUP}) for peer in peers]


def test_members_are_told_when_one_comes_changes_or_goes(broker: LoneBroker) -> None:
    assert beat(broker, ALICE, consumer()) == notice(ALICE)
    assert beat(broker, ALICE, consumer()) == []
    assert beat(broker, BOB, consumer()) == notice(ALICE, BOB)
    assert beat(broker, BOB, consumer(topics=("TopicA", "TopicB"))) == notice(ALICE, BOB)
    assert beat(broker, BOB, consumer(topics=("TopicB",))) == notice(ALICE, BOB)
    connection_closed(broker.state, BOB.id)
    assert told(broker) == notice(ALICE)
    beat(broker, ALICE, producer="PG")
    connection_closed(broker.state, ALICE.id)
    assert told(broker) == []
    assert (broker.state.sessions.consumers, broker.state.sessions.producers, len(broker.state.sessions)) == ({}, {}, 0)


@pytest.mark.parametrize("how", ["broadcasting", "group", "broker"])
def test_nobody_is_told(broker: LoneBroker, how: str) -> None:
    member = consumer(messageModel="BROADCASTING") if how == "broadcasting" else consumer()
    if how == "group":
        quiet = {"groupName": GROUP, "notifyConsumerIdsChangedEnable": False}
        broker.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=json.dumps(quiet).encode())
    broker.state.settings.notify_consumer_ids_changed_enable = how != "broker"
    assert beat(broker, ALICE, member) == beat(broker, BOB, member) == []
    connection_closed(broker.state, BOB.id)
    assert told(broker) == []


def test_notices_wait_for_the_next_turn_if_wanted(broker: LoneBroker) -> None:
    broker.state.settings.real_time_notify_consumer_change = False
    assert beat(broker, ALICE, consumer()) == beat(broker, BOB, consumer()) == []
    expire(broker.state, broker.now_ms)
    assert told(broker) == notice(ALICE, BOB)
    expire(broker.state, broker.now_ms)
    assert told(broker) == []


def test_the_first_heartbeat_makes_group_and_retry_topic(broker: LoneBroker) -> None:
    broker.decide(BEAT, body=json.dumps({"clientID": "c", "consumerDataSet": [consumer(unitMode=True)]}).encode())
    assert broker.state.unsaved == {"topics", "subscriptionGroup"}
    assert broker.state.registration_due
    assert broker.state.topics.require("%RETRY%GroupA").topic_sys_flag == 2
    assert GROUP in broker.state.groups


@pytest.mark.parametrize("name", ["../../x", "", "a b", "G" * 128])
def test_illegal_names_in_a_heartbeat_leave_nothing(broker: LoneBroker, name: str) -> None:
    topics, groups = dict(broker.state.topics.configs), dict(broker.state.groups.configs)
    beat(broker, ALICE, consumer(group=name), producer=name or "/")
    assert (broker.state.topics.configs, broker.state.groups.configs) == (topics, groups)
    assert len(broker.state.sessions) == 0
    beat(broker, ALICE, consumer(topics=(name, "TopicA")))
    assert list(broker.state.sessions.consumers[GROUP].subscriptions) == ["TopicA"]


@pytest.mark.parametrize("client_id", ["", None, "c" * (CLIENT_ID_CHARS_MAX + 1)])
def test_a_client_needs_a_name(broker: LoneBroker, client_id: str | None) -> None:
    assert (
        broker.ask(BEAT, body=json.dumps({"clientID": client_id, "consumerDataSet": [consumer()]}).encode()).code == 1
    )
    assert len(broker.state.sessions) == 0


def test_pull_consumers_can_be_kept_out(broker: LoneBroker) -> None:
    broker.state.settings.reject_pull_consumer_enable = True
    assert beat(broker, ALICE, consumer(consumeType="CONSUME_ACTIVELY")) == []
    assert broker.state.sessions.consumers == {}


def test_a_newer_subscription_replaces_an_older_one(broker: LoneBroker) -> None:
    beat(broker, ALICE, consumer(version=5))
    beat(broker, ALICE, consumer(version=4))
    assert version_of(broker) == 5
    beat(broker, ALICE, consumer(version=6))
    assert version_of(broker) == 6


def version_of(broker: LoneBroker) -> int:
    subscription = broker.state.sessions.find_subscription(GROUP, "TopicA")
    assert subscription is not None
    return subscription.sub_version


def test_version_two_asks_for_subscriptions_that_are_not_known(broker: LoneBroker) -> None:
    assert sub_change(broker, consumer(topics=()), 7, without=True), "nobody knows what the group subscribes to"
    assert not sub_change(broker, consumer(), 7)
    assert not sub_change(broker, consumer(topics=()), 7, without=True)
    assert list(broker.state.sessions.consumers[GROUP].subscriptions) == ["TopicA"]
    assert sub_change(broker, consumer(topics=("TopicB",)), 8)
    assert sub_change(broker, consumer(), 0), "version 1 always"


def sub_change(broker: LoneBroker, member: dict[str, object], fingerprint: int, *, without: bool = False) -> bool:
    data = {"clientID": "c1", "consumerDataSet": [member], "heartbeatFingerprint": fingerprint, "withoutSub": without}
    reply = broker.ask(BEAT, body=json.dumps(data).encode())
    assert reply.fields["IS_SUPPORT_HEART_BEAT_V2"] == "true"
    return reply.fields["IS_SUB_CHANGE"] == "true"


def test_silent_clients_expire_and_their_groups_are_told(broker: LoneBroker) -> None:
    beat(broker, ALICE, consumer(), producer="PG")
    broker.now_ms += 60_000
    beat(broker, BOB, consumer(), producer="PG")
    broker.now_ms += 60_001
    assert expire(broker.state, broker.now_ms) == [ALICE.id]
    assert told(broker) == notice(BOB)
    assert list(broker.state.sessions.producer_clients("PG")) == [BOB.id]
    broker.now_ms += 59_999
    assert expire(broker.state, broker.now_ms) == []
    broker.now_ms += 1
    assert expire(broker.state, broker.now_ms) == [BOB.id]
    assert len(broker.state.sessions) == 0


def test_consumers_have_their_own_patience(broker: LoneBroker) -> None:
    broker.state.settings.channel_expired_timeout = 1_000
    beat(broker, ALICE, consumer(), producer="PG")
    assert expire(broker.state, broker.now_ms + 1_001) == [ALICE.id]
    assert broker.state.sessions.consumers == {}
    assert list(broker.state.sessions.producers) == ["PG"]


def test_who_is_there(broker: LoneBroker) -> None:
    assert broker.ask(RequestCode.GET_CONSUMER_LIST_BY_GROUP, {"consumerGroup": GROUP}).code == 1
    assert broker.ask(RequestCode.GET_CONSUMER_CONNECTION_LIST, {"consumerGroup": GROUP}).code == 206
    assert broker.ask(RequestCode.GET_PRODUCER_CONNECTION_LIST, {"producerGroup": "PG"}).code == 1
    beat(broker, ALICE, consumer(), producer="PG")
    beat(broker, BOB, consumer())
    names = broker.ask(RequestCode.GET_CONSUMER_LIST_BY_GROUP, {"consumerGroup": GROUP}).body
    assert GetConsumerListByGroupResponseBody.decode(names).consumer_id_list == ("c1", "c2")
    connections = broker.ask(RequestCode.GET_CONSUMER_CONNECTION_LIST, {"consumerGroup": GROUP}).body
    assert [one.client_addr for one in ConsumerConnection.decode(connections).connection_set] == [
        ALICE.address,
        BOB.address,
    ]
    assert b'"clientId":"c1"' in broker.ask(RequestCode.GET_PRODUCER_CONNECTION_LIST, {"producerGroup": "PG"}).body
    assert b'"remoteIP":"/127.0.0.1:50001"' in broker.ask(RequestCode.GET_ALL_PRODUCER_INFO).body


def test_unregistering_what_one_is_not_is_harmless(broker: LoneBroker) -> None:
    beat(broker, ALICE, consumer(), producer="PG")
    leave = RequestCode.UNREGISTER_CLIENT
    fields = {"clientID": "c1", "consumerGroup": GROUP, "producerGroup": "PG"}
    assert broker.ask(leave, fields, peer=BOB).code == 0, "another connection cannot unregister Alice"
    assert len(broker.state.sessions) == 2
    assert broker.ask(leave, {"clientID": "c1", "consumerGroup": "../x", "producerGroup": "No"}).code == 0
    assert broker.ask(leave, fields).code == 0
    assert len(broker.state.sessions) == 0


def test_the_registry_is_bounded(broker: LoneBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.broker.session_table.CLIENT_REGISTRATIONS_MAX", 2)
    beat(broker, ALICE, consumer(), consumer(group="GroupB"), consumer(group="GroupC"), producer="PG")
    assert (len(broker.state.sessions), list(broker.state.sessions.consumers)) == (2, [GROUP, "GroupB"])
    assert broker.state.sessions.producers == {}
    connection_closed(broker.state, ALICE.id)
    assert len(broker.state.sessions) == 0


def test_subscriptions_of_a_group_are_bounded(broker: LoneBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.broker.session_table.SUBSCRIPTIONS_PER_GROUP_MAX", 1)
    beat(broker, ALICE, consumer(topics=("TopicA", "TopicB")))
    assert list(broker.state.sessions.consumers[GROUP].subscriptions) == ["TopicA"]


@pytest.mark.parametrize(("kind", "code"), [("TAG", 0), (None, 0), ("", 0), ("SQL92", 1), ("KLINGON", 1)])
def test_only_tags_can_be_served(broker: LoneBroker, kind: str | None, code: int) -> None:
    subscription = {"topic": "TopicA", "subString": "a > 5", "expressionType": kind}
    body = json.dumps({"clientId": "c1", "group": GROUP, "subscriptionData": subscription}).encode()
    assert broker.ask(RequestCode.CHECK_CLIENT_CONFIG, body=body).code == code
    assert broker.ask(RequestCode.CHECK_CLIENT_CONFIG, body=b"{}").code == 0


def test_a_full_topic_table_does_not_keep_consumers_out(broker: LoneBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.broker.topic_table.TOPICS_PER_BROKER_MAX", 1)
    assert beat(broker, ALICE, consumer()) == notice(ALICE)
    assert "%RETRY%GroupA" not in broker.state.topics
    assert broker.state.sessions.find_subscription(GROUP, "TopicA") == SubscriptionData("TopicA", sub_version=1)


def test_a_group_that_is_gone_before_its_notice_is_forgotten(broker: LoneBroker) -> None:
    broker.state.settings.real_time_notify_consumer_change = False
    beat(broker, ALICE, consumer())
    connection_closed(broker.state, ALICE.id)
    expire(broker.state, broker.now_ms)
    assert told(broker) == []
