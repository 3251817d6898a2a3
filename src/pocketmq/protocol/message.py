"""Messages in the forms that have no place in the commit log: a producer's batch, and a record made from a value.

A batch is one message after another, big endian; total size, magic and CRC are written and never read:

    0 total size 4    4 magic 4 (0)    8 CRC 4 (0)    12 flag 4
    16 body length 4, body             .. properties length 2, properties

Sources: MessageDecoder#encodeMessage, #decodeMessage, #encode, #encodeUniquely; MessageExtEncoder#encode of a batch.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from pocketmq.model.errors import Refusal
from pocketmq.model.limits import PROPERTIES_BYTES_MAX
from pocketmq.model.message import Message, StoredMessage
from pocketmq.model.peer import pack_host
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.properties import decode_properties, encode_properties

MAGIC_V1 = 0xDAA320A7
"""MessageDecoder.MESSAGE_MAGIC_CODE: the topic's length takes one byte."""

MAGIC_V2 = 0xDAA320AB
"""MessageDecoder.MESSAGE_MAGIC_CODE_V2: it takes two."""

TOPIC_BYTES_V1_MAX = 127

_HEAD = struct.Struct(">iiiii")
_LENGTH = struct.Struct(">h")
_RECORD_HEAD = struct.Struct(">iIiiiqqiq")


class BatchEntry(NamedTuple):
    """One message of a batch as it lies there."""

    flag: int
    body: bytes
    properties: bytes


def encode_message(message: Message) -> bytes:
    """One message as a part of a batch; Refusal if its properties do not fit."""
    properties = _fitting_properties(message)
    size = _HEAD.size + len(message.body) + _LENGTH.size + len(properties)
    head = _HEAD.pack(size, 0, 0, message.flag, len(message.body))
    return b"".join((head, message.body, _LENGTH.pack(len(properties)), properties))


def encode_messages(messages: Iterable[Message]) -> bytes:
    """A batch's body."""
    return b"".join(map(encode_message, messages))


def split_batch(body: bytes, bytes_max: int) -> list[BatchEntry]:
    """The messages of a batch; Refusal if it is larger than the bound, broken or empty."""
    if len(body) > bytes_max:
        raise Refusal(
            ResponseCode.MESSAGE_ILLEGAL,
            f"message body size exceeded: the batch has {len(body)} bytes, MAX: {bytes_max}",
        )
    entries: list[BatchEntry] = []
    at = 0
    while at < len(body):
        entry, at = _take_entry(body, at)
        entries.append(entry)
    if not entries:
        raise Refusal(ResponseCode.MESSAGE_ILLEGAL, "the batch holds no message")
    return entries


def decode_messages(topic: str, body: bytes) -> list[Message]:
    """The messages of a batch for a topic; Refusal if it is broken or empty."""
    return [
        Message(topic, entry.body, decode_properties(entry.properties), entry.flag)
        for entry in split_batch(body, len(body))
    ]


def unwrap_batch(message: StoredMessage) -> list[StoredMessage]:
    """The messages inside an inner batch, with offsets that count on from its own; Refusal if it is broken or empty."""
    return [
        msgspec.structs.replace(
            message,
            queue_offset=message.queue_offset + index,
            flag=entry.flag,
            body=entry.body,
            properties=decode_properties(entry.properties),
        )
        for index, entry in enumerate(split_batch(message.body, len(message.body)))
    ]


def encode_record(message: StoredMessage) -> bytes:
    """The message as a log record, which is how one client's message travels to another through a broker."""
    properties = _fitting_properties(message)
    topic = message.topic.encode("utf-8", "replace")
    is_short = len(topic) <= TOPIC_BYTES_V1_MAX
    store = (struct.pack(">q", message.store_timestamp), _packed(message.store_host))
    tail = (
        struct.pack(">iqi", message.reconsume_times, message.prepared_transaction_offset, len(message.body)),
        message.body,
        len(topic).to_bytes(1 if is_short else 2, "big"),
        topic,
        _LENGTH.pack(len(properties)),
        properties,
    )
    return _record(message, MAGIC_V1 if is_short else MAGIC_V2, (*store, *tail))


def encode_record_without_store(message: StoredMessage) -> bytes:
    """Like `encode_record`, without when and where it was stored: equal for one message on two brokers."""
    properties = _fitting_properties(message)
    topic = message.topic.encode("utf-8", "replace")
    if len(topic) > TOPIC_BYTES_V1_MAX:
        raise Refusal(ResponseCode.MESSAGE_ILLEGAL, f"topic of {len(topic)} bytes, MAX: {TOPIC_BYTES_V1_MAX}")
    tail = (
        struct.pack(">iqi", message.reconsume_times, message.prepared_transaction_offset, len(message.body)),
        message.body,
        len(topic).to_bytes(1, "big"),
        topic,
        _LENGTH.pack(len(properties)),
        properties,
    )
    return _record(message, MAGIC_V1, tail)


def _record(message: StoredMessage, magic: int, tail: Sequence[bytes]) -> bytes:
    born_host = _packed(message.born_host)
    size = _RECORD_HEAD.size + len(born_host) + sum(map(len, tail))
    head = _RECORD_HEAD.pack(
        size,
        magic,
        message.body_crc,
        message.queue_id,
        message.flag,
        message.queue_offset,
        message.log_offset,
        message.sys_flag,
        message.born_timestamp,
    )
    return b"".join((head, born_host, *tail))


def broken_batch(size: int, at: int) -> Refusal:
    """The answer to a batch of `size` bytes that is none from byte `at` on."""
    return Refusal(ResponseCode.MESSAGE_ILLEGAL, f"the batch of {size} bytes is broken at {at}")


def _take_entry(body: bytes, at: int) -> tuple[BatchEntry, int]:
    try:
        _, _, _, flag, body_size = _HEAD.unpack_from(body, at)
        body_at = at + _HEAD.size
        properties_at = body_at + body_size + _LENGTH.size
        (properties_size,) = _LENGTH.unpack_from(body, body_at + body_size) if body_size >= 0 else (-1,)
    except struct.error:
        properties_size = -1
    if properties_size < 0 or properties_at + properties_size > len(body):
        raise broken_batch(len(body), at)
    end = properties_at + properties_size
    return BatchEntry(flag, body[body_at : body_at + body_size], body[properties_at:end]), end


def _fitting_properties(message: Message | StoredMessage) -> bytes:
    properties = encode_properties(message.properties)
    if len(properties) > PROPERTIES_BYTES_MAX:
        raise Refusal(
            ResponseCode.MESSAGE_ILLEGAL,
            f"message properties length too long: {len(properties)} bytes, MAX: {PROPERTIES_BYTES_MAX}",
        )
    return properties


def _packed(address: str) -> bytes:
    host, _, port = address.rpartition(":")
    return pack_host(host, int(port))
