"""Faults strike where and when they are told to."""

import errno
import random

import pytest
from nowait import nowait

from pocketmq.testing.faulty_disk import Fault, FaultyDisk, Lie, PowerCut
from pocketmq.testing.memory_disk import MemoryDisk


def test_the_nth_call_fails_once() -> None:
    disk = FaultyDisk(MemoryDisk(), Fault("pwrite", nth=2, effect=errno.ENOSPC))
    file = disk.open("a", create=True)
    file.pwrite(0, b"1")
    with pytest.raises(OSError, match="No space left") as failure:
        file.pwrite(1, b"2")
    assert failure.value.errno == errno.ENOSPC
    file.pwrite(1, b"3")
    assert file.pread(0, 9) == b"13"


def test_a_lasting_fault_lasts_until_healed() -> None:
    disk = FaultyDisk(MemoryDisk(), Fault("sync", lasting=True))
    file = disk.open("a", create=True)
    for _ in range(3):
        with pytest.raises(OSError, match="Input/output"):
            file.sync()
    disk.heal()
    file.sync()


def test_a_short_write_leaves_its_first_bytes() -> None:
    disk = FaultyDisk(MemoryDisk(), Fault("pwrite", effect=errno.ENOSPC, written=3))
    file = disk.open("a", create=True)
    with pytest.raises(OSError, match="No space"):
        file.pwrite(0, b"abcdef")
    assert file.pread(0, 9) == b"abc"


def test_a_fault_may_mind_only_some_paths_and_any_change() -> None:
    disk = FaultyDisk(MemoryDisk(), Fault("change", nth=2, effect=PowerCut, path="log"))
    disk.mkdirs("index")
    disk.mkdirs("log")
    assert disk.exists("log")
    with pytest.raises(PowerCut, match="log/a"):
        disk.open("log/a", create=True)
    assert not disk.disk.exists("log/a")
    assert disk.calls["change"] == 3


def test_a_lying_sync_makes_nothing_durable() -> None:
    memory = MemoryDisk()
    disk = FaultyDisk(memory)
    file = disk.open("a", create=True)
    disk.lying_sync = True
    file.pwrite(0, b"x")
    file.sync()
    disk.fsync_dir("")
    assert {memory.crash(random.Random(seed)).exists("a") for seed in range(50)} == {True, False}


def test_a_flipped_bit_is_read_and_not_written() -> None:
    disk = FaultyDisk(MemoryDisk())
    file = disk.open("a", create=True)
    file.pwrite(0, b"abc")
    disk.flip("a", 1, 0x20)
    assert file.pread(0, 3) == b"aBc"
    assert file.pread(1, 1) == b"B"
    assert file.pread(2, 1) == b"c"
    assert nowait(file, 0, 3) == b"aBc"
    assert disk.disk.open("a").pread(0, 3) == b"abc"


def test_every_other_call_passes_through() -> None:
    memory = MemoryDisk()
    disk = FaultyDisk(memory)
    disk.mkdirs("f")
    file = disk.open("f/a", create=True, size=5)
    file.truncate(7)
    assert (file.path, file.size, file.fileno, disk.size("f/a")) == ("f/a", 7, -1, 7)
    disk.rename("f/a", "f/b")
    assert disk.listdir("f") == ["b"]
    disk.remove("f/b")
    disk.remove_tree("f")
    assert not disk.exists("f")
    assert disk.free_ratio() == 1.0
    file.close()
    with pytest.raises(FileNotFoundError):
        disk.open("f/a")


def test_a_lost_write_reports_success() -> None:
    disk = FaultyDisk(MemoryDisk(), Fault("pwrite", nth=2, effect=Lie.LOST))
    file = disk.open("a", create=True)
    for at, content in enumerate((b"1", b"2", b"3")):
        file.pwrite(at, content)
    assert file.pread(0, 9) == b"1\x003"


def test_a_misdirected_write_reports_success_and_lands_elsewhere() -> None:
    disk = FaultyDisk(MemoryDisk(), Fault("pwrite", effect=Lie.MISDIRECTED, moved=4))
    file = disk.open("a", create=True)
    file.pwrite(0, b"ab")
    assert file.pread(0, 9) == b"\0\0\0\0ab"


@pytest.mark.parametrize("call", ["mkdirs", "remove", "remove_tree", "rename", "truncate", "sync", "fsync_dir"])
def test_any_change_may_be_lost(call: str) -> None:
    memory = MemoryDisk()
    memory.mkdirs("f/g")
    memory.open("a", create=True, size=1).sync()
    memory.fsync_dir("")
    disk = FaultyDisk(memory)
    file = disk.open("a")
    file.pwrite(0, b"x")
    disk.open("b", create=True)
    disk.add(Fault(call, effect=Lie.LOST))
    change = {
        "mkdirs": lambda: disk.mkdirs("new"),
        "remove": lambda: disk.remove("a"),
        "remove_tree": lambda: disk.remove_tree("f"),
        "rename": lambda: disk.rename("a", "c"),
        "truncate": lambda: file.truncate(0),
        "sync": file.sync,
        "fsync_dir": lambda: disk.fsync_dir(""),
    }[call]
    before = (memory.listdir(""), memory.listdir("f"), file.size)
    change()
    assert (memory.listdir(""), memory.listdir("f"), file.size) == before
    kept = [memory.crash(random.Random(seed)) for seed in range(40)]
    if call == "sync":
        assert {after.open("a").pread(0, 1) for after in kept} == {b"\0", b"x"}
    if call == "fsync_dir":
        assert {after.exists("b") for after in kept} == {True, False}


def test_a_failed_sync_may_drop_what_it_was_to_sync() -> None:
    disk = FaultyDisk(MemoryDisk())
    file = disk.open("a", create=True)
    file.pwrite(0, b"kept")
    file.sync()
    file.pwrite(0, b"lost")
    file.pwrite(5000, b"lost")
    disk.add(Fault("sync", loses=True))
    with pytest.raises(OSError, match="Input/output"):
        file.sync()
    file.sync()
    assert (file.pread(0, 4), file.pread(5000, 4)) == (b"kept", bytes(4))


def test_a_slow_disk_says_so_before_each_call() -> None:
    waits: list[tuple[str, str]] = []
    disk = FaultyDisk(MemoryDisk())
    disk.before_call = lambda call, path: waits.append((call, path))
    file = disk.open("a", create=True)
    file.pwrite(0, b"x")
    file.sync()
    disk.free_ratio()
    assert waits == [("create", "a"), ("pwrite", "a"), ("sync", "a"), ("free_ratio", "")]


def test_all_but_the_power_cut_is_healed() -> None:
    disk = FaultyDisk(MemoryDisk(), Fault("pwrite", nth=2, effect=PowerCut), Fault("pwrite", lasting=True))
    file = disk.open("a", create=True)
    with pytest.raises(OSError, match="Input/output"):
        file.pwrite(0, b"x")
    disk.heal(but=PowerCut)
    with pytest.raises(PowerCut):
        file.pwrite(0, b"x")
