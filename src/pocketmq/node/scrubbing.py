"""Has the log read again in the background, a little every second, and says what has rotted.

A round over 10 GiB takes three hours; the next begins a day after the last began.
"""

import logging

from pocketmq.node.flusher import Flusher
from pocketmq.store.log_walk import Damage
from pocketmq.store.message_store import MessageStore
from pocketmq.store.scrub import Scrub

log = logging.getLogger(__name__)

BYTES_PER_SECOND = 1 << 20
"""Some 3 ms of processor time for messages of 1 KiB."""

FIRST_MS = 600_000
ROUND_MS = 24 * 3_600_000
DAMAGES_SAID_MAX = 10_000


class Scrubbing:
    """`flusher` is the thread that reads. The first round begins ten minutes after the start."""

    def __init__(self, store: MessageStore, flusher: Flusher, now_ms: int) -> None:
        self._store = store
        self._scrub = Scrub(store)
        self._flusher = flusher
        self._due_ms = now_ms + FIRST_MS
        self._is_reading = False
        self._said: set[int] = set()

    def second(self, now_ms: int) -> None:
        """Has the next part read, unless the last is still being read or the round is over."""
        if self._is_reading:
            return
        if self._scrub.is_done:
            if now_ms < self._due_ms:
                return
            self._due_ms = now_ms + ROUND_MS
            self._scrub.begin()
        self._is_reading = True
        found: list[Damage] = []

        def read() -> None:
            found.extend(self._scrub.step(BYTES_PER_SECOND))

        def done(error: OSError | None) -> None:
            self._is_reading = False
            if error is not None and self._scrub.position >= self._store.log.start:
                log.critical("the log cannot be read at offset %d: %s", self._scrub.position, error)
            for damage in found:
                self._say(damage)

        self._flusher.run(read, done)

    def _say(self, damage: Damage) -> None:
        if damage.start in self._said or len(self._said) >= DAMAGES_SAID_MAX:
            return
        self._said.add(damage.start)
        known = damage.known
        where = "" if known is None else f": topic {known.topic.decode(errors='replace')}, queue {known.queue_id}, "
        where += "" if known is None else f"offset {known.queue_offset}"
        log.critical(
            "damaged: log offsets %d to %d (%s)%s; what is readable goes on being delivered",
            damage.start,
            damage.end - 1,
            damage.reason,
            where,
        )
