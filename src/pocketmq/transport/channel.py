"""A client's connection: calls matched to answers by opaque, and the other side's requests handed up.

    call ──▶ waiting[opaque] ──▶ answer arrives │ time is up │ connection closes
    request from the peer ──▶ on_request ──▶ reply(request, …)

Frames of one turn of the loop leave in one write. A closed channel stays closed; whoever wants another connects again.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

from pocketmq.model.errors import PocketMQError, ProtocolError, UserError
from pocketmq.model.limits import CALLS_IN_FLIGHT_MAX
from pocketmq.model.outcome import NO_FIELDS, Reply
from pocketmq.protocol.codes import LANGUAGES
from pocketmq.protocol.connection import Connection
from pocketmq.protocol.frame import Command, encode_request, encode_response
from pocketmq.transport.clock import Clock

OPAQUE_MAX = (1 << 31) - 1
PYTHON = LANGUAGES.index("PYTHON")

log = logging.getLogger(__name__)


class ChannelError(PocketMQError):
    """A call that brought no answer; `address` is the peer's."""

    def __init__(self, address: str, text: str) -> None:
        super().__init__(f"{address}: {text}")
        self.address = address


class ConnectFailed(ChannelError):
    """No connection came about."""


class ChannelClosed(ChannelError):
    """The connection is gone; whether the request was carried out is unknown."""


class CallTimeout(ChannelError):
    """The connection stands and the answer did not come in time."""


class TooManyCalls(ChannelError):
    """As many calls are waiting as one connection may have."""


OnRequest = Callable[["Channel", Command], None]
OnClosed = Callable[["Channel"], None]


class Channel(asyncio.Protocol):
    """One connection. `on_request` gets what the peer asks on its own; `on_closed` is called once."""

    def __init__(self, address: str, clock: Clock, on_request: OnRequest, on_closed: OnClosed) -> None:
        self.address = address
        self.close_reason: str | None = None
        self._clock = clock
        self._on_request = on_request
        self._on_closed = on_closed
        self._connection = Connection()
        self._transport: asyncio.Transport | None = None
        self._waiting: dict[int, asyncio.Future[Command]] = {}
        self._opaque = 0
        self._outgoing: list[bytes] = []
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether calls may be made."""
        return self.close_reason is None

    async def call(
        self, code: int, fields: Mapping[str, str] = NO_FIELDS, body: bytes = b"", *, timeout: float
    ) -> Command:
        """The peer's answer, whatever its code. Raises ChannelClosed, CallTimeout or TooManyCalls."""
        if len(self._waiting) >= CALLS_IN_FLIGHT_MAX:
            raise TooManyCalls(self.address, f"{CALLS_IN_FLIGHT_MAX} calls are waiting for their answers")
        opaque = self._next_opaque()
        answer: asyncio.Future[Command] = asyncio.get_running_loop().create_future()
        self._waiting[opaque] = answer
        timer = self._clock.call_later(timeout, partial(self._expire, opaque, code, timeout))
        try:
            if not self._writable.is_set():
                await self._until_writable(answer)
            if not answer.done():
                self._send(encode_request(code, fields, body, opaque=opaque, language=PYTHON))
            return await answer
        finally:
            timer.cancel()
            self._waiting.pop(opaque, None)

    async def send_oneway(
        self, code: int, fields: Mapping[str, str] = NO_FIELDS, body: bytes = b"", *, timeout: float
    ) -> None:
        """Sends and expects nothing; waits only while the peer is slow to read."""
        if not self._writable.is_set():
            try:
                async with self._clock.deadline(timeout):
                    await self._writable.wait()
            except TimeoutError:
                raise CallTimeout(self.address, f"not writable for {timeout:g} s") from None
        self._send(encode_request(code, fields, body, opaque=self._next_opaque(), oneway=True, language=PYTHON))

    def reply(self, request: Command, reply: Reply) -> None:
        """Answers the peer's own request; a closed channel swallows it, as the network would."""
        if self.is_open and not request.is_oneway:
            self._send(encode_response(request, reply))

    def close(self, reason: str) -> None:
        """Fails every waiting call with this reason and lets go of the socket after what was written has left."""
        if self.close_reason is not None:
            return
        self.close_reason = reason
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ChannelClosed(self.address, reason))
        self._writable.set()
        self._flush()
        if self._transport is not None:
            self._transport.close()
        self._on_closed(self)

    async def wait_closed(self, seconds: float) -> None:
        """Until the socket is gone; after `seconds` it is torn down with what it still holds."""
        try:
            async with self._clock.deadline(seconds):
                await self._gone.wait()
        except TimeoutError:
            if self._transport is not None:
                self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = transport = cast(asyncio.Transport, transport)
        connected = transport.get_extra_info("socket")
        if connected is not None and connected.family in (socket.AF_INET, socket.AF_INET6):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        try:
            commands = self._connection.feed(data)
        except ProtocolError as error:
            self.close(f"the peer sent what is not RocketMQ's protocol: {error}")
            return
        for command in commands:
            if command.is_response:
                answer = self._waiting.pop(command.opaque, None)
                if answer is not None and not answer.done():
                    answer.set_result(command)
                else:
                    log.debug("%s: answer %d came after its call had ended", self.address, command.opaque)
            else:
                self._on_request(self, command)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop."""
        self._gone.set()
        self.close(f"connection lost: {error}" if error else "the peer closed the connection")

    def pause_writing(self) -> None:
        """Called by the loop."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Called by the loop."""
        self._writable.set()

    async def _until_writable(self, answer: "asyncio.Future[Command]") -> None:
        writable = asyncio.ensure_future(self._writable.wait())
        try:
            await asyncio.wait((writable, answer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            writable.cancel()

    def _next_opaque(self) -> int:
        if self.close_reason is not None:
            raise ChannelClosed(self.address, self.close_reason)
        self._opaque = self._opaque % OPAQUE_MAX + 1
        return self._opaque

    def _expire(self, opaque: int, code: int, timeout: float) -> None:
        answer = self._waiting.pop(opaque, None)
        if answer is not None and not answer.done():
            answer.set_exception(CallTimeout(self.address, f"no answer to request {code} within {timeout:g} s"))

    def _send(self, frame: bytes) -> None:
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outgoing.append(frame)

    def _flush(self) -> None:
        if self._outgoing and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()


async def connect(
    address: str,
    *,
    clock: Clock,
    timeout: float,
    on_request: OnRequest,
    on_closed: OnClosed,
    tls: ssl.SSLContext | None = None,
) -> Channel:
    """A channel to `host:port`. Raises ConnectFailed for a name without address, a refusal, or silence."""
    host, port = split_address(address)
    channel = Channel(address, clock, on_request, on_closed)
    try:
        async with clock.deadline(timeout):
            await asyncio.get_running_loop().create_connection(lambda: channel, host, port, ssl=tls)
    except TimeoutError:
        raise ConnectFailed(address, f"no connection within {timeout:g} s") from None
    except OSError as error:
        raise ConnectFailed(address, f"cannot connect: {error.strerror or error}") from error
    return channel


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[v6]:port`. Raises UserError."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise UserError(f"{address!r} is not an address: write host:port, as in 127.0.0.1:9876")
    return host.strip("[]"), int(port)
