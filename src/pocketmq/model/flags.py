"""Bits of a message's, a pull request's and a topic's system flag (MessageSysFlag, PullSysFlag, TopicSysFlag)."""

from enum import IntEnum

COMPRESSED = 1
MULTI_TAGS = 1 << 1
TRANSACTION_NONE = 0
TRANSACTION_PREPARED = 1 << 2
TRANSACTION_COMMIT = 2 << 2
TRANSACTION_ROLLBACK = 3 << 2
BORN_HOST_V6 = 1 << 4
STORE_HOST_V6 = 1 << 5
NEED_UNWRAP = 1 << 6
INNER_BATCH = 1 << 7
COMPRESSION_TYPE_MASK = 7 << 8

PULL_COMMIT_OFFSET = 1
PULL_SUSPEND = 1 << 1
PULL_SUBSCRIPTION = 1 << 2
PULL_CLASS_FILTER = 1 << 3
PULL_LITE = 1 << 4

TOPIC_UNIT = 1
TOPIC_UNIT_SUBSCRIPTION = 1 << 1


class CompressionType(IntEnum):
    """How a compressed body was compressed (CompressionType)."""

    LZ4 = 1
    ZSTD = 2
    ZLIB = 3

    @property
    def flag(self) -> int:
        """The bits of the system flag that say so."""
        return self.value << 8


def compression_type(sys_flag: int) -> CompressionType:
    """The type in the flag; none named means ZLIB, as clients before 5.0 wrote. ValueError for an unknown number."""
    number = (sys_flag & COMPRESSION_TYPE_MASK) >> 8
    return CompressionType(number) if number else CompressionType.ZLIB


def transaction_type(sys_flag: int) -> int:
    """One of the TRANSACTION_ constants."""
    return sys_flag & TRANSACTION_ROLLBACK


def with_transaction_type(sys_flag: int, transaction: int) -> int:
    """The flag with its transaction bits replaced."""
    return sys_flag & ~TRANSACTION_ROLLBACK | transaction


def without_compressed(sys_flag: int) -> int:
    """The flag of the same message once its body is plain; the type bits stay, as in Java."""
    return sys_flag & ~COMPRESSED


def pull_sys_flag(
    *, commit_offset: bool, suspend: bool, subscription: bool, class_filter: bool = False, lite: bool = False
) -> int:
    """The system flag of a pull request."""
    flag = PULL_COMMIT_OFFSET if commit_offset else 0
    flag |= PULL_SUSPEND if suspend else 0
    flag |= PULL_SUBSCRIPTION if subscription else 0
    flag |= PULL_CLASS_FILTER if class_filter else 0
    return flag | (PULL_LITE if lite else 0)
