"""A member of a consumer group, as a broker sees one, without sockets and with time as an argument.

It does what RocketMQ's push consumers do, in small steps that a scenario chooses: tells that it is there, shares out
the queues, locks them if its group is orderly, pulls, calls its listener, returns what that could not work on, and
commits. What its listener is called with goes into a history.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pocketmq.model.allocation import allocate_averagely
from pocketmq.model.message import StoredMessage
from pocketmq.model.names import retry_topic
from pocketmq.model.outcome import Reply
from pocketmq.model.peer import Peer
from pocketmq.model.queue import MessageQueue
from pocketmq.model.subscription import ConsumeFromWhere, ConsumeType, MessageModel, tag_subscription
from pocketmq.protocol.bodies.clients import (
    ConsumerData,
    GetConsumerListByGroupResponseBody,
    HeartbeatData,
    LockBatchRequestBody,
    LockBatchResponseBody,
    UnlockBatchRequestBody,
)
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.stored import decode_records
from pocketmq.testing.consumption_history import Delivery, History

LOCK_BELIEVED_MS = 30_000
"""ProcessQueue.REBALANCE_LOCK_MAX_LIVE_TIME: how long a member believes that a queue is locked."""

PULLED_MAX = 8
BROKER_NAME = "broker-a"

Ask = Callable[[int, Mapping[str, object], bytes, Peer], Reply]
"""Asks the broker that runs now: code, fields, body, and who asks."""


@dataclass(slots=True)
class HeldQueue:
    """A queue that the member believes to be its own."""

    next_offset: int
    committed: int
    locked_ms: int = 0
    waiting: deque[StoredMessage] = field(default_factory=deque)
    busy: list[tuple[StoredMessage, Delivery]] = field(default_factory=list)

    @property
    def finished_to(self) -> int:
        """The offset below which nothing is left to do."""
        open_offsets = [message.queue_offset for message in self.waiting]
        open_offsets += [message.queue_offset for message, _ in self.busy]
        return min(open_offsets, default=self.next_offset)


class SimulatedConsumer:
    """`queues` are those of the group's topic and of its retry topic."""

    def __init__(self, number: int, group: str, queues: list[MessageQueue], history: History, ask: Ask) -> None:
        self.client_id = f"127.0.0.1@{number}"
        self.peer = Peer(number, "127.0.0.1", 40_000 + number)
        self.held: dict[MessageQueue, HeldQueue] = {}
        self._group = group
        self._queues = sorted(queues)
        self._history = history
        self._ask = ask

    def tell(self) -> None:
        """A heartbeat."""
        topics = sorted({queue.topic for queue in self._queues})
        consumer = ConsumerData(
            self._group, ConsumeType.CONSUME_PASSIVELY, MessageModel.CLUSTERING,
            ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET, [tag_subscription(topic, "*", version=1) for topic in topics],
        )  # fmt: skip
        self._send(RequestCode.HEART_BEAT, {}, HeartbeatData(self.client_id, (), [consumer]).encode())

    def leave(self, now_ms: int) -> None:
        """An orderly goodbye, with everything that was finished committed."""
        self.commit()
        for queue in list(self.held):
            self._give_up(queue, now_ms)
        self._send(RequestCode.UNREGISTER_CLIENT, {"clientID": self.client_id, "consumerGroup": self._group}, b"")

    def balance(self, now_ms: int) -> None:
        """Give up what is another's, take what is ours; an orderly member keeps a queue until its listener is done."""
        reply = self._send(RequestCode.GET_CONSUMER_LIST_BY_GROUP, {"consumerGroup": self._group}, b"")
        if reply.code != ResponseCode.SUCCESS:
            return
        members = sorted(GetConsumerListByGroupResponseBody.decode(reply.body).consumer_id_list)
        wanted: set[MessageQueue] = set()
        for topic in {queue.topic for queue in self._queues}:
            of_topic = [queue for queue in self._queues if queue.topic == topic]
            wanted |= set(allocate_averagely(self.client_id, of_topic, members))
        for queue in [queue for queue in self.held if queue not in wanted]:
            if self._history.is_orderly and self.held[queue].busy:
                continue
            self._commit(queue)
            for _, delivery in self.held[queue].busy:  # What comes of it no longer counts.
                self._history.end(delivery, now_ms, is_done=False, is_settled=False)
            self._give_up(queue, now_ms)
        for queue in sorted(wanted - set(self.held)):
            if self._history.is_orderly and queue not in self._lock([queue]):
                continue
            offset = self._offset(queue)
            self.held[queue] = HeldQueue(offset, offset, now_ms)
            self._history.took(self.client_id, (queue.topic, queue.queue_id), offset, now_ms)

    def renew(self, now_ms: int) -> None:
        """Ask for the locks once more; what is not granted is another's now."""
        if not self._history.is_orderly:
            return
        granted = self._lock(sorted(self.held))
        for queue in list(self.held):
            if queue in granted:
                self.held[queue].locked_ms = now_ms
            elif not self.held[queue].busy:
                del self.held[queue]
                self._history.gave(self.client_id, (queue.topic, queue.queue_id), None, now_ms)

    def pull(self, queue: MessageQueue) -> None:
        """Fetch what comes next, unless enough is waiting."""
        held = self.held[queue]
        if len(held.waiting) >= PULLED_MAX:
            return
        reply = self._send(
            RequestCode.PULL_MESSAGE,
            {
                "consumerGroup": self._group, "topic": queue.topic, "queueId": queue.queue_id,
                "queueOffset": held.next_offset, "maxMsgNums": PULLED_MAX, "sysFlag": 0, "commitOffset": 0,
                "suspendTimeoutMillis": 0, "subscription": "*", "subVersion": 0, "expressionType": "TAG",
            },
            b"",
        )  # fmt: skip
        if reply.code == ResponseCode.SUCCESS:
            held.waiting += decode_records(reply.body)
            held.next_offset = int(reply.fields["nextBeginOffset"])
        elif reply.code == ResponseCode.PULL_OFFSET_MOVED:
            held.next_offset = int(reply.fields["nextBeginOffset"])

    def begin(self, queue: MessageQueue, now_ms: int) -> None:
        """The listener takes the next message, if it may."""
        held = self.held[queue]
        if not held.waiting:
            return
        if self._history.is_orderly and (held.busy or now_ms - held.locked_ms > LOCK_BELIEVED_MS):
            return
        message = held.waiting.popleft()
        place = (queue.topic, queue.queue_id)
        delivery = self._history.begin(self.client_id, place, message.queue_offset, message.body.decode(), now_ms)
        held.busy.append((message, delivery))

    def finish(self, queue: MessageQueue, now_ms: int, *, is_done: bool) -> None:
        """The listener returns from its oldest message. Not done: an orderly one gets it again, others return it."""
        held = self.held[queue]
        if not held.busy:
            return
        message, delivery = held.busy.pop(0)
        is_settled = is_done
        if not is_done and not self._history.is_orderly:
            fields = {"offset": message.log_offset, "group": self._group, "delayLevel": 0}
            is_settled = self._send(RequestCode.CONSUMER_SEND_MSG_BACK, fields, b"").code == ResponseCode.SUCCESS
        if not is_settled:
            held.waiting.appendleft(message)
        self._history.end(delivery, now_ms, is_done=is_done, is_settled=is_settled)

    def commit(self) -> None:
        """Tell the broker how far all queues are."""
        for queue in self.held:
            self._commit(queue)

    def _commit(self, queue: MessageQueue) -> None:
        """Also what was committed before: a broker that was killed may have forgotten it (RemoteBrokerOffsetStore)."""
        held = self.held[queue]
        held.committed = max(held.committed, held.finished_to)
        fields = {"consumerGroup": self._group, "topic": queue.topic, "queueId": queue.queue_id}
        self._send(RequestCode.UPDATE_CONSUMER_OFFSET, {**fields, "commitOffset": held.committed}, b"")

    def _give_up(self, queue: MessageQueue, now_ms: int) -> None:
        committed = self.held.pop(queue).committed
        self._history.gave(self.client_id, (queue.topic, queue.queue_id), committed, now_ms)
        if self._history.is_orderly:
            body = UnlockBatchRequestBody(self._group, self.client_id, False, [queue]).encode()
            self._send(RequestCode.UNLOCK_BATCH_MQ, {}, body)

    def _lock(self, queues: list[MessageQueue]) -> set[MessageQueue]:
        body = LockBatchRequestBody(self._group, self.client_id, False, queues).encode()
        reply = self._send(RequestCode.LOCK_BATCH_MQ, {}, body)
        return set(LockBatchResponseBody.decode(reply.body).lock_ok_mq_set)

    def _offset(self, queue: MessageQueue) -> int:
        fields = {"consumerGroup": self._group, "topic": queue.topic, "queueId": queue.queue_id}
        reply = self._send(RequestCode.QUERY_CONSUMER_OFFSET, fields, b"")
        return int(reply.fields["offset"]) if reply.code == ResponseCode.SUCCESS else 0

    def _send(self, code: int, fields: Mapping[str, object], body: bytes) -> Reply:
        return self._ask(code, fields, body, self.peer)


def queues_of(topic: str, count: int, group: str) -> list[MessageQueue]:
    """All that a member of the group consumes: the topic's queues and the one of its retry topic."""
    own = [MessageQueue(topic, BROKER_NAME, queue_id) for queue_id in range(count)]
    return [*own, MessageQueue(retry_topic(group), BROKER_NAME, 0)]
