"""Java's broker and ours take over each other's store, after a stop and after a kill.

```
Java writes ─TERM▶ ours reads, writes ─TERM▶ Java reads, writes ─KILL▶ ours ─KILL▶ Java ─TERM▶ ours
```

A message counts once it is acknowledged; a kill leaves the machine, and so the page cache, alone.
"""

from __future__ import annotations

import re
import shutil
import struct
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest
from rig import journey
from rig.exchange import LEVELS, SIZES, ExchangedStore
from rig.journey import Acknowledged, Visit
from rig.messages import Record

from pocketmq.store.active_index import key_hash_of
from pocketmq.store.disk import PosixDisk
from pocketmq.store.key_index import KeyIndex
from pocketmq.store.message_store import StoreSizes
from pocketmq.store.recovery import Recovery, open_store
from pocketmq.testing.memory_disk import MemoryDisk

pytestmark = pytest.mark.interop

VISITS = ["ours-stopped-java", "java-stopped-ours", "ours-killed-java", "java-killed-ours", "ours-at-last"]
DELIVERED_ONCE = VISITS[:2]
"""A kill may lose the delay offsets of the last seconds: then a delayed message is delivered again."""

DERIVED = ("consumequeue", "index", "checkpoint")
SAID_OF_EVERY_STORE = (
    "Load default HA Service",
    "found a illegal magic code 0x0",  # The zeros behind the last record.
    "Over index file capacity",
    "is full, trying to create another one",
    "this may caused by shutdown",
    "possibly by shutdown",
    "spent time(ms)",
    "cost time(ms)",
)
"""What Java's store also warns of while it runs on its own."""

QUEUES_END_WHERE_THE_LOG_ENDS = re.compile(r"maxPhyOffsetOfConsumeQueue\((\d+)\) >= processOffset\(\1\)")


@dataclass
class Exchange:
    """All that happened."""

    wrote: Path
    """A copy of the store as Java left it at its first stop."""

    visits: dict[str, Visit] = field(default_factory=dict)
    java_logs: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    """The whole journey, once: it takes two minutes: Java needs ten seconds to stop, and delayed messages twenty."""
    store, known = ExchangedStore(), Acknowledged()
    found = Exchange(store.home / "java-wrote")
    try:
        with store.java(SIGTERM) as broker:
            journey.create(store)
            journey.write(broker, known, "java-first", per_queue=330)
            journey.pay(broker, known)
        store.java_log()
        shutil.copytree(store.store, found.wrote)
        for name, opened, ends_with in (
            (VISITS[0], store.pocketmq, SIGTERM),
            (VISITS[1], store.java, SIGKILL),
            (VISITS[2], store.pocketmq, SIGKILL),
            (VISITS[3], store.java, SIGTERM),
            (VISITS[4], store.pocketmq, SIGTERM),
        ):
            with opened(ends_with) as broker:
                found.visits[name] = journey.visit(broker, known)
                journey.write(broker, known, name, per_queue=80)
                if ends_with is SIGKILL:
                    journey.wait_for_offsets_on_disk(store, known)
            if name.startswith("java"):
                found.java_logs[name] = store.java_log()
        yield found
    finally:
        store.close()


@pytest.fixture(params=VISITS)
def visited(request: pytest.FixtureRequest, exchange: Exchange) -> Visit:
    """Each broker's look at what the one before it left."""
    return exchange.visits[request.param]


def test_every_acknowledged_message_is_at_its_offset(visited: Visit) -> None:
    for place, bodies in visited.promised.items():
        found = visited.records[place]
        assert [record.body for record in found] == bodies, place
        assert [record.queue_offset for record in found] == list(range(len(bodies))), place
        assert {(record.topic, record.queue) for record in found} == {place}


def test_both_brokers_name_the_same_bounds(visited: Visit) -> None:
    for place, bodies in visited.promised.items():
        assert visited.bounds[place] == (0, len(bodies)), place


def test_records_keep_every_byte(exchange: Exchange) -> None:
    for earlier, later in pairwise(VISITS):
        for place, records in exchange.visits[earlier].records.items():
            before = [record.content for record in records]
            after = [record.content for record in exchange.visits[later].records[place]]
            assert after[: len(before)] == before, (earlier, later, place)


@pytest.mark.parametrize("name", VISITS)
def test_messages_are_found_by_key_and_by_id(exchange: Exchange, name: str) -> None:
    visited = exchange.visits[name]
    indexed_from = 0 if name in VISITS[:3] else dropped_keys_end(exchange)
    sought = 0
    for key, (topic, queue, queue_offset) in visited.looked_up.items():
        wanted = visited.records[topic, queue][queue_offset]
        assert visited.by_id[key] == wanted, key
        if wanted.log_offset >= indexed_from:
            assert wanted in visited.by_key[key], key
            sought += 1
    assert sought > 0


def dropped_keys_end(exchange: Exchange) -> int:
    """Below this log offset Java may have forgotten keys when it found a killed store: that is its way with its own.

    It deletes index files that are newer than the checkpoint, and derives again from the log file where its recovery
    starts, at the latest the last one (IndexService#load, CommitLog#recoverAbnormally with messageIndexSafe unset).
    """
    places = exchange.visits["java-killed-ours"].promised
    last = max(exchange.visits["java-killed-ours"].records[place][-1].log_offset for place in places)
    return last - last % int(SIZES["mappedFileSizeCommitLog"])


def test_consumer_offsets_topics_and_groups_are_there(visited: Visit) -> None:
    assert visited.consumer_offsets == visited.consumed
    for topic, queues in journey.TOPICS.items():
        entry = visited.topics[topic]
        assert (entry["readQueueNums"], entry["writeQueueNums"], entry["perm"]) == (queues, queues, 6), topic
    assert visited.groups[journey.GROUP]["retryMaxTimes"] == journey.RETRIES


