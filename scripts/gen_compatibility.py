"""Writes docs/compatibility.md from docs/compatibility.csv and the names in tests/fixtures/feature_rows.txt.

To change a row's state, edit the CSV (`id,state,reason`) and run this; `--set NS-01=done` does both at once.
`--check` writes nothing and fails when the page is not what the CSV says.
"""

import argparse
import csv
import re
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
NAMES = ROOT / "tests" / "fixtures" / "feature_rows.txt"
STATES = ROOT / "docs" / "compatibility.csv"
PAGE = ROOT / "docs" / "compatibility.md"

DONE, DIFFERS, NOT_YET = "done", "differs", "not yet"
KNOWN_STATES = (DONE, DIFFERS, NOT_YET)
COMPONENTS = {
    "NS": "Name server",
    "RM": "Remoting protocol",
    "JB": "JSON bodies on the wire",
    "RC": "Request codes",
    "BK": "Broker core",
    "ST": "Message store",
    "HA": "High availability",
    "CO": "Consumption",
    "FL": "Filtering",
    "SN": "Sending, batches, message model",
    "DL": "Delay, timer, recall",
    "TX": "Transactions",
    "RR": "Request-reply",
    "TR": "Message trace",
    "SQ": "Static topics",
    "LT": "Light queues and lite topics",
    "AU": "Access control",
    "QF": "Quotas and flow control",
    "MT": "Metrics",
    "PX": "Proxy",
    "CL": "Client libraries",
    "AD": "mqadmin",
    "DB": "Dashboard",
    "CF": "Configuration and start-up",
    "PF": "Persisted formats",
    "SY": "Reserved topics, groups, names",
}

NOTES = {
    "RC": "Every other number is answered with code 3, REQUEST_CODE_NOT_SUPPORTED.",
    "CL": "The rows are about our own client, `pocketmq.client`; stock clients bring their own.",
    "AD": "Java's `mqadmin` is meant: a row is done if a test drives the command. There is none of our own yet.",
}

HEAD = """\
<!-- Written by scripts/gen_compatibility.py from docs/compatibility.csv: edit the CSV, then run `make docs`. -->

# Compatibility with Apache RocketMQ

Every capability of Apache RocketMQ 5.3.4 and 5.5.0 that we know of, by component, and where PocketMQ stands with it.
P0 means that a stock client or tool breaks without it, P1 that RocketMQ users expect it, P2 that it is rare.

| State | Meaning |
|---|---|
| done | Works as in Java, and a test shows it. |
| differs | Works, but not in every part as in Java; the last column says where. |
| not yet | Does not exist. A request for it gets RocketMQ's own "not supported" reply. |
"""


class Feature(NamedTuple):
    """One capability: its id in the catalogue, P0 to P2, and a short name."""

    id: str
    priority: str
    name: str


def read_features() -> list[Feature]:
    """The catalogue, in its order: one `ID PRIORITY name` a line."""
    return [Feature(*line.split(" ", 2)) for line in NAMES.read_text().splitlines()]


def read_states() -> dict[str, tuple[str, str]]:
    """State and reason by id; a row that is unknown, missing or of no known state ends the program."""
    with STATES.open(newline="") as lines:
        states = {row["id"]: (row["state"], row["reason"]) for row in csv.DictReader(lines)}
    ids = {feature.id for feature in read_features()}
    if states.keys() != ids:
        raise SystemExit(f"{STATES.name}: ids unlike the catalogue's: {sorted(states.keys() ^ ids)}")
    wrong = {key: state for key, (state, _) in states.items() if state not in KNOWN_STATES}
    bare = [key for key, (state, reason) in states.items() if state == DIFFERS and not reason]
    if wrong or bare:
        raise SystemExit(f"{STATES.name}: no such state: {wrong}; without a reason: {bare}")
    return states


def write_states(states: dict[str, tuple[str, str]]) -> None:
    """The CSV again, in the catalogue's order."""
    with STATES.open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["id", "state", "reason"])
        writer.writerows([feature.id, *states[feature.id]] for feature in read_features())


def page(features: list[Feature], states: dict[str, tuple[str, str]]) -> str:
    """The whole Markdown page."""
    lines = [HEAD, "| Component | " + " | ".join(KNOWN_STATES) + " | of |", "|---|---:|---:|---:|---:|"]
    totals: Counter[str] = Counter()
    groups = {prefix: [one for one in features if one.id.startswith(prefix + "-")] for prefix in COMPONENTS}
    for prefix, title in COMPONENTS.items():
        counts = Counter(states[one.id][0] for one in groups[prefix])
        totals += counts
        anchor = re.sub(r"[^a-z0-9-]", "", title.lower().replace(" ", "-"))
        lines.append(f"| [{title}](#{anchor}) | {cells(counts)} | {len(groups[prefix])} |")
    lines.append(f"| **Total** | {cells(totals)} | {len(features)} |")
    for prefix, title in COMPONENTS.items():
        lines += ["", f"## {title}", ""] + ([NOTES[prefix], ""] if prefix in NOTES else [])
        lines += ["| Id | | Capability | State | Reason |", "|---|---|---|---|---|"]
        for one in groups[prefix]:
            lines.append(f"| {one.id} | {one.priority} | {one.name} | {' | '.join(states[one.id])} |")
    return "\n".join(lines) + "\n"


def cells(counts: Counter[str]) -> str:
    """The counts as table cells; nothing for a zero."""
    return " | ".join(str(counts[state] or "") for state in KNOWN_STATES)


def main() -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when the page is stale")
    parser.add_argument("--set", action="append", default=[], metavar="ID=STATE[:REASON]")
    chosen = parser.parse_args()
    states = read_states()
    for change in chosen.set:
        key, _, value = change.partition("=")
        state, _, reason = value.partition(":")
        states[key] = (state, reason)
    if chosen.set:
        write_states(states)
        states = read_states()
    text = page(read_features(), states)
    if chosen.check:
        stale = not PAGE.exists() or PAGE.read_text() != text
        print("docs/compatibility.md is stale: run make docs" if stale else "docs/compatibility.md is current")
        return int(stale)
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
