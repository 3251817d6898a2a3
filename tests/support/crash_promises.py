"""What a store has promised before it is cut off, and whether all of that is true of it afterwards.

The invariants, by the numbers that violations print:

    I1   what was written survives a kill, what was synced survives a power cut, in the slot that it was given
    I2   what is lost is the end of the log, never something before a record that is still there
    I3   whatever is served was appended, byte for byte, and had not been refused
    I4   a slot of a queue holds the record that was appended to it
    I5   a queue's offsets have no gap between its ends
    I6   a queue's records stand in the order in which they were appended
    I9   queues and index hold exactly what the log holds, and come out of the log alike when they are built again
    I10  what readers were shown is still there, if policy says that what they see is as durable as what is promised
    I12  after a failed sync nothing more counts as synced
    I13  what a recovery cut off never comes back

I8, that of a batch which was cut off only a beginning may exist, follows from I2 and I9.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pocketmq.store.consume_queue import Entry
from pocketmq.store.message_store import MessageStore
from pocketmq.store.recovery import Recovery, find_queues

Place = tuple[str, int]
BODY_AT = 88
"""In a record with IPv4 hosts (MessageDecoder)."""


@dataclass(slots=True)
class Stored:
    """A record as it was appended; `generation` counts how often its topic had been deleted before."""

    log_offset: int
    size: int
    place: Place
    queue_offset: int
    body: bytes
    key: str
    tags_code: int
    is_shown: bool
    generation: int


@dataclass(slots=True)
class Promises:
    """What was appended, in log order; how far it was said to be written, synced and shown; what must not be there."""

    records: list[Stored] = field(default_factory=list)
    written: int = 0
    flushed: int = 0
    log_start: int = 0
    shown: dict[Place, int] = field(default_factory=dict)
    generations: dict[str, int] = field(default_factory=dict)
    refused: set[bytes] = field(default_factory=set)
    cut_off: set[bytes] = field(default_factory=set)

    def take_back(self) -> None:
        """What was not written is refused."""
        refused = [record for record in self.records if record.log_offset >= self.written]
        self.refused.update(record.body for record in refused)
        self.records = self.records[: len(self.records) - len(refused)]

    def resume(self, store: MessageStore) -> None:
        """A recovery cut the log at its end: what lay behind it may never come back."""
        self.cut_off.update(record.body for record in self.records if record.log_offset >= store.log.end)
        self.records = [record for record in self.records if store.log.start <= record.log_offset < store.log.end]
        self.written = self.flushed = store.log.end
        self.log_start = store.log.start
        self.shown = {}


def violations(
    store: MessageStore, report: Recovery, promises: Promises, kept: int, *, shown_is_kept: bool
) -> list[str]:
    """All that is not as promised; `kept` is the log offset below which nothing may be missing."""
    found = [f"I1: {damage}" for damage in report.damage]
    if report.log_end != store.log.end or store.log.end < kept:
        found.append(f"I1: the log ends at {store.log.end}, recovery said {report.log_end}, {kept} was promised")
    if store.log.start > promises.log_start and kept:
        found.append(f"I1: the log starts at {store.log.start}, nothing from {promises.log_start} on had expired")
    live = [record for record in promises.records if store.log.start <= record.log_offset < store.log.end]
    if live and store.log.start > promises.log_start and promises.flushed:
        # Before its first sync a store may lose its first file and keep the second.
        found.append(f"I2: the log starts at {store.log.start} with records, what lay before is gone")
    found += lost_records(store, live)
    for place in sorted({record.place for record in promises.records} | {q.key for q in find_queues(store)}):
        mine = [r for r in live if r.place == place and r.is_shown]
        found += queue_violations(store, place, mine, promises)
        if shown_is_kept:
            found += shown_violations(store, place, promises)
    return found


def lost_records(store: MessageStore, live: list[Stored]) -> Iterator[str]:
    for record in live:
        raw = store.read_record(record.log_offset, record.size)
        if raw is None or raw[BODY_AT : BODY_AT + len(record.body)] != record.body:
            # Something stands behind it, else the log would end before it.
            yield f"I2: the record at {record.log_offset} is gone, the log ends at {store.log.end}"


def queue_violations(store: MessageStore, place: Place, mine: list[Stored], promises: Promises) -> Iterator[str]:
    queue = store.find_queue(*place)
    entries = [] if queue is None else queue.entries(queue.min_offset, queue.max_offset - queue.min_offset)
    yield from served_violations(store, place, entries, promises)
    generation = promises.generations.get(place[0], 0)
    expected = [record for record in mine if record.generation == generation]
    earlier = [record for record in mine if record.generation < generation]
    if entries and entries[0].log_offset in {record.log_offset for record in earlier}:
        # Its deletion was not yet durable.
        if expected:
            yield f"I9: {place} serves records from before its topic was deleted"
            return
        first = [record.log_offset for record in earlier].index(entries[0].log_offset)
        expected = earlier[first : first + len(entries)]
    if [(e.log_offset, e.size, e.tags_code) for e in entries] != [
        (r.log_offset, r.size, r.tags_code) for r in expected
    ]:
        yield (
            f"I9: {place} holds log offsets {[e.log_offset for e in entries]} and should hold "
            f"{[r.log_offset for r in expected]}"
        )
        return
    if queue is None or not expected:
        return
    offsets = [record.queue_offset for record in expected]
    if offsets != list(range(queue.min_offset, queue.max_offset)):
        yield f"I5: {place} is said to span [{queue.min_offset}, {queue.max_offset}), its records say {offsets}"
    if [e.log_offset for e in entries] != sorted(e.log_offset for e in entries):
        yield f"I6: {place} is out of order: {[e.log_offset for e in entries]}"


def served_violations(store: MessageStore, place: Place, entries: list[Entry], promises: Promises) -> Iterator[str]:
    appended = {record.log_offset: record for record in promises.records}
    for entry in entries:
        record = appended.get(entry.log_offset)
        raw = store.read_record(entry.log_offset, entry.size) or b""
        if record is not None and record.body in raw:
            if record.place != place:
                yield f"I4: {place} serves the record at {entry.log_offset}, which was appended to {record.place}"
        elif any(body in raw for body in promises.refused if body):
            yield f"I3: {place} serves at {entry.log_offset} what had been refused"
        elif any(body in raw for body in promises.cut_off if body):
            yield f"I13: {place} serves at {entry.log_offset} what an earlier recovery had cut off"
        else:
            yield f"I3: {place} serves {len(raw)} bytes at {entry.log_offset} that nobody appended"


def shown_violations(store: MessageStore, place: Place, promises: Promises) -> Iterator[str]:
    shown, end = promises.shown.get(place, 0), store.max_offset(*place)
    if end < shown:
        yield f"I10: {place} ends at {end}, readers had been shown {shown - 1}"


def index_violations(store: MessageStore, promises: Promises, topic: str, key: str) -> Iterator[str]:
    """Whether the index finds the live records of this key, the newest first; of a deleted topic it need not."""
    if promises.generations.get(topic):
        return
    live = [record for record in promises.records if store.log.start <= record.log_offset < store.log.end]
    expected = [r.log_offset for r in reversed(live) if (r.place[0], r.key) == (topic, key)]
    hits = store.query_keys(topic, key, 10_000, 0, 1 << 62).log_offsets
    found = [offset for offset in hits if offset >= store.log.start and carries_key(store, offset, topic, key)]
    if found != expected:
        yield f"I9: the index finds {found} for {topic}#{key} and should find {expected}"


def carries_key(store: MessageStore, log_offset: int, topic: str, key: str) -> bool:
    """As a client does: hashes collide."""
    record = store.read_record(log_offset)
    return record is not None and f"KEYS\x01{key} x".encode() in record and topic.encode() in record


def rebuilt_violations(store: MessageStore, rebuilt: MessageStore, report: Recovery, topics: set[str]) -> Iterator[str]:
    """Whether a store built from the log alone has the same queues for these topics."""
    damage = [one for one in report.damage if one.known is None or one.known.topic.decode() in topics]
    if damage or rebuilt.log.end != store.log.end:
        yield f"I9: built again the log ends at {rebuilt.log.end} instead of {store.log.end}, damage {damage}"
    for queue in find_queues(store):
        count = queue.max_offset - queue.min_offset
        if queue.topic not in topics or not count:
            continue
        again = rebuilt.queue(*queue.key)
        ends = (again.min_offset, again.max_offset)
        if ends != (queue.min_offset, queue.max_offset):
            yield f"I9: {queue.key} spans [{queue.min_offset}, {queue.max_offset}), built again {ends}"
        elif again.raw(again.min_offset, count) != queue.raw(queue.min_offset, count):
            yield f"I9: {queue.key} built again has other entries"
