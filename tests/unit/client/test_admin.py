"""An administrator's calls: what goes to which server, and what is made of the answers."""

import asyncio
import random
import zlib
from datetime import UTC, datetime

import pytest

from pocketmq.client import Admin, BrokerError, ClientClosed, MessageQueue, NoBroker, NoRouteError
from pocketmq.model.errors import Refusal, UserError
from pocketmq.model.flags import COMPRESSED
from pocketmq.model.group import SubscriptionGroupConfig
from pocketmq.model.message import StoredMessage
from pocketmq.model.outcome import Reply
from pocketmq.model.peer import pack_host
from pocketmq.protocol.bodies import (
    BrokerData,
    ClusterInfo,
    ConsumerConnection,
    ConsumerRunningInfo,
    ConsumeStats,
    KVTable,
    OffsetWrapper,
    QueueData,
    ResetOffsetBody,
    TopicList,
    TopicOffset,
    TopicRouteData,
    TopicStatsTable,
)
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers import CreateTopicRequest
from pocketmq.protocol.message import encode_record
from pocketmq.protocol.message_id import encode_message_id
from pocketmq.testing.manual_clock import ManualClock
from pocketmq.testing.scripted_cluster import ScriptedCluster
from pocketmq.testing.scripted_peer import Answer, ScriptedPeer

QUEUE = MessageQueue("orders", "broker-a", 0)


def admin(cluster: ScriptedCluster, clock: ManualClock | None = None) -> Admin:
    return Admin(cluster.address, clock=clock or ManualClock(), rng=random.Random(7))


def record(body: bytes, sys_flag: int = 0, stored_ms: int = 0) -> bytes:
    message = StoredMessage(
        topic="orders",
        body=body,
        sys_flag=sys_flag,
        store_timestamp=stored_ms,
        born_host="127.0.0.1:1",
        store_host="127.0.0.1:10911",
    )
    return encode_record(message)


def two_brokers(cluster: ScriptedCluster, other: ScriptedPeer) -> None:
    rows = {
        "broker-a": BrokerData("c", "broker-a", {0: cluster.address}),
        "broker-b": BrokerData("c", "broker-b", {0: other.address, 1: "127.0.0.1:1"}),
        "broker-s": BrokerData("d", "broker-s", {1: "127.0.0.1:1"}),
    }
    table = ClusterInfo(rows, {"c": ("broker-a", "broker-b"), "d": ("broker-s",)})
    queues = (QueueData("broker-a", 1, 1, 6), QueueData("broker-b", 1, 1, 6))
    route = TopicRouteData(queue_datas=queues, broker_datas=(rows["broker-a"], rows["broker-b"]))
    cluster.peer.script[RequestCode.GET_BROKER_CLUSTER_INFO] = Reply(body=table.encode())
    cluster.peer.script[RequestCode.GET_ROUTEINFO_BY_TOPIC] = Reply(body=route.encode())


async def test_a_topic_is_created_on_every_master() -> None:
    async with ScriptedCluster() as cluster, ScriptedPeer() as other, admin(cluster) as one:
        two_brokers(cluster, other)
        for peer in (cluster.peer, other):
            peer.script[RequestCode.UPDATE_AND_CREATE_TOPIC] = Reply()
        await one.create_topic(
            "orders", queues=3, perm=4, order=True, attributes={"+message.type": "FIFO"}, cluster="c"
        )
        for peer in (cluster.peer, other):
            request = await peer.received(RequestCode.UPDATE_AND_CREATE_TOPIC)
            header = CreateTopicRequest.decode(request.fields)
            assert (header.topic, header.default_topic, header.topic_filter_type) == ("orders", "TBW102", "SINGLE_TAG")
            assert (header.read_queue_nums, header.write_queue_nums, header.perm, header.order) == (3, 3, 4, True)
            assert header.attributes == "+message.type=FIFO"


async def test_creating_a_topic_waits_until_it_has_a_route() -> None:
    clock = ManualClock()

    async with ScriptedCluster() as cluster, admin(cluster, clock) as one:

        def create(request: Command) -> Answer:
            return Reply()

        cluster.peer.script[RequestCode.UPDATE_AND_CREATE_TOPIC] = create
        creating = asyncio.ensure_future(one.create_topic("orders", address=cluster.address))
        await clock.advance(1.0)
        assert not creating.done()
        cluster.topics["orders"] = 8
        await clock.advance_until(creating.done)
        await creating


