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
    properties_at = _properties_at(records, _topic_at(records, at, hosts), magic)
    return size, log_offset, bytes(records[properties_at : at + size])


def size_of_parts(data: bytes, at: int) -> int:
    """What the lengths inside a record at `at` add up to, whatever it says of its size; 0 if they leave `data`."""
    try:
        _, magic, _, hosts = _HEAD.unpack_from(data, at)
        topic_at = _topic_at(data, at, hosts)
        properties_at = _properties_at(data, topic_at, magic)
        end = properties_at + int.from_bytes(data[properties_at - 2 : properties_at], "big")
    except (struct.error, IndexError):
        return 0
    return end - at if at + _BODY_AT <= topic_at < properties_at <= end <= len(data) else 0


def queue_offset_of(records: bytes | bytearray, at: int) -> int:
    """Its place in its queue."""
    return int.from_bytes(records[at + 20 : at + 28], "big")


def _topic_at(records: bytes | bytearray, at: int, hosts: int) -> int:
    body_at = at + _BODY_AT
    if hosts & 48:
        body_at += (_V6_EXTRA if hosts & 16 else 0) + (_V6_EXTRA if hosts & 32 else 0)
    (body_size,) = _SIZE.unpack_from(records, body_at - 4)
    return body_at + int(body_size)


def _properties_at(records: bytes | bytearray, topic_at: int, magic: int) -> int:
    if magic == _MAGIC_V1_END:
        return topic_at + 3 + records[topic_at]
    return topic_at + 4 + int.from_bytes(records[topic_at : topic_at + 2], "big")
