"""What an administrator does to a cluster: topics, groups, offsets, configuration, looking messages up.

Each call asks the name servers where things are, so that it sees the cluster as it is now; nothing is cached.
"""

import logging
import random
import ssl
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType

import msgspec

from pocketmq.client.compression import restored
from pocketmq.client.errors import BrokerError, NoBroker, NoNameServer, UnreadableBody
from pocketmq.client.session import Session
from pocketmq.model.errors import UserError
from pocketmq.model.flags import without_compressed
from pocketmq.model.group import SubscriptionGroupConfig
from pocketmq.model.message import StoredMessage
from pocketmq.model.names import AUTO_CREATE_TOPIC, MASTER_ID, UNIQUE_KEY_QUERY, client_topic_fault, retry_topic
from pocketmq.model.permissions import PERM_READ_WRITE
from pocketmq.model.queue import MessageQueue
from pocketmq.model.topic import TopicFilterType
from pocketmq.protocol.bodies import (
    ClusterInfo,
    ConsumerConnection,
    ConsumerRunningInfo,
    ConsumeStats,
    KVTable,
    OffsetWrapper,
    ResetOffsetBody,
    TopicList,
    TopicOffset,
    TopicRouteData,
    TopicStatsTable,
)
from pocketmq.protocol.bodies.codec import encode_body
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers import (
    CreateTopicRequest,
    DeleteSubscriptionGroupRequest,
    DeleteTopicFromNamesrvRequest,
    DeleteTopicRequest,
    GetConsumerConnectionListRequest,
    GetConsumerRunningInfoRequest,
    GetConsumeStatsRequest,
    GetTopicStatsInfoRequest,
    Header,
    QueryMessageRequest,
    ResetOffsetRequest,
    ViewMessageRequest,
)
from pocketmq.protocol.java_properties import format_properties, parse_properties
from pocketmq.protocol.message_id import decode_message_id
from pocketmq.protocol.stored import decode_record, decode_records
from pocketmq.transport.clock import Clock

ADMIN_SECONDS = 5.0
"""DefaultMQAdminExt.timeoutMillis."""

QUEUE_COUNT = 8
"""UpdateTopicSubCommand: read and write queues of a topic that is created without a word about them."""

FOUND_MAX = 64
"""QueryMsgByKeySubCommand: messages asked for by key."""

ROUTABLE_SECONDS = 3.0
ROUTABLE_POLL_SECONDS = 0.05
"""How long `create_topic` waits until the name servers know, and how often it looks."""

TIME_END_MS = (1 << 63) - 1
FOUND_OR_NOT = frozenset((ResponseCode.SUCCESS, ResponseCode.QUERY_NOT_FOUND))
EMPTY = Header()

log = logging.getLogger(__name__)


