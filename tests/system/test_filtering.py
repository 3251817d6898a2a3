"""The SDK and a real broker: SQL92 from subscription to delivery, found at once and waited for."""

import asyncio
from pathlib import Path

import pytest

from pocketmq.client import BrokerError, Consumer, Message, Producer
from pocketmq.testing.embedded import embedded

PATIENCE_SECONDS = 60.0
"""Longer than anything here takes on a busy machine; reached only by a failing test."""


def parcels(start: int, end: int) -> list[Message]:
    return [Message("parcels", b"%d" % number, properties={"grams": str(number)}) for number in range(start, end)]


def test_what_an_expression_is_true_of_is_delivered(tmp_path: Path) -> None:
    async def story() -> None:
        settings = {"enablePropertyFilter": "true"}
        async with asyncio.timeout(PATIENCE_SECONDS), embedded(tmp_path, settings=settings) as listening:
            namesrv = listening.namesrv_address
            async with Producer(namesrv, group="PG") as producer:
                for parcel in parcels(0, 50):
                    await producer.send(parcel)
                async with Consumer(namesrv, group="CG", start_at="first") as consumer:
                    with pytest.raises(BrokerError, match="column 9: a property, a constant or"):
                        await consumer.subscribe("parcels", sql="grams > ")
                    await consumer.subscribe("parcels", sql="grams BETWEEN 20 AND 24 OR grams >= 98")
                    found = []
                    async for message in consumer:
                        await message.ack()
                        found.append(int(message.body))
                        if len(found) == 5:  # From now on it waits.
                            for parcel in parcels(50, 100):
                                await producer.send(parcel)
                        if len(found) == 7:
                            break
            assert sorted(found) == [20, 21, 22, 23, 24, 98, 99]

    asyncio.run(story())


def test_where_it_is_off_a_consumer_is_told_so(tmp_path: Path) -> None:
    async def story() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), embedded(tmp_path) as listening:
            namesrv = listening.namesrv_address
            async with Producer(namesrv, group="PG") as producer:
                await producer.send(parcels(0, 1)[0])
            async with Consumer(namesrv, group="CG") as consumer:
                with pytest.raises(BrokerError, match="does not support consumer to filter message by SQL92"):
                    await consumer.subscribe("parcels", sql="grams > 5")

    asyncio.run(story())