@pytest.mark.parametrize("name", VISITS)
def test_delayed_messages_are_delivered_whoever_took_them(exchange: Exchange, name: str) -> None:
    visited = exchange.visits[name]
    assert set(visited.delivered) == set(visited.reminders)
    if name in DELIVERED_ONCE:
        assert visited.delivered == Counter(visited.reminders)


@pytest.mark.parametrize("name", [name for name in VISITS if name.startswith("java")])
def test_java_logs_nothing_of_damage(exchange: Exchange, name: str) -> None:
    said = [line for line in exchange.java_logs[name].splitlines() if line.startswith("store")]
    assert any("load" in line for line in said)
    warnings = [line for line in said if " WARN " in line or " ERROR " in line]
    unknown = [line for line in warnings if not any(words in line for words in SAID_OF_EVERY_STORE)]
    assert [line for line in unknown if not QUEUES_END_WHERE_THE_LOG_ENDS.search(line)] == []


@pytest.fixture(scope="module")
def rebuilt(exchange: Exchange) -> Path:
    """Java's log with queues and index derived by us alone."""
    copy = exchange.wrote.with_name("rebuilt")
    shutil.copytree(exchange.wrote, copy)
    for name in DERIVED:
        path = copy / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    recovery = opened(copy)
    assert recovery.damage == []
    return copy


def opened(folder: Path) -> Recovery:
    """Open the store in a folder and close it in order."""
    sizes = StoreSizes(
        log_file_bytes=int(SIZES["mappedFileSizeCommitLog"]),
        queue_file_bytes=int(SIZES["mappedFileSizeConsumeQueue"]),
        index_slots=int(SIZES["maxHashSlotNum"]),
        index_entries=int(SIZES["maxIndexNum"]),
        delay_levels=LEVELS,
    )
    store, recovery = open_store(PosixDisk(str(folder)), sizes, time.time_ns() // 1_000_000)
    store.close()
    return recovery


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder, by their path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_queue_files_that_we_derive_are_javas(exchange: Exchange, rebuilt: Path) -> None:
    javas, ours = contents(exchange.wrote / "consumequeue"), contents(rebuilt / "consumequeue")
    assert len([name for name in javas if name.startswith("orders/0/")]) > 1
    assert list(ours) == list(javas)
    assert [name for name in javas if ours[name] != javas[name]] == []


def indexed(folder: Path) -> dict[int, list[int]]:
    """Key hashes by the log offset of their record, in the order of the entries of all files (IndexFile)."""
    found: dict[int, list[int]] = {}
    slots, entries = int(SIZES["maxHashSlotNum"]), int(SIZES["maxIndexNum"])
    files = sorted(folder.iterdir())
    assert len(files) > 1
    for path in files:
        content = path.read_bytes()
        assert len(content) == 40 + slots * 4 + entries * 20
        count = int.from_bytes(content[36:40], "big")
        for key_hash, log_offset, _, _ in struct.iter_unpack(
            ">iqii", content[60 + slots * 4 : 40 + slots * 4 + count * 20]
        ):
            found.setdefault(log_offset, []).append(key_hash)
    return found


def keys_of_java(record: Record) -> list[bytes]:
    """What Java 5.5 finds a record by: unique key, keys, and last ``T#`` with its tags (IndexService#buildIndex)."""
    named = [record.properties.get("UNIQ_KEY", ""), *record.properties.get("KEYS", "").split(" ")]
    tags = record.properties.get("TAGS", "")
    return [key.encode() for key in [*named, tags and f"T#{tags}"] if key]


def test_keys_that_we_derive_are_javas_but_for_tags(exchange: Exchange, rebuilt: Path) -> None:
    javas, ours = indexed(exchange.wrote / "index"), indexed(rebuilt / "index")
    for records in exchange.visits[VISITS[0]].records.values():
        for record in records:
            if "TAGS" in record.properties and record.log_offset in javas:
                assert javas[record.log_offset].pop() == key_hash_of(record.topic.encode(), keys_of_java(record)[-1])
    assert ours == {log_offset: hashes for log_offset, hashes in javas.items() if hashes}


def test_an_index_of_javas_keys_is_javas_byte_for_byte(exchange: Exchange) -> None:
    folder = exchange.wrote / "index"
    records = [record for records in exchange.visits[VISITS[0]].records.values() for record in records]
    last = max(indexed(folder))
    disk = MemoryDisk()
    index = KeyIndex(disk, "index", int(SIZES["maxHashSlotNum"]), int(SIZES["maxIndexNum"]))
    for record in sorted(records, key=lambda record: record.log_offset):
        if record.log_offset <= last:
            stored_at = int.from_bytes(record.content[56:64], "big")
            for key in keys_of_java(record):
                index.put_key(record.topic.encode(), key, record.log_offset, stored_at, stored_at)
    index.flush()
    ours = [disk.open(f"index/{name}").pread(0, 1 << 20) for name in index.names()]
    assert ours == [path.read_bytes() for path in sorted(folder.iterdir())]


def test_a_stopped_store_of_javas_opens_without_a_repair(exchange: Exchange) -> None:
    copy = exchange.wrote.with_name("opened")
    shutil.copytree(exchange.wrote, copy)
    recovery = opened(copy)
    assert (recovery.was_clean, recovery.torn, recovery.damage) == (True, "", [])
    for folder in ("commitlog", "consumequeue", "index"):
        assert contents(copy / folder) == contents(exchange.wrote / folder)
