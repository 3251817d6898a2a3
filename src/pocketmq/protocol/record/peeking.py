"""Single fields of records that are known to be sound, without reading the rest: what filters look at."""

_MAGIC_V1_END = 0xA7
_BODY_AT = 88
_V6_EXTRA = 12


def size_of_record(records: bytes | bytearray, at: int) -> int:
    """How many bytes the record at `at` has."""
    return int.from_bytes(records[at : at + 4], "big")


def queue_offset_of(records: bytes | bytearray, at: int) -> int:
    """Its place in its queue."""
    return int.from_bytes(records[at + 20 : at + 28], "big")


def log_offset_of(records: bytes | bytearray, at: int) -> bytes:
    """Where it stands in the log, as the 8 bytes that a queue entry begins with."""
    return bytes(records[at + 28 : at + 36])


def properties_of(records: bytes | bytearray, at: int) -> bytes:
    """Its properties as they are stored; they end with the record."""
    hosts = records[at + 39]
    body_at = at + _BODY_AT + (_V6_EXTRA if hosts & 16 else 0) + (_V6_EXTRA if hosts & 32 else 0)
    topic_at = body_at + int.from_bytes(records[body_at - 4 : body_at], "big")
    if records[at + 7] == _MAGIC_V1_END:
        properties_at = topic_at + 3 + records[topic_at]
    else:
        properties_at = topic_at + 4 + int.from_bytes(records[topic_at : topic_at + 2], "big")
    return bytes(records[properties_at : at + size_of_record(records, at)])
