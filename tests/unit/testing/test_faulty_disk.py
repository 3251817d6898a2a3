"""Faults strike where and when they are told to."""

import errno
import random

import pytest
from nowait import nowait

from pocketmq.testing.faulty_disk import Fault, FaultyDisk, PowerCut
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
