"""A disk in memory that can lose power.

Every file has what a power loss keeps (pages and size as of the last sync) and what a reader sees now. Between the
two lie dirty pages of 4 KiB, changes of size in order, and changes of names in order. `crash` lets a random choice
of them reach the disk, as a kernel that writes back when it likes: each dirty page alone, sizes as a prefix of
their changes, names each alone unless an earlier change of the same name was lost.
"""

import errno
import random
from dataclasses import dataclass, field

from pocketmq.store.disk import Content, checked

PAGE = 4096


@dataclass(slots=True)
class Inode:
    """One file's bytes (absent pages are zero), or a folder without any."""

    pages: dict[int, bytearray] = field(default_factory=dict)
    size: int = 0
    kept_pages: dict[int, bytes] = field(default_factory=dict)
    kept_size: int = 0
    dirty: set[int] = field(default_factory=set)
    sizes: list[int] = field(default_factory=list)
    is_folder: bool = False

    def read(self, offset: int, size: int) -> bytes:
        end = min(offset + size, self.size)
        found = bytearray(max(0, end - offset))
        at = offset
        while at < end:
            page, inside = divmod(at, PAGE)
            count = min(PAGE - inside, end - at)
            held = self.pages.get(page)
            if held is not None:
                found[at - offset : at - offset + count] = held[inside : inside + count]
            at += count
        return bytes(found)

    def write(self, offset: int, content: memoryview) -> None:
        """Change the bytes, extending the file if need be; a power loss may undo it."""
        if not content:
            return
        at = 0
        while at < len(content):
            page, inside = divmod(offset + at, PAGE)
            count = min(PAGE - inside, len(content) - at)
            held = self.pages.setdefault(page, bytearray(PAGE))
            held[inside : inside + count] = content[at : at + count]
            self.dirty.add(page)
            at += count
        if offset + at > self.size:
            self.set_size(offset + at)

    def set_size(self, size: int) -> None:
        """Cut or extend with zeros; a power loss may undo it."""
        cut_pages(self.pages, size)
        self.size = size
        self.sizes.append(size)

    def sync(self) -> None:
        for size in self.sizes:
            cut_pages(self.kept_pages, size)
        for page in self.dirty:
            if page in self.pages:
                self.kept_pages[page] = bytes(self.pages[page])
        self.kept_size = self.size
        self.dirty.clear()
        self.sizes.clear()

    def lose_unsynced(self) -> None:
        """Read from now on what the disk has: the write-back failed, and the pages were dropped as if clean."""
        for page in self.dirty:
            kept = self.kept_pages.get(page)
            if kept is None:
                self.pages.pop(page, None)
            else:
                self.pages[page] = bytearray(kept)
        self.dirty.clear()
        cut_pages(self.pages, self.size)

    def after_power_loss(self, rng: random.Random) -> "Inode":
        """What a power loss at this moment may leave."""
        kept = dict(self.kept_pages)
        size = self.kept_size
        for change in self.sizes[: rng.randint(0, len(self.sizes))]:
            cut_pages(kept, change)
            size = change
        for page in sorted(self.dirty):
            if rng.random() < 0.5 and page in self.pages:
                kept[page] = bytes(self.pages[page])
        cut_pages(kept, size)
        pages = {page: bytearray(content) for page, content in kept.items()}
        return Inode(pages, size, kept, size, is_folder=self.is_folder)

    def copy(self) -> "Inode":
        """The same file again, on its own."""
        pages = {page: bytearray(content) for page, content in self.pages.items()}
        return Inode(
            pages, self.size, dict(self.kept_pages), self.kept_size, set(self.dirty), list(self.sizes), self.is_folder
        )


def cut_pages(pages: dict[int, bytearray] | dict[int, bytes], size: int) -> None:
    """Drop what lies at or beyond `size`."""
    last, inside = divmod(size, PAGE)
    for page in [page for page in pages if page >= last]:
        content = pages[page]
        if page > last or inside == 0:
            del pages[page]
        else:
            shorter = bytes(content[:inside]) + bytes(PAGE - inside)
            pages[page] = bytearray(shorter) if isinstance(content, bytearray) else shorter  # type: ignore[assignment]


