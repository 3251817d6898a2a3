"""Messages for consumer groups, in batches, each shard's in order; and how far the groups are behind."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from wire import MAX_OFFSET, Disconnected, Refused, Wire

from pocketmq.client import Message, MessageQueue, Producer, SendStatus
from pocketmq.model.allocation import select_by_hash
from pocketmq.model.errors import PocketMQError
from pocketmq.protocol.codes import RequestCode
from pocketmq.testing.consumption_history import Place

PRODUCERS = 2
QUEUES = 16
SHARDS = 96
BATCH_MAX = 64
SEND_SECONDS = 5.0
REFUSED_PAUSE_SECONDS = 0.1
PACE_SECONDS = 0.05
BEHIND_MAX = 50_000
"""So far the slowest group may fall behind before the producers wait for it."""

LOOK_SECONDS = 1.0
ASK_SECONDS = 5.0


@dataclass(slots=True)
class Load:
    """`sent` are the acknowledged messages, those of each queue in the order in which they were sent."""

    name_server: str
    topic: str
    source: random.Random
    rate: int
    sent: dict[str, Place] = field(default_factory=dict)
    unacknowledged: int = 0
    may_send: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: dict[str, int] = field(default_factory=dict)

    async def send(self, until: int) -> None:
        """Until so many messages are acknowledged in all; no more than `rate` in a second."""
        began, before = time.monotonic(), len(self.sent)

        async def wait() -> bool:
            await self.may_send.wait()
            while (left := until - len(self.sent)) > 0:
                if len(self.sent) - before < (time.monotonic() - began) * self.rate:
                    break
                await asyncio.sleep(PACE_SECONDS)
            return left > 0

        async def produce(at: int) -> None:
            async with Producer(
                self.name_server, group=f"producers-{at}", timeout=SEND_SECONDS, retries=0, rng=self.source
            ) as producer:
                queues = await self._queues(producer)
                shards = self._shards(queues)
                mine = queues[at::PRODUCERS]
                while await wait():
                    queue = self.source.choice(mine)
                    await self._send_batch(producer, queue, shards[queue], until - len(self.sent))

        await asyncio.gather(*(produce(at) for at in range(PRODUCERS)))

    async def _queues(self, producer: Producer) -> Sequence[MessageQueue]:
        while True:  # The broker may be dead just now.
            with suppress(PocketMQError):
                return await producer.queues(self.topic)
            await asyncio.sleep(REFUSED_PAUSE_SECONDS)

    def _shards(self, queues: Sequence[MessageQueue]) -> dict[MessageQueue, list[str]]:
        shards: dict[MessageQueue, list[str]] = defaultdict(list)
        for name in (f"shard-{number}" for number in range(SHARDS)):
            shards[queues[select_by_hash(name, len(queues))]].append(name)
        assert len(shards) == len(queues), "a queue has no shard"
        return shards

    async def _send_batch(self, producer: Producer, queue: MessageQueue, shards: list[str], left: int) -> None:
        """Each message is sent once, so that what comes twice was delivered twice."""
        names = []
        for _ in range(min(left, self.source.randint(1, BATCH_MAX))):
            shard = self.source.choice(shards)
            self._numbers[shard] = number = self._numbers.get(shard, 0) + 1
            names.append(f"{shard}.{number}")
        try:
            result = await producer.send_batch([Message(self.topic, name.encode()) for name in names], queue=queue)
        except PocketMQError:
            self.unacknowledged += len(names)
            await asyncio.sleep(REFUSED_PAUSE_SECONDS)
            return
        if result.status is SendStatus.OK:
            place = (self.topic, queue.queue_id)
            self.sent.update((name, place) for name in names)
        else:
            self.unacknowledged += len(names)


@dataclass(slots=True)
class Lag:
    """How far groups are behind, as the broker says; `places` are the queues of each group."""

    host: str
    port: int
    places: dict[str, list[Place]]
    load: Load
    behind: dict[str, int] = field(default_factory=dict)
    caught_up_at: float | None = None
    """Since when no group has been behind."""

    async def watch(self) -> None:
        """Until cancelled: look every second, and hold the load up where a group is too far behind."""
        while True:
            with suppress(OSError, Disconnected, TimeoutError):
                wire = await Wire.open(self.host, self.port)
                try:
                    while True:
                        await self._look(wire)
                        await asyncio.sleep(LOOK_SECONDS)
                finally:
                    await wire.close()
            await asyncio.sleep(REFUSED_PAUSE_SECONDS)

    async def _look(self, wire: Wire) -> None:
        async with asyncio.timeout(ASK_SECONDS):
            for group, places in self.places.items():
                self.behind[group] = sum([await _behind(wire, group, place) for place in places])
        if any(self.behind.values()):
            self.caught_up_at = None
        elif self.caught_up_at is None:
            self.caught_up_at = time.monotonic()
        if max(self.behind.values()) < BEHIND_MAX:
            self.load.may_send.set()
        else:
            self.load.may_send.clear()


async def _behind(wire: Wire, group: str, place: Place) -> int:
    topic, queue = place
    try:
        end = await wire.offset(MAX_OFFSET, topic, queue)
    except Refused:  # A retry topic that nothing has come to yet.
        return 0
    fields = {"consumerGroup": group, "topic": topic, "queueId": queue}
    answer = await wire.call(RequestCode.QUERY_CONSUMER_OFFSET, fields)
    return end - (int(answer.fields["offset"]) if answer.code == 0 else 0)