async def test_a_topic_that_gets_no_route_is_not_waited_for_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    async with ScriptedCluster() as cluster, admin(cluster, clock) as one:
        cluster.peer.script[RequestCode.UPDATE_AND_CREATE_TOPIC] = Reply()
        creating = asyncio.ensure_future(one.create_topic("orders"))
        await clock.advance_until(creating.done)
        await creating
        assert clock.monotonic() < 4.0
        assert "do not know all its brokers yet" in caplog.text


async def test_a_topic_is_deleted_from_brokers_and_name_servers() -> None:
    async with ScriptedCluster() as cluster, admin(cluster) as one:
        for code in (RequestCode.DELETE_TOPIC_IN_BROKER, RequestCode.DELETE_TOPIC_IN_NAMESRV):
            cluster.peer.script[code] = Reply()
        await one.delete_topic("orders")
        codes = [request.code for request in cluster.peer.requests]
        assert codes[-2:] == [RequestCode.DELETE_TOPIC_IN_BROKER, RequestCode.DELETE_TOPIC_IN_NAMESRV]


async def test_mistakes_are_said_before_anything_is_sent() -> None:
    async with ScriptedCluster() as cluster, admin(cluster) as one:
        with pytest.raises(UserError, match="illegal characters"):
            await one.create_topic("a b")
        with pytest.raises(UserError, match="no cluster 'nowhere'; known: DefaultCluster"):
            await one.create_topic("orders", cluster="nowhere")
        with pytest.raises(NoRouteError):
            await one.topic_route("missing")
        cluster.peer.script[RequestCode.GET_BROKER_CLUSTER_INFO] = Reply(body=ClusterInfo().encode())
        with pytest.raises(NoBroker, match="no master is registered"):
            await one.create_topic("orders")


async def test_figures_of_all_brokers_are_put_together() -> None:
    async with ScriptedCluster() as cluster, ScriptedPeer() as other, admin(cluster) as one:
        two_brokers(cluster, other)
        for name, peer in (("broker-a", cluster.peer), ("broker-b", other)):
            queue = MessageQueue("orders", name, 0)
            peer.script[RequestCode.GET_TOPIC_STATS_INFO] = Reply(
                body=TopicStatsTable(1.5, {queue: TopicOffset(1, 5, 9)}).encode()
            )
            peer.script[RequestCode.GET_CONSUME_STATS] = Reply(
                body=ConsumeStats({queue: OffsetWrapper(5, 3, 4, 9)}, 2.5).encode()
            )
        stats = await one.topic_stats("orders")
        assert (stats.topic_put_tps, len(stats.offset_table), stats.offset_table[QUEUE].max_offset) == (3.0, 2, 5)
        progress = await one.consume_stats("CG", "orders")
        assert (progress.consume_tps, progress.offset_table[QUEUE].consumer_offset) == (5.0, 3)
        assert (await cluster.peer.received(RequestCode.GET_CONSUME_STATS)).fields["topic"] == "orders"
        await one.consume_stats("CG")
        assert "topic" not in (await cluster.peer.received(RequestCode.GET_CONSUME_STATS, 2)).fields


async def test_offsets_are_reset_on_every_broker() -> None:
    async with ScriptedCluster() as cluster, ScriptedPeer() as other, admin(cluster) as one:
        two_brokers(cluster, other)
        cluster.peer.script[RequestCode.INVOKE_BROKER_TO_RESET_OFFSET] = Reply(
            body=ResetOffsetBody({QUEUE: 3}).encode()
        )
        other.script[RequestCode.INVOKE_BROKER_TO_RESET_OFFSET] = Reply()
        assert await one.reset_offsets("CG", "orders", datetime(2024, 1, 1, tzinfo=UTC)) == {QUEUE: 3}
        fields = (await other.received(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET)).fields
        assert (fields["group"], fields["timestamp"], fields["isForce"]) == ("CG", "1704067200000", "true")
        assert (fields["queueId"], fields["offset"]) == ("-1", "-1")


async def test_settings_travel_as_java_properties() -> None:
    async with ScriptedCluster() as cluster, admin(cluster) as one:
        cluster.peer.script[RequestCode.GET_BROKER_CONFIG] = Reply(body=b"brokerName=a\nflushDiskType=ASYNC_FLUSH\n")
        cluster.peer.script[RequestCode.UPDATE_BROKER_CONFIG] = Reply()
        assert (await one.broker_config(cluster.address))["flushDiskType"] == "ASYNC_FLUSH"
        await one.update_broker_config(cluster.address, {"flushDiskType": "SYNC_FLUSH"})
        assert (await cluster.peer.received(RequestCode.UPDATE_BROKER_CONFIG)).body == b"flushDiskType=SYNC_FLUSH\n"
        cluster.peer.script[RequestCode.UPDATE_BROKER_CONFIG] = Reply(ResponseCode.NO_PERMISSION, "black list")
        with pytest.raises(BrokerError, match="16 NO_PERMISSION: black list"):
            await one.update_broker_config(cluster.address, {"brokerName": "x"})


