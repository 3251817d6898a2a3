"""The store is cut off at any change of the disk, again and again, also while it recovers: nothing promised is lost.

A test's id is its seed; `tests/torture/crash_points.py` goes on from there for as long as one likes. The last tests
check the checker: each breaks the store, or the node's order of calls, in one way that must be seen.
"""

from collections.abc import Callable

import pytest
from crash_life import CUTS_PER_SEED, ENDS, POINTS_PER_CUT, POLICIES, Kind, Life

from pocketmq.store import segments
from pocketmq.store.key_index import KeyIndex
from pocketmq.store.message_store import MessageStore
from pocketmq.store.placing import Placing
from pocketmq.store.segments import Segments
from pocketmq.testing.memory_disk import MemoryFile

SEEDS = 67
POINTS_MIN = 2_000


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_promised_is_lost(seed: int, end: str, policy: str) -> None:
    for number, broken in enumerate(Life(seed, Kind(end, policy)).points()):
        assert not broken, f"seed {seed}, {end}, {policy}, crash point {number}: " + "; ".join(broken)


def test_there_are_enough_crash_points() -> None:
    per_seed = CUTS_PER_SEED + CUTS_PER_SEED * POINTS_PER_CUT + CUTS_PER_SEED
    assert SEEDS * len(POLICIES) * per_seed >= POINTS_MIN


def a_sync_does_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryFile, "sync", lambda self: None)


def names_are_not_synced(patch: pytest.MonkeyPatch) -> None:
    sync_targets = Segments.sync_targets
    patch.setattr(Segments, "sync_targets", lambda self: [t for t in sync_targets(self) if hasattr(t, "_file")])


def readers_see_what_is_not_synced(patch: pytest.MonkeyPatch) -> None:
    write = Life.write

    def write_and_publish(life: Life, store: MessageStore) -> None:
        write(life, store)
        store.publish(store.log.written, life.now_ms)

    patch.setattr(Life, "write", write_and_publish)


def a_torn_end_stays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(segments, "holds_bytes", lambda file, offset: False)


def a_refused_turn_stays_in_the_file(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MessageStore, "discard", lambda self: self.log.discard())


def a_failed_sync_counts(patch: pytest.MonkeyPatch) -> None:
    step = Life.fail_sync

    def fail_and_believe(life: Life, disk, store: MessageStore) -> None:  # type: ignore[no-untyped-def]
        written = store.log.written
        try:
            step(life, disk, store)
        finally:
            life.promises.written = life.promises.flushed = written

    patch.setattr(Life, "fail_sync", fail_and_believe)


def recovery_leaves_out_entries(patch: pytest.MonkeyPatch) -> None:
    place = Placing.place
    patch.setattr(Placing, "place", lambda self, record: None if record.log_offset % 5 == 0 else place(self, record))


def the_index_forgets(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(KeyIndex, "put_all", lambda self, dispatches, now_ms: None)


def the_checkpoint_runs_ahead(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MessageStore, "write_derived", lambda self: self.log.flushed)


@pytest.mark.parametrize(
    ("breaks", "invariants"),
    [
        (a_sync_does_nothing, "I1"),
        (names_are_not_synced, "I1"),
        (readers_see_what_is_not_synced, "I10"),
        (a_torn_end_stays, "I1 I2 I3 I9 I13"),
        (a_refused_turn_stays_in_the_file, "I1 I3"),
        (a_failed_sync_counts, "I1"),
        (recovery_leaves_out_entries, "I9"),
        (the_index_forgets, "I9"),
        (the_checkpoint_runs_ahead, "I9"),
    ],
)
def test_each_fault_is_seen(
    breaks: Callable[[pytest.MonkeyPatch], None], invariants: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks(monkeypatch)
    wanted = tuple(f"{invariant}:" for invariant in invariants.split())
    for seed in range(100):
        for end in ENDS:
            for policy in POLICIES:
                try:
                    points = list(Life(seed, Kind(end, policy)).points())
                except AssertionError:  # One of the store's own saw it first.
                    continue
                if any(line.startswith(wanted) for broken in points for line in broken):
                    return
    pytest.fail("nothing was seen in 600 lives")
