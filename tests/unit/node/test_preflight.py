"""Folders, locks and ports that a start needs: each failure is one line with a remedy."""

import errno
import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pocketmq.model.errors import UserError
from pocketmq.node.preflight import require_folder, require_port_free, store_lock, unwritable

JAVA_LIKE_HOLDER = """
import fcntl, sys
lock = open(sys.argv[1], "r+b")
fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    require_folder(str(folder), "--data")
    assert list(folder.iterdir()) == []


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(
        UserError, match=r"cannot write .*/a/b: Not a directory; remove what is in the way or set --data"
    ):
        require_folder(str(tmp_path / "a" / "b"), "--data")


def test_a_folder_without_permission_names_its_owner(tmp_path: Path) -> None:
    refused = PermissionError(errno.EACCES, "Permission denied")
    owner = f"{tmp_path} is owned by user {os.getuid()}, this is user {os.geteuid()}"
    complaint = f"cannot write {tmp_path}/a/b: {owner}; chown it or set storePathRootDir"
    assert unwritable(f"{tmp_path}/a/b", refused, "storePathRootDir") == complaint


def test_a_full_disk_is_told_as_such() -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    assert unwritable("/b", full, "--data") == "cannot write /b: No space left on device; make room or set --data"


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


def test_a_port_in_use_names_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError) as caught:
            require_port_free("127.0.0.1", port, "--port")
    assert str(caught.value).startswith(f"port {port} is in use by process {os.getpid()} (")
    assert str(caught.value).endswith("; stop it or set --port")
    require_port_free("127.0.0.1", port, "--port")


def test_any_free_port_is_free() -> None:
    require_port_free("127.0.0.1", 0, "--port")


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(UserError, match=r"cannot listen on 192.0.2.1:[0-9]+: .*; is it an address of this machine?"):
        require_port_free("192.0.2.1", 10911, "--port")
