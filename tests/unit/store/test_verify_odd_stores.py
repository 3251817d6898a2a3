"""Stores that look odd and are sound, or whose fault is not what it seems at first: none may be told wrongly."""

import pytest
from store_life import FILES, SIZES, T0, flip, reopened
from verified_store import SHAPE, briefly, findings, killed, put, stopped

from pocketmq.protocol.record import NewMessage
from pocketmq.store.finding import Severity
from pocketmq.testing.memory_disk import MemoryDisk


def test_expired_log_files_leave_entries_and_keys_that_are_no_fault() -> None:
    disk, _ = stopped()
    disk.remove(FILES.format(0))
    assert findings(disk) == []


def test_a_queue_that_was_built_from_a_later_log_begins_with_fillers_that_are_no_fault() -> None:
    disk, _ = killed()
    disk.remove(FILES.format(0))
    store, _ = reopened(disk)
    queue = store.find_queue("T", 0)
    assert queue is not None
    assert queue.min_offset % 10 != 0
    store.close()
    assert findings(disk) == []


def test_a_record_in_the_place_of_another_is_told_as_the_liar() -> None:
    disk, sent = stopped()
    flip(disk, sent[40].log_offset + 15)
    found = [one for one in findings(disk) if one.path.startswith(("commitlog", "consumequeue"))]
    assert [(one.severity, one.log_offset) for one in found] == [
        (Severity.DAMAGE, sent[40].log_offset), (Severity.DERIVED, sent[40].log_offset),
    ]  # fmt: skip
    assert found[0].said == f"a record says queue offset 20, which the record at {sent[41].log_offset} has"
    assert "1 entries point where the log has no record of this queue" in found[1].said


def test_an_entry_that_points_far_away_hides_no_other() -> None:
    disk, sent = stopped()
    put(disk, "consumequeue/T/0/" + f"{400:020d}", 0, b"\x7f")
    (found,) = findings(disk)
    assert (found.queue_offset, found.log_offset) == (20, sent[40].log_offset)
    disk, _ = stopped()
    put(disk, "consumequeue/T/0/" + f"{400:020d}", 0, b"\xff")
    assert [one.queue_offset for one in findings(disk)] == [20]


def test_the_address_of_an_extension_is_no_tags_code_and_needs_an_extension() -> None:
    disk, _ = stopped()
    put(disk, "consumequeue/T/0/" + f"{400:020d}", 12, b"\x80" + bytes(7))
    assert [one.severity for one in findings(disk)] == [Severity.DERIVED]
    disk.mkdirs("consumequeue_ext/T/0")
    assert [one.said for one in findings(disk)] == [
        "an entry leads to unit 0 of the extension, which is not the record's"
    ]


def test_entries_that_are_no_neighbours_are_two_findings() -> None:
    disk, sent = stopped()
    entry = sent[-1].log_offset_end.to_bytes(8, "big") + bytes([0, 0, 0, 9]) + bytes(8)
    for queue_offset in (115, 117):
        put(disk, "consumequeue/T/0/" + f"{2200:020d}", queue_offset * 20 - 2200, entry)
    assert [one.queue_offset for one in findings(disk)] == [115, 117]


def test_prepared_and_rolled_back_records_have_no_entries() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    for sys_flag in (4, 12, 0, 8):
        store.append(NewMessage("T", 0, b"body", b"KEYS\x01k\x02", sys_flag=sys_flag), T0)
    store.write()
    store.publish(store.log.written, T0)
    store.close()
    before = disk.open("consumequeue/T/0/" + "0" * 20).pread(0, 200)
    assert before.count(b"\0") < 200
    assert findings(disk) == []


def test_an_empty_sparse_file_at_the_end_of_a_queue_or_of_the_index_is_no_fault() -> None:
    disk, _ = stopped()
    disk.open(f"consumequeue/T/0/{2400:020d}", create=True, size=SIZES.queue_file_bytes)
    disk.open("index/20991231000000000", create=True, size=SHAPE.file_bytes)
    assert findings(disk) == []
    put(disk, "index/20991231000000000", SHAPE.file_bytes - 1, b"x")
    assert briefly(findings(disk)) == [("derived", "index/20991231000000000", SHAPE.file_bytes - 1)]


