"""What was sent, what was acknowledged, what was read: and whether the three can be true of one log.

The invariants, by the numbers that violations print:

    I1  every acknowledged message is in the slot (queue, offset) that its acknowledgement named
    I3  whatever is read was sent, byte for byte
    I4  a slot holds the same message whenever it is read
    I5  a queue's offsets have no gap, and its end lies beyond every acknowledged offset
    I6  a producer's message sent after an acknowledgement stands behind the acknowledged one
    I7  a message sent once is stored once at most
    I8  an acknowledged batch is whole and contiguous; of an unacknowledged one only a prefix may exist
    I10 what a reader has seen is still there after the crash

I2, that what survives is a prefix, follows: nothing acknowledged may be missing at all after a process is killed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

Slot = tuple[int, int]


def digest(body: bytes) -> bytes:
    """What is remembered of a body."""
    return hashlib.blake2b(body, digest_size=12).digest()


@dataclass(slots=True)
class History:
    """Grows during the load and the reads; `violations` says in words what cannot be."""

    sent: dict[str, bytes] = field(default_factory=dict)
    acknowledged: dict[Slot, str] = field(default_factory=dict)
    slots: dict[Slot, str] = field(default_factory=dict)
    batches: list[Sequence[str]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    _slot_of: dict[str, Slot] = field(default_factory=dict)
    _last_acknowledged: dict[tuple[str, int], int] = field(default_factory=dict)
    _acknowledged_end: dict[int, int] = field(default_factory=dict)
    _seen_end: dict[int, int] = field(default_factory=dict)

    def sending(self, producer: str, queue: int, messages: Sequence[tuple[str, bytes]]) -> int:
        """Messages are about to leave in one request; returns the floor that `acknowledge` wants to see again."""
        self.sent.update((key, digest(body)) for key, body in messages)
        if len(messages) > 1:
            self.batches.append([key for key, _body in messages])
        return self._last_acknowledged.get((producer, queue), -1)

    def acknowledge(self, producer: str, queue: int, offset: int, keys: Sequence[str], floor: int) -> None:
        """The broker said that these messages are stored from `offset` on."""
        if offset <= floor:
            self._violate("I6", f"{keys[0]} got {queue}/{offset}, {floor} had been acknowledged before it was sent")
        for at, key in enumerate(keys, offset):
            if (other := self.acknowledged.setdefault((queue, at), key)) != key:
                self._violate("I4", f"{queue}/{at} was acknowledged for {other} and for {key}")
        end = offset + len(keys)
        self._last_acknowledged[producer, queue] = max(end - 1, self._last_acknowledged.get((producer, queue), -1))
        self._acknowledged_end[queue] = max(end, self._acknowledged_end.get(queue, 0))

    def read(self, queue: int, offset: int, key: str, body: bytes) -> None:
        """A reader found this message in this slot."""
        self._seen_end[queue] = max(offset + 1, self._seen_end.get(queue, 0))
        if self.sent.get(key) != digest(body):
            self._violate("I3", f"{queue}/{offset} holds {key!r} with {len(body)} bytes that nobody sent")
        if (other := self.slots.setdefault((queue, offset), key)) != key:
            self._violate("I4", f"{queue}/{offset} held {other}, now it holds {key}")
        if (elsewhere := self._slot_of.setdefault(key, (queue, offset))) != (queue, offset):
            self._violate("I7", f"{key} is stored at {elsewhere} and at {(queue, offset)}")

    def finish_queue(self, queue: int, start: int, found: Sequence[int], minimum: int, maximum: int) -> None:
        """The offsets found by reading a queue from `start`, and its ends as the broker states them."""
        expected = range(max(start, minimum), maximum)
        if list(found) != list(expected):
            missing = sorted(set(expected) - set(found))[:5]
            self._violate("I5", f"queue {queue}: read {len(found)} of {len(expected)} offsets, missing {missing}")
        if maximum < self._acknowledged_end.get(queue, 0):
            self._violate(
                "I5", f"queue {queue} ends at {maximum}, {self._acknowledged_end[queue] - 1} was acknowledged"
            )
        if maximum < self._seen_end.get(queue, 0):
            self._violate("I10", f"queue {queue} ends at {maximum}, {self._seen_end[queue] - 1} has been read before")

    def check_acknowledged(self) -> None:
        """Compare everything acknowledged with everything read; call after reading every queue."""
        for slot, key in self.acknowledged.items():
            if self.slots.get(slot) != key:
                self._violate("I1", f"{key} was acknowledged at {slot}, there is {self.slots.get(slot)}")
        for keys in self.batches:
            places = [self._slot_of.get(key) for key in keys]
            stored = [place for place in places if place is not None]
            queue, first = stored[0] if stored else (0, 0)
            if places[: len(stored)] != [(queue, first + at) for at in range(len(stored))]:
                self._violate("I8", f"a batch of {len(keys)} from {keys[0]} on stands at {places}")

    def _violate(self, invariant: str, words: str) -> None:
        self.violations.append(f"{invariant}: {words}")
