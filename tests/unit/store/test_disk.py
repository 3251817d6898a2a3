"""What only the POSIX disk has: descriptors, short writes, the page cache. The rest is in testing/test_memory_disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from nowait import nowait

from pocketmq.store import disk
from pocketmq.store.disk import PosixDisk

SHORT_WRITE = """
import errno, resource, signal, sys
from pocketmq.store.disk import PosixDisk
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
file = PosixDisk(sys.argv[1]).open("a", create=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    file.pwrite(0, b"x" * 1500)
except OSError as failure:
    assert failure.errno == errno.EFBIG, failure
    assert file.size == 1000
    print("short")
"""


def test_a_write_that_takes_only_a_part_goes_on_and_says_why_it_cannot(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHORT_WRITE, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "short\n", done.stderr
    assert (tmp_path / "a").read_bytes() == b"x" * 1000


def test_bytes_just_written_are_read_without_waiting(tmp_path: Path) -> None:
    file = PosixDisk(tmp_path).open("a", create=True)
    file.pwrite(0, b"abc" * 5000)
    assert nowait(file, 3, 6) == b"abcabc"
    assert nowait(file, 14_999, 100) == b"c"
    assert nowait(file, 20_000, 100) == b""


def test_what_is_not_in_the_cache_is_not_waited_for(tmp_path: Path) -> None:
    file = PosixDisk(tmp_path).open("a", create=True)
    content = bytes(range(256)) * 4096
    file.pwrite(0, content)
    file.sync()
    os.posix_fadvise(file.fileno, 0, 0, os.POSIX_FADV_DONTNEED)
    found = nowait(file, 0, len(content))
    assert found is None or found == content
    assert file.pread(0, len(content)) == content


def test_a_cache_that_holds_only_a_part_has_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = PosixDisk(tmp_path).open("a", create=True)
    file.pwrite(0, b"abcdef")
    monkeypatch.setattr(os, "preadv", lambda descriptor, buffers, offset, flags: 2)
    assert nowait(file, 0, 6) is None
    assert nowait(file, 4, 6) == bytes(2), "there the file ends"


def test_a_system_without_these_calls_waits_and_sees_no_holes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "READS_NOWAIT", False)
    monkeypatch.setattr(disk, "SEEKS_DATA", None)
    file = PosixDisk(tmp_path).open("a", create=True, size=10_000)
    file.pwrite(0, b"abc")
    assert nowait(file, 0, 3) == b"abc"
    assert [file.next_stored(at) for at in (0, 5000, 9_999, 10_000)] == [0, 5000, 9_999, None]


def test_a_file_system_that_cannot_read_without_waiting_is_read_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = PosixDisk(tmp_path).open("a", create=True)
    file.pwrite(0, b"abc")
    # A flag that no kernel knows is refused as RWF_NOWAIT is by some file systems.
    monkeypatch.setattr(os, "RWF_NOWAIT", 1 << 30)
    assert nowait(file, 0, 3) == b"abc"


def test_other_failures_of_such_a_read_are_heard(tmp_path: Path) -> None:
    file = PosixDisk(tmp_path).open("a", create=True)
    file.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        nowait(file, 0, 1)
    with pytest.raises(OSError, match="Bad file descriptor"):
        file.next_stored(0)


def test_a_forgotten_file_gives_its_descriptor_back(tmp_path: Path) -> None:
    disk = PosixDisk(tmp_path)
    numbers = {disk.open("a", create=True).fileno for _ in range(50)}
    assert len(numbers) == 1


def test_a_closed_file_is_out_of_use(tmp_path: Path) -> None:
    file = PosixDisk(tmp_path).open("a", create=True)
    assert file.fileno >= 0
    file.close()
    file.close()
    assert file.fileno == -1
    with pytest.raises(OSError, match="Bad file descriptor"):
        file.pread(0, 1)


def test_a_file_is_made_with_holes(tmp_path: Path) -> None:
    file = PosixDisk(tmp_path).open("a", create=True, size=1 << 30)
    assert file.size == 1 << 30
    assert (tmp_path / "a").stat().st_blocks == 0
    assert file.next_stored(0) is None
