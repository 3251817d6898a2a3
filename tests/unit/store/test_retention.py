"""What may go, when, and what stays: log files by age, hour and room, then the queues and keys that spoke of them."""

from dataclasses import replace

import pytest
from expiry import drop_before
from store_life import SIZES, T0, found_by_key, reopened, save, send, served, sync

from pocketmq.protocol.record import NewMessage, tags_code
from pocketmq.store.message_store import MessageStore
from pocketmq.store.recovery import open_store
from pocketmq.store.retention import HOUR_MS, LogExpiry, QueueSweep, RetentionPolicy, Trimmed, expired_log
from pocketmq.testing.memory_disk import MemoryDisk

FILE = SIZES.log_file_bytes
POLICY = RetentionPolicy(kept_ms=HOUR_MS, hours=frozenset((4,)))
FORCING = replace(POLICY, may_force=True)
OLD = T0 + 2 * HOUR_MS
"""A time at which all that was sent around T0 has expired."""


@pytest.fixture
def disk() -> MemoryDisk:
    return MemoryDisk()


@pytest.fixture
def store(disk: MemoryDisk) -> MessageStore:
    """Five and a half log files of records, one a millisecond."""
    store, _ = reopened(disk)
    since_ms = T0
    while store.log.end < 5.5 * FILE:
        send(store, 50, body_bytes=100, since_ms=since_ms)
        since_ms += 50
    save(store)
    return store


def look(store: MessageStore, policy: RetentionPolicy = POLICY, **given: object) -> LogExpiry:
    asked = {"hour": 4, "used": 0.1, "now_ms": OLD, "told": False, **given}
    return expired_log(store, policy, **asked)  # type: ignore[arg-type]


def sweep(store: MessageStore, policy: RetentionPolicy = POLICY, now_ms: int = OLD, step: int = 1) -> list[Trimmed]:
    sweeping = QueueSweep(store, policy, now_ms)
    lost: list[Trimmed] = []
    while (trimmed := sweeping.step(step)) is not None:
        lost += trimmed
    sweeping.finish()
    for removal in sweeping.removals:
        removal.sync()
    return lost


def test_all_but_the_last_file_go_when_they_are_old(store: MessageStore) -> None:
    assert look(store) == LogExpiry(5 * FILE, 5 * FILE)


@pytest.mark.parametrize(
    ("given", "goes"),
    [
        ({"hour": 3}, False),
        ({"hour": 3, "told": True}, True),
        ({"hour": 3, "used": 0.75}, False),
        ({"hour": 3, "used": 0.76}, True),
        ({"now_ms": T0 + HOUR_MS - 1}, False),
    ],
)
def test_only_at_the_hour_or_for_want_of_room_or_when_told(
    store: MessageStore, given: dict[str, object], goes: bool
) -> None:
    assert (look(store, **given).log_offset > 0) is goes


def test_a_file_goes_when_the_record_after_it_is_old(store: MessageStore) -> None:
    second = store.stored_at(2 * FILE)
    assert store.stored_at(FILE) < second
    assert look(store, now_ms=second + HOUR_MS - 1).log_offset == FILE
    assert look(store, now_ms=second + HOUR_MS).log_offset == 2 * FILE


def test_no_more_files_at_a_time_than_the_batch(store: MessageStore) -> None:
    assert look(store, replace(POLICY, batch_max=2)).log_offset == 2 * FILE


def test_what_is_not_flushed_stays(store: MessageStore) -> None:
    store.log.flushed = 3 * FILE + 5
    assert look(store).log_offset == 3 * FILE


def test_what_the_checkpoint_does_not_cover_stays(store: MessageStore) -> None:
    store.saved_progress = 3 * FILE + 5
    assert look(store).log_offset == 3 * FILE
    store.saved_progress = -1
    assert look(store).log_offset == 0


def test_damage_at_the_start_of_a_file_keeps_nothing_alive(store: MessageStore, disk: MemoryDisk) -> None:
    disk.open(f"commitlog/{2 * FILE:020d}").pwrite(4, b"\0\0\0\0")
    assert look(store, replace(POLICY, batch_max=1)).log_offset == FILE
    assert look(store, replace(POLICY, batch_max=2)).log_offset == FILE
    assert look(store, replace(POLICY, batch_max=3)).log_offset == 3 * FILE


