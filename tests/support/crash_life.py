"""A store's life at random, cut off at a random change of its disk: the engine of the crash tests.

A life is a seed. It appends single messages and batches, prepared, rolled back and delayed ones; writes, syncs, saves
progress, expires, deletes a topic, closes and opens; meets a full disk and a failing one. Files are small, so that all
of them roll. At a random change the process is killed (everything written survives) or the power fails (any page and
name not synced may be lost), then recovery is cut off, too. One cut gives several crash points: what was unsynced is
chosen anew for each, and each is opened and compared with what had been promised.
"""

import errno
import random
from collections.abc import Iterator
from dataclasses import dataclass

from crash_promises import Place, Promises, Stored, index_violations, rebuilt_violations, violations
from expiry import drop_before, sweep_all

from pocketmq.model.delays import parse_delay_levels
from pocketmq.model.errors import Refusal
from pocketmq.protocol.record import NewMessage
from pocketmq.store.derive import SCHEDULE_TOPIC
from pocketmq.store.message_store import MessageStore, StoreSizes
from pocketmq.store.recovery import Recovery, open_store
from pocketmq.testing.faulty_disk import Fault, FaultyDisk, PowerCut
from pocketmq.testing.memory_disk import MemoryDisk

SIZES = StoreSizes(log_file_bytes=8192, queue_file_bytes=400, index_slots=7, index_entries=40)
DELETED_TOPIC = "TopicC"
PLACES: list[Place] = [("TopicA", 0), ("TopicA", 1), ("TopicB", 0), (DELETED_TOPIC, 0), (SCHEDULE_TOPIC, 2)]
DELAY_MS = parse_delay_levels(SIZES.delay_levels)
PREPARED, COMMIT, ROLLBACK = 4, 8, 12
CUTS_PER_SEED = 3
POINTS_PER_CUT = 3
CHANGES_MAX = 160
ENDS = ("kill", "power", "either")
POLICIES = ("ASYNC_FLUSH", "SYNC_FLUSH")


@dataclass(frozen=True, slots=True)
class Kind:
    """How lives of one test differ: what ends them, and what readers wait for."""

    end: str
    policy: str


class Failed(Exception):
    """The disk failed at a sync: nothing more is acknowledged, the process is about to be stopped."""


