"""Verifying the key index, the schedule topic's queues and light queues: each kind of fault at its place."""

import pytest
from store_life import SIZES, reopened, send
from verified_store import SHAPE, briefly, findings, killed, put, stopped, with_delays

from pocketmq.store.derive import SCHEDULE_TOPIC
from pocketmq.store.finding import Severity
from pocketmq.store.index_file import ENTRY_BYTES, Shape
from pocketmq.testing.memory_disk import MemoryDisk

FIRST, LAST = "index/20231114221320000", "index/20231114221320004"


def change(disk: MemoryDisk, path: str, at: int, mask: int = 1) -> None:
    put(disk, path, at, bytes([disk.open(path).pread(at, 1)[0] ^ mask]))


@pytest.mark.parametrize(
    ("index", "inside", "mask", "said"),
    [
        (7, 3, 1, "entry 7, for the record at 912, has another hash than the key"),
        (7, 0, 0x80, "has another hash than the key"),
        (7, 9, 1, "points where the log has no record with this key"),
        (7, 15, 1, "says another time than the record"),
        (7, 19, 1, "was before it in its slot"),
    ],
)
def test_an_entry_that_is_not_its_records(index: int, inside: int, mask: int, said: str) -> None:
    disk, _ = stopped()
    at = SHAPE.entry_position(index)
    change(disk, FIRST, at + inside, mask)
    found = findings(disk)
    assert ("derived", FIRST, at) in briefly(found)
    assert any(said in one.said for one in found), found
    assert {one.severity for one in found} == {Severity.DERIVED}


@pytest.mark.parametrize(
    ("at", "field"), [(7, "begin timestamp"), (15, "end timestamp"), (23, "begin offset"), (31, "end offset")]
)
def test_a_header_that_is_not_its_entries(at: int, field: str) -> None:
    disk, _ = stopped()
    change(disk, FIRST, at)
    found = findings(disk)
    assert briefly(found)[0] == ("derived", FIRST, at - 7)
    assert f"the header says {field} " in found[0].said


def test_slots_that_do_not_point_at_their_newest_entry() -> None:
    disk, _ = stopped()
    change(disk, FIRST, SHAPE.slot_position(3) + 3)
    (found,) = findings(disk)
    assert briefly([found]) == [("derived", FIRST, SHAPE.slot_position(3))]
    assert "1 slots do not point at their newest entry, the first is slot 3" in found.said
    disk, _ = stopped()
    change(disk, FIRST, 35)
    (found,) = findings(disk)
    assert "the header says slots in use 11, the entries say 10" in found.said


@pytest.mark.parametrize("index", [0, 45])
def test_bytes_where_no_entry_is(index: int) -> None:
    disk, _ = stopped()
    put(disk, LAST, SHAPE.entry_position(index) + ENTRY_BYTES - 1, b"x")
    assert [one[:2] for one in briefly(findings(disk))] == [("derived", LAST)]


def test_a_missing_file_is_told_once() -> None:
    disk, sent = stopped()
    disk.remove(FIRST)
    found = findings(disk)
    assert ("derived", "index", None) in briefly(found)
    assert any(
        f"49 keys have no entry, the first that of the record at {sent[0].log_offset}" in one.said for one in found
    )
    disk, sent = stopped()
    disk.remove(LAST)
    (found_last,) = findings(disk)
    assert "34 keys have no entry" in found_last.said
    assert found_last.log_offset == sent[196].log_offset


def test_a_file_of_another_size_than_the_others() -> None:
    disk, _ = stopped()
    put(disk, LAST, SHAPE.file_bytes, b"x")
    found = findings(disk)
    assert ("derived", LAST, 0) in briefly(found)
    assert f"has {SHAPE.file_bytes + 1} bytes" in found[0].said


def test_another_shape_is_said_and_is_no_fault() -> None:
    disk, _ = stopped()
    (found,) = findings(disk, Shape(20, 50))
    assert found.severity is Severity.NOTICE
    assert f"index files have {SHAPE.file_bytes} bytes, 20 slots and 50 entries make 1120" in found.said
    assert "--max-hash-slot-num" in found.remedy


def test_no_index_at_all() -> None:
    disk, _ = stopped()
    disk.remove_tree("index")
    assert briefly(findings(disk)) == [("derived", "index", None)]
    disk.mkdirs("index")
    assert briefly(findings(disk)) == [("notice", "index", None)]


def test_after_a_kill_a_count_of_the_index_that_is_behind_is_only_noticed() -> None:
    disk, _ = killed()
    assert {one.severity for one in findings(disk) if one.path.startswith("index")} == {Severity.NOTICE}


def test_delivery_times_must_all_be_as_far_from_the_store_times() -> None:
    disk = with_delays()
    assert findings(disk) == []
    change(disk, f"consumequeue/{SCHEDULE_TOPIC}/2/" + "0" * 20, 3 * 20 + 18)
    (found,) = findings(disk)
    assert (found.severity, found.queue_offset) == (Severity.DERIVED, 3)


def test_light_queues_are_looked_up() -> None:
    disk, sent = stopped(10)
    disk.mkdirs("consumequeue/%LMQ%a/0")
    path = "consumequeue/%LMQ%a/0/" + "0" * 20
    for number in (2, 5):
        one = sent[number]
        content = one.log_offset.to_bytes(8, "big") + one.size.to_bytes(4, "big") + bytes(8)
        disk.open(path, create=True, size=SIZES.queue_file_bytes).pwrite(20 * (number == 5), content)
    assert findings(disk) == []
    change(disk, path, 31)
    assert [one.queue_offset for one in findings(disk)] == [1]
    change(disk, path, 31)
    change(disk, path, 27)
    (found,) = findings(disk)
    assert (found.severity, found.topic, found.queue_offset) == (Severity.DERIVED, "%LMQ%a", 1)


def test_sends_after_an_index_was_rebuilt_are_sound() -> None:
    disk, _ = killed()
    store, _ = reopened(disk)
    send(store, 70)
    store.close()
    assert findings(disk) == []
