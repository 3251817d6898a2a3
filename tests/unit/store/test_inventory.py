"""What a store holds, in numbers and message by message, without opening it."""

import pytest
from store_life import BODY_AT, FILES, SIZES, T0, flip, reopened, send
from verified_store import killed, put, stopped

from pocketmq.model.errors import UserError
from pocketmq.store.dumping import Dumped, dump, queue_ids
from pocketmq.store.inventory import QueueInventory, take_inventory
from pocketmq.store.layout import Layout, find_layout
from pocketmq.store.read_only_disk import ReadOnlyDisk
from pocketmq.testing.memory_disk import MemoryDisk


def test_sizes_are_those_that_most_files_have() -> None:
    disk, _ = stopped()
    assert find_layout(disk) == Layout(SIZES.log_file_bytes, SIZES.queue_file_bytes, 13_800_000, 50_331_648)
    disk.open(FILES.format(32_768)).truncate(10_000)
    put(disk, "consumequeue/T/0/" + "0" * 20, 200, b"x" * 20)
    layout = find_layout(disk)
    assert (layout.log_file_bytes, layout.queue_file_bytes) == (SIZES.log_file_bytes, SIZES.queue_file_bytes)
    assert layout.doubts == (
        "a log file (mappedFileSizeCommitLog) is taken to have 16384 bytes, as most have; there are some of 10000",
        "a file of consumequeue (mappedFileSizeConsumeQueue) is taken to have 200 bytes, as most have; "
        "there are some of 220",
    )


def test_without_files_sizes_are_javas() -> None:
    disk = MemoryDisk()
    disk.mkdirs("commitlog")
    assert find_layout(disk) == Layout(1 << 30, 6_000_000, 13_800_000, 50_331_648, ("mappedFileSizeConsumeQueue",))
    log = take_inventory(ReadOnlyDisk(disk)).log
    assert (log.files, log.start, log.end, log.oldest_ms, log.newest_ms) == (0, 0, 0, None, None)


def test_an_inventory_counts_what_is_there() -> None:
    disk, sent = stopped()
    inventory = take_inventory(ReadOnlyDisk(disk))
    assert (inventory.log.files, inventory.log.start, inventory.log.end) == (3, 0, sent[-1].log_offset_end)
    assert (inventory.log.oldest_ms, inventory.log.newest_ms) == (T0, T0 + 229)
    assert inventory.queues == [
        QueueInventory("T", 0, 0, 115, 2300, T0, T0 + 228),
        QueueInventory("T", 1, 0, 115, 2300, T0 + 1, T0 + 229),
    ]
    assert [header.count for _, header in inventory.index] == [50, 50, 50, 50, 35]
    assert (inventory.was_clean, inventory.durable_offset) == (True, sent[-1].log_offset_end)
    assert inventory.checkpoint.queue_log_offset == sent[-1].log_offset_end


def test_after_a_kill_the_log_is_walked_where_the_queues_end() -> None:
    disk, sent = killed()
    inventory = take_inventory(ReadOnlyDisk(disk))
    assert (inventory.log.end, inventory.log.newest_ms) == (sent[-1].log_offset_end, T0 + 229)
    assert not inventory.was_clean
    assert inventory.queues == []


def test_a_queue_whose_records_have_expired_hides_no_other() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    send(store, 2, "Z")
    sent = send(store, 230)
    store.close()
    disk.remove(FILES.format(0))
    inventory = take_inventory(ReadOnlyDisk(disk))
    assert (inventory.log.start, inventory.log.end) == (SIZES.log_file_bytes, sent[-1].log_offset_end)
    last = inventory.queues[-1]
    assert (last.topic, last.min_offset, last.max_offset, last.oldest_ms) == ("Z", 1, 1, None)


def test_a_queue_whose_files_do_not_fit_is_listed_with_the_reason() -> None:
    disk, _ = stopped()
    put(disk, "consumequeue/T/0/" + "0" * 20, 200, b"x" * 20)
    first, second = take_inventory(ReadOnlyDisk(disk)).queues
    assert "more than the file size 200" in first.fault
    assert (second.fault, second.max_offset) == ("", 115)


def dumped(disk: MemoryDisk, start: int = 0, count: int | None = None) -> list[Dumped]:
    looked = ReadOnlyDisk(disk)
    return list(dump(looked, find_layout(looked), "T", 0, start, count))


def test_a_dump_has_every_message_from_the_offset_on() -> None:
    disk, sent = stopped()
    found = dumped(disk)
    assert [one.queue_offset for one in found] == list(range(115))
    assert [one.log_offset for one in found] == [one.log_offset for one in sent[::2]]
    assert all(one.has_crc and not one.damage and one.message is not None for one in found)
    assert [one.queue_offset for one in dumped(disk, 110)] == [110, 111, 112, 113, 114]
    assert [one.queue_offset for one in dumped(disk, 7, 2)] == [7, 8]
    assert dumped(disk, 115) == []


def test_damaged_places_are_dumped_with_what_is_wrong() -> None:
    disk, sent = stopped()
    flip(disk, sent[40].log_offset + BODY_AT)
    flip(disk, sent[42].log_offset + 4)
    put(disk, f"consumequeue/T/0/{400:020d}", 49, b"\1")
    put(disk, f"consumequeue/T/0/{400:020d}", 68, b"\x7f\xff\xff\xff")
    found = dumped(disk, 20, 5)
    assert [(one.message is not None, one.has_crc, one.damage[:27]) for one in found] == [
        (True, False, "body CRC"),
        (False, False, "no record lies there: magic"),
        (True, True, f"its entry says {sent[44].size + (1 << 16)} bytes, "[:27]),
        (False, False, "its entry stands for no mes"),
        (True, True, ""),
    ]


def test_a_topic_that_is_not_there_is_a_mistake_that_names_those_that_are() -> None:
    disk, _ = stopped(4)
    assert queue_ids(disk, "T") == [0, 1]
    with pytest.raises(UserError, match="no queue of topic U in this store; there are: T"):
        queue_ids(disk, "U")


def test_a_queue_that_begins_later_is_dumped_from_there() -> None:
    disk, _ = stopped()
    disk.remove("consumequeue/T/0/" + "0" * 20)
    assert [one.queue_offset for one in dumped(disk, 0, 2)] == [10, 11]
    store, _ = reopened(disk)
    send(store, 2)
    store.close()
    assert dumped(disk)[-1].queue_offset == 115
