"""Queues shared out by the broker, and how a group fetches a topic."""

import json
from collections.abc import Iterable

import pytest

from pocketmq.broker.balancing.known_routes import KEPT_MS, KnownRoutes
from pocketmq.broker.lock_table import LEASE_MS
from pocketmq.broker.router import HANDLERS
from pocketmq.broker.sessions import connection_closed, expire
from pocketmq.broker.topics import create_plain
from pocketmq.model.outcome import ROUTE, Park
from pocketmq.model.peer import Peer
from pocketmq.model.queue import MessageQueue
from pocketmq.model.subscription import MessageRequestMode
from pocketmq.protocol.bodies.clients import LockBatchResponseBody
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.frame import Command
from pocketmq.testing.lone_broker import LoneBroker

GROUP = "GroupA"
TOPIC = "TopicA"
ASK, SET = RequestCode.QUERY_ASSIGNMENT, RequestCode.SET_MESSAGE_REQUEST_MODE


def question(client: object = "c0", **changes: object) -> bytes:
    asked = {
        "topic": TOPIC,
        "consumerGroup": GROUP,
        "clientId": client,
        "strategyName": "AVG",
        "messageModel": "CLUSTERING",
    }
    return json.dumps(asked | changes).encode()


def assigned(broker: LoneBroker, client: object = "c0", **changes: object) -> list[tuple[str, int, str]] | None:
    """Broker name, queue id and mode of each; None for "ask again"."""
    reply = broker.ask(ASK, body=question(client, **changes))
    assert reply.code == 0, reply
    rows = json.loads(reply.body).get("messageQueueAssignments")
    if rows is None:
        return None
    return [(row["messageQueue"]["brokerName"], row["messageQueue"]["queueId"], row["mode"]) for row in rows]


def ids(broker: LoneBroker, client: object = "c0", **changes: object) -> list[int]:
    rows = assigned(broker, client, **changes)
    assert rows is not None
    return [queue_id for _, queue_id, _ in rows]


def joined(broker: LoneBroker, names: Iterable[str], group: str = GROUP) -> None:
    member = {
        "groupName": group,
        "consumeType": "CONSUME_PASSIVELY",
        "messageModel": "CLUSTERING",
        "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET",
        "subscriptionDataSet": [{"topic": TOPIC, "subString": "*"}],
    }
    for number, name in enumerate(names):
        body = json.dumps({"clientID": name, "consumerDataSet": [member]}).encode()
        assert broker.ask(RequestCode.HEART_BEAT, body=body, peer=Peer(100 + number, "127.0.0.1", 1)).code == 0


def set_mode(broker: LoneBroker, topic: str = TOPIC, group: str = GROUP, share: int = 0, mode: str = "POP") -> int:
    body = {"topic": topic, "consumerGroup": group, "mode": mode, "popShareQueueNum": share}
    return broker.ask(SET, body=json.dumps(body).encode()).code


@pytest.fixture
def three(broker: LoneBroker) -> LoneBroker:
    """Eight queues, three members who joined in another order than that of their names."""
    create_plain(broker.state, TOPIC, 8, broker.now_ms)
    joined(broker, ("c2", "c0", "c1"))
    return broker


def test_each_member_gets_its_part_by_the_strategy_it_names(three: LoneBroker) -> None:
    assert assigned(three) == [("broker-a", number, "PULL") for number in (0, 1, 2)]
    assert [ids(three, f"c{number}") for number in range(3)] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert ids(three, "c1", strategyName="AVG_BY_CIRCLE") == [1, 4, 7]
    assert ids(three, "stranger") == [], "give everything up"
    assert ids(three, "stranger", messageModel="BROADCASTING") == list(range(8))


@pytest.mark.parametrize(
    "changes",
    [
        {"strategyName": "CONSISTENT_HASH"},
        {"strategyName": None},
        {"consumerGroup": "GroupB"},
        {"topic": "TopicB"},
        {"topic": "TopicB", "messageModel": "BROADCASTING"},
        {"clientId": None},
    ],
)
def test_what_cannot_be_worked_out_is_asked_again(three: LoneBroker, changes: dict[str, object]) -> None:
    assert assigned(three, **changes) is None


@pytest.mark.parametrize("changes", [{"topic": None}, {"consumerGroup": ""}, {"messageModel": None}])
def test_half_a_question_is_refused(three: LoneBroker, changes: dict[str, object]) -> None:
    assert three.ask(ASK, body=question(**changes)).code == 1


