"""A few raw requests in RocketMQ's frame format, written apart from PocketMQ so that both must agree with Java."""

from __future__ import annotations

import json
import socket
import struct
from typing import NamedTuple

QUERY_CONSUMER_OFFSET = 14
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


def ask(address: str, code: int, fields: dict[str, str], body: bytes = b"", timeout_s: float = 10.0) -> Answer:
    """Send one request over a connection of its own and return the answer."""
    host, _, port = address.rpartition(":")
    request = {"code": code, "language": "JAVA", "version": 501, "opaque": 1, "flag": 0, "extFields": fields}
    header = json.dumps(request).encode()
    frame = struct.pack(">ii", 4 + len(header) + len(body), len(header)) + header + body
    with socket.create_connection((host, int(port)), timeout_s) as connection:
        connection.sendall(frame)
        size = struct.unpack(">i", _exactly(connection, 4))[0]
        content = _exactly(connection, size)
    header_size = struct.unpack(">i", content[:4])[0] & 0xFFFFFF
    answer = json.loads(content[4 : 4 + header_size])
    return Answer(answer["code"], answer.get("remark"), answer.get("extFields") or {}, content[4 + header_size :])


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
