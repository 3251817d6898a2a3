"""Delay levels of scheduled messages (MessageStoreConfig.messageDelayLevel, ScheduleMessageService)."""

DEFAULT_DELAY_LEVELS = "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h"
"""MessageStoreConfig.messageDelayLevel."""

UNKNOWN_LEVEL_DELAY_MS = 1_000
"""ScheduleMessageService#computeDeliverTimestamp: what a level outside the table waits."""

_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def parse_delay_levels(text: str) -> dict[int, int]:
    """Level to milliseconds, levels from 1; reading stops at the first part that is no number and unit, as in Java."""
    levels: dict[int, int] = {}
    for level, part in enumerate(text.split(" "), start=1):
        unit_ms = _UNIT_MS.get(part[-1:])
        number = part[:-1]
        if unit_ms is None or not number.isascii() or not number.removeprefix("-").isdigit():
            break
        levels[level] = int(number) * unit_ms
    return levels


def delay_of_level(levels: dict[int, int], level: int) -> int:
    """Milliseconds that a message of the level waits; an unknown level waits one second."""
    return levels.get(level, UNKNOWN_LEVEL_DELAY_MS)
