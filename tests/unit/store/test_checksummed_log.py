"""Records that end in a checksum of all their fields: written, refused, verified, and left alone by others."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_life import SIZES, T0, flip, places, reopened, save, send, served, without

from pocketmq.model.errors import Refusal
from pocketmq.model.limits import PROPERTIES_BYTES_MAX
from pocketmq.protocol.checksums import crc32_positive, crc_property
from pocketmq.protocol.record import NewMessage, Scanned, examine, scan, size_of
from pocketmq.protocol.stored import decode_record
from pocketmq.store.checksummed_log import RESERVED_BYTES, checksum_fault, without_checksum
from pocketmq.store.message_store import MessageStore
from pocketmq.testing.memory_disk import MemoryDisk

APPENDS = replace(SIZES, appends_prop_crc=True)
VERIFIES = replace(SIZES, appends_prop_crc=True, verifies_prop_crc=True)
BORN_AT = 40


def stored(properties: bytes, **fields: int) -> bytes:
    store = MessageStore(MemoryDisk(), APPENDS)
    appended = store.append(NewMessage("T", 0, b"body", properties, **fields), T0)
    store.write()
    return store.log.read(appended.log_offset, appended.size)


@pytest.mark.parametrize(
    ("given_properties", "kept"),
    [
        (b"", b""),
        (b"a\x01b\x02", b"a\x01b\x02"),
        (b"a\x01b", b"a\x01b\x02"),
        (b"__CRC32#\x010000000001\x02", b""),
        (b"a\x01b\x02__CRC32#\x017\x02c\x01d", b"a\x01b\x02c\x01d\x02"),
    ],
)
def test_a_record_ends_in_the_checksum_of_what_stands_before_it(given_properties: bytes, kept: bytes) -> None:
    record = stored(given_properties)
    tail = crc_property(crc32_positive(record[:-RESERVED_BYTES]))
    assert record.endswith(kept + tail)
    assert len(record) == size_of(1, 4, len(kept) + RESERVED_BYTES, 16)
    assert checksum_fault(record) == ""
    assert without_checksum(kept + tail) == kept


def test_every_byte_that_changes_shows() -> None:
    record = stored(b"a\x01b\x02")
    for at in range(len(record) - RESERVED_BYTES):
        changed = bytearray(record)
        changed[at] ^= 0x10
        assert checksum_fault(bytes(changed)) == "properties CRC", at


def test_hidden_records_and_new_files_have_their_own_offsets_in_the_checksum() -> None:
    store = MessageStore(MemoryDisk(), APPENDS)
    last_end = 0
    for number in range(40):
        message = NewMessage("T", 0, bytes(1000), b"", sys_flag=4 if number % 3 else 0)
        appended = store.append(message, T0 - number)
        store.write()
        record = store.log.read(appended.log_offset, appended.size)
        assert checksum_fault(record) == ""
        found = scan(record, 0, appended.log_offset)
        assert isinstance(found, Scanned)
        assert found.store_timestamp == T0
        assert found.queue_offset == (0 if number % 3 else number // 3)
        last_end = max(last_end, appended.log_offset_end)
    assert last_end > 2 * SIZES.log_file_bytes


@pytest.mark.parametrize("left", range(11))
def test_the_checksum_knows_whether_the_record_still_fits_into_the_file(left: int) -> None:
    store = MessageStore(MemoryDisk(), APPENDS)
    room = SIZES.log_file_bytes - store.append(NewMessage("T", 0, bytes(9000), b""), T0).log_offset_end
    body_bytes = room - left - size_of(1, 0, RESERVED_BYTES, 16)
    appended = store.append(NewMessage("T", 0, bytes(body_bytes), b""), T0)
    store.write()
    assert (appended.log_offset < SIZES.log_file_bytes) == (left >= 8)
    assert checksum_fault(store.log.read(appended.log_offset, appended.size)) == ""


def test_the_bound_on_properties_counts_the_checksum_once() -> None:
    store = MessageStore(MemoryDisk(), replace(APPENDS, log_file_bytes=1 << 20))
    fits = b"k\x01".ljust(PROPERTIES_BYTES_MAX - RESERVED_BYTES - 1, b"v") + b"\x02"
    assert store.append(NewMessage("T", 0, b"", fits), T0).size == size_of(1, 0, PROPERTIES_BYTES_MAX, 16)
    end = store.log.end
    for too_long in (fits[:-1] + b"v\x02", fits[:-1] + b"v"):
        with pytest.raises(Refusal):
            store.append(NewMessage("T", 0, b"", too_long), T0)
    assert (store.log.end, store.queue("T", 0).next_offset) == (end, 1)
    size = size_of(1, 0, len(fits), 16)
    store.log.check(size, 0, len(fits))
    with pytest.raises(Refusal):
        store.log.check(size + 1, 0, len(fits) + 1)


def test_a_store_without_the_setting_writes_none_and_keeps_what_a_sender_wrote() -> None:
    store = MessageStore(MemoryDisk(), SIZES)
    mine = b"__CRC32#\x010000000001\x02"
    appended = store.append(NewMessage("T", 0, b"", mine), T0)
    store.write()
    assert store.log.read(appended.log_offset, appended.size).endswith(b"\x00\x14" + mine)


# ------------------------------------------------------------------------------------------------------- recovery


def damaged_life(at: int) -> tuple[MemoryDisk, dict[tuple[str, int, int], int], dict[tuple[str, int, int], int]]:
    """A killed store with a byte changed at this place of its third record; what was sent, and what of it is sound."""
    disk = MemoryDisk()
    store, _ = reopened(disk, APPENDS)
    save(store)
    sent = send(store, 8)
    flip(disk, sent[2].log_offset + at)
    return disk.crash_process(), places(sent), without(sent, 2)


def test_recovery_takes_a_record_whose_checksum_is_wrong_for_damaged_if_told_to() -> None:
    disk, _, sound = damaged_life(BORN_AT)
    store, report = reopened(disk, VERIFIES)
    assert [damage.reason for damage in report.damage] == ["properties CRC"]
    assert served(store) == sound


def test_recovery_does_not_look_at_it_unless_told_to() -> None:
    disk, all_of_them, _ = damaged_life(BORN_AT)
    store, report = reopened(disk, APPENDS)
    assert report.damage == []
    assert served(store) == all_of_them


def test_records_of_before_the_setting_pass() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk, SIZES)
    sent = send(store, 3)
    store.close()
    store, _ = reopened(disk, VERIFIES)
    more = send(store, 3)
    disk.remove_tree("consumequeue")
    store, report = reopened(disk.crash_process(), VERIFIES)
    assert report.damage == []
    assert len(served(store)) == len(sent) + len(more)
    record = store.read_record(more[0].log_offset)
    assert record is not None
    assert "__CRC32#" in decode_record(record).properties


@given(st.binary(max_size=200))
def test_whatever_stands_at_the_end_is_judged(content: bytes) -> None:
    assert checksum_fault(content) in ("", "properties CRC")
    kept = without_checksum(content)
    assert b"\x02__CRC32#\x01" not in b"\x02" + kept
    assert not kept or kept.endswith(b"\x02")
    assert examine(without_checksum(kept)).tags_code == examine(kept).tags_code
