"""Bodies of POP consumption: acknowledgements on the wire, and the records of the revive topic."""

from collections.abc import Sequence
from dataclasses import dataclass

from pocketmq.protocol.bodies.codec import Body

TAG_CHECKPOINT = "ck"
TAG_ACK = "ack"
TAG_BATCH_ACK = "bAck"
"""PopAckConstants: tags of the revive topic's records."""


@dataclass(frozen=True, slots=True)
class BatchAck(Body):
    """Acknowledges some messages of one popped batch; `bit_set` holds their places from `start_offset` on."""

    WIRE = {
        "consumer_group": "c",
        "topic": "t",
        "retry": "r",
        "start_offset": "so",
        "queue_id": "q",
        "revive_queue_id": "rq",
        "pop_time": "pt",
        "invisible_time": "it",
        "bit_set": "b",
    }

    consumer_group: str | None = None
    topic: str | None = None
    retry: str | None = None
    start_offset: int = 0
    queue_id: int = 0
    revive_queue_id: int = 0
    pop_time: int = 0
    invisible_time: int = 0
    bit_set: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class BatchAckMessageRequestBody(Body):
    """Acknowledgements of several batches of one broker."""

    broker_name: str | None = None
    acks: Sequence[BatchAck] | None = None


@dataclass(frozen=True, slots=True)
class PopCheckPoint(Body):
    """A popped batch that waits for its acknowledgements; bit n of `bit_map` is set once message n has its own."""

    WIRE = {
        "start_offset": "so",
        "pop_time": "pt",
        "invisible_time": "it",
        "bit_map": "bm",
        "num": "n",
        "queue_id": "q",
        "topic": "t",
        "cid": "c",
        "revive_offset": "ro",
        "queue_offset_diff": "d",
        "broker_name": "bn",
        "re_put_times": "rp",
        "suspend": "sp",
    }
    WRITTEN_ONLY = {"reviveTime": "revive_time"}
    IS_PLAIN = True

    start_offset: int = 0
    pop_time: int = 0
    invisible_time: int = 0
    bit_map: int = 0
    num: int = 0
    queue_id: int = 0
    topic: str | None = None
    cid: str | None = None
    revive_offset: int = 0
    queue_offset_diff: Sequence[int] | None = None
    broker_name: str | None = None
    re_put_times: str | None = None
    suspend: bool = False

    @property
    def revive_time(self) -> int:
        """When the messages without acknowledgement become visible again."""
        return self.pop_time + self.invisible_time

    def index_of_ack(self, offset: int) -> int:
        """The place of a queue offset in the batch, -1 if it is not part of it (PopCheckPoint#indexOfAck)."""
        if offset < self.start_offset:
            return -1
        diff = offset - self.start_offset
        if not self.queue_offset_diff:
            return diff if diff < self.num else -1
        return list(self.queue_offset_diff).index(diff) if diff in self.queue_offset_diff else -1

    def ack_offset_by_index(self, index: int) -> int:
        """The queue offset at a place in the batch (PopCheckPoint#ackOffsetByIndex)."""
        if not self.queue_offset_diff:
            return self.start_offset + index
        return self.start_offset + self.queue_offset_diff[index]

    @property
    def unique_id(self) -> str:
        """The key of its record (PopMessageProcessor#genCkUniqueId)."""
        parts = (
            self.topic,
            self.queue_id,
            self.start_offset,
            self.cid,
            self.pop_time,
            self.broker_name,
            TAG_CHECKPOINT,
        )
        return "@".join(map(str, parts))


@dataclass(frozen=True, slots=True)
class AckMsg(Body):
    """The acknowledgement of one message."""

    WIRE = {
        "ack_offset": "ao",
        "start_offset": "so",
        "consumer_group": "c",
        "topic": "t",
        "queue_id": "q",
        "pop_time": "pt",
        "broker_name": "bn",
    }
    IS_PLAIN = True

    ack_offset: int = 0
    start_offset: int = 0
    consumer_group: str | None = None
    topic: str | None = None
    queue_id: int = 0
    pop_time: int = 0
    broker_name: str | None = None

    @property
    def unique_id(self) -> str:
        """The key of its record (PopMessageProcessor#genAckUniqueId)."""
        parts = (
            self.topic,
            self.queue_id,
            self.ack_offset,
            self.consumer_group,
            self.pop_time,
            self.broker_name,
            TAG_ACK,
        )
        return "@".join(map(str, parts))


@dataclass(frozen=True, slots=True)
class BatchAckMsg(AckMsg):
    """The acknowledgement of several messages of one batch."""

    WIRE = {**AckMsg.WIRE, "ack_offset_list": "aol"}

    ack_offset_list: Sequence[int] = ()

    @property
    def unique_id(self) -> str:
        """The key of its record (PopMessageProcessor#genBatchAckUniqueId)."""
        offsets = "[" + ", ".join(map(str, self.ack_offset_list)) + "]"
        parts = (self.topic, self.queue_id, offsets, self.consumer_group, self.pop_time, TAG_BATCH_ACK)
        return "@".join(map(str, parts))
