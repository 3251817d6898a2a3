"""What clients are told about a topic: queues, brokers, and who stands in for a lost master (RouteInfoManager)."""

from pocketmq.model.names import MASTER_ID, SYNC_BROKER_MEMBER_PREFIX
from pocketmq.model.permissions import is_writeable
from pocketmq.namesrv.route_table import Broker, RouteTable, Topic
from pocketmq.protocol.bodies.routes import BrokerData, ClusterInfo, TopicRouteData


def find_route(
    table: RouteTable, topic_name: str, *, order_topic_conf: str | None, support_acting_master: bool
) -> TopicRouteData | None:
    """The route of a topic, None if no broker has it."""
    topic = table.topics.get(topic_name)
    if topic is None:
        return None
    acts = support_acting_master and not topic_name.startswith(SYNC_BROKER_MEMBER_PREFIX)
    brokers = [table.brokers[name] for name in topic.queues]
    replicas = [replica for broker in brokers for replica in broker.replicas.values()]
    return TopicRouteData(
        order_topic_conf=order_topic_conf,
        queue_datas=list(topic.queues.values()),
        broker_datas=[describe_broker(broker, acting_for=topic if acts else None) for broker in brokers],
        filter_server_table={
            replica.address: list(replica.filter_servers) for replica in replicas if replica.filter_servers
        },
        topic_queue_mapping_by_broker=dict(topic.mappings) or None,
    )


def describe_broker(broker: Broker, *, acting_for: Topic | None = None) -> BrokerData:
    """A broker's addresses. In the route of `acting_for` the smallest slave stands under a lost master's id, if the
    broker wants that and its queues cannot be written to."""
    addresses = broker.addresses
    is_lost = MASTER_ID not in addresses and broker.enable_acting_master
    if acting_for is not None and is_lost and not is_writeable(acting_for.queues[broker.name].perm):
        addresses = {MASTER_ID: addresses.pop(min(addresses))} | addresses
    return BrokerData(
        cluster=broker.cluster,
        broker_name=broker.name,
        broker_addrs=addresses,
        zone_name=broker.zone_name,
        enable_acting_master=broker.enable_acting_master,
    )


def describe_clusters(table: RouteTable) -> ClusterInfo:
    """All brokers and clusters."""
    brokers = {name: describe_broker(broker) for name, broker in table.brokers.items()}
    return ClusterInfo(broker_addr_table=brokers, cluster_addr_table=table.clusters())


def in_zone(route: TopicRouteData, zone_name: str) -> TopicRouteData:
    """The part of a route that a client in this zone should use: brokers of the zone and those without a master."""
    removed = [
        broker
        for broker in route.broker_datas
        if MASTER_ID in broker.broker_addrs and (broker.zone_name or "").lower() != zone_name.lower()
    ]
    names = {broker.broker_name for broker in removed}
    addresses = {address for broker in removed for address in broker.broker_addrs.values()}
    return TopicRouteData(
        order_topic_conf=route.order_topic_conf,
        queue_datas=[queues for queues in route.queue_datas if queues.broker_name not in names],
        broker_datas=[broker for broker in route.broker_datas if broker.broker_name not in names],
        filter_server_table={
            address: servers for address, servers in route.filter_server_table.items() if address not in addresses
        },
        topic_queue_mapping_by_broker=route.topic_queue_mapping_by_broker,
    )
