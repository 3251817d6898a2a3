"""A small client of one broker: enough to send, to send batches, and to read queues back.

Requests and replies go through `pocketmq.protocol`; the records in a reply's body are taken apart here, by a
second reading of MessageDecoder's layout that shares no code with the store.
"""

import asyncio
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from pocketmq.protocol.frame import Command, decode, encode_request

SEND_MESSAGE, SEND_BATCH, PULL, MAX_OFFSET, MIN_OFFSET = 310, 320, 11, 30, 31
FOUND, NOT_FOUND, RETRY_AT_ONCE, OFFSET_MOVED = 0, 19, 20, 21
HEAD = struct.Struct(">iIIiiqqiq")
RECORD_MAGIC = 0xDAA320A7
BORN_HOST_IPV6, STORE_HOST_IPV6 = 16, 32


class Disconnected(Exception):
    """The broker is gone; what was not answered may or may not be stored."""


class Refused(Exception):
    """The broker answered with this code."""

    def __init__(self, code: int, remark: str | None) -> None:
        super().__init__(f"{code}: {remark}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Record:
    """What a reader checks of a stored message."""

    queue: int
    offset: int
    body: bytes
    properties: dict[str, str]


class Wire:
    """One connection; answers find their callers by opaque."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._waiting: dict[int, asyncio.Future[Command]] = {}
        self._opaque = 0
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def open(cls, host: str, port: int) -> "Wire":
        """Connect. Raises OSError."""
        return cls(*await asyncio.open_connection(host, port))

    async def _listen(self) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                size = int.from_bytes(await self._reader.readexactly(4), "big")
                frame = await self._reader.readexactly(size)
                answer = decode(frame, 0, size)
                if answer.is_response and (waiting := self._waiting.pop(answer.opaque, None)):
                    waiting.set_result(answer)
        for waiting in self._waiting.values():
            waiting.set_exception(Disconnected())
        self._waiting.clear()

    async def call(self, code: int, fields: Mapping[str, object], body: bytes = b"") -> Command:
        """Send a request and wait for its answer. Raises Disconnected."""
        if self._listening.done():
            raise Disconnected
        self._opaque += 1
        answered: asyncio.Future[Command] = asyncio.get_running_loop().create_future()
        self._waiting[self._opaque] = answered
        text = {name: str(value) for name, value in fields.items()}
        self._writer.write(encode_request(code, text, body, opaque=self._opaque))
        return await answered

    async def offset(self, code: int, topic: str, queue: int) -> int:
        """MIN_OFFSET or MAX_OFFSET of a queue."""
        answer = await self.call(code, {"topic": topic, "queueId": queue})
        if answer.code != 0:
            raise Refused(answer.code, answer.remark)
        return int(answer.fields["offset"])

    async def pull(self, topic: str, queue: int, offset: int, wait_ms: int = 0) -> tuple[list[Record], int]:
        """Records from `offset` on, and where to go on. Waits for news up to `wait_ms`."""
        fields = {"consumerGroup": "torture", "topic": topic, "queueId": queue, "queueOffset": offset, "maxMsgNums": 32}
        fields |= {"sysFlag": 6 if wait_ms else 4, "commitOffset": 0, "suspendTimeoutMillis": wait_ms}
        fields |= {"subscription": "*", "subVersion": 0, "expressionType": "TAG"}
        answer = await self.call(PULL, fields)
        if answer.code not in (FOUND, NOT_FOUND, RETRY_AT_ONCE, OFFSET_MOVED):
            raise Refused(answer.code, answer.remark)
        return list(records(answer.body)) if answer.code == FOUND else [], int(answer.fields["nextBeginOffset"])

    async def close(self) -> None:
        """Close and forget the connection."""
        self._writer.close()
        self._listening.cancel()
        with suppress(asyncio.CancelledError):
            await self._listening


def records(body: bytes) -> Iterator[Record]:
    """The stored records that a pull answered with; a body that fails its own CRC is an AssertionError."""
    at = 0
    while at < len(body):
        size, magic, crc, queue, _flag, offset, _position, sys_flag, _born = HEAD.unpack_from(body, at)
        assert magic == RECORD_MAGIC, f"magic {magic:#x}"
        host = at + HEAD.size
        stored = host + (20 if sys_flag & BORN_HOST_IPV6 else 8) + 8
        text = stored + (20 if sys_flag & STORE_HOST_IPV6 else 8) + 4 + 8
        length = int.from_bytes(body[text : text + 4], "big")
        message = body[text + 4 : text + 4 + length]
        assert zlib.crc32(message) & 0x7FFFFFFF == crc, f"body CRC of {queue}/{offset}"
        topic_end = text + 5 + length + body[text + 4 + length]
        pairs = body[topic_end + 2 : at + size].decode().split("\x02")
        yield Record(queue, offset, message, dict(pair.split("\x01") for pair in pairs if pair))
        at += size


def batch(messages: list[tuple[str, bytes]]) -> bytes:
    """A batch's body: size, magic, CRC, flag, body and properties of each message (MessageDecoder#encodeMessage)."""
    parts = []
    for key, body in messages:
        properties = f"KEYS\x01{key}\x02".encode()
        size = 22 + len(body) + len(properties)
        parts += [struct.pack(">iiiii", size, 0, 0, 0, len(body)), body, struct.pack(">h", len(properties)), properties]
    return b"".join(parts)
