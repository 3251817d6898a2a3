"""A store's way through both brokers' hands: what each acknowledged, and what the next one found."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field

from . import messages, remoting
from .exchange import ExchangedStore
from .messages import GROUP, MIN_OFFSET, Record
from .processes import Silence, poll
from .remoting import MAX_OFFSET, Connection

QUEUES = 4
TOPICS = {"orders": QUEUES, "invoices": QUEUES, "payments": 1, "reminders": 1}
OTHER_QUEUES = [("SCHEDULE_TOPIC_XXXX", level) for level in range(3)]
OTHER_QUEUES += [("reminders", 0), ("RMQ_SYS_TRANS_HALF_TOPIC", 0), ("RMQ_SYS_TRANS_OP_HALF_TOPIC", 0)]
RETRIES = 7
LOOKED_UP_EVERY = 61
ALL_TOPICS = 21
ALL_GROUPS = 201

Place = tuple[str, int]


@dataclass
class Acknowledged:
    """What brokers promised so far; ``ids`` and ``bodies`` of a queue stand in the order of their offsets."""

    ids: dict[Place, list[str]] = field(default_factory=dict)
    bodies: dict[Place, list[bytes]] = field(default_factory=dict)
    keys: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    """Topic, queue and offset of the one message with that key."""

    reminders: list[bytes] = field(default_factory=list)
    consumed: dict[int, int] = field(default_factory=dict)

    def note(self, topic: str, queue: int, queue_offset: int, message_id: str, body: bytes, key: str) -> None:
        """Remember an acknowledged message; brokers give each queue's offsets without a gap."""
        bodies = self.bodies.setdefault((topic, queue), [])
        assert queue_offset == len(bodies), (topic, queue, queue_offset, len(bodies))
        bodies.append(body)
        self.ids.setdefault((topic, queue), []).append(message_id)
        self.keys[key] = (topic, queue, queue_offset)


@dataclass
class Visit:
    """What a broker found in the store that others left, and what had been promised by then."""

    promised: dict[Place, list[bytes]]
    looked_up: dict[str, tuple[str, int, int]]
    consumed: dict[int, int]
    reminders: list[bytes]
    records: dict[Place, list[Record]] = field(default_factory=dict)
    bounds: dict[Place, tuple[int, int]] = field(default_factory=dict)
    by_key: dict[str, list[Record]] = field(default_factory=dict)
    by_id: dict[str, Record] = field(default_factory=dict)
    consumer_offsets: dict[int, int] = field(default_factory=dict)
    topics: dict[str, dict] = field(default_factory=dict)
    groups: dict[str, dict] = field(default_factory=dict)
    delivered: Counter[bytes] = field(default_factory=Counter)


def create(store: ExchangedStore) -> None:
    """Create the topics and the group."""
    for topic, queues in TOPICS.items():
        remoting.create_topic(store.broker, topic, queues)
    remoting.create_group(store.broker, GROUP, RETRIES)


def write(broker: Connection, known: Acknowledged, stage: str, per_queue: int) -> None:
    """Send single messages and batches, with a key each, and delayed ones; move the group's offsets.

    Of the delayed ones all but the last are delivered when this returns, so that nothing is in the midst of it.
    """
    source = random.Random(stage)
    for number in range(per_queue * QUEUES):
        key, queue = f"{stage}-{number}", number % QUEUES
        body = source.randbytes(source.randrange(200, 1600))
        properties = {"KEYS": f"{key} {stage}", "TAGS": f"T{number % 3}", "UNIQ_KEY": f"{source.getrandbits(128):032X}"}
        fields = messages.send(broker, "orders", queue, body, properties).fields
        known.note("orders", queue, int(fields["queueOffset"]), fields["msgId"], body, key)
    for number in range(QUEUES * 2):
        batch = [(source.randbytes(99), {"KEYS": f"{stage}-{number}.{i}", "TAGS": "batch"}) for i in range(5)]
        queue = number % QUEUES
        fields = messages.send_batch(broker, "invoices", queue, batch).fields
        for i, (identity, (body, properties)) in enumerate(zip(fields["msgId"].split(","), batch, strict=True)):
            known.note("invoices", queue, int(fields["queueOffset"]) + i, identity, body, properties["KEYS"])
    for level in (1, 2, 3):
        body = f"{stage}, level {level}".encode()
        messages.send(broker, "reminders", 0, body, {"DELAY": str(level)})
        known.reminders.append(body)
    delivered(broker, known.reminders[:-1])
    for queue in range(QUEUES):
        known.consumed[queue] = len(known.bodies["orders", queue]) - queue - 1
        messages.set_consumer_offset(broker, "orders", queue, known.consumed[queue])
    for topic, queue in known.bodies:
        wait_for_entries(broker, topic, queue, len(known.bodies[topic, queue]))


