"""A folder of equal files that together are one long stretch of bytes: the shape of commit log and consume queues.

```
folder/00000000000000000000  00000000000000001024  00000000000000002048        segment_size 1024
       [0 ......... 1024)    [1024 ...... 2048)    [2048 ...... 3072)
       start                                                     end
```

A file is created sparse at its full size (MappedFile), named by the 20 digits of its first offset, which is a
multiple of the size. How far the bytes in it mean something, its user knows.

Removals and cuts are durable when they return (after `release_before`, when its targets are synced), one name at a time
and from the outside inwards, so that no crash leaves a gap between files. Creations and writes are durable once the
targets of `sync_targets` have been synced; a power loss before may leave a later file without an earlier one. Such a
gap reads as nothing.
"""

from collections import OrderedDict

from pocketmq.model.errors import StoreError
from pocketmq.model.limits import OPEN_FILES_MAX
from pocketmq.store.disk import Content, Disk, File

NAME_DIGITS = 20
BLOCK_BYTES = 4096


class DescriptorCache:
    """Keeps the files used last open, for all queues together; a file that falls out closes when nobody holds it."""

    def __init__(self, limit: int = OPEN_FILES_MAX) -> None:
        self._limit = limit
        self._files: OrderedDict[str, File] = OrderedDict()

    def __len__(self) -> int:
        return len(self._files)

    def find(self, path: str) -> File | None:
        """The file if it is open."""
        return self._files.get(path)

    def file(self, disk: Disk, path: str) -> File:
        """The file, opened if need be. Hold it no longer than a turn of the loop."""
        file = self._files.get(path)
        if file is None:
            file = disk.open(path)
            self.put(file)
            return file
        try:
            self._files.move_to_end(path)
        except KeyError:  # A thread that reads has just let it fall out.
            self.put(file)
        return file

    def put(self, file: File) -> None:
        """Remember a file just opened; the one unused for longest makes room."""
        self._files[file.path] = file
        if len(self._files) > self._limit:
            self._files.popitem(last=False)

    def forget(self, path: str) -> None:
        """The file is being removed or replaced."""
        self._files.pop(path, None)

    def close(self) -> None:
        """Close every file."""
        while self._files:
            self._files.popitem()[1].close()


class Unsynced:
    """A file (or the folder itself) with writes that a power loss could still undo. `sync` may run in a thread."""

    __slots__ = ("_disk", "_file", "path")

    def __init__(self, disk: Disk, path: str, file: File | None) -> None:
        self._disk = disk
        self._file = file
        self.path = path

    def sync(self) -> None:
        """Make it durable; a file removed meanwhile needs no more. Any other failure stays an `OSError`."""
        file = self._file
        if file is not None:
            file.sync()
            return
        try:
            file = self._disk.open(self.path)
        except FileNotFoundError:
            return
        file.sync()
        file.close()


class UnsyncedFolder:
    """A folder with names that a power loss could still undo."""

    __slots__ = ("_disk", "path")

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk = disk
        self.path = path

    def sync(self) -> None:
        """Make the folder's names durable; a folder removed meanwhile needs no more."""
        try:
            self._disk.fsync_dir(self.path)
        except FileNotFoundError:
            return


class Removal:
    """A file that nobody needs any more, and is still there."""

    __slots__ = ("_disk", "path")

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk = disk
        self.path = path

    def sync(self) -> None:
        """Remove it, durably; one that has gone with its folder needs no more."""
        try:
            self._disk.remove(self.path)
            self._disk.fsync_dir(self.path.rpartition("/")[0])
        except FileNotFoundError:
            return


class WholeDisk:
    """Everything that was written, created, renamed and removed so far."""

    __slots__ = ("_disk",)
    path = ""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def sync(self) -> None:
        """Make it durable."""
        self._disk.sync_all()


SyncTarget = File | Unsynced | UnsyncedFolder | Removal | WholeDisk
"""Something with `path` and `sync()`: the node calls the latter in its fsync thread, in the order given."""


