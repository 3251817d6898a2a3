"""How far the store was flushed: Java's `checkpoint` file, and a watermark of our own beside it.

```
checkpoint   4096 bytes: six big-endian 64-bit numbers, then zeros (StoreCheckpoint)
             0 physicMsgTimestamp    8 logicsMsgTimestamp   16 indexMsgTimestamp
             24 masterFlushedOffset  32 confirmPhyOffset    40 logicsPhysicalOffset
durable      16 bytes: a log offset below which every byte was on disk, then the CRC of its 8 bytes
```

Both are hints written now and then, never proof of anything newer: recovery starts from what it can verify and
uses these to know how far back it must look, and from which offset on a bad record may be a torn write.
"""

import struct
import zlib
from dataclasses import astuple, dataclass

from pocketmq.store.disk import Disk

CHECKPOINT_PATH = "checkpoint"
CHECKPOINT_SIZE = 4096
"""StoreCheckpoint: DefaultMappedFile.OS_PAGE_SIZE."""

DURABLE_PATH = "durable"

_NUMBERS = struct.Struct(">6q")
_DURABLE = struct.Struct(">qQ")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The six numbers of StoreCheckpoint; the first three are store timestamps in ms, the rest log offsets."""

    log_timestamp: int = 0
    queue_timestamp: int = 0
    index_timestamp: int = 0
    master_flushed_offset: int = 0
    confirm_offset: int = 0
    queue_log_offset: int = 0


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The file's content."""
    return _NUMBERS.pack(*astuple(checkpoint)).ljust(CHECKPOINT_SIZE, b"\0")


def decode_checkpoint(content: bytes) -> Checkpoint:
    """What the file says; one that cannot be a checkpoint says nothing was ever flushed."""
    if len(content) < _NUMBERS.size:
        return Checkpoint()
    checkpoint = Checkpoint(*_NUMBERS.unpack_from(content))
    return checkpoint if min(astuple(checkpoint)) >= 0 else Checkpoint()


def load_checkpoint(disk: Disk) -> Checkpoint:
    """The checkpoint of this store, all zero if there is none."""
    return decode_checkpoint(_content(disk, CHECKPOINT_PATH, CHECKPOINT_SIZE))


def save_checkpoint(disk: Disk, checkpoint: Checkpoint) -> None:
    """Write and sync; the numbers lie in one sector, so a crash leaves the old six or the new."""
    is_new = not disk.exists(CHECKPOINT_PATH)
    file = disk.open(CHECKPOINT_PATH, create=True, size=CHECKPOINT_SIZE)
    try:
        file.pwrite(0, encode_checkpoint(checkpoint))
        file.sync()
    finally:
        file.close()
    if is_new:
        disk.fsync_dir("")


def load_durable_offset(disk: Disk) -> int | None:
    """The watermark, or None if it was never written or does not match its CRC."""
    content = _content(disk, DURABLE_PATH, _DURABLE.size)
    if len(content) < _DURABLE.size:
        return None
    log_offset, crc = _DURABLE.unpack(content)
    return log_offset if log_offset >= 0 and crc == zlib.crc32(content[:8]) else None


def save_durable_offset(disk: Disk, log_offset: int) -> None:
    """Say that the log is durable below `log_offset`. Not synced: an older watermark is true as well."""
    start = log_offset.to_bytes(8, "big")
    file = disk.open(DURABLE_PATH, create=True, size=_DURABLE.size)
    try:
        file.pwrite(0, _DURABLE.pack(log_offset, zlib.crc32(start)))
    finally:
        file.close()


def establish_durable_offset(disk: Disk, log_offset: int) -> None:
    """Write the watermark and sync it with its name: a store without one passes for a store that Java wrote."""
    save_durable_offset(disk, log_offset)
    file = disk.open(DURABLE_PATH)
    try:
        file.sync()
    finally:
        file.close()
    disk.fsync_dir("")


def _content(disk: Disk, path: str, size: int) -> bytes:
    if not disk.exists(path):
        return b""
    file = disk.open(path)
    try:
        return file.pread(0, size)
    finally:
        file.close()
