"""A random life of a popped topic, with kills and power cuts, beside a model of what has been promised.

After a kill everything that was answered holds; after a power cut what was answered before the last sync of the log.
Between the two a message may be there or not, acknowledged or not, hidden or not: the model expects nothing then. A
power cut may also come between two records of one turn, the copy that brings a message back and what says so, or the
new checkpoint of a message and the acknowledgement of its old one: there are two of it then.
"""

import random
from dataclasses import dataclass

from popper import GROUP, TOPIC, Popper

from pocketmq.broker.popping import revive_log, reviving
from pocketmq.broker.popping.table import CheckpointKey, QueueKey
from pocketmq.broker.topics import create_plain
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.protocol.bodies.popping import BatchAck, BatchAckMessageRequestBody
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.testing.lone_broker import LoneBroker
from pocketmq.testing.popped import Popped

QUEUES = 3
DRAIN_ROUNDS_MAX = 20
INVISIBLE_MS = (0, 100, 1_000, 5_000)


class Cold(set[str]):
    """No file's bytes are in memory."""

    def __contains__(self, path: object) -> bool:
        return True


@dataclass
class Fate:
    """What is promised of one message, and at which step that came to be."""

    stored_at: int
    is_stored: bool = True
    acked: bool | None = False
    acked_at: int = 0
    hidden_until: int = 0
    hidden_at: int = 0
    may_be_two: bool = False


