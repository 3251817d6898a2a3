"""Log records byte for byte as Java's commit log writes them, and the queue entries they cause."""

import struct
from typing import Any

import pytest
from golden_cases import cases_of

from pocketmq.model.delays import DEFAULT_DELAY_LEVELS
from pocketmq.model.flags import COMPRESSED, INNER_BATCH
from pocketmq.model.peer import pack_host
from pocketmq.protocol.message import split_batch
from pocketmq.protocol.properties import encode_properties
from pocketmq.protocol.record import NewMessage, NoRecord, Scanned, scan
from pocketmq.protocol.stored import decode_record
from pocketmq.store.batch_queue import BatchQueue
from pocketmq.store.consume_queue import ConsumeQueue
from pocketmq.store.inner_batch import append_inner_batch
from pocketmq.store.message_store import Appended, MessageStore, StoreSizes
from pocketmq.testing.memory_disk import MemoryDisk

RECORDS = cases_of("3-records", "record")
LATER = ("record/lmq-dispatch",)
"""Light queues are not written here yet; they are read."""
BATCH_TOPIC = "TopicBatch"

WRITTEN = [case for case in RECORDS if not case["id"].startswith(LATER) and not case["id"].startswith("record/eof")]
_FILE_BYTES = 1 << 20


def _store(file_bytes: int = _FILE_BYTES, case_id: str = "") -> MessageStore:
    sizes = StoreSizes(
        log_file_bytes=file_bytes,
        queue_file_bytes=2000,
        delay_levels=DEFAULT_DELAY_LEVELS,
        seals=case_id.startswith("record/crc/"),
    )
    return MessageStore(MemoryDisk(), sizes, {BATCH_TOPIC})


def _append(store: MessageStore, given: dict[str, Any]) -> Appended:
    message = _message(given)
    append = append_inner_batch if given["sysFlag"] & INNER_BATCH else MessageStore.append
    return append(store, message, given["storeTimestamp"])


def _begin(queue: ConsumeQueue, first: int) -> None:
    if not isinstance(queue, BatchQueue):
        queue.resume(first, first)
    queue.next_offset = first


def _host(text: str) -> bytes:
    host, _, port = text.rpartition(":")
    return pack_host(host, int(port))


def _message(given: dict[str, Any]) -> NewMessage:
    return NewMessage(
        given["topic"],
        given["queueId"],
        bytes.fromhex(given["bodyHex"] or ""),
        given["propertiesString"].encode(),
        flag=given["flag"],
        sys_flag=given["sysFlag"],
        born_timestamp=given["bornTimestamp"],
        born_host=_host(given["bornHost"]),
        store_host=_host(given["storeHost"]),
        reconsume_times=given["reconsumeTimes"],
        prepared_transaction_offset=given["preparedTransactionOffset"],
    )


@pytest.mark.parametrize("case", WRITTEN, ids=lambda case: case["id"])
def test_a_record_is_written_as_java_writes_it(case: dict[str, Any]) -> None:
    given = case["input"]
    store = _store(case_id=case["id"])
    store.log.resume(given["physicalOffset"])
    queue = store.queue(given["topic"], given["queueId"])
    first = 0 if given["sysFlag"] & 12 in (4, 12) else given["queueOffset"]
    _begin(queue, first)
    appended = _append(store, given)
    store.log.segments.write(0, b"") if given["physicalOffset"] else None
    store.write()
    written = store.log.read(appended.log_offset, appended.size)
    assert written.hex() == case["hex"]


@pytest.mark.parametrize("case", [case for case in WRITTEN if "cq" in case], ids=lambda case: case["id"])
def test_a_record_causes_the_queue_entries_that_java_derives(case: dict[str, Any]) -> None:
    given = case["input"]
    store = _store(case_id=case["id"])
    store.log.resume(given["physicalOffset"])
    hidden = given["sysFlag"] & 12 in (4, 12)
    queue = store.queue(given["topic"], given["queueId"])
    if not hidden:
        _begin(queue, given["queueOffset"])
    _append(store, given)
    store.log.segments.write(0, b"") if given["physicalOffset"] else None
    store.write()
    store.publish(store.log.written, given["storeTimestamp"])
    entries = queue.raw(given["queueOffset"], 10)
    assert (
        queue.next_offset == queue.max_offset == given["queueOffset"] + sum(entry["batchNum"] for entry in case["cq"])
    )
    assert entries.hex() == "".join(entry["hex"] for entry in case["cq"])


