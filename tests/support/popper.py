"""A consumer that pops from a lone broker as Java's client does: it makes the handles from the answer's header."""

from collections.abc import Sequence

from pocketmq.broker.popping import reviving
from pocketmq.model.message import StoredMessage
from pocketmq.model.outcome import Park, Reply
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.pop_handle import PopHandle
from pocketmq.protocol.stored import decode_record
from pocketmq.testing.lone_broker import LoneBroker
from pocketmq.testing.popped import Popped, popped_of

BROKER = "broker-a"
TOPIC = "TopicA"
GROUP = "GroupA"
RETRY = "%RETRY%GroupA_TopicA"


class Popper:
    """Pops, acknowledges and hides; what it is told stays in `reply`."""

    def __init__(self, broker: LoneBroker, topic: str = TOPIC, group: str = GROUP) -> None:
        self.broker = broker
        self.topic = topic
        self.group = group
        self.reply = Reply()

    def fields(
        self, count: int = 32, *, queue_id: int = -1, invisible_ms: int = 60_000, **more: object
    ) -> dict[str, object]:
        """The header of a pop."""
        return {
            "consumerGroup": self.group,
            "topic": self.topic,
            "queueId": queue_id,
            "maxMsgNums": count,
            "invisibleTime": invisible_ms,
            "pollTime": 0,
            "bornTime": self.broker.now_ms,
            "initMode": 0,
            **more,
        }

    def pop(self, count: int = 32, **more: object) -> list[Popped]:
        """Messages, none if there are none."""
        fields = self.fields(count) | {_WIRE.get(name, name): value for name, value in more.items()}
        self.reply = self.broker.ask(RequestCode.POP_MESSAGE, fields)
        if self.reply.code != ResponseCode.SUCCESS:
            return []
        name = self.broker.state.settings.broker_name
        return popped_of(self.reply.fields, self.reply.body, self.topic, self.group, name)

    def park(self, **more: object) -> Park:
        """A pop that finds nothing and waits."""
        fields = self.fields() | {"pollTime": 15_000} | {_WIRE.get(name, name): value for name, value in more.items()}
        outcome = self.broker.decide(RequestCode.POP_MESSAGE, fields)
        assert isinstance(outcome, Park), outcome
        return outcome

    def ack(self, popped: Popped, **more: object) -> int:
        """The code of the answer to an acknowledgement."""
        self.reply = self.broker.ask(RequestCode.ACK_MESSAGE, popped.ack_fields(self.group) | more)
        return self.reply.code

    def hide(self, popped: Popped, invisible_ms: int, **more: object) -> Popped:
        """The same message under its new handle."""
        fields = popped.ack_fields(self.group) | {"invisibleTime": invisible_ms} | more
        self.reply = self.broker.ask(RequestCode.CHANGE_MESSAGE_INVISIBLETIME, fields)
        if self.reply.code != ResponseCode.SUCCESS:
            return popped
        handle = PopHandle(
            popped.message.queue_offset,
            int(self.reply.fields["popTime"]),
            int(self.reply.fields["invisibleTime"]),
            int(self.reply.fields["reviveQid"]),
            popped.handle.retry_kind,
            popped.handle.broker_name,
            popped.handle.queue_id,
            popped.message.queue_offset,
        )
        return popped._replace(handle=handle)

    def revive(self, after_ms: int = 0) -> int:
        """Time passes, and what is due comes back: how many records that took."""
        self.broker.now_ms += after_ms
        self.broker.flush()
        written = reviving.due(self.broker.state, self.broker.now_ms)
        self.broker.end_turn()
        return written

    def committed(self, queue_id: int = 0, topic: str | None = None) -> int:
        """Where the group goes on, once all that was written is durable."""
        self.broker.flush()
        reviving.settle(self.broker.state, self.broker.now_ms)
        return self.broker.state.offsets.find(self.group, topic or self.topic, queue_id)


def bodies(popped: Sequence[Popped]) -> list[bytes]:
    """The bodies in the order in which they came."""
    return [one.body for one in popped]


def messages(broker: LoneBroker, topic: str, queue_id: int = 0) -> list[StoredMessage]:
    """What lies in a queue."""
    store = broker.state.store
    entries = [store.entry(topic, queue_id, offset) for offset in range(store.max_offset(topic, queue_id))]
    return [decode_record(store.read_record(entry.log_offset, entry.size) or b"") for entry in entries if entry]


_WIRE = {"queue_id": "queueId", "invisible_ms": "invisibleTime", "init_mode": "initMode", "poll_ms": "pollTime"}
