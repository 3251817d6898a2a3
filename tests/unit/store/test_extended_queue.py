"""A queue with an extension: units in memory and in files, true tags codes, and what is done where a unit is lost."""

import random
import struct
from dataclasses import replace

import pytest
from expiry import drop_before
from hypothesis import given
from hypothesis import strategies as st
from store_life import SIZES, T0, reopened, save

from pocketmq.protocol.record import NewMessage, tags_code
from pocketmq.store.consume_queue import ConsumeQueue, unpack_entries
from pocketmq.store.extended_queue import BitMapSource, ExtendedQueue
from pocketmq.store.message_store import MessageStore
from pocketmq.store.queue_extension import (
    UNIT_BYTES_MAX,
    UNIT_BYTES_MIN,
    ExtensionUnit,
    QueueExtension,
    address_of,
    is_address,
    offset_of,
    pack_unit,
    unpack_unit,
)
from pocketmq.store.segments import DescriptorCache
from pocketmq.testing.faulty_disk import Fault, FaultyDisk
from pocketmq.testing.memory_disk import MemoryDisk

EXTENDED = replace(SIZES, extends_queues=True, extension_file_bytes=100)
PLAIN = replace(EXTENDED, extends_queues=False)
FOLDER = "consumequeue_ext/T/0"
TAGS = ("a", "b", "c")


def new_extension(disk: MemoryDisk | FaultyDisk, file_bytes: int = 100) -> QueueExtension:
    return QueueExtension(disk, "T", 0, file_bytes, DescriptorCache())


def unit(number: int, bit_map_bytes: int = 0) -> ExtensionUnit:
    return ExtensionUnit(number, T0 + number, bytes([number]) * bit_map_bytes)


def fill(store: MessageStore, count: int) -> None:
    for number in range(count):
        tag = TAGS[store.queue("T", 0).next_offset % 3]
        store.append(NewMessage("T", 0, b"x" * 30, f"TAGS\x01{tag}\x02".encode()), T0 + number)
    store.write()
    store.publish(store.log.written, T0)


def extended(store: MessageStore) -> ExtendedQueue:
    queue = store.queue("T", 0)
    assert isinstance(queue, ExtendedQueue)
    return queue


def found(store: MessageStore, *tags: str) -> list[int]:
    """Queue offsets of what a pull by these tags gets."""
    codes = frozenset(tags_code(tag.encode()) for tag in tags)
    queue = store.queue("T", 0)
    by_place = {store.entry("T", 0, offset).log_offset: offset for offset in range(queue.max_offset)}  # type: ignore[union-attr]
    selection = queue.select(0, 1000, 1 << 20, codes, 0)
    return [by_place[entry.log_offset] for entry in unpack_entries(selection.entries)]


def has_true_codes(store: MessageStore, count: int) -> bool:
    codes = [entry.tags_code for entry in store.queue("T", 0).entries(0, 1000)]
    return codes == [tags_code(TAGS[number % 3].encode()) for number in range(count)]


# ------------------------------------------------------------------------------------------------------- the files


