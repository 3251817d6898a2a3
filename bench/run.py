"""Measures PocketMQ beside the machine's limit, in one session, and appends the table to bench/RESULTS.md.

The broker runs on one core, the load on another. `limit` parses no header and stores nothing: no broker can do
less, so a rate divided by the limit's is the distance from what the machine allows. Limit and broker take turns
within each round, so that a noisy neighbour disturbs both. Rates are medians over the rounds.
"""

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import consuming
import java
import processes
from processes import Broker, load

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
IDLE_SECONDS = 20.0
JAVA_WARM_SECONDS = 20.0
"""Until the JVM has compiled what is hot."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of load; `ratio` is the least acceptable share of the limit, `rate` the least messages a second."""

    name: str
    flags: tuple[str, ...]
    limit_flags: tuple[str, ...] = ()
    ratio: float | None = None
    rate: float | None = None
    flush: str = "async"
    latency_us: int | None = None
    """The most that the median of a single send may take, where a connection has one in flight."""

    one_topic: float | None = None
    """The least acceptable share of what the same load does to one topic."""


def sending(
    name: str,
    connections: int,
    window: int,
    body: int = 128,
    ratio: float | None = None,
    *,
    rate: float | None = None,
    flush: str = "async",
    latency_us: int | None = None,
) -> Shape:
    """A shape of single sends, measured beside the limit's echo of the same frames, synced if the broker's are."""
    flags = ("-c", str(connections), "-w", str(window), "-b", str(body))
    return Shape(name, ("-m", "send", *flags), ("-m", "echo", *flags), ratio, rate, flush, latency_us)


SHAPES = [
    sending("send, 8 connections x 64 in flight", 8, 64, 128, 0.50),
    sending("send, 64 x 1", 64, 1, 128, 0.50),
    sending("send, 1 x 1", 1, 1, 128, 0.75),
    sending("send, 8 x 64, 1 KB bodies", 8, 64, 1024, 0.40),
    Shape("send, 8 x 64, binary headers", ("-m", "send", "-H", "rocketmq", "-c", "8", "-w", "64")),
    # Java RocketMQ 5.5.0 on one core: 1,260, 12,000 and 20,000 a second, 230,000 in batches.
    sending("send, 1 x 1, SYNC_FLUSH", 1, 1, ratio=0.80, rate=1_890, flush="sync"),
    sending("send, 64 x 1, SYNC_FLUSH", 64, 1, rate=48_000, flush="sync", latency_us=1_500),
    sending("send, 8 x 64, SYNC_FLUSH", 8, 64, rate=120_000, flush="sync"),
    Shape("send batches of 32, 8 x 8", ("-m", "batch", "-n", "32", "-c", "8", "-w", "8"), rate=920_000),
    # Java RocketMQ 5.5.0 on one core gives four consumers 120,000 messages/s: six times that.
    Shape("pull, 4 connections, 32 a pull, warm", ("-m", "pull", "-c", "4"), rate=720_000),
    Shape("pull, 16 connections, 32 a pull, warm", ("-m", "pull", "-c", "16"), rate=1_000_000),
]
MANY_TOPICS = Shape(
    "send, 8 x 64, to any of 10,000 topics x 8 queues",
    ("-m", "send", "-c", "8", "-w", "64", "-N", "10000", "-q", "8", "-T", "Many"),
    one_topic=0.70,
)
ONE_TOPIC = ("-m", "send", "-c", "8", "-w", "64")
MANY_TOPICS_WARM_SECONDS = 40.0
"""Until every queue has been written to."""

UNCOMPILED = sending("send, 8 x 64, uncompiled", 8, 64, 128, 0.15)
START_SECONDS_TARGET, RESIDENT_MB_TARGET, IDLE_PERCENT_TARGET = 1.0, 80.0, 0.5


@dataclass(slots=True)
class Table:
    """Rows of a Markdown table, printed as they come."""

    rows: list[str] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        """Append a row and print it."""
        self.rows.append("| " + " | ".join(cells) + " |")
        print(self.rows[-1], flush=True)


