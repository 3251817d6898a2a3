"""Where the queues of each topic are: what the name servers said last, refreshed when old, wrong or missing."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

from pocketmq.client.errors import BrokerError, NoBroker, NoNameServer, NoRouteError
from pocketmq.client.name_servers import ASK_SECONDS, NameServers
from pocketmq.model.names import AUTO_CREATE_TOPIC, MASTER_ID
from pocketmq.model.permissions import is_readable, is_writeable, perm_text
from pocketmq.model.queue import MessageQueue
from pocketmq.protocol.bodies import ClusterInfo, TopicRouteData
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.headers import GetRouteInfoRequest

DEFAULT_QUEUE_COUNT = 4
"""DefaultMQProducer.defaultTopicQueueNums: how many queues a topic gets that a send creates."""


@dataclass(frozen=True, slots=True)
class Route:
    """A topic's route and its queues. `is_borrowed`: the route is the auto-create topic's, lent to a new topic."""

    topic: str
    data: TopicRouteData
    write_queues: tuple[MessageQueue, ...]
    read_queues: tuple[MessageQueue, ...]
    is_borrowed: bool = False


class Routes:
    """The routes one client knows; `wanted` are the topics that `refresh` asks for."""

    def __init__(self, name_servers: NameServers, rng: random.Random) -> None:
        self._name_servers = name_servers
        self._rng = rng
        self._routes: dict[str, Route] = {}
        self._brokers: dict[str, dict[int, str]] = {}
        self._asking: dict[str, asyncio.Lock] = {}
        self.wanted: set[str] = set()

    def find(self, topic: str) -> Route | None:
        """The route as last heard."""
        return self._routes.get(topic)

    def forget(self, topic: str) -> None:
        """The next `require` asks anew."""
        self._routes.pop(topic, None)

    async def require(self, topic: str, *, timeout: float = ASK_SECONDS, may_borrow: bool = False) -> Route:
        """The route, asked for if unknown; with `may_borrow`, the auto-create topic's. Raises NoRouteError."""
        route = self._routes.get(topic)
        if route is not None and (may_borrow or not route.is_borrowed):
            return route
        async with self._asking.setdefault(topic, asyncio.Lock()):
            route = self._routes.get(topic)
            if route is None or (route.is_borrowed and not may_borrow):
                try:
                    route = await self._ask(topic, timeout)
                    if route is None and may_borrow:
                        route = await self._borrow(topic, timeout)
                except NoNameServer as error:
                    raise NoRouteError(topic, [str(failure) for failure in error.failures]) from error
        if route is None:
            self._asking.pop(topic, None)
            raise NoRouteError(topic, await self._why_unknown(topic, may_create=may_borrow))
        self.wanted.add(topic)
        return route

    async def refresh(self, topic: str, *, timeout: float = ASK_SECONDS) -> bool:
        """Asks again; whether the readable queues changed. Raises NoNameServer, and keeps what it knew."""
        before = self._routes.get(topic)
        route = await self._ask(topic, timeout)
        return route is not None and (before is None or before.read_queues != route.read_queues)

    def master_address(self, broker_name: str) -> str:
        """Where the broker takes writes. Raises NoBroker."""
        address = self._brokers.get(broker_name, {}).get(MASTER_ID)
        if address is None:
            raise NoBroker(f"the route names no master of broker {broker_name!r}")
        return address

    def read_address(self, broker_name: str, broker_id: int) -> tuple[str, bool]:
        """Where to read, and whether that is the master: the wanted member, else any. Raises NoBroker."""
        members = self._brokers.get(broker_name, {})
        if not members:
            raise NoBroker(f"the route names no address of broker {broker_name!r}")
        chosen = broker_id if broker_id in members else min(members)
        return members[chosen], chosen == MASTER_ID

    def broker_of(self, address: str) -> str | None:
        """Name of the broker that has this address."""
        for name, members in self._brokers.items():
            if address in members.values():
                return name
        return None

    def addresses(self, *, masters_only: bool) -> list[str]:
        """Of every broker in a known route."""
        return [
            address
            for members in self._brokers.values()
            for broker_id, address in members.items()
            if broker_id == MASTER_ID or not masters_only
        ]

    def any_broker(self, topic: str) -> str:
        """Address of some broker that has the topic, masters first (BrokerData#selectBrokerAddr). Raises NoBroker."""
        route = self._routes.get(topic)
        if route is None or not route.data.broker_datas:
            raise NoBroker(f"no broker is known to have topic {topic!r}")
        chosen = self._rng.choice(list(route.data.broker_datas))
        return self.read_address(chosen.broker_name, MASTER_ID)[0]

    async def _ask(self, topic: str, timeout: float) -> Route | None:
        data = await self._fetch(topic, timeout)
        if data is None:
            return None
        return self._learn(topic, data, is_borrowed=False)

    async def _borrow(self, topic: str, timeout: float) -> Route | None:
        data = await self._fetch(AUTO_CREATE_TOPIC, timeout)
        if data is None:
            return None
        return self._learn(topic, data, is_borrowed=True)

    async def _fetch(self, topic: str, timeout: float) -> TopicRouteData | None:
        try:
            answer = await self._name_servers.ask(
                RequestCode.GET_ROUTEINFO_BY_TOPIC, GetRouteInfoRequest(topic=topic).fields(), timeout=timeout
            )
        except BrokerError as error:
            if error.code == ResponseCode.TOPIC_NOT_EXIST:
                return None
            raise
        return TopicRouteData.decode(answer.body)

    def _learn(self, topic: str, data: TopicRouteData, *, is_borrowed: bool) -> Route:
        route = Route(
            topic,
            data,
            write_queues(topic, data, DEFAULT_QUEUE_COUNT if is_borrowed else None),
            () if is_borrowed else read_queues(topic, data),
            is_borrowed,
        )
        self._routes.pop(topic, None)
        self._routes[topic] = route  # Last, so that what was heard last about a broker is believed.
        self._brokers = {
            broker.broker_name: dict(broker.broker_addrs)
            for known in self._routes.values()
            for broker in known.data.broker_datas
            if broker.broker_name is not None
        }
        return route

    async def _why_unknown(self, topic: str, *, may_create: bool) -> Sequence[str]:
        """What is wrong, asked of the name servers while it is."""
        servers = ", ".join(self._name_servers.addresses)
        causes = [f"name server {servers} answers and does not know the topic"]
        try:
            answer = await self._name_servers.ask(RequestCode.GET_BROKER_CLUSTER_INFO)
            cluster = ClusterInfo.decode(answer.body)
        except (BrokerError, NoNameServer) as error:
            return [*causes, f"which brokers there are could not be found out: {error}"]
        if not cluster.broker_addr_table:
            return [
                *causes,
                "no broker is registered with it: start one, or look for its registration errors in its log",
            ]
        causes.append(f"registered brokers: {', '.join(sorted(cluster.broker_addr_table))}")
        if may_create:
            causes.append(
                f"none of them creates topics by itself (autoCreateTopicEnable; no route to {AUTO_CREATE_TOPIC})"
            )
        clusters = sorted(cluster.cluster_addr_table) or ["DefaultCluster"]
        return [
            *causes,
            f"create it: mqadmin updateTopic -n {self._name_servers.addresses[0]} -c {clusters[0]} -t {topic}",
        ]


