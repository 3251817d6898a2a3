"""Queues of other kinds under power cuts: what was promised is found, and the log alone yields the same.

A run is a seed, as in test_store_crash: single messages and inner batches for two batch queues, and messages for one
queue with an extension, with files so small that all of them roll; the machine stops at a random change of the disk,
also while it recovers.
"""

import random
from dataclasses import dataclass, field

import pytest
from expiry import drop_before, sweep_all

from pocketmq.protocol.record import NewMessage, tags_code
from pocketmq.store.batch_queue import UNIT_BYTES, BatchQueue, unpack_units
from pocketmq.store.inner_batch import append_inner_batch
from pocketmq.store.message_store import MessageStore, StoreSizes
from pocketmq.store.recovery import Recovery, open_store
from pocketmq.testing.faulty_disk import Fault, FaultyDisk, PowerCut
from pocketmq.testing.memory_disk import MemoryDisk

SIZES = StoreSizes(
    log_file_bytes=8192,
    queue_file_bytes=400,
    batch_queue_file_bytes=9 * UNIT_BYTES,
    extension_file_bytes=90,
    extends_queues=True,
    index_slots=7,
    index_entries=40,
)
SEEDS = 60
CRASHES_PER_SEED = 3
BATCH_QUEUES = [("BatchA", 0), ("BatchA", 1)]
QUEUES = [*BATCH_QUEUES, ("Simple", 0)]
TOPICS = ("BatchA",)


@dataclass
class Stored:
    """A record as it was appended."""

    log_offset: int
    queue: tuple[str, int]
    first_offset: int
    count: int
    tags_code: int


@dataclass
class Promises:
    """What was appended, in log order, and how far it was said to be written and synced."""

    records: list[Stored] = field(default_factory=list)
    written: int = 0
    flushed: int = 0
    now_ms: int = 1_700_000_000_000


