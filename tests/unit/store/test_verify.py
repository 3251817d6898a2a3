"""Verifying a store: a sound one has no fault, and each kind of fault is told with its place. Nothing is changed."""

import random

import pytest
from store_life import BODY_AT, FILES, QUEUE_OFFSET_AT, SIZES, T0, flip, found_by_key, reopened, send, served, zero
from verified_store import SHAPE, briefly, findings, killed, paths, put, stopped

from pocketmq.model.errors import StoreError, UserError
from pocketmq.store.finding import Progress, Severity
from pocketmq.store.read_only_disk import ReadOnlyDisk
from pocketmq.store.verify import verify
from pocketmq.testing.memory_disk import MemoryDisk

QUEUE = "consumequeue/T/0/{:020d}"


def test_a_sound_store_has_no_fault_and_is_left_as_it_was() -> None:
    disk, _ = stopped()
    before = {path: disk.open(path).pread(0, 1 << 20) for path in paths(disk)}
    assert findings(disk) == []
    assert {path: disk.open(path).pread(0, 1 << 20) for path in paths(disk)} == before


def test_progress_goes_up_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.store.verify.PROGRESS_BYTES", 4096)
    disk, _ = stopped()
    told = [one for one in verify(ReadOnlyDisk(disk), SHAPE) if isinstance(one, Progress)]
    assert len(told) > 5
    assert told == sorted(told)
    assert {one.total_bytes for one in told} == {3 * SIZES.log_file_bytes}


def test_what_a_kill_leaves_is_only_noticed() -> None:
    disk, _ = killed()
    found = findings(disk)
    assert {one.severity for one in found} == {Severity.NOTICE}
    assert {one.path for one in found} == {"abort", "consumequeue/T", "index"}


def test_a_folder_without_a_store_is_a_persons_mistake() -> None:
    with pytest.raises(UserError, match="no store: there is no folder commitlog in it"):
        findings(MemoryDisk())


def test_log_files_that_do_not_fit_each_other_cannot_be_walked() -> None:
    disk, _ = stopped()
    disk.rename(FILES.format(16_384), FILES.format(16_385))
    with pytest.raises(StoreError, match="does not start at a multiple of the file size 16384"):
        findings(disk)


@pytest.mark.parametrize("at", [BODY_AT + 20, 4, 3, 30])
def test_a_record_that_is_not_sound_is_damage_at_its_place(at: int) -> None:
    disk, sent = stopped()
    flip(disk, sent[40].log_offset + at)
    (found,) = findings(disk)
    assert (found.severity, found.path) == (Severity.DAMAGE, FILES.format(0))
    assert (found.file_offset, found.log_offset) == (sent[40].log_offset, sent[40].log_offset)
    assert f"{sent[40].size} bytes are no sound record" in found.said


def test_a_body_names_its_message() -> None:
    disk, sent = stopped()
    flip(disk, sent[41].log_offset + BODY_AT)
    (found,) = findings(disk)
    assert (found.topic, found.queue_id, found.queue_offset) == ("T", 1, 20)


@pytest.mark.parametrize(("mask", "says"), [(0x40, 84), (0x01, 21), (0x04, 16)])
def test_a_record_that_lies_about_its_queue_offset_is_damage(mask: int, says: int) -> None:
    disk, sent = stopped()
    flip(disk, sent[40].log_offset + QUEUE_OFFSET_AT + 7, mask)
    first = findings(disk)[0]
    assert (first.severity, first.log_offset, first.queue_offset) == (Severity.DAMAGE, sent[40].log_offset, says)


def test_a_record_that_names_no_possible_queue_is_damage() -> None:
    disk, sent = stopped()
    flip(disk, sent[40].log_offset + 12, 0x80)
    assert [(one.severity, one.queue_offset) for one in findings(disk)] == [
        (Severity.DAMAGE, None), (Severity.DERIVED, 20),
    ]  # fmt: skip


def test_a_store_time_that_goes_back_is_noticed() -> None:
    disk, sent = stopped()
    flip(disk, sent[40].log_offset + 61, 0x01)
    (found,) = [one for one in findings(disk) if one.severity is Severity.NOTICE]
    assert (found.path, found.log_offset) == (FILES.format(0), sent[40].log_offset)
    assert "65535 ms before the record in front of it" in found.said


def test_a_missing_log_file_is_damage() -> None:
    disk, _ = stopped()
    disk.remove(FILES.format(16_384))
    found = findings(disk)
    assert (str(found[0].severity), found[0].path) == ("damage", FILES.format(32_768))
    assert "begins at 32768, the file before it ends at 16384" in found[0].said


