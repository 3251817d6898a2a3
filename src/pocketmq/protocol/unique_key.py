"""The id a client gives a message before any broker has seen it (MessageClientIDSetter). Hex of

    address 4 | 16   process id 2   salt 4   milliseconds since the month began 4   counter 2

The month begins in the client's local time; the salt is the hash of a Java class loader, or anything else that differs
between two processes of one host.
"""

from datetime import datetime, tzinfo
from typing import NamedTuple

from pocketmq.model.errors import Refusal
from pocketmq.model.java import to_int32
from pocketmq.model.peer import unpack_host
from pocketmq.protocol.codes import ResponseCode

_TAIL_BYTES = 12
_SIZES = (16, 28)
_INT_BITS = 0xFFFF_FFFF
_SHORT_BITS = 0xFFFF


class UniqueKey(NamedTuple):
    """What a unique key says; `age_ms` counts from the beginning of the month in which it was made."""

    host: str
    process_id: int
    salt: int
    age_ms: int
    counter: int


def encode_unique_key(address: bytes, *, process_id: int, salt: int, age_ms: int, counter: int) -> str:
    """Upper-case hex; each number is cut to the bits it has."""
    numbers = f"{process_id & _SHORT_BITS:04X}{salt & _INT_BITS:08X}{age_ms & _INT_BITS:08X}{counter & _SHORT_BITS:04X}"
    return address.hex().upper() + numbers


def decode_unique_key(text: str) -> UniqueKey:
    """Inverse of `encode_unique_key`; Refusal if the text is no such key."""
    try:
        packed = bytes.fromhex(text) if text.isalnum() else b""
    except ValueError:
        packed = b""
    if len(packed) not in _SIZES:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"unique key {text[:64]!r} is not 32 or 56 hexadecimal digits")
    address, tail = packed[:-_TAIL_BYTES], packed[-_TAIL_BYTES:]
    host, _ = unpack_host(address + bytes(4))
    return UniqueKey(
        host=host,
        process_id=int.from_bytes(tail[:2], "big"),
        salt=to_int32(int.from_bytes(tail[2:6], "big")),
        age_ms=int.from_bytes(tail[6:10], "big"),
        counter=int.from_bytes(tail[10:], "big"),
    )


def month_around(now_ms: int, zone: tzinfo) -> tuple[int, int]:
    """The first millisecond of this month and of the next, in the time zone."""
    moment = datetime.fromtimestamp(now_ms // 1000, zone)
    start = datetime(moment.year, moment.month, 1, tzinfo=zone)
    years, month = divmod(moment.month, 12)
    end = datetime(moment.year + years, month + 1, 1, tzinfo=zone)
    return round(start.timestamp()) * 1000, round(end.timestamp()) * 1000
