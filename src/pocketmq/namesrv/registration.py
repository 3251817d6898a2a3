"""How brokers come and go: registering, leaving, expiring, a connection's end (RouteInfoManager).

Who may remove what. A replica is identified by its address, its name, its id and the connection over which it last
registered; connections are numbered in the order they were accepted. A removal counts only if it means the replica
that is registered now: an unregistration over a connection older than the registration's, or for an id that the
address no longer has, is late and changes nothing, and neither does the end of an older connection. Silence counts only
while somebody listened: after a standstill or a jump of the clock every broker gets the time back.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pocketmq.model.data_version import DataVersion
from pocketmq.model.errors import Refusal
from pocketmq.model.limits import NAMESRV_FILTER_SERVERS_MAX, NAMESRV_NAME_CHARS_MAX
from pocketmq.model.names import MASTER_ID
from pocketmq.model.permissions import PERM_WRITE
from pocketmq.model.topic import TopicConfig
from pocketmq.namesrv.route_table import Broker, Replica, RouteTable
from pocketmq.namesrv.state import NamesrvState, Notice
from pocketmq.protocol.bodies.routes import QueueData, TopicConfigAndMappingSerializeWrapper
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.headers import (
    NotifyMinBrokerIdChangeRequest,
    RegisterBrokerRequest,
    RegisterBrokerResponse,
    UnRegisterBrokerRequest,
)

BROKER_TIMEOUT_MS = 120_000
"""RouteInfoManager.DEFAULT_BROKER_CHANNEL_EXPIRED_TIME: silence after which a broker that names no bound is gone."""

_log = logging.getLogger(__name__)


class Registration(NamedTuple):
    """What a broker says of itself; `filter_servers` is None from a broker too old to name any."""

    header: RegisterBrokerRequest
    topics: TopicConfigAndMappingSerializeWrapper
    filter_servers: tuple[str, ...] | None
    zone_name: str | None
    peer_id: int


def register(state: NamesrvState, registration: Registration, now_ms: int) -> RegisterBrokerResponse:
    """Takes a broker and its topics into the table; the answer tells a slave where its master is."""
    table, header, wrapper = state.routes, registration.header, registration.topics
    held = table.find_in_place(header.broker_name, header.broker_id)
    if held is not None and _is_superseded(held, registration):
        _turn_away(state, registration)
        return RegisterBrokerResponse()
    if held is None and len(wrapper.topic_config_table) == 1:
        raise Refusal(ResponseCode.SYSTEM_ERROR, "register broker failed")
    topics = _topics_brought(table, registration)
    _require_acceptable(table, registration, topics or ())
    former = table.replicas.get(header.broker_addr)
    former_min = _smallest_id(table.brokers.get(header.broker_name))
    replica = _replica(registration, former, now_ms)
    broker = table.put_replica(replica)
    broker.enable_acting_master = header.enable_acting_master is True
    broker.zone_name = registration.zone_name
    is_news = held is None or former is None or former.data_version != wrapper.data_version
    if topics is not None:
        _take_topics(state, registration, broker, topics, is_news=is_news)
    if header.broker_id < former_min:
        _notify_arrival(state, broker, replica)
    master = broker.replicas.get(MASTER_ID)
    if master is None or master is replica:
        return RegisterBrokerResponse()
    return RegisterBrokerResponse(ha_server_addr=master.ha_address, master_addr=master.address)


def unregister(state: NamesrvState, header: UnRegisterBrokerRequest, peer_id: int) -> None:
    """Removes a broker at its own request, unless the request is late."""
    replica = state.routes.find_replica(header.cluster_name, header.broker_addr)
    if replica is None:
        return
    is_meant = (replica.broker_name, replica.broker_id) == (header.broker_name, header.broker_id)
    if is_meant and peer_id >= replica.peer_id:
        _remove(state, [replica], "unregistered")
    else:
        _log.warning(
            "late or mistaken unregistration of %s:%s at %s", header.broker_name, header.broker_id, header.broker_addr
        )


def is_changed(table: RouteTable, cluster: str, address: str, version: DataVersion) -> bool:
    """Whether a broker with these topics should register again: it is unknown, has changed, or has no place."""
    replica = table.find_replica(cluster, address)
    if replica is None or replica.data_version != version:
        return True
    return table.find_in_place(replica.broker_name, replica.broker_id) is None


def touch(table: RouteTable, cluster: str, address: str, now_ms: int) -> None:
    """A broker gave a sign of life."""
    replica = table.find_replica(cluster, address)
    if replica is not None:
        replica.last_seen_ms = now_ms


def expire(state: NamesrvState, now_ms: int) -> list[int]:
    """Removes the brokers silent for too long; returns the connections to close. To be called at every interval."""
    _give_back_unwatched_time(state, now_ms)
    silent = [
        replica for replica in state.routes.replicas.values() if replica.last_seen_ms + replica.timeout_ms < now_ms
    ]
    _remove(state, silent, "silent for too long")
    return list(dict.fromkeys(replica.peer_id for replica in silent))


def peer_closed(state: NamesrvState, peer_id: int, now_ms: int) -> None:
    """Removes the brokers whose last registration came over this connection."""
    gone = [replica for replica in state.routes.replicas.values() if replica.peer_id == peer_id]
    _remove(state, gone, "connection ended")


def _give_back_unwatched_time(state: NamesrvState, now_ms: int) -> None:
    elapsed = 0 if state.looked_ms is None else now_ms - state.looked_ms
    state.looked_ms = now_ms
    usual = 2 * state.settings.scan_not_active_broker_interval
    unwatched = elapsed - usual if elapsed > usual else min(elapsed, 0)
    if unwatched:
        _log.warning("%d ms since the last look for silent brokers; no broker is held to account for that", elapsed)
        for replica in state.routes.replicas.values():
            replica.last_seen_ms = min(replica.last_seen_ms + unwatched, now_ms)


def _is_superseded(held: Replica, registration: Registration) -> bool:
    """Another address holds the id with a newer state: a master that was deposed while it did not look."""
    wrapper = registration.topics
    is_another = held.address != registration.header.broker_addr
    return is_another and held.data_version.state_version > wrapper.data_version.state_version


def _turn_away(state: NamesrvState, registration: Registration) -> None:
    header = registration.header
    _log.warning("%s:%s at %s has an older state", header.broker_name, header.broker_id, header.broker_addr)
    replica = state.routes.find_replica(header.cluster_name, header.broker_addr)
    if replica is not None:
        _remove(state, [replica], "superseded")


def _topics_brought(table: RouteTable, registration: Registration) -> dict[str, TopicConfig] | None:
    """The topics by name; None unless it is a master, or the slave with the smallest id where there is no master."""
    header = registration.header
    broker = table.brokers.get(header.broker_name)
    others = (
        [] if broker is None else [r.broker_id for r in broker.replicas.values() if r.address != header.broker_addr]
    )
    knows_acting = header.enable_acting_master is not None
    if header.broker_id != MASTER_ID and not (knows_acting and all(header.broker_id <= other for other in others)):
        return None
    return {config.topic_name: config for config in registration.topics.topic_config_table.values()}


def _require_acceptable(table: RouteTable, registration: Registration, topics: Iterable[str]) -> None:
    header, filter_servers = registration.header, registration.filter_servers or ()
    texts = [header.cluster_name, header.broker_name, header.broker_addr, header.ha_server_addr]
    topics = list(topics)
    for text in [*texts, registration.zone_name or "", *topics, *filter_servers]:
        if len(text) > NAMESRV_NAME_CHARS_MAX:
            remark = f"the name {text[:32]!r}... has {len(text)} characters, more than {NAMESRV_NAME_CHARS_MAX}"
            raise Refusal(ResponseCode.SYSTEM_ERROR, remark)
    if len(filter_servers) > NAMESRV_FILTER_SERVERS_MAX:
        remark = f"{len(filter_servers)} filter servers are more than {NAMESRV_FILTER_SERVERS_MAX}"
        raise Refusal(ResponseCode.SYSTEM_ERROR, remark)
    table.require_replica(header.broker_addr)
    table.require_rows(sum(not table.has_queues(name, header.broker_name) for name in topics))


def _replica(registration: Registration, former: Replica | None, now_ms: int) -> Replica:
    header, filter_servers = registration.header, registration.filter_servers
    if filter_servers is None:
        filter_servers = former.filter_servers if former is not None else ()
    peer_id = registration.peer_id if former is None else max(former.peer_id, registration.peer_id)
    timeout_ms = header.heartbeat_timeout_millis
    return Replica(
        cluster=header.cluster_name,
        broker_name=header.broker_name,
        broker_id=header.broker_id,
        address=header.broker_addr,
        ha_address=header.ha_server_addr,
        peer_id=peer_id,
        data_version=registration.topics.data_version,
        last_seen_ms=now_ms,
        timeout_ms=BROKER_TIMEOUT_MS if timeout_ms is None else timeout_ms,
        filter_servers=filter_servers,
    )


def _smallest_id(broker: Broker | None) -> int:
    return MASTER_ID if broker is None else min(broker.replicas)


def _take_topics(
    state: NamesrvState,
    registration: Registration,
    broker: Broker,
    topics: Mapping[str, TopicConfig],
    *,
    is_news: bool,
) -> None:
    """Writes the queues that are new, all of them if the broker's topics have changed."""
    table = state.routes
    mappings = registration.topics.topic_queue_mapping_info_map
    if state.settings.delete_topic_with_broker_registration and not mappings:
        for gone in [name for name, _ in table.topics_of(broker.name) if name not in topics]:
            table.drop_queues(gone, broker.name)
    stands_in = registration.header.broker_id != MASTER_ID and broker.enable_acting_master
    for name, config in topics.items():
        if is_news or not table.has_queues(name, broker.name):
            perm = config.perm & ~PERM_WRITE if stands_in else config.perm
            table.put_queues(name, _queues(broker.name, config, perm))
    for name, mapping in mappings.items():
        if mapping.bname == broker.name and table.has_queues(name, broker.name):
            table.topics[name].mappings[broker.name] = mapping


