"""PocketMQ's own client against the broker under test: with ``--broker=java`` it is Apache's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from rig.clusters import Cluster

from pocketmq.client import Admin, Consumer, Message, MessageQueue, Producer, ReceivedMessage, SendStatus

pytestmark = pytest.mark.interop

PATIENCE_SECONDS = 120.0

_numbers = count(1)


@pytest.fixture
def topic(cluster: Cluster) -> str:
    """A topic with two queues of a test's own."""
    return cluster.topic(f"OwnClient{next(_numbers)}", queues=2)


def run(work: Awaitable[None]) -> None:
    """Runs a test's dialogue, but not for ever."""

    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await work

    asyncio.run(bounded())


async def until(holds: Callable[[], object]) -> None:
    """Looks again now and then."""
    while not holds():
        await asyncio.sleep(0.01)


async def take(consumer: Consumer, number: int) -> list[ReceivedMessage]:
    """The next messages, acknowledged."""
    found = []
    for _ in range(number):
        found.append(await anext(consumer))
        await found[-1].ack()
    return found


def test_every_way_of_sending_arrives(cluster: Cluster, topic: str) -> None:
    async def dialogue() -> None:
        async with (
            Producer(cluster.namesrv, group="OwnPG") as producer,
            Consumer(cluster.namesrv, group=f"G{topic}", start_at="first") as consumer,
        ):
            await consumer.subscribe(topic, "a || b")
            large = bytes(range(256)) * 64
            result = await producer.send(Message(topic, large, tags="a", keys="k1", properties={"p": "v"}))
            assert result.status is SendStatus.OK
            await producer.send(Message(topic, b"other", tags="c"))
            await producer.send(Message(topic, b"shard", tags="b"), shard="order-1")
            await producer.send_batch([Message(topic, b"b0", tags="a"), Message(topic, b"b1", tags="b")])
            await producer.send_oneway(Message(topic, b"oneway", tags="a"))
            await producer.send(Message(topic, b"later", tags="a", delay_level=1))
            messages = {message.body: message for message in await take(consumer, 6)}
            assert set(messages) == {large, b"shard", b"b0", b"b1", b"oneway", b"later"}
            first = messages[large]
            assert (first.message_id, first.offset_message_id) == (result.message_id, result.offset_message_id)
            assert (first.queue, first.queue_offset) == (result.queue, result.queue_offset)
            assert (first.keys, first.properties["p"]) == (("k1",), "v")

    run(dialogue())


def test_failures_come_again_and_end_as_dead_letters(cluster: Cluster, topic: str) -> None:
    async def dialogue() -> None:
        group = f"G{topic}"
        seen: list[tuple[str, int]] = []

        async def handle(message: ReceivedMessage) -> None:
            seen.append((message.topic, message.reconsume_times))
            raise ValueError("never")

        async with Producer(cluster.namesrv, group="OwnPG") as producer:
            await producer.send(Message(topic, b"hopeless"))
            async with Consumer(cluster.namesrv, group=group, start_at="first", retries_max=1) as consumer:
                await consumer.subscribe(topic)
                handling = asyncio.ensure_future(consumer.run(handle))
                await until(lambda: len(seen) == 2)
                await consumer.close()
                await handling
            assert seen == [(topic, 0), (topic, 1)]
            async with Consumer(cluster.namesrv, group=f"{group}Undertaker", start_at="first") as consumer:
                await consumer.subscribe(f"%DLQ%{group}")
                assert [message.body for message in await take(consumer, 1)] == [b"hopeless"]

    run(dialogue())


def test_order_is_kept_and_queues_change_hands(cluster: Cluster, topic: str) -> None:
    async def dialogue() -> None:
        seen: dict[int, list[int]] = {0: [], 1: []}

        async def handle(message: ReceivedMessage) -> None:
            seen[message.queue.queue_id].append(int(message.body))

        def consumer() -> Consumer:
            return Consumer(cluster.namesrv, group=f"G{topic}", orderly=True, start_at="first")

        async with Producer(cluster.namesrv, group="OwnPG") as producer, consumer() as first:
            await first.subscribe(topic)
            handlings = [asyncio.ensure_future(first.run(handle))]
            async with consumer() as second:
                await second.subscribe(topic)
                handlings.append(asyncio.ensure_future(second.run(handle)))
                for number in range(40):
                    await producer.send(
                        Message(topic, b"%d" % number), queue=MessageQueue(topic, "broker-a", number % 2)
                    )
                await until(lambda: len(set(seen[0]) | set(seen[1])) >= 20)
            await until(lambda: len(set(seen[0]) | set(seen[1])) == 40)
            await first.close()
            await asyncio.gather(*handlings)
        for numbers in seen.values():
            firsts = list(dict.fromkeys(numbers))
            assert firsts == sorted(firsts)

    run(dialogue())


def test_an_administrator_finds_and_turns_back(cluster: Cluster, topic: str) -> None:
    async def dialogue() -> None:
        group = f"G{topic}"
        async with (
            Producer(cluster.namesrv, group="OwnPG") as producer,
            Admin(cluster.namesrv) as admin,
            Consumer(cluster.namesrv, group=group, start_at="first") as consumer,
        ):
            queue = MessageQueue(topic, "broker-a", 1)
            sent = await producer.send(Message(topic, b"x", keys="k1"), queue=queue)
            await consumer.subscribe(topic)
            await take(consumer, 1)
            while not await admin.query_by_key(topic, "k1"):
                await asyncio.sleep(0.05)
            assert [found.body for found in await admin.query_by_unique_key(topic, sent.message_id)] == [b"x"]
            assert (await admin.view_message(sent.offset_message_id)).body == b"x"
            assert (await admin.topic_stats(topic)).offset_table[queue].max_offset == 1
            state = await admin.consumer_running(group, consumer.client_id, address=cluster.broker)
            assert state.mq_table[queue].commit_offset == 1
            await admin.reset_offsets(group, topic, datetime.now(UTC) - timedelta(hours=1))
            await producer.send(Message(topic, b"y"), queue=queue)
            assert [message.body for message in await take(consumer, 2)] == [b"x", b"y"]

    run(dialogue())
