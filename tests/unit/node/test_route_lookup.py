"""Routes asked of name servers, for clients whose queues a broker shares out."""

import asyncio
import json
from pathlib import Path

from hand_driver import HandDriver
from hand_frames import send_frame
from hand_stories import in_loop

from pocketmq.broker.balancing.known_routes import KnownRoutes
from pocketmq.client import Admin
from pocketmq.client.connections import Connections
from pocketmq.model.outcome import Reply
from pocketmq.model.queue import MessageQueue
from pocketmq.node.route_lookup import RouteLookup
from pocketmq.protocol.bodies import QueueData, TopicRouteData
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command, encode_request
from pocketmq.testing.embedded import embedded
from pocketmq.testing.manual_clock import ManualClock, until
from pocketmq.testing.scripted_peer import ScriptedPeer
from pocketmq.transport.clock import Clock

PATIENCE_SECONDS = 30.0
ROUTE = TopicRouteData(queue_datas=[QueueData("broker-b", 2, 2, 6), QueueData("broker-a", 1, 1, 6)], broker_datas=[])
QUEUES = (
    MessageQueue("TopicA", "broker-a", 0),
    MessageQueue("TopicA", "broker-b", 0),
    MessageQueue("TopicA", "broker-b", 1),
)


def question(topic: str = "TopicA", model: str = "BROADCASTING") -> bytes:
    asked = {"topic": topic, "consumerGroup": "G", "clientId": "c", "strategyName": "AVG", "messageModel": model}
    return json.dumps(asked).encode()


def rows(answer: Command) -> object:
    return json.loads(answer.body).get("messageQueueAssignments")


@in_loop
async def test_a_question_waits_for_the_route_and_no_longer_than_it_may() -> None:
    hand = HandDriver()
    hand.state.routes.is_followed = True
    wanted: list[str] = []
    hand.driver.on_route_wanted = lambda: wanted.extend(hand.state.routes.take_wanted())
    link, session = hand.connect()
    session.received(encode_request(RequestCode.QUERY_ASSIGNMENT, {}, question(), opaque=1))
    assert (link.take(), wanted) == ([], ["TopicA"])
    hand.state.routes.learn("TopicA", QUEUES, hand.now_ms)
    hand.driver.route_heard("TopicA")
    (answer,) = link.take()
    assert [row["messageQueue"]["queueId"] for row in rows(answer)] == [0, 0, 1]  # type: ignore[attr-defined]
    session.received(encode_request(RequestCode.QUERY_ASSIGNMENT, {}, question("TopicB"), opaque=2))
    session.received(send_frame(3, topic="TopicB"))
    hand.driver.route_heard("TopicA")
    hand.now_ms += 1_900
    hand.driver.due()
    assert [answer.opaque for answer in link.take()] == []
    hand.now_ms += 200
    hand.driver.due()
    assert [(answer.opaque, answer.code, rows(answer)) for answer in link.take()] == [(2, 0, None)]
    assert hand.state.store.find_queue("TopicB", -1) is None, "what it waited for is no queue"


@in_loop
async def test_answers_are_learnt_kept_and_forgotten() -> None:
    clock, routes, heard = Clock(), KnownRoutes(), list[str]()
    async with ScriptedPeer({RequestCode.GET_ROUTEINFO_BY_TOPIC: Reply(body=ROUTE.encode())}) as peer:
        lookup = RouteLookup(routes, [peer.address], clock, lambda: 30_000, heard.append)
        assert routes.is_followed
        await lookup.ask("TopicA")
        assert routes.find("TopicA", 0) == QUEUES
        peer.script[RequestCode.GET_ROUTEINFO_BY_TOPIC] = Reply(ResponseCode.SYSTEM_ERROR)
        await lookup.ask("TopicA")
        peer.script[RequestCode.GET_ROUTEINFO_BY_TOPIC] = Reply(body=b"{")
        await lookup.ask("TopicA")
        assert routes.find("TopicA", 0) == QUEUES, "what was known stays"
        peer.script[RequestCode.GET_ROUTEINFO_BY_TOPIC] = Reply(ResponseCode.TOPIC_NOT_EXIST)
        await lookup.ask("TopicA")
        assert (routes.find("TopicA", 0), heard) == (None, ["TopicA"] * 4)
        await lookup.close()


@in_loop
async def test_known_routes_are_looked_at_again_at_each_interval() -> None:
    clock, routes, heard = ManualClock(), KnownRoutes(), list[str]()
    async with ScriptedPeer({RequestCode.GET_ROUTEINFO_BY_TOPIC: Reply(body=ROUTE.encode())}) as peer:
        lookup = RouteLookup(routes, [peer.address], clock, lambda: 30_000, heard.append)
        keeping = asyncio.ensure_future(lookup.keep())
        routes.find("TopicA", clock.now_ms())
        lookup.wake.set()
        await until(lambda: heard)
        assert clock.due_in() == [30.0]
        await clock.advance(29.9)
        assert heard == ["TopicA"]
        await clock.advance(0.1)
        await until(lambda: len(heard) > 1)
        await clock.advance(0)
        assert (heard, clock.due_in()) == (["TopicA"] * 2, [30.0])
        keeping.cancel()
        await lookup.close()


def test_without_name_servers_a_broker_is_all_there_is() -> None:
    async def scene() -> None:
        routes = KnownRoutes()
        lookup = RouteLookup(routes, [], Clock(), lambda: 30_000, lambda topic: None)
        assert not routes.is_followed
        await lookup.close()

    asyncio.run(scene())


def test_a_running_broker_asks_its_name_server(tmp_path: Path) -> None:
    async def scene() -> None:
        clock = Clock()
        connections = Connections(clock, lambda channel, request: None)
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            embedded(tmp_path) as cluster,
            Admin(cluster.namesrv_address) as admin,
        ):
            await admin.create_topic("TopicA", queues=3)
            body = question()
            answer = await connections.call(
                cluster.broker_address, RequestCode.QUERY_ASSIGNMENT, {}, body, timeout=PATIENCE_SECONDS
            )
            assert [row["messageQueue"]["queueId"] for row in rows(answer)] == [0, 1, 2]  # type: ignore[attr-defined]
        await connections.close("done")

    asyncio.run(scene())
