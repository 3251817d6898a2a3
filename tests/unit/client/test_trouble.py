"""Servers that are slow, silent, confused or gone, and what a client makes of them."""

import asyncio
import random
from collections.abc import Callable

import pytest

from pocketmq.client import CallTimeout, ConnectFailed, Consumer, Message, MessageQueue, NoRouteError, Producer
from pocketmq.client.connections import Connections
from pocketmq.client.name_servers import NameServers
from pocketmq.client.routes import Routes
from pocketmq.model.flags import COMPRESSED, INNER_BATCH, NEED_UNWRAP, CompressionType
from pocketmq.model.outcome import Reply
from pocketmq.protocol.bodies import BrokerData, QueueData, TopicRouteData
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.testing.manual_clock import ManualClock, until
from pocketmq.testing.scripted_cluster import BROKER, ScriptedCluster
from pocketmq.testing.scripted_peer import SILENCE, Answer, ScriptedPeer

Consuming = Callable[..., Consumer]

BEAT, PULL, ROUTE = RequestCode.HEART_BEAT, RequestCode.PULL_MESSAGE, RequestCode.GET_ROUTEINFO_BY_TOPIC
LOCK, UNLOCK = RequestCode.LOCK_BATCH_MQ, RequestCode.UNLOCK_BATCH_MQ
QUEUE = MessageQueue("orders", BROKER, 0)


async def test_a_broker_deaf_to_heartbeats_loses_its_connection() -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster, Producer(cluster.address, group="PG", clock=clock) as producer:
        await producer.send(Message("orders", b"x"))
        cluster.peer.script[BEAT] = SILENCE
        await clock.advance(30.0)
        await cluster.peer.received(BEAT)
        await clock.advance(3.0)
        cluster.peer.script[BEAT] = Reply(ResponseCode.SYSTEM_ERROR, "confused")
        await producer.send(Message("orders", b"y"))
        assert cluster.peer.connection_count == 2


async def test_a_route_that_cannot_be_refreshed_is_kept() -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster, Producer(cluster.address, group="PG", clock=clock) as producer:
        await producer.send(Message("orders", b"x"))
        for nonsense in (Reply(body=b"[1,"), Reply(ResponseCode.SYSTEM_ERROR, "no"), SILENCE):
            cluster.peer.script[ROUTE] = nonsense
            asked = cluster.peer.count(ROUTE)
            await clock.advance_until(lambda asked=asked: cluster.peer.count(ROUTE) > asked, step=1.0)
            await clock.advance(4.0)
        assert (await producer.send(Message("orders", b"y"))).queue_offset == 1


async def test_name_servers_that_are_silent_cost_no_more_than_the_send_has() -> None:
    clock = ManualClock()
    async with ScriptedPeer({ROUTE: SILENCE}) as peer, Producer(peer.address, group="PG", clock=clock) as producer:
        sends = [
            asyncio.ensure_future(producer.send(Message("orders", b"x"), timeout=seconds)) for seconds in (3.0, 1.0)
        ]
        await peer.received(ROUTE)
        await clock.advance(1.0)
        with pytest.raises(NoRouteError, match="within 1 s"):
            await sends[1]
        await clock.advance(2.0)
        with pytest.raises(NoRouteError):
            await sends[0]


async def test_who_waits_for_somebody_elses_connecting_waits_no_longer_than_it_wants() -> None:
    clock = ManualClock()
    async with ScriptedPeer({BEAT: SILENCE, 900: Reply()}) as peer:

        async def greet(channel: object) -> None:
            await channel.call(BEAT, timeout=3.0)  # type: ignore[attr-defined]

        pool = Connections(clock, lambda channel, request: None, greet)
        patient = asyncio.ensure_future(pool.call(peer.address, 900, timeout=5.0))
        await peer.received(BEAT)
        hasty = asyncio.ensure_future(pool.call(peer.address, 900, timeout=0.5))
        await clock.advance(0.5)
        with pytest.raises(ConnectFailed, match=r"within 0\.5 s"):
            await hasty
        await clock.advance(2.5)
        with pytest.raises(CallTimeout):
            await patient
        await pool.close("done")


async def test_a_broker_that_leaves_the_routes_is_forgotten() -> None:
    clock = ManualClock()

    def routed(*names: str) -> Reply:
        rows = tuple(QueueData(name, 1, 1, 6) for name in names)
        brokers = tuple(BrokerData("c", name, {0: f"{name}:1"}) for name in names)
        return Reply(body=TopicRouteData(queue_datas=rows, broker_datas=brokers).encode())

    async with ScriptedPeer({ROUTE: routed("a", "b")}) as peer:
        pool = Connections(clock, lambda channel, request: None)
        routes = Routes(NameServers([peer.address], pool, clock, random.Random(1)), random.Random(1))
        await routes.refresh("t")
        assert routes.addresses(masters_only=True) == ["a:1", "b:1"]
        peer.script[ROUTE] = routed("b", "c")
        await routes.refresh("t")
        assert routes.addresses(masters_only=True) == ["b:1", "c:1"]
        await pool.close("done")


