"""What producer, consumer and admin have in common: an identity, connections, routes, heartbeats, requests answered."""

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence

from pocketmq.client.background import Background
from pocketmq.client.connections import Connections
from pocketmq.client.errors import BrokerError, CallTimeout, ChannelError, ClientClosed
from pocketmq.client.name_servers import ASK_SECONDS, NameServers, parse_addresses
from pocketmq.client.routes import Routes
from pocketmq.client.unique_id import client_id, own_host
from pocketmq.model.errors import PocketMQError, Refusal
from pocketmq.model.limits import SERVER_REQUESTS_IN_FLIGHT_MAX
from pocketmq.model.outcome import NO_FIELDS, Reply
from pocketmq.protocol.bodies import HeartbeatData
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers import UnregisterClientRequest
from pocketmq.transport.channel import Channel
from pocketmq.transport.clock import Clock

HEARTBEAT_SECONDS = 30.0
"""ClientConfig.heartbeatBrokerInterval."""

ROUTE_POLL_SECONDS = 30.0
"""ClientConfig.pollNameServerInterval."""

log = logging.getLogger(__name__)

RequestHandler = Callable[[Command], Awaitable[Reply]]


class Session:
    """Opened and closed by the client that owns it; until opened it does nothing."""

    def __init__(
        self,
        name_servers: str | Sequence[str],
        *,
        identity: str | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.rng = rng or random.Random()
        self.host = own_host()
        self.client_id = identity or client_id(self.host, self.rng)
        self.connections = Connections(self.clock, self._on_request, self._greet, tls)
        self.name_servers = NameServers(parse_addresses(name_servers), self.connections, self.clock, self.rng)
        self.routes = Routes(self.name_servers, self.rng)
        self.background = Background()
        self.handlers: dict[int, RequestHandler] = {}
        self.heartbeat_data: Callable[[], HeartbeatData | None] = lambda: None
        self.on_route_change: Callable[[str], None] = lambda topic: None
        self.beats_masters_only = True
        self._serving = 0
        self._is_open = False

    def open(self) -> None:
        """Starts the rounds of heartbeats and routes."""
        self._is_open = True
        self.background.start(self._every(HEARTBEAT_SECONDS, self.beat), "heartbeats")
        self.background.start(self._every(ROUTE_POLL_SECONDS, self.refresh_routes), "routes")

    def require_open(self) -> None:
        """Raises ClientClosed."""
        if not self._is_open:
            raise ClientClosed(f"client {self.client_id} is not open: use it inside its 'async with' block")

    @property
    def is_open(self) -> bool:
        """Whether it was opened and not yet closed."""
        return self._is_open

    async def unregister(self, *, producer_group: str | None = None, consumer_group: str | None = None) -> None:
        """Tells the brokers it is connected to that this member of the group goes, so that they need not find out."""
        request = UnregisterClientRequest(
            client_id=self.client_id, producer_group=producer_group, consumer_group=consumer_group
        ).fields()
        known = [channel for channel in self.connections.channels if self.routes.broker_of(channel.address)]
        await asyncio.gather(*(self._unregister(channel, request) for channel in known))

    async def close(self) -> None:
        """Ends its tasks and connections."""
        self._is_open = False
        await self.background.stop()
        await self.connections.close("the client is closing")

    async def beat(self) -> None:
        """One heartbeat to every broker in a known route."""
        data = self.heartbeat_data()
        if data is not None:
            body = data.encode()
            addresses = self.routes.addresses(masters_only=self.beats_masters_only)
            await asyncio.gather(*(self._beat(address, body) for address in addresses))

    async def refresh_routes(self) -> None:
        """Asks for every wanted topic again and tells who listens which ones changed."""
        for topic in sorted(self.routes.wanted):
            try:
                if await self.routes.refresh(topic):
                    self.on_route_change(topic)
            except PocketMQError as error:
                log.warning("route of topic %s not refreshed: %s", topic, error)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self.clock.sleep(seconds)
            await work()

    async def _beat(self, address: str, body: bytes) -> None:
        try:
            await self.connections.call(address, RequestCode.HEART_BEAT, NO_FIELDS, body, timeout=ASK_SECONDS)
        except PocketMQError as error:
            log.warning("heartbeat failed: %s", error)
            if isinstance(error, CallTimeout):
                self.connections.drop(address, "it does not answer heartbeats")

    async def _greet(self, channel: Channel) -> None:
        """The first thing a broker hears on a new connection, so that it knows the client before any other request."""
        data = self.heartbeat_data()
        if data is not None and self.routes.broker_of(channel.address):
            answer = await channel.call(RequestCode.HEART_BEAT, NO_FIELDS, data.encode(), timeout=ASK_SECONDS)
            if answer.code != ResponseCode.SUCCESS:
                log.warning("heartbeat failed: %s", BrokerError(answer.code, answer.remark, channel.address))

    async def _unregister(self, channel: Channel, request: Mapping[str, str]) -> None:
        try:
            await channel.call(RequestCode.UNREGISTER_CLIENT, request, timeout=ASK_SECONDS)
        except ChannelError as error:
            log.debug("unregistering failed: %s", error)

    def _on_request(self, channel: Channel, request: Command) -> None:
        handler = self.handlers.get(request.code)
        if handler is None:
            remark = f" request type {request.code} not supported"
            channel.reply(request, Reply(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, remark))
        elif self._serving >= SERVER_REQUESTS_IN_FLIGHT_MAX:
            remark = f"{SERVER_REQUESTS_IN_FLIGHT_MAX} requests are being worked on"
            channel.reply(request, Reply(ResponseCode.SYSTEM_BUSY, remark))
        elif self._is_open:
            self.background.start(self._serve(channel, request, handler), f"answer to request {request.code}")

    async def _serve(self, channel: Channel, request: Command, handler: RequestHandler) -> None:
        self._serving += 1
        try:
            channel.reply(request, await handler(request))
        except Refusal as refusal:
            channel.reply(request, Reply(refusal.code, refusal.remark))
        except PocketMQError as error:
            channel.reply(request, Reply(ResponseCode.SYSTEM_ERROR, str(error)))
        except Exception as error:
            log.exception("answering %r failed: this is a bug", request)
            channel.reply(request, Reply(ResponseCode.SYSTEM_ERROR, repr(error)))
        finally:
            self._serving -= 1
