"""A round reads everything that was durable once, finds what rotted, and stumbles over nothing else."""

import pytest
from store_life import SIZES, flip, reopened, send, sync

from pocketmq.store.message_store import MessageStore
from pocketmq.store.scrub import Scrub
from pocketmq.testing.memory_disk import MemoryDisk

FILE = SIZES.log_file_bytes


@pytest.fixture
def disk() -> MemoryDisk:
    return MemoryDisk()


@pytest.fixture
def store(disk: MemoryDisk) -> MessageStore:
    store, _ = reopened(disk)
    for _ in range(6):
        send(store, 60, body_bytes=100)
    sync(store)
    return store


def round_of(scrub: Scrub, size: int = 1000) -> list[int]:
    """Where the damages of a whole round start."""
    scrub.begin()
    found = []
    while not scrub.is_done:
        before = scrub.position
        found += [damage.start for damage in scrub.step(size)]
        assert scrub.position > before
    return found


@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_a_sound_log_is_read_to_its_end(store: MessageStore, size: int) -> None:
    scrub = Scrub(store)
    assert round_of(scrub, size) == []
    assert scrub.position == store.log.flushed


@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_what_rotted_is_found_in_every_round(store: MessageStore, disk: MemoryDisk, size: int) -> None:
    sent = send(store, 60, body_bytes=100)
    sync(store)
    for number in (3, 9, 10, 11, 40):
        flip(disk, sent[number].log_offset + 100)
    scrub = Scrub(store)
    expected = [sent[number].log_offset for number in (3, 9, 10, 11, 40)]
    assert round_of(scrub, size) == expected
    assert round_of(scrub, size) == expected


def test_what_came_after_the_round_began_is_for_the_next(store: MessageStore, disk: MemoryDisk) -> None:
    scrub = Scrub(store)
    scrub.begin()
    sent = send(store, 9)
    sync(store)
    flip(disk, sent[8].log_offset + 100)
    while not scrub.is_done:
        assert scrub.step(5000) == []
    assert round_of(scrub) == [sent[8].log_offset]


def test_what_expires_meanwhile_is_no_damage(store: MessageStore) -> None:
    scrub = Scrub(store)
    scrub.begin()
    scrub.step(FILE // 2)
    for removal in store.log.segments.release_before(2 * FILE):
        removal.sync()
    assert scrub.step(1 << 20) == []
    assert scrub.is_done
    assert round_of(scrub) == []


def test_an_empty_log_is_done_at_once(disk: MemoryDisk) -> None:
    store, _ = reopened(disk)
    assert round_of(Scrub(store)) == []
