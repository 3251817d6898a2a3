"""A disk that is only looked at: every change is refused with EROFS before it reaches the disk behind."""

import errno
from typing import NoReturn

from pocketmq.store.disk import Content, Disk, File


class ReadOnlyFile:
    """A `File` whose content cannot be changed through it."""

    __slots__ = ("_file",)

    def __init__(self, file: File) -> None:
        self._file = file

    @property
    def path(self) -> str:
        return self._file.path

    @property
    def size(self) -> int:
        return self._file.size

    @property
    def fileno(self) -> int:
        return self._file.fileno

    def pread(self, offset: int, size: int) -> bytes:
        return self._file.pread(offset, size)

    def readinto_nowait(self, buffer: memoryview, offset: int) -> int | None:
        return self._file.readinto_nowait(buffer, offset)

    def next_stored(self, offset: int) -> int | None:
        return self._file.next_stored(offset)

    def pwrite(self, offset: int, content: Content) -> None:
        refuse(f"write {len(content)} bytes at {offset}", self.path)

    def truncate(self, size: int) -> None:
        refuse(f"truncate to {size} bytes", self.path)

    def sync(self) -> None:
        refuse("sync", self.path)

    def close(self) -> None:
        self._file.close()


class SyncableFile(ReadOnlyFile):
    """A file that is not changed, but may be synced: others have changed it."""

    __slots__ = ()

    def sync(self) -> None:
        self._file.sync()


class ReadOnlyDisk:
    """Another `Disk`, of which nothing can be changed."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def open(self, path: str, create: bool = False, size: int | None = None) -> ReadOnlyFile:
        if create:
            refuse("create", path)
        return ReadOnlyFile(self._disk.open(path))

    def exists(self, path: str) -> bool:
        return self._disk.exists(path)

    def listdir(self, path: str) -> list[str]:
        return self._disk.listdir(path)

    def mkdirs(self, path: str, *, durable: bool = True) -> None:
        refuse("make the folder", path)

    def remove(self, path: str) -> None:
        refuse("remove", path)

    def remove_tree(self, path: str) -> None:
        refuse("remove the tree", path)

    def rename(self, old: str, new: str) -> None:
        refuse(f"rename to {new}", old)

    def fsync_dir(self, path: str) -> None:
        refuse("sync the folder", path)

    def sync_all(self) -> None:
        refuse("sync", "all files")

    def size(self, path: str) -> int:
        return self._disk.size(path)

    def free_ratio(self) -> float:
        return self._disk.free_ratio()


class GuardedDisk:
    """Another `Disk`, of which one folder cannot be changed, and all else can."""

    def __init__(self, disk: Disk, folder: str) -> None:
        self._disk = disk
        self._folder = f"{folder}/"

    def open(self, path: str, create: bool = False, size: int | None = None) -> File:
        if not path.startswith(self._folder):
            return self._disk.open(path, create, size)
        if create:
            refuse("create", path)
        return SyncableFile(self._disk.open(path))

    def exists(self, path: str) -> bool:
        return self._disk.exists(path)

    def listdir(self, path: str) -> list[str]:
        return self._disk.listdir(path)

    def mkdirs(self, path: str, *, durable: bool = True) -> None:
        self._disk.mkdirs(self._open_place(path, "make the folder"), durable=durable)

    def remove(self, path: str) -> None:
        self._disk.remove(self._open_place(path, "remove"))

    def remove_tree(self, path: str) -> None:
        self._disk.remove_tree(self._open_place(path, "remove the tree"))

    def rename(self, old: str, new: str) -> None:
        self._disk.rename(self._open_place(old, "rename"), self._open_place(new, "replace"))

    def fsync_dir(self, path: str) -> None:
        self._disk.fsync_dir(path)

    def sync_all(self) -> None:
        self._disk.sync_all()

    def size(self, path: str) -> int:
        return self._disk.size(path)

    def free_ratio(self) -> float:
        return self._disk.free_ratio()

    def _open_place(self, path: str, change: str) -> str:
        if f"{path}/".startswith(self._folder) or path == "":
            refuse(change, path)
        return path


def refuse(change: str, path: str) -> NoReturn:
    """Raises the OSError that says which change of which file was asked for."""
    raise OSError(errno.EROFS, f"this disk is only looked at; refused to {change}", path)
