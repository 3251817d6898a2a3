"""Cuts a store off at one change of its disk after another, for as long as one likes, and looks for what was promised.

    python tests/torture/crash_points.py --points 100000 [--seed N] [--jobs 1]

The engine is that of tests/property/test_store_crash.py. Prints a JSON summary; exit status 1 when a promise was
broken, and then each broken seed with the command that repeats it: --seed is the first seed, the next follow it.
"""

import argparse
import json
import multiprocessing
import random
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from crash_life import ENDS, POLICIES, Kind, Life

VIOLATIONS_SHOWN = 20


def play(seed: int) -> tuple[int, int, list[str]]:
    """All lives of a seed: the seed, crash points, and violations in words."""
    points = 0
    broken: list[str] = []
    for end in ENDS:
        for policy in POLICIES:
            try:
                for found in Life(seed, Kind(end, policy)).points():
                    points += 1
                    broken += [f"seed {seed}, {end}, {policy}, crash point {points}: {line}" for line in found]
            except Exception:  # Whatever the store raises is a finding, and belongs to a seed.
                broken.append(f"seed {seed}, {end}, {policy}: {traceback.format_exc(limit=-3)}")
    return seed, points, broken


def results(first_seed: int, jobs: int) -> Iterator[tuple[int, int, list[str]]]:
    """One seed's outcome after the other, for ever."""
    seeds = iter(range(first_seed, sys.maxsize))
    if jobs == 1:
        yield from map(play, seeds)
    while True:
        with multiprocessing.Pool(jobs) as pool:
            yield from pool.imap_unordered(play, [next(seeds) for _ in range(100 * jobs)])


def main() -> int:
    """The command line; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=20_000, help="crash points at least")
    parser.add_argument("--seed", type=int, default=None, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    chosen = parser.parse_args()
    first_seed = random.SystemRandom().getrandbits(31) if chosen.seed is None else chosen.seed
    print(f"first seed {first_seed}", file=sys.stderr)
    began = time.monotonic()
    seeds = points = 0
    violations: list[str] = []
    for seed, count, broken in results(first_seed, chosen.jobs):
        seeds += 1
        points += count
        violations += broken
        for line in broken:
            print(f"{line}\nrepeat: {sys.argv[0]} --points 1 --seed {seed}", file=sys.stderr)
        if points >= chosen.points or len(violations) >= VIOLATIONS_SHOWN:
            break
    summary = {
        "first_seed": first_seed,
        "seeds": seeds,
        "points": points,
        "seconds": round(time.monotonic() - began, 1),
        "violations": violations[:VIOLATIONS_SHOWN],
        "violation_count": len(violations),
    }
    print(json.dumps(summary, indent=2), flush=True)
    return int(bool(violations))


if __name__ == "__main__":
    sys.exit(main())
