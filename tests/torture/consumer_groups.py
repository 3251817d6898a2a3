"""Three consumer groups on a broker that is killed again and again, while their members come, go and are killed.

    python tests/torture/consumer_groups.py --messages 1000000 [--rate N] [--seed N]

One group consumes concurrently, one in order, one pops; each gets all messages. Every member is a process of its own
that writes down what it is given in a file that survives it. The last messages are sent once the groups are at peace.
Then pocketmq.testing.consumption_history says what must not have been. Prints a JSON line; exit status 1 when a
promise was broken, and then the data is kept. The same seed gives the same choices, not the same moments.
"""

import argparse
import asyncio
import json
import logging
import random
import shutil
import socket
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from broker_process import BrokerFailed, BrokerProcess, start
from group_churn import BALANCED_MS, MEMBERS, Group, wait
from group_load import QUEUES, Lag, Load
from group_log import MS, Teller, lines_of

from pocketmq.client import Admin
from pocketmq.model.errors import PocketMQError
from pocketmq.model.names import retry_topic
from pocketmq.model.pop_names import pop_retry_topic
from pocketmq.testing.consumption_history import ANSWERED_MS, KILLED, History, Place
from pocketmq.testing.simulated_consumer import LOCK_BELIEVED_MS

TOPIC = "torture"
KINDS = ("concurrent", "orderly", "pop")
HOST = "127.0.0.1"
PORTS = range(20_000, 32_000)
"""Below those from which Linux takes the ports of outgoing connections: one that tries to reach a dead broker could
otherwise be given the broker's own port."""

CALM_SHARE = 0.05
KILL_SECONDS = (15.0, 40.0)
DEAD_SECONDS_MAX = 1.5
CAUGHT_UP_SECONDS = 5.0
"""Longer than a message that was sent back waits in the delay topic, where no group is seen to be behind."""

DRAIN_SECONDS_MAX = 240.0
VIOLATIONS_SHOWN = 20


