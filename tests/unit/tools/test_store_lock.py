"""The lock of a store's folder keeps others out, also Java, and says who holds it."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pocketmq.model.errors import UserError
from pocketmq.tools.store_lock import find_holder, store_lock

JAVA_LIKE_HOLDER = """
import fcntl, sys
lock = open(sys.argv[1], "r+b")
fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
print("held", flush=True)
sys.stdin.read()
"""


def test_the_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    with store_lock(str(tmp_path), "--data"):
        assert (tmp_path / "lock").read_text() == f"lock {os.getpid()}\n"
        with (
            pytest.raises(UserError, match=f"{tmp_path} is in use by process {os.getpid()}; stop it or set --data"),
            store_lock(str(tmp_path), "--data"),
        ):
            raise AssertionError
    with store_lock(str(tmp_path), "--data"):
        pass


def test_a_lock_as_java_takes_it_keeps_us_out_and_ours_keeps_java_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("lock")
    holder = subprocess.Popen(
        [sys.executable, "-c", JAVA_LIKE_HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(UserError, match="is in use by another process"), store_lock(str(tmp_path), "--data"):
        raise AssertionError
    assert path.read_text() == "lock"
    holder.communicate()
    with store_lock(str(tmp_path), "--data"):
        second = subprocess.run([sys.executable, "-c", JAVA_LIKE_HOLDER, str(path)], capture_output=True, check=False)
        assert second.returncode != 0
        assert b"BlockingIOError" in second.stderr


def test_the_lock_goes_with_its_process(tmp_path: Path) -> None:
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.close(lock)
    with store_lock(str(tmp_path), "--data"):
        pass


def test_a_lock_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(UserError, match=r"cannot open .*/lock: Is a directory"), store_lock(str(tmp_path), "--data"):
        raise AssertionError


def test_who_holds_it_is_seen_without_taking_it(tmp_path: Path) -> None:
    assert find_holder(str(tmp_path)) is None
    assert not (tmp_path / "lock").exists()
    with store_lock(str(tmp_path), "--data"):
        assert find_holder(str(tmp_path)) == f"process {os.getpid()}"
    assert find_holder(str(tmp_path)) is None
    assert (tmp_path / "lock").read_text() == f"lock {os.getpid()}\n"


def test_java_is_seen_to_hold_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("lock")
    holder = subprocess.Popen(
        [sys.executable, "-c", JAVA_LIKE_HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    assert find_holder(str(tmp_path)) == "another process"
    holder.communicate()
    assert find_holder(str(tmp_path)) is None