class Run:
    """One seed's life of a store."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.memory = MemoryDisk()
        self.promises = Promises()

    def open(self, disk: MemoryDisk | FaultyDisk) -> tuple[MessageStore, Recovery]:
        """Now and then the table of topics is lost, and the store must know by what it holds."""
        shows_kind = disk.exists("batchconsumequeue/BatchA")
        topics = () if shows_kind and self.rng.random() < 0.3 else TOPICS
        return open_store(disk, SIZES, self.promises.now_ms, batch_topics=topics)

    def crash_after(self, changes: int) -> None:
        disk = FaultyDisk(self.memory, Fault("change", nth=changes, effect=PowerCut))
        try:
            store, _ = self.open(disk)
            store.batch_topics.update(TOPICS)
            while True:
                store = self.step(disk, store)
        except PowerCut:
            return

    def step(self, disk: FaultyDisk, store: MessageStore) -> MessageStore:
        roll = self.rng.random()
        if roll < 0.72:
            self.append(store)
        elif roll < 0.86:
            self.write(store)
        elif roll < 0.97:
            self.save_progress(store)
        elif roll < 0.99:
            self.write(store)
            store.close()
            self.promises.flushed = self.promises.written
            store, report = self.open(disk)
            store.batch_topics.update(TOPICS)
            assert report.damage == []
            assert report.log_end == self.promises.written
        else:
            self.expire(store)
        return store

    def append(self, store: MessageStore) -> None:
        rng, promises = self.rng, self.promises
        promises.now_ms += rng.randint(0, 5)
        topic, queue_id = rng.choice(QUEUES)
        body = rng.randbytes(rng.choice((0, 10, 40, 300, 3000)))
        count = rng.choice((0, 1, 2, 7, 300)) if topic in TOPICS else 0
        tag = rng.choice(("", "a", "b"))
        properties = f"UNIQ_KEY\x01u{promises.now_ms}\x02"
        properties += f"TAGS\x01{tag}\x02" if tag else ""
        properties += f"INNER_NUM\x01{count}\x02" if count else ""
        message = NewMessage(topic, queue_id, body, properties.encode(), sys_flag=192 if count else 0)
        append = append_inner_batch if count else MessageStore.append
        appended = append(store, message, promises.now_ms)
        promises.records.append(
            Stored(
                appended.log_offset, (topic, queue_id), appended.queue_offset, max(count, 1), tags_code(tag.encode())
            )
        )

    def write(self, store: MessageStore) -> None:
        store.write()
        self.promises.written = store.log.written
        store.publish(store.log.written, self.promises.now_ms)

    def save_progress(self, store: MessageStore) -> None:
        self.write(store)
        for target in store.log.sync_targets():
            target.sync()
        store.mark_flushed(store.log.written)
        self.promises.flushed = store.log.written
        done = store.write_derived()
        for target in store.derived_sync_targets():
            target.sync()
        store.save_progress(done)

    def expire(self, store: MessageStore) -> None:
        """Retention: the oldest log file goes, then what of the queues leads to it."""
        if store.log.flushed - store.log.start > 3 * SIZES.log_file_bytes:
            drop_before(store.log.segments, store.log.start + SIZES.log_file_bytes)
            sweep_all(store)

    def after_crash(self, power: bool) -> None:
        """Fail, recover (and be cut off in that, too), and check what is there against what was promised."""
        self.fail(power)
        for _ in range(self.rng.choice((0, 0, 1, 2))):
            disk = FaultyDisk(self.memory, Fault("change", nth=self.rng.randint(1, 25), effect=PowerCut))
            try:
                self.open(disk)
            except PowerCut:
                self.fail(power)
        store, report = self.open(self.memory)
        check(store, report, self.promises, self.promises.flushed if power else self.promises.written)
        rebuilt_alike(self.memory, store, self.promises.now_ms)
        self.promises.records = [one for one in self.promises.records if one.log_offset < store.log.end]
        self.promises.written = self.promises.flushed = store.log.end

    def fail(self, power: bool) -> None:
        self.memory = self.memory.crash(self.rng) if power else self.memory.crash_process()


def check(store: MessageStore, report: Recovery, promises: Promises, kept: int) -> None:
    assert report.damage == []
    assert report.log_end == store.log.end >= kept
    live = [one for one in promises.records if store.log.start <= one.log_offset < store.log.end]
    for key in QUEUES:
        mine = [one for one in live if one.queue == key]
        queue = store.find_queue(*key)
        if queue is None:
            assert mine == []
            continue
        if key in BATCH_QUEUES and mine:
            assert isinstance(queue, BatchQueue)
            units = unpack_units(queue.raw(0, 1 << 40))
            assert [(unit.log_offset, unit.first_offset, unit.message_count) for unit in units] == [
                (one.log_offset, one.first_offset, one.count) for one in mine
            ]
        if mine:
            assert queue.min_offset == mine[0].first_offset
            assert queue.next_offset == queue.max_offset == mine[-1].first_offset + mine[-1].count
        for one in mine:
            for offset in {one.first_offset, one.first_offset + one.count - 1}:
                entry = store.entry(*key, offset)
                assert entry is not None
                assert (entry.log_offset, entry.tags_code) == (one.log_offset, one.tags_code)


def rebuilt_alike(memory: MemoryDisk, store: MessageStore, now_ms: int) -> None:
    """From the log alone the same units come out."""
    copy = memory.crash_process()
    for folder in ("consumequeue", "batchconsumequeue", "index"):
        copy.remove_tree(folder)
    rebuilt, report = open_store(copy, SIZES, now_ms, batch_topics=TOPICS)
    assert report.damage == []
    assert rebuilt.log.end == store.log.end
    for key in QUEUES:
        first, second = store.find_queue(*key), rebuilt.find_queue(*key)
        if first is not None and first.max_offset > first.min_offset:
            assert second is not None
            assert second.entries(first.min_offset, 1 << 30) == first.entries(first.min_offset, 1 << 30)
            if key in BATCH_QUEUES:
                assert second.raw(0, 1 << 30) == first.raw(0, 1 << 30)
            assert (second.min_offset, second.max_offset) == (first.min_offset, first.max_offset)


@pytest.mark.parametrize("power", [False, True, None], ids=["kill", "power", "either"])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_promised_is_lost_from_a_queue_of_another_kind(seed: int, power: bool | None) -> None:
    run = Run(seed)
    for _ in range(CRASHES_PER_SEED):
        run.crash_after(run.rng.randint(1, 160))
        run.after_crash(power if power is not None else run.rng.random() < 0.5)