class PopLife:
    """Made of a seed: `run` raises AssertionError at the first broken promise."""

    def __init__(self, seed: int, *, is_power_cut: bool, settings: BrokerSettings | None = None) -> None:
        self.rng = random.Random(seed)
        self.is_power_cut = is_power_cut
        broker = LoneBroker(settings=settings)
        create_plain(broker.state, TOPIC, QUEUES, broker.now_ms)
        broker.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=b'{"groupName":"GroupA","retryMaxTimes":1000}')
        self.popper = Popper(broker)
        self.fates: dict[bytes, Fate] = {}
        self.hands: list[Popped] = []
        self.step = 0
        self.flushed_at = 0

    def run(self, steps: int) -> None:
        """The life, and at its end a consumer that takes and acknowledges all there is."""
        deeds = (self.store, self.store, self.pop, self.pop, self.ack, self.ack, self.ack_batch, self.hide)
        deeds += (self.wait, self.wait, self.flush, self.save, self.crash, self.fail)
        for _ in range(steps):
            self.step += 1
            self.rng.choice(deeds)()
            if self.popper.broker.recovery.damage:
                return  # Part of the log is gone from its middle: nothing is promised then.
        self.drain()

    def store(self) -> None:
        for _ in range(self.rng.randrange(1, 6)):
            body = b"%d" % len(self.fates)
            self.popper.broker.store(TOPIC, self.rng.randrange(QUEUES), body)
            self.fates[body] = Fate(self.step)

    def pop(self) -> None:
        queue_id = self.rng.choice((-1, -1, *range(QUEUES)))
        more: dict[str, object] = {"queue_id": queue_id, "invisible_ms": self.rng.choice(INVISIBLE_MS)}
        if self.rng.random() < 0.5:
            more |= {"exp": "missing IS NULL", "expType": "SQL92"}  # True of all; who is asked may have to read first.
        is_cold = self.rng.random() < 0.5
        self.popper.broker.disk.cold = Cold() if is_cold else set()
        popped = self.popper.pop(self.rng.choice((1, 3, 32)), **more)
        self.popper.broker.disk.cold = set()
        for one in popped:
            self.delivered(one)
            self.hands.append(one)

    def delivered(self, one: Popped) -> None:
        """A message came: it must not have been acknowledged, nor be hidden."""
        fate, now_ms = self.fates[one.body], self.popper.broker.now_ms
        assert fate.acked is not True or fate.may_be_two, (
            f"{one.body!r} came after its acknowledgement in step {fate.acked_at}"
        )
        assert fate.hidden_until <= now_ms or fate.may_be_two, (
            f"{one.body!r} came {fate.hidden_until - now_ms} ms early"
        )
        fate.is_stored = True
        fate.acked = False
        fate.hidden_until, fate.hidden_at = one.handle.next_visible_time, self.step

    def ack(self) -> None:
        if not self.hands:
            return
        one = self.rng.choice(self.hands)
        code = self.popper.ack(one)
        assert code in (ResponseCode.SUCCESS, ResponseCode.NO_MESSAGE), code
        if code == ResponseCode.SUCCESS:
            self.acked(one)

    def ack_batch(self) -> None:
        if not self.hands:
            return
        handle = self.rng.choice(self.hands).handle
        of_it = [one for one in self.hands if one.handle.encode().split()[:7] == handle.encode().split()[:7]]
        chosen = self.rng.sample(of_it, self.rng.randrange(1, len(of_it) + 1))
        ack = BatchAck(
            consumer_group=GROUP,
            topic=TOPIC,
            retry=handle.retry_kind,
            start_offset=handle.start_offset,
            queue_id=handle.queue_id,
            revive_queue_id=handle.revive_queue_id,
            pop_time=handle.pop_time,
            invisible_time=handle.invisible_time,
            bit_set=frozenset(one.message.queue_offset - handle.start_offset for one in chosen),
        )
        body = BatchAckMessageRequestBody(broker_name=handle.broker_name, acks=[ack]).encode()
        state = self.popper.broker.state
        key = CheckpointKey(QueueKey(chosen[0].topic, GROUP, handle.queue_id), handle.start_offset, handle.pop_time)
        checkpoint = revive_log.table(state).open.get(key)
        left = checkpoint.left() if checkpoint is not None else []
        if self.popper.broker.ask(RequestCode.BATCH_ACK_MESSAGE, body=body).code == ResponseCode.SUCCESS:
            for one in (one for one in chosen if one.message.queue_offset in left):
                self.acked(one)

    def acked(self, one: Popped) -> None:
        fate = self.fates[one.body]
        fate.acked, fate.acked_at = True, self.step

    def hide(self) -> None:
        if not self.hands:
            return
        one = self.rng.choice(self.hands)
        hidden = self.popper.hide(one, self.rng.choice(INVISIBLE_MS))
        if self.popper.reply.code == ResponseCode.SUCCESS:
            self.hands.append(hidden)
            fate = self.fates[one.body]
            fate.hidden_until, fate.hidden_at = hidden.handle.next_visible_time, self.step
            if fate.acked is None:
                fate.acked = False

    def wait(self) -> None:
        self.popper.broker.now_ms += self.rng.choice((0, 1, 100, 1_000, 5_000))
        if self.rng.random() < 0.8:
            self.revive()

    def revive(self) -> None:
        """As the node's clock does, without a sync of its own."""
        broker = self.popper.broker
        reviving.due(broker.state, broker.now_ms)
        broker.end_turn()

    def flush(self) -> None:
        self.popper.broker.flush()
        self.flushed_at = self.step

    def save(self) -> None:
        self.popper.broker.save(*self.popper.broker.state.table_names)

    def fail(self) -> None:
        """A turn is decided, and the disk does not take it: nobody has been answered."""
        broker = self.popper.broker
        broker.decide(RequestCode.POP_MESSAGE, self.popper.fields(2))
        broker.save()
        broker.state.store.discard()

    def crash(self) -> None:
        """And a start, which takes a while: no pop of the next life is in a millisecond of this one."""
        broker = self.popper.broker
        broker.now_ms += 1
        if self.is_power_cut:
            disk = broker.disk.crash(self.rng)
            for fate in self.fates.values():
                self.forget_unflushed(fate)
        else:
            disk = broker.disk.crash_process()
        self.popper.broker = broker.restarted(disk)
        self.flushed_at = self.step

    def forget_unflushed(self, fate: Fate) -> None:
        """What was not synced before the power went may have been or not."""
        if fate.stored_at > self.flushed_at:
            fate.is_stored = False
        if fate.acked is True and fate.acked_at > self.flushed_at:
            fate.acked = None
        is_due = fate.hidden_at > 0 and fate.hidden_until <= self.popper.broker.now_ms
        if is_due or fate.hidden_at > self.flushed_at:
            fate.may_be_two = True
        if fate.hidden_at > self.flushed_at:
            fate.hidden_until = 0

    def drain(self) -> None:
        """Everything that is promised to be there and not acknowledged comes, and nothing else."""
        for _ in range(DRAIN_ROUNDS_MAX):
            self.popper.broker.now_ms += max(INVISIBLE_MS) + 10
            self.popper.revive()
            while popped := self.popper.pop(32, invisible_ms=60_000):
                for one in popped:
                    self.delivered(one)
                    assert self.popper.ack(one) == ResponseCode.SUCCESS
                    self.acked(one)
            if not self.popper.broker.state.pops.open:
                break
        lost = [body for body, fate in self.fates.items() if fate.is_stored and fate.acked is False]
        assert lost == [], f"never came again: {lost}"
        for queue_id in range(QUEUES):
            end = self.popper.broker.state.store.max_offset(TOPIC, queue_id)
            assert self.popper.committed(queue_id) in (end, -1), "what is done is not committed"
        assert self.popper.broker.state.pops.kept_count == 0
