"""Damage in the log costs the records that it hit, none beside them, and is reported."""

import random

import pytest
from store_life import (
    BODY_AT,
    FILES,
    QUEUE_ID_AT,
    QUEUE_OFFSET_AT,
    T0,
    flip,
    found_by_key,
    places,
    reopened,
    save,
    send,
    served,
    sync,
    without,
    zero,
)

from pocketmq.protocol.record import NewMessage
from pocketmq.store.message_store import MessageStore, StoreSizes
from pocketmq.store.recovery import open_store
from pocketmq.testing.memory_disk import MemoryDisk


@pytest.mark.parametrize("synced", [True, False])
def test_a_flipped_bit_in_a_body_costs_that_message(synced: bool) -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 100)
    if synced:
        sync(store)
    flip(disk, sent[40].log_offset + BODY_AT + 20)
    store, report = reopened(disk.crash_process())
    assert [(d.start, d.end, d.reason) for d in report.damage] == [
        (sent[40].log_offset, sent[41].log_offset, "body CRC")
    ]
    assert served(store) == without(sent, 40)
    assert send(store, 2)[0].queue_offset == 50


@pytest.mark.parametrize(
    ("at", "mask"), [(1, 0x10), (3, 0x01), (4, 0x80), (28, 0x01), (35, 0x01), (84, 0x80), (87, 0x02)]
)
def test_a_flipped_bit_in_a_header_costs_that_message(at: int, mask: int) -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 100)
    sync(store)
    flip(disk, sent[40].log_offset + at, mask)
    store, report = reopened(disk.crash_process())
    assert [(d.start, d.end) for d in report.damage] == [(sent[40].log_offset, sent[41].log_offset)]
    assert served(store) == without(sent, 40)
    assert send(store, 2)[0].queue_offset == 50


def test_many_damaged_records_cost_only_themselves() -> None:
    rng = random.Random(4)
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 400)
    damaged = rng.sample(range(399), 40)
    for number in damaged:
        flip(disk, sent[number].log_offset + rng.randrange(BODY_AT, BODY_AT + 50))
    store, report = reopened(disk.crash_process())
    starts = {sent[number].log_offset for number in damaged}
    assert {d.start for d in report.damage} <= starts
    assert all(any(d.start <= start < d.end for d in report.damage) for start in starts)
    assert served(store) == without(sent, *damaged)


def test_a_flipped_queue_offset_costs_that_message() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 100)
    flip(disk, sent[40].log_offset + QUEUE_OFFSET_AT + 6, 0x40)
    store, report = reopened(disk.crash_process())
    assert [(d.start, d.reason) for d in report.damage] == [(sent[40].log_offset, "queue offset 16404, expected 20")]
    assert served(store) == without(sent, 40)


def test_a_flipped_queue_offset_that_is_taken_costs_that_message() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 100)
    flip(disk, sent[40].log_offset + QUEUE_OFFSET_AT + 7, 0x04)
    store, report = reopened(disk.crash_process())
    assert [(d.start, d.reason) for d in report.damage] == [
        (sent[40].log_offset, "queue offset 16 is taken, expected 20")
    ]
    assert served(store) == without(sent, 40)


@pytest.mark.parametrize("queue_id", [0x80, 0x00])
def test_a_record_that_names_no_possible_queue_costs_itself(queue_id: int) -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 100)
    if queue_id:
        flip(disk, sent[40].log_offset + QUEUE_ID_AT, queue_id)
    else:
        flip(disk, sent[40].log_offset + BODY_AT + 50 + 1, ord("T") ^ ord("/"))
    store, report = reopened(disk.crash_process())
    assert [d.reason for d in report.damage] == ["topic or queue id"]
    assert served(store) == without(sent, 40)


def test_zeros_below_the_watermark_are_damage_and_the_log_goes_on() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 300)
    sync(store)
    store.save_progress(0)
    zero(disk, 4096, 8192)
    store, report = reopened(disk.crash_process())
    lost = [n for n, one in enumerate(sent) if one.log_offset_end > 4096 and one.log_offset < 8192]
    assert [(d.start, d.end) for d in report.damage] == [(sent[lost[0]].log_offset, sent[lost[-1] + 1].log_offset)]
    assert served(store) == without(sent, *lost)
    assert send(store, 2)[0].queue_offset == 150


