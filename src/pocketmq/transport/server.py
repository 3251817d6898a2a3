"""Listening sockets and the connections they accept: bytes in, bytes out, and a bound on what a slow reader may hold.

    accept ──▶ Link ──▶ receiver.received(data) ... receiver.lost()
               Link.write(bytes): leaves at once, or waits in the kernel's and then the loop's buffer

A link whose peer does not read is not read from either, until its buffer has drained; past the bound it is cut.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Protocol, cast

from pocketmq.model.errors import UserError
from pocketmq.model.limits import OUTBOX_BYTES_MAX
from pocketmq.model.peer import Peer

log = logging.getLogger(__name__)

_HIGH_WATER_BYTES = 1 << 20
_BACKLOG = 1024


class Receiver(Protocol):
    """Who understands a link's bytes."""

    def received(self, data: bytes) -> None:
        """Bytes have come."""

    def lost(self) -> None:
        """The link is gone; called once."""


class Link(asyncio.Protocol):
    """One accepted connection."""

    __slots__ = ("_accept", "_closed", "_receiver", "_transport", "id", "idle_sweeps", "peer", "port")

    def __init__(self, number: int, port: int, accept: "Accept") -> None:
        self.id = number
        self.port = port
        self.peer = Peer(number, "0.0.0.0", 0)
        self._accept = accept
        self._receiver: Receiver | None = None
        self._transport: asyncio.Transport | None = None
        self._closed: Callable[[Link], None] | None = None
        self.idle_sweeps = 0

    def on_closed(self, closed: "Callable[[Link], None]") -> None:
        """Who else must hear when the link is gone."""
        self._closed = closed

    def write(self, data: bytes) -> None:
        """Sends; cuts the link if its peer has left too much unread."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        self.idle_sweeps = 0
        waiting = transport.get_write_buffer_size()
        if waiting > OUTBOX_BYTES_MAX:
            log.warning("%s does not read: %d bytes wait for it, connection closed", self.peer.address, waiting)
            transport.abort()

    def close(self) -> None:
        """Closes after what was written has left."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Closes now, whatever still waits."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = transport = cast(asyncio.Transport, transport)
        connected = transport.get_extra_info("socket")
        if connected is not None and connected.family in (socket.AF_INET, socket.AF_INET6):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_write_buffer_limits(_HIGH_WATER_BYTES)
        host, port = transport.get_extra_info("peername")[:2]
        local_host, local_port = transport.get_extra_info("sockname")[:2]
        self.peer = Peer(self.id, _plain(host), port, _plain(local_host), local_port)
        self._receiver = self._accept(self)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        assert self._receiver is not None
        self.idle_sweeps = 0
        self._receiver.received(data)

    def pause_writing(self) -> None:
        """Called by the loop: the peer does not keep up, so ask it no more."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Called by the loop."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop. What knew each other lets go, so that nobody has to look for circles."""
        receiver, self._receiver, self._transport = self._receiver, None, None
        if receiver is not None:
            receiver.lost()
        if self._closed is not None:
            self._closed(self)


Accept = Callable[[Link], Receiver]


class Server:
    """Listening sockets and their links, numbered in the order they came."""

    def __init__(self, accept: Accept) -> None:
        self._accept = accept
        self._servers: list[asyncio.Server] = []
        self.links: dict[int, Link] = {}
        self._next = 1

    async def listen(self, host: str, port: int) -> int:
        """The port that clients reach, `port` itself unless it was 0. Raises UserError that says what is in the way."""
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                lambda: self._link(port), host or None, port, backlog=_BACKLOG, reuse_address=True
            )
        except OSError as error:
            raise UserError(
                f"cannot listen on {host or '*'}:{port}: {error.strerror or error}; "
                "stop what uses the port, or choose another one"
            ) from error
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def close_idle(self, sweeps: int) -> None:
        """Closes links that neither read nor wrote during the last `sweeps` calls (IdleStateHandler, all idle)."""
        for link in list(self.links.values()):
            link.idle_sweeps += 1
            if link.idle_sweeps > sweeps:
                link.close()

    def stop_accepting(self) -> None:
        """No new links; those that stand go on."""
        for server in self._servers:
            server.close()

    async def close(self) -> None:
        """Closes every link after what was written to it has left, but waits for none for long."""
        self.stop_accepting()
        for link in list(self.links.values()):
            link.close()
        for _ in range(20):
            if not self.links:
                break
            await asyncio.sleep(0.01)
        for link in list(self.links.values()):
            link.abort()
        self._servers.clear()

    def _forget(self, link: Link) -> None:
        self.links.pop(link.id, None)

    def _link(self, port: int) -> Link:
        link = Link(self._next, port, self._accept)
        link.on_closed(self._forget)
        self.links[self._next] = link
        self._next += 1
        return link


def _plain(host: str) -> str:
    """An IPv4 address that came in through an IPv6 socket, as IPv4; a zone index is dropped."""
    return host.removeprefix("::ffff:").partition("%")[0]
