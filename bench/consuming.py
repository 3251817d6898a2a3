"""Consumption: waking a puller, pops and their acknowledgements, filters over the network, ten thousand consumers.

`consumeload.c` is the load. It checks every reply and every message, and one that it does not expect ends the run: a
pull through a filter must bring each message that a pull without one has shown it to want, a popped message may come
once, everything popped must be acknowledged, and every parked pull must get the message that is sent for it.
"""

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import processes
from processes import BIN, LOAD_CORE, Broker, load

Start = Callable[[Sequence[str]], AbstractContextManager[Broker]]
"""Starts a broker with these settings, as KEY=VALUE."""

AddRow = Callable[..., None]
"""Adds the cells of a row."""

WAKE_P50_MS, WAKE_P99_MS = 0.4, 2.0
JAVA_TIMES = 5.0
SCANNED_PER_SECOND = 1_000_000
JUDGED_PER_SECOND = 300_000
CROWD, CROWD_GROUPS, HEARTBEAT_SECONDS = 10_000, 1_000, 30
CROWD_MB, HEARTBEAT_PERCENT = 300.0, 10.0

POP_MESSAGES, SCAN_MESSAGES = 2_000_000, 400_000
"""Enough for the fastest pops of one run; every run has a group of its own, and begins at the first message."""

_BATCH = 32
_PRELOAD_SECONDS = "300"
_SETTLE_SECONDS = 2.0
"""Until a Java broker's queues know all that it has accepted."""

_SQL = ("enablePropertyFilter=true",)


@dataclass(frozen=True, slots=True)
class Chosen:
    """How long, how often, which rows, and how long a broker is warmed up."""

    seconds: float
    rounds: int
    only: str
    warm_seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """A rate that is measured on messages sent before; `per_second` is the least acceptable."""

    name: str
    flags: tuple[str, ...]
    value: str
    preload: tuple[str, ...]
    settings: tuple[str, ...] = ()
    per_second: int | None = None


