"""The stores that Java left behind open here and serve what Java served, or more where Java loses messages."""

import gzip
import json
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from pocketmq.model.flags import INNER_BATCH
from pocketmq.protocol.stored import decode_record
from pocketmq.store.consume_queue import unpack_entries
from pocketmq.store.disk import PosixDisk
from pocketmq.store.message_store import MessageStore, StoreSizes
from pocketmq.store.recovery import Recovery, open_store

VECTORS = Path(__file__).parent
CASES = {
    case["id"].partition("/")[2]: case
    for case in json.loads((VECTORS / "manifest.json").read_text())["cases"]
    if case["group"] == "4-stores"
}
NOW_MS = 1709210196789
T0 = 1709210096789
LOOKUP = re.compile(r"([^#]+)#(\S+)(?: max (\d+) between T0\+(\d+) and T0\+(\d+))?")


def expected(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress((VECTORS / CASES[name]["expectedFile"]).read_bytes()))
    return found


def sizes_of(name: str, *, extends_queues: bool = False) -> StoreSizes:
    settings = CASES[name]["input"]
    return StoreSizes(
        log_file_bytes=settings["mappedFileSizeCommitLog"],
        queue_file_bytes=settings["mappedFileSizeConsumeQueue"],
        batch_queue_file_bytes=settings["mapperFileSizeBatchConsumeQueue"],
        extension_file_bytes=settings["mappedFileSizeConsumeQueueExt"],
        extends_queues=extends_queues,
        index_slots=settings["maxHashSlotNum"],
        index_entries=settings["maxIndexNum"],
        delay_levels=settings["messageDelayLevel"],
    )


def opened(name: str, folder: Path) -> tuple[MessageStore, Recovery]:
    with tarfile.open(VECTORS / CASES[name]["file"]) as archive:
        archive.extractall(folder, filter="data")
    return open_store(PosixDisk(folder), sizes_of(name), NOW_MS)


def listing(store: MessageStore) -> list[dict[str, Any]]:
    """Every message of every queue, as the expected listings show it."""
    rows = []
    for topic in sorted(store.topics()):
        for queue_id in store.queues(topic):
            for queue_offset in range(store.min_offset(topic, queue_id), store.max_offset(topic, queue_id)):
                entry = store.entry(topic, queue_id, queue_offset)
                assert entry is not None
                record = store.read_record(entry.log_offset, entry.size)
                if record is None:
                    continue
                message = decode_record(record)
                if message.queue_offset < queue_offset and message.sys_flag & INNER_BATCH:
                    continue
                rows.append(
                    {
                        "topic": topic,
                        "queueId": queue_id,
                        "queueOffset": queue_offset,
                        "physicalOffset": entry.log_offset,
                        "size": entry.size,
                        "tagsCode": entry.tags_code,
                        "storeTimestamp": message.store_timestamp,
                        "sysFlag": message.sys_flag,
                        "body": message.body.decode(),
                        "properties": dict(message.properties),
                    }
                )
    return rows


def java_rows(name: str) -> list[dict[str, Any]]:
    """Java's rows, one for a record: it is at the first of its queue offsets."""
    rows: list[dict[str, Any]] = expected(name)["listing"]
    for row in rows:
        del row["msgId"]
        row.pop("batchNum", None)
    return sorted(rows, key=lambda row: (row["topic"], row["queueId"], row["queueOffset"]))


def test_the_seven_stores_are_all_there() -> None:
    assert sorted(CASES) == ["behind", "bodycrc", "clean", "cqext", "killed", "torn", "tornprops"]


@pytest.mark.parametrize("name", ["clean", "killed", "torn", "behind"])
def test_a_store_serves_what_java_served(tmp_path: Path, name: str) -> None:
    store, report = opened(name, tmp_path)
    summary = expected(name)["summary"]
    assert report.was_clean is (name == "clean")
    assert report.damage == []
    assert (store.log_min_offset, store.log_max_offset) == (summary["minPhyOffset"], summary["maxPhyOffset"])
    assert listing(store) == java_rows(name)
    for queue, bounds in summary["queues"].items():
        topic, _, queue_id = queue.rpartition("-")
        assert [store.min_offset(topic, int(queue_id)), store.max_offset(topic, int(queue_id))] == bounds


def test_a_clean_store_with_queues_of_other_kinds_serves_what_java_served(tmp_path: Path) -> None:
    store, report = opened("cqext", tmp_path)
    assert report.was_clean
    assert store.log_max_offset == expected("cqext")["summary"]["maxPhyOffset"]
    assert listing(store) == java_rows("cqext")
    for queue, bounds in expected("cqext")["summary"]["queues"].items():
        topic, _, queue_id = queue.rpartition("-")
        assert [store.min_offset(topic, int(queue_id)), store.max_offset(topic, int(queue_id))] == bounds


def test_a_batch_queue_that_is_gone_is_derived_again_byte_for_byte(tmp_path: Path) -> None:
    opened("cqext", tmp_path)[0].close()
    path = tmp_path / "batchconsumequeue/TopicBatch/0/00000000000000000000"
    content = path.read_bytes()
    assert len(content) == CASES["cqext"]["input"]["mapperFileSizeBatchConsumeQueue"]
    path.unlink()
    (tmp_path / "abort").write_bytes(b"")
    (tmp_path / "checkpoint").unlink()
    open_store(PosixDisk(tmp_path), sizes_of("cqext"), NOW_MS)[0].close()
    assert path.read_bytes() == content


