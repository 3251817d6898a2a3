"""Cuts the records that queue entries name out of a stretch of the log, and looks whether they are sound (⚡).

record   int32 size   int32 magic   int32 body CRC   ...   28: int64 own log offset   36: int32 system flags   ...
         84: int32 body length   body   topic   properties              (12 bytes more for each host that is IPv6)
"""

from zlib import crc32

try:
    import cython
except ModuleNotFoundError:  # Without Cython this file runs as plain Python.
    from pocketmq.model import uncompiled as cython  # type: ignore[no-redef]

from pocketmq.protocol.checksums import LONG_BYTES
from pocketmq.protocol.checksums import crc32 as crc32_of_long
from pocketmq.protocol.record import MAGIC_START, Scanned, scan
from pocketmq.store.consume_queue import ENTRY_BYTES, Entry, unpack_entries

_entry_bytes = cython.declare(cython.Py_ssize_t, ENTRY_BYTES)
_body_at = cython.declare(cython.longlong, 88)
_long_bytes = cython.declare(cython.longlong, LONG_BYTES)
_v6_extra = cython.declare(cython.longlong, 12)


def is_sound(record: bytes, entry: Entry, checked_below: int) -> bool:
    """Whether these bytes are the record that the entry means; its body's CRC counts below `checked_below`."""
    if len(record) != entry.size:
        return False
    found = scan(record, 0, entry.log_offset, entry.log_offset < checked_below)
    return isinstance(found, Scanned) and found.size == entry.size


def cut(
    whole: bytearray,
    count: cython.longlong,
    first: cython.longlong,
    wanted: cython.longlong,
    entries: bytes,
    checked_below: cython.longlong,
) -> bytes | bytearray | None:
    """The entries' records out of the `count` bytes in `whole`, which start at `first`; None if one is not there."""
    at: cython.Py_ssize_t
    start: cython.longlong
    size: cython.longlong
    i: cython.longlong
    done: cython.longlong = 0
    if not cython.compiled:
        return _cut_plainly(whole, count, first, entries, checked_below)
    if wanted < 0 or wanted > count:
        return None
    found = bytearray(wanted)
    p: cython.p_uchar = found
    q: cython.p_uchar = whole
    at = 0
    while at < len(entries):
        start = offset_at(entries, at) - first
        size = size_at(entries, at)
        if start < 0 or size < 0 or start + size > count or done + size > wanted:
            return None
        if not _is_sound_at(q + start, size, first + start, first + start < checked_below):
            return None
        for i in range(size):
            p[done + i] = q[start + i]
        done += size
        at += _entry_bytes
    return found


@cython.cfunc
def _is_sound_at(
    p: cython.p_uchar, size: cython.longlong, log_offset: cython.longlong, checks_body: cython.bint
) -> cython.bint:
    body_at: cython.longlong = _body_at
    body_size: cython.longlong
    body: bytes
    checksum: cython.uint
    if size <= body_at or p[4] != 0xDA or p[5] != 0xA3 or p[6] != 0x20:
        return False
    if _get32(p) != size or ((_get32(p + 28) << 32) | _get32(p + 32)) != log_offset:
        return False
    if not checks_body:
        return True
    body_at += (_v6_extra if p[39] & 16 else 0) + (_v6_extra if p[39] & 32 else 0)
    if body_at >= size:
        return False
    body_size = _get32(p + body_at - 4)
    if body_at + body_size > size:
        return False
    if body_size == 0:
        return True
    body = p[body_at : body_at + body_size]
    checksum = crc32(body) if body_size < _long_bytes else crc32_of_long(body)
    return (checksum & 0x7FFFFFFF) == _get32(p + 8)


def _cut_plainly(whole: bytearray, count: int, first: int, entries: bytes, checked_below: int) -> bytes | None:
    parts: list[bytes] = []
    for log_offset, size, _ in unpack_entries(entries):
        at = log_offset - first
        if at < 0 or size < 0 or at + size > count:
            return None
        record = bytes(whole[at : at + size])
        if record[4:7] != MAGIC_START or record[:4] != size.to_bytes(4, "big"):
            return None
        if record[28:36] != log_offset.to_bytes(8, "big", signed=True):
            return None
        if log_offset < checked_below and not isinstance(scan(record, 0, log_offset), Scanned):
            return None
        parts.append(record)
    return b"".join(parts)


def offset_at(entries: bytes, at: cython.Py_ssize_t) -> cython.longlong:
    """The log offset in the packed entry at `at`."""
    p: cython.p_const_uchar
    value: cython.ulonglong = 0
    i: cython.Py_ssize_t
    if not cython.compiled:
        return int.from_bytes(entries[at : at + 8], "big", signed=True)
    p = entries
    for i in range(8):
        value = (value << 8) | p[at + i]
    return cython.cast(cython.longlong, value)


def size_at(entries: bytes, at: cython.Py_ssize_t) -> cython.longlong:
    """The record's size in the packed entry at `at`."""
    p: cython.p_const_uchar
    value: cython.uint = 0
    i: cython.Py_ssize_t
    if not cython.compiled:
        return int.from_bytes(entries[at + 8 : at + 12], "big", signed=True)
    p = entries
    for i in range(8, 12):
        value = (value << 8) | p[at + i]
    return cython.cast(cython.longlong, cython.cast(cython.int, value))


def bytes_of(entries: bytes) -> cython.longlong:
    """What all their records take."""
    at: cython.Py_ssize_t = 0
    total: cython.longlong = 0
    if not cython.compiled:
        return sum([entry.size for entry in unpack_entries(entries)])
    while at < len(entries):
        total += size_at(entries, at)
        at += _entry_bytes
    return total


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _get32(p: cython.p_uchar) -> cython.longlong:
    """A word without its sign."""
    return (
        (cython.cast(cython.longlong, p[0]) << 24)
        | (cython.cast(cython.longlong, p[1]) << 16)
        | (cython.cast(cython.longlong, p[2]) << 8)
        | cython.cast(cython.longlong, p[3])
    )
