"""A queue that the group has given this consumer, and what the consumer knows about it while it has it."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pocketmq.client.process_queue import ProcessQueue
from pocketmq.model.names import MASTER_ID
from pocketmq.model.queue import MessageQueue

if TYPE_CHECKING:
    from pocketmq.client.received import ReceivedMessage


@dataclass(slots=True, eq=False)
class AssignedQueue:
    """`room` is set when pulling may go on. The last five are for orderly consumption: one message is out at a time."""

    queue: MessageQueue
    pulled: ProcessQueue
    room: asyncio.Event = field(default_factory=asyncio.Event)
    broker_id: int = MASTER_ID
    committed: int = -1
    is_revoked: bool = False
    is_leaving: bool = False
    puller: "asyncio.Task[None] | None" = None
    last_pull_ms: int = 0
    last_finish_ms: int = 0
    locked_at: float = 0.0
    is_lock_lost: bool = False
    backlog: "deque[ReceivedMessage]" = field(default_factory=deque)
    in_hand: "ReceivedMessage | None" = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)
