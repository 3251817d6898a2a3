"""Folders and ports that a start needs: each failure is one line with a remedy."""

import errno
import os
import socket
from pathlib import Path

import pytest

from pocketmq.model.errors import UserError
from pocketmq.node.preflight import require_folder, require_port_free, unwritable


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
