"""What a verification of a store says: findings, and how far it has come."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

REBUILT = "`pocketmq fsck --repair` rebuilds it from the log"
NEXT_START = "nothing to do: the next start puts it right"


class Severity(StrEnum):
    """DAMAGE: what clients were promised is gone. DERIVED: can be built again from the log. NOTICE: worth knowing."""

    DAMAGE = "damage"
    DERIVED = "derived"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be, where it is, and what helps.

    `path` is below the store's folder, `file_offset` a byte in that file; both offsets and the queue are None where
    they mean nothing.
    """

    severity: Severity
    path: str
    said: str
    remedy: str = ""
    file_offset: int | None = None
    topic: str | None = None
    queue_id: int | None = None
    queue_offset: int | None = None
    log_offset: int | None = None


class Progress(NamedTuple):
    """Bytes of the log walked so far, of how many; the second number is an upper bound while a broker writes."""

    done_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Trust:
    """Up to which record queues and index must be complete: all after a clean stop, else what the checkpoint says."""

    was_clean: bool
    synced_log_offset: int

    def severity(self, log_offset: int) -> Severity:
        """Of a fault in what is derived from the record at this offset: the next start derives later ones again."""
        return Severity.DERIVED if self.was_clean or log_offset < self.synced_log_offset else Severity.NOTICE

    def remedy(self, log_offset: int) -> str:
        """What helps against it."""
        return REBUILT if self.severity(log_offset) is Severity.DERIVED else NEXT_START