def test_a_log_that_ends_below_its_watermark_is_damage() -> None:
    disk, _ = stopped()
    disk.remove(FILES.format(32_768))
    by_path = {one.path: one for one in findings(disk) if one.severity is Severity.DAMAGE}
    assert set(by_path) == {"checkpoint", "durable"}
    assert "but it ends at 32768" in by_path["durable"].said


def test_a_torn_end_is_noticed_after_a_kill_and_damage_after_an_orderly_stop() -> None:
    for made, severity in ((killed, Severity.NOTICE), (stopped, Severity.DAMAGE)):
        disk, sent = made()
        disk.remove("durable")
        flip(disk, sent[-1].log_offset + BODY_AT)
        (found,) = [one for one in findings(disk) if one.path == FILES.format(32_768)]
        assert (found.severity, found.log_offset) == (severity, sent[-1].log_offset)
        assert "body CRC" in found.said


def test_bytes_behind_the_end_of_the_log_are_noticed() -> None:
    disk, _ = stopped()
    put(disk, FILES.format(32_768), 16_000, b"x")
    (found,) = findings(disk)
    assert (found.severity, found.file_offset) == (Severity.NOTICE, 16_000)


def test_zeros_in_the_log_are_damage_and_no_fault_of_the_queues() -> None:
    disk, _ = stopped()
    zero(disk, 4096, 8192)
    found = findings(disk)
    assert {one.severity for one in found} == {Severity.DAMAGE}
    assert all(one.path == FILES.format(0) for one in found)


@pytest.mark.parametrize(
    ("at", "said"),
    [(7, "says 203 bytes at"), (11, "says 202 bytes, the record has 203"), (19, "says tags code 1")],
)
def test_an_entry_that_is_not_its_records_is_a_derived_fault(at: int, said: str) -> None:
    disk, sent = stopped()
    size = sent[40].size
    file = disk.open(QUEUE.format(400))
    file.pwrite(at, bytes([file.pread(at, 1)[0] ^ 1]))
    (found,) = findings(disk)
    assert briefly([found]) == [("derived", QUEUE.format(400), 0)]
    assert (found.topic, found.queue_id, found.queue_offset, found.log_offset) == ("T", 0, 20, sent[40].log_offset)
    assert said.replace("203", str(size)).replace("202", str(size ^ 1)) in found.said
    assert "fsck --repair" in found.remedy


def test_entries_that_are_missing_are_one_finding() -> None:
    disk, _ = stopped()
    put(disk, QUEUE.format(400), 40, bytes(60))
    (found,) = findings(disk)
    assert briefly([found]) == [("derived", QUEUE.format(400), 40)]
    assert "3 of the log's records have no entry here: queue offsets 22 to 24" in found.said


def test_a_queue_file_that_is_missing_is_a_derived_fault() -> None:
    for start, missing in ((0, "queue offsets 0 to 9"), (400, "queue offsets 20 to 29"), (2200, "110 to 114")):
        disk, _ = stopped()
        disk.remove(QUEUE.format(start))
        found = findings(disk)
        assert {one.severity for one in found} == {Severity.DERIVED}
        assert any(missing in one.said for one in found), found


def test_a_queue_file_of_a_wrong_size_is_a_derived_fault() -> None:
    disk, _ = stopped()
    put(disk, QUEUE.format(400), 200, b"x")
    assert [one.severity for one in findings(disk) if "more than the file size" in one.said] == [Severity.DERIVED]


def test_entries_without_records_are_told_with_their_reach() -> None:
    disk, sent = stopped()
    end = sent[-1].log_offset_end
    put(disk, QUEUE.format(2200), 100, end.to_bytes(8, "big") + bytes([0, 0, 0, 9]) + bytes(8))
    (found,) = findings(disk)
    assert briefly([found]) == [("derived", QUEUE.format(2200), 100)]
    assert "1 entries point behind the log's end: queue offsets 115 to 115" in found.said


def test_stray_bytes_behind_the_last_entry_are_found() -> None:
    disk, _ = stopped()
    put(disk, QUEUE.format(2200), 199, b"x")
    (found,) = findings(disk)
    assert briefly([found]) == [("derived", QUEUE.format(2200), 180)]