def test_an_index_file_that_counts_more_than_it_can_hold_is_passed_over_whole() -> None:
    disk, _ = stopped()
    put(disk, "index/20231114221320000", 36, b"\1")
    found = findings(disk)
    assert ("derived", "index/20231114221320000", 36) in briefly(found)
    assert any("49 keys have no entry" in one.said for one in found)


def with_two_keys() -> MemoryDisk:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    for number in range(8):
        store.append(
            NewMessage("T", 0, b"body", f"UNIQ_KEY\x01u{number}\x02KEYS\x01a b\x02".encode()), T0 + 900 * number
        )
    store.write()
    store.publish(store.log.written, T0)
    store.close()
    return disk


def test_a_stray_entry_between_two_keys_of_one_record_hides_nothing_behind_it() -> None:
    disk = with_two_keys()
    assert findings(disk) == []
    (name,) = disk.listdir("index")
    put(disk, f"index/{name}", SHAPE.entry_position(8) + 4, b"\x7f")
    stray, following, missing = [one.said for one in findings(disk)]
    assert stray.startswith("entry 8, ")
    assert stray.endswith("points where the log has no record with this key")
    assert following.startswith("entry 9, for the record at 234, has another hash")
    assert missing == "1 keys have no entry, the first that of the record at 234"


def test_a_checkpoint_that_is_none_is_a_derived_fault() -> None:
    disk, _ = stopped()
    disk.open("checkpoint").truncate(100)
    assert briefly(findings(disk)) == [("derived", "checkpoint", 0)]
    disk, _ = stopped()
    put(disk, "checkpoint", 24, b"\xff")
    assert briefly(findings(disk)) == [("derived", "checkpoint", 0)]
    disk, _ = stopped()
    put(disk, "checkpoint", 48, b"x")
    assert briefly(findings(disk)) == [("notice", "checkpoint", 48)]
    disk, _ = stopped()
    put(disk, "checkpoint", 40, b"\x01")
    assert briefly(findings(disk)) == [("damage", "checkpoint", 40)]


def test_a_watermark_that_does_not_match_its_crc_is_told() -> None:
    disk, _ = stopped()
    put(disk, "durable", 15, b"\xff\xff")
    assert [one[:2] for one in briefly(findings(disk))] == [("derived", "durable")]


def test_tables_of_other_shapes_have_no_offsets() -> None:
    disk, _ = stopped()
    disk.mkdirs("config")
    put(disk, "config/delayOffset.json", 0, b'{"offsetTable":{"x":1,"1":"y"}}')
    put(disk, "config/consumerOffset.json", 0, b'{"offsetTable":{"T@g":{"x":1,"1":"y"},"U@g":[]}}')
    assert findings(disk) == []


def test_doubts_about_file_sizes_are_noticed_first() -> None:
    disk, _ = stopped()
    disk.open(f"consumequeue/T/1/{2200:020d}").truncate(120)
    first, second = findings(disk)
    assert (first.severity, second.severity) == (Severity.NOTICE, Severity.NOTICE)
    assert "is taken to have 200 bytes" in first.said
    assert (second.path, second.file_offset) == (f"consumequeue/T/1/{2200:020d}", 120)


def test_a_store_without_a_record_is_sound() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    store.close()
    disk.mkdirs("commitlog")
    assert [one.path for one in findings(disk)] == ["index"]
    disk.remove_tree("index")
    assert findings(disk) == []


@pytest.mark.parametrize("lost", [1, 2, 9])
def test_zeros_where_a_queue_begins_are_lost_entries_not_a_topic_made_again(lost: int) -> None:
    disk, _ = stopped()
    path = "consumequeue/T/0/" + f"{0:020d}"
    put(disk, path, 0, bytes(lost * 20))
    found = findings(disk)
    assert briefly(found) == [("derived", path, 0)]
    assert found[0].said.startswith(f"{lost} of the log's records have no entry here")
