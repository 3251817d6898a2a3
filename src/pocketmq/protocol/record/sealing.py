"""A checksum over a whole record, in the last of its properties (enabledAppendPropCRC; CommitLog, MessageDecoder).

    properties ... \\x02 | __CRC32# \\x01 ten digits, the lowest first \\x02     20 bytes, not counted in the checksum

The body's CRC says nothing of offsets, times, hosts, topic and properties; this one covers them all.
"""

from pocketmq.protocol.checksums import crc32_positive, crc_property

_UNKNOWN = crc_property(0)
SEAL_BYTES = len(_UNKNOWN)
SEAL_ROOM_BYTES = SEAL_BYTES + 1
"""With the separator that properties may lack."""

_DIGITS_AT = SEAL_BYTES - 11
_NAME = _UNKNOWN[:_DIGITS_AT]


def with_seal(properties: bytes) -> bytes:
    """The properties with room for a checksum behind them."""
    separator = b"" if not properties or properties[-1] == 2 else b"\x02"
    return properties + separator + _UNKNOWN


def seal(buffer: bytearray, start: int, end: int) -> None:
    """Puts the checksum of the record `buffer[start:end]` into the room that `with_seal` made."""
    buffer[end - SEAL_BYTES : end] = crc_property(crc32_positive(bytes(buffer[start : end - SEAL_BYTES])))


def is_seal_broken(record: bytes) -> bool:
    """Whether the record ends in a checksum, and another than its own."""
    sealed = record[-SEAL_BYTES:]
    if not sealed.startswith(_NAME):
        return False
    return sealed != crc_property(crc32_positive(record[:-SEAL_BYTES]))
