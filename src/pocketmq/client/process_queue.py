"""What was pulled from one queue and is not yet done with. Pure: no clock, no network.

    offsets   12  13  14  15  16 ┊ 17
              ─┬──────────────── ┊ ─┬─
               │ first unfinished   └ next_offset: where the next pull starts
               └ committable: everything before it is done

Acknowledgements come in any order; the broker keeps one number, so what is committed is the lowest offset not yet done.
"""

from collections import deque
from collections.abc import Iterable

from pocketmq.model.limits import CACHED_BYTES_PER_QUEUE_MAX, CACHED_MESSAGES_PER_QUEUE_MAX, CACHED_SPAN_PER_QUEUE_MAX


class ProcessQueue:
    """Unfinished messages of one assigned queue, by queue offset, as body sizes."""

    __slots__ = ("_order", "_sizes", "byte_count", "generation", "next_offset")

    def __init__(self, next_offset: int) -> None:
        self.next_offset = next_offset
        self.generation = 0
        self.byte_count = 0
        self._sizes: dict[int, int] = {}
        self._order: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._sizes)

    @property
    def committable(self) -> int:
        """The offset to commit: the first unfinished one, or where pulling goes on."""
        return self._order[0] if self._order else self.next_offset

    @property
    def first_and_last(self) -> tuple[int, int]:
        """Lowest and highest unfinished offset; zeros if there is none."""
        return (self._order[0], max(self._sizes)) if self._order else (0, 0)

    @property
    def is_full(self) -> bool:
        """Whether pulling must wait for acknowledgements."""
        if not self._order:
            return False
        span = self.next_offset - self._order[0]
        return (
            len(self._sizes) >= CACHED_MESSAGES_PER_QUEUE_MAX
            or self.byte_count >= CACHED_BYTES_PER_QUEUE_MAX
            or span > CACHED_SPAN_PER_QUEUE_MAX
        )

    def add(self, pulled: Iterable[tuple[int, int]], next_offset: int) -> list[int]:
        """Takes (offset, body size) pairs of one pull; gives the offsets that are new, ascending, and moves on."""
        added = []
        for offset, size in pulled:
            if offset in self._sizes or offset < self.next_offset:
                continue
            self._sizes[offset] = size
            self._order.append(offset)
            self.byte_count += size
            added.append(offset)
        self.next_offset = next_offset
        return added

    def holds(self, queue_offset: int, generation: int) -> bool:
        """Whether the message pulled as `queue_offset` in that generation is still to be done."""
        return generation == self.generation and queue_offset in self._sizes

    def finish(self, queue_offset: int, generation: int) -> bool:
        """Marks one as done; false if it already was, or its generation is over."""
        if not self.holds(queue_offset, generation):
            return False
        size = self._sizes.pop(queue_offset)
        self.byte_count -= size
        while self._order and self._order[0] not in self._sizes:
            self._order.popleft()
        return True

    def move(self, next_offset: int) -> None:
        """Forgets what is unfinished and goes on at `next_offset`, forwards or back, in a new generation."""
        self.generation += 1
        self._sizes.clear()
        self._order.clear()
        self.byte_count = 0
        self.next_offset = next_offset
