"""Asks the name servers which queues topics have on all brokers, for the clients that a broker shares them out to."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence

from pocketmq.broker.balancing.known_routes import KnownRoutes
from pocketmq.client.connections import Connections
from pocketmq.client.errors import BrokerError
from pocketmq.client.name_servers import NameServers
from pocketmq.client.routes import read_queues
from pocketmq.model.errors import PocketMQError
from pocketmq.protocol.bodies import TopicRouteData
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers import GetRouteInfoRequest
from pocketmq.transport.channel import Channel
from pocketmq.transport.clock import Clock

log = logging.getLogger(__name__)

ASK_SECONDS = 1.5
"""Within `assignment.ROUTE_WAIT_MS`, for which a client's question waits."""


class RouteLookup:
    """One connection for all; `heard` is told each topic whose route was asked for, whatever the answer was."""

    def __init__(
        self,
        routes: KnownRoutes,
        addresses: Sequence[str],
        clock: Clock,
        interval_ms: Callable[[], int],
        heard: Callable[[str], None],
    ) -> None:
        """`interval_ms` is asked anew before each wait: a setting may change."""
        self._routes = routes
        self._clock = clock
        self._interval_ms = interval_ms
        self._heard = heard
        self._connections = Connections(clock, _ignore)
        self._name_servers = NameServers(addresses, self._connections, clock, random.Random()) if addresses else None
        self.wake = asyncio.Event()
        routes.is_followed = bool(addresses)

    async def keep(self) -> None:
        """Asks for what is wanted when woken, and for everything known at every interval, for ever."""
        refresh_ms = self._clock.now_ms() + self._interval_ms()
        while True:
            await self._clock.wait(self.wake, max(refresh_ms - self._clock.now_ms(), 0) / 1000)
            for topic in self._routes.take_wanted():
                await self.ask(topic)
            if self._clock.now_ms() >= refresh_ms:
                for topic in self._routes.to_refresh(self._clock.now_ms()):
                    await self.ask(topic)
                refresh_ms = self._clock.now_ms() + self._interval_ms()

    async def ask(self, topic: str) -> None:
        """One topic now; what was known stays if no name server answers."""
        assert self._name_servers is not None, "nobody looks at routes where there are no name servers"
        try:
            answer = await self._name_servers.ask(
                RequestCode.GET_ROUTEINFO_BY_TOPIC, GetRouteInfoRequest(topic=topic).fields(), timeout=ASK_SECONDS
            )
            queues = read_queues(topic, TopicRouteData.decode(answer.body))
            self._routes.learn(topic, queues, self._clock.now_ms())
        except PocketMQError as error:
            if isinstance(error, BrokerError) and error.code == ResponseCode.TOPIC_NOT_EXIST:
                self._routes.forget(topic)
            else:
                log.warning("the route of topic %s cannot be had: %s", topic, error)
        self._heard(topic)

    async def close(self) -> None:
        """Ends the connections."""
        await self._connections.close("the broker stops")


def _ignore(channel: Channel, request: Command) -> None:
    log.debug("name server %s asked %d, which a broker does not answer", channel.address, request.code)
