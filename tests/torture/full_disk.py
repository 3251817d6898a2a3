"""Fills a broker's disk under load, makes room again, and reads everything back.

    python tests/torture/full_disk.py --rounds 10 [--flush sync] [--seed N]

While the disk is full sends are refused as Java's broker does it, reads go on, and no file of the log is deleted. Once
there is room sends are accepted again, by itself. Then the broker is killed: nothing acknowledged may be lost, and
nothing that was refused may be there. Needs root and loop devices: elsewhere it says so and ends with status 77.
"""

import asyncio
import os
import random
import sys
import time
from pathlib import Path

from broker_process import BrokerProcess, start
from history import History
from load import QUEUES, SERVICE_NOT_AVAILABLE, TOPIC, note, produce, read_back
from loop_disk import LoopDisk, missing
from rounds import Tally, main
from wire import Wire

MEBIBYTES = 64
PRODUCERS = 3
REFUSALS_WANTED = 20
FULL_SECONDS_MAX = 90.0
RESUME_SECONDS_MAX = 10.0


async def play(source: random.Random, flush: str, tally: Tally) -> None:
    """One file system that is filled once."""
    history = History(refusals_allowed=True)
    flags = ["--flush", flush, "--set", f"mappedFileSizeCommitLog={source.choice([256 << 10, 1 << 20, 4 << 20])}"]
    flags += ["--set", f"mappedFileSizeConsumeQueue={20 * source.choice([100, 1_000])}"]
    flags += ["--set", "maxHashSlotNum=1000", "--set", "maxIndexNum=4000"]
    with LoopDisk(MEBIBYTES) as disk:
        store = disk.mount_point / "store"
        broker = await start(store, flags, disk.folder / "log")
        ballast = disk.mount_point / "ballast"
        tasks = [
            asyncio.create_task(produce(broker, history, f"p{at}", source.choice([1, 8]), source.getrandbits(64)))
            for at in range(PRODUCERS)
        ]
        try:
            await until(lambda: len(history.acknowledged) > 100, FULL_SECONDS_MAX, "nothing is acknowledged")
            # The group must be known before: that a new one cannot be saved is not what this is about.
            await read_some(broker, history, Tally())
            leave_free(ballast, disk.mount_point, source.randint(1 << 20, 12 << 20))
            await until(lambda: history.refusal_count >= REFUSALS_WANTED, FULL_SECONDS_MAX, "the disk is not full")
            files = set(os.listdir(store / "commitlog"))
            await read_some(broker, history, tally)
            ballast.unlink()
            acknowledged = len(history.acknowledged)
            began = time.monotonic()
            await until(lambda: len(history.acknowledged) > acknowledged + 20, RESUME_SECONDS_MAX, "sends stay refused")
            tally.count(resumed_after_ms=round(1000 * (time.monotonic() - began)))
            if gone := files - set(os.listdir(store / "commitlog")):
                history.violations.append(f"files of the log are gone: {sorted(gone)}")
        finally:
            await broker.kill()
        await asyncio.gather(*tasks)
        broker = await start(store, flags, disk.folder / "log")
        try:
            tally.count(read=await read_back(broker, history, {}))
            history.check_acknowledged()
        finally:
            await broker.kill()
        if "damage in the log" in (text := (disk.folder / "log").read_text(errors="replace")):
            history.violations.append(f"the restart found damage: {text[text.index('damage in the log') :][:300]}")
    if set(history.refusal_codes) != {SERVICE_NOT_AVAILABLE}:
        history.violations.append(f"refused with {history.refusal_codes}, expected {SERVICE_NOT_AVAILABLE}")
    tally.take(history)


def leave_free(ballast: Path, mount_point: Path, free: int) -> None:
    """Take all room of the file system but `free` bytes."""
    space = os.statvfs(mount_point)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, space.f_bavail * space.f_frsize - free))


async def read_some(broker: BrokerProcess, history: History, tally: Tally) -> None:
    """Reads go on while the disk is full."""
    wire = await Wire.open(broker.host, broker.port)
    try:
        for queue in range(QUEUES):
            found, _ = await wire.pull(TOPIC, queue, 0)
            tally.count(read_while_full=len(found))
            if not found:
                history.violations.append(f"queue {queue} cannot be read while the disk is full")
            for record in found:
                note(history, record)
    finally:
        await wire.close()


async def until(is_so, seconds_max: float, otherwise: str) -> None:  # type: ignore[no-untyped-def]
    """Wait until `is_so`; OSError after that time."""
    ends = time.monotonic() + seconds_max
    while not is_so():
        if time.monotonic() > ends:
            raise OSError(f"{otherwise} after {seconds_max} s")
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main(__doc__, play, missing()))
