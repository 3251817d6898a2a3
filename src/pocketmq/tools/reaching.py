"""Asks name servers and brokers whether they are there, as a client would, and says in words when they are not."""

from types import TracebackType

from pocketmq.client.errors import BrokerError
from pocketmq.client.session import Session
from pocketmq.model.errors import PocketMQError
from pocketmq.protocol.bodies import ClusterInfo
from pocketmq.protocol.codes import RequestCode

ANSWER_SECONDS = 3.0
"""NettySystemConfig.connectTimeoutMillis: a client that waited longer would have given up."""


class Reaching:
    """Use it with `async with`; nobody is told a group or a heartbeat."""

    def __init__(self, name_servers: str) -> None:
        self._session = Session(name_servers)

    async def __aenter__(self) -> "Reaching":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def brokers(self) -> tuple[str | None, list[tuple[str, str]]]:
        """Why the name servers do not answer, or None; and name and address of each broker they know."""
        try:
            answer = await self._session.name_servers.ask(RequestCode.GET_BROKER_CLUSTER_INFO, timeout=ANSWER_SECONDS)
        except PocketMQError as error:
            return str(error), []
        table = ClusterInfo.decode(answer.body).broker_addr_table
        return None, [
            (name, address)
            for name, broker in sorted(table.items())
            for _, address in sorted(broker.broker_addrs.items())
        ]

    async def failure(self, address: str) -> str | None:
        """Why nobody who speaks RocketMQ answers at the address; None if somebody does."""
        return await self._failure(address, RequestCode.GET_BROKER_RUNTIME_INFO, any_answer=True)

    async def is_name_server(self, address: str) -> bool:
        """Whether a name server answers there."""
        return await self._failure(address, RequestCode.GET_BROKER_CLUSTER_INFO, any_answer=False) is None

    async def is_broker(self, address: str) -> bool:
        """Whether a broker answers there."""
        return await self._failure(address, RequestCode.GET_BROKER_RUNTIME_INFO, any_answer=False) is None

    async def _failure(self, address: str, code: int, *, any_answer: bool) -> str | None:
        try:
            await self._session.connections.call(address, code, timeout=ANSWER_SECONDS)
        except BrokerError as error:
            return None if any_answer else str(error)
        except PocketMQError as error:
            return str(error)
        return None
