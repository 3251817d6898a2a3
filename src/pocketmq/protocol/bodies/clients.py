"""Bodies about the clients that are connected: heartbeats, connections, queue locks, assignments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pocketmq.model.queue import MessageQueue
from pocketmq.model.subscription import (
    ConsumeFromWhere,
    ConsumeType,
    MessageModel,
    MessageRequestMode,
    SubscriptionData,
)
from pocketmq.protocol.bodies.codec import Body


@dataclass(frozen=True, slots=True)
class ProducerData(Body):
    """A producer group that a client is a member of."""

    group_name: str


@dataclass(frozen=True, slots=True)
class ConsumerData(Body):
    """A consumer group that a client is a member of, and how it consumes."""

    group_name: str
    consume_type: ConsumeType | None = None
    message_model: MessageModel | None = None
    consume_from_where: ConsumeFromWhere | None = None
    subscription_data_set: Sequence[SubscriptionData] = ()
    unit_mode: bool = False


@dataclass(frozen=True, slots=True)
class HeartbeatData(Body):
    """What a client says every 30 seconds; a fingerprint other than 0 marks a heartbeat of version 2."""

    WIRE = {"client_id": "clientID", "is_without_sub": "withoutSub"}

    client_id: str | None = None
    producer_data_set: Sequence[ProducerData] = ()
    consumer_data_set: Sequence[ConsumerData] = ()
    heartbeat_fingerprint: int = 0
    is_without_sub: bool = False


@dataclass(frozen=True, slots=True)
class LockBatchRequestBody(Body):
    """Queues that an orderly consumer wants to lock."""

    consumer_group: str | None = None
    client_id: str | None = None
    only_this_broker: bool = False
    mq_set: Sequence[MessageQueue] = ()


@dataclass(frozen=True, slots=True)
class UnlockBatchRequestBody(Body):
    """Queues that an orderly consumer gives back."""

    consumer_group: str | None = None
    client_id: str | None = None
    only_this_broker: bool = False
    mq_set: Sequence[MessageQueue] = ()


@dataclass(frozen=True, slots=True)
class LockBatchResponseBody(Body):
    """Queues that have been locked."""

    WIRE = {"lock_ok_mq_set": "lockOKMQSet"}

    lock_ok_mq_set: Sequence[MessageQueue] = ()


@dataclass(frozen=True, slots=True)
class GetConsumerListByGroupResponseBody(Body):
    """The client ids of a group's members."""

    consumer_id_list: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Connection(Body):
    """One connected client."""

    client_id: str | None = None
    client_addr: str | None = None
    language: str | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class ConsumerConnection(Body):
    """A consumer group's connected clients and what they subscribe to."""

    connection_set: Sequence[Connection] = ()
    subscription_table: Mapping[str, SubscriptionData] = field(default_factory=dict)
    consume_type: ConsumeType | None = None
    message_model: MessageModel | None = None
    consume_from_where: ConsumeFromWhere | None = None


@dataclass(frozen=True, slots=True)
class ProducerConnection(Body):
    """A producer group's connected clients."""

    connection_set: Sequence[Connection] = ()


@dataclass(frozen=True, slots=True)
class ProducerInfo(Body):
    """One connected producer."""

    WIRE = {"remote_ip": "remoteIP"}

    client_id: str | None = None
    remote_ip: str | None = None
    language: str | None = None
    version: int = 0
    last_update_timestamp: int = 0


@dataclass(frozen=True, slots=True)
class ProducerTableInfo(Body):
    """Every connected producer by group."""

    data: Mapping[str, Sequence[ProducerInfo]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueryAssignmentRequestBody(Body):
    """Asks the broker to share a topic's queues among a group's members."""

    topic: str | None = None
    consumer_group: str | None = None
    client_id: str | None = None
    strategy_name: str | None = None
    message_model: MessageModel | None = None


@dataclass(frozen=True, slots=True)
class MessageQueueAssignment(Body):
    """A queue for the member that asked, and how it is to get the messages."""

    message_queue: MessageQueue | None = None
    mode: MessageRequestMode = MessageRequestMode.PULL
    attachments: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class QueryAssignmentResponseBody(Body):
    """The share of the member that asked; None if the broker cannot say, and the member is to keep what it has."""

    message_queue_assignments: Sequence[MessageQueueAssignment] | None = None


@dataclass(frozen=True, slots=True)
class SetMessageRequestModeRequestBody(Body):
    """Whether a group pulls or pops a topic."""

    topic: str | None = None
    consumer_group: str | None = None
    mode: MessageRequestMode = MessageRequestMode.PULL
    pop_share_queue_num: int = 0


@dataclass(frozen=True, slots=True)
class MessageRequestModeSerializeWrapper(Body):
    """What `messageRequestMode.json` holds: topic, then group, then mode."""

    message_request_mode_map: Mapping[str, Mapping[str, SetMessageRequestModeRequestBody]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckClientRequestBody(Body):
    """A subscription to be checked before a consumer starts."""

    client_id: str | None = None
    group: str | None = None
    subscription_data: SubscriptionData | None = None
    namespace: str | None = None