class MemoryFile:
    """A `File` on an inode; it outlives its name, as on POSIX."""

    __slots__ = ("_inode", "_path", "disk")

    def __init__(self, disk: "MemoryDisk", path: str, inode: Inode) -> None:
        self.disk = disk
        self._path = path
        self._inode = inode

    @property
    def path(self) -> str:
        return self._path

    @property
    def size(self) -> int:
        return self._inode.size

    @property
    def fileno(self) -> int:
        return -1

    def pread(self, offset: int, size: int) -> bytes:
        return self._inode.read(offset, size)

    def readinto_nowait(self, buffer: memoryview, offset: int) -> int | None:
        if self._path in self.disk.cold:
            return None
        found = self._inode.read(offset, len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def next_stored(self, offset: int) -> int | None:
        if offset >= self._inode.size:
            return None
        page = offset // PAGE
        following = [held for held in self._inode.pages if held >= page]
        return max(offset, min(following) * PAGE) if following else None

    def pwrite(self, offset: int, content: Content) -> None:
        self._inode.write(offset, memoryview(content).cast("B"))

    def truncate(self, size: int) -> None:
        self._inode.set_size(size)

    def sync(self) -> None:
        self._inode.sync()

    def lose_unsynced(self) -> None:
        """What a failed sync leaves: see `Inode`."""
        self._inode.lose_unsynced()

    def close(self) -> None:
        return


Change = dict[str, Inode | None]
"""Names and what they mean from then on; None is no file. One change is atomic."""


class MemoryDisk:
    """A `Disk` in memory. `free` is what `free_ratio` answers; files whose path is in `cold` are out of the cache."""

    def __init__(self) -> None:
        self.free = 1.0
        self.cold: set[str] = set()
        root = Inode(is_folder=True)
        self._names: dict[str, Inode] = {"": root}
        self._kept: dict[str, Inode] = {"": root}
        self._changes: list[Change] = []

    def open(self, path: str, create: bool = False, size: int | None = None) -> MemoryFile:
        inode = self._find(path)
        if inode is None:
            if not create:
                raise FileNotFoundError(errno.ENOENT, "no such file", path)
            self._require_folder(folder_of(path))
            inode = Inode()
            self._change({path: inode})
        if inode.is_folder:
            raise IsADirectoryError(errno.EISDIR, "is a folder", path)
        if create and size is not None and inode.size < size:
            inode.set_size(size)
        return MemoryFile(self, path, inode)

    def exists(self, path: str) -> bool:
        return checked(path) in self._names

    def listdir(self, path: str) -> list[str]:
        inode = self._find(path)
        if inode is not None and not inode.is_folder:
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", path)
        return sorted(name.rpartition("/")[2] for name in self._names if name and folder_of(name) == path)

    def mkdirs(self, path: str, *, durable: bool = True) -> None:
        parts = checked(path).split("/")
        for count in range(1, len(parts) + 1):
            folder = "/".join(parts[:count])
            inode = self._names.get(folder)
            if inode is None:
                self._change({folder: Inode(is_folder=True)})
                if durable:
                    self.fsync_dir(folder_of(folder))
            elif not inode.is_folder:
                raise FileExistsError(errno.EEXIST, "is a file", folder)

    def remove(self, path: str) -> None:
        inode = self._find(path)
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        if inode.is_folder:
            raise IsADirectoryError(errno.EISDIR, "is a folder", path)
        self._change({path: None})

    def remove_tree(self, path: str) -> None:
        inode = self._find(path)
        if inode is not None and not inode.is_folder:
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", path)
        # The innermost first, as rmtree does.
        for name in sorted(self._names, reverse=True):
            if name == path or name.startswith(path + "/"):
                self._change({name: None})

    def rename(self, old: str, new: str) -> None:
        inode = self._find(old)
        self._require_folder(folder_of(old))
        target = self._find(new)
        self._require_folder(folder_of(new))
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, "no such file", old)
        if target is not None and target.is_folder:
            raise IsADirectoryError(errno.EISDIR, "is a folder", new)
        if inode.is_folder:
            raise ValueError(f"{old} is a folder: only files are renamed")
        if old != new:
            self._change({old: None, new: inode})

    def fsync_dir(self, path: str) -> None:
        self._require_folder(checked(path))
        rest: list[Change] = []
        for change in self._changes:
            if any(folder_of(name) == path or folder_of(name) not in self._names for name in change):
                apply(self._kept, change)
            else:
                rest.append(change)
        self._changes = rest

    def sync_all(self) -> None:
        for inode in self._names.values():
            inode.sync()
        self._kept = dict(self._names)
        self._changes.clear()

    def size(self, path: str) -> int:
        inode = self._find(path)
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        return inode.size

    def free_ratio(self) -> float:
        return self.free

    def crash(self, rng: random.Random) -> "MemoryDisk":
        """A new disk with what a power loss at this moment may leave; this one and its files are out of use."""
        names = dict(self._kept)
        lost: set[str] = set()
        for change in self._changes:
            if rng.random() < 0.5 and not lost & change.keys():
                apply(names, change)
            else:
                lost |= change.keys()
        after = {}
        for name in sorted(names):
            if all(folder in names for folder in folders_above(name)):
                after[name] = names[name].after_power_loss(rng)
        return self._successor(after, dict(after), [])

    def crash_process(self) -> "MemoryDisk":
        """A new disk as it is when only the process dies: all is there, what was unsynced still is."""
        inodes = [*self._names.values(), *self._kept.values()]
        inodes += [inode for change in self._changes for inode in change.values() if inode is not None]
        copies = {id(inode): inode.copy() for inode in inodes}
        changes: list[Change] = [
            {name: None if inode is None else copies[id(inode)] for name, inode in change.items()}
            for change in self._changes
        ]
        names = {name: copies[id(inode)] for name, inode in self._names.items()}
        return self._successor(names, {name: copies[id(inode)] for name, inode in self._kept.items()}, changes)

    def _successor(self, names: dict[str, Inode], kept: dict[str, Inode], changes: list[Change]) -> "MemoryDisk":
        disk = MemoryDisk()
        disk.free = self.free
        disk._names, disk._kept, disk._changes = names, kept, changes
        return disk

    def _change(self, change: Change) -> None:
        apply(self._names, change)
        self._changes.append(change)

    def _find(self, path: str) -> Inode | None:
        for folder in folders_above(checked(path)):
            inode = self._names.get(folder)
            if inode is not None and not inode.is_folder:
                raise NotADirectoryError(errno.ENOTDIR, "not a folder", path)
        return self._names.get(path)

    def _require_folder(self, folder: str) -> None:
        inode = self._find(folder)
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, "no such folder", folder)
        if not inode.is_folder:
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", folder)


def apply(names: dict[str, Inode], change: Change) -> None:
    """Let the change be seen in these names."""
    for name, inode in change.items():
        if inode is None:
            names.pop(name, None)
        else:
            names[name] = inode


def folder_of(path: str) -> str:
    """The folder part of a path; "" is the root."""
    return path.rpartition("/")[0]


def folders_above(path: str) -> list[str]:
    """All folders that a path lies in."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts))]
