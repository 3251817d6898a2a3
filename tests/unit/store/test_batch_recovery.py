"""A store opens with its batch queues whole: missing, short, wrong, of the other kind, or before damaged records."""

import random
from dataclasses import replace

import pytest
from expiry import drop_before
from store_life import BODY_AT, QUEUE_OFFSET_AT, SIZES, T0, flip, save

from pocketmq.protocol.record import NewMessage
from pocketmq.store.batch_queue import UNIT_BYTES, BatchQueue, Unit, pack_units, unpack_units
from pocketmq.store.inner_batch import append_inner_batch
from pocketmq.store.message_store import Appended, MessageStore
from pocketmq.store.queue_recovery import count_kept, first_live, last_record
from pocketmq.store.recovery import Recovery, open_store
from pocketmq.store.retention import HOUR_MS, QueueSweep, RetentionPolicy, Trimmed
from pocketmq.store.segments import DescriptorCache
from pocketmq.testing.faulty_disk import Fault, FaultyDisk, PowerCut
from pocketmq.testing.memory_disk import MemoryDisk

SMALL = replace(SIZES, batch_queue_file_bytes=8 * UNIT_BYTES)
FIRST_FILE = "batchconsumequeue/B/0/00000000000000000000"
COUNTS = (1, 3, 2)
"""Messages of each third record."""


def opened(disk: MemoryDisk | FaultyDisk, *batch_topics: str) -> tuple[MessageStore, Recovery]:
    return open_store(disk, SMALL, T0, batch_topics=batch_topics)


def fill(store: MessageStore, records: int, topic: str = "B", first: int = 0) -> list[Appended]:
    sent = []
    for number in range(first, first + records):
        count = COUNTS[number % 3] if topic == "B" else 1
        name = f"{topic}0.{store.queue(topic, 0).next_offset}|".encode()
        properties = b"INNER_NUM\x01%d\x02" % count if count > 1 else b"TAGS\x01t\x02"
        message = NewMessage(topic, 0, name.ljust(40, b"x"), properties, sys_flag=192 if count > 1 else 0)
        append = append_inner_batch if count > 1 else MessageStore.append
        sent.append(append(store, message, T0 + number))
    store.write()
    store.publish(store.log.written, T0)
    return sent


def life(records: int = 30) -> tuple[MemoryDisk, list[Appended], bytes]:
    """A closed store with a batch queue, what was sent, and the queue's bytes."""
    disk = MemoryDisk()
    store, _ = opened(disk, "B")
    sent = fill(store, records)
    fill(store, 5, "S")
    store.close()
    return disk, sent, store.queue("B", 0).raw(0, 1 << 30)


def units(store: MessageStore) -> list[Unit]:
    queue = store.queue("B", 0)
    assert isinstance(queue, BatchQueue)
    return unpack_units(queue.raw(0, 1 << 30))


def test_a_closed_store_opens_with_its_batch_queues_whether_or_not_it_is_told_of_them() -> None:
    for told in ((), ("B",)):
        disk, sent, content = life()
        store, report = opened(disk, *told)
        assert (report.was_clean, report.records) == (True, 1)
        assert store.queue("B", 0).raw(0, 1 << 30) == content
        assert (store.min_offset("B", 0), store.max_offset("B", 0)) == (0, 60)
        assert fill(store, 1)[0].queue_offset == 60
        assert store.topics() == {"B", "S"}
        assert store.entry("B", 0, 58) == store.entry("B", 0, 59)
        assert sent[-1].queue_offset == 58


def test_a_new_store_has_the_folder_and_derives_nothing_for_want_of_it() -> None:
    disk = MemoryDisk()
    store, _ = opened(disk, "B")
    assert disk.exists("batchconsumequeue")
    fill(store, 3, "S")
    store.close()
    _, report = opened(disk, "B")
    assert report.was_clean


@pytest.mark.parametrize("seed", range(20))
def test_folders_that_a_killed_process_made_survive_a_power_cut_after_recovery(seed: int) -> None:
    disk = MemoryDisk()
    store, _ = opened(disk, "B")
    fill(store, 3)
    store.write_derived()
    disk = disk.crash_process()
    opened(disk, "B")
    store, _ = opened(disk.crash(random.Random(seed)), "B")
    assert len(units(store)) == 3