def test_fillers_where_damage_was_are_only_noticed() -> None:
    disk, sent = stopped()
    put(disk, "abort", 0, b"")
    disk.remove("checkpoint")
    flip(disk, sent[40].log_offset + BODY_AT)
    store, report = reopened(disk)
    assert len(report.damage) == 1
    store.close()
    found = findings(disk)
    assert [one.severity for one in found] == [Severity.DAMAGE, Severity.NOTICE]
    assert "1 queue offsets stand for no message: queue offsets 20 to 20" in found[1].said


def test_a_deleted_topic_is_only_noticed_unless_its_topic_still_exists() -> None:
    disk, _ = stopped()
    disk.remove_tree("consumequeue/T")
    (found,) = findings(disk)
    assert (found.severity, found.topic, found.path) == (Severity.NOTICE, "T", "consumequeue/T")
    assert "the log has 230 records of it, the first at 0" in found.said
    put_table(disk, "topics", b'{"topicConfigTable":{"T":{}}}')
    assert [one.severity for one in findings(disk)] == [Severity.DERIVED]


def test_a_topic_made_again_is_no_fault() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    send(store, 30)
    store.delete_topic("T")
    send(store, 50)
    store.close()
    assert [(one.severity, one.queue_id, one.said[:33]) for one in findings(disk)] == [
        (Severity.NOTICE, queue_id, "15 records in the log are older t") for queue_id in (0, 1)
    ]


def put_table(disk: MemoryDisk, name: str, content: bytes) -> None:
    disk.mkdirs("config")
    put(disk, f"config/{name}.json", 0, content)


def test_a_table_that_cannot_be_read_is_damage() -> None:
    disk, _ = stopped()
    put_table(disk, "topics", b"{")
    put(disk, "config/empty.json", 0, b"")
    put(disk, "config/topics.json.corrupt", 0, b"")
    put(disk, "config/lone.json.bak", 0, b"{}")
    put(disk, "config/old.json", 0, b"{}")
    put(disk, "config/old.json.bak", 0, b"}")
    assert [(str(one.severity), one.path.removeprefix("config/")) for one in findings(disk)] == [
        ("damage", "empty.json"), ("damage", "lone.json"), ("notice", "old.json.bak"), ("damage", "topics.json"),
        ("notice", "topics.json.corrupt"),
    ]  # fmt: skip
    put(disk, "config/topics.json.bak", 0, b"{}")
    (found,) = [one for one in findings(disk) if one.path == "config/topics.json"]
    assert found.remedy == "the next start reads config/topics.json.bak instead"


def test_offsets_beyond_their_queues_are_damage_after_an_orderly_stop() -> None:
    disk, _ = stopped()
    put_table(disk, "consumerOffset", b'{"offsetTable":{"T@g":{0:115,1:116},"gone@g":{0:7}}}')
    put_table(disk, "delayOffset", b'{"offsetTable":{1:0,2:5}}')
    assert [(str(one.severity), one.path, one.topic, one.queue_id, one.queue_offset) for one in findings(disk)] == [
        ("damage", "config/consumerOffset.json", "T", 1, 116),
        ("notice", "config/consumerOffset.json", "gone", 0, 7),
        ("damage", "config/delayOffset.json", "SCHEDULE_TOPIC_XXXX", 1, 5),
    ]
    put(disk, "abort", 0, b"")
    assert {one.severity for one in findings(disk)} == {Severity.NOTICE}


@pytest.mark.parametrize("seed", range(12))
def test_a_flipped_bit_is_found_or_harmless(seed: int) -> None:
    """Harmless: every message is served as before, at its place and under its key, and the tables can be read.

    No checksum covers a record's flag, times, hosts, reconsume times, transaction offset and those properties that are
    neither TAGS nor keys, nor a table that stays JSON: those may change unseen.
    """
    rng = random.Random(seed)
    clean, _ = stopped()
    expected = served(reopened(stopped()[0])[0])
    everywhere = paths(clean)
    for _ in range(25):
        disk, _ = stopped()
        path = rng.choice(everywhere)
        file = disk.open(path)
        at, mask = rng.randrange(file.size), 1 << rng.randrange(8)
        file.pwrite(at, bytes([file.pread(at, 1)[0] ^ mask]))
        if findings(disk):
            continue
        store, report = reopened(disk)
        assert not report.damage, (seed, path, at, mask)
        assert served(store) == expected, (seed, path, at, mask)
        assert all(found_by_key(store, place) == [log_offset] for place, log_offset in expected.items())
        assert store.log.last_store_timestamp >= T0