def test_a_topic_nobody_may_read_or_without_queues_has_none(three: LoneBroker) -> None:
    create_plain(three.state, "Empty", 0, three.now_ms)
    assert assigned(three, topic="Empty") is None
    body = {"topic": TOPIC, "readQueueNums": 8, "writeQueueNums": 8, "perm": 2, "topicFilterType": "SINGLE_TAG"}
    assert three.ask(RequestCode.UPDATE_AND_CREATE_TOPIC, body | {"defaultTopic": "TBW102"}).code == 0
    assert assigned(three) is None


def test_the_broker_can_leave_it_to_the_clients(three: LoneBroker) -> None:
    three.state.settings.server_load_balancer_enable = False
    assert ids(three) == ids(three, "c1") == list(range(8))


def test_a_light_queue_has_one_owner(three: LoneBroker) -> None:
    assert ids(three, "c0", topic="%LMQ%x") == [0]
    assert ids(three, "c1", topic="%LMQ%x") == []


def test_a_name_on_two_connections_counts_once(broker: LoneBroker) -> None:
    create_plain(broker.state, TOPIC, 8, broker.now_ms)
    joined(broker, ("c0", "c0", "c1"))
    assert (ids(broker, "c0"), ids(broker, "c1")) == ([0, 1, 2, 3], [4, 5, 6, 7])


def test_a_member_that_vanishes_leaves_its_queues_and_in_time_its_locks(three: LoneBroker) -> None:
    queue = {"topic": TOPIC, "brokerName": "broker-a", "queueId": 3}
    lock = {"consumerGroup": GROUP, "mqSet": [queue]}
    three.ask(RequestCode.LOCK_BATCH_MQ, body=json.dumps(lock | {"clientId": "c1"}).encode())
    three.state.outbox.clear()
    connection_closed(three.state, 102)
    assert {push.peer_id for push in three.state.outbox} == {100, 101}, "the others know at once"
    assert ids(three, "c0") + ids(three, "c2") == list(range(8))
    held = three.ask(RequestCode.LOCK_BATCH_MQ, body=json.dumps(lock | {"clientId": "c2"}).encode())
    assert LockBatchResponseBody.decode(held.body).lock_ok_mq_set == (), "it may still be working on a message"
    three.now_ms += LEASE_MS + 1
    assert expire(three.state, three.now_ms) == []
    assert len(three.state.locks) == 0
    connection_closed(three.state, 100)
    connection_closed(three.state, 101)
    assert (len(three.state.sessions), three.state.sessions.consumers) == (0, {})
    assert assigned(three) is None, "nobody is there to share with"


# ------------------------------------------------------------------------------------------------ popping


def test_popping_all_from_all(three: LoneBroker) -> None:
    assert set_mode(three, share=-1) == 0
    assert assigned(three) == [("broker-a", -1, "POP")]
    assert set_mode(three, share=2) == 0, "with three members two neighbours are all"
    assert ids(three, "c1") == [-1]


def test_popping_what_the_neighbours_have_too(broker: LoneBroker) -> None:
    create_plain(broker.state, TOPIC, 8, broker.now_ms)
    joined(broker, ("c0", "c1", "c2", "c3"))
    assert set_mode(broker, share=1) == 0
    assert [ids(broker, f"c{number}") for number in (0, 3)] == [[0, 1, 2, 3], [6, 7, 0, 1]]
    assert ids(broker, "stranger") == []
    assert assigned(broker, None) is None
    create_plain(broker.state, "Two", 2, broker.now_ms)
    assert set_mode(broker, "Two", share=2) == 0
    assert [ids(broker, f"c{number}", topic="Two") for number in range(4)] == [[0], [1], [0], [1]]


def test_the_defaults_pop_but_not_retries(three: LoneBroker) -> None:
    settings = three.state.settings
    settings.default_message_request_mode = MessageRequestMode.POP
    settings.default_pop_share_queue_num = 1
    assert assigned(three) == [("broker-a", number, "POP") for number in range(6)]
    create_plain(three.state, f"%RETRY%{GROUP}", 1, three.now_ms)
    assert assigned(three, topic=f"%RETRY%{GROUP}") == [("broker-a", 0, "PULL")]
    assert set_mode(three, mode="PULL") == 0
    assert assigned(three) == [("broker-a", number, "PULL") for number in (0, 1, 2)]


