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

I2, that what survives is a prefix, follows where nothing acknowledged may be missing at all, as after a kill. Where a
policy lets a power cut take the end of the log, `lose_ends` looks for it.

A refused message that must not be stored is told by `refuse`; while `refusals_allowed`, a refusal is no violation.
"""

import hashlib
from collections.abc import Mapping, Sequence
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
    refused: set[str] = field(default_factory=set)
    refusal_count: int = 0
    refusal_codes: dict[int, int] = field(default_factory=dict)
    refusals_allowed: bool = False
    acknowledged_after_failure: int = 0
    _slots_in_order: dict[str, list[Slot]] = field(default_factory=dict)
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
        self._slots_in_order.setdefault(producer, []).extend((queue, at) for at in range(offset, offset + len(keys)))
        end = offset + len(keys)
        self._last_acknowledged[producer, queue] = max(end - 1, self._last_acknowledged.get((producer, queue), -1))
        self._acknowledged_end[queue] = max(end, self._acknowledged_end.get(queue, 0))

    def refuse(self, keys: Sequence[str], code: int, remark: str | None, *, never_stored: bool) -> None:
        """The broker refused these messages; `never_stored`: and said so before they were written."""
        self.refusal_count += 1
        self.refusal_codes[code] = self.refusal_codes.get(code, 0) + 1
        if not self.refusals_allowed:
            self.violations.append(f"a send was refused with {code}: {remark}")
        if never_stored:
            self.refused.update(keys)

    def lose_ends(self, ends: Mapping[int, int]) -> int:
        """A power cut may have taken what stands at or beyond these ends of the queues; how many acknowledged it took.

        It took the end of the log: nobody's earlier message is lost where a later one of his is still there (I2).
        """
        for producer, slots in self._slots_in_order.items():
            lost = [at for at, slot in enumerate(slots) if slot[1] >= ends[slot[0]]]
            if lost and len(slots) - lost[0] != len(lost):
                self._violate("I2", f"{producer} lost {slots[lost[0]]}, something acknowledged later is still there")
            self._slots_in_order[producer] = [slot for slot in slots if slot[1] < ends[slot[0]]]
        before = len(self.acknowledged)
        self.acknowledged = {slot: key for slot, key in self.acknowledged.items() if slot[1] < ends[slot[0]]}
        self.slots = {slot: key for slot, key in self.slots.items() if slot[1] < ends[slot[0]]}
        self._slot_of = {key: slot for key, slot in self._slot_of.items() if slot[1] < ends[slot[0]]}
        for queue, end in ends.items():
            for known in (self._acknowledged_end, self._seen_end):
                known[queue] = min(end, known.get(queue, 0))
        self._last_acknowledged.clear()
        return before - len(self.acknowledged)

    def read(self, queue: int, offset: int, key: str, body: bytes) -> None:
        """A reader found this message in this slot."""
        self._seen_end[queue] = max(offset + 1, self._seen_end.get(queue, 0))
        if self.sent.get(key) != digest(body):
            self._violate("I3", f"{queue}/{offset} holds {key!r} with {len(body)} bytes that nobody sent")
        if key in self.refused:
            self._violate("I3", f"{queue}/{offset} holds {key}, which was refused")
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
