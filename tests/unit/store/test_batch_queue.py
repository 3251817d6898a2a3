"""A queue of batches: units in memory and in files, and every question that is asked of a queue."""

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_life import SIZES, T0

from pocketmq.model.errors import Refusal
from pocketmq.protocol.record import NewMessage, inner_count
from pocketmq.store.batch_queue import UNIT_BYTES, BatchQueue, Unit, pack_units, unpack_units
from pocketmq.store.commit_log import Dispatch
from pocketmq.store.consume_queue import Entry, unpack_entries
from pocketmq.store.inner_batch import append_inner_batch
from pocketmq.store.message_store import Found, MessageStore
from pocketmq.store.queue_kinds import put_all_kinds
from pocketmq.store.segments import DescriptorCache
from pocketmq.testing.faulty_disk import Fault, FaultyDisk
from pocketmq.testing.memory_disk import MemoryDisk

SMALL = replace(SIZES, batch_queue_file_bytes=4 * UNIT_BYTES)
COUNTS = (1, 3, 2, 1, 4, 1, 1, 5, 2, 1)
"""Messages of ten records; their first offsets are 0, 1, 4, 6, 7, 11, 12, 13, 18, 20, and the end is 21."""
FIRSTS = [sum(COUNTS[:index]) for index in range(len(COUNTS))]
END = sum(COUNTS)


