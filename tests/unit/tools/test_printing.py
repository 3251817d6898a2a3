"""A message as a line for people, and as a line for programs."""

import base64
import json
import re

import pytest

from pocketmq.client.received import ReceivedMessage
from pocketmq.model.message import StoredMessage
from pocketmq.model.queue import MessageQueue
from pocketmq.tools.printing import BODY_CHARS_MAX, harmless, json_of, line_of, readable


class Unsettled:
    """Nobody settles a message that is only printed."""

    def finish(self, message: ReceivedMessage) -> bool:
        raise AssertionError

    async def retry(self, message: ReceivedMessage, delay_level: int) -> None:
        raise AssertionError


def received(body: bytes = b"hello", **properties: str) -> ReceivedMessage:
    stored = StoredMessage(
        topic="Orders",
        body=body,
        properties={"UNIQ_KEY": "7F000001", "WAIT": "true", **properties},
        queue_id=3,
        queue_offset=42,
        born_timestamp=1_764_032_523_120,
        store_timestamp=1_764_032_523_123,
        reconsume_times=1,
    )
    return ReceivedMessage(stored, MessageQueue("Orders", "broker-a", 3), Unsettled())


def test_a_line_says_when_where_what() -> None:
    line = line_of(received(TAGS="A", KEYS="k1 k2", shop="7"))
    assert re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.123 ", "", line) == (
        "broker-a/3@42 tag=A key=k1 key=k2 shop=7 id=7F000001 hello"
    )


def test_a_plain_message_is_a_short_line() -> None:
    assert line_of(received()).endswith(".123 broker-a/3@42 id=7F000001 hello")


def test_nothing_in_a_message_steers_the_terminal() -> None:
    line = line_of(received("a\x1b[2J\nb\u202e".encode(), TAGS="t\r"))
    assert line.endswith("tag=t\\r id=7F000001 a\\x1b[2J\\nb\\u202e")
    assert harmless("é中 x") == "é中 x"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", ""),
        ("é".encode(), "é"),
        (b"\xff\x00", "0xff00"),
        (b"x" * BODY_CHARS_MAX, "x" * BODY_CHARS_MAX),
        (b"x" * 1000, "x" * BODY_CHARS_MAX + "… (1000 bytes)"),
        (b"\xff" * 1000, "0x" + "ff" * (BODY_CHARS_MAX // 2) + "… (1000 bytes)"),
    ],
)
def test_a_body_is_readable_and_short(body: bytes, shown: str) -> None:
    assert readable(body) == shown


def test_json_has_everything() -> None:
    assert json.loads(json_of(received(TAGS="A", KEYS="k1 k2", shop="7"))) == {
        "topic": "Orders",
        "broker": "broker-a",
        "queue_id": 3,
        "queue_offset": 42,
        "message_id": "7F000001",
        "tag": "A",
        "keys": ["k1", "k2"],
        "born_timestamp": 1_764_032_523_120,
        "store_timestamp": 1_764_032_523_123,
        "reconsume_times": 1,
        "properties": {"UNIQ_KEY": "7F000001", "WAIT": "true", "TAGS": "A", "KEYS": "k1 k2", "shop": "7"},
        "body": "hello",
    }


def test_json_carries_bytes_that_are_no_text() -> None:
    fields = json.loads(json_of(received(b"\xff\x00")))
    assert base64.b64decode(fields["body_base64"]) == b"\xff\x00"
    assert "body" not in fields
