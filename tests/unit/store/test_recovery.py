"""A store opens whatever happened to it, and goes on where it ended."""

import random
from dataclasses import replace

import pytest
from expiry import drop_before
from store_life import (
    SIZES,
    T0,
    flip,
    found_by_key,
    places,
    reopened,
    save,
    send,
    served,
    zero,
)

from pocketmq.protocol.record import NewMessage
from pocketmq.store.checkpoint import Checkpoint, load_checkpoint, load_durable_offset, save_checkpoint
from pocketmq.store.message_store import StoreSizes
from pocketmq.store.placing import DISPATCHES_PER_TURN
from pocketmq.store.recovery import PROGRESS_BYTES, Recovery, open_store
from pocketmq.testing.faulty_disk import Fault, FaultyDisk, PowerCut
from pocketmq.testing.memory_disk import MemoryDisk

# ------------------------------------------------------------------------------------------ new, clean, killed


def test_an_empty_disk_is_a_new_store() -> None:
    disk = MemoryDisk()
    store, report = open_store(disk, SIZES, T0, b"4711")
    assert report == Recovery(was_clean=True)
    assert disk.open("abort").pread(0, 10) == b"4711"
    assert load_durable_offset(disk) == 0
    assert send(store, 3)[0][::2] == (0, 0)


def test_a_closed_store_opens_where_it_ended_and_looks_at_its_last_record_only() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 300)
    store.close()
    assert not disk.exists("abort")
    store, report = reopened(disk)
    assert (report.was_clean, report.records, report.damage, report.torn) == (True, 1, [], "")
    assert report.walked_from == sent[-1].log_offset
    assert store.log_max_offset == sent[-1].log_offset_end
    assert served(store) == places(sent)
    assert found_by_key(store, ("T", 1, 3)) == [sent[7].log_offset]
    more = send(store, 2)
    assert more[0].log_offset == sent[-1].log_offset_end
    assert more[0].queue_offset == 150


@pytest.mark.parametrize("is_flushed", [False, True])
def test_a_killed_store_serves_all_that_was_written(is_flushed: bool) -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 200)
    save(store)
    sent += send(store, 100)
    if is_flushed:
        store.write_derived()
    store, report = reopened(disk.crash_process())
    assert not report.was_clean
    assert report.records == 101
    assert served(store) == places(sent)
    for place, log_offset in places(sent).items():
        assert found_by_key(store, place) == [log_offset]


def test_many_records_are_derived_in_turns() -> None:
    sizes = StoreSizes(log_file_bytes=1 << 20, queue_file_bytes=20_000, index_slots=10, index_entries=50_000)
    disk = MemoryDisk()
    store, _ = open_store(disk, sizes, T0)
    for number in range(DISPATCHES_PER_TURN + 10):
        store.append(NewMessage("T", 0, b"%d" % number, b""), T0)
    store.write()
    store, report = open_store(disk.crash_process(), sizes, T0)
    assert report.records == store.max_offset("T", 0) == DISPATCHES_PER_TURN + 10


def test_what_is_recovered_is_durable() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 100)
    disk = disk.crash_process()
    reopened(disk)
    for seed in range(30):
        store, _ = reopened(disk.crash(random.Random(seed)))
        assert served(store) == places(sent)


def test_the_log_goes_on_after_a_blank_at_the_very_end() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 3, body_bytes=16_384 - 300)
    assert [one.log_offset for one in sent] == [0, 16_384, 32_768]
    store, report = reopened(disk.crash_process())
    assert report.log_end == sent[-1].log_offset_end
    assert send(store, 1, body_bytes=1000)[0].log_offset == 49_152
    store, report = reopened(disk)
    assert report.torn == ""


# ------------------------------------------------------------------------------------------------------ tails


def test_a_file_with_no_room_even_for_a_blank_is_full() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 20)
    end = sent[-1].log_offset_end
    tight = MemoryDisk()
    tight.mkdirs("commitlog")
    content = disk.open("commitlog/00000000000000000000").pread(0, end + 4)
    tight.open("commitlog/00000000000000000000", create=True).pwrite(0, content)
    store, report = reopened(tight, StoreSizes(end + 4, 200, 10, 50))
    assert report.log_end == end + 4
    assert served(store) == places(sent)
    assert send(store, 1)[0].log_offset == end + 4


