"""A consumer's membership in its group: what it subscribes to, and which queues it has been given."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pocketmq.client.assigned import AssignedQueue
from pocketmq.client.offsets import StartAt
from pocketmq.model.names import retry_topic
from pocketmq.model.queue import MessageQueue
from pocketmq.model.subscription import (
    ConsumeFromWhere,
    ConsumeType,
    MessageModel,
    SubscriptionData,
    tag_subscription,
)
from pocketmq.protocol.bodies import ConsumerData, HeartbeatData


@dataclass(slots=True)
class Membership:
    """Fixed choices first; `subscriptions` by topic and `assigned` by queue change while the consumer lives."""

    group: str
    client_id: str
    is_orderly: bool
    is_broadcasting: bool
    start_at: StartAt
    subscriptions: dict[str, SubscriptionData] = field(default_factory=dict)
    assigned: dict[MessageQueue, AssignedQueue] = field(default_factory=dict)

    @property
    def retry_topic(self) -> str:
        """Where the group's failed messages come again from."""
        return retry_topic(self.group)

    @property
    def message_model(self) -> MessageModel:
        """Whether the members share the messages."""
        return MessageModel.BROADCASTING if self.is_broadcasting else MessageModel.CLUSTERING

    @property
    def consume_from_where(self) -> ConsumeFromWhere:
        """`start_at` in the words of heartbeats."""
        if self.start_at == "first":
            return ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET
        if self.start_at == "last":
            return ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET
        return ConsumeFromWhere.CONSUME_FROM_TIMESTAMP

    def subscribe(self, subscription: SubscriptionData) -> None:
        """Adds or replaces; a sharing group reads its retry topic too (DefaultMQPushConsumerImpl#copySubscription)."""
        self.subscriptions[subscription.topic] = subscription
        if not self.is_broadcasting and self.retry_topic not in self.subscriptions:
            self.subscriptions[self.retry_topic] = tag_subscription(
                self.retry_topic, None, version=subscription.sub_version
            )

    def heartbeat(self) -> HeartbeatData | None:
        """What the brokers are told; nothing before the first subscription."""
        if not self.subscriptions:
            return None
        member = ConsumerData(
            self.group,
            ConsumeType.CONSUME_PASSIVELY,
            self.message_model,
            self.consume_from_where,
            tuple(self.subscriptions.values()),
        )
        return HeartbeatData(client_id=self.client_id, consumer_data_set=(member,))

    def queues_of(self, topic: str) -> Iterable[AssignedQueue]:
        """The assigned queues of a topic."""
        return [assigned for queue, assigned in self.assigned.items() if queue.topic == topic]