# ------------------------------------------------------------------------------------------- what was said


def test_a_mode_is_for_what_there_is(three: LoneBroker) -> None:
    assert set_mode(three, "%RETRY%GroupA") == 16
    assert set_mode(three, "TopicB") == set_mode(three, "") == 17
    assert set_mode(three, group="../x") == 26
    assert set_mode(three, group="GroupNew") == 0, "asking makes a group"
    assert (len(three.state.request_modes), "GroupNew" in three.state.groups) == (1, True)


def test_modes_survive_a_restart(three: LoneBroker) -> None:
    assert set_mode(three, share=4) == set_mode(three, group="GroupB") == set_mode(three, share=5) == 0
    again = three.restarted(three.disk)
    assert len(again.state.request_modes) == 2
    said = again.state.request_modes.find(TOPIC, GROUP)
    assert said is not None
    assert (said.mode, said.pop_share_queue_num) == ("POP", 5)
    written = json.loads(again.ask(RequestCode.GET_ALL_MESSAGE_REQUEST_MODE).body)
    assert written["messageRequestModeMap"][TOPIC].keys() == {GROUP, "GroupB"}


def test_the_answer_waits_for_the_file(three: LoneBroker) -> None:
    body = {"topic": TOPIC, "consumerGroup": GROUP, "mode": "POP"}
    three.decide(SET, body=json.dumps(body).encode())
    assert three.state.unsaved == {"messageRequestMode"}


def test_modes_are_bounded(three: LoneBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.broker.balancing.request_mode_table.REQUEST_MODES_MAX", 1)
    assert set_mode(three) == set_mode(three, mode="PULL") == 0
    assert set_mode(three, group="GroupB") == 1
    assert len(three.state.request_modes) == 1


# ---------------------------------------------------------------------------- queues of several brokers


def queues_on(*brokers: str) -> tuple[MessageQueue, ...]:
    return tuple(MessageQueue(TOPIC, name, number) for name in brokers for number in range(2))


def test_the_name_servers_say_which_queues_there_are(three: LoneBroker) -> None:
    three.state.routes.is_followed = True
    outcome = three.decide(ASK, body=question())
    assert outcome == Park(three.now_ms + 2_000, (TOPIC, ROUTE))
    assert three.state.routes.take_wanted() == [TOPIC]
    three.state.routes.learn(TOPIC, queues_on("broker-a", "broker-b"), three.now_ms)
    assert assigned(three, "c1") == [("broker-b", 0, "PULL")]
    assert ids(three, messageModel="BROADCASTING") == [0, 1, 0, 1]
    assert set_mode(three) == 0
    assert assigned(three) == [("broker-a", -1, "POP"), ("broker-b", -1, "POP")]


def test_a_question_that_has_waited_in_vain_is_asked_again(three: LoneBroker) -> None:
    three.state.routes.is_followed = True
    request = Command.of(ASK, {}, question())
    request.resumed = 1

    reply = HANDLERS[ASK](request, Peer(1, "127.0.0.1", 1), three.state, three.now_ms)
    assert reply.body == b"{}"  # type: ignore[union-attr]


def test_routes_are_followed_while_somebody_asks() -> None:
    routes = KnownRoutes()
    routes.learn("Old", queues_on("broker-a"), 0)
    routes.learn("Used", queues_on("broker-a"), 0)
    assert routes.find("Used", 1) == queues_on("broker-a")
    assert routes.to_refresh(KEPT_MS) == ["Old", "Used"]
    assert routes.to_refresh(KEPT_MS + 1) == ["Used"]
    routes.forget("Used")
    assert (routes.find("Used", 2), len(routes)) == (None, 0)


def test_routes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.broker.balancing.known_routes.ROUTED_TOPICS_MAX", 2)
    routes = KnownRoutes()
    for number in range(4):
        routes.find(f"T{number}", number)
    assert routes.take_wanted() == ["T0", "T1"]
    for number in range(3):
        routes.learn(f"T{number}", queues_on("broker-a"), number)
    assert routes.to_refresh(3) == ["T1", "T2"]
    routes.learn("T1", queues_on("broker-b"), 9)
    assert routes.find("T1", 9) == queues_on("broker-b")
