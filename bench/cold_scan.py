"""What a consumer that reads far behind costs those who send: p99 of sends without and with a scan of a cold log.

    python bench/cold_scan.py [--gigabytes 10] [--seconds 10] [--rounds 3] [--java]

The broker has one core. A log of so many gigabytes is written, synced and dropped from the page cache; then single
sends from a few connections take turns without and with one consumer that pulls the whole log, 32 messages at a time.
The last column says how much of what was scanned came from the disk. `--java` measures Java RocketMQ 5.5.0 afterwards.
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

import java
import processes
from processes import BIN, LOAD_CORE, Broker, load

GIB = 1 << 30
BODY_BYTES = 4096
JAVA_WARM_SECONDS = 15.0
COLD = ("-T", "Cold", "-q", "1")
FILLING = ("-m", "batch", "-n", "32", "-b", str(BODY_BYTES), "-c", "1", "-w", "8", *COLD)
SENDING = ("-m", "send", "-c", "4", "-w", "1")
SCANNING = ("-m", "pull", "-c", "1", "-w", "1", "-n", "32", *COLD)


def log_files(kept: Path) -> list[Path]:
    """The files of the broker's commit log."""
    return sorted(kept.glob("*/*/commitlog/*"))


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


def measure(name: str, broker: Broker, kept: Path, chosen: argparse.Namespace) -> float:
    """Print a row for each round: the median of how much longer the 99th percentile is beside the scan."""
    fill(broker.port, kept, chosen.gigabytes * GIB)
    ratios = []
    for _round in range(chosen.rounds):
        drop(kept)
        with processes.full_page_cache():
            alone = p99_us(load(broker.port, SENDING, chosen.seconds).line)
            sends, scanned, read = beside_a_scan(broker, chosen.seconds)
        beside = p99_us(sends)
        ratios.append(beside / alone)
        cells = (name, f"{alone:.0f} µs", f"{beside:.0f} µs", f"{ratios[-1]:.2f}")
        print("| " + " | ".join((*cells, f"{scanned / 1e6:.0f} MB/s", f"{read / 1e6:.0f} MB/s")) + " |", flush=True)
    return statistics.median(ratios)


def main() -> int:
    """Print a table; exit status 1 if PocketMQ's sends suffer more than they may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--java", action="store_true", help="also Java RocketMQ 5.5.0")
    chosen = parser.parse_args()
    processes.build_tools()
    print("| | p99 of sends alone | beside the scan | ratio | scan | from the disk |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(prefix="pocketmq-bench-") as name:
        kept = Path(name)
        with processes.pocketmq(sys.executable, kept) as broker:
            ratio = measure("PocketMQ", broker, kept, chosen)
    said = f"\nmedian ratio {ratio:.2f}, at most 2 wanted"
    if chosen.java:
        with tempfile.TemporaryDirectory(prefix="pocketmq-bench-") as name, java.rocketmq(parent=Path(name)) as broker:
            load(broker.port, SENDING, JAVA_WARM_SECONDS)
            said += f"; Java's {measure('Java', broker, Path(name), chosen):.2f}"
    print(said)
    return 0 if ratio <= 2 else 1


if __name__ == "__main__":
    sys.exit(main())