def record(index: int) -> Unit:
    return Unit(1000 * index, 100 + index, index % 3, T0 + 10 * (index // 2), FIRSTS[index], COUNTS[index])


def dispatch_of(queue: BatchQueue, unit: Unit) -> Dispatch:
    place = (queue, unit.first_offset, unit.log_offset, unit.size)
    return (*place, unit.tags_code, unit.store_timestamp, b"B", b"", b"")


def put_one(queue: BatchQueue, unit: Unit) -> None:
    dispatch = dispatch_of(queue, unit)
    if unit.message_count > 1:
        queue.expect(dispatch, unit.message_count)
    queue.put_dispatch(dispatch)


def put(queue: BatchQueue, *indexes: int) -> None:
    for index in indexes:
        put_one(queue, record(index))


def new_queue(disk: MemoryDisk | FaultyDisk, file_bytes: int = 4 * UNIT_BYTES) -> BatchQueue:
    return BatchQueue(disk, "B", 3, file_bytes, DescriptorCache())


@pytest.fixture(params=[0, 1, 4, 7, 10], ids=lambda count: f"{count}-written")
def queue(request: pytest.FixtureRequest) -> BatchQueue:
    """All ten records, of which some have been written."""
    queue = new_queue(MemoryDisk())
    put(queue, *range(request.param))
    queue.write()
    put(queue, *range(request.param, 10))
    return queue


def test_a_queue_that_was_never_put_to_has_no_first_offset() -> None:
    queue = new_queue(MemoryDisk())
    assert (queue.min_offset, queue.max_offset, queue.next_offset) == (-1, 0, 0)
    assert queue.entry(0) is None
    assert queue.entries(0, 10) == []
    assert queue.offset_by_time(T0, upper=False) == 0
    assert queue.write() == (0, 0)


def test_an_offset_is_found_in_the_record_that_holds_it(queue: BatchQueue) -> None:
    assert (queue.min_offset, queue.max_offset, queue.next_offset) == (0, END, END)
    for offset in range(END):
        index = max(index for index in range(10) if FIRSTS[index] <= offset)
        assert queue.unit(offset) == record(index)
        assert queue.entry(offset) == Entry(*record(index)[:3])
    assert queue.entry(END) is None


def test_the_bytes_of_a_range_are_those_of_the_units_that_touch_it(queue: BatchQueue) -> None:
    assert queue.raw(0, END) == pack_units(record(index) for index in range(10))
    assert queue.raw(2, 5) == pack_units(record(index) for index in (1, 2, 3))
    assert queue.raw(3, 1) == pack_units([record(1)])
    assert queue.raw(END, 9) == b""
    assert [entry.size for entry in queue.entries(11, 2)] == [105, 106]


def test_writing_counts_messages_and_bytes_and_fills_files() -> None:
    disk = MemoryDisk()
    queue = new_queue(disk)
    put(queue, *range(6))
    assert queue.written_offset == 0
    assert queue.write() == (sum(COUNTS[:6]), sum(record(index).size for index in range(6)))
    assert queue.written_offset == 6
    assert queue.segments.names() == [f"{0:020d}", f"{4 * UNIT_BYTES:020d}"]
    content = disk.open(f"batchconsumequeue/B/3/{4 * UNIT_BYTES:020d}").pread(0, 4 * UNIT_BYTES)
    assert content == pack_units([record(4), record(5)]).ljust(4 * UNIT_BYTES, b"\0")
    assert [target.path for target in queue.sync_targets()][:2] == [
        f"batchconsumequeue/B/3/{0:020d}",
        f"batchconsumequeue/B/3/{4 * UNIT_BYTES:020d}",
    ]


def test_a_file_size_is_rounded_up_to_whole_units() -> None:
    assert new_queue(MemoryDisk(), 3 * UNIT_BYTES + 1).segments.segment_size == 4 * UNIT_BYTES
    assert new_queue(MemoryDisk(), 3 * UNIT_BYTES).segments.segment_size == 3 * UNIT_BYTES


def test_what_could_not_be_written_is_written_later() -> None:
    disk = FaultyDisk(MemoryDisk(), Fault("pwrite", nth=2))
    queue = new_queue(disk)
    put(queue, *range(6))
    with pytest.raises(OSError, match="output error"):
        queue.write()
    assert queue.unit(20) is None
    assert queue.unit(5) == record(2)
    assert queue.write()[0] == sum(COUNTS[:6])
    assert queue.raw(0, END) == pack_units(record(index) for index in range(6))


def test_a_unit_that_is_there_is_left_and_lost_messages_leave_a_gap() -> None:
    queue = new_queue(MemoryDisk())
    put(queue, 0, 1, 1, 0, 4)
    assert queue.max_offset == FIRSTS[5]
    assert [unit.first_offset for unit in unpack_units(queue.raw(0, END))] == [0, 1, 7]
    assert queue.entry(5) is None
    assert queue.select(4, 10, 1 << 20, None, 0).next_offset == FIRSTS[5]


def test_an_expected_count_belongs_to_one_record_only() -> None:
    queue = new_queue(MemoryDisk())
    first, second, third, fourth = (
        dispatch_of(queue, Unit(log_offset, 10, 0, T0, first_offset, 1))
        for log_offset, first_offset in ((50, 0), (100, 1), (200, 3), (300, 4))
    )
    queue.expect(dispatch_of(queue, Unit(100, 10, 0, T0, 1, 1)), 5)
    queue.expect(dispatch_of(queue, Unit(200, 10, 0, T0, 3, 1)), 7)
    queue.expect(second, 2)  # The log took both back and appended others.
    queue.put_dispatch(first)
    queue.put_dispatch(second)
    queue.put_dispatch(third)
    queue.expect(dispatch_of(queue, Unit(300, 10, 0, T0, 4, 1)), 9)
    queue.put_dispatch(fourth)
    assert [unit.message_count for unit in unpack_units(queue.raw(0, 10))] == [1, 2, 1, 1]


# ------------------------------------------------------------------------------------------------------- selecting


def taken(queue: BatchQueue, start: int, count_max: int = 100, bytes_max: int = 1 << 20, **more: object) -> list[int]:
    """Indexes of the records, and last the offset to go on from."""
    codes = more.get("codes")
    selection = queue.select(start, count_max, bytes_max, codes, int(str(more.get("log_offset_min", 0))))
    found = [entry.log_offset // 1000 for entry in unpack_entries(selection.entries)]
    assert selection.bytes == sum(record(index).size for index in found)
    return [*found, selection.next_offset]


def test_a_pull_gets_whole_records_as_many_as_fit(queue: BatchQueue) -> None:
    assert taken(queue, 0) == [*range(10), END]
    assert taken(queue, 2, 3) == [1, 4]
    assert taken(queue, 0, 4) == [0, 1, 4]
    assert taken(queue, 0, 5) == [0, 1, 4]
    assert taken(queue, 0, 6) == [0, 1, 2, 6]
    assert taken(queue, 7, 1) == [4, 11]
    assert taken(queue, 0, 100, 201) == [0, 1, 4]
    assert taken(queue, 0, 100, 200) == [0, 1]
    assert taken(queue, 0, 100, 1) == [0, 1]
    assert taken(queue, 20, 32) == [9, END]


def test_a_pull_by_tags_passes_over_what_does_not_match(queue: BatchQueue) -> None:
    assert taken(queue, 0, codes={1}) == [1, 4, 7, END]
    assert taken(queue, 0, codes={77}) == [END]
    assert taken(queue, 0, 3, codes={2}) == [2, 7]
    assert taken(queue, 0, log_offset_min=4500) == [5, 6, 7, 8, 9, END]


def test_pulls_that_go_on_find_all_records_once(queue: BatchQueue) -> None:
    for count_max in range(1, 8):
        offset, found = 0, []
        while offset < END:
            *some, offset = taken(queue, offset, count_max)
            found += some
        assert found == list(range(10))
    assert taken(queue, 4, 1) == [2, 6]
    put_back = taken(queue, 0, 1)
    assert put_back == [0, 1]


def test_a_filter_looks_as_far_as_java_lets_it() -> None:
    queue = new_queue(MemoryDisk(), 1000 * UNIT_BYTES)
    for number in range(500):
        put_one(queue, Unit(number * 10, 10, 0, T0, number, 1))
    assert queue.select(0, 10, 1 << 20, {1}, 0).next_offset == 348
    assert queue.select(0, 400, 1 << 20, {1}, 0).next_offset == 400
    queue.write()
    assert queue.select(100, 10, 1 << 20, {1}, 0).next_offset == 448


# ------------------------------------------------------------------------------------------------------------ time


def test_a_time_leads_to_the_first_offset_of_a_record(queue: BatchQueue) -> None:
    """Records 2 n and 2 n + 1 were stored at T0 + 10 n."""
    lower = {-1: 0, 0: 0, 1: 2, 10: 2, 15: 4, 40: 8, 41: 9, 1000: 9}
    upper = {-1: 0, 0: 1, 9: 1, 10: 3, 39: 7, 40: 9, 1000: 9}
    for after, index in lower.items():
        assert queue.offset_by_time(T0 + after, upper=False) == FIRSTS[index], after
    for after, index in upper.items():
        assert queue.offset_by_time(T0 + after, upper=True) == FIRSTS[index], after


# -------------------------------------------------------------------------------------------- cutting and trimming


@pytest.mark.parametrize("kept", range(11))
def test_what_is_cut_is_gone_from_memory_and_disk(queue: BatchQueue, kept: int) -> None:
    written = queue.written_offset
    queue.cut(kept)
    assert queue.written_offset == min(kept, written)
    assert queue.segments.read(kept * UNIT_BYTES, 1 << 10).strip(b"\0") == b""
    assert queue.raw(0, END) == pack_units(record(index) for index in range(kept))
    assert queue.max_offset == queue.next_offset == (FIRSTS[kept] if kept < 10 else END)
    assert queue.min_offset == (0 if kept else -1)
    put(queue, *range(kept, 10))
    queue.write()
    assert queue.raw(0, END) == pack_units(record(index) for index in range(10))


def test_a_queue_whose_records_have_all_expired_ends_where_it_ended() -> None:
    queue = new_queue(MemoryDisk())
    put(queue, 0, 1, 2)
    queue.write()
    queue.resume(3, 3)
    assert (queue.min_offset, queue.max_offset, queue.next_offset) == (6, 6, 6)
    put(queue, 4)
    assert (queue.min_offset, queue.max_offset) == (7, 11)
    queue.cut(3)
    queue.resume(0, 0)
    assert (queue.min_offset, queue.max_offset) == (-1, 0)


def test_a_queue_waits_once_to_be_written() -> None:
    queue = new_queue(MemoryDisk())
    dirty: list[BatchQueue] = []
    put_all_kinds([dispatch_of(queue, record(0)), dispatch_of(queue, record(1))], dirty, [])
    assert dirty == [queue]


def test_trimming_lets_go_what_the_log_no_longer_has(queue: BatchQueue) -> None:
    written = queue.written_offset
    assert queue.trim(0) == 0
    assert queue.trim(4000) == min(4, written) * UNIT_BYTES
    assert (queue.min_offset, queue.max_offset) == (FIRSTS[4], END)
    assert queue.entry(FIRSTS[4] - 1) is None
    assert queue.trim(3000) == min(4, written) * UNIT_BYTES
    assert queue.min_offset == FIRSTS[4]
    assert queue.offset_by_time(T0, upper=False) == FIRSTS[4]
    queue.trim(1 << 40)
    assert (queue.min_offset, queue.max_offset) == (END, END)
    assert queue.offset_by_time(T0, upper=False) == 0


# ------------------------------------------------------------------------------------------------------- the store


def inner(count: int, topic: str = "B") -> NewMessage:
    return NewMessage(
        topic, 0, b"x" * 10 * count, f"UNIQ_KEY\x01u{count}\x02INNER_NUM\x01{count}\x02".encode(), sys_flag=192
    )


def test_a_store_keeps_both_kinds_of_queues() -> None:
    store = MessageStore(MemoryDisk(), SMALL, {"B"})
    assert (store.min_offset("B", 0), store.min_offset("S", 0)) == (-1, 0)
    appended = [append_inner_batch(store, inner(3), T0), store.append(NewMessage("B", 0, b"one", b""), T0 + 1)]
    simple = store.append(NewMessage("S", 0, b"two", b""), T0 + 1)
    appended.append(append_inner_batch(store, inner(2), T0 + 2))
    assert [one.queue_offset for one in appended] == [0, 3, 4]
    store.write()
    queue = store.queue("B", 0)
    queue.watched = store.queue("S", 0).watched = True
    woken = store.publish(store.log.written, T0)
    assert {one.topic for one in woken} == {"B", "S"}
    assert (queue.watched, store.queue("S", 0).watched) == (False, False)
    assert isinstance(queue, BatchQueue)
    assert [unit[3:] for unit in unpack_units(queue.raw(0, 9))] == [(T0, 0, 3), (T0 + 1, 3, 1), (T0 + 2, 4, 2)]
    found, next_offset, selection = store.select(queue, 1, 32, 1 << 20, None)
    assert (found, next_offset) == (Found.FOUND, 6)
    assert selection is not None
    assert [entry.log_offset for entry in unpack_entries(selection.entries)] == [one.log_offset for one in appended]
    assert store.select(queue, 6, 1, 1, None)[0] is Found.OFFSET_OVERFLOW_ONE
    assert store.entry("S", 0, 0) == Entry(simple.log_offset, simple.size, 0)
    assert store.store_timestamp("B", 0, 5) == T0 + 2
    assert store.offset_by_time("B", 0, T0 + 2) == 4
    assert store.offset_by_time("B", 0, T0, upper=True) == 0
    store.write_derived()
    assert sorted(store.derived.take_counts()) == [
        ("B", 6, sum(one.size for one in appended)),
        ("S", 1, simple.size),
    ]


def test_what_the_log_takes_back_the_queue_forgets() -> None:
    store = MessageStore(MemoryDisk(), SMALL, {"B"})
    append_inner_batch(store, inner(3), T0)
    store.write()
    lost = [append_inner_batch(store, inner(9), T0), append_inner_batch(store, inner(4), T0)]
    store.log.discard()
    again = [store.append(NewMessage("B", 0, b"", b""), T0), append_inner_batch(store, inner(2), T0)]
    assert again[0].log_offset == lost[0].log_offset
    assert [one.queue_offset for one in again] == [3, 4]
    store.write()
    store.publish(store.log.written, T0)
    assert [unit.message_count for unit in unpack_units(store.queue("B", 0).raw(0, 9))] == [3, 1, 2]


def test_a_refused_batch_leaves_the_offsets_alone() -> None:
    store = MessageStore(MemoryDisk(), replace(SMALL, message_bytes_max=15), {"B"})
    with pytest.raises(Refusal):
        append_inner_batch(store, inner(2), T0)
    assert append_inner_batch(store, inner(1), T0).queue_offset == 0


def test_a_deleted_topic_may_come_back_as_the_other_kind() -> None:
    disk = MemoryDisk()
    store = MessageStore(disk, SMALL, {"B"})
    append_inner_batch(store, inner(2), T0)
    store.write()
    store.publish(store.log.written, T0)
    store.write_derived()
    assert disk.exists("batchconsumequeue/B/0")
    store.delete_topic("B")
    assert not disk.exists("batchconsumequeue/B")
    assert not isinstance(store.queue("B", 0), BatchQueue)


# -------------------------------------------------------------------------------------------------------- decoders


@given(st.binary(max_size=6 * UNIT_BYTES))
def test_any_bytes_are_units_sound_or_not(content: bytes) -> None:
    units = unpack_units(content)
    assert len(units) == len(content) // UNIT_BYTES
    for index, unit in enumerate(units):
        packed = pack_units([unit])
        assert packed[:38] == content[index * UNIT_BYTES :][:38]
        assert unit.is_sound == (min(unit.log_offset, unit.first_offset) >= 0 < min(unit.size, unit.message_count))
    assert all(not unit.is_sound for unit in unpack_units(bytes(len(content))))


def test_a_count_beyond_its_field_is_not_packed() -> None:
    with pytest.raises(struct.error):
        pack_units([record(0)._replace(message_count=1 << 15)])


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (b"INNER_NUM\x017\x02", 7),
        (b"a\x01b\x02INNER_NUM\x0132767", 32767),
        (b"INNER_NUM\x0132768\x02", 0),
        (b"INNER_NUM\x01000000001\x02", 0),
        (b"INNER_NUM\x01-3\x02", 0),
        (b"INNER_NUM\x01\xb2\x02", 0),
        (b"INNER_NUM\x01\x02", 0),
        (b"XINNER_NUM\x017\x02", 0),
        (b"", 0),
    ],
)
def test_the_number_of_inner_messages_is_read_with_care(text: bytes, count: int) -> None:
    assert inner_count(text) == count


@given(st.binary(max_size=60))
def test_any_properties_say_a_number_that_a_unit_can_hold(text: bytes) -> None:
    for properties in (text, b"INNER_NUM\x01" + text, b"INNER_NUM\x017\x02" + text):
        assert 0 <= inner_count(properties) <= 0x7FFF
