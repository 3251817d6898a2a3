"""The memory disk does what a POSIX disk does, and loses at a power cut only what it may."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nowait import nowait

from pocketmq.store.disk import Disk, File, PosixDisk
from pocketmq.testing.memory_disk import PAGE, MemoryDisk

PATHS = ("a", "b", "folder/a", "folder/deep/c", "missing/x")
FOLDERS = ("", "folder", "folder/deep", "missing")
STEPS = st.one_of(
    st.tuples(
        st.just("open"),
        st.sampled_from((*PATHS, "folder", "a/x", "c", "c/x")),
        st.booleans(),
        st.sampled_from((None, 0, 10, 9000)),
    ),
    st.tuples(st.just("pwrite"), st.integers(0, 3), st.integers(0, 9000), st.binary(max_size=5000)),
    st.tuples(st.just("pread"), st.integers(0, 3), st.integers(0, 12000), st.integers(0, 9000)),
    st.tuples(st.just("nowait"), st.integers(0, 3), st.integers(0, 12000), st.integers(0, 9000)),
    st.tuples(st.just("truncate"), st.integers(0, 3), st.integers(0, 12000)),
    st.tuples(st.just("sync"), st.integers(0, 3)),
    st.tuples(st.just("size"), st.sampled_from(PATHS)),
    st.tuples(st.just("exists"), st.sampled_from(PATHS + FOLDERS)),
    st.tuples(st.just("listdir"), st.sampled_from((*FOLDERS, "a", "c"))),
    st.tuples(st.just("mkdirs"), st.sampled_from(("folder", "folder/deep", "c"))),
    st.tuples(st.just("remove"), st.sampled_from((*PATHS, "folder", "c", "c/x"))),
    st.tuples(st.just("remove_tree"), st.sampled_from(("folder", "folder/deep", "missing", "a", "c"))),
    st.tuples(st.just("rename"), st.sampled_from(PATHS), st.sampled_from(PATHS)),
    st.tuples(st.just("fsync_dir"), st.sampled_from(FOLDERS)),
)


def outcome(action: Callable[[], object]) -> object:
    try:
        return action()
    except OSError as failure:
        return failure.errno


def play(disk: Disk, steps: list[tuple[object, ...]]) -> list[object]:
    """What each step answers; an error counts as its number."""
    files: list[File] = []
    answers: list[object] = []
    for call, *arguments in steps:
        if call == "open":
            path, create, size = arguments

            def open_it(path: object = path, create: object = create, size: object = size) -> object:
                files.append(disk.open(path, create, size))  # type: ignore[arg-type]
                return (files[-1].path, files[-1].size)

            answers.append(outcome(open_it))
        elif call in ("pwrite", "pread", "nowait", "truncate", "sync"):
            if files:
                file = files[int(arguments[0]) % len(files)]  # type: ignore[call-overload]
                action = nowait if call == "nowait" else getattr(type(file), str(call))
                answer = outcome(lambda do=action, f=file, a=arguments: do(f, *a[1:]))
                if call == "nowait" and answer is None:
                    # The page cache may lack what was never written.
                    answer = file.pread(*arguments[1:])  # type: ignore[arg-type]
                answers += [answer, file.size]
        else:
            answers.append(outcome(lambda c=call, a=arguments: getattr(disk, str(c))(*a)))
    for file in files:
        file.close()
        file.close()
    return answers


@settings(deadline=None, max_examples=150, derandomize=True)
@given(st.lists(STEPS, max_size=25))
def test_both_disks_answer_a_script_alike(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[object, ...]]
) -> None:
    real = PosixDisk(tmp_path_factory.mktemp("disk"))
    assert play(MemoryDisk(), steps) == play(real, steps)


def test_both_disks_fail_alike(tmp_path: Path) -> None:
    steps: list[tuple[object, ...]] = [
        ("open", "c", True, 5),
        ("mkdirs", "folder"),
        ("mkdirs", "c"),
        ("mkdirs", "c/x"),
        ("open", "folder", True, None),
        ("open", "c/x", True, None),
        ("open", "missing", False, None),
        ("open", "missing/x", True, None),
        ("listdir", "c"),
        ("remove", "folder"),
        ("remove", "missing"),
        ("remove", "c/x"),
        ("remove_tree", "c"),
        ("rename", "missing", "a"),
        ("rename", "c", "folder"),
        ("rename", "c", "missing/x"),
        ("rename", "c", "c"),
        ("size", "missing"),
        ("size", "c/x"),
        ("fsync_dir", "c"),
        ("fsync_dir", "missing"),
        ("exists", "c/x"),
        ("listdir", ""),
    ]
    answers = play(MemoryDisk(), steps)
    assert answers == play(PosixDisk(tmp_path), steps)
    assert len({answer for answer in answers if isinstance(answer, int)}) >= 4


@pytest.mark.parametrize("path", ["../a", "a/../../b", "/etc/passwd", "a\0b"])
def test_neither_disk_leaves_its_root(tmp_path: Path, path: str) -> None:
    disks: list[Disk] = [MemoryDisk(), PosixDisk(tmp_path)]
    for disk in disks:
        for call in (disk.open, disk.exists, disk.listdir, disk.mkdirs, disk.remove, disk.remove_tree, disk.size):
            with pytest.raises(ValueError, match="leaves the store"):
                call(path)
        for old, new in ((path, "a"), ("a", path)):
            disk.open("a", create=True).close()
            with pytest.raises(ValueError, match="leaves the store"):
                disk.rename(old, new)


def test_free_ratio_is_a_part_of_one(tmp_path: Path) -> None:
    assert 0.0 <= PosixDisk(tmp_path).free_ratio() <= 1.0
    assert MemoryDisk().free_ratio() == 1.0


def test_only_files_are_renamed() -> None:
    disk = MemoryDisk()
    disk.mkdirs("f")
    disk.open("a", create=True)
    with pytest.raises(ValueError, match="f is a folder"):
        disk.rename("f", "g")
    with pytest.raises(IsADirectoryError):
        disk.rename("a", "f")
    with pytest.raises(NotADirectoryError):
        disk.open("a/b", create=True)


def test_a_file_outlives_its_name_on_both(tmp_path: Path) -> None:
    disks: list[Disk] = [MemoryDisk(), PosixDisk(tmp_path)]
    for disk in disks:
        file = disk.open("a", create=True)
        disk.remove("a")
        file.pwrite(0, b"still here")
        assert file.pread(0, 100) == b"still here"
        file.close()


def test_a_cold_file_has_no_answer_without_waiting() -> None:
    disk = MemoryDisk()
    file = disk.open("a", create=True)
    file.pwrite(0, b"x")
    disk.cold.add("a")
    assert nowait(file, 0, 1) is None
    assert file.pread(0, 1) == b"x"


def test_both_disks_see_the_holes_of_a_file(tmp_path: Path) -> None:
    disks: list[Disk] = [MemoryDisk(), PosixDisk(tmp_path)]
    for disk in disks:
        file = disk.open("a", create=True, size=10 * PAGE)
        assert file.next_stored(0) is None
        file.pwrite(4 * PAGE + 5, b"x")
        file.sync()
        assert [file.next_stored(at) for at in (0, 4 * PAGE, 4 * PAGE + 6, 5 * PAGE, 10 * PAGE)] == [
            4 * PAGE,
            4 * PAGE,
            4 * PAGE + 6,
            None,
            None,
        ]


def crashes(disk: MemoryDisk, count: int = 200) -> list[MemoryDisk]:
    return [disk.crash(random.Random(seed)) for seed in range(count)]


def content(disk: MemoryDisk, path: str) -> bytes | None:
    return disk.open(path).pread(0, 1 << 20) if disk.exists(path) else None


def test_what_was_synced_survives_every_power_cut() -> None:
    disk = MemoryDisk()
    disk.mkdirs("f")
    file = disk.open("f/a", create=True)
    file.pwrite(100, b"kept")
    file.sync()
    disk.fsync_dir("f")
    for after in crashes(disk):
        assert content(after, "f/a") == bytes(100) + b"kept"


def test_dirty_pages_reach_the_disk_each_for_itself() -> None:
    disk = MemoryDisk()
    file = disk.open("a", create=True, size=2 * PAGE)
    file.sync()
    disk.fsync_dir("")
    file.pwrite(PAGE - 1, b"xy")
    seen = {(found[PAGE - 1], found[PAGE]) for found in (content(after, "a") for after in crashes(disk)) if found}
    assert seen == {(0, 0), (ord("x"), 0), (0, ord("y")), (ord("x"), ord("y"))}


def test_an_unsynced_name_may_be_lost_although_the_file_was_synced() -> None:
    disk = MemoryDisk()
    file = disk.open("a", create=True)
    file.pwrite(0, b"x")
    file.sync()
    assert {content(after, "a") for after in crashes(disk)} == {None, b"x"}


def test_a_folder_is_lost_with_all_in_it_unless_its_name_was_synced() -> None:
    disk = MemoryDisk()
    disk.mkdirs("f/g", durable=False)
    disk.open("f/g/a", create=True).sync()
    disk.fsync_dir("f/g")
    disk.fsync_dir("f")
    assert {(after.exists("f"), after.exists("f/g/a")) for after in crashes(disk)} == {(False, False), (True, True)}
    disk.fsync_dir("")
    assert {after.exists("f/g/a") for after in crashes(disk)} == {True}


def test_a_rename_happens_whole_or_not() -> None:
    disk = MemoryDisk()
    for name in ("old", "new"):
        file = disk.open(name, create=True)
        file.pwrite(0, name.encode())
        file.sync()
    disk.fsync_dir("")
    disk.rename("new", "old")
    assert {(content(after, "old"), content(after, "new")) for after in crashes(disk)} == {
        (b"old", b"new"),
        (b"new", None),
    }


def test_a_cut_file_comes_back_cut_or_whole_never_with_old_bytes_behind_the_cut() -> None:
    disk = MemoryDisk()
    file = disk.open("a", create=True)
    file.pwrite(0, b"\1" * PAGE * 3)
    file.sync()
    disk.fsync_dir("")
    file.truncate(10)
    file.truncate(PAGE * 3)
    whole, cut, grown = b"\1" * PAGE * 3, b"\1" * 10, (b"\1" * 10).ljust(PAGE * 3, b"\0")
    assert {content(after, "a") for after in crashes(disk)} == {whole, cut, grown}
    file.sync()
    assert {content(after, "a") for after in crashes(disk)} == {grown}


def test_a_removed_file_may_come_back_until_its_folder_is_synced() -> None:
    disk = MemoryDisk()
    disk.open("a", create=True).sync()
    disk.fsync_dir("")
    disk.remove("a")
    assert {after.exists("a") for after in crashes(disk)} == {True, False}
    disk.fsync_dir("")
    assert {after.exists("a") for after in crashes(disk)} == {False}


def test_a_dying_process_loses_nothing_and_makes_nothing_durable() -> None:
    disk = MemoryDisk()
    disk.open("a", create=True).pwrite(0, b"x")
    after = disk.crash_process()
    assert content(after, "a") == b"x"
    after.open("a").pwrite(0, b"y")
    assert content(disk, "a") == b"x"
    assert {content(second, "a") for second in crashes(after)} >= {None, b"y"}
