"""Asking the name servers: any one of them will do, so the one that answered last is asked first."""

import random
from collections.abc import Mapping, Sequence

from pocketmq.client.connections import SUCCESS, Connections
from pocketmq.client.errors import CallTimeout, ChannelError, NoNameServer
from pocketmq.model.errors import UserError
from pocketmq.model.outcome import NO_FIELDS
from pocketmq.protocol.frame import Command
from pocketmq.transport.channel import split_address
from pocketmq.transport.clock import Clock

ASK_SECONDS = 3.0
"""ClientConfig.mqClientApiTimeout."""

DEAF_AFTER_SECONDS = 1.0
"""A server that is silent this long is believed to be gone, and its connection with it."""


class NameServers:
    """`addresses` are tried from a random start, round robin, until one answers at all."""

    def __init__(self, addresses: Sequence[str], connections: Connections, clock: Clock, rng: random.Random) -> None:
        self.addresses = tuple(addresses)
        self._clock = clock
        self._connections = connections
        self._current = rng.randrange(len(addresses))

    async def ask(
        self,
        code: int,
        fields: Mapping[str, str] = NO_FIELDS,
        body: bytes = b"",
        *,
        timeout: float = ASK_SECONDS,
        accept: frozenset[int] = SUCCESS,
    ) -> Command:
        """The first answer; each server has its share of `timeout`. Raises NoNameServer if none comes, BrokerError."""
        failures: list[ChannelError] = []
        ends_at = self._clock.monotonic() + timeout
        for left in range(len(self.addresses), 0, -1):
            address = self.addresses[self._current]
            share = max(0.0, ends_at - self._clock.monotonic()) / left
            try:
                return await self._connections.call(address, code, fields, body, timeout=share, accept=accept)
            except ChannelError as error:
                failures.append(error)
                if isinstance(error, CallTimeout) and share >= DEAF_AFTER_SECONDS:
                    self._connections.drop(address, "it does not answer")
                self._current = (self._current + 1) % len(self.addresses)
        raise NoNameServer(failures)


def parse_addresses(addresses: str | Sequence[str]) -> tuple[str, ...]:
    """`"a:9876;b:9876"` (`,` will do too) or a sequence of addresses, checked. Raises UserError."""
    parts = addresses.replace(",", ";").split(";") if isinstance(addresses, str) else list(addresses)
    found = tuple(part.strip() for part in parts if part.strip())
    if not found:
        raise UserError("no name server address: write host:port, several separated by ';'")
    for address in found:
        split_address(address)
    return found
