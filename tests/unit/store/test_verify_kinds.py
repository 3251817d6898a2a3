"""Queues of batches and extensions of queues are verified against the log, and built again from it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_life import SIZES, T0, flip
from verified_store import SHAPE, findings, paths, put

from pocketmq.model.delays import DEFAULT_DELAY_LEVELS
from pocketmq.protocol.record import NewMessage
from pocketmq.store.batch_queue import UNIT_BYTES
from pocketmq.store.dumping import dump, queue_ids
from pocketmq.store.finding import Severity
from pocketmq.store.inner_batch import append_inner_batch
from pocketmq.store.inventory import take_inventory
from pocketmq.store.layout import find_layout
from pocketmq.store.message_store import Appended, MessageStore
from pocketmq.store.read_only_disk import ReadOnlyDisk
from pocketmq.store.recovery import open_store
from pocketmq.store.repair import refusal, repair
from pocketmq.store.verify import Verification
from pocketmq.testing.memory_disk import MemoryDisk

SMALL = replace(SIZES, batch_queue_file_bytes=8 * UNIT_BYTES, extension_file_bytes=260, extends_queues=True)
COUNTS = (1, 3, 2)
BATCHES = "batchconsumequeue/B/0/"
UNITS = "consumequeue_ext/T/0/"
RECORDS = 20


def life(records: int = RECORDS) -> tuple[MemoryDisk, list[Appended]]:
    """A store stopped in order: a topic of batches B, of which what was sent is told, and an extended one T."""
    disk = MemoryDisk()
    store, _ = open_store(disk, SMALL, T0, batch_topics=("B",))
    sent = []
    for number in range(records):
        count = COUNTS[number % 3]
        properties = b"INNER_NUM\x01%d\x02" % count if count > 1 else b"TAGS\x01t%d\x02" % number
        message = NewMessage("B", 0, bytes(40), properties, sys_flag=192 if count > 1 else 0)
        append = append_inner_batch if count > 1 else MessageStore.append
        sent.append(append(store, message, T0 + number))
        store.append(NewMessage("T", 0, b"x", b"TAGS\x01t%d\x02KEYS\x01k\x02" % number), T0 + number)
    store.write()
    store.publish(store.log.written, T0)
    store.close()
    return disk, sent


def repaired(disk: MemoryDisk) -> MemoryDisk:
    verification = Verification(ReadOnlyDisk(disk), find_layout(disk), SHAPE)
    list(verification.run())
    assert refusal(verification, DEFAULT_DELAY_LEVELS) is None
    repair(disk, find_layout(disk), SHAPE, DEFAULT_DELAY_LEVELS, T0)
    return disk


def derived(disk: MemoryDisk) -> dict[str, bytes]:
    folders = ("consumequeue", "batchconsumequeue", "consumequeue_ext", "index")
    return {path: disk.open(path).pread(0, 1 << 20) for folder in folders for path in paths(disk, folder)}


def test_a_sound_store_of_all_kinds_has_no_fault_and_is_built_again_as_it_was() -> None:
    disk, _ = life()
    assert findings(disk) == []
    before = derived(disk)
    assert len([path for path in before if path.startswith(BATCHES)]) == 3
    assert derived(repaired(disk)) == before


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(0, RECORDS - 1), st.integers(0, 39), st.integers(1, 255))
def test_any_changed_byte_of_a_unit_of_batches_is_named_and_put_right(record: int, at: int, mask: int) -> None:
    """All 46 bytes but the last ones, which mean nothing."""
    disk, sent = life()
    before = derived(disk)
    position = record * UNIT_BYTES
    path = BATCHES + f"{position - position % (8 * UNIT_BYTES):020d}"
    place = position % (8 * UNIT_BYTES) + min(at, 37)
    put(disk, path, place, bytes([before[path][place] ^ mask]))
    found = findings(disk)
    assert {one.severity for one in found} == {Severity.DERIVED}
    assert {one.path for one in found} == {path}
    assert sent[record].log_offset in {one.log_offset for one in found}
    assert derived(repaired(disk)) == before


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.integers(0, RECORDS - 1), st.integers(0, 17), st.integers(1, 255))
def test_any_changed_byte_of_an_extensions_unit_is_named_and_put_right(record: int, at: int, mask: int) -> None:
    disk, _ = life()
    before = derived(disk)
    path = UNITS + f"{record // 12 * 260:020d}"
    place = record % 12 * 20 + at
    put(disk, path, place, bytes([before[path][place] ^ mask]))
    found = findings(disk)
    if at < 2 and not found:
        return  # A unit may be longer than it need be.
    assert [(one.severity, one.queue_offset) for one in found] == [(Severity.DERIVED, record)]
    assert derived(repaired(disk)) == before


@pytest.mark.parametrize("lost", [BATCHES + f"{0:020d}", BATCHES + f"{368:020d}", UNITS + f"{0:020d}"])
def test_a_lost_file_comes_back(lost: str) -> None:
    disk, _ = life()
    before = derived(disk)
    disk.remove(lost)
    found = findings(disk)
    assert any(one.severity is Severity.DERIVED for one in found)
    assert derived(repaired(disk)) == before


def test_units_that_lead_nowhere_are_counted() -> None:
    disk, sent = life()
    end = RECORDS * UNIT_BYTES
    unit = disk.open(BATCHES + f"{736:020d}").pread(end - 736 - UNIT_BYTES, UNIT_BYTES)
    behind = (1 << 20).to_bytes(8, "big") + unit[8:]
    put(disk, BATCHES + f"{736:020d}", end - 736, behind)
    (found,) = findings(disk)
    assert found.said == f"1 units point behind the log's end, the first for queue offset {sent[-1].queue_offset}"
    assert found.severity is Severity.DERIVED


def test_a_damaged_record_excuses_its_unit() -> None:
    disk, sent = life()
    flip(disk, sent[4].log_offset + 90)
    assert [(one.severity, one.log_offset) for one in findings(disk)] == [(Severity.DAMAGE, sent[4].log_offset)]


def test_batches_without_a_queue_are_missed() -> None:
    disk, _ = life()
    disk.remove_tree("batchconsumequeue/B")
    assert any("is missing; the log has" in one.said for one in findings(disk))


def test_queues_that_are_all_gone_come_back_as_batches_if_the_table_says_so() -> None:
    disk, _ = life(records=5)
    store, _ = open_store(disk, SMALL, T0, batch_topics=("B", "C"))
    store.append(NewMessage("C", 0, b"x", b"KEYS\x01k\x02"), T0)  # Whose files keep the size known.
    store.write()
    store.publish(store.log.written, T0)
    store.close()
    before = derived(disk)
    disk.mkdirs("config")
    put(disk, "config/topics.json", 0, b'{"topicConfigTable":{"B":{"attributes":{"queue.type":"BatchCQ"}}}}')
    disk.remove_tree("batchconsumequeue/B")
    assert "5 of the log's records have no unit here" in " ".join(one.said for one in findings(disk))
    assert derived(repaired(disk)) == before


def test_a_queue_of_batches_is_counted_and_dumped_record_by_record() -> None:
    disk, sent = life()
    (found,) = [queue for queue in take_inventory(ReadOnlyDisk(disk)).queues if queue.topic == "B"]
    assert (found.min_offset, found.max_offset, found.entries_bytes) == (0, 40, RECORDS * UNIT_BYTES)
    assert (found.oldest_ms, found.newest_ms, found.fault) == (T0, T0 + RECORDS - 1, "")
    assert queue_ids(disk, "B") == [0]
    every = list(dump(disk, find_layout(disk), "B", 0, 0, None))
    assert [(one.queue_offset, one.log_offset, one.damage) for one in every] == [
        (one.queue_offset, one.log_offset, "") for one in sent
    ]
    some = list(dump(disk, find_layout(disk), "B", 0, 3, 3))  # Offsets 3 to 5 are in records from 1, 4 and 6 on.
    assert [one.queue_offset for one in some] == [1, 4]


def test_a_queue_of_batches_begins_where_its_records_do() -> None:
    disk, sent = life(200)
    disk.remove("commitlog/00000000000000000000")
    kept = next(one for one in sent if one.log_offset >= SMALL.log_file_bytes)
    (found,) = [queue for queue in take_inventory(ReadOnlyDisk(disk)).queues if queue.topic == "B"]
    assert (found.min_offset, found.entries_bytes) == (kept.queue_offset, (200 - sent.index(kept)) * UNIT_BYTES)
    assert findings(disk) == [], "units of messages that are gone, in a file that others need, are no fault"
    assert next(dump(disk, find_layout(disk), "B", 0, 0, None)).queue_offset == kept.queue_offset
