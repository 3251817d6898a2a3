"""A message as people and programs read it."""

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pocketmq.model.properties import RESERVED

if TYPE_CHECKING:
    from pocketmq.client.received import ReceivedMessage

BODY_CHARS_MAX = 200
"""More of a body than this is not readable in a line; --json has all of it."""


def line_of(message: "ReceivedMessage") -> str:
    """One line: when, where, tag, keys, the sender's properties, id, body. Nothing in it can steer a terminal."""
    at = datetime.fromtimestamp(message.store_timestamp / 1000, UTC).astimezone()
    words = [
        at.strftime("%Y-%m-%d %H:%M:%S.") + f"{message.store_timestamp % 1000:03d}",
        f"{message.queue.broker_name}/{message.queue.queue_id}@{message.queue_offset}",
    ]
    words += [f"tag={message.tags}"] if message.tags else []
    words += [f"key={key}" for key in message.keys]
    words += [f"{name}={value}" for name, value in sorted(own_properties(message).items())]
    words += [f"id={message.message_id}", readable(message.body)]
    return harmless(" ".join(words))


def json_of(message: "ReceivedMessage") -> str:
    """One line of JSON with everything; a body that is not UTF-8 is `body_base64`."""
    try:
        body = {"body": message.body.decode()}
    except UnicodeDecodeError:
        body = {"body_base64": base64.b64encode(message.body).decode()}
    fields = {
        "topic": message.topic,
        "broker": message.queue.broker_name,
        "queue_id": message.queue.queue_id,
        "queue_offset": message.queue_offset,
        "message_id": message.message_id,
        "tag": message.tags,
        "keys": list(message.keys),
        "born_timestamp": message.born_timestamp,
        "store_timestamp": message.store_timestamp,
        "reconsume_times": message.reconsume_times,
        "properties": dict(message.properties),
    }
    return json.dumps({**fields, **body})


def own_properties(message: "ReceivedMessage") -> dict[str, str]:
    """The sender's properties without RocketMQ's."""
    return {name: value for name, value in message.properties.items() if name not in RESERVED}


def readable(body: bytes) -> str:
    """The body as text, or as hexadecimal digits if it is none; cut where a line would no longer be readable."""
    try:
        text, shown_max = body.decode(), BODY_CHARS_MAX
    except UnicodeDecodeError:
        text, shown_max = f"0x{body[:BODY_CHARS_MAX].hex()}", len("0x") + BODY_CHARS_MAX
    return text if len(text) <= shown_max else f"{text[:shown_max]}… ({len(body)} bytes)"


def harmless(text: str) -> str:
    """The text with escapes for everything that a terminal would not print."""
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in text)
