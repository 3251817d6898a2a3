"""Random lives of consumer groups, as many as one likes: python tests/torture/consumption.py [--seeds N] [--seed S]."""

import argparse
import sys
import time

from pocketmq.testing.consumption_scenario import ConsumptionScenario


def main() -> int:
    """Exit status 1 if a promise was broken; each life that broke one is named by its seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20_000, help="how many lives")
    parser.add_argument("--seed", type=int, default=1_000_000, help="the first one's seed")
    chosen = parser.parse_args()
    print(f"first seed {chosen.seed}", flush=True)
    broken = sent = delivered = disturbances = 0
    began = time.monotonic()
    for seed in range(chosen.seed, chosen.seed + chosen.seeds):
        scenario = ConsumptionScenario(seed)
        violations = scenario.run()
        sent += len(scenario.history.sent)
        delivered += len(scenario.history.deliveries)
        disturbances += len(scenario.history.disturbances)
        if violations:
            broken += 1
            print(f"seed {seed}:", *violations[:10], sep="\n    ", flush=True)
    took = time.monotonic() - began
    print(f"{chosen.seeds} lives in {took:.0f} s: {sent} messages, {delivered} deliveries, {disturbances} disturbances")
    print(f"{broken} lives with violations")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
