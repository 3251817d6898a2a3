"""A few raw requests in RocketMQ's frame format, written apart from PocketMQ so that both must agree with Java."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from typing import NamedTuple

QUERY_CONSUMER_OFFSET = 14
UPDATE_CONSUMER_OFFSET = 15
CREATE_TOPIC = 17
MAX_OFFSET = 30
ROUTE = 105
CREATE_GROUP = 200


class Answer(NamedTuple):
    """What a server answered."""

    code: int
    remark: str | None
    fields: dict[str, str]
    body: bytes


class Connection:
    """A connection that carries one request at a time."""

    def __init__(self, address: str, timeout_s: float = 10.0) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._opaque = 0

    def ask(self, code: int, fields: dict[str, str], body: bytes = b"") -> Answer:
        """Send one request and return the answer."""
        self._opaque += 1
        request = {"code": code, "language": "JAVA", "version": 501, "opaque": self._opaque, "flag": 0}
        header = json.dumps({**request, "extFields": fields}).encode()
        self._socket.sendall(struct.pack(">ii", 4 + len(header) + len(body), len(header)) + header + body)
        content = self._content()
        header_size = struct.unpack(">i", content[:4])[0] & 0xFFFFFF
        answer = json.loads(content[4 : 4 + header_size])
        assert answer["opaque"] == self._opaque, answer
        return Answer(answer["code"], answer.get("remark"), answer.get("extFields") or {}, content[4 + header_size :])

    def _content(self) -> bytes:
        return _exactly(self._socket, struct.unpack(">i", _exactly(self._socket, 4))[0])

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def ask(address: str, code: int, fields: dict[str, str], body: bytes = b"", timeout_s: float = 10.0) -> Answer:
    """Send one request over a connection of its own and return the answer."""
    with contextlib.closing(Connection(address, timeout_s)) as connection:
        return connection.ask(code, fields, body)


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts = []
    while size > 0:
        part = connection.recv(size)
        if not part:
            raise ConnectionError("the server closed the connection before its answer was whole")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def is_listening(address: str) -> bool | None:
    """Say True if something accepts connections there, else None."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), 1.0):
            return True
    except OSError:
        return None


def create_topic(broker: str, topic: str, queues: int) -> None:
    """Create a topic as ``mqadmin updateTopic`` does."""
    fields = {
        "topic": topic,
        "defaultTopic": "TBW102",
        "readQueueNums": str(queues),
        "writeQueueNums": str(queues),
        "perm": "6",
        "topicFilterType": "SINGLE_TAG",
        "topicSysFlag": "0",
        "order": "false",
    }
    answer = ask(broker, CREATE_TOPIC, fields)
    assert answer.code == 0, answer


def create_group(broker: str, group: str, retries: int) -> None:
    """Create a subscription group whose messages are retried that many times, as ``mqadmin updateSubGroup -r`` does."""
    config = {
        "groupName": group,
        "consumeEnable": True,
        "consumeFromMinEnable": True,
        "consumeBroadcastEnable": True,
        "retryQueueNums": 1,
        "retryMaxTimes": retries,
        "brokerId": 0,
        "whichBrokerWhenConsumeSlowly": 1,
        "notifyConsumerIdsChangedEnable": True,
    }
    answer = ask(broker, CREATE_GROUP, {}, json.dumps(config).encode())
    assert answer.code == 0, answer


def consumer_offset(broker: str, group: str, topic: str, queue: int) -> int:
    """Ask for a group's stored offset in one queue; 0 where there is none."""
    fields = {"consumerGroup": group, "topic": topic, "queueId": str(queue), "setZeroIfNotFound": "false"}
    answer = ask(broker, QUERY_CONSUMER_OFFSET, fields)
    return int(answer.fields["offset"]) if answer.code == 0 else 0


def commit(broker: str, group: str, topic: str, queue: int, offset: int) -> None:
    """Store a group's offset in one queue."""
    fields = {"consumerGroup": group, "topic": topic, "queueId": str(queue), "commitOffset": str(offset)}
    answer = ask(broker, UPDATE_CONSUMER_OFFSET, fields)
    assert answer.code == 0, answer


def max_offset(broker: str, topic: str, queue: int) -> int:
    """Ask for the offset after the last message of a queue."""
    answer = ask(broker, MAX_OFFSET, {"topic": topic, "queueId": str(queue)})
    assert answer.code == 0, answer
    return int(answer.fields["offset"])


def has_route(namesrv: str, topic: str) -> bool | None:
    """Say True if the name server knows the topic, else None."""
    try:
        return True if ask(namesrv, ROUTE, {"topic": topic}).code == 0 else None
    except OSError:
        return None
