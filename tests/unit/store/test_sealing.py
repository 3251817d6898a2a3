"""A checksum over the whole record: written where it is asked for, and then a lie anywhere in the record is damage."""

from dataclasses import replace

import pytest
from store_life import SIZES, T0, flip, reopened, send, sync

from pocketmq.model.message import Message
from pocketmq.protocol.frame.send_header import SendHeader
from pocketmq.protocol.message import encode_messages
from pocketmq.protocol.record import NewMessage
from pocketmq.protocol.record.sealing import SEAL_BYTES, is_seal_broken, with_seal
from pocketmq.store.commit_log import append_batch
from pocketmq.store.message_store import MessageStore
from pocketmq.testing.memory_disk import MemoryDisk

SEALING = replace(SIZES, seals=True)
VERIFYING = replace(SEALING, verifies_seals=True)
BORN_TIMESTAMP_AT = 47


@pytest.mark.parametrize(
    ("properties", "before"), [(b"", b""), (b"a\x01b\x02", b"a\x01b\x02"), (b"a\x01b", b"a\x01b\x02")]
)
def test_the_property_stands_last_behind_a_separator(properties: bytes, before: bytes) -> None:
    assert with_seal(properties) == before + b"__CRC32#\x010000000000\x02"


def one_record(store: MessageStore, properties: bytes) -> bytes:
    appended = store.append(NewMessage("T", 0, b"body", properties), T0)
    store.write()
    record = store.read_record(appended.log_offset)
    assert record is not None
    assert len(record) == appended.size
    return record


@pytest.mark.parametrize("properties", [b"", b"a\x01b\x02", b"a\x01b"])
def test_each_record_is_sealed_and_every_byte_counts(properties: bytes) -> None:
    store, _ = reopened(MemoryDisk(), SEALING)
    record = one_record(store, properties)
    assert record[-SEAL_BYTES:].startswith(b"__CRC32#\x01")
    assert not is_seal_broken(record)
    for at in (*range(len(record) - SEAL_BYTES), len(record) - 2):
        changed = bytearray(record)
        changed[at] ^= 4
        assert is_seal_broken(bytes(changed)), f"byte {at}"


def test_nothing_is_sealed_unless_asked_for() -> None:
    store, _ = reopened(MemoryDisk())
    record = one_record(store, b"a\x01b\x02")
    assert b"__CRC32#" not in record
    assert not is_seal_broken(record)


def test_a_batch_is_sealed_message_by_message_and_its_room_is_counted() -> None:
    store, _ = reopened(MemoryDisk(), SEALING)
    body = encode_messages([Message("T", b"one"), Message("T", b"two", {"a": "b"})])
    append_batch(store.log, store.queue("T", 0), body, SendHeader(), 0, bytes(8), bytes(8), T0)
    store.write()
    for _, _, log_offset, size, *_ in store.log.undispatched:
        record = store.log.read(log_offset, size)
        assert record[-SEAL_BYTES:].startswith(b"__CRC32#\x01")
        assert not is_seal_broken(record)


@pytest.mark.parametrize(("sizes", "damages"), [(VERIFYING, 1), (SEALING, 0)])
def test_a_header_that_lies_is_damage_where_that_is_asked_for(sizes: object, damages: int) -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk, SEALING)
    sent = send(store, 9)
    sync(store)
    flip(disk, sent[4].log_offset + BORN_TIMESTAMP_AT)
    _, report = reopened(disk.crash_process(), sizes)  # type: ignore[arg-type]
    assert [damage.start for damage in report.damage] == [sent[4].log_offset] * damages


def test_records_without_one_are_as_sound_as_ever() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 9)
    _, report = reopened(disk.crash_process(), VERIFYING)
    assert (report.damage, report.records) == ([], len(sent))
