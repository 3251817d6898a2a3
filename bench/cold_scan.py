"""What a consumer that reads far behind costs those who send: p99 of sends without and with a scan of a cold log.

    python bench/cold_scan.py [--gigabytes 10] [--seconds 10] [--rounds 3]

The broker has one core. A log of so many gigabytes is written, synced and dropped from the page cache; then single
sends from a few connections take turns without and with one consumer that pulls the whole log, 32 messages at a time.
The last column says how much of what was scanned came from the disk.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import processes
from processes import BIN, LOAD_CORE, Broker, load

GIB = 1 << 30
BODY_BYTES = 4096
COLD = ("-T", "Cold", "-q", "1")
FILLING = ("-m", "batch", "-n", "32", "-b", str(BODY_BYTES), "-c", "1", "-w", "8", *COLD)
SENDING = ("-m", "send", "-c", "4", "-w", "1")
SCANNING = ("-m", "pull", "-c", "1", "-w", "1", "-n", "32", *COLD)


def log_files(kept: Path) -> list[Path]:
    """The files of the broker's commit log."""
    return sorted(kept.glob("*/data/commitlog/*"))


def fill(port: int, kept: Path, size: int) -> None:
    """Write until the log has that many bytes."""
    while sum(file.stat().st_blocks * 512 for file in log_files(kept)) < size:
        load(port, FILLING, 2.0)


def drop(kept: Path) -> None:
    """Sync the log and let go of what the page cache has of it."""
    for file in log_files(kept):
        descriptor = os.open(file, os.O_RDONLY)
        os.fdatasync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def disk_bytes(pid: int) -> int:
    """What the process has read from the disk so far."""
    return int(re.findall(r"read_bytes: (\d+)", Path(f"/proc/{pid}/io").read_text())[0])


def p99_us(line: str) -> float:
    """The 99th percentile that mqload printed."""
    found = re.search(r"p99 (\d+)", line)
    if not found:
        raise SystemExit(f"no latency in: {line}")
    return float(found[1])


def beside_a_scan(broker: Broker, seconds: float) -> tuple[str, float, float]:
    """What mqload says of the sends, and the bytes a second that were scanned and that came from the disk."""
    before, began = disk_bytes(broker.pid), time.perf_counter()
    command = [str(BIN / "mqload"), "-p", str(broker.port), *SCANNING, "-t", str(seconds + 1)]
    scan = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE})
    )
    sends = load(broker.port, SENDING, seconds).line
    said = scan.communicate()[0]
    read = disk_bytes(broker.pid) - before
    rate = re.search(r"messages/s (\d+)", said)
    return sends, float(rate[1]) * BODY_BYTES if rate else 0.0, read / (time.perf_counter() - began)


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    processes.build_tools()
    alone, beside, rows = [], [], []
    with tempfile.TemporaryDirectory(prefix="pocketmq-bench-") as name:
        kept = Path(name)
        with processes.pocketmq(sys.executable, kept) as broker:
            fill(broker.port, kept, chosen.gigabytes * GIB)
            for _round in range(chosen.rounds):
                drop(kept)
                with processes.full_page_cache():
                    alone.append(p99_us(load(broker.port, SENDING, chosen.seconds).line))
                    sends, scanned, read = beside_a_scan(broker, chosen.seconds)
                beside.append(p99_us(sends))
                rows.append((scanned, read))
    print("| p99 of sends alone | beside the scan | ratio | scan | from the disk |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for one, two, (scanned, read) in zip(alone, beside, rows, strict=True):
        print(f"| {one:.0f} µs | {two:.0f} µs | {two / one:.2f} | {scanned / 1e6:.0f} MB/s | {read / 1e6:.0f} MB/s |")
    ratio = statistics.median(two / one for one, two in zip(alone, beside, strict=True))
    print(f"\nmedian ratio {ratio:.2f}, at most 2 wanted")
    return 0 if ratio <= 2 else 1


if __name__ == "__main__":
    sys.exit(main())