class Life:
    """One seed's life of a store. `points` yields what is broken at each crash point, mostly nothing."""

    def __init__(self, seed: int, kind: Kind) -> None:
        self.rng = random.Random(f"{seed} {kind}")
        self.kind = kind
        self.memory = MemoryDisk()
        self.promises = Promises()
        self.now_ms = 1_700_000_000_000
        self.serial = 0
        self.has_failed = False

    def points(self) -> Iterator[list[str]]:
        """Live, be cut off, and compare; as often as a seed does."""
        for _ in range(CUTS_PER_SEED):
            self.live_until(self.rng.randint(1, CHANGES_MAX))
            power = self.kind.end == "power" or (self.kind.end == "either" and self.rng.random() < 0.5)
            cut = self.memory
            for _ in range(POINTS_PER_CUT if power else 1):
                self.memory = cut
                store, broken = self.recovered(power=power)
                yield broken
                if broken:
                    return
            self.go_on_from(store)

    # ------------------------------------------------------------------------------------------- living

    def live_until(self, changes: int) -> None:
        """Live until that change of the disk, or until the disk fails."""
        disk = FaultyDisk(self.memory, Fault("change", nth=changes, effect=PowerCut))
        try:
            store, _ = open_store(disk, SIZES, self.now_ms)
            while True:
                store = self.step(disk, store)
        except (PowerCut, Failed):
            return

    def step(self, disk: FaultyDisk, store: MessageStore) -> MessageStore:
        """One thing that a broker does."""
        roll = self.rng.random()
        if roll < 0.66:
            self.append(store)
        elif roll < 0.72:
            self.append_batch(store)
        elif roll < 0.84:
            self.write(store)
        elif roll < 0.90:
            self.sync(store)
        elif roll < 0.93:
            self.save_progress(disk, store)
        elif roll < 0.95:
            self.fill(disk, store)
        elif roll < 0.965:
            store = self.restart(disk, store)
        elif roll < 0.98:
            self.expire(store)
        elif roll < 0.99:
            self.delete_topic(store)
        elif roll < 0.992:
            self.fail_sync(disk, store)
        self.note_shown(store)
        return store

    def append(self, store: MessageStore, place: Place | None = None) -> None:
        rng = self.rng
        place = place or rng.choice(PLACES)
        self.now_ms += rng.randint(0, 5)
        self.serial += 1
        key = f"k{rng.randint(0, 30)}"
        body = b"<%d>" % self.serial + rng.randbytes(rng.choice((0, 10, 10, 40, 300, 5000)))
        is_delayed = place[0] == SCHEDULE_TOPIC
        kind = 0 if is_delayed else rng.choice((0,) * 12 + (PREPARED, COMMIT, ROLLBACK))
        properties = f"KEYS\x01{key} x\x02UNIQ_KEY\x01u{self.serial}\x02"
        if is_delayed:
            properties += "DELAY\x013\x02"
        appended = store.append(NewMessage(*place, body, properties.encode(), sys_flag=kind), self.now_ms)
        stored = Stored(
            appended.log_offset,
            appended.size,
            place,
            appended.queue_offset,
            body,
            "" if kind == ROLLBACK else key,
            store.log.last_store_timestamp + DELAY_MS[3] if is_delayed else 0,
            kind in (0, COMMIT),
            self.promises.generations.get(place[0], 0),
        )
        self.promises.records.append(stored)

    def append_batch(self, store: MessageStore) -> None:
        place = self.rng.choice(PLACES[:3])
        for _ in range(self.rng.randint(2, 8)):
            self.append(store, place)

    def write(self, store: MessageStore) -> None:
        store.write()
        self.promises.written = store.log.written
        if self.kind.policy == "ASYNC_FLUSH":
            store.publish(store.log.written, self.now_ms)

    def sync(self, store: MessageStore) -> None:
        self.write(store)
        end = store.log.written
        for target in store.log.sync_targets():
            target.sync()
        store.mark_flushed(end)
        self.promises.flushed = end
        store.publish(end, self.now_ms)

    def save_progress(self, disk: FaultyDisk, store: MessageStore) -> None:
        """Sometimes the disk is full for what is derived: that stays in memory."""
        self.sync(store)
        if self.rng.random() < 0.2:
            disk.add(Fault("pwrite", effect=errno.ENOSPC, path=self.rng.choice(("consumequeue", "index"))))
        try:
            done = store.write_derived()
        except OSError:
            return
        finally:
            heal(disk)
        for target in store.derived_sync_targets():
            target.sync()
        store.save_progress(min(done, store.log.flushed))

    def fill(self, disk: FaultyDisk, store: MessageStore) -> None:
        """The disk is full for the log: the turn is taken back."""
        self.append_batch(store)
        call = self.rng.choice(("create", "pwrite", "pwrite"))
        nth = self.rng.randint(1, 2)
        disk.add(Fault(call, nth, errno.ENOSPC, "commitlog", written=self.rng.choice((0, 0, 1, 50, 400, 1000))))
        try:
            self.write(store)
        except OSError:
            heal(disk)
            store.discard()
            self.promises.take_back()
        finally:
            heal(disk)

    def restart(self, disk: FaultyDisk, store: MessageStore) -> MessageStore:
        self.write(store)
        store.close()
        self.promises.flushed = self.promises.written
        store, report = open_store(disk, SIZES, self.now_ms)
        assert report.was_clean
        assert report.damage == []
        assert report.log_end == self.promises.written
        return store

    def expire(self, store: MessageStore) -> None:
        """Retention: the oldest log files go, then what is derived of them; never what the checkpoint lacks."""
        keep = store.log.start + SIZES.log_file_bytes * self.rng.randint(1, 2)
        if keep + SIZES.log_file_bytes > store.saved_progress:
            return
        self.promises.log_start = keep
        drop_before(store.log.segments, keep)
        store.write_derived()
        sweep_all(store)

    def delete_topic(self, store: MessageStore) -> None:
        """Its queues begin anew. A lone new record that might be a flipped bit is taken for one, so that is avoided."""
        queue = store.queue(DELETED_TOPIC, 0)
        while queue.next_offset and not queue.next_offset & (queue.next_offset - 1):
            self.append(store, queue.key)
        self.write(store)
        self.promises.generations[DELETED_TOPIC] = self.promises.generations.get(DELETED_TOPIC, 0) + 1
        self.promises.shown = {place: end for place, end in self.promises.shown.items() if place[0] != DELETED_TOPIC}
        store.delete_topic(DELETED_TOPIC)

    def fail_sync(self, disk: FaultyDisk, store: MessageStore) -> None:
        """The disk fails while it syncs, and forgets what it was to sync."""
        self.write(store)
        targets = store.log.sync_targets()
        disk.add(Fault("sync", effect=errno.EIO, path="commitlog", loses=True))
        try:
            for target in targets:
                target.sync()
        except OSError:
            store.refuses = "failed"
            self.has_failed = True
            self.promises.written = self.promises.flushed
            try:
                store.append(NewMessage("TopicA", 0, b"too late", b""), self.now_ms)
            except Refusal:
                raise Failed from None
            raise AssertionError("I12: a store whose disk has failed takes a message") from None
        heal(disk)
        store.mark_flushed(store.log.written)
        self.promises.flushed = store.log.written

    def note_shown(self, store: MessageStore) -> None:
        for place in PLACES:
            self.promises.shown[place] = max(self.promises.shown.get(place, 0), store.max_offset(*place))

    # --------------------------------------------------------------------------------------- recovering

    def recovered(self, *, power: bool) -> tuple[MessageStore, list[str]]:
        """Fail, recover (and be cut off in that, too); the store, and what is not as promised."""
        self.fail(power=power)
        promises = self.promises
        kept = promises.flushed if power else promises.written
        for _ in range(self.rng.choice((0, 0, 0, 1, 2))):
            disk = FaultyDisk(self.memory, Fault("change", nth=self.rng.randint(1, 25), effect=PowerCut))
            try:
                open_store(disk, SIZES, self.now_ms)
            except PowerCut:
                self.fail(power=power)
        store, report = open_store(self.memory, SIZES, self.now_ms)
        shown_is_kept = self.kind.policy == "SYNC_FLUSH" or not (power or self.has_failed)
        broken = violations(store, report, promises, kept, shown_is_kept=shown_is_kept)
        keyed = [record for record in promises.records if record.key]
        for record in self.rng.sample(keyed, min(4, len(keyed))):
            broken += index_violations(store, promises, record.place[0], record.key)
        broken += index_violations(store, promises, "TopicA", f"k{self.rng.randint(0, 30)}")
        if self.rng.random() < 0.3:
            rebuilt, again = self.rebuilt()
            broken += rebuilt_violations(store, rebuilt, again, {"TopicA", "TopicB", SCHEDULE_TOPIC})
        return store, broken

    def rebuilt(self) -> tuple[MessageStore, Recovery]:
        """A store made from the log alone."""
        copy = self.memory.crash_process()
        for folder in ("consumequeue", "index"):
            copy.remove_tree(folder)
        if copy.exists("checkpoint"):
            copy.remove("checkpoint")
        return open_store(copy, SIZES, self.now_ms)

    def go_on_from(self, store: MessageStore) -> None:
        """The next life begins with what this recovery left; a topic whose deletion was lost is deleted again."""
        self.promises.resume(store)
        self.has_failed = False
        if self.promises.generations.get(DELETED_TOPIC):
            current = self.promises.generations[DELETED_TOPIC]
            shown = [r for r in self.promises.records if r.place[0] == DELETED_TOPIC and r.is_shown]
            if all(record.generation < current for record in shown):
                store.delete_topic(DELETED_TOPIC)
                store.save_progress(store.log.flushed)

    def fail(self, *, power: bool) -> None:
        self.memory = self.memory.crash(self.rng) if power else self.memory.crash_process()


def heal(disk: FaultyDisk) -> None:
    """Disarm all faults but the power cut."""
    disk.heal(but=PowerCut)


def replay(seed: int, kind: Kind) -> Iterator[list[str]]:
    """All crash points of a seed."""
    return Life(seed, kind).points()