def write_queues(topic: str, data: TopicRouteData, count_max: int | None = None) -> tuple[MessageQueue, ...]:
    """Queues that take messages, by broker name and id (MQClientInstance#topicRouteData2TopicPublishInfo)."""
    if data.order_topic_conf:
        pairs = (part.split(":") for part in data.order_topic_conf.split(";") if ":" in part)
        return tuple(MessageQueue(topic, name, number) for name, count in pairs for number in range(int(count)))
    masters = {broker.broker_name for broker in data.broker_datas if MASTER_ID in broker.broker_addrs}
    queues = []
    for row in sorted(data.queue_datas, key=lambda row: row.broker_name):
        if is_writeable(row.perm) and row.broker_name in masters:
            count = row.write_queue_nums if count_max is None else min(count_max, row.read_queue_nums)
            queues += [MessageQueue(topic, row.broker_name, number) for number in range(count)]
    return tuple(queues)


def read_queues(topic: str, data: TopicRouteData) -> tuple[MessageQueue, ...]:
    """Queues that give messages, sorted (MQClientInstance#topicRouteData2TopicSubscribeInfo)."""
    return tuple(
        sorted(
            MessageQueue(topic, row.broker_name, number)
            for row in data.queue_datas
            if is_readable(row.perm)
            for number in range(row.read_queue_nums)
        )
    )


def why_not_writeable(route: Route) -> list[str]:
    """Causes for a route that exists and has no queue to write to."""
    rows = [f"{row.broker_name} has perm {perm_text(row.perm)}" for row in route.data.queue_datas]
    masters = [broker.broker_name for broker in route.data.broker_datas if MASTER_ID in broker.broker_addrs]
    return [
        "the topic exists and no queue of it takes messages: " + (", ".join(rows) or "no broker has queues for it"),
        f"brokers with a master: {', '.join(masters) or 'none'}",
        "allow writing with: mqadmin updateTopicPerm -p 6",
    ]
