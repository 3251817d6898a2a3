"""The version of a broker's table, by which copies and name servers tell whether they have the newest."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataVersion:
    """Equal only if all three numbers are (DataVersion#equals); a peer may leave the counter out."""

    state_version: int = 0
    timestamp: int = 0
    counter: int | None = 0

    def next(self, now_ms: int, state_version: int = 0) -> "DataVersion":
        """The version after one more change (DataVersion#nextVersion)."""
        return DataVersion(state_version, now_ms, (self.counter or 0) + 1)
