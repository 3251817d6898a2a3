"""What orderly pops hold back: of each queue of a group one batch, and no other is given out before it is done.

The batch is a lease: it ends when every message is acknowledged, or when the last of those that are not has become
visible again. Then the queue is popped again from the first message that is not acknowledged. Source:
ConsumerOrderInfoManager, consumerOrderInfo.json.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pocketmq.broker.popping.table import QueueKey
from pocketmq.protocol.bodies.codec import Body

_SEPARATOR = "@"
"""ConsumerOrderInfoManager.TOPIC_GROUP_SEPARATOR."""


@dataclass(frozen=True, slots=True)
class HeldBatch(Body):
    """A batch: `offset_list` has its first offset and the distances of the others; bit n of `commit_offset_bit` is set
    once message n is acknowledged; `offset_consumed_count` says how often a message was popped before."""

    WIRE = {
        "invisible_time": "i",
        "offset_list": "o",
        "offset_next_visible_time": "ot",
        "offset_consumed_count": "oc",
        "last_consume_timestamp": "l",
        "commit_offset_bit": "cm",
        "attempt_id": "a",
    }

    pop_time: int = 0
    invisible_time: int = 0
    offset_list: Sequence[int] = ()
    offset_next_visible_time: Mapping[int, int] | None = None
    offset_consumed_count: Mapping[int, int] | None = None
    last_consume_timestamp: int = 0
    commit_offset_bit: int = 0
    attempt_id: str | None = None

    @property
    def offsets(self) -> list[int]:
        """The queue offsets of the batch."""
        first = self.offset_list[0] if self.offset_list else 0
        return [first + distance if index else first for index, distance in enumerate(self.offset_list)]

    @property
    def left(self) -> list[int]:
        """Those that are not acknowledged."""
        return [offset for index, offset in enumerate(self.offsets) if not self.commit_offset_bit >> index & 1]

    @property
    def next_offset(self) -> int:
        """Where the queue goes on: at the first that is not acknowledged, or behind the batch."""
        left = self.left
        return left[0] if left else self.offsets[-1] + 1

    def free_at_ms(self, attempt_id: str | None) -> int:
        """Until when the queue gives out nothing else; 0 to whoever made the attempt that got this batch."""
        if self.attempt_id is not None and self.attempt_id == attempt_id:
            return 0
        visible = self.offset_next_visible_time or {}
        usual_ms = self.pop_time + self.invisible_time
        return max((visible.get(offset, usual_ms) for offset in self.left), default=0)

    def acked(self, offset: int) -> "HeldBatch | None":
        """The batch with this message acknowledged; None if it is not part of it."""
        offsets = self.offsets
        if offset not in offsets:
            return None
        return replace(self, commit_offset_bit=self.commit_offset_bit | 1 << offsets.index(offset))

    def hidden(self, offset: int, until_ms: int) -> "HeldBatch":
        """The batch with this message hidden for another time."""
        return replace(self, offset_next_visible_time={**(self.offset_next_visible_time or {}), offset: until_ms})

    def counts_for(self, offsets: Sequence[int], attempt_id: str | None) -> dict[int, int]:
        """How often each of these was popped before, if they are popped now."""
        before = self.offset_consumed_count or {}
        if self.attempt_id is not None and self.attempt_id == attempt_id:
            return dict(before)
        known = set(self.offsets)
        return {offset: before.get(offset, 0) + 1 for offset in offsets if offset in known}


@dataclass(frozen=True, slots=True)
class HeldBatches(Body):
    """The content of consumerOrderInfo.json. What its getters say Java writes too, and reads none of it."""

    order_info_count: int = 0
    ordered_consumption_level: str = "QUEUE"
    table: Mapping[str, Mapping[int, HeldBatch]] = field(default_factory=dict)


class OrderTable:
    """Batches by queue; every change is the caller's to persist."""

    def __init__(self) -> None:
        self.batches: dict[QueueKey, HeldBatch] = {}

    def find(self, queue: QueueKey) -> HeldBatch | None:
        """The batch that holds the queue back, or did."""
        return self.batches.get(queue)

    def put(self, queue: QueueKey, batch: HeldBatch) -> None:
        """A batch is popped or has changed; one that is done is forgotten."""
        if batch.left:
            self.batches[queue] = batch
        else:
            self.batches.pop(queue, None)

    def clear(self, queue: QueueKey) -> None:
        """Nothing holds the queue back any more."""
        self.batches.pop(queue, None)

    def forget(self, topic: str | None, group: str | None) -> None:
        """A topic or a group is deleted."""
        gone = [queue for queue in self.batches if topic in (None, queue.topic) and group in (None, queue.group)]
        for queue in gone:
            del self.batches[queue]

    def encode(self) -> bytes:
        """The content of consumerOrderInfo.json."""
        table: dict[str, dict[int, HeldBatch]] = {}
        for queue, batch in self.batches.items():
            table.setdefault(queue.topic + _SEPARATOR + queue.group, {})[queue.queue_id] = batch
        return HeldBatches(len(self.batches), table=table).encode(pretty=True)

    def load(self, content: bytes) -> None:
        """Take over the content of consumerOrderInfo.json. Refusal if it is broken."""
        for key, batches in HeldBatches.decode(content).table.items():
            topic, _, group = key.partition(_SEPARATOR)
            for queue_id, batch in batches.items():
                self.put(QueueKey(topic, group, queue_id), batch)