class TestForce:
    def test_the_oldest_file_goes_before_its_time_only_if_that_is_allowed(self, store: MessageStore) -> None:
        assert look(store, used=0.99, now_ms=T0) == LogExpiry(0, 0)
        assert look(store, FORCING, used=0.85, now_ms=T0) == LogExpiry(0, 0)
        assert look(store, FORCING, used=0.86, now_ms=T0) == LogExpiry(FILE, 0)

    def test_what_has_expired_goes_first(self, store: MessageStore) -> None:
        now_ms = store.stored_at(2 * FILE) + HOUR_MS
        assert look(store, FORCING, used=0.99, now_ms=now_ms) == LogExpiry(2 * FILE, 2 * FILE)

    def test_the_last_file_stays(self, store: MessageStore) -> None:
        drop_before(store.log.segments, 5 * FILE)
        assert look(store, FORCING, used=0.99, now_ms=T0) == LogExpiry(5 * FILE, 5 * FILE)


class TestOwnTime:
    LONG = replace(POLICY, topics_ms={"T": 3 * HOUR_MS})
    SHORT = replace(POLICY, topics_ms={"T": HOUR_MS // 2})

    def test_a_longer_time_keeps_the_log(self, store: MessageStore) -> None:
        assert look(store, self.LONG).log_offset == 0
        assert look(store, self.LONG, now_ms=T0 + 4 * HOUR_MS).log_offset == 5 * FILE

    def test_other_topics_do_not_need_what_has_none_of_that_topic(self, store: MessageStore) -> None:
        first = store.append(NewMessage("U", 0, b"x", b""), T0 + 10_000)
        store.write()
        sync(store)
        store.publish(store.log.written, T0)
        policy = replace(POLICY, topics_ms={"U": 3 * HOUR_MS})
        assert look(store, policy).log_offset == first.log_offset - first.log_offset % FILE

    def test_a_shorter_time_moves_the_queue_and_not_the_log(self, store: MessageStore) -> None:
        end = store.queue("T", 0).max_offset
        now_ms = store.store_timestamp("T", 0, end - 3) + HOUR_MS // 2
        moved = sweep(store, self.SHORT, now_ms)
        assert [lost.end for lost in moved if lost.queue_id == 0] == [store.min_offset("T", 0)]
        assert store.log.start == 0
        assert store.store_timestamp("T", 0, store.min_offset("T", 0)) >= now_ms - HOUR_MS // 2
        assert store.store_timestamp("T", 0, store.min_offset("T", 0) - 1) < now_ms - HOUR_MS // 2
        assert sweep(store, self.SHORT, now_ms) == []


class TestSweep:
    def test_queues_begin_at_their_first_record_in_the_log(self, store: MessageStore, disk: MemoryDisk) -> None:
        before = served(store)
        drop_before(store.log.segments, 3 * FILE)
        lost = sweep(store)
        after = {place: at for place, at in before.items() if at >= 3 * FILE}
        assert served(store) == after
        assert {(one.topic, one.queue_id) for one in lost} == {("T", 0), ("T", 1)}
        gone = {(one.topic, one.queue_id, offset) for one in lost for offset in range(one.start, one.end)}
        assert gone == set(before) - set(after)
        for queue_id in (0, 1):
            first = store.min_offset("T", queue_id)
            names = disk.listdir(f"consumequeue/T/{queue_id}")
            assert int(names[0]) <= first * 20 < int(names[0]) + SIZES.queue_file_bytes

    def test_nothing_happens_twice(self, store: MessageStore) -> None:
        drop_before(store.log.segments, 3 * FILE)
        assert sweep(store)
        assert sweep(store) == []

    def test_a_restart_finds_the_same(self, store: MessageStore, disk: MemoryDisk) -> None:
        drop_before(store.log.segments, 3 * FILE)
        sweep(store)
        before = served(store)
        minimum = store.min_offset("T", 0)
        again, report = reopened(disk)
        assert (served(again), again.min_offset("T", 0), report.damage) == (before, minimum, [])

    def test_keys_of_what_is_gone_are_gone(self, store: MessageStore, disk: MemoryDisk) -> None:
        assert store.index is not None
        names = store.index.names()
        drop_before(store.log.segments, 5 * FILE)
        sweep(store)
        assert len(store.index.names()) < len(names)
        assert disk.listdir("index") == store.index.names()
        place = ("T", 0, store.max_offset("T", 0) - 1)
        assert found_by_key(store, place)

    def test_a_queue_that_lost_everything_goes_on_where_it_was(self, store: MessageStore) -> None:
        store.append(NewMessage("U", 0, b"x", b""), T0)
        for _ in range(4):
            send(store, 60, body_bytes=100)
        save(store)
        drop_before(store.log.segments, store.log.end - store.log.end % FILE)
        sweep(store)
        assert (store.min_offset("U", 0), store.max_offset("U", 0)) == (1, 1)
        assert store.append(NewMessage("U", 0, b"y", b""), OLD).queue_offset == 1

    def test_entries_that_are_only_in_memory_stay(self, store: MessageStore) -> None:
        save(store)
        send(store, 1, "U")
        drop_before(store.log.segments, 5 * FILE)
        assert all(one.topic == "T" for one in sweep(store))
        assert store.min_offset("U", 0) == 0

    def test_a_topic_deleted_meanwhile_is_passed_over(self, store: MessageStore) -> None:
        drop_before(store.log.segments, 3 * FILE)
        sweeping = QueueSweep(store, POLICY, OLD)
        store.delete_topic("T")
        assert sweeping.step(10) is None


def test_the_disk_has_a_released_file_until_it_is_told(store: MessageStore, disk: MemoryDisk) -> None:
    removals = store.log.segments.release_before(2 * FILE)
    assert store.log.start == 2 * FILE
    assert len(disk.listdir("commitlog")) == 6
    again, _ = reopened(disk.crash_process())
    assert again.log.start == 0
    for removal in removals:
        removal.sync()
        removal.sync()
    assert disk.listdir("commitlog")[0] == f"{2 * FILE:020d}"


def test_a_queue_of_batches_begins_at_its_first_record_in_the_log(disk: MemoryDisk) -> None:
    store, _ = open_store(disk, replace(SIZES, batch_queue_file_bytes=460), T0, batch_topics=["B"])
    queue = store.queue("B", 0)
    for number in range(300):
        store.append(NewMessage("B", 0, b"x" * 200, b""), T0 + number)
    store.write()
    store.publish(store.log.written, T0)
    save(store)
    drop_before(store.log.segments, 3 * FILE)
    (lost,) = sweep(store)
    assert (lost.start, lost.end) == (0, queue.min_offset)
    assert 0 < queue.min_offset < queue.max_offset == 300
    first = queue.entry(queue.min_offset)
    assert first is not None
    assert first.log_offset >= 3 * FILE
    names = disk.listdir("batchconsumequeue/B/0")
    assert int(names[0]) <= queue.min_offset * 46 < int(names[0]) + 460


def test_the_extension_of_a_queue_goes_with_its_entries(disk: MemoryDisk) -> None:
    store, _ = open_store(disk, replace(SIZES, extends_queues=True, extension_file_bytes=400), T0)
    for number in range(300):
        store.append(NewMessage("E", 0, b"x" * 200, b"TAGS\x01t%d\x02" % (number % 3)), T0 + number)
    store.write()
    store.publish(store.log.written, T0)
    save(store)
    before = disk.listdir("consumequeue_ext/E/0")
    drop_before(store.log.segments, 3 * FILE)
    assert sweep(store)
    after = disk.listdir("consumequeue_ext/E/0")
    assert 0 < len(after) < len(before)
    queue = store.queue("E", 0)
    live = queue.entries(queue.min_offset, 300)
    assert len(live) == 300 - queue.min_offset
    assert {entry.tags_code for entry in live} == {tags_code(b"t%d" % tag) for tag in range(3)}


def test_a_queue_lost_with_the_beginning_of_its_extension_is_derived_again(disk: MemoryDisk) -> None:
    sizes = replace(SIZES, queue_file_bytes=20_000, extends_queues=True, extension_file_bytes=400)
    store, _ = open_store(disk, sizes, T0)
    for number in range(300):
        store.append(NewMessage("E", 0, b"x" * 200, b"TAGS\x01t%d\x02" % (number % 3)), T0 + number)
    store.write()
    store.publish(store.log.written, T0)
    save(store)
    drop_before(store.log.segments, 3 * FILE)
    sweep(store)
    first, expected = store.min_offset("E", 0), store.queue("E", 0).entries(store.min_offset("E", 0), 300)
    store.close()
    disk.remove_tree("consumequeue/E")
    disk.remove_tree("index")
    again, report = open_store(disk, sizes, T0)
    assert report.damage == []
    assert (again.min_offset("E", 0), again.queue("E", 0).entries(first, 300)) == (first, expected)
