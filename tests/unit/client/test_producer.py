"""Sending: what goes out, what comes back, when it is tried again and when it is given up."""

import asyncio
import random
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from pocketmq.client import (
    BrokerError,
    ChannelClosed,
    ClientClosed,
    IllegalMessage,
    Message,
    MessageQueue,
    NoRouteError,
    Producer,
    SendStatus,
    SendTimeout,
)
from pocketmq.client.producer import RETRYABLE
from pocketmq.model.errors import UserError
from pocketmq.model.flags import COMPRESSED, CompressionType
from pocketmq.model.outcome import Reply
from pocketmq.protocol.bodies import BrokerData, ClusterInfo, HeartbeatData, QueueData, TopicRouteData
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers import SendMessageRequestV2
from pocketmq.protocol.message import decode_messages
from pocketmq.protocol.properties import decode_properties
from pocketmq.testing.manual_clock import ManualClock
from pocketmq.testing.scripted_cluster import ScriptedCluster
from pocketmq.testing.scripted_peer import HANG_UP, SILENCE, Answer, ScriptedPeer

SEND, ROUTE = RequestCode.SEND_MESSAGE_V2, RequestCode.GET_ROUTEINFO_BY_TOPIC


@asynccontextmanager
async def producing(cluster: ScriptedCluster, **choices: int) -> AsyncIterator[tuple[Producer, ManualClock]]:
    clock = ManualClock()
    async with Producer(cluster.address, group="PG", clock=clock, rng=random.Random(7), **choices) as producer:  # type: ignore[arg-type]
        yield producer, clock


async def drive(clock: ManualClock, work: "asyncio.Future[object]") -> None:
    """Lets time pass until `work` is done; for work that pauses between attempts."""
    while not work.done():
        await asyncio.sleep(0)
        due = clock.due_in()
        if due and due[0] < 0.5:
            await clock.advance(due[0])


async def test_a_message_arrives_as_it_was_written() -> None:
    async with ScriptedCluster(orders=4) as cluster, producing(cluster) as (producer, clock):
        message = Message("orders", b"body", tags="a", keys=["k1", "k2"], properties={"price": "5"}, flag=9)
        result = await producer.send(message)
        request = await cluster.peer.received(SEND)
        header = SendMessageRequestV2.decode(request.fields)
        assert request.body == b"body"
        assert (header.producer_group, header.topic, header.default_topic) == ("PG", "orders", "TBW102")
        assert (header.default_topic_queue_nums, header.flag, header.sys_flag) == (4, 9, 0)
        assert (header.born_timestamp, header.reconsume_times, header.batch) == (clock.now_ms(), 0, False)
        assert decode_properties(header.properties or "") == {
            "KEYS": "k1 k2",
            "TAGS": "a",
            "WAIT": "true",
            "price": "5",
            "UNIQ_KEY": result.message_id,
        }
        assert result.queue == MessageQueue("orders", "broker-a", header.queue_id)
        assert (result.queue_offset, result.status) == (0, SendStatus.OK)
        assert result.offset_message_id.startswith("7F00000100002A9F")


async def test_queues_take_turns() -> None:
    async with ScriptedCluster(orders=4) as cluster, producing(cluster) as (producer, _):
        results = [await producer.send(Message("orders", b"x")) for _ in range(8)]
        assert sorted(result.queue.queue_id for result in results) == [0, 0, 1, 1, 2, 2, 3, 3]
        assert len({result.message_id for result in results}) == 8


async def test_sends_may_run_at_once() -> None:
    async with ScriptedCluster(orders=4) as cluster, producing(cluster) as (producer, _):
        await asyncio.gather(*(producer.send(Message("orders", b"x")) for _ in range(200)))
        assert cluster.peer.count(SEND) == 200
        assert (cluster.peer.count(ROUTE), cluster.peer.connection_count) == (1, 1)


async def test_a_shard_keeps_its_queue_and_a_named_queue_is_used() -> None:
    async with ScriptedCluster(orders=4) as cluster, producing(cluster) as (producer, _):
        shards = [(await producer.send(Message("orders", b"x"), shard="order-1")).queue.queue_id for _ in range(3)]
        assert shards == [2, 2, 2]  # abs("order-1".hashCode() % 4) in Java
        queue = MessageQueue("orders", "broker-a", 2)
        assert (await producer.send(Message("orders", b"x"), queue=queue)).queue == queue


