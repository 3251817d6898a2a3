"""Files that Java wrote, against ours; what of the group has no code yet is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from pocketmq.model.java import java_string_hash
from pocketmq.store.active_index import ActiveIndex, absolute, hash_on, key_hash_of
from pocketmq.store.batch_queue import UNIT_BYTES, BatchQueue, pack_units, unpack_units
from pocketmq.store.checkpoint import (
    CHECKPOINT_PATH,
    Checkpoint,
    decode_checkpoint,
    encode_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from pocketmq.store.index_file import Header, IndexFile, Shape
from pocketmq.store.key_index import KeyIndex
from pocketmq.store.queue_extension import ExtensionUnit, QueueExtension, address_of, is_address, offset_of
from pocketmq.store.segments import DescriptorCache
from pocketmq.testing.memory_disk import MemoryDisk

CASES = {
    case["id"]: case
    for case in json.loads((Path(__file__).parent / "manifest.json").read_text())["cases"]
    if case["group"] == "5-formats"
}
COVERED_KINDS = {"index-file", "index-hash", "batch-consume-queue", "cqext", "cqext-address"}
COVERED_IDS = {"checkpoint/store"}
NOT_YET_COVERED = {
    "checkpoint": 1,
    "timer-wheel": 1,
    "timer-log": 1,
    "timer-enqueue": 1,
    "java-string-hash": 1,
}
"""Formats that have no code yet, with how many cases each has; the checkpoint among them is the timer's."""
NAME = "20240229123456789"


def test_every_case_is_covered_or_named_as_missing() -> None:
    missing: dict[str, int] = {}
    for name, case in CASES.items():
        if case["kind"] not in COVERED_KINDS and name not in COVERED_IDS:
            missing[case["kind"]] = missing.get(case["kind"], 0) + 1
    assert missing == NOT_YET_COVERED


def new_file(shape: Shape, header: Header) -> ActiveIndex:
    disk = MemoryDisk()
    disk.mkdirs("index")
    disk.open(f"index/{NAME}", create=True, size=shape.file_bytes)
    index = IndexFile(disk, "index", NAME, shape)
    index.header = header
    return ActiveIndex(index)


def hash_of(text: str) -> int:
    if "#" in text:
        topic, _, key = text.partition("#")
        return key_hash_of(topic.encode(), key.encode())
    code = hash_on(0, text.encode())
    return absolute(code if code >= 0 else java_string_hash(text) & 0xFFFFFFFF)


def content(active: ActiveIndex) -> str:
    active.flush()
    file = active.index.file
    return bytes(file.pread(0, file.size)).hex()


def test_an_index_file_is_javas_byte_for_byte() -> None:
    case = CASES["index/file"]
    active = new_file(Shape(case["input"]["hashSlotNum"], case["input"]["maxIndexNum"]), Header())
    for put in case["input"]["puts"]:
        assert hash_of(put["key"]) == put["hash"]
        assert active.put(put["hash"], put["phyOffset"], put["storeTimestamp"]) is put["ok"]
        active.flush()
    assert content(active) == case["hex"]


def test_a_full_index_file_takes_no_more() -> None:
    case = CASES["index/full"]
    active = new_file(Shape(case["input"]["hashSlotNum"], case["input"]["maxIndexNum"]), Header())
    for key, log_offset, store_timestamp, taken, full in case["input"]["putsKeyOffsetTimeOkFull"]:
        assert active.put(hash_of(key), log_offset, store_timestamp) is taken
        assert active.is_full is full
    assert content(active) == case["hex"]


def test_a_second_file_continues_the_first() -> None:
    case = CASES["index/continued"]
    before = Header(end_timestamp=case["input"]["endTimestamp"], end_log_offset=case["input"]["endPhyOffset"])
    active = new_file(Shape(case["input"]["hashSlotNum"], case["input"]["maxIndexNum"]), before.successor())
    for put in case["input"]["puts"]:
        assert active.put(hash_of(put["key"]), put["phyOffset"], put["storeTimestamp"])
    assert content(active) == case["hex"]


def test_the_index_rolls_as_java_rolls() -> None:
    disk = MemoryDisk()
    index = KeyIndex(disk, "index", 4, 4)
    for number in range(6):
        index.put_key(b"T", b"k", 100 * number, 1709210096789 + 1000 * number, now_ms=1709210096789)
    index.flush()
    assert index.names() == disk.listdir("index") == ["20240229123456789", "20240229123456790"]
    second = IndexFile(disk, "index", "20240229123456790", Shape(4, 4))
    assert second.header == Header(1709210099789, 1709210101789, 300, 500, 1, 4)
    assert [second.entry(number).seconds for number in (1, 2, 3)] == [1, 1, 2]
    assert disk.size("index/20240229123456789") == len(CASES["index/full"]["hex"]) // 2


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["kind"] == "index-hash"])
def test_a_key_hashes_as_in_java(name: str) -> None:
    case = CASES[name]
    assert hash_of(case["input"]["key"]) == case["expected"]