@pytest.mark.parametrize("told", [True, False])
def test_queues_that_are_gone_are_derived_again_byte_for_byte(told: bool) -> None:
    disk, _, content = life()
    files = {name: disk.open(f"batchconsumequeue/B/0/{name}").pread(0, 1 << 20) for name in _names(disk)}
    assert len(files) == 4
    disk.remove_tree("batchconsumequeue")
    if not told:
        disk.remove_tree("consumequeue")
    store, report = opened(disk, *(["B"] if told else []))
    assert not report.was_clean
    assert store.queue("B", 0).raw(0, 1 << 30) == content
    store.close()
    assert {name: disk.open(f"batchconsumequeue/B/0/{name}").pread(0, 1 << 20) for name in _names(disk)} == files


def _names(disk: MemoryDisk) -> list[str]:
    return disk.listdir("batchconsumequeue/B/0")


def test_an_unclean_stop_trusts_units_below_the_checkpoint_and_derives_the_others() -> None:
    disk = MemoryDisk()
    store, _ = opened(disk, "B")
    fill(store, 9)
    save(store)
    sent = fill(store, 9)
    store.write_derived()
    content = store.queue("B", 0).raw(0, 1 << 30)
    copy = disk.crash_process()
    garbage = pack_units([Unit(sent[0].log_offset, 7, 7, 7, 7, 7)])
    copy.open(f"batchconsumequeue/B/0/{8 * UNIT_BYTES:020d}").pwrite(UNIT_BYTES, garbage)
    store, report = opened(copy, "B")
    assert report.records == 10
    assert store.queue("B", 0).raw(0, 1 << 30) == content


def test_units_that_the_checkpoint_promised_and_that_are_gone_are_all_derived_again() -> None:
    disk = MemoryDisk()
    store, _ = opened(disk, "B")
    fill(store, 20)
    save(store)
    content = store.queue("B", 0).raw(0, 1 << 30)
    fill(store, 1)
    copy = disk.crash_process()
    copy.remove(f"batchconsumequeue/B/0/{16 * UNIT_BYTES:020d}")
    store, _ = opened(copy, "B")
    assert store.queue("B", 0).raw(0, 1 << 30)[: len(content)] == content
    assert len(units(store)) == 21


@pytest.mark.parametrize("cut_off", [None, *range(1, 12)])
def test_queues_of_the_other_kind_are_replaced_even_if_that_is_cut_off(cut_off: int | None) -> None:
    disk = MemoryDisk()
    store, _ = opened(disk)
    for number in range(10):
        store.append(NewMessage("B", 0, b"%d" % number, b""), T0)
    fill(store, 3, "S")
    store.close()
    assert disk.exists("consumequeue/B")
    if cut_off is not None:
        with pytest.raises(PowerCut):
            opened(FaultyDisk(disk, Fault("change", nth=cut_off, effect=PowerCut)), "B")
        disk = disk.crash_process()
    store, _ = opened(disk, "B")
    assert not disk.exists("consumequeue/B")
    assert [(unit.first_offset, unit.message_count) for unit in units(store)] == [(n, 1) for n in range(10)]


def test_an_inner_batch_says_what_kind_its_topic_is_when_all_else_is_lost() -> None:
    disk, _, content = life()
    for folder in ("consumequeue", "batchconsumequeue", "index"):
        disk.remove_tree(folder)
    # The first record of the topic is a single message, and makes a simple queue at first.
    store, report = opened(disk)
    assert report.damage == []
    assert store.queue("B", 0).raw(0, 1 << 30) == content
    assert store.batch_topics == {"B"}
    assert not disk.exists("consumequeue/B")


def test_an_inner_batch_that_names_no_number_is_one_message_wherever_it_lies() -> None:
    disk = MemoryDisk()
    store, _ = opened(disk, "B")
    for topic in ("S", "S", "B", "B"):
        store.append(NewMessage(topic, 0, b"", b"", sys_flag=192), T0)
    store.write()
    disk = disk.crash_process()
    store, report = opened(disk, "B")
    assert report.damage == []
    assert (store.max_offset("S", 0), store.max_offset("B", 0)) == (2, 2)


# ---------------------------------------------------------------------------------------------------------- damage


def rebuilt(disk: MemoryDisk) -> tuple[MessageStore, Recovery]:
    disk.remove_tree("batchconsumequeue")
    return opened(disk, "B")


def test_a_damaged_record_leaves_a_gap_of_its_messages() -> None:
    disk, sent, content = life()
    flip(disk, sent[4].log_offset + BODY_AT)
    store, report = rebuilt(disk)
    assert [damage.start for damage in report.damage] == [sent[4].log_offset]
    assert units(store) == [unit for unit in unpack_units(content) if unit.log_offset != sent[4].log_offset]
    assert store.max_offset("B", 0) == 60


