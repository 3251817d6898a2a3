"""What the programs here that make disks fail have in common: their arguments, their rounds and their summary."""

import argparse
import asyncio
import json
import logging
import random
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from broker_process import BrokerFailed
from history import History
from wire import Disconnected, Refused

VIOLATIONS_SHOWN = 20
SKIPPED = 77
"""The exit status of a program that cannot run here, as automake has it."""


@dataclass(slots=True)
class Tally:
    """What all rounds together have seen."""

    figures: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def count(self, **figures: int) -> None:
        """Add to the figures of these names."""
        for name, number in figures.items():
            self.figures[name] = self.figures.get(name, 0) + number

    def take(self, history: History) -> None:
        """A round's history has come to its end."""
        self.count(sent=len(history.sent), acknowledged=len(history.acknowledged), refusals=history.refusal_count)
        self.violations += history.violations


Round = Callable[[random.Random, str, Tally], Coroutine[object, object, None]]
"""One round: its source of chance, ASYNC_FLUSH or SYNC_FLUSH as `--flush` has it, and where to count."""


def main(text: str | None, play: Round, missing: str) -> int:
    """The command line of a program whose rounds are `play`; `missing` says why it cannot run here, or nothing."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="faults with each kind of flush")
    parser.add_argument("--flush", choices=["async", "sync", "both"], default="both")
    parser.add_argument("--seed", type=int, default=None)
    chosen = parser.parse_args()
    if missing:
        print(f"skipped: {missing}", file=sys.stderr)
        return SKIPPED
    seed = random.SystemRandom().getrandbits(32) if chosen.seed is None else chosen.seed
    print(f"seed {seed}", file=sys.stderr)
    # Of every write to a broker that is gone.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    failed = False
    for flush in ["async", "sync"] if chosen.flush == "both" else [chosen.flush]:
        tally = Tally()
        began = time.monotonic()
        for number in range(chosen.rounds):
            source = random.Random(f"{seed} {flush} {number}")
            try:
                asyncio.run(play(source, flush, tally))
            except (BrokerFailed, Disconnected, Refused, OSError) as wrong:
                tally.violations.append(f"{type(wrong).__name__}: {wrong}")
            tally.count(rounds=1)
            if tally.violations:
                print(f"round {number + 1} of seed {seed}, {flush}: {tally.violations[0]}", file=sys.stderr)
                break
        failed |= bool(tally.violations)
        summary: dict[str, object] = {"seed": seed, "flush": flush, **tally.figures}
        summary["seconds"] = round(time.monotonic() - began, 1)
        summary["violations"] = tally.violations[:VIOLATIONS_SHOWN]
        summary["violation_count"] = len(tally.violations)
        print(json.dumps(summary, indent=2), flush=True)
    return int(failed)