@pytest.mark.parametrize("left", [0, 3, 4, 7, 8, 40, 87, 100, 130, -1])
def test_a_torn_last_record_is_cut_off_and_zeroed(left: int) -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 20)
    last = sent.pop()
    zero(disk, last.log_offset + left % last.size, last.log_offset_end)
    store, report = reopened(disk.crash_process())
    assert report.damage == []
    assert report.log_end == last.log_offset
    assert (report.torn == "") is (left in (0, 3))
    assert store.log.segments.read(last.log_offset, 1000) == bytes(1000)
    assert served(store) == places(sent)
    assert send(store, 20)[0].log_offset == last.log_offset


def test_a_page_lost_above_the_watermark_ends_the_log_there() -> None:
    """The log was promised to survive as a beginning: what lies behind a hole would be out of order."""
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 20)
    save(store)
    sent += send(store, 200)
    zero(disk, 8192, 12_288)
    store, report = reopened(disk.crash_process())
    kept = [one for one in sent if one.log_offset_end <= 8192]
    assert report.damage == []
    assert report.log_end == kept[-1].log_offset_end
    assert served(store) == places(kept)


@pytest.mark.parametrize("tail", range(1, 10))
@pytest.mark.parametrize("size", [255, 256, 65_535, 65_536, 70_000])
def test_a_lost_page_shows_by_the_last_bytes_that_are_a_records_first(tail: int, size: int) -> None:
    """Of a size some bytes are zeros anyway: then nothing was lost with them."""
    sizes = replace(SIZES, log_file_bytes=1 << 18)
    disk = MemoryDisk()
    store, _ = reopened(disk, sizes)
    empty = send(store, 1)[0].size - 50
    save(store)
    sent = send(store, 1, body_bytes=2 * 4096 - tail - store.log.end - empty)
    sent += send(store, 1, body_bytes=size - empty)
    start = sent[-1].log_offset
    assert (start, sent[-1].size) == (8192 - tail, size)
    sent += send(store, 5)
    lost = size.to_bytes(4, "big")[:tail].strip(b"\0")
    disk.open("commitlog/00000000000000000000").pwrite(start, bytes(tail))
    store, report = reopened(disk.crash_process(), sizes)
    assert report.damage == []
    assert report.log_end == (start if lost else sent[-1].log_offset_end)


@pytest.mark.parametrize("place", [2, 3, 4, 30, 100])
def test_rot_behind_zeros_that_lost_nothing_is_damage(place: int) -> None:
    """The first two bytes of a small record are zeros on whatever page they lie."""
    disk = MemoryDisk()
    store, _ = reopened(disk)
    empty = send(store, 1)[0].size - 50
    save(store)
    send(store, 1, body_bytes=4096 - 2 - store.log.end - empty)
    rotten = send(store, 1)[0]
    assert rotten.log_offset == 4094
    sent = send(store, 5)
    flip(disk, rotten.log_offset + place)
    store, report = reopened(disk.crash_process())
    assert [(damage.start, damage.end) for damage in report.damage] == [(rotten.log_offset, rotten.log_offset_end)]
    assert report.log_end == sent[-1].log_offset_end


def test_a_blank_of_the_wrong_length_is_not_believed() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 120)
    assert sent[-1].log_offset > 16_384
    last = max(one.log_offset_end for one in sent if one.log_offset < 16_384)
    flip(disk, last + 3)
    store, report = reopened(disk.crash_process())
    assert [(d.start, d.end) for d in report.damage] == [(last, 16_384)]
    assert served(store) == places(sent)


# --------------------------------------------------------------------------------------------- derived is gone