def test_a_record_that_lies_about_its_offset_costs_itself_only() -> None:
    disk, sent, content = life()
    flip(disk, sent[4].log_offset + QUEUE_OFFSET_AT + 3)
    store, report = rebuilt(disk)
    assert len(report.damage) == 1
    assert units(store) == [unit for unit in unpack_units(content) if unit.log_offset != sent[4].log_offset]


def test_a_gap_in_the_log_is_believed_when_the_next_record_goes_on() -> None:
    disk = MemoryDisk()
    store, _ = opened(disk, "B")
    fill(store, 3)
    queue = store.queue("B", 0)
    queue.next_offset += 10
    fill(store, 3, first=1)
    store.write_derived()
    content = queue.raw(0, 1 << 30)
    store, report = rebuilt(disk.crash_process())
    assert report.damage == []
    assert store.queue("B", 0).raw(0, 1 << 30) == content
    assert [unit.first_offset for unit in units(store)] == [0, 1, 4, 16, 19, 21]


def test_the_last_record_before_the_end_is_believed_behind_a_small_gap() -> None:
    disk = MemoryDisk()
    store, _ = opened(disk, "B")
    fill(store, 3)
    store.queue("B", 0).next_offset = 7
    append_inner_batch(store, NewMessage("B", 0, b"", b"INNER_NUM\x015\x02", sys_flag=192), T0)
    store.write()
    store, report = rebuilt(disk.crash_process())
    assert report.damage == []
    assert [tuple(unit[4:]) for unit in units(store)] == [(0, 1), (1, 3), (4, 2), (7, 5)]
    assert store.queue("B", 0).next_offset == 12


MANY = 2000
"""More messages in a record than a gap may have that is believed when no record follows."""


def many(store: MessageStore) -> Appended:
    properties = b"INNER_NUM\x01%d\x02" % MANY
    appended = append_inner_batch(store, NewMessage("B", 0, b"b" * 40, properties, sys_flag=192), T0)
    store.write()
    return appended


def test_a_record_behind_a_damaged_one_of_many_messages_is_not_doubted() -> None:
    disk = MemoryDisk()
    store, _ = opened(disk, "B")
    fill(store, 3)
    flip(disk, many(store).log_offset + BODY_AT)
    fill(store, 1)
    store, report = rebuilt(disk.crash_process())
    assert len(report.damage) == 1
    assert [unit.first_offset for unit in units(store)] == [0, 1, 4, 6 + MANY]


def test_a_record_behind_a_lying_one_of_many_messages_is_not_doubted() -> None:
    disk = MemoryDisk()
    store, _ = opened(disk, "B")
    fill(store, 3)
    flip(disk, many(store).log_offset + QUEUE_OFFSET_AT + 3)
    fill(store, 1)
    store, report = rebuilt(disk.crash_process())
    assert len(report.damage) == 1
    assert [unit.first_offset for unit in units(store)] == [0, 1, 4, 6 + MANY]


def test_records_go_on_behind_a_gap_that_ends_in_many_messages() -> None:
    disk = MemoryDisk()
    store, _ = opened(disk, "B")
    fill(store, 3)
    store.queue("B", 0).next_offset = 10
    many(store)
    fill(store, 2)
    store, report = rebuilt(disk.crash_process())
    assert report.damage == []
    assert [unit.first_offset for unit in units(store)] == [0, 1, 4, 10, 10 + MANY, 11 + MANY]


def test_a_gap_that_ends_the_log_is_believed_up_to_many_messages_after_many() -> None:
    disk = MemoryDisk()
    store, _ = opened(disk, "B")
    fill(store, 3)
    store.queue("B", 0).next_offset = 10
    many(store)
    fill(store, 1)
    store, report = rebuilt(disk.crash_process())
    assert report.damage == []
    assert [unit.first_offset for unit in units(store)] == [0, 1, 4, 10, 10 + MANY]


def test_a_log_may_begin_with_many_messages_of_a_queue() -> None:
    disk = MemoryDisk()
    store, _ = opened(disk, "B")
    store.queue("B", 0).next_offset = 500
    many(store)
    fill(store, 1)
    disk = disk.crash_process()
    store, report = rebuilt(disk)
    assert report.damage == []
    assert [unit.first_offset for unit in units(store)] == [500, 500 + MANY]
    assert (store.min_offset("B", 0), store.max_offset("B", 0)) == (500, 501 + MANY)
    assert disk.listdir("batchconsumequeue/B/0") == [FIRST_FILE[-20:]]