def test_a_missing_file_below_the_watermark_is_damage() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 400)
    save(store)
    store.save_progress(0)
    disk.remove(FILES.format(16_384))
    store, report = reopened(disk.crash_process())
    lost = [n for n, one in enumerate(sent) if 16_384 <= one.log_offset < 32_768]
    assert [(d.start, d.end) for d in report.damage] == [(16_384, 32_768)]
    assert served(store) == without(sent, *lost)


def test_damage_at_the_end_below_the_watermark_keeps_the_places_of_what_was_there() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 100)
    save(store)
    store.save_progress(0)
    flip(disk, sent[-1].log_offset + BODY_AT)
    store, report = reopened(disk.crash_process())
    assert [(d.start, d.end) for d in report.damage] == [(sent[-1].log_offset, sent[-1].log_offset_end)]
    assert report.torn == ""
    assert served(store) == without(sent, 99)
    more = send(store, 2)
    assert more[0].log_offset == sent[-1].log_offset_end
    assert [one.queue_offset for one in more] == [50, 50]
    assert served(store) == without(sent, 99) | {("T", 0, 50): more[0].log_offset, ("T", 1, 50): more[1].log_offset}


def test_what_lies_below_the_checkpoint_is_not_read_again() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 100)
    save(store)
    flip(disk, sent[40].log_offset + BODY_AT)
    store, report = reopened(disk.crash_process())
    assert report.damage == []
    assert report.walked_from == sent[99].log_offset


def test_a_damaged_last_trusted_record_sends_the_walk_to_the_start_of_its_file() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 300)
    save(store)
    sent += send(store, 10)
    flip(disk, sent[299].log_offset + BODY_AT)
    store, report = reopened(disk.crash_process())
    assert report.walked_from == sent[299].log_offset // 16_384 * 16_384
    assert [d.start for d in report.damage] == [sent[299].log_offset]
    assert len(served_places(store)) == 310


def served_places(store: MessageStore) -> list[int]:
    return [
        entry.log_offset
        for queue_id in store.queues("T")
        for offset in range(store.max_offset("T", queue_id))
        if (entry := store.entry("T", queue_id, offset)) is not None
    ]


def without_watermark(disk: MemoryDisk) -> MemoryDisk:
    """As Java leaves a store."""
    disk.remove("durable")
    return disk


def test_without_a_watermark_no_sound_record_is_given_up() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 300)
    zero(disk, 8192, 12_288)
    store, report = reopened(without_watermark(disk.crash_process()))
    lost = [n for n, one in enumerate(sent) if one.log_offset_end > 8192 and one.log_offset < 12_288]
    assert [(d.start, d.end) for d in report.damage] == [(sent[lost[0]].log_offset, sent[lost[-1] + 1].log_offset)]
    assert served(store) == without(sent, *lost)


def test_entries_of_a_record_torn_below_the_checkpoint_are_forgotten() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 100)
    save(store)
    zero(disk, sent[98].log_offset + 60, sent[99].log_offset_end)
    store, report = reopened(without_watermark(disk.crash_process()))
    assert report.log_end == sent[98].log_offset
    assert served(store) == without(sent, 98, 99)
    assert found_by_key(store, ("T", 0, 49)) == []
    assert [one.queue_offset for one in send(store, 2)] == [49, 49]


@pytest.mark.parametrize(("mask", "believed"), [(0x04, True), (0x40, False)])
def test_a_queues_last_record_is_believed_if_the_gap_before_it_is_small(mask: int, believed: bool) -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 100)
    flip(disk, sent[99].log_offset + QUEUE_OFFSET_AT + (7 if believed else 6), mask)
    store, report = reopened(disk.crash_process())
    assert len(report.damage) == (0 if believed else 1)
    assert store.max_offset("T", 0) == 50
    assert store.max_offset("T", 1) == (54 if believed else 49)


def test_a_flipped_topic_moves_one_record_and_the_next_keeps_its_place() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 100)
    flip(disk, sent[40].log_offset + BODY_AT + 50 + 1, ord("T") ^ ord("U"))
    store, report = reopened(disk.crash_process())
    assert report.damage == []
    places_of_t = {place: at for place, at in without(sent, 40).items() if place != ("T", 0, 20)}
    for (topic, queue_id, queue_offset), at in places_of_t.items():
        entry = store.entry(topic, queue_id, queue_offset)
        assert entry is not None
        assert entry.log_offset == at
    assert send(store, 1)[0].queue_offset == 50


