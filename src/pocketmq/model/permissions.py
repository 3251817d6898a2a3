"""What may be done with a queue (PermName)."""

PERM_PRIORITY = 8
PERM_READ = 4
PERM_WRITE = 2
PERM_INHERIT = 1

PERM_READ_WRITE = PERM_READ | PERM_WRITE
"""TopicConfig: what a new topic gets."""


def is_readable(perm: int) -> bool:
    """Consumers may pull."""
    return perm & PERM_READ != 0


def is_writeable(perm: int) -> bool:
    """Producers may send."""
    return perm & PERM_WRITE != 0


def is_inherited(perm: int) -> bool:
    """New topics may take their settings from this one."""
    return perm & PERM_INHERIT != 0


def is_valid_perm(perm: int) -> bool:
    """PermName#isValid: 0 to 7; the priority bit alone cannot be asked for."""
    return 0 <= perm < PERM_PRIORITY


def perm_text(perm: int) -> str:
    """`RWX`, with `-` for what is missing."""
    marks = ((PERM_READ, "R"), (PERM_WRITE, "W"), (PERM_INHERIT, "X"))
    return "".join(letter if perm & bit else "-" for bit, letter in marks)
