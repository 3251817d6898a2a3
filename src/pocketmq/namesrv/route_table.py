"""Which broker holds which topic: the rows, and what keeps them consistent. `registration` and `lookup` decide.

    brokers    name -> Broker                one broker name is a master and its slaves
                 .replicas  id -> Replica    what a route shows; id 0 is the master
    replicas   address -> Replica            everything that registered and has not gone silent, expired or left
    topics     name -> Topic
                 .queues    broker name -> QueueData
                 .mappings  broker name -> TopicQueueMappingInfo, for static topics

Always true, and asserted by the property tests: every replica in a broker is the one in `replicas` under its address,
and sits in no second place; a broker has a replica, a topic has queues; queues and mappings belong to a known broker;
`rows` counts the queues of all topics. A replica that another address has displaced from its id stays in `replicas`
until it leaves, so that its last words cannot remove the one that came after it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from pocketmq.model.data_version import DataVersion
from pocketmq.model.errors import Refusal
from pocketmq.model.limits import NAMESRV_REPLICAS_MAX, NAMESRV_ROWS_MAX
from pocketmq.model.permissions import PERM_READ_WRITE, PERM_WRITE
from pocketmq.protocol.bodies.routes import QueueData, TopicQueueMappingInfo
from pocketmq.protocol.codes import ResponseCode


@dataclass(slots=True)
class Replica:
    """A broker process: who it says it is, over which connection, and when it last said so (BrokerLiveInfo)."""

    cluster: str
    broker_name: str
    broker_id: int
    address: str
    ha_address: str | None
    peer_id: int
    data_version: DataVersion
    last_seen_ms: int
    timeout_ms: int
    filter_servers: tuple[str, ...] = ()


@dataclass(slots=True)
class Broker:
    """The replicas under one broker name (BrokerData)."""

    cluster: str
    name: str
    replicas: dict[int, Replica] = field(default_factory=dict)
    zone_name: str | None = None
    enable_acting_master: bool = False

    @property
    def addresses(self) -> dict[int, str]:
        """Address by id, smallest id first."""
        return {broker_id: self.replicas[broker_id].address for broker_id in sorted(self.replicas)}


@dataclass(slots=True)
class Topic:
    """The queues of one topic, by broker name."""

    queues: dict[str, QueueData] = field(default_factory=dict)
    mappings: dict[str, TopicQueueMappingInfo] = field(default_factory=dict)


class RouteTable:
    """The tables above and the only functions that change their shape."""

    __slots__ = ("brokers", "replicas", "replicas_max", "rows", "rows_max", "topics")

    def __init__(self, *, replicas_max: int = NAMESRV_REPLICAS_MAX, rows_max: int = NAMESRV_ROWS_MAX) -> None:
        self.brokers: dict[str, Broker] = {}
        self.replicas: dict[str, Replica] = {}
        self.topics: dict[str, Topic] = {}
        self.rows = 0
        self.replicas_max = replicas_max
        self.rows_max = rows_max

    def find_replica(self, cluster: str, address: str) -> Replica | None:
        """The replica at `address` if it is one of `cluster` (BrokerAddrInfo)."""
        replica = self.replicas.get(address)
        return replica if replica is not None and replica.cluster == cluster else None

    def find_in_place(self, broker_name: str, broker_id: int) -> Replica | None:
        """The replica that routes show for this name and id."""
        broker = self.brokers.get(broker_name)
        return broker.replicas.get(broker_id) if broker is not None else None

    def clusters(self) -> dict[str, list[str]]:
        """Broker names by cluster."""
        names: dict[str, list[str]] = {}
        for broker in self.brokers.values():
            names.setdefault(broker.cluster, []).append(broker.name)
        return names

    def topics_of(self, broker_name: str) -> Iterator[tuple[str, QueueData]]:
        """The topics that have queues on this broker; the table must not change meanwhile."""
        for name, topic in self.topics.items():
            if (queues := topic.queues.get(broker_name)) is not None:
                yield name, queues

    def has_queues(self, topic_name: str, broker_name: str) -> bool:
        """Whether the topic has queues on this broker."""
        topic = self.topics.get(topic_name)
        return topic is not None and broker_name in topic.queues

    def require_replica(self, address: str) -> None:
        """Refuses one broker too many."""
        if address not in self.replicas and len(self.replicas) >= self.replicas_max:
            remark = f"this name server keeps {self.replicas_max} brokers and has no room for {address}"
            raise Refusal(ResponseCode.SYSTEM_ERROR, remark)

    def require_rows(self, new_rows: int) -> None:
        """Refuses so many new pairs of topic and broker if there is no room for all."""
        if self.rows + new_rows > self.rows_max:
            remark = f"this name server keeps {self.rows_max} topic routes and has no room for {new_rows} more"
            raise Refusal(ResponseCode.SYSTEM_ERROR, remark)

    def put_replica(self, replica: Replica) -> Broker:
        """Puts a replica in its place: the only one at its address, and the one its id stands for."""
        former = self.replicas.get(replica.address)
        if former is not None:
            self._vacate(former)
        broker = self.brokers.get(replica.broker_name)
        if broker is None:
            broker = self.brokers[replica.broker_name] = Broker(replica.cluster, replica.broker_name)
        elif not broker.replicas:
            broker.cluster = replica.cluster
        broker.replicas[replica.broker_id] = replica
        self.replicas[replica.address] = replica
        if former is not None and former.broker_name != replica.broker_name:
            self._forget_if_empty(former.broker_name)
        return broker

    def drop_replica(self, replica: Replica) -> bool:
        """Forgets a replica, and its broker with all queues if it was the last one; True if it was in its place."""
        del self.replicas[replica.address]
        was_in_place = self._vacate(replica)
        self._forget_if_empty(replica.broker_name)
        return was_in_place

    def _vacate(self, replica: Replica) -> bool:
        """Takes a replica out of its broker unless another one has taken its id since."""
        if self.find_in_place(replica.broker_name, replica.broker_id) is not replica:
            return False
        del self.brokers[replica.broker_name].replicas[replica.broker_id]
        return True

    def _forget_if_empty(self, broker_name: str) -> None:
        broker = self.brokers.get(broker_name)
        if broker is None or broker.replicas:
            return
        del self.brokers[broker_name]
        for topic_name, _ in list(self.topics_of(broker_name)):
            self.drop_queues(topic_name, broker_name)

    def put_queues(self, topic_name: str, queues: QueueData) -> None:
        """Sets the queues of a topic on one known broker."""
        assert queues.broker_name in self.brokers
        topic = self.topics.setdefault(topic_name, Topic())
        self.rows += queues.broker_name not in topic.queues
        topic.queues[queues.broker_name] = queues

    def wipe_write_perm(self, broker_name: str) -> int:
        """Takes the permission to write from all topics on this broker; how many those are."""
        return self._change_perms(broker_name, lambda perm: perm & ~PERM_WRITE)

    def add_write_perm(self, broker_name: str) -> int:
        """Makes all topics on this broker readable and writable, whatever they were; how many those are."""
        return self._change_perms(broker_name, lambda perm: PERM_READ_WRITE)

    def _change_perms(self, broker_name: str, change: Callable[[int], int]) -> int:
        rows = list(self.topics_of(broker_name))
        for name, queues in rows:
            self.topics[name].queues[broker_name] = replace(queues, perm=change(queues.perm))
        return len(rows)

    def drop_queues(self, topic_name: str, broker_name: str) -> None:
        """Forgets a topic's queues on one broker, and the topic with its last queues."""
        topic = self.topics.get(topic_name)
        if topic is None or topic.queues.pop(broker_name, None) is None:
            return
        self.rows -= 1
        topic.mappings.pop(broker_name, None)
        if not topic.queues:
            del self.topics[topic_name]

    def drop_topic(self, topic_name: str) -> None:
        """Forgets a topic on all brokers."""
        topic = self.topics.pop(topic_name, None)
        self.rows -= len(topic.queues) if topic is not None else 0