@pytest.mark.parametrize("case", RECORDS, ids=lambda case: case["id"])
def test_a_record_is_read_as_java_reads_it(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["hex"])
    decoded = case["decoded"]
    message = decode_record(data)
    assert message.message_id == decoded["msgId"]
    assert message.topic == decoded["topic"]
    assert message.queue_id == decoded["queueId"]
    assert message.queue_offset == decoded["queueOffset"]
    assert message.log_offset == decoded["commitLogOffset"]
    assert message.store_size == decoded["storeSize"] == len(data)
    # Java's decoder inflates a compressed body and clears its flag; ours leaves the record as it is.
    assert message.sys_flag & ~COMPRESSED == decoded["sysFlag"] & ~COMPRESSED
    if not message.sys_flag & COMPRESSED:
        assert message.body.hex() == (decoded["bodyHex"] or "")
    assert message.body_crc == decoded["bodyCRC"]
    assert dict(message.properties) == (decoded["properties"] or {})
    assert (message.flag, message.reconsume_times) == (decoded["flag"], decoded["reconsumeTimes"])
    assert message.prepared_transaction_offset == decoded["preparedTransactionOffset"]
    assert (message.born_timestamp, message.store_timestamp) == (decoded["bornTimestamp"], decoded["storeTimestamp"])
    assert _host(message.born_host) == _host(decoded["bornHost"])
    assert _host(message.store_host) == _host(decoded["storeHost"])


@pytest.mark.parametrize("case", RECORDS, ids=lambda case: case["id"])
def test_a_scan_finds_the_same_record(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["hex"])
    found = scan(data, 0, case["decoded"]["commitLogOffset"])
    assert isinstance(found, Scanned)
    assert found.size == len(data)
    assert found.topic.decode() == case["decoded"]["topic"]
    assert found.queue_offset == case["decoded"]["queueOffset"]
    assert found.store_timestamp == case["decoded"]["storeTimestamp"]


@pytest.mark.parametrize("case", RECORDS[:6], ids=lambda case: case["id"])
def test_a_changed_record_is_no_record(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["hex"])
    log_offset = case["decoded"]["commitLogOffset"]
    body_at = len(data) - len(bytes.fromhex(case["decoded"]["bodyHex"] or "")) if case["decoded"]["bodyHex"] else None
    for at in (*range(8), *range(28, 36)):
        changed = bytearray(data)
        changed[at] ^= 0x5A
        assert isinstance(scan(bytes(changed), 0, log_offset), NoRecord), at
    if body_at is not None:
        changed = bytearray(data)
        changed[88] ^= 1
        assert isinstance(scan(bytes(changed), 0, log_offset), NoRecord)
    for size in range(len(data)):
        assert isinstance(scan(data[:size], 0, log_offset), NoRecord)


def test_a_batch_is_cut_into_the_records_that_java_makes_of_it() -> None:
    (case,) = cases_of("3-records", "record-batch")
    given = case["input"]
    store = _store()
    store.log.resume(given["physicalOffset"])
    queue = store.queue(given["topic"], given["queueId"])
    queue.resume(given["firstQueueOffset"], given["firstQueueOffset"])
    store.log.segments.write(0, b"")
    written = b""
    for entry in split_batch(bytes.fromhex(given["wireBodyHex"]), 1 << 20):
        message = NewMessage(
            given["topic"],
            given["queueId"],
            entry.body,
            entry.properties,
            flag=entry.flag,
            born_timestamp=1709210000000,
            born_host=pack_host("127.0.0.1", 50000),
            store_host=pack_host("127.0.0.1", 10911),
        )
        appended = store.append(message, given["storeTimestamp"])
        store.write()
        written += store.log.read(appended.log_offset, appended.size)
    assert written.hex() == case["hex"]


def _fill(store: MessageStore, sizes: list[int]) -> list[tuple[int, int]]:
    """Appends records of these sizes; where each was put."""
    places = []
    for size in sizes:
        empty = NewMessage("TopicTest", 0, b"", encode_properties({}))
        overhead = 91 + len("TopicTest")
        appended = store.append(empty._replace(body=bytes(size - overhead)), 1)
        assert appended.size == size
        places.append((appended.log_offset, appended.size))
    store.write()
    return places


def test_a_file_ends_in_a_blank_as_java_leaves_it() -> None:
    (case,) = cases_of("3-records", "commitlog-file")
    blank = case["blank"]
    store = _store(case["input"]["fileSize"])
    _fill(store, [case["input"]["firstRecordSize"], 700])
    tail = store.log.read(blank["at"], 8)
    assert struct.unpack(">Ii", tail) == (blank["length"], blank["magic"])
    assert store.log.read(case["input"]["fileSize"], 4) == (700).to_bytes(4, "big")


def test_a_record_leaves_eight_bytes_for_the_blank() -> None:
    cases = {case["id"]: case for case in cases_of("3-records", "put-result")}
    exact = cases["record/eof/fits-exactly"]["input"]
    store = _store(exact["fileSize"])
    first = exact["fileSize"] - exact["left"]
    assert _fill(store, [first, exact["messageSize"]]) == [(0, first), (first, exact["messageSize"])]
    assert store.log.end == exact["fileSize"] - 8

    small = cases["record/eof/blank-of-eight"]["input"]
    assert _fill(store, [small["messageSize"]]) == [(small["fileSize"], small["messageSize"])]
    assert struct.unpack(">Ii", store.log.read(small["fileSize"] - 8, 8)) == (8, -875286124)

    over = cases["record/eof/one-byte-too-many"]["input"]
    store = _store(over["fileSize"])
    first = over["fileSize"] - over["left"]
    places = _fill(store, [first, over["messageSize"]])
    assert places[1] == (over["fileSize"], over["messageSize"])
