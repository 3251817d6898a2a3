"""A name server and broker of one's own: a real socket whose answers are a function of the request.

    peer = ScriptedPeer({RequestCode.HEART_BEAT: Reply(), RequestCode.SEND_MESSAGE_V2: lambda request: Reply(2)})
    async with peer:
        …connect to peer.address…
        await peer.received(RequestCode.SEND_MESSAGE_V2)

An answer is a `Reply`, `SILENCE` (the client waits), `HANG_UP` (the connection closes), `Raw` bytes in place of a
frame, or a coroutine that gives one of these later. A request that the script
does not know gets code 3, as from a Java peer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import count
from types import TracebackType
from typing import cast

from pocketmq.model.outcome import NO_FIELDS, Reply
from pocketmq.protocol.connection import Connection
from pocketmq.protocol.frame import Command, encode_request, encode_response

PATIENCE_SECONDS = 10.0
"""How long a test waits for what should happen at once; reached only by a failing one."""


class Silence(Enum):
    """Answers that are not replies."""

    SILENCE = 1
    HANG_UP = 2


SILENCE = Silence.SILENCE
HANG_UP = Silence.HANG_UP


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes sent as they are."""

    data: bytes


Answer = Reply | Silence | Raw
Script = Answer | Callable[[Command], Answer | Awaitable[Answer]]


class ScriptedPeer:
    """Listens on 127.0.0.1, port 0. `script` may be changed while it runs; `requests` holds all that came, in order."""

    def __init__(self, script: Mapping[int, Script] = {}) -> None:
        self.script: dict[int, Script] = dict(script)
        self.requests: list[Command] = []
        self.address = ""
        self.connection_count = 0
        self._news = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._sessions: set[_Session] = set()
        self._answers: set[asyncio.Future[None]] = set()

    async def __aenter__(self) -> "ScriptedPeer":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Session(self), "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Refuses new connections and drops the present ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        sessions = list(self._sessions)
        self.drop_connections()
        for answer in self._answers:
            answer.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)
        await asyncio.gather(*(session.gone.wait() for session in sessions))

    def drop_connections(self) -> None:
        """Closes every connection at once, as a crash would."""
        for session in list(self._sessions):
            session.abort()

    async def received(self, code: int, nth: int = 1) -> Command:
        """The `nth` request with this code, waited for."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._news:
            await self._news.wait_for(lambda: self.count(code) >= nth)
        return [request for request in self.requests if request.code == code][nth - 1]

    def count(self, code: int) -> int:
        """How many requests with this code have come."""
        return sum(request.code == code for request in self.requests)

    def push(self, code: int, fields: Mapping[str, str] = NO_FIELDS, body: bytes = b"") -> None:
        """A one-way request of our own to every client connected."""
        for session in self._sessions:
            session.write(encode_request(code, fields, body, opaque=1, oneway=True))

    async def ask(self, code: int, fields: Mapping[str, str] = NO_FIELDS, body: bytes = b"") -> Command:
        """A request of our own to the client that connected last; gives its answer."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await max(self._sessions, key=lambda session: session.number).ask(code, fields, body)

    def take(self, session: "_Session", request: Command) -> None:
        """Records a request, wakes whoever waits for it and begins its answer."""
        self.requests.append(request)
        answer = asyncio.ensure_future(self._answer(session, request))
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)

    def joined(self, session: "_Session") -> int:
        """Counts a connection; gives its number."""
        self._sessions.add(session)
        self.connection_count += 1
        return self.connection_count

    def left(self, session: "_Session") -> None:
        """Forgets a connection."""
        self._sessions.discard(session)

    async def _answer(self, session: "_Session", request: Command) -> None:
        async with self._news:
            self._news.notify_all()
        script = self.script.get(request.code, Reply(3, f" request type {request.code} not supported"))
        answer = script(request) if callable(script) else script
        if isinstance(answer, Awaitable):
            answer = await answer
        if isinstance(answer, Raw):
            session.write(answer.data)
        elif isinstance(answer, Reply):
            if not request.is_oneway:
                session.write(encode_response(request, answer))
        elif answer is HANG_UP:
            session.abort()


class _Session(asyncio.Protocol):
    """One accepted connection."""

    def __init__(self, peer: ScriptedPeer) -> None:
        self._peer = peer
        self._connection = Connection()
        self._transport: asyncio.Transport | None = None
        self._asked: dict[int, asyncio.Future[Command]] = {}
        self.gone = asyncio.Event()
        self._opaque = count(1)
        self.number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name.
        self.number = self._peer.joined(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._peer.left(self)
        for answer in self._asked.values():
            answer.cancel()
        self.gone.set()

    def data_received(self, data: bytes) -> None:
        for command in self._connection.feed(data):
            if command.is_response:
                self._asked.pop(command.opaque).set_result(command)
            else:
                self._peer.take(self, command)

    async def ask(self, code: int, fields: Mapping[str, str], body: bytes) -> Command:
        opaque = next(self._opaque)
        answer: asyncio.Future[Command] = asyncio.get_running_loop().create_future()
        self._asked[opaque] = answer
        self.write(encode_request(code, fields, body, opaque=opaque))
        return await answer

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
