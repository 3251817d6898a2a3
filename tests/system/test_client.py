"""The SDK against a real name server and broker in this process: what is sent arrives, what is promised is kept."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pocketmq.client import (
    Admin,
    BrokerError,
    Consumer,
    IllegalMessage,
    Message,
    MessageQueue,
    NoRouteError,
    Producer,
    ReceivedMessage,
    SendStatus,
)
from pocketmq.node.plan import Listening
from pocketmq.testing.embedded import embedded

PATIENCE_SECONDS = 60.0
"""Longer than anything here takes on a busy machine; reached only by a failing test."""

QUICK_RETRIES = {"messageDelayLevel": "1s " * 17 + "1s"}


class Running:
    """A broker and a name server, and the clients' constructors bound to them."""

    def __init__(self, listening: Listening) -> None:
        self.broker = listening.broker_address
        self.namesrv = listening.namesrv_address
        self.producer = functools.partial(Producer, self.namesrv, group="PG")
        self.consumer = functools.partial(Consumer, self.namesrv, start_at="first")
        self.admin = functools.partial(Admin, self.namesrv)


def on_a_broker(test: Callable[[Running], Awaitable[None]]) -> Callable[[Path], None]:
    """Runs an asynchronous test on a broker of its own."""

    async def bounded(folder: Path) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), embedded(folder, settings=QUICK_RETRIES) as listening:
            await test(Running(listening))

    def wrapped(tmp_path: Path) -> None:
        asyncio.run(bounded(tmp_path))

    wrapped.__name__ = test.__name__
    return wrapped


async def take(consumer: Consumer, count: int) -> list[ReceivedMessage]:
    """The next messages, acknowledged."""
    found = []
    for _ in range(count):
        found.append(await anext(consumer))
        await found[-1].ack()
    return found


async def until(holds: Callable[[], object]) -> None:
    """Looks again each turn of the loop, for what another task brings about."""
    while not holds():
        await asyncio.sleep(0.01)


@on_a_broker
async def test_what_is_sent_is_received(cluster: Running) -> None:
    async with cluster.producer() as producer, cluster.consumer(group="CG") as consumer, cluster.admin() as admin:
        await admin.create_topic("orders", queues=2)
        await consumer.subscribe("orders")
        sent = await producer.send(
            Message("orders", b"hello", tags="a", keys=["k1", "k2"], properties={"price": "5"}, flag=3)
        )
        message = await anext(consumer)
        assert (sent.status, sent.queue_offset) == (SendStatus.OK, 0)
        assert (message.body, message.tags, message.keys, message.stored.flag) == (b"hello", "a", ("k1", "k2"), 3)
        assert (message.message_id, message.offset_message_id) == (sent.message_id, sent.offset_message_id)
        assert (message.queue, message.queue_offset) == (sent.queue, sent.queue_offset)
        assert message.properties["price"] == "5"
        assert message.stored.born_host.startswith("127.0.0.1:")


@on_a_broker
async def test_a_topic_is_made_by_sending_to_it(cluster: Running) -> None:
    async with cluster.producer() as producer, cluster.consumer(group="CG") as consumer:
        await producer.send(Message("fresh", b"first"))
        await consumer.subscribe("fresh")
        assert (await take(consumer, 1))[0].body == b"first"


@on_a_broker
async def test_tags_are_filtered_and_the_rest_is_passed_over(cluster: Running) -> None:
    async with cluster.producer() as producer, cluster.admin() as admin:
        await admin.create_topic("orders", queues=1)
        for number, tag in enumerate(("a", "b", "c", None, "a")):
            await producer.send(Message("orders", str(number).encode(), tags=tag))
        async with cluster.consumer(group="CG") as consumer:
            await consumer.subscribe("orders", "a || c")
            assert [message.body for message in await take(consumer, 3)] == [b"0", b"2", b"4"]
        progress = await admin.consume_stats("CG", "orders")
        assert progress.offset_table[MessageQueue("orders", "broker-a", 0)].consumer_offset == 5


@on_a_broker
async def test_a_group_goes_on_where_it_stopped(cluster: Running) -> None:
    async with cluster.producer() as producer, cluster.admin() as admin:
        await admin.create_topic("orders", queues=1)
        for number in range(5):
            await producer.send(Message("orders", str(number).encode()))
        for expected in (b"0", b"1", b"2"):
            async with cluster.consumer(group="CG") as consumer:
                await consumer.subscribe("orders")
                assert (await take(consumer, 1))[0].body == expected


