"""A request by message and its reply, through a running broker."""

import asyncio
from pathlib import Path

from pocketmq.client import Admin, Consumer, Message, Producer, create_reply_message
from pocketmq.testing.embedded import embedded

PATIENCE_SECONDS = 60.0
"""Longer than anything here takes on a busy machine; reached only by a failing test."""


def test_a_request_brings_its_reply(tmp_path: Path) -> None:
    async def answer(consumer: Consumer, producer: Producer) -> None:
        async for message in consumer:
            await producer.send(create_reply_message(message, b"pong to " + message.body))
            await message.ack()

    async def dialogue() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), embedded(tmp_path) as cluster:
            where = cluster.namesrv_address
            async with Admin(where) as admin:
                await admin.create_topic("questions", queues=2)
            async with (
                Consumer(where, group="CG", start_at="first") as consumer,
                Producer(where, group="PG_answers") as answering,
                Producer(where, group="PG_asks", timeout=30.0) as asking,
            ):
                await consumer.subscribe("questions")
                work = asyncio.ensure_future(answer(consumer, answering))
                bodies = [b"%d" % number for number in range(20)]
                replies = await asyncio.gather(*(asking.request(Message("questions", body)) for body in bodies))
                assert [reply.body for reply in replies] == [b"pong to " + body for body in bodies]
                work.cancel()

    asyncio.run(dialogue())