@dataclass(slots=True)
class Measured:
    """A value for each round; `beside` is what the row is compared with, the limit or one topic."""

    beside: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    medians_us: list[float] = field(default_factory=list)


def measure(shape: Shape, limit_port: int, broker_port: int, seconds: float, rounds: int) -> Measured:
    """Limit and broker take turns."""
    measured, failed = Measured(), 0
    load(broker_port, shape.flags, MANY_TOPICS_WARM_SECONDS if shape.one_topic else min(1.0, seconds))
    for _round in range(rounds):
        if shape.limit_flags:
            measured.beside.append(load(limit_port, shape.limit_flags, seconds).rate)
        elif shape.one_topic:
            measured.beside.append(load(broker_port, ONE_TOPIC, seconds).rate)
        found = load(broker_port, shape.flags, seconds)
        measured.rates.append(found.rate)
        measured.medians_us.append(found.median_us)
        failed += found.failed
    if failed:
        print(f"{shape.name}: {failed} requests failed", file=sys.stderr)
    return measured


def report(table: Table, shape: Shape, measured: Measured) -> bool:
    """Add the row of a shape; whether it meets its target."""
    rate, median_us = statistics.median(measured.rates), statistics.median(measured.medians_us)
    pairs = zip(measured.beside, measured.rates, strict=True)
    ratio = statistics.median(b / a for a, b in pairs) if measured.beside else None
    least = shape.ratio or shape.one_topic
    met = (least is None or (ratio or 0) >= least) and (shape.rate is None or rate >= shape.rate)
    met = met and (shape.latency_us is None or median_us <= shape.latency_us)
    targets = [f">= {least:.2f}"] if least else []
    targets += [f">= {shape.rate:,.0f}/s"] if shape.rate else []
    rate_cell = f"{rate:,.0f}"
    if shape.latency_us is not None:
        targets.append(f"p50 <= {shape.latency_us / 1000:.1f} ms")
        rate_cell += f", p50 {median_us / 1000:.2f} ms"
    verdict = ("yes" if met else "NO") if targets else ""
    beside_cell = f"{statistics.median(measured.beside):,.0f}" if measured.beside else ""
    table.add(shape.name, rate_cell, beside_cell, f"{ratio:.2f}" if ratio else "", ", ".join(targets), verdict)
    return met


def idle_percent(pid: int) -> float:
    """Share of one core that a process takes while nobody talks to it."""
    before, began = processes.cpu_seconds(pid), time.perf_counter()
    time.sleep(IDLE_SECONDS)
    return 100 * (processes.cpu_seconds(pid) - before) / (time.perf_counter() - began)


def standing(table: Table, broker: Broker) -> bool:
    """Rows that need no load: start, memory, idle processor time."""
    resident = processes.resident_bytes(broker.pid) / 1e6
    idle = idle_percent(broker.pid)
    verdicts = []
    for name, value, bound, unit in (
        ("start, until a message is accepted", broker.start_seconds, START_SECONDS_TARGET, " s"),
        ("memory after start (RSS)", resident, RESIDENT_MB_TARGET, " MB"),
        (f"idle processor time over {IDLE_SECONDS:.0f} s", idle, IDLE_PERCENT_TARGET, " %"),
    ):
        verdicts.append(value <= bound)
        table.add(name, f"{value:.2f}{unit}", "", "", f"<= {bound:g}{unit}", "yes" if value <= bound else "NO")
    return all(verdicts)


def session(
    table: Table,
    start: Callable[[str], AbstractContextManager[Broker]],
    shapes: list[Shape],
    chosen: argparse.Namespace,
    warm_seconds: float = 2.0,
) -> bool:
    """Start the limit, and for each shape a broker of its own, that none pays for what another left to the disk.

    Answers whether all targets are met.
    """
    verdicts = []
    if not chosen.skip_idle:
        with start("async") as broker:
            verdicts.append(standing(table, broker))
    with (
        tempfile.TemporaryDirectory(dir=processes.BIN) as folder,
        processes.limit() as limit_port,
        processes.limit(Path(folder) / "log") as syncing_port,
    ):
        for shape in shapes:
            with start(shape.flush) as broker:
                load(broker.port, ONE_TOPIC, warm_seconds)
                port = syncing_port if shape.flush == "sync" else limit_port
                measured = measure(shape, port, broker.port, chosen.seconds, chosen.rounds)
            verdicts.append(report(table, shape, measured))
    return all(verdicts)