async def test_large_bodies_travel_compressed() -> None:
    async with ScriptedCluster(orders=1) as cluster, producing(cluster) as (producer, _):
        await producer.send(Message("orders", b"a" * 4096))
        await producer.send(Message("orders", b"a" * 4097))
        await producer.send(Message("orders", random.Random(1).randbytes(5000)))
        small, large, random_bytes = (one for one in cluster.peer.requests if one.code == SEND)
        assert (small.fields["f"], small.body_size) == ("0", 4096)
        assert int(large.fields["f"]) == COMPRESSED | CompressionType.ZLIB.flag
        assert zlib.decompress(large.body) == b"a" * 4097
        assert (random_bytes.fields["f"], random_bytes.body_size) == ("0", 5000)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (Message("orders", b"x", delay_level=3), {"DELAY": "3"}),
        (Message("orders", b"x", delay=timedelta(seconds=2.5)), {"TIMER_DELAY_MS": "2500"}),
        (
            Message("orders", b"x", deliver_at=datetime(2024, 2, 29, 12, 34, 56, 789_000, UTC)),
            {"TIMER_DELIVER_MS": "1709210096789"},
        ),
    ],
)
async def test_delays_travel_as_properties(message: Message, expected: dict[str, str]) -> None:
    async with ScriptedCluster(orders=1) as cluster, producing(cluster) as (producer, _):
        await producer.send(message)
        sent = decode_properties((await cluster.peer.received(SEND)).fields["i"])
        assert expected.items() <= sent.items()


@pytest.mark.parametrize("status", [one for one in SendStatus if one is not SendStatus.OK])
async def test_stored_but_less_safe_is_a_result(status: SendStatus) -> None:
    fields = {"msgId": "00", "queueId": "0", "queueOffset": "5"}
    async with ScriptedCluster(orders=1) as cluster, producing(cluster) as (producer, _):
        cluster.peer.script[SEND] = Reply(status.value, "late", fields)
        result = await producer.send(Message("orders", b"x"))
        assert (result.status, result.queue_offset) == (status, 5)


async def test_a_batch_is_one_request() -> None:
    async with ScriptedCluster(orders=1) as cluster, producing(cluster) as (producer, _):
        messages = [Message("orders", str(number).encode(), tags="t", flag=number) for number in range(3)]
        result = await producer.send_batch(messages)
        request = await cluster.peer.received(RequestCode.SEND_BATCH_MESSAGE)
        assert request.fields["m"] == "true"
        inside = decode_messages("orders", request.body)
        assert [(one.body, one.flag, one.tags) for one in inside] == [(b"0", 0, "t"), (b"1", 1, "t"), (b"2", 2, "t")]
        assert result.message_id == ",".join(one.unique_key or "" for one in inside)


@pytest.mark.parametrize(
    ("messages", "fault"),
    [
        ([], "at least one"),
        ([Message("a", b"x"), Message("b", b"x")], "one topic"),
        ([Message("a", b"x"), Message("a", b"x", waits_for_store=False)], "agree"),
        ([Message("a", b"x", delay_level=1)], "delay"),
        ([Message("%RETRY%g", b"x")], "retry topic"),
        ([Message("a", b"x" * 3_000_000)] * 2, "send fewer"),
    ],
)
async def test_what_cannot_travel_together_stays(messages: list[Message], fault: str) -> None:
    async with ScriptedCluster(a=1) as cluster, producing(cluster) as (producer, _):
        with pytest.raises(IllegalMessage, match=fault):
            await producer.send_batch(messages)
        assert cluster.peer.requests == []


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (Message("", b"x"), "blank"),
        (Message("a b", b"x"), "illegal characters"),
        (Message("a" * 128, b"x"), "longer than"),
        (Message("SCHEDULE_TOPIC_XXXX", b"x"), "forbidden"),
        (Message("a", b""), r"outside 1\.\."),
        (Message("a", b"x" * (4 * 1024 * 1024 + 1)), r"outside 1\.\."),
        (Message("a", b"x", properties={"p": "v" * 32_767}), "32767 bytes"),
    ],
)
async def test_an_illegal_message_does_not_leave(message: Message, fault: str) -> None:
    async with ScriptedCluster(a=1) as cluster, producing(cluster) as (producer, _):
        for send in (producer.send, producer.send_oneway):
            with pytest.raises(IllegalMessage, match=fault):
                await send(message)
        assert cluster.peer.requests == []


async def test_oneway_is_not_answered() -> None:
    async with ScriptedCluster(orders=1) as cluster, producing(cluster) as (producer, _):
        await producer.send_oneway(Message("orders", b"x"))
        assert (await cluster.peer.received(SEND)).is_oneway


