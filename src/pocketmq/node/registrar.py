"""Keeps a broker in the routes of its name servers: at start, every period, and whenever its topics change."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from pocketmq.broker.registration import registration, take_order_topics, unregistration
from pocketmq.broker.state import BrokerState
from pocketmq.model.errors import PocketMQError
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.frame import Command
from pocketmq.transport.channel import Channel, connect
from pocketmq.transport.clock import Clock

log = logging.getLogger(__name__)

_PERIOD_MS_MIN = 10_000
_PERIOD_MS_MAX = 60_000
"""BrokerController: registerNameServerPeriod is kept within these."""

_UNREGISTER_SECONDS = 1.0


class Registrar:
    """One channel for each name server, opened when needed."""

    def __init__(self, state: BrokerState, addresses: list[str], clock: Clock) -> None:
        self._state = state
        self._addresses = addresses
        self._clock = clock
        self._channels: dict[str, Channel] = {}
        self._unreachable: set[str] = set()
        self.wake = asyncio.Event()

    async def keep(self) -> None:
        """Registers for ever."""
        while True:
            period_ms = self._state.settings.register_name_server_period
            await self._clock.wait(self.wake, min(max(period_ms, _PERIOD_MS_MIN), _PERIOD_MS_MAX) / 1000)
            await self.register()

    async def register(self) -> int:
        """Tells every name server at once; how many have understood."""
        fields, body = registration(self._state)
        done = await asyncio.gather(*(self._register_at(address, fields, body) for address in self._addresses))
        return sum(done)

    async def unregister(self) -> None:
        """Takes the broker out of the routes, as far as name servers can be reached quickly."""
        fields = unregistration(self._state)
        for address in self._addresses:
            with contextlib.suppress(PocketMQError):
                channel = await self._channel(address, _UNREGISTER_SECONDS)
                await channel.call(RequestCode.UNREGISTER_BROKER, fields, timeout=_UNREGISTER_SECONDS)
        for channel in list(self._channels.values()):
            channel.close("the broker stops")

    async def _register_at(self, address: str, fields: Mapping[str, str], body: bytes) -> bool:
        seconds = self._state.settings.register_broker_timeout_mills / 1000
        try:
            channel = await self._channel(address, seconds)
            answer = await channel.call(RequestCode.REGISTER_BROKER, fields, body, timeout=seconds)
        except PocketMQError as error:
            self._failed(address, str(error))
            return False
        if answer.code != 0:
            self._failed(address, f"it answers {answer.code}: {answer.remark}")
            return False
        if address in self._unreachable:
            self._unreachable.discard(address)
            log.info("registered at name server %s again", address)
        take_order_topics(self._state, answer.body, self._clock.now_ms())
        return True

    def _failed(self, address: str, reason: str) -> None:
        if address not in self._unreachable:
            self._unreachable.add(address)
            log.warning("cannot register at name server %s, trying again: %s", address, reason)

    async def _channel(self, address: str, seconds: float) -> Channel:
        channel = self._channels.get(address)
        if channel is None or not channel.is_open:
            channel = await connect(
                address, clock=self._clock, timeout=seconds, on_request=_ignore, on_closed=lambda closed: None
            )
            self._channels[address] = channel
        return channel


def _ignore(channel: Channel, request: Command) -> None:
    log.debug("name server %s asked %d, which a broker does not answer", channel.address, request.code)
