"""Walks the commit log forward from a record's start, and judges what is not a record.

Where no sound record stands, either the log ends or it is damaged. It is damaged, and goes on at the next sound record
(right size, magic, own log offset and checksums), if the place lies below the durable watermark, for what was once on
disk cannot be torn. Above the watermark a power loss may have kept later pages and lost earlier ones: the log was only
promised to survive as a beginning, so it ends at the first page that was lost, which shows as zeros up to the page's
end. Anything else with a sound record behind it is damage. A store without a watermark was written by Java, whose own
recovery would cut there; we keep all that is sound.
"""

from collections.abc import Iterator
from typing import NamedTuple

from pocketmq.model.limits import FRAME_BYTES_MAX
from pocketmq.protocol.record import BLANK_BYTES_MIN, MAGIC_START, NoRecord, Scanned, scan
from pocketmq.protocol.record.peeking import size_of_parts
from pocketmq.protocol.record.sealing import is_seal_broken
from pocketmq.store.segments import Segments

PAGE_BYTES = 4096
_CHUNK_BYTES = 1 << 20
_RECORD_MAX = 2 * FRAME_BYTES_MAX
"""A message came in one frame; a size beyond this is not read to see whether it is true."""
_SIZE_BYTES = 4
_MAGIC_AT = 4


class Damage(NamedTuple):
    """Bytes [start, end) of the log that hold no sound record: one record, if `known` is what its header still says."""

    start: int
    end: int
    reason: str
    known: Scanned | None = None


