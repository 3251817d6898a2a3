"""Sending, pulling and looking up messages in raw requests, and the records that answers carry."""

from __future__ import annotations

import struct
from typing import NamedTuple

from .remoting import MAX_OFFSET, QUERY_CONSUMER_OFFSET, Answer, Connection

PULL = 11
QUERY_BY_KEY = 12
SET_CONSUMER_OFFSET = 15
MIN_OFFSET = 31
VIEW_BY_ID = 33
END_TRANSACTION = 37
SEND = 310
SEND_BATCH = 320

PULL_SUBSCRIBED = 4
PULL_WITHOUT_MESSAGE = (19, 20, 21)
"""PULL_NOT_FOUND, PULL_RETRY_IMMEDIATELY, PULL_OFFSET_MOVED (ResponseCode)."""

TRANSACTION_PREPARED = 4
TRANSACTION_COMMIT = 8
GROUP = "StoreExchange"


class Record(NamedTuple):
    """A stored message: the parts that two brokers must agree on, and all its bytes."""

    topic: str
    queue: int
    queue_offset: int
    log_offset: int
    properties: dict[str, str]
    body: bytes
    content: bytes


def records(content: bytes) -> list[Record]:
    """Cut the body of an answer into the records it consists of (MessageDecoder)."""
    found, start = [], 0
    while start < len(content):
        size = struct.unpack_from(">i", content, start)[0]
        found.append(_record(content[start : start + size]))
        start += size
    return found


def _record(content: bytes) -> Record:
    queue, _, queue_offset, log_offset, sys_flag = struct.unpack_from(">iiqqi", content, 12)
    at = 84 + (12 if sys_flag & 16 else 0) + (12 if sys_flag & 32 else 0)
    body_size = struct.unpack_from(">i", content, at)[0]
    body = content[at + 4 : at + 4 + body_size]
    at += 4 + body_size
    topic_size = content[at]
    topic = content[at + 1 : at + 1 + topic_size].decode()
    text = content[at + 3 + topic_size :].decode()
    properties = dict(pair.split("\x01") for pair in text.split("\x02") if pair)
    return Record(topic, queue, queue_offset, log_offset, properties, body, content)


def property_text(properties: dict[str, str]) -> str:
    """Write properties as they travel (MessageDecoder.messageProperties2String)."""
    return "".join(f"{name}\x01{value}\x02" for name, value in properties.items())


def send(
    broker: Connection, topic: str, queue: int, body: bytes, properties: dict[str, str], sys_flag: int = 0
) -> Answer:
    """Send one message."""
    return _send(broker, SEND, topic, queue, body, property_text(properties), sys_flag)


def send_batch(broker: Connection, topic: str, queue: int, messages: list[tuple[bytes, dict[str, str]]]) -> Answer:
    """Send some messages as one (MessageDecoder.encodeMessages)."""
    parts = []
    for body, properties in messages:
        text = property_text(properties).encode()
        size = 22 + len(body) + len(text)
        parts.append(struct.pack(">iiiii", size, 0, 0, 0, len(body)) + body + struct.pack(">h", len(text)) + text)
    return _send(broker, SEND_BATCH, topic, queue, b"".join(parts), "", 0)


def _send(broker: Connection, code: int, topic: str, queue: int, body: bytes, properties: str, sys_flag: int) -> Answer:
    fields = {"a": GROUP, "b": topic, "c": "TBW102", "d": "4", "e": str(queue), "f": str(sys_flag), "h": "0"}
    fields |= {"g": "1700000000000", "i": properties, "j": "0", "k": "false", "m": str(code == SEND_BATCH).lower()}
    answer = broker.ask(code, fields, body)
    assert answer.code == 0, answer
    return answer


def commit_transaction(broker: Connection, topic: str, prepared: Answer) -> None:
    """Commit a message that was sent with ``TRANSACTION_PREPARED``."""
    message_id = prepared.fields["msgId"]
    fields = {"topic": topic, "producerGroup": GROUP, "commitOrRollback": str(TRANSACTION_COMMIT)}
    fields |= {"tranStateTableOffset": prepared.fields["queueOffset"], "commitLogOffset": str(log_offset(message_id))}
    fields |= {"fromTransactionCheck": "false", "msgId": message_id, "transactionId": prepared.fields["transactionId"]}
    answer = broker.ask(END_TRANSACTION, fields)
    assert answer.code == 0, answer


def log_offset(message_id: str) -> int:
    """Read the log offset from an offset id: address, port and offset in hex."""
    return int(message_id[-16:], 16)


def offset(broker: Connection, code: int, topic: str, queue: int) -> int:
    """Ask for ``MIN_OFFSET`` or ``MAX_OFFSET`` of a queue."""
    answer = broker.ask(code, {"topic": topic, "queueId": str(queue)})
    assert answer.code == 0, answer
    return int(answer.fields["offset"])


def set_consumer_offset(broker: Connection, topic: str, queue: int, to: int) -> None:
    """Store how far the group has come in a queue."""
    fields = {"consumerGroup": GROUP, "topic": topic, "queueId": str(queue), "commitOffset": str(to)}
    answer = broker.ask(SET_CONSUMER_OFFSET, fields)
    assert answer.code == 0, answer


def consumer_offset(broker: Connection, topic: str, queue: int) -> int:
    """Ask for the group's stored offset in a queue; -1 where there is none."""
    fields = {"consumerGroup": GROUP, "topic": topic, "queueId": str(queue), "setZeroIfNotFound": "false"}
    answer = broker.ask(QUERY_CONSUMER_OFFSET, fields)
    return int(answer.fields["offset"]) if answer.code == 0 else -1


def pull_all(broker: Connection, topic: str, queue: int) -> list[Record]:
    """Pull a queue from its first to its last message."""
    found: list[Record] = []
    start, end = offset(broker, MIN_OFFSET, topic, queue), offset(broker, MAX_OFFSET, topic, queue)
    fields = {"consumerGroup": GROUP, "topic": topic, "queueId": str(queue), "maxMsgNums": "32", "subscription": "*"}
    fields |= {"sysFlag": str(PULL_SUBSCRIBED), "commitOffset": "0", "suspendTimeoutMillis": "0", "subVersion": "0"}
    while start < end:
        answer = broker.ask(PULL, {**fields, "queueOffset": str(start), "expressionType": "TAG"})
        assert answer.code == 0 or answer.code in PULL_WITHOUT_MESSAGE, answer
        found += records(answer.body)
        after = int(answer.fields["nextBeginOffset"])
        assert after > start, f"no progress at {start} of {topic}/{queue}: {answer}"
        start = after
    return found


def by_key(broker: Connection, topic: str, key: str) -> list[Record]:
    """Ask for the messages of a topic that carry a key."""
    fields = {"topic": topic, "key": key, "maxNum": "64", "beginTimestamp": "0", "endTimestamp": str(2**62)}
    answer = broker.ask(QUERY_BY_KEY, fields)
    return records(answer.body) if answer.code == 0 else []


def by_id(broker: Connection, message_id: str) -> Record:
    """Ask for the message of an offset id."""
    answer = broker.ask(VIEW_BY_ID, {"offset": str(log_offset(message_id))})
    assert answer.code == 0, answer
    return records(answer.body)[0]
