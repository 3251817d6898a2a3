"""The one log that everything else is derived from (⚡): records of all topics, one behind the other.

    commitlog/00000000000000000000   commitlog/00000000001073741824   ...   files of equal size, named by first offset
    record record record blank       record record ^written ^end

`append` lays a record into memory and assigns its offsets. `write` brings a turn's records to the file in one call, so
they survive the process; a sync of `sync_targets` makes them survive the machine. Bytes between `written` and `end`
have been promised to nobody. A record leaves at least 8 bytes free in its file, for the blank that ends it (CommitLog).
"""

try:
    import cython
except ModuleNotFoundError:  # Without Cython this file runs as plain Python.
    from pocketmq.model import uncompiled as cython  # type: ignore[no-redef]

from pocketmq.model.errors import Refusal, StoreError
from pocketmq.model.limits import PROPERTIES_BYTES_MAX
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.record import BLANK_BYTES_MIN, blank
from pocketmq.protocol.record.sealing import seal, with_seal
from pocketmq.store.commit_log.cutting import is_sound
from pocketmq.store.consume_queue import ENTRY_BYTES, Entry, unpack_entries
from pocketmq.store.disk import Disk
from pocketmq.store.segments import DescriptorCache, Segments, SyncTarget

if not cython.compiled:  # Compiled, these come by their C types: see log.pxd.
    from pocketmq.protocol.frame.command import Command
    from pocketmq.protocol.frame.send_header import SendHeader
    from pocketmq.protocol.frame.send_reply import Stored
    from pocketmq.protocol.record import Facts, lay, size_of
    from pocketmq.store.commit_log.cutting import bytes_of, cut, offset_at, size_at
    from pocketmq.store.consume_queue import ConsumeQueue

LOG_FOLDER = "commitlog"

_KEPT_BYTES = 4 << 20
_FRESH_BYTES = 64 << 20
_span_bytes = cython.declare(cython.longlong, 256 << 10)
"""Up to here one read of everything costs less than a call for each record."""

_TRANSACTION_MASK = cython.declare(cython.int, 12)
_TRANSACTION_COMMIT = cython.declare(cython.int, 8)
_entry_bytes = cython.declare(cython.Py_ssize_t, ENTRY_BYTES)
_blank_bytes_min = cython.declare(cython.Py_ssize_t, BLANK_BYTES_MIN)

Dispatch = tuple["ConsumeQueue | None", int, int, int, int, int, bytes, bytes, bytes]
"""(queue, queue offset, log offset, size, tags code, store time, topic, unique key, keys): all that is derived from a
record. The queue is None for a prepared or rolled back one, which no queue shows."""


