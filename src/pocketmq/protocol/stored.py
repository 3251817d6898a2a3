"""Log records as consumers and tools read them: whole messages. See record.py for the layout (MessageDecoder)."""

import struct

from pocketmq.model.errors import ProtocolError
from pocketmq.model.message import StoredMessage
from pocketmq.model.peer import unpack_host
from pocketmq.protocol.properties import decode_properties

_HEAD = struct.Struct(">iIIiiqqiq")
_MAGIC_V1 = 0xDAA320A7
_MAGIC_V2 = 0xDAA320AB
_BORN_HOST_V6 = 16
_STORE_HOST_V6 = 32
_HEAD_BYTES_MIN = 88


def decode_record(data: bytes, at: int = 0) -> StoredMessage:
    """The message of the record at `data[at:]`. Raises ProtocolError if there is none."""
    if len(data) - at < _HEAD_BYTES_MIN:
        raise ProtocolError(f"a record needs {_HEAD_BYTES_MIN} bytes, {len(data) - at} are left")
    size, magic, checksum, queue_id, flag, queue_offset, log_offset, sys_flag, born = _HEAD.unpack_from(data, at)
    if magic not in (_MAGIC_V1, _MAGIC_V2) or not _HEAD_BYTES_MIN <= size <= len(data) - at:
        raise ProtocolError(f"no record at {at}: magic {magic:#010x}, size {size}")
    end = at + size
    born_size = 20 if sys_flag & _BORN_HOST_V6 else 8
    store_size = 20 if sys_flag & _STORE_HOST_V6 else 8
    wide = 1 if magic == _MAGIC_V1 else 2
    try:
        here = at + 48
        born_host = _address(data[here : here + born_size])
        here += born_size
        (store_timestamp,) = struct.unpack_from(">q", data, here)
        here += 8
        packed_store_host = data[here : here + store_size]
        store_host = _address(packed_store_host)
        here += store_size
        reconsume_times, prepared_offset, body_size = struct.unpack_from(">iqi", data, here)
        here += 16
        if body_size < 0 or here + body_size + wide + 2 > end:
            raise ProtocolError(f"record at {at}: body of {body_size} bytes leaves it")
        body = data[here : here + body_size]
        here += body_size
        topic_size = int.from_bytes(data[here : here + wide], "big")
        here += wide
        topic = data[here : here + topic_size].decode("utf-8", "replace")
        here += topic_size
        properties_size = int.from_bytes(data[here : here + 2], "big")
        here += 2
        if here + properties_size > end:
            raise ProtocolError(f"record at {at}: properties of {properties_size} bytes leave it")
        properties = decode_properties(data[here : here + properties_size]) if properties_size else {}
    except (struct.error, ValueError) as error:
        raise ProtocolError(f"record at {at} is cut short: {error}") from error
    return StoredMessage(
        topic=topic,
        body=body,
        properties=properties,
        flag=flag,
        queue_id=queue_id,
        queue_offset=queue_offset,
        log_offset=log_offset,
        store_size=size,
        sys_flag=sys_flag,
        body_crc=checksum,
        born_timestamp=born,
        born_host=born_host,
        store_timestamp=store_timestamp,
        store_host=store_host,
        reconsume_times=reconsume_times,
        prepared_transaction_offset=prepared_offset,
        message_id=packed_store_host.hex().upper() + f"{log_offset & 0xFFFFFFFFFFFFFFFF:016X}",
    )


def decode_records(data: bytes) -> list[StoredMessage]:
    """All messages of a pull's body. Raises ProtocolError."""
    messages: list[StoredMessage] = []
    at = 0
    while at < len(data):
        message = decode_record(data, at)
        messages.append(message)
        at += message.store_size
    return messages


def _address(packed: bytes) -> str:
    host, port = unpack_host(packed)
    return f"{host}:{port}"
