"""How clients live on: through a restart of everything they talk to, and to the end that a person asks for."""

import asyncio
import signal
import sys
from pathlib import Path

from pocketmq.client import Admin, Consumer, Message, Producer
from pocketmq.testing.embedded import embedded

PATIENCE_SECONDS = 60.0
"""Longer than anything here takes on a busy machine; reached only by a failing test."""


async def next_body(consumer: Consumer) -> bytes:
    """The next message's, acknowledged."""
    message = await anext(consumer)
    await message.ack()
    return message.body


def test_clients_live_through_a_restart(tmp_path: Path) -> None:
    async def dialogue() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async with embedded(tmp_path) as before, Admin(before.namesrv_address) as admin:
                await admin.create_topic("orders", queues=1)
                producer = Producer(before.namesrv_address, group="PG", timeout=30.0, retries=200)
                consumer = Consumer(before.namesrv_address, group="CG", start_at="first")
                await producer.__aenter__()
                await consumer.__aenter__()
                await consumer.subscribe("orders")
                await producer.send(Message("orders", b"before"))
                assert await next_body(consumer) == b"before"
                namesrv_port, broker_port = (
                    int(address.rpartition(":")[2]) for address in (before.namesrv_address, before.broker_address)
                )
            sending = asyncio.ensure_future(producer.send(Message("orders", b"meanwhile")))
            async with embedded(tmp_path, namesrv_port=namesrv_port, broker_port=broker_port):
                await sending
                while await next_body(consumer) != b"meanwhile":
                    pass
                await consumer.close()
                await producer.close()

    asyncio.run(dialogue())


READER = """
import asyncio, sys
from pocketmq.client import Consumer

async def read():
    async with Consumer(sys.argv[1], group="CG", start_at="first") as consumer:
        await consumer.subscribe("orders")
        async for message in consumer:
            await message.ack()
            print(message.body.decode(), flush=True)

try:
    asyncio.run(read())
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_control_c_ends_a_reader_within_two_seconds_and_commits(tmp_path: Path) -> None:
    asyncio.run(_interrupted(tmp_path))


async def _interrupted(folder: Path) -> None:
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        embedded(folder) as cluster,
        Producer(cluster.namesrv_address, group="PG") as producer,
        Admin(cluster.namesrv_address) as admin,
    ):
        await admin.create_topic("orders", queues=1)
        await producer.send(Message("orders", b"one"))
        reader = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            READER,
            cluster.namesrv_address,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert reader.stdout is not None
        assert reader.stderr is not None
        try:
            assert await reader.stdout.readline() == b"one\n", await reader.stderr.read()
            reader.send_signal(signal.SIGINT)
            async with asyncio.timeout(2.0):
                assert await reader.wait() == 130
        finally:
            if reader.returncode is None:
                reader.kill()
            await reader.communicate()
        rows = (await admin.consume_stats("CG", "orders")).offset_table
        assert [row.consumer_offset for row in rows.values()] == [1]
