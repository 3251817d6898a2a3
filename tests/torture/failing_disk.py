"""Lets one write or sync of the log fail in a real broker under load, and looks whether it goes on as if nothing were.

    python tests/torture/failing_disk.py --rounds 10 [--flush sync] [--seed N]

After the failure nothing sent is acknowledged any more and one critical line says so; reads go on. A restart without
the fault verifies the log, has everything that was acknowledged, and takes messages again. Needs a C compiler and the
dynamic linker's LD_PRELOAD: elsewhere it says so and ends with status 77.
"""

import asyncio
import atexit
import errno
import random
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from broker_process import BrokerProcess, start
from full_disk import read_some, until
from history import History
from load import produce, read_back
from rounds import Tally, main

SOURCE = Path(__file__).resolve().parent / "failing_disk.c"
PRODUCERS = 3
STRIKES_SECONDS_MAX = 30.0
REFUSALS_WANTED = 20
CRITICAL_LINE = "the log's disk failed"


@cache
def library() -> Path:
    """The compiled shim. Raises OSError."""
    folder = Path(tempfile.mkdtemp(prefix="pocketmq-shim-"))
    atexit.register(shutil.rmtree, folder)
    path = folder / "failing_disk.so"
    command = ["cc", "-shared", "-fPIC", "-O2", "-Wall", str(SOURCE), "-o", str(path), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr}")
    return path


def missing() -> str:
    """Why this cannot run here; empty if it can."""
    if not sys.platform.startswith("linux"):
        return "needs Linux"
    if shutil.which("cc") is None:
        return "needs cc"
    try:
        library()
    except OSError as failure:
        return str(failure)
    return ""


async def play(source: random.Random, flush: str, tally: Tally) -> None:
    """One failure and one restart."""
    history = History(refusals_allowed=True)
    call, number = source.choice([("fdatasync", errno.EIO), ("fdatasync", errno.EROFS), ("pwrite", errno.EIO)])
    nth = source.randint(1, 8 if call == "fdatasync" and flush == "async" else 150)
    environment = {"LD_PRELOAD": str(library()), "POCKETMQ_FAIL_CALL": call, "POCKETMQ_FAIL_PATH": "/commitlog/"}
    environment |= {"POCKETMQ_FAIL_NTH": str(nth), "POCKETMQ_FAIL_ERRNO": str(number)}
    flags = ["--flush", flush, "--set", f"mappedFileSizeCommitLog={source.choice([256 << 10, 1 << 20, 16 << 20])}"]
    flags += ["--set", "mappedFileSizeConsumeQueue=20000", "--set", "maxHashSlotNum=1000", "--set", "maxIndexNum=4000"]
    data = Path(tempfile.mkdtemp(prefix="pocketmq-failing-"))
    print(f"{call} {nth} fails with {errno.errorcode[number]}, {flush}", file=sys.stderr)
    try:
        broker = await start(data / "store", flags, data / "log", environment)
        await fail_under_load(broker, history, source, tally)
        if (said := (data / "log").read_text(errors="replace").count(CRITICAL_LINE)) != 1:
            history.violations.append(f"{CRITICAL_LINE!r} was said {said} times")
        history.refusals_allowed = False
        broker = await start(data / "store", flags, data / "log2")
        try:
            tally.count(read=await read_back(broker, history, {}))
            history.check_acknowledged()
            before = len(history.acknowledged)
            task = asyncio.create_task(produce(broker, history, "after", 4, source.getrandbits(64)))
            await until(lambda: len(history.acknowledged) > before + 50, 20.0, "the restarted broker takes nothing")
        finally:
            await broker.kill()
        await task
    finally:
        shutil.rmtree(data)
    tally.take(history)


async def fail_under_load(broker: BrokerProcess, history: History, source: random.Random, tally: Tally) -> None:
    """Load until the disk has failed and sends are refused, then read, then kill."""
    tasks = [
        asyncio.create_task(produce(broker, history, f"p{at}", source.choice([1, 4, 16]), source.getrandbits(64)))
        for at in range(PRODUCERS)
    ]
    try:
        await until(lambda: history.refusal_count >= REFUSALS_WANTED, STRIKES_SECONDS_MAX, "the fault does not strike")
        if history.acknowledged:
            await read_some(broker, history, tally)
        if history.acknowledged_after_failure:
            history.violations.append(
                f"I12: {history.acknowledged_after_failure} acknowledged after the disk had failed"
            )
    finally:
        await broker.kill()
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    sys.exit(main(__doc__, play, missing()))
