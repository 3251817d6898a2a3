"""Cuts the power of a broker's disk under load and reads back what is left.

    python tests/torture/power_cut.py --rounds 10 [--flush sync] [--seed N]

Each round has a file system of its own, three cuts one after the other, and a broker that is started again after each.
Under SYNC_FLUSH nothing acknowledged and nothing that a reader saw may be lost; under ASYNC_FLUSH only the end of the
log. The ioctl that cuts takes a few milliseconds, in which Linux now and then lets an fdatasync return success for what
it then drops, with no broker involved: what is told while it runs is not held against the broker under SYNC_FLUSH, but
counted as `lost_during_cut`. Exit status 1 is a violation, 77 a machine without root, loop devices or ext4.
"""

import asyncio
import random
import sys

from broker_process import BrokerProcess, start
from history import History, Slot
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
    told: set[Slot] = set()
    flags = ["--flush", flush, "--set", f"mappedFileSizeCommitLog={source.choice([256 << 10, 1 << 20, 16 << 20])}"]
    flags += ["--set", f"mappedFileSizeConsumeQueue={20 * source.choice([100, 1_000, 300_000])}"]
    flags += ["--set", "maxHashSlotNum=10000", "--set", "maxIndexNum=40000"]
    with LoopDisk(MEBIBYTES) as disk:
        for number in range(CUTS + 1):
            broker = await start(disk.mount_point / "store", flags, disk.folder / "log")
            try:
                if number:
                    ends = await queue_ends(broker)
                    if flush == "sync":
                        check_sync(history, told, ends)
                        tally.count(lost_during_cut=history.lose_ends(ends))
                    else:
                        tally.count(lost=history.lose_ends(ends))
                    starts = {queue: min(at, ends[queue]) for queue, at in starts.items()}
                    tally.count(read=await read_back(broker, history, starts))
                if number < CUTS:
                    told = await cut_under_load(broker, disk, history, starts, source, f"c{number}")
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
) -> set[Slot]:
    """Load, cut, kill; the slots that had been acknowledged or read before the cut began."""
    window = source.choice([1, 4, 32])
    tasks = [
        asyncio.create_task(produce(broker, history, f"{name}p{at}", window, source.getrandbits(64))) for at in range(3)
    ]
    if starts:
        tasks += [asyncio.create_task(follow(broker, history, at, starts.get(at, 0))) for at in range(QUEUES)]
    await asyncio.sleep(source.uniform(0.1, 1.2))
    told = {*history.acknowledged, *history.slots}
    await asyncio.to_thread(disk.cut_power)
    await asyncio.sleep(0.05)
    await broker.kill()
    await asyncio.gather(*tasks)
    return told


def check_sync(history: History, told: set[Slot], ends: dict[int, int]) -> None:
    """Nothing that had been told before the cut began may lie beyond the ends of the queues."""
    if lost := sorted(slot for slot in told if slot[1] >= ends[slot[0]]):
        history.violations.append(f"I1, I10: {len(lost)} acknowledged or read slots are lost, the first is {lost[0]}")


async def queue_ends(broker: BrokerProcess) -> dict[int, int]:
    """Where each queue ends, by the broker's word."""
    wire = await Wire.open(broker.host, broker.port)
    try:
        return {queue: await wire.offset(MAX_OFFSET, TOPIC, queue) for queue in range(QUEUES)}
    finally:
        await wire.close()


if __name__ == "__main__":
    sys.exit(main(__doc__, play, missing()))
