"""Cuts the power of a broker's disk under load and reads back what is left.

    python tests/torture/power_cut.py --rounds 10 [--flush sync] [--seed N]

Each round has a file system of its own, three cuts one after the other, and a broker that is started again after each.
Under SYNC_FLUSH nothing acknowledged and nothing that a reader saw may be lost; under ASYNC_FLUSH only the end of the
log. Needs root and loop devices: elsewhere it says so and ends with status 77. Otherwise status 1 for a violation.
"""

import asyncio
import random
import sys

from broker_process import BrokerProcess, start
from history import History
from load import QUEUES, TOPIC, follow, produce, read_back
from loop_disk import LoopDisk, missing
from rounds import Tally, main
from wire import MAX_OFFSET, Wire

CUTS = 3
MEBIBYTES = 256


async def play(source: random.Random, flush: str, tally: Tally) -> None:
    """One file system, cut off CUTS times."""
    history = History(refusals_allowed=True)
    starts: dict[int, int] = {}
    flags = ["--flush", flush, "--set", f"mappedFileSizeCommitLog={source.choice([256 << 10, 1 << 20, 16 << 20])}"]
    flags += ["--set", f"mappedFileSizeConsumeQueue={20 * source.choice([100, 1_000, 300_000])}"]
    flags += ["--set", "maxHashSlotNum=10000", "--set", "maxIndexNum=40000"]
    with LoopDisk(MEBIBYTES) as disk:
        for number in range(CUTS + 1):
            broker = await start(disk.mount_point / "store", flags, disk.folder / "log")
            try:
                if number:
                    ends = await queue_ends(broker)
                    if flush == "async":
                        tally.count(lost=history.lose_ends(ends))
                        starts = {queue: min(at, ends[queue]) for queue, at in starts.items()}
                    tally.count(read=await read_back(broker, history, starts))
                if number < CUTS:
                    await cut_under_load(broker, disk, history, starts, source, f"c{number}")
                    tally.count(cuts=1)
                else:
                    await read_back(broker, history, {})
                    history.check_acknowledged()
            finally:
                await broker.kill()
            if number < CUTS:
                disk.remount()
    tally.take(history)


async def cut_under_load(
    broker: BrokerProcess, disk: LoopDisk, history: History, starts: dict[int, int], source: random.Random, name: str
) -> None:
    """Load, cut, kill."""
    window = source.choice([1, 4, 32])
    tasks = [
        asyncio.create_task(produce(broker, history, f"{name}p{at}", window, source.getrandbits(64))) for at in range(3)
    ]
    if starts:
        tasks += [asyncio.create_task(follow(broker, history, at, starts.get(at, 0))) for at in range(QUEUES)]
    await asyncio.sleep(source.uniform(0.1, 1.2))
    await asyncio.to_thread(disk.cut_power)
    await asyncio.sleep(0.05)
    await broker.kill()
    await asyncio.gather(*tasks)


async def queue_ends(broker: BrokerProcess) -> dict[int, int]:
    """Where each queue ends, by the broker's word."""
    wire = await Wire.open(broker.host, broker.port)
    try:
        return {queue: await wire.offset(MAX_OFFSET, TOPIC, queue) for queue in range(QUEUES)}
    finally:
        await wire.close()


if __name__ == "__main__":
    sys.exit(main(__doc__, play, missing()))
