"""A topic of batch queues on a real broker: batches travel whole, consumers see their messages, restarts find both."""

import asyncio
import shutil
from pathlib import Path

from pocketmq.client import Admin, Consumer, Message, Producer
from pocketmq.testing.embedded import embedded

PATIENCE_SECONDS = 60.0
TOPIC = "batched"
SINGLES = "singles"


async def consumed(namesrv: str, group: str, count: int) -> list[bytes]:
    """The bodies of the first messages that a new group gets, in the order of their offsets."""
    found: list[tuple[int, bytes]] = []
    async with asyncio.timeout(PATIENCE_SECONDS), Consumer(namesrv, group=group, start_at="first") as consumer:
        await consumer.subscribe(TOPIC)
        while len(found) < count:
            message = await anext(consumer)
            found.append((message.queue_offset, message.body))
            await message.ack()
    return [body for _, body in sorted(found)]


def test_messages_of_a_batch_come_one_by_one_also_after_a_restart(tmp_path: Path) -> None:
    async def live() -> None:
        async with embedded(tmp_path) as cluster, Admin(cluster.namesrv_address) as admin:
            for topic in (TOPIC, SINGLES):
                await admin.create_topic(topic, queues=1, attributes={"+queue.type": "BatchCQ"})
            async with Producer(cluster.namesrv_address, group="PG") as producer:
                await producer.send(Message(SINGLES, b"that this is one of batches, the table of topics knows"))
                await producer.send(Message(TOPIC, b"single"))
                await producer.send_batch([Message(TOPIC, b"batch %d" % number) for number in range(5)])
            bodies = await consumed(cluster.namesrv_address, "G1", 6)
            assert bodies == [b"single", *(b"batch %d" % number for number in range(5))]

    asyncio.run(live())
    units = tmp_path / "batchconsumequeue" / TOPIC / "0" / f"{0:020d}"
    content = units.read_bytes()[:92]
    assert content.count(0) < 92
    shutil.rmtree(tmp_path / "batchconsumequeue")

    async def live_again() -> None:
        async with embedded(tmp_path) as cluster:
            assert len(await consumed(cluster.namesrv_address, "G2", 6)) == 6

    asyncio.run(live_again())
    assert units.read_bytes()[:92] == content
    assert (tmp_path / "batchconsumequeue" / SINGLES / "0" / units.name).exists()
