"""The one log that everything else is derived from (⚡): records of all topics, one behind the other.

    commitlog/00000000000000000000   commitlog/00000000001073741824   ...   files of equal size, named by first offset
    record record record blank       record record ^written ^end

`append` lays a record into memory and assigns its offsets. `write` brings a turn's records to the file in one call, so
they survive the process; a sync of `sync_targets` makes them survive the machine. Bytes between `written` and `end`
have been promised to nobody. A record leaves at least 8 bytes free in its file, for the blank that ends it (CommitLog).
"""

from collections.abc import Sequence

try:
    import cython
except ModuleNotFoundError:  # Without Cython this file runs as plain Python.
    from pocketmq.model import uncompiled as cython  # type: ignore[no-redef]

from pocketmq.model.errors import Refusal, StoreError
from pocketmq.model.limits import PROPERTIES_BYTES_MAX
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.record import BLANK_BYTES_MIN, Facts, blank, lay, size_of
from pocketmq.store.consume_queue import ConsumeQueue
from pocketmq.store.disk import Disk
from pocketmq.store.segments import DescriptorCache, Segments, SyncTarget

_KEPT_BYTES = 4 << 20
_SPAN_BYTES = 256 << 10
"""Up to here one read of everything costs less than a call for each record."""

_TRANSACTION_MASK = cython.declare(cython.int, 12)
_TRANSACTION_COMMIT = cython.declare(cython.int, 8)

Dispatch = tuple[ConsumeQueue | None, int, int, int, int, int, bytes, bytes, bytes]
"""(queue, queue offset, log offset, size, tags code, store time, topic, unique key, keys): all that is derived from a
record. The queue is None for a prepared or rolled back one, which no queue shows."""


