"""Compares a queue of batches with the log's records while these come by in order.

Units have no place of their own to be found at: they stand in the order of the records. So both are walked side by
side, and each record's unit is the next one, or it is missing; a unit in front of it leads nowhere.
"""

from dataclasses import dataclass

from pocketmq.protocol.record import Scanned
from pocketmq.store.batch_queue import Unit
from pocketmq.store.finding import Finding, Trust
from pocketmq.store.stored_batches import StoredBatches

MISSING = "{count} of the log's records have no unit here"
DANGLING = "{count} units point where the log has no record of this queue"
BEHIND_LOG = "{count} units point behind the log's end"


@dataclass(slots=True)
class _Run:
    """Neighbours with one fault: the place of the first unit, and the offsets of its record."""

    kind: str
    index: int
    queue_offset: int
    log_offset: int
    count: int = 1


class BatchCheck:
    """One queue. `place` takes its records in log order, then `finish`; `end` is one past its last queue offset."""

    def __init__(self, queue: StoredBatches, log_start: int, trust: Trust, damaged: list[tuple[int, int]]) -> None:
        self.queue = queue
        self.end = 0
        self.next = queue.start
        self._log_start = log_start
        self._trust = trust
        self._damaged = damaged
        self._run: _Run | None = None
        self._found: list[Finding] = []

    def place(self, record: Scanned) -> list[Finding]:
        """Takes the queue's next record; what is wrong with its unit or with those before it."""
        expected = Unit(
            record.log_offset, record.size, record.facts.tags_code, record.store_timestamp, record.queue_offset,
            max(record.inner_count, 1),
        )  # fmt: skip
        unit = self.queue.unit(self.next)
        while unit is not None and unit.first_offset != record.queue_offset and unit.log_offset < record.log_offset:
            self._pass(unit, DANGLING)
            unit = self.queue.unit(self.next)
        if unit == expected:
            self._close_run()
            self._advance(expected)
        elif unit is not None and (unit.first_offset, unit.log_offset) != (0, 0) and self._is_meant(unit, expected):
            self._close_run()
            path, inside = self.queue.place(self.next)
            said = f"a unit says {_text(unit)}, its record makes it {_text(expected)}"
            self._found.append(self._finding(path, inside, said, record.queue_offset, record.log_offset))
            self._advance(expected)
        else:
            self._note(MISSING, record.queue_offset, record.log_offset)
            self.end = max(self.end, expected.end_offset)
        found, self._found = self._found, []
        return found

    def finish(self, log_end: int) -> list[Finding]:
        """No record follows: what else stands in the files."""
        while (unit := self.queue.unit(self.next)) is not None:
            self._pass(unit, BEHIND_LOG if unit.log_offset >= log_end else DANGLING)
        self._close_run()
        found, self._found = self._found, []
        return found

    def _is_meant(self, unit: Unit, expected: Unit) -> bool:
        return unit.log_offset == expected.log_offset or unit.first_offset == expected.first_offset

    def _advance(self, unit: Unit) -> None:
        self.next += 1
        self.end = max(self.end, unit.end_offset)

    def _pass(self, unit: Unit, kind: str) -> None:
        is_expired = 0 <= unit.log_offset < self._log_start
        if not is_expired and not any(start <= unit.log_offset < end for start, end in self._damaged):
            self._note(kind, unit.first_offset, unit.log_offset)
        self._advance(unit)

    def _note(self, kind: str, queue_offset: int, log_offset: int) -> None:
        """One of a run with the same fault."""
        if self._run is not None and self._run.kind == kind:
            self._run.count += 1
            return
        self._close_run()
        self._run = _Run(kind, self.next, queue_offset, log_offset)

    def _close_run(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            said = f"{run.kind.format(count=run.count)}, the first for queue offset {run.queue_offset}"
            self._found.append(self._finding(*self.queue.place(run.index), said, run.queue_offset, run.log_offset))

    def _finding(self, path: str, inside: int, said: str, queue_offset: int, log_offset: int) -> Finding:
        severity = self._trust.severity(log_offset)
        return Finding(
            severity, path, said, self._trust.remedy(log_offset), inside,
            self.queue.topic, self.queue.queue_id, queue_offset, log_offset,
        )  # fmt: skip


def _text(unit: Unit) -> str:
    return (
        f"{unit.message_count} messages from queue offset {unit.first_offset} in {unit.size} bytes "
        f"at {unit.log_offset}, tags code {unit.tags_code}, stored {unit.store_timestamp}"
    )