@pytest.mark.parametrize("bit_map_bytes", [0, 1, 14, 60, 76])
def test_units_lie_one_behind_the_other_and_leave_four_bytes_in_a_file(bit_map_bytes: int) -> None:
    extension = new_extension(MemoryDisk())
    size = UNIT_BYTES_MIN + bit_map_bytes
    per_file = 96 // size
    addresses = [extension.append(unit(number, bit_map_bytes)) for number in range(7)]
    assert addresses == [address_of(number // per_file * 100 + number % per_file * size) for number in range(7)]
    for is_written in (False, True):
        for number, address in enumerate(addresses):
            assert address is not None
            assert extension.get(address) == unit(number, bit_map_bytes)
        assert extension.get(address_of(extension.end)) is None
        if not is_written:
            extension.write()
    assert extension.segments.read(per_file * size, 2) == b"\xff\xff"


def test_a_unit_that_no_file_can_hold_gets_no_address() -> None:
    extension = new_extension(MemoryDisk())
    assert extension.append(unit(1, 77)) is None
    assert extension.append(unit(1)) == address_of(0)
    extension.resume(address_of(0))
    full = new_extension(MemoryDisk(), 1 << 62)
    assert full.append(unit(1)) is not None
    full.resume(address_of((1 << 62) + 5))
    assert full.append(unit(1)) is None


def test_a_long_bit_map_is_read_whole() -> None:
    extension = new_extension(MemoryDisk(), 1 << 20)
    longest = unit(7, UNIT_BYTES_MAX - UNIT_BYTES_MIN)
    address = extension.append(longest)
    assert address is not None
    extension.write()
    assert extension.get(address) == longest
    with pytest.raises(struct.error):
        pack_unit(unit(7, UNIT_BYTES_MAX - UNIT_BYTES_MIN + 1))


@pytest.mark.parametrize("written", [0, 3, 11])
@pytest.mark.parametrize("file_bytes", [100, 1 << 20])
def test_units_that_lie_near_each_other_are_found_together(written: int, file_bytes: int) -> None:
    extension = new_extension(MemoryDisk(), file_bytes)
    addresses: list[int] = []
    for number in range(11):
        if number == written:
            extension.write()
        address = extension.append(unit(number, 200 if number == 7 and file_bytes > 300 else 14))
        assert address is not None
        addresses.append(address)
    far = [*addresses, address_of(1 << 40)]
    for some in (addresses, addresses[4:9], addresses[::3], addresses[::-1], addresses[10:], far, []):
        assert extension.get_near(some) == [extension.get(address) for address in some]


def test_what_could_not_be_written_is_written_later() -> None:
    extension = new_extension(FaultyDisk(MemoryDisk(), Fault("pwrite", nth=2)))
    addresses = [extension.append(unit(number)) for number in range(6)]
    with pytest.raises(OSError, match="output error"):
        extension.write()
    extension.write()
    assert [extension.get(address) for address in addresses if address] == [unit(number) for number in range(6)]
    assert [target.path for target in extension.sync_targets()][:2] == [f"{FOLDER}/{0:020d}", f"{FOLDER}/{100:020d}"]


@pytest.mark.parametrize("written", [0, 3, 5, 9])
@pytest.mark.parametrize("last", range(9))
def test_resuming_keeps_what_comes_before_and_goes_on_as_before(written: int, last: int) -> None:
    extension = new_extension(MemoryDisk())
    addresses = []
    for number in range(9):
        addresses.append(extension.append(unit(number)))
        if number + 1 == written:
            extension.write()
    extension.resume(addresses[last])
    for number, address in enumerate(addresses):
        assert address is not None
        assert extension.get(address) == (unit(number) if number <= last else None)
    assert [extension.append(unit(number)) for number in range(last + 1, 9)] == addresses[last + 1 :]
    extension.write()
    assert extension.get(addresses[8] or 0) == unit(8)


def test_no_address_of_a_lost_unit_comes_to_mean_another() -> None:
    disk = MemoryDisk()
    extension = new_extension(disk)
    addresses = [extension.append(unit(number)) for number in range(6)]
    extension.write()
    disk.remove(f"{FOLDER}/{100:020d}")
    extension = new_extension(disk)
    extension.resume(addresses[5])
    assert extension.append(unit(9)) == address_of(200)
    extension.write()
    assert [extension.get(address) for address in addresses if address] == [None] * 6
    extension.append(unit(5))
    extension.resume(None)
    extension.write()
    assert (extension.end, extension.segments.names()) == (0, [])


def test_files_before_an_address_are_dropped() -> None:
    extension = new_extension(MemoryDisk())
    addresses = [extension.append(unit(number)) for number in range(9)]
    extension.write()
    assert drop_before(extension.segments, offset_of(addresses[7] or 0)) == [f"{0:020d}"]
    assert extension.get(addresses[4] or 0) == unit(4)


@given(st.binary(max_size=200), st.integers(-32768, 32767), st.integers(-32768, 32767))
def test_any_bytes_are_a_unit_or_none(content: bytes, size: int, bit_map_size: int) -> None:
    shaped = struct.pack(">h", size) + content[2:18].ljust(16, b"x") + struct.pack(">h", bit_map_size) + content[20:]
    for candidate in (content, shaped):
        read = unpack_unit(candidate)
        if read is not None:
            one, length = read
            assert UNIT_BYTES_MIN + len(one.bit_map) <= length <= len(candidate)
            assert unpack_unit(pack_unit(one)) == (one, UNIT_BYTES_MIN + len(one.bit_map))
    assert unpack_unit(bytes(len(content))) is None


@given(st.integers(0, (1 << 63) - (1 << 31) - 1))
def test_every_offset_has_an_address(offset: int) -> None:
    assert is_address(address_of(offset))
    assert offset_of(address_of(offset)) == offset
    assert not is_address(tags_code(str(offset).encode()))


# ------------------------------------------------------------------------------------------------------- the queue


def test_entries_carry_addresses_and_show_true_codes() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk, EXTENDED)
    fill(store, 10)
    queue = extended(store)
    for _ in range(2):
        stored = unpack_entries(queue.raw(0, 10))
        assert [offset_of(entry.tags_code) for entry in stored] == [n // 4 * 100 + n % 4 * 20 for n in range(10)]
        assert has_true_codes(store, 10)
        assert found(store, "a") == [0, 3, 6, 9]
        assert found(store, "b", "c") == [1, 2, 4, 5, 7, 8]
        assert found(store, "d") == []
        assert len(unpack_entries(queue.select(0, 100, 1 << 20, None, 0).entries)) == 10
        assert store.entry("T", 0, 10) is None
        store.write_derived()
    paths = [target.path for target in store.derived_sync_targets()]
    assert paths.index(f"{FOLDER}/{0:020d}") < paths.index(f"consumequeue/T/0/{0:020d}")


def test_a_clean_restart_goes_on_with_the_next_unit_and_without_the_setting_with_none() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk, EXTENDED)
    fill(store, 5)
    store.close()
    store, report = reopened(disk, EXTENDED)
    assert report.was_clean
    fill(store, 2)
    assert offset_of(unpack_entries(extended(store).raw(5, 1))[0].tags_code) == 120
    store.close()
    store, _ = reopened(disk, PLAIN)
    fill(store, 5)
    assert not any(is_address(entry.tags_code) for entry in unpack_entries(extended(store).raw(7, 5)))
    assert has_true_codes(store, 12)
    assert found(store, "a") == [0, 3, 6, 9]
    store.close()
    store, _ = reopened(disk, EXTENDED)
    fill(store, 1)
    assert offset_of(unpack_entries(extended(store).raw(12, 1))[0].tags_code) == 160
    assert has_true_codes(store, 13)


def test_an_unclean_restart_derives_the_same_units_again() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk, EXTENDED)
    fill(store, 6)
    save(store)
    fill(store, 7)
    content = extended(store).raw(0, 13)
    for is_written in (False, True):
        if is_written:
            store.write_derived()
        again, report = reopened(disk.crash_process(), EXTENDED)
        assert not report.was_clean
        assert extended(again).raw(0, 13) == content
        assert has_true_codes(again, 13)


