"""What is popped and not yet acknowledged: derived from the revive log, never saved.

```
checkpoint ─▶ open ─┬─ every message acknowledged ─▶ closed ─┬─ its queue's last, and an older one is open ─▶ kept
                    └─ time is over: revived, closed ────────┘                          else ─▶ released
```

The committed offset of a queue is the first message that an open checkpoint holds, or where the next pop begins. The
committed offset of a revive queue is the place before the first checkpoint that is not released. Reading the revive
log behind the one, starting from the other, gives this table again: `next_offset` is then the end of the last
checkpoint, which is why that one is kept. Commits wait in `moves` until the log is durable as far as they count on.
"""

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pocketmq.broker.popping.earliest import Earliest
from pocketmq.model.limits import POP_CHECKPOINTS_MAX, POP_CLOSED_REMEMBERED_MAX


class QueueKey(NamedTuple):
    """A queue as a group pops it; `topic` may be a retry topic."""

    topic: str
    group: str
    queue_id: int


class CheckpointKey(NamedTuple):
    """What names a checkpoint in handles and acknowledgements."""

    queue: QueueKey
    start_offset: int
    pop_time: int


@dataclass(slots=True, eq=False)
class Checkpoint:
    """A popped batch. `acked` has bit n set once message n needs no delivery by it any more.

    `passed` holds the offsets among those that another checkpoint has taken over.
    """

    key: CheckpointKey
    invisible_ms: int
    offsets: tuple[int, ...]
    revive_queue_id: int
    revive_offset: int
    log_offset: int
    log_offset_end: int
    acked: int = 0
    passed: frozenset[int] = frozenset()
    is_released: bool = False

    @property
    def is_closed(self) -> bool:
        """Nothing of it waits any more."""
        return self.acked + 1 == 1 << len(self.offsets)

    @property
    def revive_ms(self) -> int:
        """When what is left becomes visible again."""
        return self.key.pop_time + self.invisible_ms

    @property
    def end_offset(self) -> int:
        """Behind its last message; its start if it only says where a queue goes on."""
        return self.offsets[-1] + 1 if self.offsets else self.key.start_offset

    def left(self) -> list[int]:
        """Offsets of the messages that wait for an acknowledgement."""
        if not self.acked:
            return list(self.offsets)
        return [offset for bit, offset in enumerate(self.offsets) if not self.acked >> bit & 1]

    def mark(self, offset: int) -> bool:
        """Sets the bit of this message; false if it is none of the batch, or was set before."""
        bit = self.bit_of(offset)
        if bit is None or self.acked >> bit & 1:
            return False
        self.acked |= 1 << bit
        return True

    def bit_of(self, offset: int) -> int | None:
        """The place of a queue offset in the batch."""
        place = offset - self.key.start_offset
        if 0 <= place < len(self.offsets) and self.offsets[place] == offset:
            return place  # As most are: the batch has no gaps.
        return self.offsets.index(offset) if offset in self.offsets else None


@dataclass(slots=True, eq=False)
class QueueProgress:
    """A queue with popped messages: where the next pop begins, and what is out.

    `held` has the offsets of messages that wait for an acknowledgement, and how many checkpoints hold each: two while
    a message passes from one to the next.
    """

    next_offset: int
    held: dict[int, int] = field(default_factory=dict)
    checkpoints: dict[CheckpointKey, Checkpoint] = field(default_factory=dict)
    tail: Checkpoint | None = None
    open: Earliest[Checkpoint] = field(default_factory=lambda: Earliest(lambda _, checkpoint: not checkpoint.is_closed))

    @property
    def in_flight(self) -> int:
        """How many messages wait for an acknowledgement."""
        return len(self.held)

    def hold(self, offsets: list[int]) -> None:
        """One checkpoint more holds these messages."""
        held = self.held
        if held.keys().isdisjoint(offsets):
            held.update(dict.fromkeys(offsets, 1))
            return
        for offset in offsets:
            held[offset] = held.get(offset, 0) + 1

    def let_go(self, offsets: list[int]) -> set[int]:
        """One checkpoint less holds these messages: those that another one still holds."""
        held = self.held
        passed = set()
        for offset in offsets:
            if count := held.pop(offset) - 1:
                held[offset] = count
                passed.add(offset)
        return passed

    @property
    def committed_offset(self) -> int:
        """The first message that is neither acknowledged nor in another topic by now."""
        first = self.open.first()
        return self.next_offset if first is None else min(first[0], self.next_offset)


