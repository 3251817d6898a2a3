"""RocketMQ's version numbers as they travel in frames: ordinals of MQVersion.Version."""

from functools import cache

V3_0_11 = 37
V3_4_9 = 121
V4_1_0_SNAPSHOT = 232
V4_9_3 = 399
V4_9_4 = 401
V5_0_0 = 413
V5_3_1 = 475
V5_3_3 = 479
V5_5_0 = 513

CURRENT = V5_5_0
"""MQVersion.CURRENT_VERSION of the release we follow."""

HIGHER_VERSION = "HIGHER_VERSION"
"""What MQVersion calls an ordinal it does not know."""

_FIRST = (
    "V3_0_0_SNAPSHOT",
    "V3_0_0_ALPHA1",
    "V3_0_0_BETA1",
    "V3_0_0_BETA2",
    "V3_0_0_BETA3",
    "V3_0_0_BETA4",
    "V3_0_0_BETA5",
    "V3_0_0_BETA6_SNAPSHOT",
    "V3_0_0_BETA6",
    "V3_0_0_BETA7_SNAPSHOT",
    "V3_0_0_BETA7",
    "V3_0_0_BETA8_SNAPSHOT",
    "V3_0_0_BETA8",
    "V3_0_0_BETA9_SNAPSHOT",
    "V3_0_0_BETA9",
    "V3_0_0_FINAL",
)


def version_name(ordinal: int) -> str:
    """`V5_5_0` for 513; `HIGHER_VERSION` beyond the table (MQVersion#getVersionDesc)."""
    names = _names()
    return names[ordinal] if 0 <= ordinal < len(names) else HIGHER_VERSION


def version_ordinal(name: str) -> int:
    """513 for `V5_5_0`, the ordinal of HIGHER_VERSION for a name that is not in the table."""
    names = _names()
    return names.index(name) if name in names else len(names) - 1


@cache
def _names() -> tuple[str, ...]:
    names = list(_FIRST)
    for major, minors in ((3, range(10)), (4, range(10)), (5, range(10))):
        for minor in minors:
            first = 1 if major == 3 and (minor == 0 or minor >= 3) else 0
            last = 15 if (major, minor) == (3, 0) else 9
            for patch in range(first, last + 1):
                names += (f"V{major}_{minor}_{patch}_SNAPSHOT", f"V{major}_{minor}_{patch}")
    names.append(HIGHER_VERSION)
    return tuple(names)
