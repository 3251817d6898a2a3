"""The one key index file that is being written (⚡), its slots in memory.

Pages of the slot table that were never touched take no room. New entries gather in a buffer beside it. `flush` writes
entries first, in one call, then the 4-KiB pages of slots that changed, then the header; so whatever a kill leaves, the
header counts only entries that are there, and slots may point beyond its count.
"""

# mypy: disable-error-code="import-untyped,untyped-decorator,no-any-return"

import mmap
import struct
from array import array
from collections.abc import Sequence
from typing import Any

try:
    import cython
except ModuleNotFoundError:  # Without Cython this file runs as plain Python.
    from pocketmq.model import uncompiled as cython  # type: ignore[no-redef]

from pocketmq.model.java import java_string_hash
from pocketmq.model.limits import INDEX_ENTRIES_PENDING_MAX
from pocketmq.store.index_file import ENTRY_BYTES, HEADER_BYTES, SLOT_BYTES, Header, IndexEntry, IndexFile, decode_entry
from pocketmq.store.plain_index import code_of_topic, hash_on_slowly, put_all_plainly

# As C numbers where compiled: with Python numbers here a put takes 180 ns, so it takes 60 (2-core AMD EPYC).
_ENTRY_SIZE = cython.declare(cython.longlong, ENTRY_BYTES)
_SLOT_SIZE = cython.declare(cython.longlong, SLOT_BYTES)
_HEADER_SIZE = cython.declare(cython.longlong, HEADER_BYTES)
_PAGE = cython.declare(cython.longlong, 4096)
_PENDING_MAX = cython.declare(cython.longlong, INDEX_ENTRIES_PENDING_MAX)
_SECONDS_MAX = cython.declare(cython.longlong, 0x7FFFFFFF)
_PAGES_BETWEEN_MAX = 8
"""Clean pages written along with dirty ones around them, where that saves a system call."""
_READ_BYTES = 1 << 20
_SLOT_IN = struct.Struct(">i").unpack_from
_PUT_SLOT = struct.Struct(">i").pack_into
_PUT_ENTRY = struct.Struct(">iqii").pack_into


@cython.ccall
def hash_on(code: cython.longlong, text: bytes) -> cython.longlong:
    """The 32 bits of `String.hashCode` of what `code` stands for followed by `text`; negative if not all is ASCII."""
    if code < 0:
        return code
    p: cython.p_const_uchar = text
    i: cython.Py_ssize_t
    bits: cython.uint = code
    seen: cython.uchar = 0
    for i in range(len(text)):
        bits = bits * 31 + p[i]
        seen |= p[i]
    return -2 if seen & 0x80 else cython.cast(cython.longlong, bits)


if not cython.compiled:
    hash_on = hash_on_slowly


@cython.ccall
def absolute(code: cython.longlong) -> cython.longlong:
    """`Math.abs` of a hash code's 32 bits, 0 for the one that has no positive (IndexFile#indexKeyHashMethod)."""
    if code < 0x80000000:
        return code
    return (0x100000000 - code) & 0x7FFFFFFF


def key_hash_of(topic: bytes, key: bytes) -> int:
    """The hash that an entry for `topic#key` carries."""
    code: cython.longlong = hash_on(hash_on(0, topic + b"#"), key)
    if code < 0:
        code = java_string_hash((topic + b"#" + key).decode("utf-8", "replace")) & 0xFFFFFFFF
    return absolute(code)


def keys_of(unique_key: bytes, keys: bytes) -> list[bytes]:
    """What one record is found by: its unique key, then its KEYS split at blanks (IndexService#buildIndex)."""
    found = [unique_key] if unique_key else []
    if keys:
        found += [key for key in keys.split(b" ") if key]
    return found


