"""Small state as one JSON file each, replaced as a whole so that a crash leaves the old content or the new one.

```
config/topics.json       the content
config/topics.json.bak   the content before it, read if the first is missing or broken (ConfigManager)
config/topics.json.tmp   being written; means nothing after a crash
```

A broken file is never deleted: when the one before it can be read, it is renamed to `.corrupt` and stays for a
person to look at. When neither can be read, starting with an empty table would forget what clients were promised,
so that is refused; and so it is when there are messages but no trace of a table that every store with messages has.
"""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from pocketmq.model.errors import PocketMQError, StoreError
from pocketmq.store.disk import Disk

FOLDER = "config"

Table = TypeVar("Table")


def table_path(name: str) -> str:
    """Where the table of this name lies."""
    return f"{FOLDER}/{name}.json"


def save_table(disk: Disk, name: str, content: bytes) -> None:
    """Replace the table durably; after any failure the old content is still what `load_table` finds."""
    path = table_path(name)
    disk.mkdirs(FOLDER)
    file = disk.open(f"{path}.tmp", create=True)
    try:
        file.truncate(0)
        file.pwrite(0, content)
        file.sync()
    finally:
        file.close()
    if disk.exists(path):
        disk.rename(path, f"{path}.bak")
    disk.rename(f"{path}.tmp", path)
    disk.fsync_dir(FOLDER)


class Loaded(NamedTuple, Generic[Table]):
    """A table and where it came from."""

    table: Table | None
    path: str | None
    """The file that was read, None if there never was one."""

    complaint: str
    """Why that is not the newest, and where the newest lies now; empty if it is."""


def load_table(disk: Disk, name: str, decode: Callable[[bytes], Table], *, must_exist: bool) -> Loaded[Table]:
    """What `decode` makes of the table. Raises StoreError if none of its files can be used.

    `decode` says that it cannot by raising ValueError or a PocketMQError. `must_exist`: that there never was a table
    is not believed, and refused too.
    """
    path = table_path(name)
    corrupt = f"{path}.corrupt"
    if not disk.exists(path) and not disk.exists(f"{path}.bak"):
        if disk.exists(corrupt):
            raise StoreError(
                f"{path} is missing, and {corrupt} shows that it was broken: repair that file and rename it to {path}, "
                "or move it away to start with an empty table"
            )
        if must_exist:
            raise StoreError(
                f"{path} is missing, though there are messages in the log: put a copy of it in place, or write {{}} "
                "into it to start with an empty table"
            )
        return Loaded(None, None, "")
    failures = []
    for candidate in (path, f"{path}.bak"):
        if not disk.exists(candidate):
            failures.append(f"{candidate} is missing")
            continue
        try:
            table = decode(_content(disk, candidate))
        except (ValueError, PocketMQError) as failure:
            failures.append(f"{candidate} is broken ({failure})")
            continue
        complaint = ""
        if failures:
            complaint = f"{failures[0]}: started with the older {candidate}"
            if disk.exists(path):
                complaint += f", and kept the broken one as {_set_aside(disk, path, corrupt)}"
        return Loaded(table, candidate, complaint)
    remedy = f"put a good copy in place of {path}, or move both away to start with an empty table"
    if must_exist:
        remedy = f"put a good copy in place of {path}, or write {{}} into it to start with an empty table"
    raise StoreError(f"{' and '.join(failures)}: {remedy}")


def _content(disk: Disk, path: str) -> bytes:
    file = disk.open(path)
    try:
        content = file.pread(0, file.size)
    finally:
        file.close()
    if not content:
        raise ValueError("it is empty")
    return content


def _set_aside(disk: Disk, path: str, corrupt: str) -> str:
    target = corrupt
    number = 1
    while disk.exists(target):
        number += 1
        target = f"{corrupt}.{number}"
    disk.rename(path, target)
    disk.fsync_dir(FOLDER)
    return target
