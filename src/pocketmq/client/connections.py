"""The connections of one client, by address: opened when first needed, opened again when lost, closed together."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping

from pocketmq.client.errors import BrokerError, CallTimeout, ClientClosed, ConnectFailed
from pocketmq.model.outcome import NO_FIELDS
from pocketmq.protocol.frame import Command
from pocketmq.transport.channel import Channel, OnRequest, connect
from pocketmq.transport.clock import Clock

CONNECT_SECONDS = 3.0
"""NettySystemConfig.connectTimeoutMillis."""

CLOSE_SECONDS = 0.5
"""What a closing connection may still take to deliver what was written."""

SUCCESS = frozenset((0,))

Greet = Callable[[Channel], Awaitable[None]]


class Connections:
    """One channel per address. `greet` is awaited on every new channel before anybody else may use it."""

    def __init__(
        self, clock: Clock, on_request: OnRequest, greet: Greet | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._clock = clock
        self._on_request = on_request
        self._greet = greet
        self._tls = tls
        self._channels: dict[str, Channel] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self._is_closed = False

    @property
    def channels(self) -> list[Channel]:
        """Those that are open now."""
        return list(self._channels.values())

    async def call(
        self,
        address: str,
        code: int,
        fields: Mapping[str, str] = NO_FIELDS,
        body: bytes = b"",
        *,
        timeout: float,
        accept: frozenset[int] = SUCCESS,
    ) -> Command:
        """The answer, connecting first where need be. Raises BrokerError for a code not in `accept`, ChannelError."""
        started = self._clock.monotonic()
        channel = await self._channel(address, timeout)
        left = timeout - (self._clock.monotonic() - started)
        if left <= 0:
            raise CallTimeout(address, f"connecting took all of the {timeout:g} s")
        return checked(await channel.call(code, fields, body, timeout=left), address, accept)

    async def send_oneway(
        self, address: str, code: int, fields: Mapping[str, str] = NO_FIELDS, body: bytes = b"", *, timeout: float
    ) -> None:
        """Sends what needs no answer, connecting first where need be."""
        channel = await self._channel(address, timeout)
        await channel.send_oneway(code, fields, body, timeout=timeout)

    def drop(self, address: str, reason: str) -> None:
        """Closes the channel to `address`, if there is one; the next call opens another."""
        channel = self._channels.get(address)
        if channel is not None:
            channel.close(reason)

    async def close(self, reason: str) -> None:
        """Closes every channel; none is opened any more."""
        self._is_closed = True
        channels = self.channels
        for channel in channels:
            channel.close(reason)
        await asyncio.gather(*(channel.wait_closed(CLOSE_SECONDS) for channel in channels))

    async def _channel(self, address: str, timeout: float) -> Channel:
        channel = self._channels.get(address)
        if channel is not None:
            return channel
        try:
            async with self._clock.deadline(timeout), self._opening.setdefault(address, asyncio.Lock()):
                if self._is_closed:
                    raise ClientClosed(f"no connection to {address}: this client is closed")
                return self._channels.get(address) or await self._open(address, min(timeout, CONNECT_SECONDS))
        except TimeoutError:
            raise ConnectFailed(address, f"no connection within {timeout:g} s") from None

    async def _open(self, address: str, timeout: float) -> Channel:
        channel = await connect(
            address,
            clock=self._clock,
            timeout=timeout,
            on_request=self._on_request,
            on_closed=self._forget,
            tls=self._tls,
        )
        try:
            if self._greet is not None:
                await self._greet(channel)
        except BaseException:
            channel.close("the greeting failed")
            raise
        if channel.is_open and not self._is_closed:
            self._channels[address] = channel
        else:
            channel.close("this client is closed")
        return channel

    def _forget(self, channel: Channel) -> None:
        if self._channels.get(channel.address) is channel:
            del self._channels[channel.address]


def checked(answer: Command, address: str, accept: frozenset[int] = SUCCESS) -> Command:
    """`answer`, unless its code is not one of `accept`. Raises BrokerError."""
    if answer.code not in accept:
        raise BrokerError(answer.code, answer.remark, address)
    return answer
