"""Damage to a synced store costs what it hit, nothing else, and is reported: I11.

A damage is a seed: flipped bits, zeroed, cut off or duplicated pages, in the log's middle, a queue, the index,
`checkpoint` or `durable`, while the broker is down after an unclean stop. Afterwards nothing wrong may be served, every
record that was not hit must be readable in its slot, and each one that was hit and is not readable must be reported.

The record's format covers the body by a CRC, and header fields by what they must be. Flips in what nothing covers
(time stamps, hosts, flags, topic, properties) are left out: Java's readers cannot see them either. So is damage below
the checkpoint, which a start does not read: reading it is what tests/unit/store/test_javas_losses.py has D9 for.
"""

import json
import random
from dataclasses import dataclass
from functools import cache

import pytest
from store_life import BODY_AT, FILES, SIZES, found_by_key, places, reopened, save, send, sync

from pocketmq.model.errors import StoreError
from pocketmq.store.checkpoint import save_durable_offset
from pocketmq.store.message_store import Appended, MessageStore
from pocketmq.store.recovery import Recovery
from pocketmq.store.tables import load_table, save_table
from pocketmq.testing.memory_disk import PAGE, MemoryDisk

DAMAGES_PER_KIND = 70
BODY_BYTES = 50
COVERED = (*range(12), *range(20, 36), *range(84, BODY_AT + BODY_BYTES))
"""Bytes of a record that a reader can check: size, magic, CRC, queue offset, log offset, body length, body."""

Places = dict[tuple[str, int, int], int]


@dataclass(slots=True)
class Hit:
    """Bytes [start, end) of a file that are not what they were."""

    path: str
    start: int
    end: int


@cache
def sound_store(*, trusted: bool) -> tuple[MemoryDisk, tuple[Appended, ...]]:
    """Four log files of records, all synced; `trusted`: derived, synced and in the checkpoint but for the last 20."""
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 300, body_bytes=BODY_BYTES)
    sync(store)
    save(store)
    if not trusted:
        store.save_progress(0)
    sent += send(store, 20, body_bytes=BODY_BYTES)
    sync(store)
    save_durable_offset(disk, store.log.flushed)
    return disk, tuple(sent)


def flip_bits(disk: MemoryDisk, rng: random.Random, path: str, size: int) -> Hit:
    file = disk.open(path)
    at = rng.randrange(size)
    file.pwrite(at, bytes([file.pread(at, 1)[0] ^ (1 << rng.randrange(8))]))
    return Hit(path, at, at + 1)