def flavour(python: str) -> str:
    """`compiled` or `uncompiled`, as that interpreter would run the hot modules."""
    command = [python, str(ROOT / "scripts" / "build_flavour.py"), "--short"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def machine() -> str:
    """Processor, cores and kernel."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"model name\s*: (.*)", text)
    return f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, {platform.platform()}"


def commit() -> str:
    """The checkout's commit, marked when it has changes."""
    answer = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or "no commit"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of load at a time")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pure-python", metavar="PYTHON", help="an interpreter that has pocketmq uncompiled")
    parser.add_argument("--only", default="", help="rows whose name contains this text")
    parser.add_argument("--skip-idle", action="store_true", help="no start, memory and idle rows")
    parser.add_argument("--java", action="store_true", help="also Java RocketMQ 5.5.0")
    parser.add_argument("--empty-memory", action="store_true", help="do not fill the page cache first")
    parser.add_argument("--no-record", action="store_true", help="leave RESULTS.md alone")
    return parser.parse_args()


def measure_all(table: Table, chosen: argparse.Namespace, kept: Path) -> bool:
    """All the rows that were chosen, with the brokers' data in `kept`; whether all targets are met."""
    shapes = [shape for shape in (*SHAPES, MANY_TOPICS) if chosen.only in shape.name]
    met = session(table, lambda flush: processes.pocketmq(sys.executable, kept, flush), shapes, chosen)
    if chosen.pure_python and chosen.only in UNCOMPILED.name:
        chosen.skip_idle = True
        assert flavour(chosen.pure_python) == "uncompiled"
        met &= session(table, lambda flush: processes.pocketmq(chosen.pure_python, kept, flush), [UNCOMPILED], chosen)
    rows = consuming.Chosen(chosen.seconds, chosen.rounds, chosen.only, 2.0)
    are_met, ours = consuming.session(
        table.add, lambda more: processes.pocketmq(sys.executable, kept, settings=more), rows
    )
    met &= are_met
    if chosen.java:
        chosen.skip_idle = False
        table.add("**Java RocketMQ 5.5.0**", "", "", "", "", "")
        session(table, lambda flush: java.rocketmq(f"{flush.upper()}_FLUSH"), shapes, chosen, JAVA_WARM_SECONDS)
        rows = consuming.Chosen(chosen.seconds, chosen.rounds, chosen.only, JAVA_WARM_SECONDS)
        _, javas = consuming.session(table.add, lambda more: java.rocketmq(more=more), rows, java=True)
        met &= consuming.beside_java(table.add, ours, javas)
    return met


def main() -> int:
    """Measure, print, record; exit status 1 when a target is missed."""
    chosen = arguments()
    processes.build_tools()
    build = flavour(sys.executable)
    table = Table()
    title = f"## {time.strftime('%Y-%m-%d %H:%M')}, commit {commit()}, {build}"
    facts = f"{machine()}; Python {platform.python_version()}; {chosen.rounds} rounds of {chosen.seconds:g} s, "
    facts += f"{'memory empty' if chosen.empty_memory else 'the page cache full'}."
    print(f"{title}\n\n{facts}\n")
    table.add("PocketMQ", "messages/s", "limit", "ratio", "target", "met")
    table.add("---", "---:", "---:", "---:", "---:", "---")
    memory = nullcontext() if chosen.empty_memory else processes.full_page_cache()
    with memory, tempfile.TemporaryDirectory(prefix="pocketmq-bench-") as kept:
        met = measure_all(table, chosen, Path(kept))
    if not chosen.no_record:
        with (HERE / "RESULTS.md").open("a") as out:
            out.write(f"\n{title}\n\n{facts}\n\n" + "\n".join(table.rows) + "\n")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