@cython.cclass
class CommitLog:
    """`start` and `end` bound the log, `written` is what the file holds, `flushed` what a power cut cannot take."""

    def __init__(self, disk: Disk, file_bytes: int, descriptors: DescriptorCache, message_bytes_max: int) -> None:
        self.segments = Segments(disk, LOG_FOLDER, file_bytes, descriptors)
        self.end = self.written = self.flushed = self.segments.start
        self.last_store_timestamp = 0
        self.seals = False
        """Whether each record gets a checksum of all of it (enabledAppendPropCRC)."""
        self.undispatched: list[Dispatch] = []
        self._buffer = bytearray(1 << 20)
        self._size = 0
        self._scratch = bytearray(_span_bytes)
        self._runs: list[tuple[int, bytes]] = []
        self._run_start = self._resumed_at = self.end
        self._file_bytes = file_bytes
        self.limit(message_bytes_max)

    def limit(self, message_bytes_max: int) -> None:
        """Takes no body that is longer, from now on."""
        self.message_bytes_max = message_bytes_max
        # A record that is shorter than this as a whole has no part that could be too long.
        self._unchecked_bytes = min(message_bytes_max, PROPERTIES_BYTES_MAX, self._file_bytes - BLANK_BYTES_MIN)

    @property
    def start(self) -> int:
        """The first offset that is still there."""
        return self.segments.start

    def resume(self, end: int) -> None:
        """Recovery found sound records up to `end`; the next one goes there."""
        self.end = self.written = self.flushed = self._run_start = self._resumed_at = end

    def append_send(
        self,
        queue: ConsumeQueue,
        facts: Facts,
        header: SendHeader,
        properties: bytes,
        command: Command,
        born_host: bytes,
        store_host: bytes,
        now_ms: cython.longlong,
    ) -> Stored:
        """`append` for a plain send, with these `properties` instead of its own: the outcome that answers it."""
        log_offset: cython.longlong
        stored: Stored
        body: bytes
        p: cython.p_const_uchar = command._data
        # `command.body` would be looked up as Python does, 50 ns a message.
        body = p[command._body_start : command._body_end]
        log_offset = self.append(
            queue,
            facts,
            body,
            properties,
            header.flag,
            header.sys_flag,
            header.born_timestamp,
            born_host,
            store_host,
            0,
            0,
            facts.tags_code,
            now_ms,
        )
        if not cython.compiled:
            return Stored(queue.queue_id, queue.next_offset - 1, log_offset, self.end, facts.waits, facts.unique_key)
        stored = Stored.__new__(Stored)
        stored.queue_id = queue.queue_id
        stored.queue_offset = queue.next_offset - 1
        stored.log_offset = log_offset
        stored.log_offset_end = self.end
        stored.waits = facts.waits
        stored.unique_key = facts.unique_key
        return stored

    def append(
        self,
        queue: ConsumeQueue,
        facts: Facts,
        body: bytes,
        properties: bytes,
        flag: cython.int,
        sys_flag: cython.int,
        born_timestamp: cython.longlong,
        born_host: bytes,
        store_host: bytes,
        reconsume_times: cython.int,
        prepared_transaction_offset: cython.longlong,
        tags_code: cython.longlong,
        now_ms: cython.longlong,
    ) -> cython.longlong:
        """Lays the record into this turn's bytes; its log offset. Raises Refusal for a size Java refuses too."""
        topic: bytes = queue.topic_bytes
        kind: cython.int = sys_flag & _TRANSACTION_MASK
        hidden: cython.bint = kind != 0 and kind != _TRANSACTION_COMMIT
        hosts: cython.Py_ssize_t = len(born_host) + len(store_host)
        if self.seals:
            properties = with_seal(properties)
        size: cython.Py_ssize_t = size_of(len(topic), len(body), len(properties), hosts)
        if size > self._unchecked_bytes:
            self.check(size, len(body), len(properties))
        room: cython.longlong = self._file_bytes - self.end % self._file_bytes
        if size + _blank_bytes_min > room:
            self._roll(room)
        self.last_store_timestamp = now_ms = now_ms if now_ms > self.last_store_timestamp else self.last_store_timestamp
        log_offset: cython.longlong = self.end
        queue_offset: cython.longlong = 0 if hidden else queue.next_offset
        lay(
            self._buffer,
            self._size,
            topic,
            queue.queue_id,
            flag,
            queue_offset,
            log_offset,
            sys_flag,
            born_timestamp,
            born_host,
            now_ms,
            store_host,
            reconsume_times,
            prepared_transaction_offset,
            body,
            properties,
        )
        if self.seals:
            seal(self._buffer, self._size, self._size + size)
        self._size += size
        self.end = log_offset + size
        if not hidden:
            queue.next_offset = queue_offset + 1
        self.undispatched.append(
            (
                None if hidden else queue,
                queue_offset,
                log_offset,
                size,
                tags_code,
                now_ms,
                topic,
                b"" if kind == _TRANSACTION_MASK else facts.unique_key,
                b"" if kind == _TRANSACTION_MASK else facts.keys,
            )
        )
        return log_offset

    def check(self, size: int, body_bytes: int, properties_bytes: int) -> None:
        """Raises Refusal for a record that fits into no file, or whose body or properties are longer than allowed."""
        if (
            body_bytes > self.message_bytes_max
            or properties_bytes > PROPERTIES_BYTES_MAX
            or size + BLANK_BYTES_MIN > self._file_bytes
        ):
            raise illegal_size(self.message_bytes_max)

    def _roll(self, room: int) -> None:
        """Ends the current file with a blank; the next record opens the next file."""
        self._buffer[self._size : self._size + BLANK_BYTES_MIN] = blank(room)
        self._runs.append((self._run_start, bytes(self._buffer[: self._size + BLANK_BYTES_MIN])))
        self._size = 0
        self.end += room
        self._run_start = self.end

    def write(self) -> None:
        """Brings all appended bytes to the files. Raises OSError; then call `discard` or give up the log."""
        for start, content in self._runs:
            self.segments.write(start, content)
        if self._size:
            with memoryview(self._buffer) as buffer:
                self.segments.write(self._run_start, buffer[: self._size])
        self._runs.clear()
        self._size = 0
        self.written = self._run_start = self.end
        if len(self._buffer) > _KEPT_BYTES:
            self._buffer = bytearray(1 << 20)

    def discard(self) -> None:
        """Takes back what `write` could not bring to the file: offsets, records and what was to be derived."""
        kept = [dispatch for dispatch in self.undispatched if dispatch[2] < self.written]
        for queue, queue_offset, log_offset, *_ in self.undispatched:
            if queue is not None and log_offset >= self.written and queue_offset < queue.next_offset:
                queue.next_offset = queue_offset
        self.undispatched = kept
        self._runs.clear()
        self._size = 0
        self.end = self._run_start = self.written

    def read(self, log_offset: int, size: int) -> bytes:
        """`size` bytes of what is written; fewer if the log does not reach so far."""
        if log_offset < self.segments.start or log_offset >= self.written or size <= 0:
            return b""
        return self.segments.read(log_offset, min(size, self.written - log_offset))

    def gather_nowait(self, entries: bytes) -> bytes | bytearray | None:
        """The records of these packed queue entries, one behind the other; None if a thread must fetch them.

        That is so where bytes are not in memory, and where a record is not what it should be: `gather` says which.
        Records that lie near each other come by one system call, and what lies between them is left behind.
        """
        if not entries:
            return b""
        last: cython.Py_ssize_t = len(entries) - _entry_bytes
        first: cython.longlong = offset_at(entries, 0)
        wanted: cython.longlong = bytes_of(entries)
        span: cython.longlong = offset_at(entries, last) + size_at(entries, last) - first
        size: cython.longlong = min(span, self.written - first)
        if size <= 0 or first < self.segments.start or (span > _span_bytes and span > wanted * 2):
            return self._one_by_one(entries)
        scratch: bytearray = self._scratch if size <= _span_bytes else bytearray(size)
        with memoryview(scratch)[:size] as place:
            count = self.segments.readinto_nowait(place, first)
        if count is None:
            return None
        found = cut(scratch, count, first, wanted, entries, self.checked_below)
        return found if found is not None else self._one_by_one(entries)

    def _one_by_one(self, entries: bytes) -> bytes | None:
        parts: list[bytes] = []
        for entry in unpack_entries(entries):
            size = min(entry.size, self.written - entry.log_offset)
            if entry.log_offset < self.segments.start:
                continue
            if size <= 0:
                return None
            part = bytearray(size)
            count = self.segments.readinto_nowait(memoryview(part), entry.log_offset)
            if count is None or not is_sound(bytes(part[:count]), entry, self.checked_below):
                return None
            parts.append(bytes(part))
        return b"".join(parts)

    def gather(self, entries: bytes) -> tuple[bytes, list[Entry]]:
        """As `gather_nowait`, waiting for the disk, and the entries whose records are damaged; for the thread.

        A damaged record is left out, so that those behind it can be had. One that has expired meanwhile is no damage.
        Sound ones that lie near each other come by one system call: each more would take the interpreter's lock again.
        """
        if not entries:
            return b"", []
        last: cython.Py_ssize_t = len(entries) - _entry_bytes
        first: cython.longlong = offset_at(entries, 0)
        wanted: cython.longlong = bytes_of(entries)
        span: cython.longlong = offset_at(entries, last) + size_at(entries, last) - first
        if first >= self.segments.start and 0 < span <= max(wanted * 2, _span_bytes):
            whole = bytearray(self.read(first, span))
            found = cut(whole, len(whole), first, wanted, entries, self.end)
            if found is not None:
                return bytes(found), []
        parts: list[bytes] = []
        damaged: list[Entry] = []
        for entry in unpack_entries(entries):
            record = self.read(entry.log_offset, entry.size)
            if is_sound(record, entry, self.end):
                parts.append(record)
            elif entry.log_offset >= self.segments.start:
                damaged.append(entry)
        return b"".join(parts), damaged

    def is_cold(self, entries: bytes) -> bool:
        """Whether the first of these packed queue entries is not of what was written a moment ago."""
        first: cython.longlong = offset_at(entries, 0)
        return first < self.checked_below

    @property
    def checked_below(self) -> int:
        """Records from here on were written by this process and a moment ago: memory has them as they were.

        All others may have come back from the disk, where bits rot: their checksums are verified by every read.
        """
        written: int = self.written
        return max(self._resumed_at, written - _FRESH_BYTES)

    def sync_targets(self) -> list[SyncTarget]:
        """What a thread must sync to make all up to `written` durable; then call `mark_flushed` with that offset."""
        return self.segments.sync_targets()

    def mark_flushed(self, log_offset: int) -> None:
        """The disk has promised everything below `log_offset`."""
        if log_offset > self.written:
            raise StoreError(f"flushed offset {log_offset} is beyond the written {self.written}")
        self.flushed = max(self.flushed, log_offset)


def illegal_size(message_bytes_max: int) -> Refusal:
    """Java's answer to a body or properties of a size it does not store (SendMessageProcessor)."""
    return Refusal(
        ResponseCode.MESSAGE_ILLEGAL,
        "the message is illegal, maybe msg body or properties length not matched. "
        f"msg body length limit {message_bytes_max}B, msg properties length limit 32KB.",
    )
