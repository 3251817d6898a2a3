"""What has just arrived in a queue, for pulls that wait there with a filter: whose filter may it pass?

The node asks once for each turn in which messages reached the queue, however many pulls wait. Where the answer would
cost more than waking them all, or cannot be had from memory, there is none, and all are woken.
"""

from collections.abc import Callable

from pocketmq.protocol.record.peeking import peek
from pocketmq.store.consume_queue import ENTRY_BYTES, FILTER_SCAN_ENTRIES_MAX, ConsumeQueue, unpack_entries
from pocketmq.store.message_store import MessageStore

_RECORD_BYTES_MAX = 256 * 1024


class Arrivals:
    """Messages of one queue below queue offset `end`; `codes` are the hashes of their tags."""

    def __init__(self, store: MessageStore, entries: bytes, end: int) -> None:
        self.end = end
        self._store = store
        self._entries = entries
        unpacked = unpack_entries(entries)
        self.codes = {entry.tags_code for entry in unpacked}
        self._bytes = sum(entry.size for entry in unpacked)
        self._properties: list[bytes] | None = None

    def may_pass(self, judge: Callable[[bytes], bool]) -> bool:
        """Whether one of the messages passes, or nobody can say without reading the disk."""
        if self._properties is None:
            self._properties = self._read()
        return not self._properties or any(map(judge, self._properties))

    def _read(self) -> list[bytes]:
        records = self._store.log.gather_nowait(self._entries) if self._bytes <= _RECORD_BYTES_MAX else None
        found: list[bytes] = []
        at = 0
        while records is not None and at < len(records):
            size, _, properties = peek(records, at)
            found.append(properties)
            at += size
        return found


def arrivals(store: MessageStore, queue: ConsumeQueue, *, judged_to: int, waited_from: int) -> Arrivals | None:
    """What came at `judged_to` and behind; None if all who wait should look, the first since `waited_from`.

    So it is where they would otherwise have more to look through than one pull looks at, and in queues of batches and
    with extensions, whose entries do not say the tags.
    """
    end = queue.max_offset
    if type(queue) is not ConsumeQueue or end - waited_from >= FILTER_SCAN_ENTRIES_MAX:
        return None
    entries = queue.raw(judged_to, end - judged_to)
    return Arrivals(store, entries, end) if len(entries) == (end - judged_to) * ENTRY_BYTES else None
