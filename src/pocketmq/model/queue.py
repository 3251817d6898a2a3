"""A message queue: one of a topic's queues on one broker; and how a search in one by time ends."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, order=True)
class MessageQueue:
    """Ordered by topic, broker name, queue id: the order that allocation strategies rely on."""

    topic: str
    broker_name: str
    queue_id: int


class BoundaryType(StrEnum):
    """Which of several messages of one instant a search by time means (BoundaryType)."""

    LOWER = "LOWER"
    UPPER = "UPPER"
