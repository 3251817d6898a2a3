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
    RequestTimeout,
    SendTimeout,
    TooManyCalls,
    UnreadableBody,
)
from pocketmq.client.message import Message
from pocketmq.client.producer import Producer, SendResult, SendStatus
from pocketmq.client.received import ReceivedMessage
from pocketmq.client.requesting import create_reply_message
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
    "RequestTimeout",
    "SendResult",
    "SendStatus",
    "SendTimeout",
    "TooManyCalls",
    "UnreadableBody",
    "create_reply_message",
]
