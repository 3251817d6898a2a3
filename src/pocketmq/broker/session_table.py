"""Who is connected: producers and consumers by group and connection (ProducerManager, ConsumerManager).

A client is known by its connection, not by its name: the same name on two connections is two clients. Methods say
what changed; telling the others is the caller's.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pocketmq.model.limits import CLIENT_REGISTRATIONS_MAX, SUBSCRIPTIONS_PER_GROUP_MAX
from pocketmq.model.peer import Peer
from pocketmq.model.subscription import ConsumeFromWhere, ConsumeType, MessageModel, SubscriptionData


@dataclass(slots=True)
class Client:
    """A connection that said who it is; `seen_ms` is when it last did."""

    peer: Peer
    client_id: str
    language: str
    version: int
    seen_ms: int


@dataclass(slots=True)
class ConsumerGroup:
    """The consumers of a group that are connected now, by connection, and what they subscribe to."""

    name: str
    consume_type: ConsumeType
    message_model: MessageModel
    consume_from_where: ConsumeFromWhere
    subscriptions: dict[str, SubscriptionData] = field(default_factory=dict)
    clients: dict[int, Client] = field(default_factory=dict)
    fingerprint: int | None = None

    @property
    def is_broadcasting(self) -> bool:
        """Each member gets every message, so that nobody cares who else is there."""
        return self.message_model is MessageModel.BROADCASTING

    def find_client(self, client_id: str) -> Client | None:
        """The first connection of that name."""
        return next((client for client in self.clients.values() if client.client_id == client_id), None)

    def subscribe(self, subscriptions: Iterable[SubscriptionData]) -> bool:
        """Take over the whole list; true if a topic came or went. A newer version of a known one replaces it."""
        changed = False
        named = set()
        for subscription in subscriptions:
            known = self.subscriptions.get(subscription.topic)
            if known is None and len(self.subscriptions) >= SUBSCRIPTIONS_PER_GROUP_MAX:
                continue
            if known is None or subscription.sub_version > known.sub_version:
                self.subscriptions[subscription.topic] = subscription
            changed |= known is None
            named.add(subscription.topic)
        gone = self.subscriptions.keys() - named
        for topic in gone:
            del self.subscriptions[topic]
        return changed or bool(gone)


class SessionTable:
    """Producers and consumers by group; a group without connections is not there."""

    def __init__(self) -> None:
        self.consumers: dict[str, ConsumerGroup] = {}
        self.producers: dict[str, dict[int, Client]] = {}
        self.pending_notices: set[str] = set()
        self._groups_of_peer: dict[int, set[tuple[bool, str]]] = {}
        self._producers_by_name: dict[str, dict[tuple[str, int], Client]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def find_subscription(self, group: str, topic: str) -> SubscriptionData | None:
        """What the group, as far as it is connected, subscribes to in the topic."""
        consumers = self.consumers.get(group)
        return consumers.subscriptions.get(topic) if consumers is not None else None

    def is_subscription_unknown(self, group: str, topic: str) -> bool:
        """The group is connected and subscribes to other topics, but not to this one."""
        consumers = self.consumers.get(group)
        return consumers is not None and bool(consumers.subscriptions) and topic not in consumers.subscriptions

    def groups_subscribed_to(self, topic: str) -> list[str]:
        """Connected groups that subscribe to the topic."""
        return [name for name, group in self.consumers.items() if topic in group.subscriptions]

    def find_consumer(self, group: str, client_id: str) -> Client | None:
        """A connected consumer by its name."""
        consumers = self.consumers.get(group)
        return consumers.find_client(client_id) if consumers is not None else None

    def find_producer(self, client_id: str) -> Client | None:
        """A connected producer by its name, the one that came last (ProducerManager#findChannel)."""
        known = self._producers_by_name.get(client_id)
        return next(reversed(known.values())) if known else None

    def producer_clients(self, group: str) -> Mapping[int, Client]:
        """The group's connected producers by connection."""
        return self.producers.get(group, {})

    def join_producers(self, group: str, client: Client) -> None:
        """A producer is there, or still there."""
        clients = self.producers.setdefault(group, {})
        before = clients.get(client.peer.id)
        if before is not None and before.client_id != client.client_id:
            self._forget_name(before, group)
        self._join(clients, client, (False, group))
        if not clients:
            del self.producers[group]
        if (joined := clients.get(client.peer.id)) is not None:
            self._producers_by_name.setdefault(client.client_id, {})[group, client.peer.id] = joined

    def join_consumers(
        self,
        group: str,
        client: Client,
        consume_type: ConsumeType,
        message_model: MessageModel,
        consume_from_where: ConsumeFromWhere,
    ) -> tuple[ConsumerGroup, bool]:
        """A consumer is there, or still there: its group, and whether the connection is new to it."""
        consumers = self.consumers.get(group)
        if consumers is None:
            consumers = ConsumerGroup(group, consume_type, message_model, consume_from_where)
        consumers.consume_type = consume_type
        consumers.message_model = message_model
        consumers.consume_from_where = consume_from_where
        is_new = self._join(consumers.clients, client, (True, group))
        if consumers.clients:
            self.consumers[group] = consumers
        return consumers, is_new

    def leave_producers(self, group: str, peer_id: int) -> bool:
        """The connection no longer produces for the group; false if it did not."""
        clients = self.producers.get(group, {})
        client = clients.get(peer_id)
        if client is None or not self._leave(clients, peer_id, (False, group)):
            return False
        self._forget_name(client, group)
        if not clients:
            del self.producers[group]
        return True

    def leave_consumers(self, group: str, peer_id: int) -> ConsumerGroup | None:
        """The connection no longer consumes for the group: the group as it is now; None if it did not."""
        consumers = self.consumers.get(group)
        if consumers is None or not self._leave(consumers.clients, peer_id, (True, group)):
            return None
        if not consumers.clients:
            del self.consumers[group]
        return consumers

    def leave_all(self, peer_id: int) -> list[ConsumerGroup]:
        """The connection is gone: the consumer groups it has left."""
        left = []
        for consumes, group in sorted(self._groups_of_peer.get(peer_id, ())):
            if consumes:
                consumers = self.leave_consumers(group, peer_id)
                assert consumers is not None
                left.append(consumers)
            else:
                self.leave_producers(group, peer_id)
        return left

    def expired(self, before_ms: int) -> list[tuple[str, Client, bool]]:
        """Registrations not renewed since `before_ms`: group, client, and whether it consumes."""
        return [entry for entry in self._registrations() if entry[1].seen_ms < before_ms]

    def _forget_name(self, client: Client, group: str) -> None:
        known = self._producers_by_name[client.client_id]
        del known[group, client.peer.id]
        if not known:
            del self._producers_by_name[client.client_id]

    def _registrations(self) -> Iterator[tuple[str, Client, bool]]:
        for name, group in self.consumers.items():
            for client in group.clients.values():
                yield name, client, True
        for name, clients in self.producers.items():
            for client in clients.values():
                yield name, client, False

    def _join(self, clients: dict[int, Client], client: Client, place: tuple[bool, str]) -> bool:
        known = clients.get(client.peer.id)
        if known is not None:
            known.seen_ms = client.seen_ms
            known.client_id = client.client_id
            return False
        if self._count >= CLIENT_REGISTRATIONS_MAX:
            return False
        clients[client.peer.id] = client
        self._groups_of_peer.setdefault(client.peer.id, set()).add(place)
        self._count += 1
        return True

    def _leave(self, clients: dict[int, Client], peer_id: int, place: tuple[bool, str]) -> bool:
        if clients.pop(peer_id, None) is None:
            return False
        self._count -= 1
        places = self._groups_of_peer[peer_id]
        places.discard(place)
        if not places:
            del self._groups_of_peer[peer_id]
        return True