@on_a_broker
async def test_every_way_of_sending_arrives(cluster: Running) -> None:
    async with cluster.producer() as producer, cluster.consumer(group="CG") as consumer, cluster.admin() as admin:
        await admin.create_topic("orders", queues=2)
        await consumer.subscribe("orders")
        large = bytes(range(256)) * 64
        queue = MessageQueue("orders", "broker-a", 1)
        assert (await producer.send(Message("orders", large), queue=queue)).queue == queue
        shards = {(await producer.send(Message("orders", b"s"), shard="order-7")).queue for _ in range(3)}
        assert len(shards) == 1
        await producer.send_oneway(Message("orders", b"oneway"))
        batch = await producer.send_batch([Message("orders", b"b0", tags="x"), Message("orders", b"b1")])
        assert len(batch.message_id.split(",")) == 2
        bodies = [message.body for message in await take(consumer, 7)]
        assert sorted(bodies) == sorted([large, b"s", b"s", b"s", b"oneway", b"b0", b"b1"])


@on_a_broker
async def test_many_at_once(cluster: Running) -> None:
    count = 2000
    async with cluster.producer() as producer, cluster.consumer(group="CG") as consumer, cluster.admin() as admin:
        await admin.create_topic("orders", queues=4)
        await consumer.subscribe("orders")
        seen: list[bytes] = []

        async def handle(message: ReceivedMessage) -> None:
            seen.append(message.body)

        handling = asyncio.ensure_future(consumer.run(handle))
        for start in range(0, count, 200):
            await asyncio.gather(*(producer.send(Message("orders", b"%d" % (start + n))) for n in range(200)))
        await until(lambda: len(seen) >= count)
        await consumer.close()
        await handling
        assert sorted(seen, key=int) == [b"%d" % number for number in range(count)]
        rows = (await admin.consume_stats("CG", "orders")).offset_table
        assert sum(row.consumer_offset for row in rows.values()) == count


@on_a_broker
async def test_a_delayed_message_comes_when_it_is_due(cluster: Running) -> None:
    async with cluster.producer() as producer, cluster.consumer(group="CG") as consumer, cluster.admin() as admin:
        await admin.create_topic("orders", queues=1)
        await consumer.subscribe("orders")
        await producer.send(Message("orders", b"later", delay_level=1))
        (message,) = await take(consumer, 1)
        assert message.body == b"later"
        assert message.store_timestamp - message.born_timestamp >= 1000


@on_a_broker
async def test_what_a_handler_could_not_do_comes_again(cluster: Running) -> None:
    async with cluster.producer() as producer, cluster.consumer(group="CG") as consumer, cluster.admin() as admin:
        await admin.create_topic("orders", queues=1)
        await consumer.subscribe("orders")
        seen: list[tuple[str, bytes, int]] = []

        async def handle(message: ReceivedMessage) -> None:
            seen.append((message.topic, message.body, message.reconsume_times))
            if message.reconsume_times < 2:
                raise ValueError("not yet")

        handling = asyncio.ensure_future(consumer.run(handle))
        await producer.send(Message("orders", b"hard"))
        await until(lambda: len(seen) == 3)
        await consumer.close()
        await handling
        assert seen == [("orders", b"hard", times) for times in range(3)]


@on_a_broker
async def test_what_fails_too_often_becomes_a_dead_letter(cluster: Running) -> None:
    async with cluster.producer() as producer, cluster.admin() as admin:
        await admin.create_topic("orders", queues=1)
        await producer.send(Message("orders", b"hopeless", keys="k"))
        async with cluster.consumer(group="CG") as consumer:
            await consumer.subscribe("orders")
            await (await anext(consumer)).retry(delay_level=-1)
        async with cluster.consumer(group="undertaker") as consumer:
            await consumer.subscribe("%DLQ%CG")
            (message,) = await take(consumer, 1)
            assert (message.body, message.keys) == (b"hopeless", ("k",))


@on_a_broker
async def test_two_members_share_and_the_survivor_takes_over(cluster: Running) -> None:
    async with cluster.producer() as producer, cluster.admin() as admin:
        await admin.create_topic("orders", queues=4)
        async with cluster.consumer(group="CG") as first:
            await first.subscribe("orders")
            async with cluster.consumer(group="CG") as second:
                await second.subscribe("orders")
                seen: dict[int, set[str]] = {number: set() for number in range(4)}
                handlings = [
                    asyncio.ensure_future(one.run(_noting(seen, name))) for one, name in ((first, "1"), (second, "2"))
                ]
                while not all(len(names) == 1 for names in seen.values()) or len(set.union(*seen.values())) < 2:
                    for names in seen.values():
                        names.clear()
                    for number in range(4):
                        await producer.send(Message("orders", b"x"), queue=MessageQueue("orders", "broker-a", number))
                    await until(lambda: all(seen.values()))
            await handlings[1]
            for names in seen.values():
                names.clear()
            for number in range(4):
                await producer.send(Message("orders", b"y"), queue=MessageQueue("orders", "broker-a", number))
            await until(lambda: all("1" in names for names in seen.values()))
        await handlings[0]


