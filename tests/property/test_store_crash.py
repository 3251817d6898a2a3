"""The store is cut off at any change of the disk, again and again, also while it recovers: nothing promised is lost.

A run is a seed. It appends, writes, syncs, saves progress, expires and closes at random, with small files so that all
of them roll; at a random change the machine stops: the process is killed (everything written survives) or the power
fails (any page and name not synced may be lost). What the store promised before is then looked for.
"""

import random
from dataclasses import dataclass, field

import pytest

from pocketmq.protocol.record import NewMessage
from pocketmq.store.message_store import MessageStore, StoreSizes
from pocketmq.store.recovery import Recovery, open_store
from pocketmq.testing.faulty_disk import Fault, FaultyDisk, PowerCut
from pocketmq.testing.memory_disk import MemoryDisk

SIZES = StoreSizes(log_file_bytes=8192, queue_file_bytes=400, index_slots=7, index_entries=40)
SEEDS = 60
CRASHES_PER_SEED = 3
QUEUES = [("TopicA", 0), ("TopicA", 1), ("TopicB", 0)]
FILLER_SIZE = 0x7FFFFFFF


@dataclass
class Stored:
    """A record as it was appended."""

    log_offset: int
    size: int
    topic: str
    queue_id: int
    queue_offset: int
    body: bytes
    key: str
    is_shown: bool


@dataclass
class Promises:
    """What was appended, in log order, and how far it was said to be written and synced."""

    records: list[Stored] = field(default_factory=list)
    written: int = 0
    flushed: int = 0
    log_start: int = 0
    now_ms: int = 1_700_000_000_000