def zero_page(disk: MemoryDisk, rng: random.Random, path: str, size: int) -> Hit:
    page = rng.randrange(-(-size // PAGE)) * PAGE
    file = disk.open(path)
    end = min(page + PAGE, file.size)
    file.pwrite(page, bytes(end - page))
    return Hit(path, page, end)


def cut_off(disk: MemoryDisk, rng: random.Random, path: str, size: int) -> Hit:
    file = disk.open(path)
    at = rng.randrange(size)
    whole = file.size
    file.truncate(at)
    return Hit(path, at, whole)


def duplicate_page(disk: MemoryDisk, rng: random.Random, path: str, size: int) -> Hit:
    file = disk.open(path)
    count = max(1, file.size // PAGE)
    source, target = rng.randrange(count) * PAGE, rng.randrange(count) * PAGE
    file.pwrite(target, file.pread(source, min(PAGE, file.size - target)))
    return Hit(path, target, target + PAGE)


DAMAGES = [flip_bits, zero_page, cut_off, duplicate_page]


def readable(store: MessageStore, sent: tuple[Appended, ...]) -> Places:
    """What a reader of all slots gets, each compared with what was sent there; a wrong body fails the test."""
    found: Places = {}
    for topic, queue_id, queue_offset in places(list(sent)):
        queue = store.find_queue(topic, queue_id)
        entry = None if queue is None else queue.entry(queue_offset)
        if queue is None or entry is None or entry.size == 0x7FFFFFFF or queue_offset < queue.min_offset:
            continue
        record = store.read_record(entry.log_offset, entry.size)
        body = f"{topic}{queue_id}.{queue_offset}|".encode().ljust(BODY_BYTES, b"x")
        if record is not None:
            place = f"{topic}/{queue_id}/{queue_offset}"
            assert record[BODY_AT : BODY_AT + BODY_BYTES] == body, f"{place} serves {record!r}"
            found[topic, queue_id, queue_offset] = entry.log_offset
    return found


def check(store: MessageStore, report: Recovery, sent: tuple[Appended, ...], hit: Hit) -> None:
    in_log = hit.path.startswith("commitlog")
    start = int(hit.path[-20:]) + hit.start if in_log else 0
    end = int(hit.path[-20:]) + hit.end if in_log else 0
    found = readable(store, sent)
    for (place, at), one in zip(places(list(sent)).items(), sent, strict=True):
        is_hit = one.log_offset < end and one.log_offset_end > start
        if not is_hit:
            assert found.get(place) == at, f"{place} at {at} was not hit and is not readable"
        elif place not in found:
            assert any(d.start < one.log_offset_end and d.end > at for d in report.damage), f"{at}: no finding"
    # A slot that is given away twice would be the worst of it; only where nothing is left of a queue's end can that be.
    ends = {queue_id: max(place[2] for place in found if place[1] == queue_id) + 1 for queue_id in (0, 1)}
    more = send(store, 2, body_bytes=BODY_BYTES)
    for one, queue_id in zip(more, (0, 1), strict=True):
        assert one.queue_offset >= (ends[queue_id] if in_log else 160)


def damaged(trusted: bool, where: str, seed: int) -> tuple[MemoryDisk, tuple[Appended, ...], Hit]:
    rng = random.Random(f"{trusted} {where} {seed}")
    sound, sent = sound_store(trusted=trusted)
    disk = sound.crash_process()
    if where == "log":
        number = rng.randrange(3)
        path = FILES.format(number * SIZES.log_file_bytes)
        used = max(one.log_offset_end for one in sent if one.log_offset // SIZES.log_file_bytes == number)
        size = used - number * SIZES.log_file_bytes
    elif where == "queue":
        folder = f"consumequeue/T/{rng.randrange(2)}"
        path = f"{folder}/{rng.choice(disk.listdir(folder))}"
        size = SIZES.queue_file_bytes
    elif where == "index":
        path = f"index/{rng.choice(disk.listdir('index'))}"
        size = disk.size(path)
    else:
        path, size = where, 48 if where == "checkpoint" else 16
    if where == "log" and seed % 2:
        one = rng.choice([one for one in sent if one.log_offset // SIZES.log_file_bytes == number])
        at = one.log_offset % SIZES.log_file_bytes + rng.choice(COVERED)
        file = disk.open(path)
        file.pwrite(at, bytes([file.pread(at, 1)[0] ^ (1 << rng.randrange(8))]))
        return disk, sent, Hit(path, at, at + 1)
    damages = DAMAGES[1:] if where == "log" else DAMAGES
    return disk, sent, rng.choice(damages)(disk, rng, path, size)


@pytest.mark.parametrize(
    ("where", "trusted"),
    [
        ("log", False),
        ("queue", False),
        ("index", False),
        ("index", True),
        ("checkpoint", False),
        ("checkpoint", True),
        ("durable", False),
        ("durable", True),
    ],
)
@pytest.mark.parametrize("seed", range(DAMAGES_PER_KIND))
def test_damage_costs_what_it_hit(where: str, trusted: bool, seed: int) -> None:
    disk, sent, hit = damaged(trusted, where, seed)
    if where == "index" and disk.size(hit.path) != sound_store(trusted=trusted)[0].size(hit.path):
        # It could be the setting that is wrong; the words say what to do.
        with pytest.raises(StoreError, match="or remove the folder index to have it built again"):
            reopened(disk)
        disk.remove_tree("index")
    store, report = reopened(disk)
    check(store, report, sent, hit)
    if not trusted and where != "log":
        for place, at in random.Random(seed).sample(sorted(places(list(sent)).items()), 5):
            assert found_by_key(store, place) == [at]


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_table_gives_way_to_the_one_before(seed: int) -> None:
    rng = random.Random(seed)
    disk = MemoryDisk()
    for version in (1, 2):
        save_table(disk, "topics", json.dumps({"version": version, "topics": ["T"] * 2_000}).encode())
    path = "config/topics.json"
    hit = rng.choice(DAMAGES[1:])(disk, rng, path, disk.size(path))
    broken = disk.open(path).pread(0, disk.size(path))
    found = load_table(disk, "topics", json.loads, must_exist=True).table
    assert found == {"version": 1, "topics": ["T"] * 2_000} or hit.start == hit.end or is_sound(broken)
    if not is_sound(broken):
        assert disk.open(f"{path}.corrupt").pread(0, len(broken)) == broken


def is_sound(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except ValueError:
        return False
