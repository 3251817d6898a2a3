"""Which queues the topics have on all brokers, as the name servers said (TopicRouteInfoManager).

A handler asks `find`; a topic that is not known yet is then `wanted`, and the node asks a name server and tells
`learn`. Afterwards the node asks again from time to time, for as long as clients do.
"""

from pocketmq.model.limits import ROUTED_TOPICS_MAX
from pocketmq.model.queue import MessageQueue

KEPT_MS = 600_000
"""A route that no client has asked for is forgotten after this time; Java keeps it until the topic is gone."""


class KnownRoutes:
    """Readable queues by topic, sorted. `is_followed`: there are name servers; without, a broker is all there is."""

    def __init__(self) -> None:
        self.is_followed = False
        self.wanted: set[str] = set()
        self._queues: dict[str, tuple[MessageQueue, ...]] = {}
        self._used_ms: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._queues)

    def find(self, topic: str, now_ms: int) -> tuple[MessageQueue, ...] | None:
        """The topic's queues; None if no name server has said, who will then be asked."""
        queues = self._queues.get(topic)
        if queues:
            self._used_ms[topic] = now_ms
        elif len(self.wanted) < ROUTED_TOPICS_MAX:
            self.wanted.add(topic)
        return queues

    def learn(self, topic: str, queues: tuple[MessageQueue, ...], now_ms: int) -> None:
        """What a name server said. One topic too many takes the place of the one unused for the longest time."""
        if topic not in self._queues:
            if len(self._queues) >= ROUTED_TOPICS_MAX:
                self.forget(min(self._used_ms, key=self._used_ms.__getitem__))
            self._used_ms[topic] = now_ms
        self._queues[topic] = queues

    def forget(self, topic: str) -> None:
        """The name servers do not know the topic."""
        self._queues.pop(topic, None)
        self._used_ms.pop(topic, None)

    def take_wanted(self) -> list[str]:
        """The topics asked for and not known; they are not wanted any more."""
        wanted, self.wanted = sorted(self.wanted), set()
        return wanted

    def to_refresh(self, now_ms: int) -> list[str]:
        """Every topic that is still in use; the others are forgotten."""
        for topic in [topic for topic, used_ms in self._used_ms.items() if used_ms < now_ms - KEPT_MS]:
            self.forget(topic)
        return sorted(self._queues)