def test_a_queue_whose_first_file_is_lost_begins_at_its_first_file_again() -> None:
    disk, _, content = life()
    store, _ = opened(disk, "B")
    disk = disk.crash_process()
    disk.remove(FIRST_FILE)
    disk.remove("checkpoint")
    store, _ = opened(disk, "B")
    assert store.queue("B", 0).raw(0, 1 << 30) == content
    store.write_derived()
    assert _names(disk)[0] == FIRST_FILE[-20:]


def test_simple_queues_are_not_taken_for_others_because_of_a_folder_left_behind() -> None:
    disk = MemoryDisk()
    store, _ = opened(disk)
    fill(store, 3, "S")
    store.close()
    disk.mkdirs("batchconsumequeue/S/0")
    store, report = opened(disk)
    assert report.was_clean
    assert not isinstance(store.queue("S", 0), BatchQueue)
    assert store.max_offset("S", 0) == 3


def test_a_log_that_begins_late_begins_its_queues_late() -> None:
    disk = MemoryDisk()
    store, _ = opened(disk, "B")
    sent = fill(store, 300)
    save(store)
    start = SIZES.log_file_bytes
    drop_before(store.log.segments, start)
    assert store.log.start == start
    live = [one.queue_offset for one in sent if one.log_offset >= start]
    again, _ = opened(disk.crash_process(), "B")
    assert again.min_offset("B", 0) == live[0]
    assert [unit.first_offset for unit in units(again)] == live
    again, report = rebuilt(disk.crash_process())
    assert report.damage == []
    assert (again.min_offset("B", 0), again.max_offset("B", 0)) == (live[0], 600)
    assert [unit.first_offset for unit in units(again)] == live


def test_units_behind_the_logs_end_are_cut() -> None:
    disk, sent, _ = life()
    store, _ = opened(disk, "B")
    end = sent[20].log_offset
    disk = disk.crash_process()
    disk.open("commitlog/00000000000000000000").truncate(end)
    disk.remove("durable")
    store, _ = opened(disk, "B")
    assert store.log_max_offset == end
    assert store.queue("B", 0).next_offset == sent[20].queue_offset
    assert len(units(store)) == 20
    assert fill(store, 1)[0].queue_offset == sent[20].queue_offset


# ---------------------------------------------------------------------------------------------------------- counts


def queue_of(*rows: Unit) -> BatchQueue:
    disk = MemoryDisk()
    disk.mkdirs("batchconsumequeue/B/0")
    disk.open(FIRST_FILE, create=True, size=8 * UNIT_BYTES).pwrite(0, pack_units(rows))
    return BatchQueue(disk, "B", 0, 8 * UNIT_BYTES, DescriptorCache())


def test_what_can_be_kept_is_counted_in_units() -> None:
    rows = [Unit(100 * n, 90, n, T0, 10 * n, 10) for n in range(5)]
    queue = queue_of(*rows)
    assert count_kept(queue, None) == 5
    assert [count_kept(queue, log_offset) for log_offset in (0, 1, 250, 400, 401)] == [0, 1, 3, 4, 5]
    assert [first_live(queue, 5, log_start) for log_start in (0, 1, 100, 101, 999)] == [0, 1, 1, 2, 5]
    last = last_record(queue, 5)
    assert last is not None
    assert last.log_offset == 400
    for broken in (rows[2]._replace(size=0), rows[2]._replace(message_count=0), rows[2]._replace(first_offset=-1)):
        assert count_kept(queue_of(*rows[:2], broken), None) == 2


@pytest.mark.parametrize("saved", [False, True])
def test_a_topic_of_batches_may_be_kept_for_a_shorter_time_than_the_log(saved: bool) -> None:
    store, _ = opened(MemoryDisk(), "B")
    sent = fill(store, 30)
    if saved:
        save(store)
    policy = RetentionPolicy(kept_ms=HOUR_MS, topics_ms={"B": 1_000})
    sweep = QueueSweep(store, policy, T0 + 1_000 + 20)
    assert sweep.step(10) == [Trimmed("B", 0, 0, sent[20].queue_offset)]
    assert store.min_offset("B", 0) == sent[20].queue_offset
    assert len(sweep.removals) == (2 if saved else 0)