def _preload(count: int, *flags: str) -> tuple[str, ...]:
    return (
        "-m",
        "batch",
        "-c",
        "8",
        "-w",
        "4",
        "-n",
        str(_BATCH),
        "-F",
        str(count // _BATCH),
        "-T",
        "Consumed",
        *flags,
    )


ROWS = [
    Row(
        "pop 32, acknowledge each, 8 connections",
        ("-m", "pop", "-c", "8", "-n", "32"),
        "acked_per_s",
        _preload(POP_MESSAGES),
    ),
    Row(
        "pop 32, acknowledge one after the other, 8 connections",
        ("-m", "pop", "-c", "8", "-n", "32", "-a", "single"),
        "acked_per_s",
        _preload(POP_MESSAGES),
    ),
    Row(
        "pop 32, acknowledge all in one request, 8 connections",
        ("-m", "pop", "-c", "8", "-n", "32", "-a", "batch"),
        "acked_per_s",
        _preload(POP_MESSAGES),
    ),
    Row(
        "pull through a tag filter that passes 1 in 10, 4 connections: looked at",
        ("-m", "scan", "-c", "4", "-e", "tag"),
        "scanned_per_s",
        _preload(SCAN_MESSAGES, "-V"),
        per_second=SCANNED_PER_SECOND,
    ),
    Row(
        "pull through an SQL92 filter of two conditions that passes 1 in 10, 4 connections: judged",
        ("-m", "scan", "-c", "4", "-e", "sql"),
        "scanned_per_s",
        _preload(SCAN_MESSAGES, "-V"),
        _SQL,
        JUDGED_PER_SECOND,
    ),
]
BESIDE_JAVA = ROWS[0].name
WAKING = "wake-up of a parked pull, 1,000 messages/s"
CROWDS = {
    "10,000 consumers in 1,000 groups": 0,
    "10,000 consumers, each with a parked pull": 1,
    "10,000 consumers, 100,000 parked pulls": 10,
}


def session(add: AddRow, start: Start, chosen: Chosen, *, java: bool = False) -> tuple[bool, dict[str, float]]:
    """Measure all the rows that were chosen: whether their targets are met, and the rates by name."""
    verdicts = []
    rates: dict[str, float] = {}
    if chosen.only in WAKING:
        with start(()) as broker:
            load(broker.port, ("-m", "send", "-c", "8"), chosen.warm_seconds)
            verdicts.append(_waking(add, broker, chosen))
    for row in (row for row in ROWS if chosen.only in row.name):
        with start(row.settings) as broker:
            rates[row.name] = _rate(broker, row, chosen, broker_name="bench" if java else "broker-a")
        met = row.per_second is None or rates[row.name] >= row.per_second
        target = f">= {row.per_second:,}/s" if row.per_second else ""
        add(row.name, f"{rates[row.name]:,.0f}", "", "", target, ("yes" if met else "NO") if target else "")
        verdicts.append(met)
    for name, pulls in CROWDS.items():
        if chosen.only in name:
            with start(()) as broker:
                verdicts.append(_crowd(add, broker, name, pulls))
    return all(verdicts), rates


def beside_java(add: AddRow, ours: dict[str, float], java: dict[str, float]) -> bool:
    """A row for each rate that both have; whether pops are as much faster as they should be."""
    verdicts = []
    for name in (name for name in ours if name in java):
        times = ours[name] / java[name] if java[name] else float("inf")
        is_aimed_at = name == BESIDE_JAVA
        met = not is_aimed_at or times >= JAVA_TIMES
        target = f">= {JAVA_TIMES:g}" if is_aimed_at else ""
        add(f"{name}: PocketMQ / Java", f"{times:.1f}", "", "", target, ("yes" if met else "NO") if target else "")
        verdicts.append(met)
    return all(verdicts)


def _waking(add: AddRow, broker: Broker, chosen: Chosen) -> bool:
    """A puller that waits gets messages sent at a steady rate."""
    rounds = [
        _consume(broker, ("-m", "wake", "-r", "1000", "-T", f"Wake{number}"), chosen.seconds)
        for number in range(chosen.rounds)
    ]
    cells = {}
    for kind in ("wake", "whole"):
        for part in ("p50", "p99"):
            cells[kind, part] = statistics.median(found[f"{kind}_{part}_us"] for found in rounds) / 1000
    is_met = cells["wake", "p50"] <= WAKE_P50_MS and cells["wake", "p99"] <= WAKE_P99_MS
    target = f"p50 <= {WAKE_P50_MS:g} ms, p99 <= {WAKE_P99_MS:g} ms"
    for kind, of in (("wake", "from the sender's answer to the message"), ("whole", "from when it was to be sent")):
        measured = f"p50 {cells[kind, 'p50']:.2f} ms, p99 {cells[kind, 'p99']:.2f} ms"
        is_aimed_at = kind == "wake"
        verdict = ("yes" if is_met else "NO") if is_aimed_at else ""
        add(f"{WAKING}, {of}", measured, "", "", target if is_aimed_at else "", verdict)
    return is_met


def _rate(broker: Broker, row: Row, chosen: Chosen, *, broker_name: str) -> float:
    """The median of the rounds, after a warm-up."""
    loaded = load(broker.port, row.preload, float(_PRELOAD_SECONDS))
    # A Java broker that still warms up refuses some as busy.
    if loaded.failed > SCAN_MESSAGES // _BATCH // 10 or not loaded.rate or "ONLY" in loaded.line:
        raise SystemExit(f"{row.name}: the messages could not be sent: {loaded.line}")
    time.sleep(_SETTLE_SECONDS)
    flags = (*row.flags, "-T", "Consumed", "-B", broker_name)
    _consume(broker, (*flags, "-g", "warm"), chosen.warm_seconds)
    found = [_consume(broker, (*flags, "-g", f"round-{number}"), chosen.seconds) for number in range(chosen.rounds)]
    return statistics.median(each[row.value] for each in found)


def _crowd(add: AddRow, broker: Broker, name: str, pulls: int) -> bool:
    """Consumers that only stay there: their memory, and the processor time of their heartbeats."""
    flags = ["-m", "crowd", "-c", str(CROWD), "-G", str(CROWD_GROUPS), "-P", str(pulls), "-q", "10"]
    lines = _running(broker, flags, HEARTBEAT_SECONDS)
    next(lines)
    before, began = processes.cpu_seconds(broker.pid), time.perf_counter()
    found = next(lines)
    percent = 100 * (processes.cpu_seconds(broker.pid) - before) / (time.perf_counter() - began)
    resident = processes.resident_bytes(broker.pid) / 1e6
    woken = list(lines)
    is_small, is_quiet = resident <= CROWD_MB, percent <= HEARTBEAT_PERCENT
    is_aimed_at = pulls <= 1
    target = f"<= {CROWD_MB:g} MB" if is_aimed_at else ""
    add(f"{name}: memory (RSS)", f"{resident:.0f} MB", "", "", target, ("yes" if is_small else "NO") if target else "")
    said = f"{found['heartbeats'] / HEARTBEAT_SECONDS:,.0f} heartbeats/s"
    if pulls:
        said += f", {found['pulls'] / HEARTBEAT_SECONDS:,.0f} pulls/s that time out"
    target = f"<= {HEARTBEAT_PERCENT:g} %" if not pulls else ""
    verdict = ("yes" if is_quiet else "NO") if target else ""
    add(f"{name}: processor time, {said}", f"{percent:.1f} %", "", "", target, verdict)
    for each in woken:
        add(f"{name}: all woken by messages, after", f"{each['seconds']:.2f} s", "", "", "", "")
    return (is_small or not is_aimed_at) and (is_quiet or pulls > 0)


def _consume(broker: Broker, flags: Sequence[str], seconds: float) -> dict[str, float]:
    """What consumeload found."""
    [found] = _running(broker, flags, seconds)
    return found


def _running(broker: Broker, flags: Sequence[str], seconds: float) -> Iterator[dict[str, float]]:
    """Runs consumeload on the load's core: the lines that it prints, to the last. SystemExit if it finds a fault."""
    command = [str(BIN / "consumeload"), "-p", str(broker.port), *flags, "-t", str(seconds)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE})
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