@pytest.mark.parametrize(
    ("gone", "clean"),
    [("consumequeue", True), ("consumequeue", False), ("index", True), ("index", False), ("consumequeue/T/1", False)],
)
def test_what_is_derived_is_built_again(gone: str, clean: bool) -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 300)
    save(store)
    if clean:
        store.close()
    else:
        sent += send(store, 10)
    disk.remove_tree(gone)
    store, report = reopened(disk)
    assert report.walked_from == 0
    assert report.damage == []
    assert served(store) == places(sent)
    for place, log_offset in places(sent).items():
        assert found_by_key(store, place) == [log_offset]


@pytest.mark.parametrize("offset", [1, 155, 999, 1 << 40, (1 << 63) - 1])
def test_a_checkpoint_that_lies_does_no_harm(offset: int) -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 300)
    save(store)
    sent += send(store, 10)
    save_checkpoint(disk, Checkpoint(queue_log_offset=offset))
    store, report = reopened(disk.crash_process())
    assert report.damage == []
    assert served(store) == places(sent)


def test_queues_that_outlive_their_log_end_where_it_ends() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    send(store, 50)
    store.close()
    disk.remove_tree("commitlog")
    store, report = reopened(disk)
    assert report.log_end == 0
    assert served(store) == {}
    sent = send(store, 10)
    assert served(store) == places(sent)


def test_expired_records_leave_the_queues_where_they_were() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 400)
    save(store)
    drop_before(store.log.segments, 32_768)
    kept = {place: at for place, at in places(sent).items() if at >= 32_768}
    for folder in (None, "consumequeue"):
        if folder is not None:
            disk.remove_tree(folder)
        store, report = reopened(disk.crash_process())
        assert report.damage == []
        assert served(store) == kept
        for queue_id in (0, 1):
            assert store.min_offset("T", queue_id) == min(place[2] for place in kept if place[1] == queue_id)
            assert store.max_offset("T", queue_id) == 200


def test_entries_before_a_queues_first_message_are_javas_fillers() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 400)
    save(store)
    drop_before(store.log.segments, 32_768)
    disk.remove_tree("consumequeue")
    store, _ = reopened(disk)
    first = min(place[2] for place, at in places(sent).items() if at >= 32_768 and place[1] == 0)
    name = disk.listdir("consumequeue/T/0")[0]
    assert int(name) == first // 10 * 200
    filler = (0).to_bytes(8, "big") + (0x7FFFFFFF).to_bytes(4, "big") + (0).to_bytes(8, "big")
    assert disk.open(f"consumequeue/T/0/{name}").pread(0, first % 10 * 20) == filler * (first % 10)


# ------------------------------------------------------------------------------------- recovery is cut off itself


def test_a_long_recovery_that_is_cut_off_goes_on_where_it_was() -> None:
    sizes = StoreSizes(log_file_bytes=16 << 20, queue_file_bytes=200_000, index_slots=10, index_entries=1000)
    disk = MemoryDisk()
    store, _ = open_store(disk, sizes, T0)
    body = bytes(3 << 20)
    count = 0
    while store.log.end < PROGRESS_BYTES + (40 << 20):
        store.append(NewMessage("T", 0, body, b""), T0)
        store.write()
        count += 1
    end = store.log.end
    disk = disk.crash_process()
    faulty = FaultyDisk(
        disk, Fault("truncate", effect=PowerCut, path="commitlog"), Fault("create", nth=4, effect=PowerCut)
    )
    with pytest.raises(PowerCut):
        open_store(faulty, sizes, T0)
    saved = load_checkpoint(disk).queue_log_offset
    assert PROGRESS_BYTES <= saved < PROGRESS_BYTES + (8 << 20)
    store, report = open_store(disk.crash_process(), sizes, T0)
    assert report.walked_from >= saved - (4 << 20)
    assert report.log_end == end
    assert store.max_offset("T", 0) == count


@pytest.mark.parametrize("call", ["sync", "truncate", "pwrite", "fsync_dir", "pread"])
def test_an_error_of_the_disk_is_not_swallowed(call: str) -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    send(store, 50)
    zero(disk, store.log.end - 5, store.log.end)
    faulty = FaultyDisk(disk.crash_process(), Fault(call, lasting=True))
    with pytest.raises(OSError, match="Input/output"):
        open_store(faulty, SIZES, T0)
