"""Verifies a store's folder: log, queues, key index, tables. Exit status 0: sound; 1: faults found; 2: cannot tell."""

import argparse
import sys
from collections import Counter
from typing import TYPE_CHECKING

from pocketmq.model.delays import DEFAULT_DELAY_LEVELS
from pocketmq.tools.arguments import at_least_one
from pocketmq.tools.looking import add_commit_log_flag

if TYPE_CHECKING:
    from pocketmq.store.finding import Finding
    from pocketmq.store.index_file import Shape
    from pocketmq.store.verify import Verification

LINES_MAX = 1000
"""More findings than this are counted, not shown; --json has all."""

INDEX_SLOTS, INDEX_ENTRIES = 5_000_000, 20_000_000
"""MessageStoreConfig.maxHashSlotNum, maxIndexNum."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags of `pocketmq fsck`."""
    parser.add_argument("folder", metavar="DIR", help="the broker's folder (--data, storePathRootDir)")
    parser.add_argument(
        "--repair", action="store_true", help="build queues and key index again from the log, which is never changed"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON for each finding")
    for flag, usual, key in (
        ("--max-hash-slot-num", INDEX_SLOTS, "maxHashSlotNum"),
        ("--max-index-num", INDEX_ENTRIES, "maxIndexNum"),
    ):
        parser.add_argument(
            flag, type=at_least_one, default=usual, metavar="N", help=f"the broker's {key} (%(default)s)"
        )
    add_commit_log_flag(parser)
    parser.add_argument(
        "--message-delay-level",
        default=DEFAULT_DELAY_LEVELS,
        metavar="LEVELS",
        help="the broker's messageDelayLevel, for --repair (%(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Prints what is found; the exit status."""
    from pocketmq.model.errors import UserError
    from pocketmq.store.index_file import Shape
    from pocketmq.tools.store_lock import find_holder

    shape = Shape(arguments.max_hash_slot_num, arguments.max_index_num)
    holder = find_holder(arguments.folder) if arguments.repair else None
    if holder is not None:
        raise UserError(f"{arguments.folder} is in use by {holder}; stop it, then --repair")
    looked = look(arguments, shape)
    if not arguments.repair:
        return looked.status
    if looked.counts["derived"] == 0:
        print("nothing to repair: queues and index are what the log makes them", file=sys.stderr)
        return looked.status
    repair(arguments, shape, looked.verification)
    return look(arguments, shape).status


class Looked:
    """A verification that has been run, and how many findings of each severity it had."""

    def __init__(self, verification: "Verification") -> None:
        self.verification = verification
        self.counts: Counter[str] = Counter()

    @property
    def status(self) -> int:
        """The exit status: 1 if there is a fault, 0 if there are only notices."""
        return int(self.counts["damage"] + self.counts["derived"] > 0)


def look(arguments: argparse.Namespace, shape: "Shape") -> Looked:
    """Verifies once and prints what is found."""
    import time

    from pocketmq.store.finding import Progress
    from pocketmq.store.layout import find_layout
    from pocketmq.store.verify import Verification
    from pocketmq.tools.looking import looking_at
    from pocketmq.tools.progress_line import ProgressLine

    line = ProgressLine(sys.stderr, time.monotonic_ns)
    with looking_at(arguments.folder, arguments.commit_log) as disk:
        looked = Looked(Verification(disk, find_layout(disk), shape))
        for found in looked.verification.run():
            if isinstance(found, Progress):
                line.show(*found)
                continue
            line.clear()
            looked.counts[found.severity] += 1
            if arguments.json:
                print(as_json(found), flush=True)
            elif looked.counts.total() <= LINES_MAX:
                print(as_text(found), flush=True)
    line.clear()
    if not arguments.json:
        print(verdict(looked.counts))
    return looked


def repair(arguments: argparse.Namespace, shape: "Shape", verification: "Verification") -> None:
    """Builds again what is derived, and says so. Raises UserError where that would do harm."""
    import time

    from pocketmq.model.errors import StoreError, UserError
    from pocketmq.store import repair as repairing
    from pocketmq.store.layout import find_layout
    from pocketmq.tools.looking import disk_of
    from pocketmq.tools.store_lock import store_lock

    if (reason := repairing.refusal(verification, arguments.message_delay_level)) is not None:
        raise UserError(f"{arguments.folder} cannot be repaired: {reason}")
    with store_lock(arguments.folder, "DIR"):
        disk = disk_of(arguments.folder, arguments.commit_log)
        now_ms = time.time_ns() // 1_000_000
        try:
            done = repairing.repair(disk, find_layout(disk), shape, arguments.message_delay_level, now_ms)
        except (OSError, StoreError) as error:
            raise UserError(f"{arguments.folder} is not repaired: {error}") from error
    said = f"removed consumequeue and index, and built them again from {done.records} records; the log is as it was"
    print(said, file=sys.stderr)


def as_json(finding: "Finding") -> str:
    """A finding for programs."""
    import dataclasses
    import json

    return json.dumps(dataclasses.asdict(finding))


def as_text(finding: "Finding") -> str:
    """A finding for people: where, which message, what, and what helps. Nothing in it can steer a terminal."""
    from pocketmq.tools.printing import harmless

    place = finding.path if finding.file_offset is None else f"{finding.path}:{finding.file_offset}"
    queue = "" if finding.queue_id is None else f"/{finding.queue_id}"
    message = "" if finding.queue_offset is None else f"@{finding.queue_offset}"
    topic = "" if finding.topic is None else f" ({finding.topic}{queue}{message})"
    return harmless(f"{finding.severity.upper():<8}{place}{topic} {finding.said}") + (
        f"\n        → {harmless(finding.remedy)}" if finding.remedy else ""
    )


def verdict(counts: Counter[str]) -> str:
    """The last line: sound or not, in numbers."""
    notices = f", {counts['notice']} notice(s)" if counts["notice"] else ""
    if counts["damage"] + counts["derived"] == 0:
        return f"sound{notices}"
    hidden = counts.total() - LINES_MAX
    more = f"; {hidden} more than shown, --json has all" if hidden > 0 else ""
    return f"not sound: {counts['damage']} damage, {counts['derived']} derived{notices}{more}"