@on_a_broker
async def test_each_queue_stays_in_order_while_members_come_and_go(cluster: Running) -> None:
    count = 60
    async with cluster.producer() as producer, cluster.admin() as admin:
        await admin.create_topic("orders", queues=2)
        seen: dict[int, list[int]] = {0: [], 1: []}

        async def handle(message: ReceivedMessage) -> None:
            number = int(message.body)
            if number % 20 == 3 and message.reconsume_times == 0:
                raise ValueError("once")
            seen[message.queue.queue_id].append(number)

        async with cluster.consumer(group="CG", orderly=True) as first:
            await first.subscribe("orders")
            handling = asyncio.ensure_future(first.run(handle))
            for number in range(count):
                queue = MessageQueue("orders", "broker-a", number % 2)
                await producer.send(Message("orders", b"%d" % number), queue=queue)
            async with cluster.consumer(group="CG", orderly=True) as second:
                await second.subscribe("orders")
                handling_too = asyncio.ensure_future(second.run(handle))
                await until(lambda: len(set(seen[0]) | set(seen[1])) >= count // 2)
            await handling_too
            await until(lambda: len(set(seen[0]) | set(seen[1])) == count)
        await handling
    for queue_id, numbers in seen.items():
        firsts = list(dict.fromkeys(numbers))
        assert firsts == sorted(firsts), f"queue {queue_id} out of order: {numbers}"


@on_a_broker
async def test_a_broadcast_reaches_every_member(cluster: Running) -> None:
    async with cluster.producer() as producer, cluster.admin() as admin:
        await admin.create_topic("news", queues=2)
        members = [cluster.consumer(group="CG", broadcasting=True) for _ in range(2)]
        async with members[0], members[1]:
            for member in members:
                await member.subscribe("news")
            for number in range(4):
                await producer.send(Message("news", str(number).encode()))
            for member in members:
                assert sorted(message.body for message in await take(member, 4)) == [b"0", b"1", b"2", b"3"]


@on_a_broker
async def test_an_administrator_sees_and_changes_things(cluster: Running) -> None:
    async with cluster.producer() as producer, cluster.admin() as admin:
        await admin.create_topic("orders", queues=2, attributes={"+message.type": "NORMAL"})
        sent = await producer.send(Message("orders", b"x" * 5000, keys="k1"))
        assert "orders" in await admin.topics()
        assert (await admin.topic_route("orders")).queue_datas[0].read_queue_nums == 2
        assert (await admin.topic_stats("orders")).offset_table[sent.queue].max_offset == 1
        assert (await admin.cluster()).broker_addr_table["broker-a"].broker_addrs[0] == cluster.broker
        assert [found.body for found in await admin.query_by_key("orders", "k1")] == [b"x" * 5000]
        assert [found.body for found in await admin.query_by_unique_key("orders", sent.message_id)] == [b"x" * 5000]
        assert (await admin.view_message(sent.offset_message_id)).body == b"x" * 5000
        await admin.update_broker_config(cluster.broker, {"longPollingEnable": "false"})
        assert (await admin.broker_config(cluster.broker))["longPollingEnable"] == "false"
        assert (await admin.broker_runtime(cluster.broker))["brokerVersionDesc"].startswith("V")
        await admin.delete_topic("orders")
        assert "orders" not in await admin.topics()
        with pytest.raises(NoRouteError):
            await admin.topic_route("orders")


@on_a_broker
async def test_an_administrator_turns_a_group_back(cluster: Running) -> None:
    async with cluster.producer() as producer, cluster.admin() as admin, cluster.consumer(group="CG") as consumer:
        await admin.create_topic("orders", queues=1)
        await producer.send(Message("orders", b"x"))
        await consumer.subscribe("orders")
        await take(consumer, 1)
        members = await admin.consumer_connection("CG", address=cluster.broker)
        assert [one.client_id for one in members.connection_set] == [consumer.client_id]
        state = await admin.consumer_running("CG", consumer.client_id, address=cluster.broker)
        assert MessageQueue("orders", "broker-a", 0) in state.mq_table
        await admin.reset_offsets("CG", "orders", datetime.now(UTC) - timedelta(hours=1))
        await producer.send(Message("orders", b"y"))  # A broker may hold the pull until there is something new.
        assert [(one.body, one.queue_offset) for one in await take(consumer, 2)] == [(b"x", 0), (b"y", 1)]


@on_a_broker
async def test_refusals_have_reasons(cluster: Running) -> None:
    async with cluster.producer() as producer, cluster.admin() as admin:
        with pytest.raises(IllegalMessage):
            await producer.send(Message("orders", b""))
        with pytest.raises(BrokerError, match="206 CONSUMER_NOT_ONLINE"):
            await admin.consumer_connection("nobody", address=cluster.broker)
        with pytest.raises(NoRouteError, match="mqadmin updateTopic"):
            await admin.topic_route("missing")
        await admin.create_topic("frozen", queues=1, perm=4)
        with pytest.raises(NoRouteError, match="R--"):
            await producer.send(Message("frozen", b"x"))


def _noting(seen: dict[int, set[str]], name: str) -> Callable[[ReceivedMessage], Awaitable[None]]:
    async def handle(message: ReceivedMessage) -> None:
        seen[message.queue.queue_id].add(name)

    return handle
