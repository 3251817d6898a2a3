"""A message in the hands of a consumer's caller, who settles it: done, or not."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from pocketmq.client.compression import restored
from pocketmq.model import properties as names
from pocketmq.model.message import StoredMessage
from pocketmq.model.names import is_retry_topic
from pocketmq.model.queue import MessageQueue

if TYPE_CHECKING:
    from pocketmq.client.assigned import AssignedQueue


class Settling(Protocol):
    """Who takes a settled message back."""

    def finish(self, message: "ReceivedMessage") -> bool:
        """The message is done; false if its queue has gone to another consumer meanwhile."""

    async def retry(self, message: "ReceivedMessage", delay_level: int) -> None:
        """The message is to come again."""


class ReceivedMessage:
    """What was stored, and `ack` and `retry`. Settling twice does nothing the second time."""

    __slots__ = (
        "_body",
        "_settling",
        "assigned",
        "attempts",
        "generation",
        "is_settled",
        "is_taken",
        "queue",
        "stored",
    )

    def __init__(
        self,
        stored: StoredMessage,
        queue: MessageQueue,
        settling: Settling,
        assigned: "AssignedQueue | None" = None,
        generation: int = 0,
    ) -> None:
        self.stored = stored
        self.queue = queue
        self.assigned = assigned
        self.generation = generation
        self.attempts = 0
        self.is_taken = False
        self.is_settled = False
        self._settling = settling
        self._body: bytes | None = None

    @property
    def topic(self) -> str:
        """The topic it was sent to, also when it comes again from the group's retry topic."""
        if is_retry_topic(self.stored.topic):
            return self.stored.properties.get(names.RETRY_TOPIC, self.stored.topic)
        return self.stored.topic

    @property
    def body(self) -> bytes:
        """The producer's bytes, decompressed when first asked for. Raises UnreadableBody."""
        if self._body is None:
            self._body = restored(self.stored.body, self.stored.sys_flag)
        return self._body

    @property
    def properties(self) -> Mapping[str, str]:
        """The caller's and RocketMQ's own."""
        return self.stored.properties

    @property
    def tags(self) -> str | None:
        """The tag consumers filter by."""
        return self.stored.tags

    @property
    def keys(self) -> tuple[str, ...]:
        """The words it is indexed by."""
        return tuple((self.stored.keys or "").split())

    @property
    def message_id(self) -> str:
        """The producer's id, or the broker's if it has none."""
        return self.stored.unique_key or self.offset_message_id

    @property
    def offset_message_id(self) -> str:
        """The broker's id: where the record lies."""
        return self.stored.message_id or ""

    @property
    def queue_offset(self) -> int:
        """Its place in its queue."""
        return self.stored.queue_offset

    @property
    def born_timestamp(self) -> int:
        """When its producer sent it, in ms."""
        return self.stored.born_timestamp

    @property
    def store_timestamp(self) -> int:
        """When the broker stored it, in ms."""
        return self.stored.store_timestamp

    @property
    def reconsume_times(self) -> int:
        """How often it has come before."""
        return self.stored.reconsume_times + self.attempts

    async def ack(self) -> bool:
        """It is done. False if it will come again all the same, because its queue went to another consumer."""
        if self.is_settled:
            return True
        self.is_settled = True
        return self._settling.finish(self)

    async def retry(self, delay_level: int = 0) -> None:
        """It is to come again, after a delay that grows each time or that of `delay_level`; -1: dead letter at once."""
        if not self.is_settled:
            self.is_settled = True
            await self._settling.retry(self, delay_level)

    def anew(self) -> "ReceivedMessage":
        """For the next attempt: not settled, while this one stays so, whatever its holder still does with it."""
        again = ReceivedMessage(self.stored, self.queue, self._settling, self.assigned, self.generation)
        again.attempts = self.attempts + 1
        return again

    def __repr__(self) -> str:
        return f"ReceivedMessage({self.queue}, queue_offset={self.queue_offset}, message_id={self.message_id!r})"