@cython.cclass
class CommitLog:
    """`start` and `end` bound the log, `written` is what the file holds, `flushed` what a power cut cannot take."""

    segments = cython.declare(object, visibility="public")
    message_bytes_max = cython.declare(cython.Py_ssize_t, visibility="public")
    end = cython.declare(cython.longlong, visibility="public")
    written = cython.declare(cython.longlong, visibility="public")
    flushed = cython.declare(cython.longlong, visibility="public")
    last_store_timestamp = cython.declare(cython.longlong, visibility="public")
    undispatched = cython.declare(list, visibility="public")
    _buffer = cython.declare(bytearray)
    _size = cython.declare(cython.Py_ssize_t)
    _runs = cython.declare(list)
    _run_start = cython.declare(cython.longlong)
    _file_bytes = cython.declare(cython.longlong)

    def __init__(self, disk: Disk, file_bytes: int, descriptors: DescriptorCache, message_bytes_max: int) -> None:
        self.segments = Segments(disk, "commitlog", file_bytes, descriptors)
        self.message_bytes_max = message_bytes_max
        self.end = self.written = self.flushed = self.segments.start
        self.last_store_timestamp = 0
        self.undispatched = []
        self._buffer = bytearray(1 << 20)
        self._size = 0
        self._runs = []
        self._run_start = self.end
        self._file_bytes = file_bytes

    @property
    def start(self) -> int:
        """The first offset that is still there."""
        return self.segments.start

    def resume(self, end: int) -> None:
        """Recovery found sound records up to `end`; the next one goes there."""
        self.end = self.written = self.flushed = self._run_start = end

    def append(
        self,
        queue: ConsumeQueue,
        facts: Facts,
        body: bytes,
        properties: bytes,
        flag: int,
        sys_flag: cython.int,
        born_timestamp: int,
        born_host: bytes,
        store_host: bytes,
        reconsume_times: int,
        prepared_transaction_offset: int,
        tags_code: int,
        now_ms: cython.longlong,
    ) -> int:
        """Lays the record into this turn's bytes; its log offset. Raises Refusal for a size Java refuses too."""
        topic: bytes = queue.topic_bytes
        size: cython.Py_ssize_t
        room: cython.longlong
        log_offset: cython.longlong
        queue_offset: cython.longlong
        hidden: cython.bint
        size = self.size_of(len(topic), len(body), len(properties), len(born_host) + len(store_host))
        room = self._file_bytes - self.end % self._file_bytes
        if size + BLANK_BYTES_MIN > room:
            self._roll(room)
        if now_ms < self.last_store_timestamp:
            now_ms = self.last_store_timestamp
        self.last_store_timestamp = now_ms
        log_offset = self.end
        hidden = (sys_flag & _TRANSACTION_MASK) != 0 and (sys_flag & _TRANSACTION_MASK) != _TRANSACTION_COMMIT
        queue_offset = 0 if hidden else queue.next_offset
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
                facts.unique_key,
                facts.keys,
            )
        )
        return log_offset

    def size_of(
        self,
        topic_bytes: cython.Py_ssize_t,
        body_bytes: cython.Py_ssize_t,
        properties_bytes: cython.Py_ssize_t,
        host_bytes: cython.Py_ssize_t,
    ) -> cython.Py_ssize_t:
        """What such a record takes; `host_bytes` is both hosts. Raises Refusal for one that fits into no file."""
        size: cython.Py_ssize_t
        if body_bytes > self.message_bytes_max or properties_bytes > PROPERTIES_BYTES_MAX:
            raise illegal_size(self.message_bytes_max)
        size = size_of(topic_bytes, body_bytes, properties_bytes, host_bytes)
        if size + BLANK_BYTES_MIN > self._file_bytes:
            raise illegal_size(self.message_bytes_max)
        return size

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
        if log_offset < self.segments.start or log_offset >= self.written:
            return b""
        return self.segments.read(log_offset, min(size, self.written - log_offset))

    def read_nowait(self, log_offset: int, size: int) -> bytes | None:
        """As `read`; None if a thread must fetch it from the disk."""
        if log_offset < self.segments.start or log_offset >= self.written:
            return b""
        return self.segments.read_nowait(log_offset, min(size, self.written - log_offset))

    def gather_nowait(self, ranges: Sequence[tuple[int, int]]) -> bytes | None:
        """The records of these (log offset, size) ranges, one behind the other; None if a thread must fetch them.

        Records that lie near each other come by one system call, and what lies between them is cut out again.
        """
        first, size = ranges[0]
        if len(ranges) == 1:
            return self.read_nowait(first, size)
        last, last_size = ranges[-1]
        span = last + last_size - first
        wanted = sum(size for _, size in ranges)
        if span > max(_SPAN_BYTES, wanted * 2):
            parts = [self.read_nowait(log_offset, size) for log_offset, size in ranges]
            return None if None in parts else b"".join(parts)  # type: ignore[arg-type]
        whole = self.read_nowait(first, span)
        return None if whole is None else _cut(whole, first, span, wanted, ranges)

    def gather(self, ranges: Sequence[tuple[int, int]]) -> bytes:
        """As `gather_nowait`, waiting for the disk; for the thread."""
        return b"".join([self.read(log_offset, size) for log_offset, size in ranges])

    def sync_targets(self) -> list[SyncTarget]:
        """What a thread must sync to make all up to `written` durable; then call `mark_flushed` with that offset."""
        return self.segments.sync_targets()

    def mark_flushed(self, log_offset: int) -> None:
        """The disk has promised everything below `log_offset`."""
        if log_offset > self.written:
            raise StoreError(f"flushed offset {log_offset} is beyond the written {self.written}")
        self.flushed = max(self.flushed, log_offset)


def _cut(whole: bytes, first: int, span: int, wanted: int, ranges: Sequence[tuple[int, int]]) -> bytes:
    if span == wanted:
        return whole
    return b"".join([whole[log_offset - first : log_offset - first + size] for log_offset, size in ranges])


def illegal_size(message_bytes_max: int) -> Refusal:
    """Java's answer to a body or properties of a size it does not store (SendMessageProcessor)."""
    return Refusal(
        ResponseCode.MESSAGE_ILLEGAL,
        "the message is illegal, maybe msg body or properties length not matched. "
        f"msg body length limit {message_bytes_max}B, msg properties length limit 32KB.",
    )
