"""Consuming in a group that shares: queues taken up, messages handed over, settled, committed and handed on."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from pocketmq.client import BrokerError, ClientClosed, Consumer, NoNameServer, ReceivedMessage
from pocketmq.model.errors import UserError
from pocketmq.model.flags import COMPRESSED, CompressionType
from pocketmq.model.outcome import Reply
from pocketmq.protocol.bodies import HeartbeatData
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.testing.manual_clock import ManualClock, until
from pocketmq.testing.scripted_cluster import ScriptedCluster
from pocketmq.testing.scripted_peer import SILENCE

Consuming = Callable[..., Consumer]

PULL, COMMIT = RequestCode.PULL_MESSAGE, RequestCode.UPDATE_CONSUMER_OFFSET
ZLIB = COMPRESSED | CompressionType.ZLIB.flag


async def take(consumer: Consumer, count: int) -> list[ReceivedMessage]:
    """The next `count` messages."""
    return [await anext(consumer) for _ in range(count)]


async def test_messages_are_handed_over_with_all_that_is_known(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=2) as cluster:
        await cluster.store(
            "orders", b"one", queue_id=1, properties={"TAGS": "a", "KEYS": "k1 k2", "UNIQ_KEY": "U", "p": "v"}
        )
        async with consuming(cluster, start_at="first") as consumer:
            await consumer.subscribe("orders")
            message = await anext(consumer)
            assert (message.topic, message.body, message.tags, message.keys) == ("orders", b"one", "a", ("k1", "k2"))
            assert (message.queue.broker_name, message.queue.queue_id, message.queue_offset) == ("broker-a", 1, 0)
            assert (message.message_id, message.offset_message_id) == ("U", "7F00000100002A9F00000000000F4240")
            assert (message.born_timestamp, message.store_timestamp, message.reconsume_times) == (1000, 2000, 0)
            assert message.properties["p"] == "v"
            assert "queue_offset=0" in repr(message)


async def test_the_heartbeat_says_what_the_group_wants(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster, consuming(cluster, start_at="first") as consumer:
        await consumer.subscribe("orders", "a || b")
        heartbeat = HeartbeatData.decode((await cluster.peer.received(RequestCode.HEART_BEAT)).body)
        (member,) = heartbeat.consumer_data_set
        assert (heartbeat.client_id, member.group_name) == ("me", "CG")
        assert (member.consume_type, member.message_model) == ("CONSUME_PASSIVELY", "CLUSTERING")
        assert member.consume_from_where == "CONSUME_FROM_FIRST_OFFSET"
        wanted = {one.topic: one for one in member.subscription_data_set}
        assert list(wanted["orders"].tags_set) == ["a", "b"]
        assert wanted["orders"].sub_version == 1_700_000_000_000
        assert wanted["%RETRY%CG"].sub_string == "*"


@pytest.mark.parametrize(("start_at", "first_offset"), [("first", 0), ("last", 3)])
async def test_a_new_group_starts_where_it_wants(consuming: Consuming, start_at: str, first_offset: int) -> None:
    async with ScriptedCluster(orders=1) as cluster:
        for number in range(3):
            await cluster.store("orders", str(number).encode())
        async with consuming(cluster, start_at=start_at) as consumer:
            await consumer.subscribe("orders")
            await until(lambda: cluster.pulls("orders"))
            assert cluster.pulls("orders")[0].queue_offset == first_offset


async def test_a_new_group_may_start_at_a_time(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster:
        cluster.peer.script[RequestCode.SEARCH_OFFSET_BY_TIMESTAMP] = Reply(fields={"offset": "0"})
        async with consuming(cluster, start_at=datetime(2024, 1, 1, tzinfo=UTC)) as consumer:
            await consumer.subscribe("orders")
            search = await cluster.peer.received(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP)
            assert search.fields["timestamp"] == "1704067200000"


async def test_a_known_group_goes_on_where_it_was(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster:
        cluster.committed["CG", "orders", 0] = 1
        for number in range(3):
            await cluster.store("orders", str(number).encode())
        async with consuming(cluster, start_at="first") as consumer:
            await consumer.subscribe("orders")
            assert [one.body for one in await take(consumer, 2)] == [b"1", b"2"]


async def test_what_is_committed_is_the_first_offset_not_done(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster:
        for number in range(4):
            await cluster.store("orders", str(number).encode())
        async with consuming(cluster, clock, start_at="first") as consumer:
            await consumer.subscribe("orders")
            messages = await take(consumer, 4)
            for place, expected in ((2, 0), (0, 1), (1, 3), (3, 4)):
                assert await messages[place].ack()
                assert await messages[place].ack(), "the second time does nothing"
                await clock.advance(5.0)
                await until(lambda expected=expected: cluster.committed.get(("CG", "orders", 0)) == expected)


async def test_nothing_new_is_not_committed_again(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster, consuming(cluster, clock, start_at="first") as consumer:
        await consumer.subscribe("orders")
        for _ in range(4):
            await clock.advance(5.0)
        assert [one.fields["topic"] for one in cluster.peer.requests if one.code == COMMIT].count("orders") <= 1


async def test_closing_commits_and_says_good_bye(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster:
        await cluster.store("orders", b"x")
        async with consuming(cluster, start_at="first") as consumer:
            await consumer.subscribe("orders")
            await (await anext(consumer)).ack()
        assert cluster.committed["CG", "orders", 0] == 1
        assert cluster.members["CG"] == []
        with pytest.raises(ClientClosed):
            await anext(consumer)


async def test_iteration_ends_when_the_consumer_is_closed(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster, consuming(cluster) as consumer:
        await consumer.subscribe("orders")

        async def everything() -> list[ReceivedMessage]:
            return [message async for message in consumer]

        iterating = asyncio.ensure_future(everything())
        await asyncio.sleep(0)
        await consumer.close()
        assert await iterating == []


async def test_a_handler_is_called_and_its_return_acknowledges(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=2) as cluster, consuming(cluster, start_at="first") as consumer:
        await consumer.subscribe("orders")
        seen: list[bytes] = []

        async def handle(message: ReceivedMessage) -> None:
            seen.append(message.body)

        running = asyncio.ensure_future(consumer.run(handle))
        for number in range(6):
            await cluster.store("orders", str(number).encode(), queue_id=number % 2)
        await until(lambda: len(seen) == 6)
        await consumer.close()
        await running
        assert sorted(seen) == [b"0", b"1", b"2", b"3", b"4", b"5"]
        assert (cluster.committed["CG", "orders", 0], cluster.committed["CG", "orders", 1]) == (3, 3)


async def test_a_handler_that_raises_sends_the_message_back(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster:
        await cluster.store("orders", b"bad")
        async with consuming(cluster, start_at="first", retries_max=5) as consumer:
            await consumer.subscribe("orders")

            async def handle(message: ReceivedMessage) -> None:
                raise ValueError("no")

            running = asyncio.ensure_future(consumer.run(handle))
            await until(lambda: cluster.sent_back)
            await consumer.close()
            await running
        (back,) = cluster.sent_back
        assert (back.group, back.origin_topic, back.offset, back.delay_level) == ("CG", "orders", 0, 0)
        assert (back.origin_msg_id, back.max_reconsume_times) == ("7F00000100002A9F0000000000000000", 5)
        assert cluster.committed["CG", "orders", 0] == 1


async def test_a_handler_that_takes_too_long_has_failed(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster:
        await cluster.store("orders", b"slow")
        async with consuming(cluster, clock, start_at="first") as consumer:
            await consumer.subscribe("orders")
            started = asyncio.Event()

            async def handle(message: ReceivedMessage) -> None:
                started.set()
                await asyncio.Event().wait()

            running = asyncio.ensure_future(consumer.run(handle, timeout=2.0))
            await started.wait()
            await clock.advance(2.0)
            await until(lambda: cluster.sent_back)
            await consumer.close()
            await running


async def test_what_the_broker_does_not_take_back_comes_again_from_here(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster:
        await cluster.store("orders", b"bad")
        cluster.peer.script[RequestCode.CONSUMER_SEND_MSG_BACK] = Reply(ResponseCode.SYSTEM_ERROR, "no")
        async with consuming(cluster, clock, start_at="first") as consumer:
            await consumer.subscribe("orders")
            message = await anext(consumer)
            await message.retry()
            again = asyncio.ensure_future(anext(consumer))
            await clock.advance(4.9)
            assert not again.done()
            await clock.advance(0.2)
            assert (await again).queue_offset == 0
            assert (await again).reconsume_times == 1
            assert cluster.committed.get(("CG", "orders", 0), 0) == 0


async def test_a_message_from_the_retry_topic_has_its_own_topic_again(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster:
        await cluster.store("%RETRY%CG", b"again", properties={"RETRY_TOPIC": "orders"}, reconsume_times=2)
        async with consuming(cluster, clock, start_at="last") as consumer:
            await consumer.subscribe("orders")
            message = await anext(consumer)
            assert (message.topic, message.body, message.reconsume_times) == ("orders", b"again", 2)
            await message.retry(delay_level=-1)
            assert (cluster.sent_back[0].origin_topic, cluster.sent_back[0].delay_level) == ("orders", -1)


async def test_sql_is_checked_by_the_broker_first(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster, consuming(cluster) as consumer:
        cluster.peer.script[RequestCode.CHECK_CLIENT_CONFIG] = Reply(23, "bad expression")
        with pytest.raises(BrokerError, match="SUBSCRIPTION_PARSE_FAILED"):
            await consumer.subscribe("orders", sql="a >")
        assert cluster.peer.count(RequestCode.HEART_BEAT) == 0
        cluster.peer.script[RequestCode.CHECK_CLIENT_CONFIG] = Reply()
        await consumer.subscribe("orders", sql="a > 1")
        await until(lambda: cluster.pulls("orders"))
        assert cluster.pulls("orders")[0].expression_type == "SQL92"


async def test_a_tag_expression_of_nothing_is_refused(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster, consuming(cluster) as consumer:
        with pytest.raises(UserError, match="no tag expression"):
            await consumer.subscribe("orders", "||")


async def test_subscribing_without_a_name_server_says_so(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster:
        pass
    async with consuming(cluster) as consumer:
        with pytest.raises(NoNameServer, match="cannot connect"):
            await consumer.subscribe("orders")


async def test_closing_while_brokers_are_deaf_takes_no_two_seconds() -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster:
        consumer = Consumer(cluster.address, group="CG", client_id="me", clock=clock, start_at="first")
        await consumer.__aenter__()
        await consumer.subscribe("orders")
        for code in (COMMIT, RequestCode.UNREGISTER_CLIENT):
            cluster.peer.script[code] = SILENCE
        closing = asyncio.ensure_future(consumer.close())
        await cluster.peer.received(COMMIT)
        await clock.advance(1.5)
        await closing


async def test_cancelling_the_reader_leaves_tidily(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster:
        entered = asyncio.Event()

        async def read() -> None:
            async with consuming(cluster) as consumer:
                await consumer.subscribe("orders")
                entered.set()
                async for message in consumer:
                    await message.ack()

        reading = asyncio.ensure_future(read())
        await entered.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert cluster.members["CG"] == []