class LogWalk:
    """Iterating yields records and damage in order; afterwards `end` is where the next record belongs, and why there.

    `durable_offset`: below it all was on disk once; None in a store that has no watermark. `verifies_seals`: a record
    that has a checksum of all of it must match that too (forceVerifyPropCRC; unlike Java's, records without one count).
    """

    def __init__(
        self, segments: Segments, start: int, durable_offset: int | None, *, verifies_seals: bool = False
    ) -> None:
        self.end = start
        self.reason = ""
        """What stands at `end`, unless it is nothing."""
        self._segments = segments
        self._verifies_seals = verifies_seals
        self._durable_offset = None if durable_offset is None else min(durable_offset, segments.end)
        self._window = b""
        self._window_start = start

    def __iter__(self) -> Iterator[Scanned | Damage]:
        at = self.end
        while at < self._segments.end:
            found = self.record_at(at)
            if isinstance(found, Scanned):
                yield found
                at += found.size
            elif found.kind == "blank":
                at += self._room(at)
            else:
                damage = self._judge(at, found)
                if damage is None:
                    self.reason = "" if found.kind == "end" else found.reason
                    break
                yield damage
                at = damage.end
            self.end = at
        self.end = at

    def record_at(self, at: int) -> Scanned | NoRecord:
        """What stands there; "end" for zeros only, all else that is neither record nor blank is "bad"."""
        room = self._room(at)
        found = self._scan(at, True)
        if isinstance(found, Scanned):
            return self._with_whole_properties(at, found)
        if found.kind == "end" and found.size:
            return NoRecord("bad", 0, found.reason)
        if found.kind == "end" and room < BLANK_BYTES_MIN:
            return NoRecord("blank", room)
        if found.kind == "blank" and found.size != room:
            return NoRecord("bad", 0, f"blank of {found.size} bytes, {room} left in the file")
        return found

    def _with_whole_properties(self, at: int, record: Scanned) -> Scanned | NoRecord:
        """The body's CRC says nothing of the properties: those that end in a zero byte were torn off."""
        data, start = self._bytes(at, record.size)
        end = start + record.size
        if self._verifies_seals and is_seal_broken(data[start:end]):
            return NoRecord("bad", record.size, "CRC of the whole record")
        if data[end - 1]:
            return record
        topic_end = data.rindex(record.topic, start, end) + len(record.topic)
        is_empty = topic_end + 2 == end
        return record if is_empty else NoRecord("bad", record.size, "properties end in zeros")

    def _judge(self, at: int, found: NoRecord) -> Damage | None:
        """Damage, or None where the log ends."""
        durable = self._durable_offset
        was_durable = durable is not None and at < durable
        if found.kind == "end" and durable is not None and not was_durable:
            return None
        known = self._scan(at, False)
        resumes_at = self._next_sound(at + 1)
        if was_durable and durable is not None and (resumes_at is None or resumes_at > durable):
            # Whatever stood behind the watermark may have been torn as well.
            return self._up_to_the_next(Damage(at, durable, found.reason), known)
        if resumes_at is None:
            return None
        if durable is not None and not was_durable and self._lost_a_page(at, resumes_at):
            return None
        return self._up_to_the_next(Damage(at, resumes_at, found.reason), known)

    def _up_to_the_next(self, damage: Damage, known: Scanned | NoRecord) -> Damage:
        """Of several damaged records in a row the first, as long as its header says where it ends."""
        if not isinstance(known, Scanned):
            return damage
        return damage._replace(end=min(damage.end, damage.start + known.size), known=known)

    def _scan(self, at: int, checks_body: bool) -> Scanned | NoRecord:
        """As `scan`, with enough of the file for a record of any size that can have been sent."""
        size = min(self._room(at), _CHUNK_BYTES)
        found = scan(*self._bytes(at, size), at, checks_body)
        if (
            isinstance(found, NoRecord)
            and found.kind == "end"
            and size < found.size <= min(self._room(at), _RECORD_MAX)
        ):
            found = scan(*self._bytes(at, found.size), at, checks_body)
        return found

    def _next_sound(self, at: int) -> int | None:
        """Where the first sound record at or beyond `at` starts."""
        while at < self._segments.end:
            stored = self._segments.next_stored(at)
            if stored is None:
                at += self._room(at)
                continue
            at = max(at, stored - _MAGIC_AT)
            chunk = self._segments.read(at, min(self._room(at), _CHUNK_BYTES))
            found = chunk.find(MAGIC_START, _MAGIC_AT)
            while found >= 0:
                candidate = at + found - _MAGIC_AT
                if isinstance(self.record_at(candidate), Scanned):
                    return candidate
                found = chunk.find(MAGIC_START, found + 1)
            at += (
                max(1, len(chunk) - _MAGIC_AT - len(MAGIC_START) + 1) if len(chunk) < self._room(at) else self._room(at)
            )
        return None

    def _lost_a_page(self, start: int, end: int) -> bool:
        """Whether a page that ends within (start, end] holds only zeros from `start` or its own start on."""
        page_end = start - start % PAGE_BYTES + PAGE_BYTES
        if page_end - start < _SIZE_BYTES and page_end <= end:
            if self._lost_size_bytes(start, page_end - start, end):
                return True
            page_end += PAGE_BYTES
        while page_end <= end:
            first = max(start, page_end - PAGE_BYTES)
            content = self._segments.read(first, page_end - first)
            if content.count(0) == len(content):
                return True
            page_end += PAGE_BYTES
        return False

    def _lost_size_bytes(self, start: int, count: int, end: int) -> bool:
        """Whether a sound record stands at `start` but for the first `count` bytes of its size, which are zeros.

        Zeros alone say nothing: of most records these bytes are 0. A sound record with other bytes there, before `end`,
        says that those were lost.
        """
        content = self._segments.read(start, min(self._room(start), end - start))
        size = size_of_parts(content, 0)
        whole = size.to_bytes(_SIZE_BYTES, "big") + content[_SIZE_BYTES:]
        torn = bytes(count) + whole[count:]
        return content == torn != whole and isinstance(scan(whole, 0, start), Scanned)

    def _room(self, at: int) -> int:
        """Bytes from `at` to the end of its file."""
        return self._segments.segment_size - at % self._segments.segment_size

    def _bytes(self, at: int, size: int) -> tuple[bytes, int]:
        """Bytes of the log and where in them `at` is; at least `size` follow unless the file ends before."""
        inside = at - self._window_start
        if inside < 0 or inside + size > len(self._window):
            wanted = size if size > _CHUNK_BYTES else min(self._room(at), 2 * _CHUNK_BYTES)
            self._window = self._segments.read(at, wanted)
            self._window_start = at
            inside = 0
        return self._window, inside
