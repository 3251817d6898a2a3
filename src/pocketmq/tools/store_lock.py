"""The lock of a store's folder: one process at a time, ours or Java's."""

import contextlib
import fcntl
import os
from collections.abc import Iterator

from pocketmq.model.errors import UserError

LOCK_FILE = "lock"
"""StorePathConfigHelper#getLockFile: the file in the store's root that a running broker holds."""


@contextlib.contextmanager
def store_lock(root: str, setting: str) -> Iterator[None]:
    """Holds the store's lock file; UserError if another process, ours or Java's, holds it.

    Java locks the first byte the POSIX way (`FileChannel#tryLock`), which does not tell two holders in one process
    apart; so the whole file is locked the BSD way too.
    """
    path = os.path.join(root, LOCK_FILE)
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UserError(f"cannot open {path}: {error.strerror}; set {setting}") from error
    try:
        _lock(lock, path, setting)
        os.ftruncate(lock, 0)
        os.pwrite(lock, b"lock %d\n" % os.getpid(), 0)
        yield
    finally:
        os.close(lock)


def find_holder(root: str) -> str | None:
    """Who holds the store's lock file, `process N` or `another process`; None if nobody does. Nothing is written."""
    try:
        lock = os.open(os.path.join(root, LOCK_FILE), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.lockf(lock, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 0)
    except (BlockingIOError, PermissionError):
        return _holder(lock)
    finally:
        os.close(lock)
    return None


def _lock(lock: int, path: str, setting: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
    except (BlockingIOError, PermissionError) as error:
        raise UserError(f"{os.path.dirname(path)} is in use by {_holder(lock)}; stop it or set {setting}") from error


def _holder(lock: int) -> str:
    words = os.pread(lock, 64, 0).decode("ascii", "replace").split()
    return f"process {words[1]}" if len(words) > 1 else "another process"
