"""Brings the small tables to disk: those that a reply promises, before it leaves; the others now and then."""

import logging
from collections.abc import Callable

from pocketmq.node.flusher import Flusher

log = logging.getLogger(__name__)

Carry = Callable[[OSError | None], None]
Work = Callable[[], None]


class TablesWriter:
    """`unsaved` names the tables that replies wait for; `work_of` takes a table's content now, to be written later.

    What cannot be saved is told to those who waited for it, and written along with whatever is saved next: nobody else
    waits for it, so that on a full disk only what needs the disk fails.
    """

    def __init__(self, flusher: Flusher, unsaved: set[str], work_of: Callable[[str], Work]) -> None:
        self._flusher = flusher
        self._unsaved = unsaved
        self._work_of = work_of
        self._waiting: list[Carry] = []
        self._failed: set[str] = set()
        self._saving = False

    def when_saved(self, carry: Carry) -> None:
        """Calls `carry` once all that is unsaved now is on disk; with the error, if it cannot be."""
        self._waiting.append(carry)
        if not self._saving:
            self._save()

    def save_also(self, names: set[str]) -> None:
        """Writes these tables too, with nobody waiting."""
        self._unsaved |= names
        self.when_saved(_note)

    @property
    def has_failed(self) -> bool:
        """Whether something could not be saved and waits for the next time."""
        return bool(self._failed)

    def _save(self) -> None:
        self._saving = True
        waiting, self._waiting = self._waiting, []
        names = sorted(self._unsaved | self._failed)
        work = [self._work_of(name) for name in names]
        self._unsaved.clear()
        self._failed.clear()

        def write() -> None:
            for save in work:
                save()

        def done(error: OSError | None) -> None:
            self._saving = False
            if error is not None:
                self._failed.update(names)
                log.error("cannot save %s: %s", ", ".join(names), error)
            for carry in waiting:
                carry(error)
            if self._waiting and not self._saving:
                self._save()

        self._flusher.run(write, done)


def _note(error: OSError | None) -> None:
    if error is not None:
        log.warning("the tables are tried again later")
