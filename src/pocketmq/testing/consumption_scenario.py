"""A random life of a consumer group: members come, go, fall silent and vanish, the broker is killed, messages fail.

```python
found = ConsumptionScenario(seed=7).run()      # what went wrong, one sentence each; empty if nothing did
```

Everything follows from the seed: the broker is its decisions over a memory disk, time is a number. After the last
disturbance the group gets time to settle and to drain, as an operator would give it.
"""

import random
from collections.abc import Mapping

from pocketmq.broker.sessions import connection_closed, expire
from pocketmq.broker.state import CONSUMER_OFFSETS, DELAY_OFFSETS
from pocketmq.broker.topics import create_plain
from pocketmq.model.names import retry_topic
from pocketmq.model.outcome import Reply
from pocketmq.model.peer import Peer
from pocketmq.model.queue import MessageQueue
from pocketmq.store.derive import SCHEDULE_TOPIC
from pocketmq.testing.consumption_history import History, Place
from pocketmq.testing.lone_broker import LoneBroker
from pocketmq.testing.simulated_consumer import LOCK_BELIEVED_MS, PULLED_MAX, SimulatedConsumer, queues_of

GROUP = "Group"
TOPIC = "Topic"
STEPS = 120
MEMBERS_MAX = 4
TICK_MS = 1_000
HEARTBEAT_MS = 30_000
BALANCE_MS = 20_000
COMMIT_MS = 5_000
"""ClientConfig.persistConsumerOffsetInterval."""

SAVE_MS = 5_000
"""flushConsumerOffsetInterval: what a kill may take back."""

SETTLE_MS = 150_000
"""Longer than a silent member is believed to be there (ClientChannelExpiredTimeout, 120 s)."""

DRAIN_TICKS = 400
HAND_OVER_MS = 45_000
"""Until each member has balanced after another came or went, and the new owner is as far as the old one had come."""