def test_java_reads_from_an_index_file_what_we_read() -> None:
    case: dict[str, Any] = CASES["index/file"]
    shape = Shape(case["input"]["hashSlotNum"], case["input"]["maxIndexNum"])
    disk = MemoryDisk()
    disk.mkdirs("index")
    disk.open(f"index/{NAME}", create=True).pwrite(0, bytes.fromhex(case["hex"]))
    index = KeyIndex(disk, "index", shape.slots_max, shape.entries_max)
    assert index.query("TopicA", "k1", 32, 0, 1 << 62) == [1800, 400, 0]
    assert index.query("TopicA", "k1", 2, 0, 1 << 62) == [1800, 400]
    assert index.query("TopicA", "k1", 32, 1709210096000, 1709210098000) == [400, 0]
    assert index.query("主题", "键", 32, 0, 1 << 62) == [1600]
    assert index.query("TopicA", "k9", 32, 0, 1 << 62) == []
    assert index.end_log_offset == 1800


def test_the_checkpoint_is_javas_byte_for_byte() -> None:
    case = CASES["checkpoint/store"]
    checkpoint = Checkpoint(
        log_timestamp=case["input"]["physicMsgTimestamp"],
        queue_timestamp=case["input"]["logicsMsgTimestamp"],
        index_timestamp=case["input"]["indexMsgTimestamp"],
        master_flushed_offset=case["input"]["masterFlushedOffset"],
        confirm_offset=case["input"]["confirmPhyOffset"],
        queue_log_offset=case["input"]["logicsPhysicalOffset"],
    )
    expected = bytes.fromhex(case["hex"]).ljust(case["fileSize"], b"\0")
    assert encode_checkpoint(checkpoint) == expected
    assert decode_checkpoint(expected) == checkpoint
    disk = MemoryDisk()
    save_checkpoint(disk, checkpoint)
    assert disk.open(CHECKPOINT_PATH).pread(0, 5000) == expected
    assert load_checkpoint(disk) == checkpoint


# ------------------------------------------------------------------------------------------- batch consume queue


def test_a_batch_queues_files_are_javas_byte_for_byte() -> None:
    case = CASES["bcq/file"]
    disk = MemoryDisk()
    queue = BatchQueue(disk, "TopicBatch", 0, case["input"]["mappedFileSize"], DescriptorCache())
    for put in case["input"]["puts"]:
        place = (queue, put["msgBaseOffset"], put["physicalOffset"], put["size"])
        dispatch = (*place, put["tagsCode"], put["storeTime"], b"TopicBatch", b"", b"")
        if put["batchSize"] > 1:
            queue.expect(dispatch, put["batchSize"])
        queue.put_dispatch(dispatch)
    queue.write()
    for path, content in case["files"].items():
        file = disk.open(f"batchconsumequeue/{path}")
        assert file.pread(0, file.size).hex() == content
        units = unpack_units(bytes.fromhex(content))
        sound = [unit for unit in units if unit.is_sound]
        assert pack_units(sound).hex() == content[: 2 * UNIT_BYTES * len(sound)]
    for queue_offset, log_offset in case["physicalOffsetByQueueOffset"].items():
        entry = queue.entry(int(queue_offset))
        assert (None if entry is None else entry.log_offset) == log_offset
    assert queue.max_offset == case["maxOffsetInQueue"]
    assert queue.min_offset == case["minOffsetInQueue"]


# ------------------------------------------------------------------------------------------ consume queue extension


def test_an_extensions_files_are_javas_byte_for_byte() -> None:
    case = CASES["cqext/file"]
    disk = MemoryDisk()
    extension = QueueExtension(disk, "TopicTest", 0, case["input"]["mappedFileSize"], DescriptorCache())
    units = {}
    for put in case["input"]["puts"]:
        unit = ExtensionUnit(put["tagsCode"], put["msgStoreTime"], bytes.fromhex(put["bitMap"] or ""))
        address = extension.append(unit)
        assert address == put["address"] == address_of(put["realOffset"])
        assert offset_of(address) == put["realOffset"]
        units[address] = unit
    assert {address: extension.get(address) for address in units} == units
    extension.write()
    assert {address: extension.get(address) for address in units} == units
    assert address_of(extension.end) == case["maxAddress"]
    assert address_of(extension.segments.start) == case["minAddress"]
    for path, content in case["files"].items():
        file = disk.open(f"consumequeue_ext/{path}")
        assert file.pread(0, file.size).hex() == content


@pytest.mark.parametrize("case", [case for case in CASES.values() if case["kind"] == "cqext-address"])
def test_an_address_is_told_from_a_tags_code_as_java_tells_it(case: dict[str, Any]) -> None:
    address, expected = case["input"]["address"], case["expected"]
    assert is_address(address) == expected["isExtAddr"]
    if is_address(address):
        assert offset_of(address) == expected["unDecorate"]
        assert address_of(expected["unDecorate"]) == address