@pytest.mark.parametrize("seed", range(20))
def test_folders_that_a_killed_process_made_survive_a_power_cut_after_recovery(seed: int) -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk, EXTENDED)
    fill(store, 3)
    store.write_derived()
    disk = disk.crash_process()
    reopened(disk, EXTENDED)
    store, _ = reopened(disk.crash(random.Random(seed)), EXTENDED)
    assert has_true_codes(store, 3)


def test_where_units_are_lost_any_tag_matches_and_new_units_are_found() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk, EXTENDED)
    fill(store, 6)
    store.close()
    disk.remove_tree("consumequeue_ext")
    store, _ = reopened(disk, EXTENDED)
    fill(store, 3)
    assert found(store, "a") == [0, 1, 2, 3, 4, 5, 6]
    assert is_address(store.queue("T", 0).entries(0, 1)[0].tags_code)
    assert [entry.tags_code for entry in extended(store).entries(6, 1)] == [tags_code(b"a")]


def test_entries_that_are_cut_take_their_units_along() -> None:
    store, _ = reopened(MemoryDisk(), EXTENDED)
    fill(store, 6)
    store.write_derived()
    queue = extended(store)
    content = queue.raw(0, 9)
    fill(store, 3)
    queue.cut(7)
    assert offset_of(unpack_entries(queue.raw(6, 1))[0].tags_code) + 20 == queue.extension.end == 160
    queue.cut(3)
    assert queue.extension.end == 60
    queue.cut(0)
    assert queue.extension.end == 0
    assert content


def test_an_entry_that_stands_for_no_message_has_no_unit_and_one_that_is_there_gets_no_other() -> None:
    kind = {"extension_file_bytes": 100, "is_extended": True, "bit_maps": BitMapSource()}
    queue = ExtendedQueue(MemoryDisk(), "T", 0, 200, DescriptorCache(), **kind)  # type: ignore[arg-type]
    for dispatch in ((queue, 0, 0, 0x7FFFFFFF, 0, 0), (queue, 1, 50, 60, 7, T0), (queue, 1, 50, 60, 7, T0)):
        queue.put_dispatch((*dispatch, b"T", b"", b""))
    assert queue.extension.end == UNIT_BYTES_MIN
    assert [entry.tags_code for entry in unpack_entries(queue.raw(0, 9))] == [0, address_of(0)]


def test_a_queue_that_begins_late_has_no_units_before() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk, EXTENDED)
    store.queue("T", 0).next_offset = 1 << 40
    for number in range(2):
        store.append(NewMessage("T", 0, b"", b""), T0 + number)
    store.write()
    store, report = reopened(disk.crash_process(), EXTENDED)
    assert report.damage == []
    assert (store.min_offset("T", 0), extended(store).extension.end) == (1 << 40, 40)


def test_a_deleted_topic_leaves_no_extension() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk, EXTENDED)
    fill(store, 2)
    store.close()
    store, _ = reopened(disk, PLAIN)
    store.delete_topic("T")
    assert not disk.exists("consumequeue_ext/T")
    assert type(store.queue("T", 0)) is ConsumeQueue


def test_delayed_messages_are_due_when_the_unit_says() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk, EXTENDED)
    store.append(NewMessage("SCHEDULE_TOPIC_XXXX", 2, b"", b"DELAY\x013\x02"), T0)
    store.write()
    store.publish(store.log.written, T0)
    entry = store.entry("SCHEDULE_TOPIC_XXXX", 2, 0)
    assert entry is not None
    assert entry.tags_code == T0 + 10_000


def test_a_unit_that_is_not_written_yet_is_not_read_from_what_lies_in_its_place() -> None:
    disk = MemoryDisk()
    extension = new_extension(disk, 1 << 20)
    first = extension.append(unit(1))
    extension.write()
    old = pack_unit(unit(99))
    disk.open(f"{FOLDER}/{0:020d}").pwrite(len(pack_unit(unit(1))), old)
    second = extension.append(unit(2))
    assert first is not None
    assert second is not None
    assert extension.get_near([first, second]) == [unit(1), unit(2)]
