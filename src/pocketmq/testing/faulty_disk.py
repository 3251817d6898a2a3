"""Wraps any disk so that chosen calls fail, write in part or elsewhere, lie, come late, or read flipped bits."""

import errno
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from pocketmq.store.disk import Content, Disk, File
from pocketmq.testing.memory_disk import MemoryFile

READING_CALLS = frozenset(
    {"open", "exists", "listdir", "size", "free_ratio", "pread", "readinto_nowait", "next_stored"}
)


class PowerCut(BaseException):
    """Not an error that code may handle: the machine is gone at this call."""


class Lie(Enum):
    """What a disk does that reports success."""

    LOST = "lost"
    """A `pwrite`, `sync`, `fsync_dir` or other change is not carried out."""
    MISDIRECTED = "misdirected"
    """A `pwrite` lands `moved` bytes further on."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at the `nth` (from 1) call of this kind on a path that contains `path`, and ever after if `lasting`.

    `call` is a method's name, `create` for an open that may make a file, or `change` for any call that alters the
    disk. `effect` is an errno, `PowerCut`, or a `Lie`. A `pwrite` writes its first `written` bytes before it fails. A
    `sync` that `loses` gives up what was to be synced, as Linux does after a failed write-back; on a memory disk only.
    """

    call: str
    nth: int = 1
    effect: int | type[PowerCut] | Lie = errno.EIO
    path: str = ""
    lasting: bool = False
    written: int = 0
    moved: int = 0
    loses: bool = False


class FaultyDisk:
    """The disk behind it, with faults; each fault counts the calls made since it was added."""

    def __init__(self, disk: Disk, *faults: Fault) -> None:
        self.disk = disk
        self.calls: Counter[str] = Counter()
        """How often each call, and `change`, has been made."""
        self.lying_sync = False
        """Whether `sync` and `fsync_dir` return without doing anything."""
        self.before_call: Callable[[str, str], None] = lambda call, path: None
        """Called with each call and its path before anything else: a slow disk is one that moves a manual clock."""
        self._counts: dict[Fault, int] = {}
        self._flips: dict[str, list[tuple[int, int]]] = {}
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """Arm one more fault."""
        self._counts[fault] = 0

    def heal(self, *, but: type[PowerCut] | None = None) -> None:
        """Disarm all faults, `but` not those of this effect; flipped bits stay."""
        self._counts = {fault: count for fault, count in self._counts.items() if but and fault.effect is but}

    def flip(self, path: str, offset: int, mask: int = 1) -> None:
        """From now on the byte at `offset` of this file reads with the bits of `mask` inverted."""
        self._flips.setdefault(path, []).append((offset, mask))

    def meet(self, call: str, path: str) -> Fault | None:
        """Count this call; the fault that strikes it, if any."""
        self.before_call(call, path)
        kinds = (call,) if call in READING_CALLS else (call, "change")
        self.calls.update(kinds)
        struck = None
        for fault, count in self._counts.items():
            if fault.call in kinds and fault.path in path:
                self._counts[fault] = count + 1
                if count + 1 == fault.nth or (fault.lasting and count + 1 > fault.nth):
                    struck = fault
        return struck

    def seen(self, path: str, offset: int, content: bytes) -> bytes:
        """The bytes as they read, with this file's flipped bits."""
        flips = self._flips.get(path)
        if not flips:
            return content
        changed = bytearray(content)
        for at, mask in flips:
            if 0 <= at - offset < len(changed):
                changed[at - offset] ^= mask
        return bytes(changed)

    def open(self, path: str, create: bool = False, size: int | None = None) -> "FaultyFile":
        self._happens("create" if create else "open", path)
        return FaultyFile(self, self.disk.open(path, create, size))

    def exists(self, path: str) -> bool:
        self._happens("exists", path)
        return self.disk.exists(path)

    def listdir(self, path: str) -> list[str]:
        self._happens("listdir", path)
        return self.disk.listdir(path)

    def mkdirs(self, path: str, *, durable: bool = True) -> None:
        if self._happens("mkdirs", path):
            self.disk.mkdirs(path, durable=durable)

    def remove(self, path: str) -> None:
        if self._happens("remove", path):
            self.disk.remove(path)

    def remove_tree(self, path: str) -> None:
        if self._happens("remove_tree", path):
            self.disk.remove_tree(path)

    def rename(self, old: str, new: str) -> None:
        if self._happens("rename", old):
            self.disk.rename(old, new)

    def fsync_dir(self, path: str) -> None:
        if self._happens("fsync_dir", path) and not self.lying_sync:
            self.disk.fsync_dir(path)

    def sync_all(self) -> None:
        if self._happens("sync_all", "") and not self.lying_sync:
            self.disk.sync_all()

    def size(self, path: str) -> int:
        self._happens("size", path)
        return self.disk.size(path)

    def free_ratio(self) -> float:
        self._happens("free_ratio", "")
        return self.disk.free_ratio()

    def _happens(self, call: str, path: str) -> bool:
        fault = self.meet(call, path)
        if fault is not None:
            strike(fault, path)
        return fault is None


class FaultyFile:
    """A file of a `FaultyDisk`."""

    __slots__ = ("_disk", "_file")

    def __init__(self, disk: FaultyDisk, file: File) -> None:
        self._disk = disk
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
        self._happens("pread")
        return self._disk.seen(self.path, offset, self._file.pread(offset, size))

    def readinto_nowait(self, buffer: memoryview, offset: int) -> int | None:
        self._happens("readinto_nowait")
        count = self._file.readinto_nowait(buffer, offset)
        if count:
            buffer[:count] = self._disk.seen(self.path, offset, bytes(buffer[:count]))
        return count

    def next_stored(self, offset: int) -> int | None:
        self._happens("next_stored")
        return self._file.next_stored(offset)

    def pwrite(self, offset: int, content: Content) -> None:
        fault = self._disk.meet("pwrite", self.path)
        if fault is None:
            self._file.pwrite(offset, content)
            return
        if fault.written:
            self._file.pwrite(offset, memoryview(content)[: fault.written])
        if fault.effect is Lie.MISDIRECTED:
            self._file.pwrite(offset + fault.moved, content)
        strike(fault, self.path)

    def truncate(self, size: int) -> None:
        if self._happens("truncate"):
            self._file.truncate(size)

    def sync(self) -> None:
        fault = self._disk.meet("sync", self.path)
        if fault is not None:
            if fault.loses and isinstance(self._file, MemoryFile):
                self._file.lose_unsynced()
            strike(fault, self.path)
        elif not self._disk.lying_sync:
            self._file.sync()

    def close(self) -> None:
        self._file.close()

    def _happens(self, call: str) -> bool:
        fault = self._disk.meet(call, self.path)
        if fault is not None:
            strike(fault, self.path)
        return fault is None


def strike(fault: Fault, path: str) -> None:
    """Fail as the fault says; a lie does not fail."""
    if isinstance(fault.effect, Lie):
        return
    if isinstance(fault.effect, int):
        raise OSError(fault.effect, os.strerror(fault.effect), path)
    raise fault.effect(f"power cut at {fault.call} of {path}")
