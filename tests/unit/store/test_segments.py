"""A row of equal files behaves as one stretch of bytes, on both disks."""

import random
from contextlib import suppress
from pathlib import Path

import pytest
from expiry import drop_before
from nowait import nowait

from pocketmq.model.errors import StoreError
from pocketmq.store.disk import Disk, PosixDisk
from pocketmq.store.segments import DescriptorCache, Segments, UnsyncedFolder
from pocketmq.testing.faulty_disk import Fault, FaultyDisk
from pocketmq.testing.memory_disk import MemoryDisk

SIZE = 10_000


def new(disk: Disk, limit: int = 256) -> Segments:
    return Segments(disk, "log/a", SIZE, DescriptorCache(limit))


def filled(disk: Disk, end: int) -> Segments:
    """Files up to `end`, in which every byte says where it is."""
    segments = new(disk)
    for at in range(0, end, 500):
        segments.write(at, pattern(at, 500))
    return segments


def pattern(start: int, size: int) -> bytes:
    return bytes((at // 100) % 255 + 1 for at in range(start, start + size))


@pytest.fixture(params=["memory", "posix"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return MemoryDisk() if request.param == "memory" else PosixDisk(tmp_path)


def test_an_empty_folder_has_nothing_and_is_not_made(disk: Disk) -> None:
    segments = new(disk)
    assert (segments.start, segments.end, segments.names()) == (0, 0, [])
    assert segments.read(0, 10) == b""
    assert nowait(segments, 0, 10) == b""
    assert segments.next_stored(0) is None
    assert segments.sync_targets() == []
    assert not disk.exists("log")


def test_files_are_made_whole_and_named_by_their_start(disk: Disk) -> None:
    segments = filled(disk, 21_000)
    assert segments.names() == ["00000000000000000000", "00000000000000010000", "00000000000000020000"]
    assert disk.listdir("log/a") == segments.names()
    assert {disk.size(f"log/a/{name}") for name in segments.names()} == {SIZE}
    assert (segments.start, segments.end) == (0, 30_000)


def test_reads_cross_files(disk: Disk) -> None:
    segments = filled(disk, 30_000)
    for start, size in ((0, 100), (9_990, 20), (5_000, 20_000), (29_990, 100)):
        assert segments.read(start, size) == pattern(start, min(size, 30_000 - start))
        assert nowait(segments, start, size) == pattern(start, min(size, 30_000 - start))


def test_a_cold_part_makes_the_whole_read_wait() -> None:
    disk = MemoryDisk()
    segments = filled(disk, 20_000)
    disk.cold.add("log/a/00000000000000010000")
    assert nowait(segments, 9_000, 500) == pattern(9_000, 500)
    assert nowait(segments, 9_900, 500) is None
    assert nowait(segments, 10_000, 500) is None
    disk.cold = {"log/a/00000000000000000000"}
    assert nowait(segments, 9_900, 500) is None


def test_a_file_that_lacks_its_end_ends_the_read(disk: Disk) -> None:
    segments = filled(disk, 20_000)
    disk.open("log/a/00000000000000000000").truncate(5_000)
    assert nowait(segments, 4_000, 8_000) == pattern(4_000, 1_000)


def test_the_first_file_may_start_anywhere(disk: Disk) -> None:
    segments = new(disk)
    segments.write(70_500, b"x")
    assert (segments.start, segments.end) == (70_000, 80_000)
    assert segments.read(70_000, 501) == bytes(500) + b"x"


@pytest.mark.parametrize(("offset", "size"), [(9_999, 2), (30_000, 1), (0, SIZE + 1)])
def test_a_write_across_or_beyond_the_row_is_a_bug(offset: int, size: int) -> None:
    segments = filled(MemoryDisk(), 20_000)
    with pytest.raises(AssertionError):
        segments.write(offset, bytes(size))


def test_what_was_there_is_opened_again(disk: Disk) -> None:
    filled(disk, 25_000).close()
    again = new(disk)
    assert (again.start, again.end) == (0, 30_000)
    assert again.read(0, 25_000) == pattern(0, 25_000)
    assert again.sync_targets() == []


def test_other_names_are_left_alone(disk: Disk) -> None:
    filled(disk, 10_000)
    for name in ("x", "0000000000000001000", "0000000000000001000x", "٠" * 20):
        disk.open(f"log/a/{name}", create=True).close()
    assert new(disk).names() == ["00000000000000000000"]


def test_a_file_at_an_odd_start_names_the_remedy(disk: Disk) -> None:
    filled(disk, 10_000)
    disk.open("log/a/00000000000000012345", create=True, size=SIZE).close()
    with pytest.raises(
        StoreError, match=r"log/a/00000000000000012345 does not start at a multiple .* set the file size"
    ):
        new(disk)


def test_a_file_too_large_names_the_remedy(disk: Disk) -> None:
    filled(disk, 10_000)
    disk.open("log/a/00000000000000000000").truncate(SIZE + 1)
    with pytest.raises(StoreError, match="has 10001 bytes, more than the file size 10000: set the file size"):
        new(disk)


def test_a_file_that_a_crash_left_short_gets_its_size(disk: Disk) -> None:
    filled(disk, 10_000)
    disk.open("log/a/00000000000000000000").truncate(77)
    segments = new(disk)
    assert segments.read(0, SIZE) == pattern(0, 77) + bytes(SIZE - 77)
    assert [target.path for target in segments.sync_targets()] == ["log/a/00000000000000000000"]


def test_only_what_was_written_needs_a_sync() -> None:
    disk = MemoryDisk()
    segments = filled(disk, 20_000)
    first = segments.sync_targets()
    assert [target.path for target in first] == [
        "log/a/00000000000000000000",
        "log/a/00000000000000010000",
        "",
        "log",
        "log/a",
    ]
    segments.write(15_000, b"again")
    assert [target.path for target in segments.sync_targets()] == ["log/a/00000000000000010000"]
    assert segments.sync_targets() == []


def test_synced_targets_survive_a_power_cut() -> None:
    disk = MemoryDisk()
    segments = filled(disk, 20_000)
    for target in segments.sync_targets():
        target.sync()
    segments.write(20_000, b"not synced")
    for seed in range(30):
        after = new(disk.crash(random.Random(seed)))
        assert after.read(0, 20_000) == pattern(0, 20_000)


def test_a_target_removed_meanwhile_needs_no_sync() -> None:
    disk = MemoryDisk()
    descriptors = DescriptorCache(1)
    segments = Segments(disk, "log", SIZE, descriptors)
    segments.write(0, b"x")
    segments.write(SIZE, b"x")
    targets = segments.sync_targets()
    disk.remove_tree("log")
    for target in targets:
        target.sync()


def test_a_failed_sync_is_heard() -> None:
    disk = FaultyDisk(MemoryDisk())
    segments = new(disk)
    segments.write(0, b"x")
    disk.add(Fault("sync"))
    disk.add(Fault("fsync_dir", path="log/a"))
    targets = segments.sync_targets()
    for target in (targets[0], targets[-1]):
        with pytest.raises(OSError, match="Input/output"):
            target.sync()
    assert isinstance(targets[-1], UnsyncedFolder)


def test_a_full_disk_is_heard_and_the_write_may_come_again() -> None:
    disk = FaultyDisk(MemoryDisk(), Fault("pwrite", effect=28, written=3))
    segments = new(disk)
    with pytest.raises(OSError, match="No space"):
        segments.write(0, b"abcdef")
    segments.write(0, b"abcdef")
    assert segments.read(0, 6) == b"abcdef"


@pytest.mark.parametrize("offset", [0, 1, 4_096, 9_999, 10_000, 10_001, 15_000, 20_000, 24_999, 30_000, 99_999])
def test_a_cut_removes_everything_behind_it_durably(offset: int) -> None:
    disk = MemoryDisk()
    segments = filled(disk, 25_000)
    for target in segments.sync_targets():
        target.sync()
    segments.truncate_after(offset)
    end = min(max(10_000, -(-offset // SIZE) * SIZE), 30_000)
    for after in (segments, *(new(disk.crash(random.Random(seed))) for seed in range(20))):
        assert (after.start, after.end) == (0, end)
        assert after.read(0, 30_000) == pattern(0, min(offset, 25_000)).ljust(end, b"\0")


def test_a_cut_before_the_row_removes_all() -> None:
    disk = MemoryDisk()
    segments = new(disk)
    segments.write(70_000, b"x")
    segments.truncate_after(5_000)
    assert segments.names() == disk.listdir("log/a") == []
    segments.write(0, b"y")
    assert segments.read(0, 1) == b"y"


def test_a_cut_where_nothing_is_stored_touches_nothing() -> None:
    disk = MemoryDisk()
    segments = new(disk)
    segments.write(0, b"x" * 5)
    segments.sync_targets()
    segments.clear_after(5)
    assert segments.sync_targets() == []
    segments.clear_after(4)
    assert [target.path for target in segments.sync_targets()] == ["log/a/00000000000000000000"]


def test_no_cut_leaves_a_gap_whenever_the_power_fails() -> None:
    for changes in range(1, 12):
        disk = FaultyDisk(MemoryDisk())
        segments = filled(disk, 40_000)
        for target in segments.sync_targets():
            target.sync()
        disk.add(Fault("change", nth=changes))
        with suppress(OSError):
            segments.truncate_after(5_000)
        memory = disk.disk
        assert isinstance(memory, MemoryDisk)
        for seed in range(20):
            names = memory.crash(random.Random(seed)).listdir("log/a")
            assert names == [f"{number * SIZE:020d}" for number in range(len(names))]


def test_expiry_removes_whole_files_but_never_the_last(disk: Disk) -> None:
    segments = filled(disk, 35_000)
    assert drop_before(segments, 9_999) == []
    assert drop_before(segments, 20_500) == ["00000000000000000000", "00000000000000010000"]
    assert segments.start == 20_000
    assert segments.read(20_000, 10) == pattern(20_000, 10)
    assert segments.read(5_000, 10) == b""
    assert drop_before(segments, 1_000_000) == ["00000000000000020000"]
    assert segments.names() == disk.listdir("log/a") == ["00000000000000030000"]
    assert (segments.start, segments.end) == (30_000, 40_000)


def test_a_missing_file_in_the_row_reads_as_nothing(disk: Disk) -> None:
    filled(disk, 30_000)
    disk.remove("log/a/00000000000000010000")
    segments = new(disk)
    assert (segments.start, segments.end) == (0, 30_000)
    assert segments.read(9_000, 2_000) == pattern(9_000, 1_000)
    assert segments.read(20_000, 10) == pattern(20_000, 10)


def test_descriptors_have_a_bound_and_dirty_files_are_still_synced(tmp_path: Path) -> None:
    disk = PosixDisk(tmp_path)
    descriptors = DescriptorCache(3)
    folders = [Segments(disk, f"queue/{number}", SIZE, descriptors) for number in range(10)]
    for round_ in range(3):
        for number, segments in enumerate(folders):
            segments.write(round_, bytes([number]))
            assert len(descriptors) <= 3
    for number, segments in enumerate(folders):
        assert segments.read(0, 3) == bytes([number]) * 3
        for target in segments.sync_targets():
            target.sync()
    descriptors.close()
    assert len(descriptors) == 0