def _queues(broker_name: str, config: TopicConfig, perm: int) -> QueueData:
    return QueueData(
        broker_name=broker_name,
        read_queue_nums=config.read_queue_nums,
        write_queue_nums=config.write_queue_nums,
        perm=perm,
        topic_sys_flag=config.topic_sys_flag,
    )


def _remove(state: NamesrvState, replicas: list[Replica], reason: str) -> None:
    """Takes replicas out together. If slaves are left that may act for a master, their queues turn read-only, and if
    the smallest id was among the lost they are told."""
    if replicas:
        _log.warning("%s: %s", reason, ", ".join(f"{r.broker_name}:{r.broker_id} at {r.address}" for r in replicas))
    table = state.routes
    lost: dict[str, str | None] = {}
    for replica in replicas:
        former_min = _smallest_id(table.brokers.get(replica.broker_name))
        if table.drop_replica(replica):
            is_smallest = replica.broker_id == former_min
            lost[replica.broker_name] = replica.address if is_smallest else lost.get(replica.broker_name)
    for name, address in lost.items():
        broker = table.brokers.get(name)
        if broker is not None and broker.enable_acting_master:
            if MASTER_ID not in broker.replicas:
                table.wipe_write_perm(name)
            if address is not None:
                _notify(state, broker, list(broker.replicas.values()), offline_broker_addr=address)


def _notify_arrival(state: NamesrvState, broker: Broker, newcomer: Replica) -> None:
    others = [replica for replica in broker.replicas.values() if replica is not newcomer]
    _notify(state, broker, others or [newcomer], ha_broker_addr=newcomer.ha_address)


def _notify(
    state: NamesrvState,
    broker: Broker,
    replicas: list[Replica],
    *,
    offline_broker_addr: str | None = None,
    ha_broker_addr: str | None = None,
) -> None:
    """Tells these replicas which id is the smallest now."""
    if not state.settings.notify_min_broker_id_changed:
        return
    smallest = broker.replicas[min(broker.replicas)]
    header = NotifyMinBrokerIdChangeRequest(
        min_broker_id=smallest.broker_id,
        min_broker_addr=smallest.address,
        offline_broker_addr=offline_broker_addr,
        ha_broker_addr=ha_broker_addr,
    )
    code = RequestCode.NOTIFY_MIN_BROKER_ID_CHANGE
    for replica in replicas:
        state.outbox.append(Notice(replica.peer_id, code, header.fields(), address=replica.address))