@dataclass(slots=True)
class Torture:
    """One run."""

    chosen: argparse.Namespace
    data: Path
    source: random.Random
    violations: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)
    kills: list[tuple[int, int]] = field(default_factory=list)
    """From when until when the broker was dead, in ms."""

    broker: BrokerProcess | None = None
    groups: list[Group] = field(default_factory=list)
    _flags: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Everything up to the last message consumed."""
        ports = free_ports(self.source)
        self._flags = ["--flush", self.chosen.flush, "--port", str(ports[0]), "--namesrv-port", str(ports[1])]
        server, address = f"{HOST}:{ports[1]}", f"{HOST}:{ports[0]}"
        arguments = ["--name-server", server, "--broker", address, "--topic", TOPIC]
        self.groups = [
            Group(kind, f"group-{kind}", self.data, random.Random(self.source.getrandbits(64)), arguments)
            for kind in self.chosen.kinds
        ]
        load = Load(server, TOPIC, random.Random(self.source.getrandbits(64)), self.chosen.rate)
        lag = Lag(HOST, ports[0], {group.name: places_of(group) for group in self.groups}, load)
        self.broker = await self._start()
        async with Admin(server) as admin:
            await admin.create_topic(TOPIC, queues=QUEUES)
        watching = asyncio.create_task(lag.watch())
        try:
            await self._disturbed_life(load)
            await self._peace(load, lag)
            for group in self.groups:
                await group.end()
            status = await self.broker.end()
            if status != 0:
                self.violations.append(f"the broker's exit status after SIGTERM was {status}")
        finally:
            watching.cancel()
            for group in self.groups:
                await group.kill_all()
            await self.broker.kill()
        self._check(load)

    async def _disturbed_life(self, load: Load) -> None:
        calm = asyncio.Event()

        async def send() -> None:
            await load.send(round(self.chosen.messages * (1 - CALM_SHARE)))
            calm.set()

        for group in self.groups:
            for _ in range(MEMBERS):
                await group.join()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send())
            tasks.create_task(self._kill_now_and_then(calm))
            tasks.create_task(self._report(load, calm))
            for group in self.groups:
                tasks.create_task(group.live(calm))

    async def _peace(self, load: Load, lag: Lag) -> None:
        began = time.monotonic()
        await self._drain(lag)
        left = BALANCED_MS / 1000 - (time.monotonic() - began)
        await asyncio.sleep(max(left, 0))
        print(f"at peace after {time.monotonic() - began:.0f} s", file=sys.stderr)
        await load.send(self.chosen.messages)
        lag.caught_up_at = None
        await self._drain(lag)

    async def _drain(self, lag: Lag) -> None:
        """Until nobody has been behind for a while."""
        ends = time.monotonic() + DRAIN_SECONDS_MAX
        while lag.caught_up_at is None or time.monotonic() - lag.caught_up_at < CAUGHT_UP_SECONDS:
            if time.monotonic() > ends:
                self.violations.append(f"after {DRAIN_SECONDS_MAX:g} s of peace still behind: {lag.behind}")
                return
            await asyncio.sleep(0.2)

    async def _kill_now_and_then(self, calm: asyncio.Event) -> None:
        while not await wait(calm, self.source.uniform(*KILL_SECONDS)):
            assert self.broker is not None
            killed = time.monotonic_ns() // MS
            await self.broker.kill()
            await asyncio.sleep(self.source.uniform(0, DEAD_SECONDS_MAX))
            self.broker = await self._start()
            self.kills.append((killed, time.monotonic_ns() // MS))

    async def _start(self) -> BrokerProcess:
        return await start(self.data / "store", self._flags, self.data / "broker.log")

    async def _report(self, load: Load, calm: asyncio.Event) -> None:
        while not await wait(calm, 30):
            gone = sum(group.kills + group.leaves for group in self.groups)
            print(f"{len(load.sent)} sent, {len(self.kills)} kills, {gone} members gone", file=sys.stderr, flush=True)

    def _check(self, load: Load) -> None:
        self.figures = {"messages": len(load.sent), "unacknowledged": load.unacknowledged}
        self.figures |= {"broker_kills": len(self.kills)}
        for group in self.groups:
            history = group.told(History(is_orderly=group.kind == "orderly", sent=load.sent))
            for killed, ready in self.kills:
                history.disturbed(KILLED, killed, LOCK_BELIEVED_MS + ANSWERED_MS)
                history.disturbed("the broker is back", ready, BALANCED_MS)
            teller = Teller(history)
            teller.tell([lines_of(path) for path in group.logs], group.outside)
            nobody: dict[Place, list[str]] = {place: [] for place in places_of(group)[:QUEUES] if group.kind != "pop"}
            found = group.violations + history.violations(nobody | teller.owners)
            self.violations += [f"{group.name}: {violation}" for violation in found]
            done = [delivery.message for delivery in history.deliveries if delivery.is_done]
            self.figures[group.kind] = {
                "deliveries": len(history.deliveries),
                "duplicates": len(done) - len(set(done)),
                "joins": group.joins,
                "leaves": group.leaves,
                "kills": group.kills,
                "violations": len(found),
            }


def places_of(group: Group) -> list[Place]:
    """The queues a group may be behind in."""
    retry = retry_topic(group.name) if group.kind != "pop" else pop_retry_topic(TOPIC, group.name, version_2=False)
    return [*((TOPIC, queue) for queue in range(QUEUES)), (retry, 0)]


def free_ports(source: random.Random) -> list[int]:
    """Two that nobody listens on now. The broker is started on the same ones again, as its clients expect."""
    found: list[int] = []
    for port in source.sample(PORTS, len(PORTS)):
        with socket.socket() as tried:
            try:
                tried.bind((HOST, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == 2:
            break
    return found


def main() -> int:
    """The command line; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--messages", type=int, default=1_000_000, help="acknowledged messages, for each group to consume"
    )
    parser.add_argument("--rate", type=int, default=2_000, help="messages sent in a second, at most")
    parser.add_argument("--flush", choices=["async", "sync"], default="sync")
    parser.add_argument("--kinds", choices=KINDS, nargs="+", default=list(KINDS), help="the groups")
    parser.add_argument("--keep", action="store_true", help="keep the data in any case")
    parser.add_argument("--seed", type=int, default=None)
    chosen = parser.parse_args()
    seed = random.SystemRandom().getrandbits(32) if chosen.seed is None else chosen.seed
    print(f"seed {seed}", file=sys.stderr, flush=True)
    logging.getLogger("pocketmq.client").setLevel(logging.ERROR)  # Of the kills it would tell, too.
    data = Path(tempfile.mkdtemp(prefix="pocketmq-torture-"))
    torture = Torture(chosen, data, random.Random(seed))
    began = time.monotonic()
    try:
        asyncio.run(torture.run())
    except (BrokerFailed, PocketMQError, OSError) as wrong:
        torture.violations.append(f"{type(wrong).__name__}: {wrong}")
    print(*torture.violations[:VIOLATIONS_SHOWN], sep="\n", file=sys.stderr)
    summary = {"seed": seed, **torture.figures, "seconds": round(time.monotonic() - began)}
    print(json.dumps({**summary, "violations": len(torture.violations)}), flush=True)
    if torture.violations or chosen.keep:
        print(f"the data is kept in {data}", file=sys.stderr)
    else:
        shutil.rmtree(data)
    return int(bool(torture.violations))


if __name__ == "__main__":
    sys.exit(main())
