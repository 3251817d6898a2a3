"""Requests as clients frame them, for tests that speak bytes."""

from collections.abc import Mapping

from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.frame import encode_request
from pocketmq.protocol.properties import encode_properties

UNIQUE_KEY = "7F0000010F1018B4AAC20000000A0000"


def send_fields(
    topic: str = "TopicTest", queue_id: int = 0, properties: Mapping[str, str] | None = None, **letters: str
) -> dict[str, str]:
    """Fields of SEND_MESSAGE_V2; `letters` replaces any of them."""
    given = {"UNIQ_KEY": UNIQUE_KEY, "WAIT": "true"} if properties is None else properties
    return {
        "a": "PG",
        "b": topic,
        "c": "TBW102",
        "d": "4",
        "e": str(queue_id),
        "f": "0",
        "g": "1709210000000",
        "h": "0",
        "i": encode_properties(given).decode(),
        "j": "0",
        "k": "false",
        "m": "false",
        **letters,
    }


def send_frame(opaque: int = 1, body: bytes = b"hello", serialize_type: int = 0, **fields: str) -> bytes:
    """A whole SEND_MESSAGE_V2 frame."""
    code = RequestCode.SEND_MESSAGE_V2
    return encode_request(code, send_fields(**fields), body, opaque=opaque, serialize_type=serialize_type)


def pull_fields(topic: str = "TopicTest", queue_id: int = 0, offset: int = 0, **more: str) -> dict[str, str]:
    """Fields of PULL_MESSAGE with its own subscription, waiting 15 s if it finds nothing."""
    return {
        "consumerGroup": "CG",
        "topic": topic,
        "queueId": str(queue_id),
        "queueOffset": str(offset),
        "maxMsgNums": "32",
        "sysFlag": "6",
        "commitOffset": "0",
        "suspendTimeoutMillis": "15000",
        "subscription": "*",
        "subVersion": "0",
        "expressionType": "TAG",
        **more,
    }
