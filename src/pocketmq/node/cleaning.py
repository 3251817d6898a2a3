"""Lets go of what has had its time, a little at every beat, and watches how full the disk is.

every cleanResourceInterval   look: is the disk full? which log files may go? ─▶ thread: remove them
every beat after that         a few hundred queues let go what the log no longer has ─▶ thread: remove their files

A disk that is too full has its sends refused until there is room, and is looked at every second until then.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from pocketmq.broker.retention import hour_of_day, retention_policy
from pocketmq.broker.state import BrokerState
from pocketmq.node.durability import Durability
from pocketmq.node.flusher import Flusher
from pocketmq.store.retention import LogExpiry, QueueSweep, Trimmed, expired_log
from pocketmq.store.segments import SyncTarget

log = logging.getLogger(__name__)

QUEUES_PER_BEAT = 300
"""A queue that has nothing to give costs some 3 µs."""

FULL_INTERVAL_MS = 1000


class Cleaning:
    """The retention of one broker. `flusher` is the thread that may wait for a file to be removed."""

    def __init__(self, state: BrokerState, durability: Durability, flusher: Flusher) -> None:
        self._state = state
        self._store = state.store
        self._durability = durability
        self._flusher = flusher
        self._due_ms = 0
        self._sweep: QueueSweep | None = None
        self._forced = False
        self._removing = 0

    def before_serving(self, now_ms: int) -> None:
        """Queues of topics with a shorter time of their own begin where they began before the last stop."""
        policy = retention_policy(self._state)
        if policy.topics_ms:
            sweep = QueueSweep(self._store, policy, now_ms)
            while sweep.step(QUEUES_PER_BEAT) is not None:
                pass
            self._remove(sweep.removals)

    def beat(self, now_ms: int) -> None:
        """Goes on with a sweep, or looks whether there is anything to do."""
        if self._sweep is not None:
            self._go_on(self._sweep)
        elif self._removing:
            return  # How full the disk is shows when the files have gone.
        elif now_ms >= self._due_ms or self._state.log_expiry_due or self._state.queue_sweep_due:
            self._look(now_ms)

    def _look(self, now_ms: int) -> None:
        state = self._state
        policy = retention_policy(state)
        self._due_ms = now_ms + state.settings.clean_resource_interval
        try:
            used = 1.0 - self._store.disk.free_ratio()
            expiry = expired_log(
                self._store, policy, hour_of_day(state, now_ms), used, now_ms, told=state.log_expiry_due > 0
            )
        except OSError as error:
            log.error("cannot see what has expired: %s", error)
            return
        is_full = used > policy.refuses_above
        self._durability.note_room(is_full, used)
        if is_full:
            self._due_ms = now_ms + FULL_INTERVAL_MS
        went = self._let_go(expiry, used)
        state.log_expiry_due = max(state.log_expiry_due - 1, 0) if went else 0
        if went or state.queue_sweep_due or policy.topics_ms:
            state.queue_sweep_due = False
            self._sweep = QueueSweep(self._store, policy, now_ms)
            self._forced = expiry.forced_from < expiry.log_offset
        if self._forced:
            self._due_ms = now_ms

    def _let_go(self, expiry: LogExpiry, used: float) -> bool:
        """Forgets the log files that may go, and has them removed; whether there were any."""
        start = self._store.log.start
        if expiry.log_offset <= start:
            return False
        if expiry.forced_from < expiry.log_offset:
            log.warning(
                "the disk is %.0f %% full and cleanFileForciblyEnable is on: log offsets %d to %d, stored until %s, "
                "are deleted before their time",
                used * 100,
                expiry.forced_from,
                expiry.log_offset - 1,
                _time_text(self._store.stored_at(expiry.log_offset)),
            )
        removals = self._store.log.segments.release_before(expiry.log_offset)
        log.info("expired: log offsets %d to %d, %d files", start, self._store.log.start - 1, len(removals))
        self._remove(removals)
        return True

    def _go_on(self, sweep: QueueSweep) -> None:
        try:
            trimmed = sweep.step(QUEUES_PER_BEAT)
        except OSError as error:
            log.error("cannot see which queue entries have expired: %s", error)
            self._sweep = None
            return
        if trimmed is None:
            sweep.finish()
            self._remove(sweep.removals)
            self._sweep = None
            self._forced = False
            return
        if self._forced:
            _say(trimmed)

    def _remove(self, removals: Sequence[SyncTarget]) -> None:
        if removals:
            self._removing += 1
            self._flusher.sync(list(removals), self._removed)

    def _removed(self, error: OSError | None) -> None:
        self._removing -= 1
        if error is not None:
            log.error("an expired file stays until the next start: %s", error)


def _say(trimmed: list[Trimmed]) -> None:
    for lost in trimmed:
        log.warning(
            "deleted before their time: %s, queue %d, offsets %d to %d",
            lost.topic,
            lost.queue_id,
            lost.start,
            lost.end - 1,
        )


def _time_text(stored_at_ms: int) -> str:
    return datetime.fromtimestamp(stored_at_ms / 1000, UTC).isoformat(timespec="seconds")