async def test_a_topic_that_never_was_is_not_asked_for_again() -> None:
    clock = ManualClock()
    async with ScriptedCluster() as cluster, Producer(cluster.address, group="PG", clock=clock) as producer:
        with pytest.raises(NoRouteError):
            await producer.send(Message("missing", b"x"))
        asked = cluster.peer.count(ROUTE)
        await clock.advance(65.0)
        assert cluster.peer.count(ROUTE) == asked


async def test_flow_control_is_a_short_pause(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster:
        await cluster.store("orders", b"x")
        good = cluster.peer.script[PULL]

        def slowly(request: Command) -> Answer:
            if len(cluster.pulls("orders")) < 5:
                return Reply(ResponseCode.FLOW_CONTROL, "slow down")
            return good(request)  # type: ignore[operator, return-value]

        cluster.peer.script[PULL] = slowly
        async with consuming(cluster, clock, start_at="first") as consumer:
            await consumer.subscribe("orders")
            taking = asyncio.ensure_future(anext(consumer))
            await clock.advance_until(taking.done, step=0.02)
            assert clock.monotonic() < 0.5


async def test_a_broken_batch_is_handed_over_as_it_is(consuming: Consuming) -> None:
    packed = COMPRESSED | CompressionType.ZLIB.flag
    async with ScriptedCluster(orders=1) as cluster:
        await cluster.store("orders", b"junk", sys_flag=INNER_BATCH | NEED_UNWRAP)
        await cluster.store("orders", b"junk", sys_flag=packed | INNER_BATCH | NEED_UNWRAP)
        await cluster.store("orders", b"good")
        async with consuming(cluster, start_at="first") as consumer:
            await consumer.subscribe("orders")
            offsets = [(await anext(consumer)).queue_offset for _ in range(3)]
            assert offsets == [0, 1, 2]


async def test_a_pull_answered_with_nonsense_is_tried_again(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster:
        await cluster.store("orders", b"x")
        good = cluster.peer.script[PULL]
        header = {"suggestWhichBrokerId": "0", "nextBeginOffset": "1", "minOffset": "0", "maxOffset": "1"}
        for nonsense in (Reply(), Reply(fields=header, body=b"no record")):
            cluster.peer.script[PULL] = nonsense
            async with consuming(cluster, clock, start_at="first") as consumer:
                await consumer.subscribe("orders")
                await until(lambda: cluster.pulls("orders"))
                cluster.peer.script[PULL] = good
                taking = asyncio.ensure_future(anext(consumer))
                await clock.advance_until(taking.done)
                assert (await taking).body == b"x"


async def test_locks_that_the_broker_cannot_grant_or_take_back_are_tried_again(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster:
        good = cluster.peer.script[LOCK]
        cluster.peer.script[LOCK] = Reply(ResponseCode.SYSTEM_ERROR, "confused")
        async with consuming(cluster, clock, orderly=True, start_at="first") as consumer:
            await consumer.subscribe("orders")
            assert cluster.pulls("orders") == []
            cluster.peer.script[LOCK] = good
            await clock.advance_until(lambda: cluster.pulls("orders"))
            cluster.peer.script[LOCK] = SILENCE
            before = cluster.peer.count(LOCK)
            await clock.advance_until(lambda: cluster.peer.count(LOCK) >= before + 3, step=1.0)
            assert clock.monotonic() < 30.0, "a renewal without an answer is repeated soon"
            await clock.advance_until(lambda: QUEUE not in cluster.locked_by, step=1.0)
            assert clock.monotonic() < 60.0, "the broker's own time-out comes later"


async def test_an_offset_that_is_not_taken_is_committed_later(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster:
        await cluster.store("orders", b"x")
        good = cluster.peer.script[RequestCode.UPDATE_CONSUMER_OFFSET]
        cluster.peer.script[RequestCode.UPDATE_CONSUMER_OFFSET] = Reply(ResponseCode.SYSTEM_ERROR, "disk full")
        async with consuming(cluster, clock, start_at="first") as consumer:
            await consumer.subscribe("orders")
            await (await anext(consumer)).ack()
            await clock.advance(5.0)
            cluster.peer.script[RequestCode.UPDATE_CONSUMER_OFFSET] = good
            await clock.advance_until(lambda: cluster.committed.get(("CG", "orders", 0)) == 1)


async def test_unsubscribing_while_pulls_return_harms_nobody(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster, consuming(cluster, start_at="first") as consumer:
        await consumer.subscribe("orders")
        await until(lambda: cluster.pulls("orders"))
        leaving = asyncio.ensure_future(consumer.unsubscribe("orders"))
        await cluster.store("orders", b"x")
        await leaving
        await until(lambda: ("CG", "orders", 0) in cluster.committed)
        assert cluster.committed["CG", "orders", 0] == 0
