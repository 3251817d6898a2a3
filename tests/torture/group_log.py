"""What the members of a group write down while they live, and how it becomes a history.

Each member has a file of its own; a line is written with one `write` before the member does what follows from it, so
that a kill takes nothing of it. The first word is the kind, the second the monotonic clock of the machine, in ns:

    T ns topic queue offset                      takes the queue up, at this offset
    G ns topic queue offset                      has given it up, and committed this offset; - if it could not
    B ns topic queue offset message              a listener begins
    P ns topic queue offset message given until  the same with a popped message, hidden from `given` to `until`
    E ns topic queue offset is_done is_settled   the listener has ended
    A ns topic queue offset                      the acknowledgement of a popped message was answered
"""

import heapq
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pocketmq.testing.consumption_history import Delivery, History, Place

MS = 1_000_000


class MemberLog:
    """The writing end."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, kind: str, topic: str, queue: int, offset: int | str, more: str = "") -> None:
        """One line, of now."""
        os.write(self._file, f"{kind} {time.monotonic_ns()} {topic} {queue} {offset} {more}\n".encode())


class Event(NamedTuple):
    """A line of a member, or a word from outside about one."""

    ns: int
    member: str
    words: list[str]


GONE = "GONE"
"""From outside: the member's process has ended."""

OWNERS = "OWNERS"
"""From outside: the group is calm; who has which queue now?"""


def lines_of(path: Path) -> Iterator[Event]:
    """A member's events. What a kill has cut off is no line."""
    if not path.exists():
        return
    with path.open() as file:
        for line in file:
            if line.endswith("\n"):
                words = line.split()
                yield Event(int(words[1]), path.stem, words)


class Teller:
    """Tells one group's history, event by event."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.owners: dict[Place, list[str]] = {}
        self._running: dict[tuple[str, Place, int], Delivery] = {}
        self._hidden: dict[tuple[str, Place, int], Delivery] = {}
        self._places: dict[tuple[str, str], Place] = {}
        self._names = {message: message for message in history.sent}

    def tell(self, members: Iterable[Iterable[Event]], outside: list[Event]) -> None:
        """All of it, in the order of the clock."""
        for event in heapq.merge(*members, sorted(outside), key=lambda one: one.ns):
            self._tell(event.member, event.ns // MS, event.words)

    def _tell(self, member: str, now_ms: int, words: list[str]) -> None:
        kind = words[0]
        if kind == GONE:
            self._gone(member, now_ms)
            return
        if kind == OWNERS:
            self.owners = self.history.owners()
            return
        place = self._places.setdefault((words[2], words[3]), (words[2], int(words[3])))
        if kind == "T":
            self.history.took(member, place, int(words[4]), now_ms)
        elif kind == "G":
            self.history.gave(member, place, None if words[4] == "-" else int(words[4]), now_ms)
        else:
            self._tell_of_delivery(member, place, now_ms, words)

    def _tell_of_delivery(self, member: str, place: Place, now_ms: int, words: list[str]) -> None:
        kind, offset = words[0], int(words[4])
        key = (member, place, offset)
        if kind == "B":
            message = self._names.get(words[5], words[5])
            self._running[key] = self.history.begin(member, place, offset, message, now_ms)
        elif kind == "P":
            message = self._names.get(words[5], words[5])
            given_ms, until_ms = int(words[6]) // MS, int(words[7]) // MS
            delivery = self.history.popped(member, place, offset, message, now_ms=given_ms, hidden_until_ms=until_ms)
            self._running[key] = self._hidden[key] = delivery
        elif kind == "E":
            is_done, is_settled = words[5] == "1", words[6] == "1"
            self.history.end(self._running.pop(key), now_ms, is_done=is_done, is_settled=is_settled)
        else:
            self._hidden.pop(key).acknowledged_ms = now_ms

    def _gone(self, member: str, now_ms: int) -> None:
        for key in [key for key in self._running if key[0] == member]:
            self._running.pop(key).ended_ms = now_ms
        self.history.gone(member, now_ms)
