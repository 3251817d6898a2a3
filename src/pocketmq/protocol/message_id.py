"""The id a broker gives a message: where it is stored. Hex of packed host (8 | 20 bytes) and log offset (8 bytes)."""

from typing import NamedTuple

from pocketmq.model.errors import Refusal
from pocketmq.model.java import to_int64
from pocketmq.model.peer import unpack_host
from pocketmq.protocol.codes import ResponseCode

_OFFSET_BYTES = 8
_SIZES = (16, 28)


class MessageId(NamedTuple):
    """The broker that stored a message, and where in its log."""

    host: str
    port: int
    log_offset: int


def encode_message_id(packed_host: bytes, log_offset: int) -> str:
    """Upper-case hex (MessageDecoder#createMessageId); the host as `pack_host` makes it."""
    return f"{packed_host.hex().upper()}{log_offset & 0xFFFF_FFFF_FFFF_FFFF:016X}"


def decode_message_id(text: str) -> MessageId:
    """Inverse of `encode_message_id`; Refusal if the text is no offset id."""
    try:
        packed = bytes.fromhex(text) if text.isalnum() else b""
    except ValueError:
        packed = b""
    if len(packed) not in _SIZES:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"message id {text[:64]!r} is not 32 or 56 hexadecimal digits")
    host, port = unpack_host(packed[:-_OFFSET_BYTES])
    return MessageId(host, port, to_int64(int.from_bytes(packed[-_OFFSET_BYTES:], "big")))