async def test_messages_are_found_by_key_oldest_first_and_readable() -> None:
    async with ScriptedCluster() as cluster, ScriptedPeer() as other, admin(cluster) as one:
        two_brokers(cluster, other)
        hits = record(b"late", stored_ms=9) + record(zlib.compress(b"early"), COMPRESSED, stored_ms=3)
        cluster.peer.script[RequestCode.QUERY_MESSAGE] = Reply(body=hits + record(b"junk", COMPRESSED, stored_ms=1))
        other.script[RequestCode.QUERY_MESSAGE] = Reply(ResponseCode.QUERY_NOT_FOUND, "can not find message")
        assert [found.body for found in await one.query_by_key("orders", "k1", count_max=5)] == [
            b"junk",
            b"early",
            b"late",
        ]
        fields = (await other.received(RequestCode.QUERY_MESSAGE)).fields
        assert (fields["key"], fields["maxNum"], fields["endTimestamp"]) == ("k1", "5", "9223372036854775807")
        assert "_UNIQUE_KEY_QUERY" not in fields
        await one.query_by_unique_key("orders", "U")
        assert (await other.received(RequestCode.QUERY_MESSAGE, 2)).fields["_UNIQUE_KEY_QUERY"] == "true"


async def test_a_message_is_viewed_where_its_id_says() -> None:
    async with ScriptedCluster() as cluster, admin(cluster) as one:
        cluster.peer.script[RequestCode.VIEW_MESSAGE_BY_ID] = Reply(body=record(b"it"))
        host, _, port = cluster.address.partition(":")
        place = encode_message_id(pack_host(host, int(port)), 4711)
        assert (await one.view_message(place)).body == b"it"
        assert (await cluster.peer.received(RequestCode.VIEW_MESSAGE_BY_ID)).fields["offset"] == "4711"
        with pytest.raises(Refusal, match="hexadecimal"):
            await one.view_message("not an id")


async def test_groups_are_made_looked_at_and_deleted() -> None:
    async with ScriptedCluster(**{"%RETRY%CG": 1}) as cluster, admin(cluster) as one:
        script = cluster.peer.script
        script[RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP] = Reply()
        script[RequestCode.DELETE_SUBSCRIPTIONGROUP] = Reply()
        script[RequestCode.GET_CONSUMER_CONNECTION_LIST] = Reply(body=ConsumerConnection().encode())
        script[RequestCode.GET_CONSUMER_RUNNING_INFO] = Reply(body=ConsumerRunningInfo(jstack="x").encode())
        await one.create_group(SubscriptionGroupConfig("CG", retry_max_times=3))
        assert b'"retryMaxTimes":3' in (await cluster.peer.received(200)).body
        assert (await one.consumer_connection("CG")).connection_set == ()
        assert (await one.consumer_running("CG", "me")).jstack == "x"
        await one.delete_group("CG")
        assert (await cluster.peer.received(207)).fields == {"groupName": "CG", "cleanOffset": "true"}
        script[RequestCode.GET_CONSUMER_CONNECTION_LIST] = Reply(ResponseCode.CONSUMER_NOT_ONLINE, "not online")
        with pytest.raises(BrokerError, match="no consumer of this group"):
            await one.consumer_connection("CG", address=cluster.address)


async def test_the_rest_is_read_as_it_comes() -> None:
    async with ScriptedCluster(orders=2) as cluster, admin(cluster) as one:
        cluster.peer.script[RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER] = Reply(body=TopicList(("b", "a")).encode())
        cluster.peer.script[RequestCode.GET_BROKER_RUNTIME_INFO] = Reply(body=KVTable({"bootTimestamp": "1"}).encode())
        assert await one.topics() == ("a", "b")
        assert (await one.topic_route("orders")).queue_datas[0].write_queue_nums == 2
        cluster.topics["orders"] = 3
        assert (await one.topic_route("orders")).queue_datas[0].write_queue_nums == 3, "never from memory"
        assert await one.broker_runtime(cluster.address) == {"bootTimestamp": "1"}
        assert "broker-a" in (await one.cluster()).broker_addr_table


async def test_a_closed_admin_asks_nobody() -> None:
    async with ScriptedCluster() as cluster:
        with pytest.raises(ClientClosed):
            await admin(cluster).topics()
