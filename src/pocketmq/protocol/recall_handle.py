"""What a producer needs to recall a delayed message: base64url of `v1 topic broker time key` (RecallMessageHandle)."""

import base64
import binascii
from typing import NamedTuple

from pocketmq.model.errors import Refusal
from pocketmq.protocol.codes import ResponseCode

_VERSION = "v1"
_PARTS = 5


class RecallHandle(NamedTuple):
    """The message to recall; the time is text because the broker that made it is the only one to read it."""

    topic: str
    broker_name: str
    deliver_time: str
    unique_key: str

    def encode(self) -> str:
        """The handle's text."""
        return base64.urlsafe_b64encode(" ".join((_VERSION, *self)).encode("utf-8", "replace")).decode()


def decode_recall_handle(text: str) -> RecallHandle:
    """Inverse of `RecallHandle.encode`; Refusal if the text is no handle."""
    try:
        padded = text + "=" * (-len(text) % 4)
        parts = base64.b64decode(padded, altchars=b"-_", validate=True).decode("utf-8").split(" ")
    except (binascii.Error, ValueError):
        parts = []
    if len(parts) < _PARTS or parts[0] != _VERSION:
        raise Refusal(ResponseCode.ILLEGAL_OPERATION, "recall handle is invalid")
    return RecallHandle(*parts[1:_PARTS])
