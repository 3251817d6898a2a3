"""When an answer may leave: the broker's one line of policy, and what happens when the disk says no.

    ASYNC_FLUSH   the turn's write made it to the file ─▶ readers see it, answers leave; a sync follows every interval
    SYNC_FLUSH    one sync for all who wait, the next group gathering meanwhile ─▶ readers see it, answers leave

A full disk takes back the turn and refuses appends until there is room again. Any other failed write or sync of the
log stops every acknowledgement until the broker has been started anew and has verified its log: said once, aloud.
"""

import errno
import logging
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from pocketmq.model.outcome import Reply
from pocketmq.node.flusher import Flusher
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.frame import Command, encode_response
from pocketmq.store.message_store import MessageStore
from pocketmq.store.unavailable import disk_busy, unavailable
from pocketmq.transport.server import Link

log = logging.getLogger(__name__)

_ROOM_ERRORS = (errno.ENOSPC, errno.EDQUOT)


class Held(NamedTuple):
    """Answers of one batch of one link. `plain` leave in any case, `answers` only if what `stored` asked was kept."""

    link: Link
    plain: list[bytes]
    answers: bytes
    stored: list[Command]
    log_offset_end: int
    since_ms: int


class Durability:
    """Writes turns, syncs the log, and lets answers go or turns them into refusals."""

    def __init__(self, store: MessageStore, flusher: Flusher, *, is_sync: bool, timeout_ms: int) -> None:
        self.store = store
        self.flusher = flusher
        self.is_sync = is_sync
        self.timeout_ms = timeout_ms
        self.on_durable: Callable[[int], None] = lambda log_offset: None
        self._turn: list[Held] = []
        self._hasty: list[Held] = []
        self._waiting: deque[Held] = deque()
        self._syncing = False
        self._sync_seen_ms: int | None = None
        self._busy: str | None = None
        self._is_full = False
        self._is_short = False
        self.has_failed = False
        """Whether a write or sync of the log failed, for another reason than a full disk."""

    def hold(self, held: Held) -> None:
        """Keeps a batch's answers until its records are as durable as policy asks."""
        self._turn.append(held)

    def hold_for_write(self, held: Held) -> None:
        """As `hold`, for a message that asked not to wait for the disk (WAIT=false): written is enough."""
        self._hasty.append(held)

    @property
    def has_turn(self) -> bool:
        """Whether `end_turn` has anything to do."""
        return bool(self._turn or self._hasty) or self.store.log.end != self.store.log.written

    def end_turn(self) -> None:
        """Writes the turn's records in one call; under ASYNC_FLUSH its answers leave."""
        turn, self._turn = self._turn, []
        hasty, self._hasty = self._hasty, []
        if self.has_failed:
            self.store.log.discard()
            self._refuse_all(turn + hasty)
            return
        try:
            self.store.write()
        except OSError as error:
            self._write_failed(error, turn + hasty)
            return
        for held in hasty:
            _release(held)
        if self.is_sync:
            self._waiting.extend(turn)
            # What had to be saved first may find its record synced already, and then no further sync would come.
            self._release_flushed()
            self._sync_waiting()
        else:
            self.on_durable(self.store.log.written)
            for held in turn:
                _release(held)

    def sync_log(self) -> None:
        """Starts a sync of what is written; called at every flush interval under ASYNC_FLUSH."""
        if not self._syncing and self.store.log.written > self.store.log.flushed:
            self._start_sync()

    def tick(self, now_ms: int) -> None:
        """Lets a full disk be tried again, and answers those who have waited for a sync too long."""
        if self._is_full:
            self._is_full = False
            if not self._is_short:
                self.store.refuses = None
        while self._waiting and now_ms - self._waiting[0].since_ms > self.timeout_ms:
            held = self._waiting.popleft()
            _refuse(held, Reply(ResponseCode.FLUSH_DISK_TIMEOUT, f"no flush within {self.timeout_ms} ms"))

    def watch(self, now_ms: int, busy_after_ms: int) -> None:
        """Refuses sends while a sync they would wait for lasts longer than `busy_after_ms`. Call it often."""
        if not self._syncing or not self.is_sync:
            return
        if self._sync_seen_ms is None:
            self._sync_seen_ms = now_ms
        busy_ms = now_ms - self._sync_seen_ms
        if busy_ms >= busy_after_ms and self.store.refuses is self._busy:
            if self._busy is None:
                log.warning("a sync of the log takes longer than %d ms: sends are refused until it is done", busy_ms)
            self._busy = self.store.refuses = disk_busy(busy_ms, len(self._waiting))

    def trust_disk(self) -> None:
        """The sync is done, or nobody watches any more."""
        self._sync_seen_ms = None
        if self._busy is not None:
            if self.store.refuses is self._busy:
                self.store.refuses = None
            self._busy = None

    def note_room(self, is_short: bool, used: float) -> None:
        """Refuses appends while more of the disk is in use than the settings allow (`used`, 0.0 to 1.0)."""
        if is_short == self._is_short or self.has_failed:
            return
        self._is_short = is_short
        if is_short:
            log.error("%.0f %% of the disk are in use: sends are refused until there is room", used * 100)
            self.store.refuses = f"CL: {used:.2f} CQ: {used:.2f} INDEX: {used:.2f}"
        else:
            log.warning("%.0f %% of the disk are in use: sends are taken again", used * 100)
            if not self._is_full:
                self.store.refuses = None

    def _sync_waiting(self) -> None:
        if not self._syncing and self.store.log.written > self.store.log.flushed:
            self._start_sync()

    def _start_sync(self) -> None:
        self._syncing = True
        log_offset = self.store.log.written
        self.flusher.sync(self.store.log.sync_targets(), lambda error: self._synced(log_offset, error))

    def _synced(self, log_offset: int, error: OSError | None) -> None:
        self._syncing = False
        self.trust_disk()
        if error is not None:
            self._sync_failed(error)
            return
        if self.has_failed:
            return
        self.store.mark_flushed(log_offset)
        if self.is_sync:
            self.on_durable(log_offset)
            self._release_flushed()
            self._sync_waiting()

    def _release_flushed(self) -> None:
        while self._waiting and self._waiting[0].log_offset_end <= self.store.log.flushed:
            _release(self._waiting.popleft())

    def _write_failed(self, error: OSError, turn: list[Held]) -> None:
        try:
            self.store.discard()
        except OSError as failure:
            error = failure
        if error.errno in _ROOM_ERRORS:
            if not self._is_full:
                log.error("the disk is full: sends are refused until there is room, nothing is deleted (%s)", error)
            self._is_full = True
            self.store.refuses = "full"
        else:
            self._poison(error)
        self._refuse_all(turn)

    def _refuse_all(self, turn: list[Held]) -> None:
        refusal = unavailable(str(self.store.refuses))
        for held in turn:
            _refuse(held, Reply(refusal.code, refusal.remark))

    def _sync_failed(self, error: OSError) -> None:
        self._poison(error)
        while self._waiting:
            _refuse(self._waiting.popleft(), Reply(ResponseCode.FLUSH_DISK_TIMEOUT, f"the disk failed: {error}"))

    def _poison(self, error: OSError) -> None:
        self._is_full = self._is_short = False
        self.has_failed = True
        self.store.refuses = f"failed: {error.strerror or error}"
        log.critical(
            "the log's disk failed (%s): nothing more is acknowledged. Check the disk, then start the broker again; "
            "it verifies its log as it starts",
            error,
        )


def _release(held: Held) -> None:
    held.link.write(b"".join((*held.plain, held.answers)))


def _refuse(held: Held, reply: Reply) -> None:
    refusals = [encode_response(command, reply) for command in held.stored]
    held.link.write(b"".join(held.plain + refusals))
