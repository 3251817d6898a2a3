"""Tables are replaced whole, and a broken one is neither used nor deleted."""

import json
import random

import pytest

from pocketmq.model.errors import ProtocolError, StoreError
from pocketmq.store.disk import Disk
from pocketmq.store.tables import load_table, save_table
from pocketmq.testing.faulty_disk import Fault, FaultyDisk, PowerCut
from pocketmq.testing.memory_disk import MemoryDisk


def load(disk: Disk) -> object:
    return load_table(disk, "topics", json.loads, must_exist=False).table


def put(disk: Disk, path: str, content: bytes) -> None:
    disk.mkdirs("config")
    file = disk.open(path, create=True)
    file.truncate(0)
    file.pwrite(0, content)


def get(disk: Disk, path: str) -> bytes:
    return disk.open(path).pread(0, 1 << 20)


def test_a_table_never_saved_is_none() -> None:
    assert load(MemoryDisk()) is None


def test_a_saved_table_is_loaded_and_the_one_before_kept() -> None:
    disk = MemoryDisk()
    save_table(disk, "topics", b'{"a":1}')
    save_table(disk, "topics", b'{"a":22222}')
    save_table(disk, "topics", b'{"a":3}')
    assert load(disk) == {"a": 3}
    assert get(disk, "config/topics.json") == b'{"a":3}'
    assert get(disk, "config/topics.json.bak") == b'{"a":22222}'
    assert disk.listdir("config") == ["topics.json", "topics.json.bak"]


@pytest.mark.parametrize("changes", range(1, 12))
def test_a_power_cut_leaves_the_old_table_or_the_new_one(changes: int) -> None:
    for seed in range(60):
        memory = MemoryDisk()
        save_table(memory, "topics", b'{"v":1}')
        save_table(memory, "topics", b'{"v":2}')
        disk = FaultyDisk(memory, Fault("change", nth=changes, effect=PowerCut))
        done = False
        try:
            save_table(disk, "topics", b'{"v":3}')
            done = True
        except PowerCut:
            pass
        after = load(memory.crash(random.Random(seed)))
        assert after == {"v": 3} if done else after in ({"v": 2}, {"v": 3}), f"seed {seed}"


def test_a_failed_save_leaves_the_old_table() -> None:
    for call in ("create", "truncate", "pwrite", "sync", "rename", "fsync_dir"):
        disk = FaultyDisk(MemoryDisk())
        save_table(disk, "topics", b'{"v":1}')
        disk.add(Fault(call))
        with pytest.raises(OSError, match="Input/output"):
            save_table(disk, "topics", b'{"v":2}')
        disk.heal()
        assert load(disk) in ({"v": 1}, {"v": 2})
        save_table(disk, "topics", b'{"v":3}')
        assert load(disk) == {"v": 3}


@pytest.mark.parametrize("broken", [b"", b"\0\0\0\0", b'{"v":', b"\xff\xfe"])
def test_a_broken_table_gives_way_to_the_one_before_and_is_kept(broken: bytes) -> None:
    disk = MemoryDisk()
    save_table(disk, "topics", b'{"v":1}')
    save_table(disk, "topics", b'{"v":2}')
    for number in range(3):
        put(disk, "config/topics.json", broken)
        loaded = load_table(disk, "topics", json.loads, must_exist=True)
        assert (loaded.table, loaded.path) == ({"v": 1}, "config/topics.json.bak")
        name = "config/topics.json.corrupt" + (f".{number + 1}" if number else "")
        assert get(disk, name) == broken
        assert loaded.complaint.startswith("config/topics.json is broken (")
        assert loaded.complaint.endswith(
            f"): started with the older config/topics.json.bak, and kept the broken one as {name}"
        )
        assert not disk.exists("config/topics.json")
    save_table(disk, "topics", b'{"v":9}')
    assert load(disk) == {"v": 9}


def test_a_missing_table_gives_way_to_the_one_before() -> None:
    disk = MemoryDisk()
    put(disk, "config/topics.json.bak", b'{"v":1}')
    assert load_table(disk, "topics", json.loads, must_exist=True) == (
        {"v": 1},
        "config/topics.json.bak",
        "config/topics.json is missing: started with the older config/topics.json.bak",
    )


def test_a_good_table_gives_no_cause_for_complaint() -> None:
    disk = MemoryDisk()
    save_table(disk, "topics", b'{"v":1}')
    assert load_table(disk, "topics", json.loads, must_exist=True) == ({"v": 1}, "config/topics.json", "")


def test_a_table_that_must_be_there_is_missed() -> None:
    disk = MemoryDisk()
    assert load_table(disk, "topics", json.loads, must_exist=False) == (None, None, "")
    for _ in range(2):
        with pytest.raises(
            StoreError, match=r"topics.json is missing, though there are messages.*, or write \{\} into"
        ):
            load_table(disk, "topics", json.loads, must_exist=True)
    put(disk, "config/topics.json", b"{}")
    assert load_table(disk, "topics", json.loads, must_exist=True).table == {}


def test_a_table_that_must_be_there_and_is_broken_is_not_just_moved_away() -> None:
    disk = MemoryDisk()
    put(disk, "config/topics.json", b"x")
    with pytest.raises(StoreError, match=r"in place of config/topics.json, or write \{\} into it"):
        load_table(disk, "topics", json.loads, must_exist=True)


@pytest.mark.parametrize(
    ("table", "before", "said"),
    [
        (b"", b"{", "topics.json is broken .it is empty. and config/topics.json.bak is broken"),
        (b"x", None, "topics.json is broken .* and config/topics.json.bak is missing"),
        (None, b"x", "topics.json is missing and config/topics.json.bak is broken"),
    ],
)
def test_a_store_without_a_good_table_is_refused_as_often_as_asked(
    table: bytes | None, before: bytes | None, said: str
) -> None:
    disk = MemoryDisk()
    for path, content in (("config/topics.json", table), ("config/topics.json.bak", before)):
        if content is not None:
            put(disk, path, content)
    for _ in range(2):
        with pytest.raises(StoreError, match=f"{said}.*: put a good copy in place of config/topics.json, or move both"):
            load(disk)


def test_a_table_set_aside_is_not_forgotten() -> None:
    disk = MemoryDisk()
    put(disk, "config/topics.json.corrupt", b"x")
    with pytest.raises(StoreError, match=r"topics.json is missing, and config/topics.json.corrupt shows"):
        load(disk)


def test_a_decoder_may_refuse_with_our_own_errors() -> None:
    disk = MemoryDisk()
    put(disk, "config/topics.json", b"x")
    put(disk, "config/topics.json.bak", b"y")

    def decode(content: bytes) -> bytes:
        if content == b"x":
            raise ProtocolError("not this one")
        return content

    assert load_table(disk, "topics", decode, must_exist=False).table == b"y"