@cython.cclass
class ActiveIndex:
    """The slots, the header and the entries not yet written of `index`, an open file with a sound header."""

    count = cython.declare(cython.longlong, visibility="public")
    begin_timestamp = cython.declare(cython.longlong, visibility="public")
    end_timestamp = cython.declare(cython.longlong, visibility="public")
    begin_log_offset = cython.declare(cython.longlong, visibility="public")
    end_log_offset = cython.declare(cython.longlong, visibility="public")
    index = cython.declare(object, visibility="public")
    unflushed = cython.declare(cython.bint, visibility="public")
    unsynced = cython.declare(cython.bint, visibility="public")
    slots_used = cython.declare(cython.longlong, visibility="public")
    slots_max = cython.declare(cython.longlong, visibility="public")
    entries_max = cython.declare(cython.longlong, visibility="public")
    pending_count = cython.declare(cython.Py_ssize_t, visibility="public")
    pending = cython.declare(bytearray, visibility="public")
    dirty = cython.declare(bytearray, visibility="public")
    slots = cython.declare(object, visibility="public")
    _p = cython.declare(cython.p_uchar)

    def __init__(self, index: IndexFile) -> None:
        self.index = index
        header: Header = index.header
        self.count = header.count
        self.begin_timestamp = header.begin_timestamp
        self.end_timestamp = header.end_timestamp
        self.begin_log_offset = header.begin_log_offset
        self.end_log_offset = header.end_log_offset
        self.unflushed = False
        self.unsynced = False
        self.slots_used = header.slots_used
        self.slots_max, self.entries_max = index.shape
        self.pending = bytearray(_PENDING_MAX * _ENTRY_SIZE)
        self.pending_count = 0
        self.dirty = bytearray((_HEADER_SIZE + self.slots_max * _SLOT_SIZE) // _PAGE + 1)
        self.slots = mmap.mmap(-1, self.slots_max * _SLOT_SIZE)
        if cython.compiled:
            view: cython.uchar[::1] = self.slots  # type: ignore[type-arg, valid-type]
            self._p = cython.address(view[0])  # type: ignore[index]
        if header.count > 1:
            self._load_slots()

    def _load_slots(self) -> None:
        table = self.index.shape.slot_position(0)
        size: cython.longlong = self.slots_max * _SLOT_SIZE
        at: cython.longlong = 0
        while at < size:
            stored = self.index.file.next_stored(table + at)
            if stored is None or stored >= table + size:
                return
            at = stored - table
            content = self.index.file.pread(stored, min(_READ_BYTES, size - at))
            self.slots[at : at + len(content)] = content
            at += len(content)

    @property
    def is_full(self) -> bool:
        """Whether the next entry needs a new file."""
        return self.count >= self.entries_max

    def header(self) -> Header:
        """The header as it would be written now."""
        return Header(
            self.begin_timestamp,
            self.end_timestamp,
            self.begin_log_offset,
            self.end_log_offset,
            self.slots_used,
            self.count,
        )

    @cython.ccall
    def put(
        self, key_hash: cython.longlong, log_offset: cython.longlong, store_timestamp: cython.longlong
    ) -> cython.bint:
        """Add an entry (IndexFile#putKey); false if the file is full. Writes when the buffer is full: OSError."""
        at: cython.longlong
        place: cython.Py_ssize_t
        p: cython.p_uchar
        before: cython.longlong
        seconds: cython.longlong = 0
        count: cython.longlong = self.count  # Plain Python reads an attribute as slowly as it adds two numbers.
        pending: cython.Py_ssize_t = self.pending_count
        begin: cython.longlong = self.begin_timestamp
        if count >= self.entries_max:
            return False
        if pending >= _PENDING_MAX:
            self.write_entries()
            pending = 0
        at = key_hash % self.slots_max * _SLOT_SIZE
        before = self._slot_at(at) if cython.compiled else _SLOT_IN(self.slots, at)[0]
        if before < 0 or before >= count:
            before = 0
        if 0 < begin < store_timestamp:
            seconds = (store_timestamp - begin) // 1000
            if seconds > _SECONDS_MAX:
                seconds = _SECONDS_MAX
        place = pending * _ENTRY_SIZE
        if cython.compiled:
            p = self.pending
            p = p + place
            _put32(p, key_hash)
            _put32(p + 4, log_offset >> 32)
            _put32(p + 8, log_offset)
            _put32(p + 12, seconds)
            _put32(p + 16, before)
            _put32(self._p + at, count)
        else:
            _PUT_ENTRY(self.pending, place, key_hash, log_offset, seconds, before)
            _PUT_SLOT(self.slots, at, count)
        self.dirty[(_HEADER_SIZE + at) // _PAGE] = 1
        self.pending_count = pending + 1
        if count <= 1:
            self.begin_log_offset = log_offset
            self.begin_timestamp = store_timestamp
        if before == 0:
            self.slots_used += 1
        self.count = count + 1
        self.end_log_offset = log_offset
        self.end_timestamp = store_timestamp
        self.unflushed = True
        return True

    def put_all(self, dispatches: Sequence[Any], start: cython.Py_ssize_t) -> int:
        """Put the keys of `dispatches[start:]` (see `commit_log.Dispatch`); where it stopped for want of room.

        Records that are indexed already are passed over.
        """
        position: cython.Py_ssize_t
        dispatch: tuple[Any, ...]
        unique_key: bytes
        keys: bytes
        topic: bytes
        log_offset: cython.longlong
        if not cython.compiled:
            start = put_all_plainly(self, dispatches, start, key_hash_of)
        for position in range(start, len(dispatches)):
            dispatch = dispatches[position]
            unique_key = dispatch[7]
            keys = dispatch[8]
            log_offset = dispatch[2]
            if log_offset <= self.end_log_offset or not (unique_key or keys):
                continue
            topic = dispatch[6]
            if not self.put_keys(topic, unique_key, keys, log_offset, dispatch[5]):
                return position
        return len(dispatches)

    @cython.ccall
    def put_keys(
        self,
        topic: bytes,
        unique_key: bytes,
        keys: bytes,
        log_offset: cython.longlong,
        store_timestamp: cython.longlong,
    ) -> cython.bint:
        """Put all keys of one record, or none and false if the file has no room for all."""
        code: cython.longlong
        topic_code: cython.longlong
        topic_code = hash_on(hash_on(0, topic), b"#") if cython.compiled else code_of_topic(topic)
        if self.count + 1 + (keys.count(b" ") + 1 if keys else 0) > self.entries_max:
            return False
        if unique_key:
            code = hash_on(topic_code, unique_key)
            self.put(absolute(code) if code >= 0 else key_hash_of(topic, unique_key), log_offset, store_timestamp)
        if keys:
            for key in keys.split(b" "):
                if key:
                    code = hash_on(topic_code, key)
                    self.put(absolute(code) if code >= 0 else key_hash_of(topic, key), log_offset, store_timestamp)
        return True

    @cython.cfunc
    @cython.inline
    def _slot_at(self, at: cython.longlong) -> cython.longlong:
        if cython.compiled:
            return cython.cast(cython.int, _get32(self._p + at))
        slot: int = _SLOT_IN(self.slots, at)[0]
        return slot

    @cython.cfunc
    @cython.inline
    def _set_slot_at(self, at: cython.longlong, index: cython.longlong) -> cython.void:
        if cython.compiled:
            _put32(self._p + at, index)
        else:
            _PUT_SLOT(self.slots, at, index)
        self.dirty[(_HEADER_SIZE + at) // _PAGE] = 1

    @cython.ccall
    def slot(self, slot: cython.longlong) -> cython.longlong:
        """Index of the newest entry in this slot, 0 if none."""
        return self._slot_at(slot * _SLOT_SIZE)

    @cython.ccall
    def set_slot(self, slot: cython.longlong, index: cython.longlong) -> cython.void:
        """Repair a slot: for recovery."""
        self._set_slot_at(slot * _SLOT_SIZE, index)
        self.unflushed = True

    def clear_slots(self) -> None:
        """Empty all slots: for recovery."""
        self.slots[:] = bytes(len(self.slots))
        self.dirty = bytearray(b"\1" * len(self.dirty))
        self.unflushed = True

    def entry(self, index: int) -> IndexEntry:
        """The entry of this index, written yet or not."""
        waiting = index - (self.count - self.pending_count)
        if waiting < 0:
            return self.index.entry(index)
        return decode_entry(bytes(self.pending[waiting * _ENTRY_SIZE : (waiting + 1) * _ENTRY_SIZE]))

    def flush(self) -> None:
        """Bring everything to the file. After an OSError nothing is forgotten, and a later call writes it all."""
        if not self.unflushed:
            return
        self.write_entries()
        file = self.index.file
        end = self.index.shape.slot_position(self.slots_max)
        with memoryview(self.slots) as slots:
            for start_page, end_page in self._dirty_runs():
                start = max(start_page * _PAGE, _HEADER_SIZE)
                stop = min(end_page * _PAGE, end)
                with slots[start - _HEADER_SIZE : stop - _HEADER_SIZE] as run:
                    file.pwrite(start, run)
        header = self.header()
        file.pwrite(0, header.encode())
        self.index.header = header
        self.dirty = bytearray(len(self.dirty))
        self.unflushed = False

    def write_entries(self) -> None:
        """Bring the new entries to the file, not the slots."""
        self.unsynced = True
        if self.pending_count:
            first = self.count - self.pending_count
            with memoryview(self.pending) as pending:
                self.index.file.pwrite(
                    self.index.shape.entry_position(first), pending[: self.pending_count * _ENTRY_SIZE]
                )
            self.pending_count = 0

    def _dirty_runs(self) -> list[tuple[int, int]]:
        runs: list[tuple[int, int]] = []
        dirty = self.dirty
        start = dirty.find(1)
        while start >= 0:
            end = dirty.find(0, start)
            if end < 0:
                end = len(dirty)
            if runs and start - runs[-1][1] <= _PAGES_BETWEEN_MAX:
                runs[-1] = (runs[-1][0], end)
            else:
                runs.append((start, end))
            start = dirty.find(1, end)
        return runs

    def keep(self, count: int) -> None:
        """Recovery found the entries below `count` sound and has set the slots to match."""
        slots = array("i", self.slots[:])
        self.slots_used = len(slots) - slots.count(0)
        if count < self.count and count > 1:
            self._end_at(count)
        self.count = count
        self.pending_count = 0
        self.unflushed = True

    def cut(self, count: int) -> None:
        """Undo the newest puts until `count` is left."""
        while self.count > count:
            newest = self.entry(self.count - 1)
            self._set_slot_at(newest.key_hash % self.slots_max * _SLOT_SIZE, newest.before)
            if newest.before == 0:
                self.slots_used -= 1
            self.count -= 1
            if self.pending_count:
                self.pending_count -= 1
            self.unflushed = True
        if count > 1:
            self._end_at(count)

    def _end_at(self, count: int) -> None:
        newest = self.entry(count - 1)
        self.end_log_offset = newest.log_offset
        self.end_timestamp = self.begin_timestamp + (newest.seconds * 1000 if count > 2 else 0)

    def close(self) -> None:
        """Close the file; what was not flushed is given up."""
        self.index.file.close()


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _put32(p: cython.p_uchar, value: cython.longlong) -> cython.void:
    p[0] = (value >> 24) & 0xFF
    p[1] = (value >> 16) & 0xFF
    p[2] = (value >> 8) & 0xFF
    p[3] = value & 0xFF


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _get32(p: cython.p_uchar) -> cython.uint:
    return (
        (cython.cast(cython.uint, p[0]) << 24)
        | (cython.cast(cython.uint, p[1]) << 16)
        | (cython.cast(cython.uint, p[2]) << 8)
        | cython.cast(cython.uint, p[3])
    )