class ConsumptionScenario:
    """One run. `calm`: no disturbance but the first members coming."""

    def __init__(self, seed: int, *, is_orderly: bool | None = None, calm: bool = False) -> None:
        self.chance = random.Random(seed)
        self.history = History(is_orderly=self.chance.random() < 0.4 if is_orderly is None else is_orderly)
        self.broker = LoneBroker()
        self.members: list[SimulatedConsumer] = []
        self._calm = calm
        self._queue_count = self.chance.randint(1, 5)
        self._queues = queues_of(TOPIC, self._queue_count, GROUP)
        self._joined = self._sent = 0
        self._saved_ms = self.broker.now_ms
        create_plain(self.broker.state, TOPIC, self._queue_count, self.broker.now_ms)
        create_plain(self.broker.state, retry_topic(GROUP), 1, self.broker.now_ms)
        self.broker.save()

    def run(self) -> list[str]:
        """The whole life; what must not have been."""
        for _ in range(self.chance.randint(1, 3)):
            self._join()
        for member in self.members:
            member.balance(self.broker.now_ms)
        for _ in range(STEPS):
            self._step()
            self._look()
        if not self.members:
            self._join()
        self._settle()
        return self.history.violations(self._owners())

    # ------------------------------------------------------------------------------------------- what may happen

    def _step(self) -> None:
        kinds = {
            self._send: 6, self._work: 10, self._tick: 4, self._join: 1, self._leave: 1, self._vanish: 1,
            self._fall_silent: 1, self._kill: 1,
        }  # fmt: skip
        if self._calm:
            kinds = {self._send: 6, self._work: 10, self._tick: 4}
        (kind,) = self.chance.choices(list(kinds), list(kinds.values()))
        kind()

    def _send(self) -> None:
        for _ in range(self.chance.randint(1, 4)):
            place = (TOPIC, self.chance.randrange(self._queue_count))
            message = f"m{self._sent}"
            self._sent += 1
            self.broker.store(*place, message.encode(), {"UNIQ_KEY": f"{self._sent:032X}"})
            self.broker.flush()
            self.history.sent[message] = place

    def _work(self) -> None:
        """Some member does something."""
        if not self.members:
            return
        member = self.chance.choice(self.members)
        if self.chance.random() < 0.2 or not member.held:
            member.balance(self.broker.now_ms)
        for queue in list(member.held):
            self._work_on(member, queue)
        if self.chance.random() < 0.5:
            member.commit()

    def _work_on(self, member: SimulatedConsumer, queue: MessageQueue) -> None:
        member.pull(queue)
        for _ in range(self.chance.randint(0, 3)):
            if self.chance.random() < 0.5:
                member.begin(queue, self.broker.now_ms)
            else:
                member.finish(queue, self.broker.now_ms, is_done=self.chance.random() < 0.9)

    def _tick(self, ms: int | None = None) -> None:
        """Time goes by, and with it what members and broker do by the clock."""
        before = self.broker.now_ms
        self.broker.now_ms = now_ms = before + (ms or self.chance.choice((100, TICK_MS, 5_000, BALANCE_MS)))
        self.broker.deliver_delayed()
        for peer_id in expire(self.broker.state, now_ms):
            connection_closed(self.broker.state, peer_id)
        for member in self.members:
            if before // COMMIT_MS != now_ms // COMMIT_MS:
                member.commit()
        if now_ms - self._saved_ms >= SAVE_MS:
            self._saved_ms = now_ms
            self.broker.flush()
            self.broker.save(CONSUMER_OFFSETS, DELAY_OFFSETS)
        for member in self.members:
            if before // HEARTBEAT_MS != now_ms // HEARTBEAT_MS:
                member.tell()
            if before // BALANCE_MS != now_ms // BALANCE_MS:
                member.renew(now_ms)
                member.balance(now_ms)

    def _join(self) -> None:
        if len(self.members) >= MEMBERS_MAX:
            return
        self._joined += 1
        member = SimulatedConsumer(self._joined, GROUP, self._queues, self.history, self._ask)
        self.members.append(member)
        self._disturbed(f"{member.client_id} joins")
        member.tell()

    def _leave(self) -> None:
        """An orderly goodbye: what listeners are busy with is finished first."""
        member = self._any_member()
        if member is None:
            return
        for queue, held in member.held.items():
            while held.busy:
                member.finish(queue, self.broker.now_ms, is_done=True)
        member.leave(self.broker.now_ms)
        self.members.remove(member)
        self._disturbed(f"{member.client_id} leaves")

    def _vanish(self) -> None:
        """The process is gone in the middle of its work, and its connection with it."""
        member = self._any_member()
        if member is None:
            return
        self._stop_listeners(member)
        self.members.remove(member)
        self._disturbed(f"{member.client_id} vanishes")
        connection_closed(self.broker.state, member.peer.id)

    def _fall_silent(self) -> None:
        """The process is gone, and its connection stands: nobody notices until its heartbeats are missed."""
        member = self._any_member()
        if member is None:
            return
        self._stop_listeners(member)
        self.members.remove(member)
        self._disturbed(f"{member.client_id} falls silent", SETTLE_MS)

    def _kill(self) -> None:
        """The broker is killed, and starts on what its disk has."""
        self.broker = self.broker.restarted(self.broker.disk.crash_process())
        offsets = {place: self._offset(place) for place in self._places()}
        self.history.killed(offsets, self.broker.now_ms, LOCK_BELIEVED_MS)
        for member in self.members:
            member.tell()

    # --------------------------------------------------------------------------------------------------- the end

    def _settle(self) -> None:
        """No more disturbances: those who are gone are missed, and all that is left is consumed."""
        for _ in range(SETTLE_MS // BALANCE_MS + 2):  # The last silent one missed, and its queues taken by others.
            self._tick(BALANCE_MS)
            self._work_off()
        for _ in range(DRAIN_TICKS):
            if self._is_drained():
                return
            self._tick(TICK_MS)
            self._work_off()

    def _work_off(self) -> None:
        """Every member does what there is to do, and says so."""
        for member in self.members:
            for queue in list(member.held):
                member.pull(queue)
                for _ in range(PULLED_MAX):
                    member.begin(queue, self.broker.now_ms)
                    member.finish(queue, self.broker.now_ms, is_done=True)
            member.commit()
        self._look()

    def _is_drained(self) -> bool:
        store = self.broker.state.store
        if any(self._offset(place) < store.max_offset(*place) for place in self._places()):
            return False
        delayed = self.broker.state.delays
        levels = store.queues(SCHEDULE_TOPIC)
        return all(delayed.offsets.get(one + 1, 0) >= store.max_offset(SCHEDULE_TOPIC, one) for one in levels)

    def _look(self) -> None:
        for place in self._places():
            self.history.committed(place, self._offset(place), self.broker.now_ms)

    def _offset(self, place: Place) -> int:
        return max(self.broker.state.offsets.find(GROUP, *place), 0)

    def _places(self) -> list[Place]:
        return [(queue.topic, queue.queue_id) for queue in self._queues]

    def _owners(self) -> dict[Place, list[str]]:
        owners: dict[Place, list[str]] = {place: [] for place in self._places()}
        for member in self.members:
            for queue in member.held:
                owners[queue.topic, queue.queue_id].append(member.client_id)
        return owners

    def _disturbed(self, what: str, lasts_ms: int = HAND_OVER_MS) -> None:
        self.history.disturbed(what, self.broker.now_ms, lasts_ms)

    def _any_member(self) -> SimulatedConsumer | None:
        return self.chance.choice(self.members) if self.members else None

    def _stop_listeners(self, member: SimulatedConsumer) -> None:
        """With the process its listeners end, wherever they are."""
        for held in member.held.values():
            for _, delivery in held.busy:
                delivery.ended_ms = self.broker.now_ms
        self.history.gone(member.client_id, self.broker.now_ms)

    def _ask(self, code: int, fields: Mapping[str, object], body: bytes, peer: Peer) -> Reply:
        return self.broker.ask(code, fields, body, peer=peer)
