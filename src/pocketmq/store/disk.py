"""The disk as a value that the store is given: two protocols, and the POSIX disk below one root folder.

Paths are relative to the root, parts joined by `/`. Failures stay `OSError`, so that the caller can tell a full
disk from a broken one. What has been written is durable only after `File.sync` (bytes and size) and, for a name
that was created, renamed or removed, after `Disk.fsync_dir` of its folder.
"""

import errno
import os
import shutil
from typing import Protocol

Content = bytes | bytearray | memoryview


class File(Protocol):
    """An open file. Every call names its own position; none of them moves a cursor."""

    @property
    def path(self) -> str:
        """The path it was opened by, relative to the disk's root."""

    @property
    def size(self) -> int:
        """Bytes in the file now."""

    @property
    def fileno(self) -> int:
        """The descriptor, for sendfile and the like; -1 where there is none (a memory disk)."""

    def pread(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; fewer only at the end of the file."""

    def readinto_nowait(self, buffer: memoryview, offset: int) -> int | None:
        """Fill `buffer` from `offset`: how many bytes came, fewer only at the end of the file.

        None if the page cache does not hold them all: then a thread must read them, with `pread`.
        """

    def next_stored(self, offset: int) -> int | None:
        """From `offset` on, where the next bytes lie that are not a hole in the file; None if only holes follow."""

    def pwrite(self, offset: int, content: Content) -> None:
        """Write all of `content` at `offset`, extending the file if need be."""

    def truncate(self, size: int) -> None:
        """Make the file exactly `size` bytes; new bytes are zero and take no room on disk."""

    def sync(self) -> None:
        """Return once everything written to this file so far survives a power loss (fdatasync)."""

    def close(self) -> None:
        """Give the descriptor back; a second close is harmless."""


class Disk(Protocol):
    """A folder tree and its files."""

    def open(self, path: str, create: bool = False, size: int | None = None) -> File:
        """Open for reading and writing. `create` makes a missing file (its folder must exist), sparse at `size`."""

    def exists(self, path: str) -> bool:
        """Whether a file or folder has this name."""

    def listdir(self, path: str) -> list[str]:
        """The names in a folder, sorted; a folder that is not there is empty."""

    def mkdirs(self, path: str, *, durable: bool = True) -> None:
        """Make a folder and its missing parents; unless `durable`, their names need `fsync_dir` of each parent."""

    def remove(self, path: str) -> None:
        """Remove one file."""

    def remove_tree(self, path: str) -> None:
        """Remove a folder with all it holds; a folder that is not there is no error."""

    def rename(self, old: str, new: str) -> None:
        """Rename a file, replacing `new` if it exists."""

    def fsync_dir(self, path: str) -> None:
        """Make the names in this folder durable."""

    def sync_all(self) -> None:
        """Make durable all that was written, created, renamed and removed so far; for very many files at a time."""

    def size(self, path: str) -> int:
        """Bytes in the file of this name."""

    def free_ratio(self) -> float:
        """The part of the file system that is free for us, 0.0 to 1.0: what is kept for its administrator counts as
        neither free nor used (UtilAll#getDiskPartitionSpaceUsedPercent)."""


def checked(path: str) -> str:
    """The path itself, if it stays below the root: no `..`, no absolute path, no NUL."""
    if path.startswith("/") or "\0" in path or ".." in path.split("/"):
        raise ValueError(f"path {path!r} leaves the store's folder")
    return path


class PosixFile:
    """A `File` on a descriptor, which is given back when the last reference to this object goes, or by `close`.

    So a cache may forget a file that a thread is still syncing: nobody can be left with a number that means
    another file by now.
    """

    __slots__ = ("_descriptor", "_path")

    def __init__(self, path: str, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @property
    def path(self) -> str:
        return self._path

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    @property
    def fileno(self) -> int:
        return self._descriptor

    def pread(self, offset: int, size: int) -> bytes:
        found = os.pread(self._descriptor, size, offset)
        if len(found) == size or not found:
            return found
        parts = [found]
        at = offset + len(found)
        while found and at < offset + size:
            found = os.pread(self._descriptor, offset + size - at, at)
            parts.append(found)
            at += len(found)
        return b"".join(parts)

    def readinto_nowait(self, buffer: memoryview, offset: int) -> int | None:
        if READS_NOWAIT:
            try:
                count = os.preadv(self._descriptor, (buffer,), offset, os.RWF_NOWAIT)
            except BlockingIOError:
                return None
            except OSError as failure:
                if failure.errno not in NOWAIT_REFUSED:
                    raise
            else:
                return count if count == len(buffer) or offset + count >= self.size else None
        found = self.pread(offset, len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def next_stored(self, offset: int) -> int | None:
        if SEEKS_DATA is None:
            return offset if offset < self.size else None
        try:
            return os.lseek(self._descriptor, offset, SEEKS_DATA)
        except OSError as failure:
            if failure.errno == errno.ENXIO:
                return None
            raise

    def pwrite(self, offset: int, content: Content) -> None:
        count = os.pwrite(self._descriptor, content, offset)
        size = len(content)
        if count == size:
            return
        rest = memoryview(content)
        while count < size:
            written = os.pwrite(self._descriptor, rest[count:], offset + count)
            if written == 0:
                raise OSError(errno.EIO, "the disk takes no bytes", self._path)
            count += written

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def sync(self) -> None:
        _synchronise(self._descriptor)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        self.close()


SEEKS_DATA: int | None = getattr(os, "SEEK_DATA", None)
READS_NOWAIT = hasattr(os, "RWF_NOWAIT") and hasattr(os, "preadv")
NOWAIT_REFUSED = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
_synchronise = getattr(os, "fdatasync", os.fsync)


def _sync_file_system(descriptor: int) -> None:
    """syncfs(2), which Python does not offer; where there is none, sync(2)."""
    import ctypes

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
    elif syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class PosixDisk:
    """The files below `root`, a folder that must exist; `reads_only` opens those of a person who may not write them."""

    def __init__(self, root: str | os.PathLike[str], *, reads_only: bool = False) -> None:
        self.root = os.fspath(root)
        self._access = os.O_RDONLY if reads_only else os.O_RDWR

    def place(self, path: str) -> str:
        """Where a path of this disk is for the operating system."""
        return os.path.join(self.root, checked(path))

    def open(self, path: str, create: bool = False, size: int | None = None) -> PosixFile:
        flags = self._access | os.O_CLOEXEC | (os.O_CREAT if create else 0)
        file = PosixFile(path, os.open(self.place(path), flags, 0o644))
        if create and size is not None and file.size < size:
            file.truncate(size)
        return file

    def exists(self, path: str) -> bool:
        return os.path.exists(self.place(path))

    def listdir(self, path: str) -> list[str]:
        try:
            return sorted(os.listdir(self.place(path)))
        except FileNotFoundError:
            return []

    def mkdirs(self, path: str, *, durable: bool = True) -> None:
        parent = ""
        for part in checked(path).split("/"):
            folder = f"{parent}/{part}" if parent else part
            if not os.path.isdir(self.place(folder)):
                os.mkdir(self.place(folder), 0o755)
                if durable:
                    self.fsync_dir(parent)
            parent = folder

    def remove(self, path: str) -> None:
        os.remove(self.place(path))

    def remove_tree(self, path: str) -> None:
        try:
            shutil.rmtree(self.place(path))
        except FileNotFoundError:
            return

    def rename(self, old: str, new: str) -> None:
        os.replace(self.place(old), self.place(new))

    def fsync_dir(self, path: str) -> None:
        descriptor = os.open(self.place(path), os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def sync_all(self) -> None:
        descriptor = os.open(self.root, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        try:
            _sync_file_system(descriptor)
        finally:
            os.close(descriptor)

    def size(self, path: str) -> int:
        return os.stat(self.place(path)).st_size

    def free_ratio(self) -> float:
        space = os.statvfs(self.root)
        for_us = space.f_blocks - space.f_bfree + space.f_bavail
        return space.f_bavail / for_us if for_us else 0.0
