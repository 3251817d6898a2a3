"""What can go wrong for a caller: each error has the code, the broker's own words and what to do about it."""

from collections.abc import Sequence

from pocketmq.model.errors import PocketMQError
from pocketmq.protocol.codes import ResponseCode
from pocketmq.transport.channel import CallTimeout, ChannelClosed, ChannelError, ConnectFailed, TooManyCalls

__all__ = [
    "BrokerError",
    "CallTimeout",
    "ChannelClosed",
    "ChannelError",
    "ClientClosed",
    "ConnectFailed",
    "IllegalMessage",
    "NoBroker",
    "NoNameServer",
    "NoRouteError",
    "RequestTimeout",
    "SendTimeout",
    "TooManyCalls",
    "UnreadableBody",
]

HINTS: dict[int, str] = {
    ResponseCode.SYSTEM_BUSY: "the broker asks for a pause: send more slowly, or give it a faster disk",
    ResponseCode.REQUEST_CODE_NOT_SUPPORTED: "this broker is of another kind or version than the request needs",
    ResponseCode.MESSAGE_ILLEGAL: "check the message's size, topic, properties and delay against the broker's limits",
    ResponseCode.SERVICE_NOT_AVAILABLE: "the broker cannot write: see its log for a full disk, a role or a shutdown",
    ResponseCode.NO_PERMISSION: "topic, group or user may not do this; see the topic's perm and the group's settings",
    ResponseCode.TOPIC_NOT_EXIST: "create the topic first, or allow the broker to (autoCreateTopicEnable=true)",
    ResponseCode.SUBSCRIPTION_PARSE_FAILED: "the filter expression cannot be read; tags are written 'a || b'",
    ResponseCode.SUBSCRIPTION_NOT_EXIST: "members of one group must subscribe alike",
    ResponseCode.SUBSCRIPTION_NOT_LATEST: "members of one group must subscribe alike",
    ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST: "create the group, or set autoCreateSubscriptionGroup=true",
    ResponseCode.CONSUMER_NOT_ONLINE: "no consumer of this group is connected",
    ResponseCode.FLOW_CONTROL: "the broker slows this client down: send or pull less",
}


class BrokerError(PocketMQError):
    """A broker or name server answered with a code that is not success."""

    def __init__(self, code: int, remark: str | None, address: str) -> None:
        self.code = code
        self.remark = remark or ""
        self.address = address
        self.hint = HINTS.get(code, "")
        name = ResponseCode(code).name if code in set(ResponseCode) else "UNKNOWN"
        text = f"{address} answered {code} {name}: {self.remark or 'no remark'}"
        super().__init__(f"{text} ({self.hint})" if self.hint else text)


class NoNameServer(PocketMQError):
    """None of the name servers answered; `failures` says why for each."""

    def __init__(self, failures: Sequence[ChannelError]) -> None:
        self.failures = tuple(failures)
        super().__init__("no name server answers: " + "; ".join(str(failure) for failure in failures))


class NoRouteError(PocketMQError):
    """Nobody knows where the topic's queues are; `causes` were found out when it was raised, most likely first."""

    def __init__(self, topic: str, causes: Sequence[str]) -> None:
        self.topic = topic
        self.causes = tuple(causes)
        super().__init__(f"no route to topic {topic!r}: " + "; ".join(causes))


class NoBroker(PocketMQError):
    """The route names no address for this broker, or none with the role that is needed."""


class SendTimeout(PocketMQError):
    """The time for a send is up. Whether the message was stored is unknown; `last_error` ended the last attempt."""

    def __init__(self, topic: str, timeout: float, attempts: Sequence[str], last_error: Exception | None) -> None:
        self.topic = topic
        self.last_error = last_error
        tried = ", ".join(attempts) or "none was reached"
        text = f"sending to topic {topic!r} took longer than {timeout:g} s; brokers tried: {tried}"
        super().__init__(f"{text}; last: {last_error}" if last_error else text)


class RequestTimeout(PocketMQError):
    """The message was stored and nobody has replied in time; somebody may still work on it."""

    def __init__(self, topic: str, correlation_id: str) -> None:
        self.topic = topic
        self.correlation_id = correlation_id
        super().__init__(
            f"request {correlation_id} to topic {topic!r} was sent and not answered in time: is a consumer running "
            "that replies?"
        )


class IllegalMessage(PocketMQError, ValueError):
    """The message cannot be sent as it is; nothing left this process."""


class UnreadableBody(PocketMQError):
    """A body is compressed in a way that cannot be undone here."""


class ClientClosed(PocketMQError):
    """The producer, consumer or admin was closed, or not yet opened with `async with`."""
