"""How long a broker that was killed takes to open its store, at several sizes of it.

    python bench/recovery.py [--gigabytes 1 10 50] [--tail-megabytes 64]

The store's first and last files are real; the files between them hold a blank each and are holes on the disk, as large
as real ones to whoever looks at their sizes. The last `--tail-megabytes` came after the last checkpoint: what recovery
walks. The store is opened twice, from the page cache, and once more after that as after an orderly stop.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from pocketmq.protocol.record import NewMessage, blank
from pocketmq.store.disk import PosixDisk
from pocketmq.store.message_store import MessageStore, StoreSizes
from pocketmq.store.recovery import open_store

GIB = 1 << 30
BODY = b"x" * 1024
NOW_MS = 1_700_000_000_000


def fill(store: MessageStore, end: int) -> None:
    """Append messages of 1 KiB up to that log offset."""
    number = 0
    while store.log.end < end:
        for _ in range(500):
            key = b"UNIQ_KEY\x017F000001000018B4AAC2%08X\x02" % number
            store.append(NewMessage("T", number % 8, BODY, key), NOW_MS)
            number += 1
        store.write()
        store.publish(store.log.written, NOW_MS)


def checkpoint(store: MessageStore) -> None:
    """All that was written so far is on disk, and the checkpoint says so."""
    done = store.write_derived()
    for target in [*store.log.sync_targets(), *store.derived_sync_targets()]:
        target.sync()
    store.mark_flushed(store.log.written)
    store.save_progress(done)


def make(folder: Path, gigabytes: int, tail_bytes: int) -> None:
    """A store of that size whose broker was killed `tail_bytes` after its last checkpoint."""
    store, _ = open_store(PosixDisk(folder), StoreSizes(), NOW_MS)
    fill(store, 8 << 20)
    for file in range(gigabytes - 1):
        start = store.log.written if file == 0 else file * GIB
        store.log.segments.write(start, blank(GIB - start % GIB))
    if gigabytes > 1:
        store.log.resume((gigabytes - 1) * GIB)
    fill(store, store.log.end + (8 << 20))
    checkpoint(store)
    fill(store, store.log.end + tail_bytes)


def seconds_to_open(folder: Path) -> tuple[float, int]:
    """How long it takes, and how many records were looked at."""
    began = time.perf_counter()
    store, report = open_store(PosixDisk(folder), StoreSizes(), NOW_MS)
    took = time.perf_counter() - began
    if report.damage or store.max_offset("T", 0) == 0:
        raise SystemExit(f"the store did not come back whole: {report}")
    store.descriptors.close()
    return took, report.records


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--tail-megabytes", type=int, default=64)
    chosen = parser.parse_args()
    print(f"| store | open after a kill, {chosen.tail_megabytes} MiB behind the checkpoint | records | open again |")
    print("| ---: | ---: | ---: | ---: |")
    for gigabytes in chosen.gigabytes:
        with tempfile.TemporaryDirectory(prefix="pocketmq-recovery-") as name:
            child = os.fork()
            if child == 0:
                make(Path(name), gigabytes, chosen.tail_megabytes << 20)
                os._exit(0)  # As a kill: nothing is closed.
            if os.waitpid(child, 0)[1] != 0:
                return 1
            took, records = seconds_to_open(Path(name))
            again, _ = seconds_to_open(Path(name))
            print(f"| {gigabytes} GiB | {took:.2f} s | {records:,} | {again:.2f} s |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