class Run:
    """One seed's life of a store."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.memory = MemoryDisk()
        self.promises = Promises()

    def crash_after(self, changes: int) -> tuple[MessageStore | None, FaultyDisk]:
        """Live until that change of the disk; the store as it was then, if it had come to be open."""
        disk = FaultyDisk(self.memory, Fault("change", nth=changes, effect=PowerCut))
        store = None
        try:
            store, _ = open_store(disk, SIZES, self.promises.now_ms)
            while True:
                store = self.step(disk, store)
        except PowerCut:
            return store, disk

    def step(self, disk: FaultyDisk, store: MessageStore) -> MessageStore:
        roll = self.rng.random()
        if roll < 0.72:
            self.append(store)
        elif roll < 0.86:
            self.write(store)
        elif roll < 0.93:
            self.write(store)
            end = store.log.written
            for target in store.log.sync_targets():
                target.sync()
            store.mark_flushed(end)
            self.promises.flushed = end
        elif roll < 0.97:
            self.save_progress(store)
        elif roll < 0.99:
            self.write(store)
            store.close()
            self.promises.flushed = self.promises.written
            store, report = open_store(disk, SIZES, self.promises.now_ms)
            assert report.was_clean
            assert report.damage == []
            assert report.log_end == self.promises.written
        else:
            self.expire(store)
        return store

    def append(self, store: MessageStore) -> None:
        rng, promises = self.rng, self.promises
        promises.now_ms += rng.randint(0, 5)
        topic, queue_id = rng.choice(QUEUES)
        key = f"k{rng.randint(0, 30)}"
        body = rng.randbytes(rng.choice((0, 10, 10, 40, 300, 5000)))
        prepared = 4 if rng.random() < 0.1 else 0
        properties = f"KEYS\x01{key} x\x02UNIQ_KEY\x01u{promises.now_ms}\x02".encode()
        message = NewMessage(topic, queue_id, body, properties, sys_flag=prepared)
        appended = store.append(message, promises.now_ms)
        promises.records.append(
            Stored(appended.log_offset, appended.size, topic, queue_id, appended.queue_offset, body, key, not prepared)
        )

    def write(self, store: MessageStore) -> None:
        store.write()
        self.promises.written = store.log.written
        store.publish(store.log.written, self.promises.now_ms)

    def save_progress(self, store: MessageStore) -> None:
        for target in store.log.sync_targets():
            target.sync()
        store.mark_flushed(store.log.written)
        self.promises.flushed = store.log.written
        done = store.write_derived()
        for target in store.derived_sync_targets():
            target.sync()
        store.save_progress(min(done, store.log.flushed))

    def expire(self, store: MessageStore) -> None:
        """Retention: the oldest log files go, then what is derived of them."""
        if store.log.flushed - store.log.start > 3 * SIZES.log_file_bytes:
            keep = store.log.start + SIZES.log_file_bytes
            self.promises.log_start = keep
            store.log.segments.drop_before(keep)
            if store.index is not None:
                store.index.drop_before(keep)

    def after_crash(self, power: bool) -> None:
        """Fail, recover (and be cut off in that, too), and check what is there against what was promised."""
        self.fail(power)
        kept = self.promises.flushed if power else self.promises.written
        for _ in range(self.rng.choice((0, 0, 1, 2))):
            disk = FaultyDisk(self.memory, Fault("change", nth=self.rng.randint(1, 25), effect=PowerCut))
            try:
                open_store(disk, SIZES, self.promises.now_ms)
            except PowerCut:
                self.fail(power)
        store, report = open_store(self.memory, SIZES, self.promises.now_ms)
        check(store, report, self.promises, kept)
        rebuilt_alike(self.memory, store, self.promises.now_ms)
        self.promises.records = [r for r in self.promises.records if r.log_offset < store.log.end]
        self.promises.written = self.promises.flushed = store.log.end
        self.promises.log_start = store.log.start

    def fail(self, power: bool) -> None:
        self.memory = self.memory.crash(self.rng) if power else self.memory.crash_process()


def check(store: MessageStore, report: Recovery, promises: Promises, kept: int) -> None:
    assert report.damage == []
    assert report.log_end == store.log.end >= kept
    live = [r for r in promises.records if store.log.start <= r.log_offset < store.log.end]
    if kept:
        assert store.log.start in (promises.log_start, promises.log_start - SIZES.log_file_bytes, 0)
    for record in live:
        found = store.read_record(record.log_offset)
        assert found is not None, f"record at {record.log_offset} is gone"
        assert record.body in found
    lost = [r for r in promises.records if r.log_offset >= store.log.end]
    assert all(r.log_offset >= kept for r in lost)
    for topic, queue_id in QUEUES:
        mine = [r for r in live if (r.topic, r.queue_id) == (topic, queue_id) and r.is_shown]
        queue = store.queue(topic, queue_id)
        entries = queue.entries(queue.min_offset, queue.max_offset - queue.min_offset)
        assert [(e.log_offset, e.size) for e in entries] == [(r.log_offset, r.size) for r in mine]
        if mine:
            assert queue.min_offset == mine[0].queue_offset
            assert queue.max_offset == mine[-1].queue_offset + 1
            assert [r.queue_offset for r in mine] == list(range(queue.min_offset, queue.max_offset))
    for topic, key in sorted({(r.topic, r.key) for r in live}):
        expected = [r.log_offset for r in reversed(live) if (r.topic, r.key) == (topic, key)]
        hits = store.query_keys(topic, key, 10_000, 0, 1 << 62).log_offsets
        assert [
            offset for offset in hits if offset >= store.log.start and same_key(store, offset, topic, key)
        ] == expected


def same_key(store: MessageStore, log_offset: int, topic: str, key: str) -> bool:
    """As a client does: hashes collide."""
    record = store.read_record(log_offset)
    return record is not None and f"KEYS\x01{key} x".encode() in record and topic.encode() in record


def rebuilt_alike(memory: MemoryDisk, store: MessageStore, now_ms: int) -> None:
    """From the log alone the same queues come out."""
    copy = memory.crash_process()
    for folder in ("consumequeue", "index"):
        copy.remove_tree(folder)
    if copy.exists("checkpoint"):
        copy.remove("checkpoint")
    rebuilt, report = open_store(copy, SIZES, now_ms)
    assert report.damage == []
    assert rebuilt.log.end == store.log.end
    for topic, queue_id in QUEUES:
        first, second = store.queue(topic, queue_id), rebuilt.queue(topic, queue_id)
        count = first.max_offset - first.min_offset
        if count:
            assert (second.min_offset, second.max_offset) == (first.min_offset, first.max_offset)
            assert second.raw(second.min_offset, count) == first.raw(first.min_offset, count)


@pytest.mark.parametrize("power", [False, True, None], ids=["kill", "power", "either"])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_promised_is_lost(seed: int, power: bool | None) -> None:
    run = Run(seed)
    for _ in range(CRASHES_PER_SEED):
        run.crash_after(run.rng.randint(1, 160))
        run.after_crash(power if power is not None else run.rng.random() < 0.5)
