"""Popping by the raw protocol, as Java's client does it: the handles are made from the answer's header."""

import argparse
import asyncio
import random
import time
from collections import defaultdict
from contextlib import suppress

from group_log import MS, MemberLog
from wire import Disconnected, Wire

from pocketmq.protocol.bodies import BatchAck, BatchAckMessageRequestBody
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers.popping import PopMessageRequest
from pocketmq.testing.popped import Popped, popped_of

BROKER_NAME = "broker-a"
"""Of the broker of `pocketmq up`; Java's clients know it from the route."""

POPS_AT_ONCE = 2
POPPED_MAX = 32
INVISIBLE_MS = 10_000
POLL_MS = 2_000
ASK_SECONDS = 20.0
AGAIN_SECONDS = 0.1
ONE_BY_ONE_SHARE = 0.05
FAILING_SHARE = 0.001
SLOW_SHARE = 0.02
SLOW_SECONDS_MAX = 0.05


async def pop_until(stopped: asyncio.Event, chosen: argparse.Namespace, log: MemberLog) -> None:
    """Pop, listen, acknowledge, until `stopped`; what is in hand is finished first."""
    loops = [Popper(chosen, log, random.Random(f"{chosen.seed} {at}")) for at in range(POPS_AT_ONCE)]
    await asyncio.gather(*(one.run(stopped) for one in loops))


class Popper:
    """One pop after the other on a connection of its own, opened again when the broker is gone."""

    def __init__(self, chosen: argparse.Namespace, log: MemberLog, source: random.Random) -> None:
        self._host, _, self._port = chosen.broker.rpartition(":")
        self._topic, self._group = chosen.topic, chosen.group
        self._log = log
        self._source = source

    async def run(self, stopped: asyncio.Event) -> None:
        """Until `stopped`."""
        while not stopped.is_set():
            with suppress(OSError, Disconnected, TimeoutError):
                wire = await Wire.open(self._host, int(self._port))
                try:
                    while not stopped.is_set():
                        await self._round(wire)
                finally:
                    await wire.close()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _round(self, wire: Wire) -> None:
        request = PopMessageRequest(
            consumer_group=self._group, topic=self._topic, queue_id=-1, max_msg_nums=POPPED_MAX,
            invisible_time=INVISIBLE_MS, poll_time=POLL_MS, born_time=time.time_ns() // MS, init_mode=0,
        )  # fmt: skip
        async with asyncio.timeout(ASK_SECONDS):
            answer = await wire.call(RequestCode.POP_MESSAGE, request.fields())
        if answer.code != ResponseCode.SUCCESS:
            if answer.code not in (ResponseCode.POLLING_TIMEOUT, ResponseCode.PULL_NOT_FOUND):
                await asyncio.sleep(AGAIN_SECONDS)
            return
        done = []
        for popped in popped_of(answer.fields, answer.body, self._topic, self._group, BROKER_NAME):
            if await self._listen(popped):
                done.append(popped)
        if done:
            await self._acknowledge(wire, done)

    async def _listen(self, popped: Popped) -> bool:
        """Whether it is to be acknowledged."""
        message = popped.message
        behind = time.time_ns() - time.monotonic_ns()
        given, until = popped.handle.pop_time * MS - behind, popped.handle.next_visible_time * MS - behind
        more = f"{message.body.decode()} {given} {until}"
        self._log.note("P", popped.topic, message.queue_id, message.queue_offset, more)
        if self._source.random() < SLOW_SHARE / POPPED_MAX:
            await asyncio.sleep(self._source.uniform(0, SLOW_SECONDS_MAX))
        is_done = self._source.random() >= FAILING_SHARE
        self._log.note("E", popped.topic, message.queue_id, message.queue_offset, f"{is_done:d} {is_done:d}")
        return is_done

    async def _acknowledge(self, wire: Wire, done: list[Popped]) -> None:
        if self._source.random() < ONE_BY_ONE_SHARE:
            answers = await asyncio.gather(*(self._acknowledge_one(wire, one) for one in done))
            acknowledged = [one for one, answer in zip(done, answers, strict=True) if answer.code == 0]
        else:
            async with asyncio.timeout(ASK_SECONDS):
                answer = await wire.call(RequestCode.BATCH_ACK_MESSAGE, {}, batch_of(done, self._topic, self._group))
            acknowledged = done if answer.code == 0 else []
        for one in acknowledged:
            self._log.note("A", one.topic, one.message.queue_id, one.message.queue_offset)

    async def _acknowledge_one(self, wire: Wire, one: Popped) -> Command:
        async with asyncio.timeout(ASK_SECONDS):
            return await wire.call(RequestCode.ACK_MESSAGE, one.ack_fields(self._group))


def batch_of(done: list[Popped], topic: str, group: str) -> bytes:
    """The body that acknowledges all of them, by the pops that they came in."""
    batches: dict[tuple[str, int, int, int], list[Popped]] = defaultdict(list)
    for one in done:
        batches[one.topic, one.handle.queue_id, one.handle.start_offset, one.handle.pop_time].append(one)
    acks = []
    for (_, queue_id, start, pop_time), some in batches.items():
        handle = some[0].handle
        places = frozenset(one.message.queue_offset - start for one in some)
        times = (handle.revive_queue_id, pop_time, handle.invisible_time)
        acks.append(BatchAck(group, topic, handle.retry_kind, start, queue_id, *times, places))
    return BatchAckMessageRequestBody(BROKER_NAME, acks).encode()
