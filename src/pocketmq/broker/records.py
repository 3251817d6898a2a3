"""Stored messages, read back from the log and stored again elsewhere."""

from collections.abc import Mapping

from pocketmq.model.errors import ProtocolError
from pocketmq.model.flags import BORN_HOST_V6, STORE_HOST_V6
from pocketmq.model.message import StoredMessage
from pocketmq.model.peer import pack_host
from pocketmq.protocol.properties import encode_properties
from pocketmq.protocol.record import NewMessage
from pocketmq.protocol.stored import decode_record
from pocketmq.store.message_store import MessageStore

LOG_OFFSET_DIGITS = 16
"""MessageDecoder#createMessageId: the hexadecimal digits of the log offset, behind those of the host."""

HOST_DIGITS = (16, 40)
"""The digits of an IPv4 or IPv6 address with its port."""


def find_message(store: MessageStore, log_offset: int, size: int | None = None) -> StoredMessage | None:
    """The message whose record begins at `log_offset`; None if there is none, or it is damaged."""
    if not store.log_min_offset <= log_offset < store.log_max_offset:
        return None
    record = store.read_record(log_offset, size)
    if record is None:
        return None
    try:
        return decode_record(record)
    except ProtocolError:
        return None


def log_offset_of(message_id: str) -> int | None:
    """The log offset in an offset id; None if the text is none."""
    if len(message_id) - LOG_OFFSET_DIGITS not in HOST_DIGITS or not message_id.isalnum():
        return None
    try:
        return int(message_id[-LOG_OFFSET_DIGITS:], 16)
    except ValueError:
        return None


def stored_again(message: StoredMessage, topic: str, queue_id: int, properties: Mapping[str, str]) -> NewMessage:
    """The message as it is stored anew in a queue, with these properties."""
    return NewMessage(
        topic,
        queue_id,
        message.body,
        encode_properties(properties),
        flag=message.flag,
        sys_flag=message.sys_flag & ~(BORN_HOST_V6 | STORE_HOST_V6),
        born_timestamp=message.born_timestamp,
        born_host=packed(message.born_host),
        store_host=packed(message.store_host),
        reconsume_times=message.reconsume_times,
    )


def packed(address: str) -> bytes:
    """`host:port` as a log record holds it."""
    host, _, port = address.rpartition(":")
    return pack_host(host, int(port))