class Move(NamedTuple):
    """A commit to make once the log is durable below `log_offset_end`, of a group in a queue or of a revive queue."""

    queue: QueueKey | int
    offset: int
    log_offset_end: int


def _is_placed(revive_offset: int, checkpoint: Checkpoint) -> bool:
    return not checkpoint.is_released and checkpoint.revive_offset == revive_offset


class PopTable:
    """Checkpoints by key, by time, by queue and by place in the revive log."""

    def __init__(self) -> None:
        self.open: dict[CheckpointKey, Checkpoint] = {}
        self.queues: dict[QueueKey, QueueProgress] = {}
        self.due: Earliest[Checkpoint] = Earliest(lambda _, checkpoint: not checkpoint.is_closed)
        self.kept: dict[int, Earliest[Checkpoint]] = {}
        self.kept_count = 0
        self.closed: dict[CheckpointKey, Collection[int]] = {}
        """Of the last closed checkpoints, what was acknowledged: it may be said again."""
        self.moves: deque[Move] = deque()
        self.read_until: dict[int, int] = {}
        """By revive queue, the place behind the last record that counts."""

    @property
    def is_full(self) -> bool:
        """No checkpoint can be added before others are released: pops find nothing."""
        return self.kept_count >= POP_CHECKPOINTS_MAX

    def progress(self, queue: QueueKey, next_offset: int) -> QueueProgress:
        """The queue's progress, made to begin at `next_offset` if there is none."""
        found = self.queues.get(queue)
        if found is None:
            found = self.queues[queue] = QueueProgress(next_offset)
        return found

    def add(self, checkpoint: Checkpoint) -> None:
        """A batch is popped, or an acknowledged message of another is hidden for longer."""
        key = checkpoint.key
        progress = self.progress(key.queue, key.start_offset)
        self.kept_count += 1
        self.kept.setdefault(checkpoint.revive_queue_id, Earliest(_is_placed)).add(checkpoint.revive_offset, checkpoint)
        self._read(checkpoint)
        if not checkpoint.is_closed:
            self.open[key] = checkpoint
            self.due.add(checkpoint.revive_ms, checkpoint)
            progress.open.add(key.start_offset, checkpoint)
            progress.checkpoints[key] = checkpoint
            progress.hold(checkpoint.left())
        if not checkpoint.offsets or checkpoint.end_offset >= progress.next_offset:
            progress.next_offset = checkpoint.end_offset
            old, progress.tail = progress.tail, checkpoint
            self._settle_queue(progress, checkpoint, old)
        elif checkpoint.is_closed:
            self._settle_queue(progress, checkpoint, checkpoint)

    def move_place(self, checkpoint: Checkpoint, revive_offset: int, log_offset_end: int) -> None:
        """The checkpoint has been written again, further on in its revive queue."""
        checkpoint.revive_offset = revive_offset
        checkpoint.log_offset_end = log_offset_end
        self.kept[checkpoint.revive_queue_id].add(revive_offset, checkpoint)
        self._read(checkpoint)
        self._commit_revive(checkpoint.revive_queue_id, log_offset_end)

    def ack(self, checkpoint: Checkpoint, offsets: list[int], log_offset_end: int) -> None:
        """These messages need no delivery any more, as a record that ends there says."""
        progress = self.queues[checkpoint.key.queue]
        if checkpoint.acked == 0 and tuple(offsets) == checkpoint.offsets:
            new, checkpoint.acked = offsets, (1 << len(offsets)) - 1
        else:
            new = [offset for offset in offsets if checkpoint.mark(offset)]
        if passed := progress.let_go(new):
            checkpoint.passed |= passed
        checkpoint.log_offset_end = max(checkpoint.log_offset_end, log_offset_end)
        if checkpoint.is_closed:
            self.open.pop(checkpoint.key, None)
            progress.checkpoints.pop(checkpoint.key, None)
            self._remember(checkpoint)
            self._settle_queue(progress, checkpoint, checkpoint)

    def acked_at(self, revive_queue_id: int, revive_offset: int) -> None:
        """A record of the revive log that is no checkpoint has been written or read."""
        self.read_until[revive_queue_id] = max(self.read_until.get(revive_queue_id, 0), revive_offset + 1)

    def skip(self, queue: QueueKey, progress: QueueProgress, next_offset: int, log_offset_end: int) -> None:
        """Nothing up to `next_offset` is for the group."""
        progress.next_offset = next_offset
        self._commit(queue, progress, log_offset_end)

    def open_of(self, queue: QueueKey) -> list[Checkpoint]:
        """The queue's open checkpoints."""
        progress = self.queues.get(queue)
        return [] if progress is None else list(progress.checkpoints.values())

    def settled(self, log_offset: int) -> Iterator[Move]:
        """Takes out the commits that may be made, for the log is durable below `log_offset`."""
        while self.moves and self.moves[0].log_offset_end <= log_offset:
            yield self.moves.popleft()

    def forget_idle(self, queue: QueueKey, committed_offset: int) -> None:
        """Nothing is out in a queue whose commit says all: no more need be known."""
        progress = self.queues.get(queue)
        if progress is not None and progress.open.first() is None and progress.next_offset == committed_offset:
            del self.queues[queue]

    def forget_moves(self, queue: QueueKey) -> None:
        """What was to be committed for the queue is out of date."""
        self.moves = deque(move for move in self.moves if move.queue != queue)

    def forget(self, topic: str | None, group: str | None) -> None:
        """A topic or a group is deleted: what was popped of it is no more."""
        gone = {queue for queue in self.queues if topic in (None, queue.topic) and group in (None, queue.group)}
        touched: set[int] = set()
        for queue in gone:
            progress = self.queues.pop(queue)
            if progress.tail is not None:
                self._release(progress.tail, touched)
            for checkpoint in progress.checkpoints.values():
                del self.open[checkpoint.key]
                checkpoint.acked = (1 << len(checkpoint.offsets)) - 1
                self._release(checkpoint, touched)
        self.moves = deque(move for move in self.moves if move.queue not in gone)

    def _remember(self, checkpoint: Checkpoint) -> None:
        if len(self.closed) >= POP_CLOSED_REMEMBERED_MAX:
            del self.closed[next(iter(self.closed))]
        offsets, passed = checkpoint.offsets, checkpoint.passed
        self.closed[checkpoint.key] = frozenset(offsets) - passed if passed else offsets

    def _read(self, checkpoint: Checkpoint) -> None:
        self.acked_at(checkpoint.revive_queue_id, checkpoint.revive_offset)

    def _settle_queue(self, progress: QueueProgress, cause: Checkpoint, changed: Checkpoint | None) -> None:
        """After `cause` was added or closed: releases what need not be kept, and says what may be committed."""
        tail = progress.tail
        queue, log_offset_end = cause.key.queue, cause.log_offset_end
        self._commit(queue, progress, log_offset_end)
        touched: set[int] = set()
        if changed is not None and changed is not tail and changed.is_closed:
            self._release(changed, touched)
        if tail is not None and tail.is_closed and progress.open.first() is None:
            self._release(tail, touched)
        for revive_queue_id in touched:
            self._commit_revive(revive_queue_id, log_offset_end)

    def _release(self, checkpoint: Checkpoint, touched: set[int]) -> None:
        if not checkpoint.is_released:
            checkpoint.is_released = True
            self.kept_count -= 1
            touched.add(checkpoint.revive_queue_id)

    def _commit(self, queue: QueueKey, progress: QueueProgress, log_offset_end: int) -> None:
        self.moves.append(Move(queue, progress.committed_offset, log_offset_end))

    def _commit_revive(self, revive_queue_id: int, log_offset_end: int) -> None:
        first = self.kept[revive_queue_id].first()
        end = self.read_until[revive_queue_id] if first is None else first[0]
        self.moves.append(Move(revive_queue_id, end - 1, log_offset_end))
