"""What `pocketmq up` asks the standalone node to run."""

from collections.abc import Callable
from dataclasses import dataclass

from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.namesrv_settings import NamesrvSettings


@dataclass(frozen=True, slots=True)
class Listening:
    """Where clients reach a node that has started, each `host:port` as advertised."""

    namesrv_address: str
    broker_address: str


@dataclass(frozen=True, slots=True)
class StandalonePlan:
    """A name server and a broker in one process; port 0 in either means any free one.

    `ready` is called once, when both accept connections and the broker is in the name server's routes.
    """

    broker: BrokerSettings
    namesrv: NamesrvSettings
    ready: Callable[[Listening], None]