def test_two_records_that_lie_one_behind_the_other_cost_themselves() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 100)
    for number in (40, 42):
        flip(disk, sent[number].log_offset + QUEUE_OFFSET_AT + 5, number)
    store, report = reopened(disk.crash_process())
    assert [d.start for d in report.damage] == [sent[40].log_offset, sent[42].log_offset]
    assert served(store) == without(sent, 40, 42)


@pytest.mark.parametrize("synced", [True, False])
def test_each_of_several_damaged_records_in_a_row_is_named(synced: bool) -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 100)
    if synced:
        sync(store)
    for number in (40, 41, 42):
        flip(disk, sent[number].log_offset + BODY_AT + 20)
    flip(disk, sent[43].log_offset + 4, 0x80)
    store, report = reopened(disk.crash_process())
    assert [(d.start, d.end) for d in report.damage] == [
        (sent[number].log_offset, sent[number + 1].log_offset) for number in (40, 41, 42, 43)
    ]
    assert [d.known and (d.known.topic, d.known.queue_id, d.known.queue_offset) for d in report.damage] == [
        (b"T", 0, 20),
        (b"T", 1, 20),
        (b"T", 0, 21),
        None,
    ]
    assert served(store) == without(sent, 40, 41, 42, 43)


def test_damage_of_hidden_records_leaves_no_gap() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 10)
    hidden = store.append(NewMessage("T", 0, b"half" * 10, b"", sys_flag=4), T0)
    sent += send(store, 10)
    flip(disk, hidden.log_offset + BODY_AT)
    store, report = reopened(disk.crash_process())
    assert [d.start for d in report.damage] == [hidden.log_offset]
    assert served(store) == places(sent)


@pytest.mark.parametrize("is_damaged", [False, True])
def test_records_of_many_pages_are_read_whole(is_damaged: bool) -> None:
    sizes = StoreSizes(log_file_bytes=16 << 20, queue_file_bytes=200, index_slots=10, index_entries=50)
    disk = MemoryDisk()
    store, _ = open_store(disk, sizes, T0)
    sent = send(store, 6, body_bytes=3 << 20)
    if is_damaged:
        file = disk.open(FILES.format(0))
        file.pwrite(sent[2].log_offset + (2 << 20), b"?")
    store, report = open_store(disk.crash_process(), sizes, T0)
    assert [(d.start, d.end) for d in report.damage] == (
        [(sent[2].log_offset, sent[3].log_offset)] if is_damaged else []
    )
    assert served(store) == (without(sent, 2) if is_damaged else places(sent))


def test_a_size_that_no_message_has_costs_only_the_record_that_claims_it() -> None:
    sizes = StoreSizes(log_file_bytes=1 << 30, queue_file_bytes=200, index_slots=10, index_entries=50)
    disk = MemoryDisk()
    store, _ = open_store(disk, sizes, T0)
    sent = send(store, 10)
    sync(store)
    disk.open(FILES.format(0)).pwrite(sent[4].log_offset, b"\x3f")
    store, report = open_store(disk.crash_process(), sizes, T0)
    assert [(d.start, d.end) for d in report.damage] == [(sent[4].log_offset, sent[5].log_offset)]
    assert served(store) == without(sent, 4)


def test_a_store_of_light_queues_keeps_their_entries() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 20)
    light = store.queue("%LMQ%a", 0)
    for number, one in enumerate(sent[:5]):
        light.put(number, one.log_offset, one.size, 0)
    light.write()
    store, _ = reopened(disk.crash_process())
    assert store.max_offset("%LMQ%a", 0) == 5
    assert {key: at for key, at in served_any(store).items() if key[0] == "T"} == places(sent)


def served_any(store: MessageStore) -> dict[tuple[str, int, int], int]:
    return {
        (topic, queue_id, offset): entry.log_offset
        for topic in store.topics()
        for queue_id in store.queues(topic)
        for offset in range(store.max_offset(topic, queue_id))
        if (entry := store.entry(topic, queue_id, offset)) is not None
    }
