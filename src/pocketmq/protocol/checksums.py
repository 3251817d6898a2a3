"""CRC-32 as RocketMQ stores it, by ISA-L where it installs (ten times zlib's speed on a long body), else by zlib."""

try:
    from isal.isal_zlib import crc32
except ImportError:  # No wheel for this platform: the same numbers, slower.
    from zlib import crc32

from pocketmq.model.properties import CRC32
from pocketmq.protocol.properties import NAME_VALUE_SEPARATOR, PROPERTY_SEPARATOR

__all__ = ["LONG_BYTES", "crc32", "crc32_positive", "crc_property"]

LONG_BYTES = 512
"""From here on ISA-L makes up for its longer call; compiled code asks zlib for the sum of anything shorter."""

_DIGITS = 10


def crc32_positive(content: bytes) -> int:
    """The CRC without its highest bit, so that Java's int is never negative (UtilAll#crc32)."""
    return crc32(content) & 0x7FFF_FFFF


def crc_property(checksum: int) -> bytes:
    """The property that carries a record's CRC: ten digits, the lowest first (MessageDecoder#createCrc32)."""
    digits = f"{checksum:0{_DIGITS}d}"[::-1]
    return f"{CRC32}{NAME_VALUE_SEPARATOR}{digits}{PROPERTY_SEPARATOR}".encode()
