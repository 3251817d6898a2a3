"""Brings queue entries and keys to their files, and writes down how far that has come.

A few queues are written together every second. Very many are written a few at a time, those first that have waited
longest, with the loop serving in between: 80,000 have had their turn after some seconds, and nobody waits long.
"""

import asyncio
import logging

from pocketmq.node.durability import Durability
from pocketmq.node.flusher import Flusher
from pocketmq.store.message_store import MessageStore

log = logging.getLogger(__name__)

QUEUES_AT_ONCE = 512
"""So many are written in some 5 ms, where their files are there already."""

QUEUES_PER_STEP = 64
STEP_SECONDS = 0.02


class Deriving:
    """`flusher` is the thread that waits for syncs."""

    def __init__(self, store: MessageStore, durability: Durability, flusher: Flusher) -> None:
        self._store = store
        self._derived = store.derived
        self._durability = durability
        self._flusher = flusher
        self._saving = False
        self._loop = asyncio.get_running_loop()
        self._step: asyncio.TimerHandle | None = None

    def second(self) -> bool:
        """Writes a few queues, and the keys; whether the keys could be."""
        if self._derived.waiting <= QUEUES_AT_ONCE:
            self._write(None)
        elif self._step is None:
            self._write_some()
        try:
            self._derived.write_keys()
        except OSError as error:
            log.error("keys stay in memory for now: %s", error)
            return False
        return True

    def save_progress(self) -> None:
        """The checkpoint, once all that it speaks of is on disk."""
        store = self._store
        if self._saving or self._durability.has_failed or store.derived_failed:
            return
        if store.progress_due:  # A topic was deleted: recovery must not start before that.
            self._write(None)
        if not self.second():
            return
        log_offset = self._derived.written_to(store.published)
        if (log_offset == store.saved_progress and not store.progress_due) or log_offset > store.log.flushed:
            return
        targets = self._derived.sync_targets()
        self._saving = True

        def work() -> None:
            for target in targets:
                target.sync()
            store.save_progress(log_offset)

        def done(error: OSError | None) -> None:
            self._saving = False
            if error is not None:
                # What the sync lost, a later one does not bring back: a checkpoint would promise it all the same.
                store.derived_failed = True
                log.error(
                    "no checkpoint is written until the broker is started again, which then takes longer: %s", error
                )

        self._flusher.run(work, done)

    def stop(self) -> None:
        """Writes no more by itself: the store is about to be closed, which writes all."""
        if self._step is not None:
            self._step.cancel()
            self._step = None

    def _write_some(self) -> None:
        self._write(QUEUES_PER_STEP)
        many = self._derived.waiting > QUEUES_AT_ONCE
        self._step = self._loop.call_later(STEP_SECONDS, self._write_some) if many else None

    def _write(self, count: int | None) -> None:
        try:
            self._derived.write(count)
        except OSError as error:
            log.error("queue entries stay in memory for now: %s", error)
