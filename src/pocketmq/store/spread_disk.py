"""The POSIX disk when the commit log lies elsewhere: in a folder of its own, or spread over several disks.

```
root/consumequeue  root/index  root/checkpoint …          as ever
commitlog/00000000000000000000 ─▶ first place   commitlog/00000000001073741824 ─▶ second place   and so on in turn
```

Only the folder `commitlog` is looked at. It is all its places together; a file is in the place that has it, and a new
one goes to the place whose turn it is among those with room (MultiPathMappedFileQueue). A place for reading only gets
no new file; files in it are read, and deleted when their time has come.
"""

import os
from dataclasses import dataclass

from pocketmq.model.errors import StoreError
from pocketmq.store.commit_log import LOG_FOLDER
from pocketmq.store.disk import PosixDisk, PosixFile, checked


@dataclass(frozen=True, slots=True)
class LogPlaces:
    """Absolute folders of the commit log, sorted as Java sorts them; `full_above` is the used part, 0.0 to 1.0, above
    which a place gets no new file while another has room (diskSpaceCleanForciblyRatio)."""

    writable: tuple[str, ...]
    read_only: tuple[str, ...] = ()
    file_bytes: int = 1 << 30
    full_above: float = 0.85

    @property
    def all(self) -> tuple[str, ...]:
        """Those that get new files, then the others."""
        return self.writable + self.read_only


class SpreadDisk(PosixDisk):
    """`root`, with `commitlog` in its places. StoreError where these cannot be the whole log."""

    def __init__(self, root: str, places: LogPlaces, *, reads_only: bool = False) -> None:
        super().__init__(root, reads_only=reads_only)
        self._places = places
        self._homes: dict[str, str] = {}
        if not places.writable:
            raise StoreError("storePathCommitLog names no folder but those of readOnlyCommitLogStorePaths; add one")
        self._find_homes()
        self._refuse_forgotten(os.path.join(self.root, LOG_FOLDER))
        missing = [place for place in places.all if not os.path.isdir(place)]
        if missing and self._homes:
            raise StoreError(
                f"{missing[0]} is not there, and other folders hold log files: mount its disk, "
                "or make the folder if it is new"
            )
        if not reads_only:
            for place in missing:
                os.makedirs(place, 0o755)
                _sync_names(os.path.dirname(place))

    def _find_homes(self) -> None:
        for place in self._places.all:
            for name in _names_in(place):
                if other := self._homes.get(name):
                    raise StoreError(f"{other} and {place} both hold the log file {name}: move one of the two away")
                self._homes[name] = place

    def _refuse_forgotten(self, usual: str) -> None:
        if usual in map(os.path.realpath, self._places.all) or usual in self._places.all:
            return
        if names := _names_in(usual):
            raise StoreError(
                f"{usual} holds the log file {names[0]}, and storePathCommitLog does not name it: "
                "name it, or move its files to a folder that is named"
            )

    def place(self, path: str) -> str:
        """Where a path of this disk is for the operating system; for a log file that is not there yet, will be."""
        folder, _, name = checked(path).partition("/")
        if folder != LOG_FOLDER:
            return super().place(path)
        return os.path.join(self._homes.get(name) or self._next_place(name), name) if name else self._places.writable[0]

    def _next_place(self, name: str) -> str:
        """Where a file that is not there yet belongs."""
        places = self._places.writable
        roomy = [place for place in places if 1.0 - _free_ratio(place) <= self._places.full_above] or places
        turn = int(name) // self._places.file_bytes if name.isascii() and name.isdigit() else 0
        return roomy[turn % len(roomy)]

    def open(self, path: str, create: bool = False, size: int | None = None) -> PosixFile:
        file = super().open(path, create, size)
        folder, _, name = path.partition("/")
        if folder == LOG_FOLDER and name not in self._homes:
            self._find_new(name)
        return file

    def _find_new(self, name: str) -> None:
        for place in self._places.all:
            if os.path.exists(os.path.join(place, name)):
                self._homes[name] = place

    def exists(self, path: str) -> bool:
        if path == LOG_FOLDER:
            return all(map(os.path.isdir, self._places.all))
        return super().exists(path)

    def listdir(self, path: str) -> list[str]:
        if path != LOG_FOLDER:
            return super().listdir(path)
        return sorted(name for place in self._places.all if os.path.isdir(place) for name in os.listdir(place))

    def mkdirs(self, path: str, *, durable: bool = True) -> None:
        if path != LOG_FOLDER:
            super().mkdirs(path, durable=durable)

    def remove(self, path: str) -> None:
        super().remove(path)
        self._homes.pop(path.removeprefix(f"{LOG_FOLDER}/"), None)

    def fsync_dir(self, path: str) -> None:
        if path != LOG_FOLDER:
            super().fsync_dir(path)
            return
        for place in self._places.all:
            _sync_names(place)

    def sync_all(self) -> None:
        super().sync_all()
        devices = {os.stat(self.root).st_dev}
        for place in self._places.all:
            device = os.stat(place).st_dev
            if device not in devices:
                devices.add(device)
                PosixDisk(place).sync_all()

    def free_ratio(self) -> float:
        """That of the root's disk, or of the roomiest place for log files if that is less."""
        return min(super().free_ratio(), max(map(_free_ratio, self._places.writable)))


def _names_in(folder: str) -> list[str]:
    """The files in it; none if there is no such folder."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except FileNotFoundError:
        return []


def _free_ratio(folder: str) -> float:
    return PosixDisk(folder).free_ratio()


def _sync_names(folder: str) -> None:
    PosixDisk(folder).fsync_dir("")