class Admin:
    """Use it with `async with`. A broker is named by its `address`; else it is every master of `cluster`, or of all."""

    def __init__(
        self,
        name_servers: str | Sequence[str],
        *,
        timeout: float = ADMIN_SECONDS,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._timeout = timeout
        self._session = Session(name_servers, tls=tls, clock=clock, rng=rng)

    async def __aenter__(self) -> "Admin":
        self._session.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def cluster(self) -> ClusterInfo:
        """Every broker that is registered."""
        return ClusterInfo.decode((await self._ask_name_server(RequestCode.GET_BROKER_CLUSTER_INFO)).body)

    async def topics(self) -> tuple[str, ...]:
        """The name of every topic, RocketMQ's own included."""
        answer = await self._ask_name_server(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER)
        return tuple(sorted(TopicList.decode(answer.body).topic_list))

    async def create_topic(
        self,
        topic: str,
        *,
        queues: int = QUEUE_COUNT,
        perm: int = PERM_READ_WRITE,
        order: bool = False,
        attributes: Mapping[str, str] | None = None,
        cluster: str | None = None,
        address: str | None = None,
    ) -> None:
        """Creates or changes it and returns when the name servers know. `{"+name": "value"}` sets an attribute."""
        if fault := client_topic_fault(topic):
            raise UserError(fault)
        request = CreateTopicRequest(
            topic=topic,
            default_topic=AUTO_CREATE_TOPIC,
            read_queue_nums=queues,
            write_queue_nums=queues,
            perm=perm,
            topic_filter_type=TopicFilterType.SINGLE_TAG,
            topic_sys_flag=0,
            order=order,
            attributes=",".join(f"{name}={value}" for name, value in attributes.items()) if attributes else None,
        )
        brokers = await self._masters(cluster, address)
        for broker in brokers:
            await self._ask(broker, RequestCode.UPDATE_AND_CREATE_TOPIC, request)
        await self._until_routable(topic, brokers)

    async def delete_topic(self, topic: str, *, cluster: str | None = None) -> None:
        """Deletes it from the brokers and then from every name server; one that never was is deleted too."""
        for broker in await self._masters(cluster, None):
            await self._ask(broker, RequestCode.DELETE_TOPIC_IN_BROKER, DeleteTopicRequest(topic=topic))
        request = DeleteTopicFromNamesrvRequest(topic=topic, cluster_name=cluster)
        for server in self._session.name_servers.addresses:
            await self._ask(server, RequestCode.DELETE_TOPIC_IN_NAMESRV, request)

    async def topic_route(self, topic: str) -> TopicRouteData:
        """Where its queues are. Raises NoRouteError, which says why there is none."""
        self._session.routes.forget(topic)
        return (await self._session.routes.require(topic, timeout=self._timeout)).data

    async def topic_stats(self, topic: str) -> TopicStatsTable:
        """What each of its queues holds."""
        rows: dict[MessageQueue, TopicOffset] = {}
        tps = 0.0
        for broker in await self._brokers_of(topic):
            answer = await self._ask(broker, RequestCode.GET_TOPIC_STATS_INFO, GetTopicStatsInfoRequest(topic=topic))
            table = TopicStatsTable.decode(answer.body)
            rows |= table.offset_table
            tps += table.topic_put_tps
        return TopicStatsTable(tps, rows)

    async def create_group(
        self, group: SubscriptionGroupConfig, *, cluster: str | None = None, address: str | None = None
    ) -> None:
        """Creates or changes a consumer group."""
        for broker in await self._masters(cluster, address):
            await self._ask(broker, RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, EMPTY, encode_body(group))

    async def delete_group(self, group: str, *, with_offsets: bool = True, cluster: str | None = None) -> None:
        """Deletes a consumer group, and what its members have committed."""
        request = DeleteSubscriptionGroupRequest(group_name=group, clean_offset=with_offsets)
        for broker in await self._masters(cluster, None):
            await self._ask(broker, RequestCode.DELETE_SUBSCRIPTIONGROUP, request)

    async def consume_stats(self, group: str, topic: str | None = None) -> ConsumeStats:
        """How far the group is in each queue, of one topic or of all it consumes."""
        rows: dict[MessageQueue, OffsetWrapper] = {}
        tps = 0.0
        request = GetConsumeStatsRequest(consumer_group=group, topic=topic)
        for broker in await self._brokers_of(topic or retry_topic(group)):
            answer = await self._ask(broker, RequestCode.GET_CONSUME_STATS, request)
            stats = ConsumeStats.decode(answer.body)
            rows |= stats.offset_table
            tps += stats.consume_tps
        return ConsumeStats(rows, tps)

    async def consumer_connection(self, group: str, *, address: str | None = None) -> ConsumerConnection:
        """The group's members and what they subscribe to. Raises BrokerError 206 if there are none."""
        request = GetConsumerConnectionListRequest(consumer_group=group)
        broker = address or (await self._brokers_of(retry_topic(group)))[0]
        return ConsumerConnection.decode(
            (await self._ask(broker, RequestCode.GET_CONSUMER_CONNECTION_LIST, request)).body
        )

    async def consumer_running(self, group: str, client_id: str, *, address: str | None = None) -> ConsumerRunningInfo:
        """What one member says about itself."""
        request = GetConsumerRunningInfoRequest(consumer_group=group, client_id=client_id)
        broker = address or (await self._brokers_of(retry_topic(group)))[0]
        return ConsumerRunningInfo.decode(
            (await self._ask(broker, RequestCode.GET_CONSUMER_RUNNING_INFO, request)).body
        )

    async def reset_offsets(
        self, group: str, topic: str, to: datetime, *, force: bool = True
    ) -> Mapping[MessageQueue, int]:
        """Sets the group to the first message stored since `to`, on every broker; without `force` only backwards."""
        request = ResetOffsetRequest(
            topic=topic, group=group, timestamp=round(to.timestamp() * 1000), is_force=force, queue_id=-1, offset=-1
        )
        offsets: dict[MessageQueue, int] = {}
        for broker in await self._brokers_of(topic):
            answer = await self._ask(broker, RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, request)
            if answer.body:
                offsets |= ResetOffsetBody.decode(answer.body).offset_table
        return offsets

    async def broker_config(self, address: str) -> Mapping[str, str]:
        """All settings of one broker, by RocketMQ's keys."""
        return parse_properties((await self._ask(address, RequestCode.GET_BROKER_CONFIG)).body.decode())

    async def update_broker_config(self, address: str, changes: Mapping[str, str]) -> None:
        """Changes settings of a running broker."""
        await self._ask(address, RequestCode.UPDATE_BROKER_CONFIG, EMPTY, format_properties(changes).encode())

    async def broker_runtime(self, address: str) -> Mapping[str, str]:
        """Its figures."""
        return KVTable.decode((await self._ask(address, RequestCode.GET_BROKER_RUNTIME_INFO)).body).table

    async def query_by_key(
        self,
        topic: str,
        key: str,
        *,
        count_max: int = FOUND_MAX,
        begin_ms: int = 0,
        end_ms: int = TIME_END_MS,
    ) -> list[StoredMessage]:
        """The topic's messages with this key, oldest first."""
        return await self._query(topic, key, {}, count_max, begin_ms, end_ms)

    async def query_by_unique_key(self, topic: str, message_id: str) -> list[StoredMessage]:
        """The messages that a producer sent under this id: one, or more if it had to try again."""
        return await self._query(topic, message_id, {UNIQUE_KEY_QUERY: "true"}, FOUND_MAX, 0, TIME_END_MS)

    async def view_message(self, offset_message_id: str, *, topic: str | None = None) -> StoredMessage:
        """The message at the place that a broker's id names; the broker is asked at the address in the id."""
        place = decode_message_id(offset_message_id)
        host = f"[{place.host}]" if ":" in place.host else place.host
        request = ViewMessageRequest(topic=topic, offset=place.log_offset)
        answer = await self._ask(f"{host}:{place.port}", RequestCode.VIEW_MESSAGE_BY_ID, request)
        return readable(decode_record(answer.body))

    async def _query(
        self, topic: str, key: str, extra: Mapping[str, str], count_max: int, begin_ms: int, end_ms: int
    ) -> list[StoredMessage]:
        request = QueryMessageRequest(
            topic=topic, key=key, max_num=count_max, begin_timestamp=begin_ms, end_timestamp=end_ms
        )
        found: list[StoredMessage] = []
        for broker in await self._brokers_of(topic):
            answer = await self._session.connections.call(
                broker,
                RequestCode.QUERY_MESSAGE,
                {**request.fields(), **extra},
                timeout=self._timeout,
                accept=FOUND_OR_NOT,
            )
            if answer.code == ResponseCode.SUCCESS:
                found += map(readable, decode_records(answer.body))
        return sorted(found, key=lambda message: message.store_timestamp)

    async def _ask(self, address: str, code: RequestCode, header: Header = EMPTY, body: bytes = b"") -> Command:
        self._session.require_open()
        return await self._session.connections.call(address, code, header.fields(), body, timeout=self._timeout)

    async def _ask_name_server(self, code: RequestCode) -> Command:
        self._session.require_open()
        return await self._session.name_servers.ask(code, timeout=self._timeout)

    async def _masters(self, cluster: str | None, address: str | None) -> list[str]:
        if address is not None:
            return [address]
        known = await self.cluster()
        if cluster is not None and cluster not in known.cluster_addr_table:
            names = ", ".join(sorted(known.cluster_addr_table)) or "none"
            raise UserError(f"there is no cluster {cluster!r}; known: {names}")
        wanted = known.cluster_addr_table[cluster] if cluster is not None else known.broker_addr_table
        rows = [known.broker_addr_table[name] for name in sorted(wanted) if name in known.broker_addr_table]
        masters = [row.broker_addrs[MASTER_ID] for row in rows if MASTER_ID in row.broker_addrs]
        if not masters:
            raise NoBroker(f"no master is registered with {', '.join(self._session.name_servers.addresses)}")
        return masters

    async def _brokers_of(self, topic: str) -> list[str]:
        route = await self.topic_route(topic)
        return [min(row.broker_addrs.items())[1] for row in route.broker_datas if row.broker_addrs]

    async def _until_routable(self, topic: str, brokers: Iterable[str]) -> None:
        clock = self._session.clock
        ends_at = clock.monotonic() + ROUTABLE_SECONDS
        while clock.monotonic() < ends_at:
            try:
                await self._session.routes.refresh(topic)
            except (BrokerError, NoNameServer) as error:
                log.debug("route of topic %s not asked: %s", topic, error)
            route = self._session.routes.find(topic)
            known = {at for row in route.data.broker_datas for at in row.broker_addrs.values()} if route else set()
            if known.issuperset(brokers):
                return
            await clock.sleep(ROUTABLE_POLL_SECONDS)
        log.warning("topic %s exists, but the name servers do not know all its brokers yet", topic)


def readable(message: StoredMessage) -> StoredMessage:
    """With its body restored, where that is possible."""
    try:
        plain = restored(message.body, message.sys_flag)
    except UnreadableBody as error:
        log.warning("message %s: %s", message.message_id, error)
        return message
    return msgspec.structs.replace(message, body=plain, sys_flag=without_compressed(message.sys_flag))
