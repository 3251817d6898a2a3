"""Which queue a message goes to when nobody has named one. Pure."""

from collections.abc import Sequence

from pocketmq.model.queue import MessageQueue


class QueueChooser:
    """Takes turns over a topic's queues, from any start (TopicPublishInfo#selectOneMessageQueue)."""

    def __init__(self, start: int) -> None:
        self._turn = start

    def next(self, queues: Sequence[MessageQueue], avoided_broker: str | None) -> MessageQueue:
        """The next queue, of another broker than the avoided one if there is any."""
        for _ in queues:
            self._turn += 1
            queue = queues[self._turn % len(queues)]
            if queue.broker_name != avoided_broker:
                return queue
        self._turn += 1
        return queues[self._turn % len(queues)]