async def test_a_new_topic_is_sent_to_by_the_auto_create_topics_route() -> None:
    async with ScriptedCluster(TBW102=8) as cluster, producing(cluster) as (producer, clock):
        queues = [(await producer.send(Message("fresh", b"x"))).queue for _ in range(4)]
        assert sorted(queue.queue_id for queue in queues) == [0, 1, 2, 3]
        cluster.topics["fresh"] = 6
        await clock.advance(30.0)
        await cluster.peer.received(ROUTE, 3)
        while len(await producer.queues("fresh")) != 6:
            await asyncio.sleep(0)


@pytest.mark.parametrize("code", sorted(RETRYABLE))
async def test_some_refusals_are_worth_another_attempt(code: int) -> None:
    async with ScriptedCluster(orders=1) as cluster, producing(cluster) as (producer, clock):
        good = cluster.peer.script[SEND]

        def once(request: Command) -> Answer:
            cluster.peer.script[SEND] = good
            return Reply(code, "not now")

        cluster.peer.script[SEND] = once
        sending = asyncio.ensure_future(producer.send(Message("orders", b"x")))
        await drive(clock, sending)
        assert (await sending).status is SendStatus.OK
        first, second = (one for one in cluster.peer.requests if one.code == SEND)
        assert first.fields["i"] == second.fields["i"]


async def test_attempts_are_counted_and_the_last_refusal_is_raised() -> None:
    async with ScriptedCluster(orders=1) as cluster, producing(cluster) as (producer, clock):
        cluster.peer.script[SEND] = Reply(ResponseCode.SYSTEM_BUSY, "[REJECTREQUEST]system busy")
        sending = asyncio.ensure_future(producer.send(Message("orders", b"x")))
        await drive(clock, sending)
        with pytest.raises(BrokerError, match="SYSTEM_BUSY") as caught:
            await sending
        assert (caught.value.code, caught.value.remark) == (2, "[REJECTREQUEST]system busy")
        assert "send more slowly" in caught.value.hint
        assert (cluster.peer.count(SEND), cluster.peer.count(ROUTE)) == (3, 1)


async def test_other_refusals_are_final() -> None:
    async with ScriptedCluster(orders=1) as cluster, producing(cluster) as (producer, _):
        cluster.peer.script[SEND] = Reply(ResponseCode.MESSAGE_ILLEGAL, "too large")
        with pytest.raises(BrokerError, match="13 MESSAGE_ILLEGAL: too large"):
            await producer.send(Message("orders", b"x"))
        assert cluster.peer.count(SEND) == 1


async def test_another_broker_is_tried_after_a_failure() -> None:
    async with ScriptedCluster() as cluster, ScriptedPeer({SEND: HANG_UP}) as bad:
        rows = tuple(QueueData(name, 2, 2, 6) for name in ("broker-a", "broker-b"))
        brokers = (
            BrokerData("c", "broker-a", {0: cluster.address}),
            BrokerData("c", "broker-b", {0: bad.address}),
        )
        cluster.peer.script[ROUTE] = Reply(body=TopicRouteData(queue_datas=rows, broker_datas=brokers).encode())
        async with producing(cluster) as (producer, clock):
            for number in range(4):
                sending = asyncio.ensure_future(producer.send(Message("orders", b"x")))
                await drive(clock, sending)
                assert (await sending).queue.broker_name == "broker-a", number
        assert bad.count(SEND) > 0


async def test_a_lost_connection_is_opened_again() -> None:
    async with ScriptedCluster(orders=1) as cluster, producing(cluster) as (producer, clock):
        await producer.send(Message("orders", b"x"))
        cluster.peer.drop_connections()
        sending = asyncio.ensure_future(producer.send(Message("orders", b"y")))
        await drive(clock, sending)
        assert (await sending).queue_offset == 1
        assert cluster.peer.connection_count == 2


async def test_a_broker_that_always_hangs_up_is_reported() -> None:
    async with ScriptedCluster(orders=1) as cluster, producing(cluster) as (producer, clock):
        cluster.peer.script[SEND] = HANG_UP
        sending = asyncio.ensure_future(producer.send(Message("orders", b"x")))
        await drive(clock, sending)
        with pytest.raises(ChannelClosed):
            await sending
        assert cluster.peer.count(SEND) == 3


async def test_silence_ends_when_the_time_is_up() -> None:
    async with ScriptedCluster(orders=1) as cluster, producing(cluster) as (producer, clock):
        cluster.peer.script[SEND] = SILENCE
        sending = asyncio.ensure_future(producer.send(Message("orders", b"x")))
        await cluster.peer.received(SEND)
        await clock.advance(2.9)
        assert not sending.done()
        await clock.advance(0.1)
        with pytest.raises(SendTimeout, match=r"longer than 3 s; brokers tried: broker-a; last: .*no answer"):
            await sending
        assert cluster.peer.count(SEND) == 1


