"""SDK: asynchronous producer, consumer and admin. May import: model, protocol, transport."""

from pocketmq.client.admin import Admin
from pocketmq.client.consumer import Consumer
from pocketmq.client.errors import (
    BrokerError,
    CallTimeout,
    ChannelClosed,
    ChannelError,
    ClientClosed,
    ConnectFailed,
    IllegalMessage,
    NoBroker,
    NoNameServer,
    NoRouteError,
    SendTimeout,
    TooManyCalls,
    UnreadableBody,
)
from pocketmq.client.message import Message
from pocketmq.client.producer import Producer, SendResult, SendStatus
from pocketmq.client.received import ReceivedMessage
from pocketmq.model.queue import MessageQueue

__all__ = [
    "Admin",
    "BrokerError",
    "CallTimeout",
    "ChannelClosed",
    "ChannelError",
    "ClientClosed",
    "ConnectFailed",
    "Consumer",
    "IllegalMessage",
    "Message",
    "MessageQueue",
    "NoBroker",
    "NoNameServer",
    "NoRouteError",
    "Producer",
    "ReceivedMessage",
    "SendResult",
    "SendStatus",
    "SendTimeout",
    "TooManyCalls",
    "UnreadableBody",
]
