"""All that a name server knows, in memory; the node keeps the files and the connections."""

from collections.abc import Callable
from dataclasses import dataclass

from pocketmq.model.namesrv_settings import NamesrvSettings
from pocketmq.model.outcome import Outcome, Push
from pocketmq.model.peer import Peer
from pocketmq.namesrv.kv_config import KvConfig
from pocketmq.namesrv.route_table import RouteTable
from pocketmq.protocol.frame import Command

KV_CONFIG = "kvConfig"
"""Name of the key-value table's file among `unsaved`; it belongs at the setting `kvConfigPath`."""

NAMESRV_CONFIG = "namesrvConfig"
"""Name of the settings' file among `unsaved`; it belongs at the setting `configStorePath`."""


@dataclass(frozen=True, slots=True)
class Notice(Push):
    """A push to a broker. `peer_id` is the connection it registered over; a Java broker listens only at `address`."""

    address: str = ""


class NamesrvState:
    """Routes, key-value table and settings; `unsaved` and `outbox` are what the node has to carry out.

    `changed_settings` are the texts of the settings changed over the network since the start, by key; `looked_ms` is
    when silent brokers were last looked for.
    """

    __slots__ = ("changed_settings", "kv_config", "looked_ms", "outbox", "routes", "settings", "started_ms", "unsaved")

    def __init__(
        self,
        settings: NamesrvSettings,
        *,
        started_ms: int,
        kv_config: KvConfig | None = None,
        routes: RouteTable | None = None,
    ) -> None:
        self.settings = settings
        self.started_ms = started_ms
        self.looked_ms: int | None = None
        self.kv_config = KvConfig() if kv_config is None else kv_config
        self.routes = RouteTable() if routes is None else routes
        self.changed_settings: dict[str, str] = {}
        self.unsaved: set[str] = set()
        self.outbox: list[Push] = []

    def table_text(self, name: str) -> bytes:
        """Content of the file called `name` in `unsaved`."""
        if name == KV_CONFIG:
            return self.kv_config.text()
        assert name == NAMESRV_CONFIG
        return self.settings_text()

    def settings_text(self) -> bytes:
        """All settings as a properties text, sorted by key (MixAll#properties2String)."""
        return "".join(f"{key}={value}\n" for key, value in self.settings.to_properties().items()).encode()


Handler = Callable[[Command, Peer, NamesrvState, int], Outcome]
"""Answers one kind of request at the time given last, in milliseconds; may raise Refusal."""
