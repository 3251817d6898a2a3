"""Which of many comes first: a heap whose members may die at any place, and that holds as many dead as living."""

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")

_SLACK = 64


class Earliest(Generic[T]):
    """Members by a number; those that `is_live` (number, member) no longer holds for are passed over."""

    def __init__(self, is_live: Callable[[int, T], bool]) -> None:
        self._is_live = is_live
        self._heap: list[tuple[int, int, T]] = []
        self._added = 0
        self._sweep_at = _SLACK

    def __len__(self) -> int:
        """How many are held, dead ones among them."""
        return len(self._heap)

    def add(self, number: int, member: T) -> None:
        """Add a member."""
        if len(self._heap) >= self._sweep_at:
            self._heap = [entry for entry in self._heap if self._is_live(entry[0], entry[2])]
            heapify(self._heap)
            self._sweep_at = 2 * len(self._heap) + _SLACK
        self._added += 1
        heappush(self._heap, (number, self._added, member))

    def first(self) -> tuple[int, T] | None:
        """The living member with the least number."""
        heap = self._heap
        while heap and not self._is_live(heap[0][0], heap[0][2]):
            heappop(heap)
        return (heap[0][0], heap[0][2]) if heap else None

    def until(self, number: int) -> Iterator[T]:
        """Takes out, one by one, the living members whose number is not beyond this one."""
        while (first := self.first()) is not None and first[0] <= number:
            heappop(self._heap)
            yield first[1]
