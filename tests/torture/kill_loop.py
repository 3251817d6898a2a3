"""Kills a broker with SIGKILL under load, again and again, and reads back everything it had acknowledged.

    python tests/torture/kill_loop.py --rounds 50 [--flush sync] [--seed N]

Every round starts the broker on the same data, reads back what the last round left, puts load on it, and kills it
at a moment that the seed chooses. At the end everything is read from the beginning. Prints a JSON summary; exit
status 1 when an invariant of history.py is broken, and then the data is kept. The same seed gives the same
messages, file sizes and moments; where exactly the kill lands in the broker is the machine's choice.
"""

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from broker_process import BrokerFailed, BrokerProcess, start
from history import History
from load import QUEUES, follow, produce, read_back
from wire import Disconnected, Refused

PRODUCERS = 3
VIOLATIONS_SHOWN = 20


@dataclass(slots=True)
class Torture:
    """One run: its choices, its history, and how far each queue has been read."""

    flush: str
    source: random.Random
    data: Path
    load_seconds_max: float
    history: History = field(default_factory=History)
    starts: dict[int, int] = field(default_factory=dict)
    start_seconds: list[float] = field(default_factory=list)
    read_count: int = 0
    flags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        log_bytes = self.source.choice([256 << 10, 1 << 20, 16 << 20])
        queue_bytes = 20 * self.source.choice([100, 1_000, 300_000])
        self.flags = ["--flush", self.flush, "--set", f"mappedFileSizeCommitLog={log_bytes}"]
        self.flags += ["--set", f"mappedFileSizeConsumeQueue={queue_bytes}"]

    async def start(self) -> BrokerProcess:
        """The broker, on whatever the last round left."""
        broker = await start(self.data / "store", self.flags, self.data / "log")
        self.start_seconds.append(broker.start_seconds)
        return broker

    async def round(self, number: int) -> None:
        """Start, read back, load, kill."""
        broker = await self.start()
        try:
            if number:
                self.read_count += await read_back(broker, self.history, self.starts)
            window = self.source.choice([1, 4, 32])
            tasks = [
                asyncio.create_task(
                    produce(broker, self.history, f"r{number}p{at}", window, self.source.getrandbits(64))
                )
                for at in range(PRODUCERS)
            ]
            if number:
                ends = [self.starts.get(queue, 0) for queue in range(QUEUES)]
                tasks += [asyncio.create_task(follow(broker, self.history, at, end)) for at, end in enumerate(ends)]
            await asyncio.sleep(self.source.uniform(0.02, self.load_seconds_max))
        finally:
            await broker.kill()
        await asyncio.gather(*tasks)

    async def finish(self) -> None:
        """Read everything from the beginning, compare, and stop the broker as a service manager would."""
        broker = await self.start()
        try:
            self.read_count += await read_back(broker, self.history, {})
            self.history.check_acknowledged()
            status = await broker.end()
            if status != 0:
                self.history.violations.append(f"the broker's exit status after SIGTERM was {status}")
        finally:
            await broker.kill()


async def run(torture: Torture, rounds: int) -> None:
    """All rounds and the end; a broker that fails to start or to answer is a violation too."""
    try:
        for number in range(rounds):
            await torture.round(number)
            acknowledged, violations = len(torture.history.acknowledged), torture.history.violations
            started = f"started in {torture.start_seconds[-1]:.2f} s"
            print(
                f"round {number + 1}: {started}, {acknowledged} acknowledged, {len(violations)} violations",
                file=sys.stderr,
            )
            if violations:
                break
        await torture.finish()
    except (BrokerFailed, Disconnected, Refused, OSError) as wrong:
        torture.history.violations.append(f"{type(wrong).__name__}: {wrong}")


def summary(torture: Torture, chosen: argparse.Namespace, seconds: float) -> dict[str, object]:
    """What is worth keeping of a run."""
    restarts = sorted(torture.start_seconds)
    return {
        "seed": chosen.seed,
        "flush": chosen.flush,
        "flags": torture.flags,
        "kills": max(0, len(restarts) - 1),
        "acknowledged": len(torture.history.acknowledged),
        "sent": len(torture.history.sent),
        "read": torture.read_count,
        "start_ms_median": round(1000 * restarts[len(restarts) // 2]) if restarts else None,
        "start_ms_max": round(1000 * restarts[-1]) if restarts else None,
        "seconds": round(seconds, 1),
        "violations": torture.history.violations[:VIOLATIONS_SHOWN],
        "violation_count": len(torture.history.violations),
    }


def main() -> int:
    """The command line; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50, help="kills with each kind of flush")
    parser.add_argument("--flush", choices=["async", "sync", "both"], default="both")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--load-seconds-max", type=float, default=1.5, help="longest time between start and kill")
    chosen = parser.parse_args()
    if chosen.seed is None:
        chosen.seed = random.SystemRandom().getrandbits(32)
    failed = False
    for flush in ["async", "sync"] if chosen.flush == "both" else [chosen.flush]:
        chosen.flush = flush
        print(f"seed {chosen.seed}, flush {flush}", file=sys.stderr)
        data = Path(tempfile.mkdtemp(prefix="pocketmq-torture-"))
        torture = Torture(flush, random.Random(f"{chosen.seed} {flush}"), data, chosen.load_seconds_max)
        began = time.monotonic()
        asyncio.run(run(torture, chosen.rounds))
        print(json.dumps(summary(torture, chosen, time.monotonic() - began), indent=2), flush=True)
        if torture.history.violations:
            failed = True
            print(f"the data is kept in {data}", file=sys.stderr)
        else:
            shutil.rmtree(data)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