async def test_a_caller_may_have_less_patience() -> None:
    async with ScriptedCluster(orders=1) as cluster, producing(cluster) as (producer, clock):
        cluster.peer.script[SEND] = SILENCE
        sending = asyncio.ensure_future(producer.send(Message("orders", b"x"), timeout=0.5))
        await cluster.peer.received(SEND)
        await clock.advance(0.5)
        with pytest.raises(SendTimeout, match=r"0\.5 s"):
            await sending


async def test_no_route_says_why_topic() -> None:
    async with ScriptedCluster() as cluster, producing(cluster) as (producer, _):
        with pytest.raises(NoRouteError) as caught:
            await producer.send(Message("missing", b"x"))
        causes = caught.value.causes
        assert "answers and does not know the topic" in causes[0]
        assert "broker-a" in causes[1]
        assert "autoCreateTopicEnable" in causes[2]
        assert f"mqadmin updateTopic -n {cluster.address} -c DefaultCluster -t missing" in causes[3]


async def test_no_route_says_why_brokers() -> None:
    async with ScriptedCluster() as cluster, producing(cluster) as (producer, _):
        cluster.peer.script[RequestCode.GET_BROKER_CLUSTER_INFO] = Reply(body=ClusterInfo().encode())
        with pytest.raises(NoRouteError, match="no broker is registered"):
            await producer.send(Message("missing", b"x"))


async def test_no_route_says_why_perm() -> None:
    async with ScriptedCluster() as cluster, producing(cluster) as (producer, _):
        route = TopicRouteData(
            queue_datas=(QueueData("broker-a", 4, 4, 4),),
            broker_datas=(BrokerData("c", "broker-a", {0: cluster.address}),),
        )
        cluster.peer.script[ROUTE] = Reply(body=route.encode())
        with pytest.raises(NoRouteError, match="no queue of it takes messages: broker-a has perm R--"):
            await producer.send(Message("frozen", b"x"))


async def test_no_route_says_why_name_server() -> None:
    async with ScriptedCluster() as cluster:
        address = cluster.address
    clock = ManualClock()
    async with Producer(address, group="PG", clock=clock) as producer:
        sending = asyncio.ensure_future(producer.send(Message("orders", b"x")))
        with pytest.raises(NoRouteError, match="cannot connect"):
            await sending


async def test_brokers_hear_heartbeats_and_a_good_bye() -> None:
    async with ScriptedCluster(orders=1) as cluster:
        async with producing(cluster) as (producer, clock):
            await producer.send(Message("orders", b"x"))
            await clock.advance(30.0)
            request = await cluster.peer.received(RequestCode.HEART_BEAT)
            heartbeat = HeartbeatData.decode(request.body)
            assert heartbeat.client_id == producer.client_id
            assert [one.group_name for one in heartbeat.producer_data_set] == ["PG"]
        request = await cluster.peer.received(RequestCode.UNREGISTER_CLIENT)
        assert request.fields["clientID"] == producer.client_id
        assert request.fields["producerGroup"] == "PG"


async def test_outside_its_block_a_producer_sends_nothing() -> None:
    async with ScriptedCluster(orders=1) as cluster:
        producer = Producer(cluster.address, group="PG", clock=ManualClock())
        with pytest.raises(ClientClosed, match="async with"):
            await producer.send(Message("orders", b"x"))
        async with producer:
            await producer.send(Message("orders", b"x"))
        with pytest.raises(ClientClosed):
            await producer.send(Message("orders", b"x"))


async def test_closing_a_deaf_producer_takes_a_second() -> None:
    async with ScriptedCluster(orders=1) as cluster:
        cluster.peer.script[RequestCode.UNREGISTER_CLIENT] = SILENCE
        clock = ManualClock()
        producer = Producer(cluster.address, group="PG", clock=clock)
        await producer.__aenter__()
        await producer.send(Message("orders", b"x"))
        closing = asyncio.ensure_future(producer.close())
        await cluster.peer.received(RequestCode.UNREGISTER_CLIENT)
        await clock.advance(1.0)
        await closing


@pytest.mark.parametrize(
    ("servers", "group"), [("", "PG"), ("nonsense", "PG"), ("127.0.0.1:9876", ""), ("127.0.0.1:9876", "a b")]
)
def test_a_mistyped_producer_is_refused_at_once(servers: str, group: str) -> None:
    with pytest.raises(UserError):
        Producer(servers, group=group)
