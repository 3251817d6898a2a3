"""Reads the whole log again, slowly, to find what has rotted on the disk before somebody needs it.

A round goes from the log's start to what was durable when it began. Only a thread reads; what it finds, it returns.
"""

from collections.abc import Iterator

from pocketmq.protocol.record import Scanned
from pocketmq.store.log_walk import Damage, LogWalk
from pocketmq.store.message_store import MessageStore


class Scrub:
    """One broker's rounds over its log."""

    def __init__(self, store: MessageStore) -> None:
        self._store = store
        self._found: Iterator[Scanned | Damage] = iter(())
        self._end = self.position = 0

    def begin(self) -> None:
        """The next round starts at the log's start."""
        log = self._store.log
        self.position = log.start
        self._end = log.flushed
        verifies_seals = self._store.sizes.verifies_seals
        self._found = iter(LogWalk(log.segments, self.position, self._end, verifies_seals=verifies_seals))

    @property
    def is_done(self) -> bool:
        """Whether nothing is left of this round."""
        return self.position >= self._end

    def step(self, size: int) -> list[Damage]:
        """Reads on for about `size` bytes; the damages among them. Raises OSError. For the thread."""
        log = self._store.log
        if self.position < log.start:  # What was to be read has expired; the rest is for the next round.
            self.position = self._end
        stop = min(self.position + size, self._end)
        damages: list[Damage] = []
        while self.position < stop:
            found = next(self._found, None)
            if found is None:
                self.position = self._end
            elif isinstance(found, Damage):
                self.position = found.end
                if found.start >= log.start:
                    damages.append(found)
            else:
                self.position = found.log_offset + found.size
        return damages