def test_queues_and_their_extensions_are_derived_again_byte_for_byte(tmp_path: Path) -> None:
    opened("cqext", tmp_path)[0].close()
    # Light queues hold entries of other topics' records, which are not derived here yet.
    folders = [path for path in tmp_path.glob("consumequeue*/*/*") if not path.parent.name.startswith("%LMQ%")]
    content = {path: path.read_bytes() for folder in folders for path in folder.iterdir()}
    assert len([path for path in content if "consumequeue_ext" in str(path)]) == 9
    for folder in folders:
        shutil.rmtree(folder)
    (tmp_path / "checkpoint").unlink()
    (tmp_path / "abort").write_bytes(b"")
    open_store(PosixDisk(tmp_path), sizes_of("cqext", extends_queues=True), NOW_MS)[0].close()
    assert {path: path.read_bytes() for path in content} == content


def test_a_pull_by_tags_compares_the_codes_in_the_extension(tmp_path: Path) -> None:
    store, _ = opened("cqext", tmp_path)
    rows = [row for row in java_rows("cqext") if (row["topic"], row["queueId"]) == ("TopicA", 0)]
    wanted = {row["tagsCode"] for row in rows} - {0}
    assert wanted
    queue = store.find_queue("TopicA", 0)
    assert queue is not None
    for code in wanted:
        _, _, selection = store.select(queue, 0, 32, 1 << 20, frozenset((code,)))
        assert selection is not None
        expected_offsets = [row["physicalOffset"] for row in rows if row["tagsCode"] == code]
        assert [entry.log_offset for entry in unpack_entries(selection.entries)] == expected_offsets


def test_a_record_whose_properties_are_torn_off_is_not_kept_as_java_keeps_it(tmp_path: Path) -> None:
    store, report = opened("tornprops", tmp_path)
    assert report.torn == "properties end in zeros"
    assert store.log_max_offset == 64555 < expected("tornprops")["summary"]["maxPhyOffset"]
    assert listing(store) == [row for row in java_rows("tornprops") if row["physicalOffset"] < 64555]


def test_a_flipped_bit_costs_one_message_where_java_loses_all_behind_it(tmp_path: Path) -> None:
    store, report = opened("bodycrc", tmp_path)
    assert [(damage.start, damage.end, damage.reason) for damage in report.damage] == [(58474, 59141, "body CRC")]
    whole = [row for row in java_rows("killed") if row["physicalOffset"] != 58474]
    assert listing(store) == whole
    java = java_rows("bodycrc")
    assert [row for row in whole if row["physicalOffset"] < 58474] == java
    assert len(whole) == len(java) + 14
    damaged = next(row for row in java_rows("killed") if row["physicalOffset"] == 58474)
    queue = store.find_queue(damaged["topic"], damaged["queueId"])
    assert queue is not None
    selection = queue.select(damaged["queueOffset"], 32, 1 << 20, None, 0)
    assert unpack_entries(selection.entries)[0].log_offset > 58474
    assert selection.next_offset == queue.max_offset


def test_keys_are_found_as_java_finds_them(tmp_path: Path) -> None:
    store, _ = opened("clean", tmp_path)
    lookups = expected("clean")["keys"]
    assert len(lookups) > 5
    for text, found in lookups.items():
        parts = LOOKUP.fullmatch(text)
        assert parts is not None, text
        topic, key, max_count, begin, end = parts.groups()
        hits = store.query_keys(
            topic, key, int(max_count or 32), T0 + int(begin) if begin else 0, T0 + int(end) if end else 1 << 62
        )
        assert hits.log_offsets == found["phyOffsets"], text
        assert hits.last_update_log_offset >= found.get("indexLastUpdatePhyoffset", 0)


@pytest.mark.parametrize("name", ["killed", "behind"])
def test_keys_are_found_again_after_a_kill(tmp_path: Path, name: str) -> None:
    store, _ = opened(name, tmp_path)
    records = [row for row in java_rows(name) if "UNIQ_KEY" in row["properties"]]
    assert len(records) > 50
    for row in records:
        hits = store.query_keys(row["topic"], row["properties"]["UNIQ_KEY"], 32, 0, 1 << 62)
        assert row["physicalOffset"] in hits.log_offsets


def test_offsets_are_found_by_time_as_java_finds_them(tmp_path: Path) -> None:
    store, _ = opened("clean", tmp_path)
    for case in expected("clean")["byTime"]:
        for upper in (False, True):
            found = store.offset_by_time(case["topic"], case["queueId"], case["timestamp"], upper)
            assert found == case["upper" if upper else "lower"], (case, upper)


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_store_taken_over_opens_again_without_loss(tmp_path: Path, name: str) -> None:
    store, _ = opened(name, tmp_path)
    rows, end = listing(store), store.log_max_offset
    store.close()
    again, report = open_store(PosixDisk(tmp_path), sizes_of(name), NOW_MS)
    assert report.was_clean
    assert report.damage == []
    assert again.log_max_offset == end
    assert listing(again) == rows


@pytest.mark.parametrize("name", ["clean", "killed"])
def test_queues_built_from_the_log_are_javas_byte_for_byte(tmp_path: Path, name: str) -> None:
    """Also after a recovery that cut the queues and derived every entry again."""
    store, _ = opened(name, tmp_path)
    store.close()
    java = {}
    with tarfile.open(VECTORS / CASES[name]["file"]) as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None and member.name.startswith("consumequeue/"):
                java[member.name] = content.read()
    for path, content in java.items():
        assert (tmp_path / path).read_bytes() == content, path
