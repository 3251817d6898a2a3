"""A disk that is only looked at: it reads as the one behind it, and every change is refused and changes nothing."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pocketmq.store.disk import Disk, PosixDisk
from pocketmq.store.read_only_disk import GuardedDisk, ReadOnlyDisk
from pocketmq.store.segments import DescriptorCache, Segments
from pocketmq.testing.memory_disk import MemoryDisk


def behind() -> MemoryDisk:
    disk = MemoryDisk()
    disk.mkdirs("a")
    disk.open("a/f", create=True).pwrite(0, b"content")
    return disk


CHANGES: list[Callable[[Disk], object]] = [
    lambda disk: disk.open("a/g", create=True),
    lambda disk: disk.open("a/f", create=True, size=100),
    lambda disk: disk.open("a/f").pwrite(0, b"x"),
    lambda disk: disk.open("a/f").truncate(0),
    lambda disk: disk.open("a/f").truncate(100),
    lambda disk: disk.open("a/f").sync(),
    lambda disk: disk.mkdirs("b"),
    lambda disk: disk.remove("a/f"),
    lambda disk: disk.remove_tree("a"),
    lambda disk: disk.rename("a/f", "a/g"),
    lambda disk: disk.fsync_dir("a"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_refused_by_name_and_leaves_all_as_it_was(change: Callable[[Disk], object]) -> None:
    disk = behind()
    with pytest.raises(OSError, match="this disk is only looked at; refused to ") as caught:
        change(ReadOnlyDisk(disk))
    assert caught.value.errno == errno.EROFS
    assert str(caught.value.filename)[0] in "ab"
    assert disk.listdir("") == ["a"]
    assert disk.listdir("a") == ["f"]
    assert disk.open("a/f").pread(0, 100) == b"content"


def test_it_reads_as_the_disk_behind_it() -> None:
    disk = ReadOnlyDisk(behind())
    file = disk.open("a/f")
    buffer = bytearray(3)
    assert (file.path, file.size, file.fileno, disk.size("a/f")) == ("a/f", 7, -1, 7)
    assert (file.pread(2, 3), file.readinto_nowait(memoryview(buffer), 0), buffer) == (b"nte", 3, b"con")
    assert (file.next_stored(3), file.next_stored(9)) == (3, None)
    assert (disk.exists("a/f"), disk.exists("a/g"), disk.listdir("a")) == (True, False, ["f"])
    assert disk.free_ratio() == 1.0
    file.close()


def test_files_may_be_opened_without_the_right_to_write(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"content")
    file = PosixDisk(tmp_path, reads_only=True).open("f")
    assert file.pread(0, 7) == b"content"
    with pytest.raises(OSError) as caught:
        os.pwrite(file.fileno, b"x", 0)
    assert caught.value.errno == errno.EBADF


def test_a_short_file_stays_short_when_it_is_only_looked_at() -> None:
    disk = MemoryDisk()
    disk.mkdirs("q")
    disk.open("q/" + "0" * 20, create=True).pwrite(0, b"abc")
    segments = Segments(ReadOnlyDisk(disk), "q", 10, DescriptorCache(), reads_only=True)
    assert (segments.start, segments.end, segments.read(1, 9)) == (0, 10, b"bc")
    assert disk.size("q/" + "0" * 20) == 3
    assert segments.sync_targets() == []
    with pytest.raises(OSError, match="refused to truncate to 10 bytes"):
        Segments(ReadOnlyDisk(disk), "q", 10, DescriptorCache())


@pytest.mark.parametrize("change", [one for number, one in enumerate(CHANGES) if number not in (5, 6, 10)])
def test_a_guarded_folder_is_refused_and_all_else_is_not(change: Callable[[Disk], object]) -> None:
    disk = behind()
    with pytest.raises(OSError, match="this disk is only looked at; refused to "):
        change(GuardedDisk(disk, "a"))
    assert disk.open("a/f").pread(0, 100) == b"content"
    assert disk.listdir("a") == ["f"]
    change(GuardedDisk(disk, "b"))


def test_a_guarded_folder_may_be_synced_and_nothing_comes_into_it() -> None:
    disk = behind()
    guarded = GuardedDisk(disk, "a")
    guarded.open("a/f").sync()
    guarded.fsync_dir("a")
    guarded.fsync_dir("")
    guarded.mkdirs("b")
    guarded.open("b/g", create=True, size=3).pwrite(0, b"b")
    assert (guarded.size("b/g"), guarded.exists("b"), guarded.listdir(""), guarded.free_ratio()) == (
        3, True, ["a", "b"], 1.0,
    )  # fmt: skip
    for refused in (
        lambda: guarded.rename("b/g", "a/f"),
        lambda: guarded.mkdirs("a/c"),
        lambda: guarded.remove_tree(""),
    ):
        with pytest.raises(OSError, match="refused to"):
            refused()
