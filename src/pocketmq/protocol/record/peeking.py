"""What filters look at in records that are known to be sound: their place and their properties, and nothing else."""

import struct

_MAGIC_V1_END = 0xA7
_BODY_AT = 88
_V6_EXTRA = 12
_HEAD = struct.Struct(">i3xB20x8s3xB")
"""Size, last byte of the magic, log offset, last byte of the system flags."""

_SIZE = struct.Struct(">i")


def peek(records: bytes | bytearray, at: int) -> tuple[int, bytes, bytes]:
    """Of the record at `at`: its size, its log offset as a queue entry has it, and its properties as stored."""
    size, magic, log_offset, hosts = _HEAD.unpack_from(records, at)
    body_at = at + _BODY_AT
    if hosts & 48:
        body_at += (_V6_EXTRA if hosts & 16 else 0) + (_V6_EXTRA if hosts & 32 else 0)
    (body_size,) = _SIZE.unpack_from(records, body_at - 4)
    topic_at = body_at + body_size
    if magic == _MAGIC_V1_END:
        properties_at = topic_at + 3 + records[topic_at]
    else:
        properties_at = topic_at + 4 + int.from_bytes(records[topic_at : topic_at + 2], "big")
    return size, log_offset, bytes(records[properties_at : at + size])


def queue_offset_of(records: bytes | bytearray, at: int) -> int:
    """Its place in its queue."""
    return int.from_bytes(records[at + 20 : at + 28], "big")