def pay(broker: Connection, known: Acknowledged) -> None:
    """Send a message in two phases."""
    properties = {"KEYS": "payment", "TRAN_MSG": "true", "PGROUP": GROUP, "UNIQ_KEY": "AB" * 16}
    prepared = messages.send(broker, "payments", 0, b"paid", properties, messages.TRANSACTION_PREPARED)
    messages.commit_transaction(broker, "payments", prepared)
    for topic in ("payments", "RMQ_SYS_TRANS_OP_HALF_TOPIC"):
        wait_for_entries(broker, topic, 0, 1)
    known.bodies["payments", 0] = [b"paid"]


def wait_for_entries(broker: Connection, topic: str, queue: int, count: int) -> None:
    """Wait until readers see that many messages in a queue: Java derives its queues a moment later."""

    def are_there() -> bool | None:
        return True if messages.offset(broker, MAX_OFFSET, topic, queue) >= count else None

    poll(f"message {count - 1} of {topic}/{queue}", are_there, every_s=0.01)


def visit(broker: Connection, known: Acknowledged) -> Visit:
    """Read everything there is, in each way there is."""
    found = Visit(
        promised={place: list(bodies) for place, bodies in known.bodies.items()},
        looked_up={key: known.keys[key] for key in list(known.keys)[::LOOKED_UP_EVERY]},
        consumed=dict(known.consumed),
        reminders=list(known.reminders),
    )
    for key, (topic, queue, queue_offset) in found.looked_up.items():
        found.by_key[key] = messages.by_key(broker, topic, key)
        found.by_id[key] = messages.by_id(broker, known.ids[topic, queue][queue_offset])
    for topic, queue in [*found.promised, *OTHER_QUEUES]:
        place = topic, queue
        found.bounds[place] = tuple(messages.offset(broker, code, *place) for code in (MIN_OFFSET, MAX_OFFSET))
        found.records[place] = messages.pull_all(broker, topic, queue)
    for queue in range(QUEUES):
        found.consumer_offsets[queue] = messages.consumer_offset(broker, "orders", queue)
    found.topics = json.loads(broker.ask(ALL_TOPICS, {}).body)["topicConfigTable"]
    found.groups = json.loads(broker.ask(ALL_GROUPS, {}).body)["subscriptionGroupTable"]
    found.delivered = delivered(broker, found.reminders)
    return found


def delivered(broker: Connection, wanted: list[bytes]) -> Counter[bytes]:
    """Wait for delayed messages that somebody else was to deliver, and count each; what never comes is not counted."""

    def all_there() -> Counter[bytes] | None:
        seen = Counter(record.body for record in messages.pull_all(broker, "reminders", 0))
        return seen if set(wanted) <= set(seen) else None

    try:
        return poll("delayed messages", all_there)
    except Silence:
        return Counter(record.body for record in messages.pull_all(broker, "reminders", 0))


def wait_for_offsets_on_disk(store: ExchangedStore, known: Acknowledged) -> None:
    """Wait until the group's offsets are in the file: only from there do they survive a kill."""

    def are_there() -> bool | None:
        return True if store.consumed_on_disk(GROUP, "orders") == sum(known.consumed.values()) else None

    poll("consumer offsets on disk", are_there)
