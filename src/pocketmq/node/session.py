"""One connection to a server: bytes in, commands out."""

import logging
from collections.abc import Callable

from pocketmq.model.errors import ProtocolError
from pocketmq.protocol.connection import Connection
from pocketmq.protocol.frame import Command
from pocketmq.transport.server import Link

log = logging.getLogger(__name__)


class Session:
    """The receiver of a link's bytes. Codes in `refused` are not served on its port."""

    __slots__ = ("_decide", "_forget", "connection", "link", "refused")

    def __init__(
        self,
        link: Link,
        decide: Callable[["Session", list[Command]], None],
        forget: Callable[["Session"], None],
        refused: frozenset[int] = frozenset(),
    ) -> None:
        """`decide` gets every command, `forget` hears that the link is gone."""
        self.link = link
        self.refused = refused
        self.connection = Connection()
        self._decide = decide
        self._forget = forget

    def received(self, data: bytes) -> None:
        """Has every command decided that these bytes complete."""
        try:
            commands = self.connection.feed(data)
        except ProtocolError as error:
            log.warning("%s sent what is not RocketMQ's protocol, connection closed: %s", self.link.peer.address, error)
            self.link.close()
            return
        if commands:
            self._decide(self, commands)

    def lost(self) -> None:
        """Called by the link."""
        self._forget(self)