class Segments:
    """The files of one folder. Opening reads names and sizes only; the folder is made by the first write.

    A file that a crash left short gets its full size, unless `reads_only`: then it reads as nothing behind its end.
    """

    __slots__ = (
        "_descriptors",
        "_dirty",
        "_dirty_folders",
        "_disk",
        "_paths",
        "_reads_only",
        "end",
        "folder",
        "segment_size",
        "start",
    )  # fmt: skip

    def __init__(
        self, disk: Disk, folder: str, segment_size: int, descriptors: DescriptorCache, *, reads_only: bool = False
    ) -> None:
        self.folder = folder
        self.segment_size = segment_size
        self._reads_only = reads_only
        self._disk = disk
        self._descriptors = descriptors
        self._paths: dict[int, str] = {}
        self._dirty: set[int] = set()
        self._dirty_folders: list[str] = []
        self.start = 0
        """First offset of the first file."""
        self.end = 0
        """Exclusive end of the last file; equal to `start` when there is no file."""
        self._find_files()

    def read(self, offset: int, size: int) -> bytes:
        """Bytes [offset, offset + size), across files; shorter where a file is missing."""
        inside = offset % self.segment_size
        path = self._paths.get(offset - inside)
        if path is None:
            return b""
        room = self.segment_size - inside
        file = self._descriptors.file(self._disk, path)
        if size <= room:
            return file.pread(inside, size)
        return file.pread(inside, room) + self.read(offset + room, size - room)

    def readinto_nowait(self, buffer: memoryview, offset: int) -> int | None:
        """Fills `buffer` from `offset`: how many bytes came, fewer where a file is missing; None if that would wait."""
        inside = offset % self.segment_size
        path = self._paths.get(offset - inside)
        if path is None:
            return 0
        room = self.segment_size - inside
        file = self._descriptors.file(self._disk, path)
        if len(buffer) <= room:
            return file.readinto_nowait(buffer, inside)
        first = file.readinto_nowait(buffer[:room], inside)
        if first is None or first < room:
            return first
        rest = self.readinto_nowait(buffer[room:], offset + room)
        return None if rest is None else first + rest

    def write(self, offset: int, content: Content) -> None:
        """Write within one file. At `end` the next file is created; into an empty folder, the file of that offset."""
        inside = offset % self.segment_size
        assert inside + len(content) <= self.segment_size, f"{len(content)} bytes at {offset} cross a file's end"
        start = offset - inside
        path = self._paths.get(start)
        file = self._create(start) if path is None else self._descriptors.file(self._disk, path)
        self._dirty.add(start)
        file.pwrite(inside, content)

    def sync_targets(self) -> list[SyncTarget]:
        """What has been written or created since the last call; the caller owes each its `sync`."""
        targets: list[SyncTarget] = []
        for start in sorted(self._dirty):
            path = self._paths[start]
            targets.append(Unsynced(self._disk, path, self._descriptors.find(path)))
        targets += [UnsyncedFolder(self._disk, folder) for folder in self._dirty_folders]
        self.synced_with_all()
        return targets

    def synced_with_all(self) -> None:
        """The caller syncs the whole disk: nothing written before needs a sync of its own."""
        self._dirty.clear()
        self._dirty_folders = []

    def truncate_after(self, offset: int) -> None:
        """Remove all from `offset` on: later files go, the rest of its file becomes zero. Durable on return.

        The file that starts at `offset` stays, all zero, if it is the only one: its name keeps the position.
        """
        self.clear_after(offset)
        start = offset - offset % self.segment_size
        if start in self._dirty:
            self._descriptors.file(self._disk, self._paths[start]).sync()

    def clear_after(self, offset: int) -> None:
        """As `truncate_after`, but only the removal of files is durable on return; the zeros need their sync."""
        for start in sorted(self._paths, reverse=True):
            if start > offset or (start == offset and len(self._paths) > 1):
                self._remove(start)
        if not self._paths:
            self.start = self.end = 0
            return
        last = max(self._paths)
        self.end = last + self.segment_size
        self.start = min(self._paths)
        if last <= offset < self.end:
            file = self._descriptors.file(self._disk, self._paths[last])
            if holds_bytes(file, offset - last):
                file.truncate(offset - last)
                file.truncate(self.segment_size)
                self._dirty.add(last)

    def remove_all(self) -> None:
        """Remove every file, so that the next write may start anywhere. Durable on return."""
        for start in sorted(self._paths, reverse=True):
            self._remove(start)
        self.start = self.end = 0

    def next_stored(self, offset: int) -> int | None:
        """From `offset` on, where in its file the next bytes lie that are not a hole; None if only holes follow."""
        inside = offset % self.segment_size
        path = self._paths.get(offset - inside)
        if path is None:
            return None
        found = self._descriptors.file(self._disk, path).next_stored(inside)
        return None if found is None or found >= self.segment_size else offset - inside + found

    def release_before(self, offset: int) -> list["Removal"]:
        """Forget the files that end at or before `offset`, never the last. The caller owes each its `sync`, in order.

        To remove a file of a gigabyte takes a file system some 100 ms. Until then a crash brings the file back.
        """
        removals = []
        for start in sorted(self._paths)[:-1]:
            if start + self.segment_size > offset:
                break
            path = self._paths.pop(start)
            self._descriptors.forget(path)
            self._dirty.discard(start)
            removals.append(Removal(self._disk, path))
        if removals:
            self.start = min(self._paths)
        return removals

    def names(self) -> list[str]:
        """The names of all files in order."""
        return [name_of(start) for start in sorted(self._paths)]

    def close(self) -> None:
        """Close this folder's files; unsynced writes are not synced."""
        for path in self._paths.values():
            self._descriptors.forget(path)

    def _find_files(self) -> None:
        for name in self._disk.listdir(self.folder):
            if len(name) != NAME_DIGITS or not (name.isascii() and name.isdigit()):
                continue
            path = f"{self.folder}/{name}"
            if int(name) % self.segment_size:
                raise StoreError(
                    f"{path} does not start at a multiple of the file size {self.segment_size}: "
                    "set the file size this store was written with, or move the file away"
                )
            self._paths[int(name)] = path
        if not self._paths:
            return
        starts = sorted(self._paths)
        self.start = starts[0]
        self.end = starts[-1] + self.segment_size
        for start in starts:
            self._check_size(start)

    def _check_size(self, start: int) -> None:
        path = self._paths[start]
        size = self._disk.size(path)
        if size == self.segment_size:
            return
        if size > self.segment_size:
            raise StoreError(
                f"{path} has {size} bytes, more than the file size {self.segment_size}: "
                "set the file size this store was written with"
            )
        if self._reads_only:
            return
        # A crash came between creating or cutting the file and giving it its full size.
        self._descriptors.file(self._disk, path).truncate(self.segment_size)
        self._dirty.add(start)

    def _create(self, start: int) -> File:
        assert not self._paths or start == self.end, f"file {start} would not continue {self.folder}, end {self.end}"
        if not self._paths:
            if not self._disk.exists(self.folder):
                self._disk.mkdirs(self.folder, durable=False)
                self._dirty_folders = parents_of(self.folder)
            self.start = start
        path = f"{self.folder}/{name_of(start)}"
        file = self._disk.open(path, create=True, size=self.segment_size)
        self._descriptors.put(file)
        self._paths[start] = path
        if self.folder not in self._dirty_folders:
            self._dirty_folders.append(self.folder)
        self.end = start + self.segment_size
        return file

    def _remove(self, start: int) -> None:
        path = self._paths.pop(start)
        self._descriptors.forget(path)
        self._dirty.discard(start)
        self._disk.remove(path)
        self._disk.fsync_dir(self.folder)


def parents_of(folder: str) -> list[str]:
    """The folders whose syncs make this folder's name durable, outermost first; "" is the root."""
    parts = folder.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts))]


def holds_bytes(file: File, offset: int) -> bool:
    """Whether anything but zeros may lie at or beyond `offset`: looks at its block and, beyond that, for holes only."""
    block = file.pread(offset, BLOCK_BYTES - offset % BLOCK_BYTES)
    return block.count(0) != len(block) or file.next_stored(offset + len(block)) is not None


def name_of(start: int) -> str:
    """The name of the file that starts at this offset (MappedFileQueue, UtilAll#offset2FileName)."""
    return f"{start:0{NAME_DIGITS}d}"
