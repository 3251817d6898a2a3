"""Pulling: what is asked, what is made of the answers, and what happens when there are none."""

import asyncio
import zlib
from collections.abc import Callable

import pytest

from pocketmq.client import Consumer, ReceivedMessage, UnreadableBody
from pocketmq.model.flags import COMPRESSED, INNER_BATCH, NEED_UNWRAP, CompressionType
from pocketmq.model.message import Message
from pocketmq.model.outcome import Reply
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.message import encode_messages
from pocketmq.testing.manual_clock import ManualClock, until
from pocketmq.testing.scripted_cluster import ScriptedCluster
from pocketmq.testing.scripted_peer import HANG_UP, SILENCE, Answer, Raw

Consuming = Callable[..., Consumer]

PULL, COMMIT = RequestCode.PULL_MESSAGE, RequestCode.UPDATE_CONSUMER_OFFSET
ZLIB = COMPRESSED | CompressionType.ZLIB.flag


async def take(consumer: Consumer, count: int) -> list[ReceivedMessage]:
    """The next `count` messages."""
    return [await anext(consumer) for _ in range(count)]


async def test_the_pull_is_a_long_one_within_the_bounds(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster, consuming(cluster, start_at="first") as consumer:
        await consumer.subscribe("orders")
        await cluster.peer.received(PULL)
        (pull,) = cluster.pulls("orders")
        assert (pull.consumer_group, pull.queue_offset, pull.max_msg_nums, pull.max_msg_bytes) == ("CG", 0, 32, 262_144)
        assert (pull.sys_flag, pull.commit_offset, pull.suspend_timeout_millis) == (2, 0, 15_000)
        assert (pull.sub_version, pull.expression_type, pull.bname) == (1_700_000_000_000, "TAG", "broker-a")


async def test_tags_are_compared_as_text_too(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster:
        for tag in ("Aa", "BB", None, "Aa"):  # "Aa" and "BB" have one hash in Java, so a broker lets both through.
            await cluster.store("orders", str(tag).encode(), properties={"TAGS": tag} if tag else {})
        async with consuming(cluster, start_at="first") as consumer:
            await consumer.subscribe("orders", "Aa")
            assert [one.queue_offset for one in await take(consumer, 2)] == [0, 3]


async def test_compressed_bodies_are_restored(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster:
        await cluster.store("orders", zlib.compress(b"long" * 99), sys_flag=ZLIB)
        await cluster.store("orders", zlib.compress(b"old client"), sys_flag=COMPRESSED)
        await cluster.store("orders", b"junk", sys_flag=ZLIB)
        async with consuming(cluster, start_at="first") as consumer:
            await consumer.subscribe("orders")
            first, second, third = await take(consumer, 3)
            assert (first.body, second.body) == (b"long" * 99, b"old client")
            with pytest.raises(UnreadableBody, match="broken"):
                assert third.body


async def test_an_inner_batch_is_taken_apart(consuming: Consuming) -> None:
    inside = encode_messages([Message("orders", b"0", {"TAGS": "a"}), Message("orders", b"1", {"TAGS": "b"})])
    async with ScriptedCluster(orders=1) as cluster:
        await cluster.store("orders", zlib.compress(inside), sys_flag=ZLIB | INNER_BATCH | NEED_UNWRAP)
        async with consuming(cluster, start_at="first") as consumer:
            await consumer.subscribe("orders")
            first, second = await take(consumer, 2)
            assert [(one.queue_offset, one.body, one.tags) for one in (first, second)] == [
                (0, b"0", "a"),
                (1, b"1", "b"),
            ]


async def test_pulling_waits_while_too_much_is_undone(consuming: Consuming, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.client.process_queue.CACHED_MESSAGES_PER_QUEUE_MAX", 40)
    async with ScriptedCluster(orders=1) as cluster:
        for number in range(100):
            await cluster.store("orders", str(number).encode())
        async with consuming(cluster, start_at="first") as consumer:
            await consumer.subscribe("orders")
            messages = await take(consumer, 64)
            assert len(cluster.pulls("orders")) == 2
            for message in messages[:25]:
                await message.ack()
            await take(consumer, 32)
            assert len(cluster.pulls("orders")) == 3


async def test_an_offset_the_queue_does_not_have_is_corrected(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster:
        cluster.committed["CG", "orders", 0] = 50
        await cluster.store("orders", b"x")
        async with consuming(cluster) as consumer:
            await consumer.subscribe("orders")
            await until(lambda: cluster.committed["CG", "orders", 0] == 1)
            await until(lambda: cluster.pulls("orders")[-1].queue_offset == 1)
            await cluster.store("orders", b"y")
            assert (await anext(consumer)).body == b"y"


@pytest.mark.parametrize("fault", [HANG_UP, Raw(b"\xff" * 16), Reply(ResponseCode.SYSTEM_BUSY, "busy")])
async def test_a_failed_pull_is_tried_again_after_a_pause(consuming: Consuming, fault: Answer) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster:
        await cluster.store("orders", b"x")
        good = cluster.peer.script[PULL]
        cluster.peer.script[PULL] = fault
        async with consuming(cluster, clock, start_at="first") as consumer:
            await consumer.subscribe("orders")
            taking = asyncio.ensure_future(anext(consumer))
            await cluster.peer.received(PULL)
            cluster.peer.script[PULL] = good
            await clock.advance_until(taking.done)
            assert (await taking).body == b"x"


async def test_a_connection_lost_during_a_pull_is_opened_again_with_a_heartbeat_first(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster, consuming(cluster, clock, start_at="first") as consumer:
        await consumer.subscribe("orders")
        await cluster.peer.received(PULL)
        before = len(cluster.peer.requests)
        cluster.peer.drop_connections()
        taking = asyncio.ensure_future(anext(consumer))
        await cluster.store("orders", b"x")
        await clock.advance_until(taking.done)
        assert (await taking).body == b"x"
        assert cluster.peer.requests[before].code == RequestCode.HEART_BEAT


async def test_a_pull_nobody_answers_ends_the_connection(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster:
        cluster.peer.script[PULL] = SILENCE
        async with consuming(cluster, clock, start_at="first") as consumer:
            await consumer.subscribe("orders")
            await cluster.peer.received(PULL)
            for _ in range(29):
                await clock.advance(1.0)
            assert cluster.peer.connection_count == 1
            for _ in range(10):
                await clock.advance(1.0)
            await until(lambda: cluster.peer.connection_count == 2)


@pytest.mark.parametrize("code", [ResponseCode.SUBSCRIPTION_NOT_EXIST, ResponseCode.SUBSCRIPTION_NOT_LATEST, 26])
async def test_an_unknown_subscription_is_cured_by_a_heartbeat(consuming: Consuming, code: int) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster:
        await cluster.store("orders", b"x")
        good = cluster.peer.script[PULL]

        def after_two_heartbeats(request: Command) -> Answer:
            if cluster.peer.count(RequestCode.HEART_BEAT) < 2:
                return Reply(code, "the consumer's group info not exist")
            return good(request)  # type: ignore[operator, return-value]

        cluster.peer.script[PULL] = after_two_heartbeats
        async with consuming(cluster, clock, start_at="first") as consumer:
            await consumer.subscribe("orders")
            taking = asyncio.ensure_future(anext(consumer))
            await cluster.peer.received(RequestCode.HEART_BEAT, 2)
            await clock.advance_until(taking.done)
            assert (await taking).body == b"x"


async def test_pulls_that_bring_nothing_at_once_do_not_spin(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster:
        header = {"suggestWhichBrokerId": "0", "nextBeginOffset": "0", "minOffset": "0", "maxOffset": "0"}
        cluster.peer.script[PULL] = Reply(ResponseCode.PULL_NOT_FOUND, "x", header)
        async with consuming(cluster, clock, start_at="first") as consumer:
            await consumer.subscribe("orders")
            await cluster.peer.received(PULL)
            for _ in range(50):
                await asyncio.sleep(0)
            assert len(cluster.pulls("orders")) == 1
            await clock.advance(0.2)
            await until(lambda: len(cluster.pulls("orders")) == 2)
