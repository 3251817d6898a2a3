"""Queues reach their files a few at a time, and the checkpoint never says more than that."""

import random
from pathlib import Path

import pytest
from store_life import T0, reopened, send, served, sync

from pocketmq.store.derived import SYNCED_ONE_BY_ONE_MAX
from pocketmq.store.disk import PosixDisk
from pocketmq.store.message_store import MessageStore
from pocketmq.store.segments import WholeDisk
from pocketmq.testing.memory_disk import MemoryDisk


@pytest.fixture
def disk() -> MemoryDisk:
    return MemoryDisk()


@pytest.fixture
def store(disk: MemoryDisk) -> MessageStore:
    """Three topics of two queues with two records each, none of them written to its queue yet."""
    store, _ = reopened(disk)
    for topic in ("A", "B", "C"):
        send(store, 4, topic)
    return store


def first_of(store: MessageStore, topic: str, queue_id: int) -> int:
    entry = store.entry(topic, queue_id, 0)
    assert entry is not None
    return entry.log_offset


def test_those_that_have_waited_longest_are_written_first(store: MessageStore) -> None:
    assert (store.derived.waiting, store.derived.written_to(store.published)) == (6, 0)
    store.derived.write(3)
    assert [store.queue(topic, 0).written_offset for topic in "ABC"] == [2, 2, 0]
    assert [store.queue(topic, 1).written_offset for topic in "ABC"] == [2, 0, 0]
    assert store.derived.written_to(store.published) == first_of(store, "B", 1)
    send(store, 1, "A")
    assert store.derived.waiting == 4, "a queue waits again, behind the others"
    assert store.derived.written_to(store.published) == first_of(store, "B", 1)
    store.derived.write()
    assert store.derived.written_to(store.published) == store.log.end


def test_progress_in_between_is_enough_to_recover_from(store: MessageStore, disk: MemoryDisk) -> None:
    sync(store)
    store.derived.write(3)
    store.derived.write_keys()
    for target in store.derived.sync_targets():
        target.sync()
    store.save_progress(store.derived.written_to(store.published))
    expected = served(store)
    for seed in range(20):
        power = random.Random(seed)
        again, report = reopened(disk.crash_process().crash(power) if seed % 2 else disk.crash_process())
        assert report.damage == []
        assert report.walked_from > 0, "not everything had to be derived again"
        assert served(again) == expected


def test_the_time_in_the_checkpoint_is_not_ahead_of_what_is_written(store: MessageStore, disk: MemoryDisk) -> None:
    from pocketmq.store.checkpoint import load_checkpoint

    sync(store)
    store.derived.write(1)
    store.save_progress(store.derived.written_to(store.published))
    assert load_checkpoint(disk).queue_timestamp == T0 + 1
    store.derived.write()
    store.save_progress(store.derived.written_to(store.published))
    assert load_checkpoint(disk).queue_timestamp == T0 + 3


def test_very_many_queues_are_synced_by_one_call(disk: MemoryDisk) -> None:
    store, _ = reopened(disk)
    for number in range(SYNCED_ONE_BY_ONE_MAX // 2 + 1):
        send(store, 2, f"T{number}")
    sync(store)
    store.write_derived()
    targets = store.derived.sync_targets()
    assert [type(target) for target in targets] == [WholeDisk]
    targets[0].sync()
    expected = served(store)
    assert store.derived.sync_targets() == []
    store.save_progress(store.published)
    again, report = reopened(disk.crash(random.Random(1)))
    assert (served(again), report.damage, report.walked_from > 0) == (expected, [], True)


def test_a_deleted_topic_waits_no_more(store: MessageStore) -> None:
    store.delete_topic("A")
    assert store.derived.waiting == 4
    store.derived.write()
    assert store.derived.written_to(store.published) == store.published


def test_a_whole_disk_is_synced(tmp_path: Path) -> None:
    disk = PosixDisk(tmp_path)
    disk.open("a", create=True).pwrite(0, b"x")
    disk.sync_all()
    assert disk.size("a") == 1


def test_a_memory_disk_keeps_what_was_synced_with_all() -> None:
    disk = MemoryDisk()
    disk.mkdirs("d", durable=False)
    disk.open("d/a", create=True).pwrite(0, b"kept")
    disk.open("d/gone", create=True)
    disk.remove("d/gone")
    disk.sync_all()
    disk.open("d/a").pwrite(0, b"lost")
    left = disk.crash(random.Random(3))
    assert left.listdir("d") == ["a"]
    assert left.open("d/a").size == 4
