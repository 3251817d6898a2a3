"""Stores that Java wrote, verified: sound ones are called sound, and damage is told where it was put."""

import json
import tarfile
from pathlib import Path

import pytest

from pocketmq.store.disk import PosixDisk
from pocketmq.store.finding import Finding, Severity
from pocketmq.store.index_file import Shape
from pocketmq.store.read_only_disk import ReadOnlyDisk
from pocketmq.store.verify import verify

VECTORS = Path(__file__).parent
CASES = {
    case["id"].partition("/")[2]: case
    for case in json.loads((VECTORS / "manifest.json").read_text())["cases"]
    if case["group"] == "4-stores"
}
SHAPE = Shape(50, 200)


def findings(archive: Path, folder: Path, inside: str = "") -> list[Finding]:
    with tarfile.open(archive) as members:
        members.extractall(folder, filter="data")
    disk = ReadOnlyDisk(PosixDisk(folder / inside, reads_only=True))
    return [one for one in verify(disk, SHAPE) if isinstance(one, Finding)]


def test_a_store_that_java_stopped_in_order_is_sound(tmp_path: Path) -> None:
    assert findings(VECTORS / CASES["clean"]["file"], tmp_path) == []


@pytest.mark.parametrize("name", sorted(set(CASES) - {"bodycrc"}))
def test_what_java_left_has_no_fault(tmp_path: Path, name: str) -> None:
    settings = CASES[name]["input"]
    assert (settings["maxHashSlotNum"], settings["maxIndexNum"]) == SHAPE
    assert {one.severity for one in findings(VECTORS / CASES[name]["file"], tmp_path)} <= {Severity.NOTICE}


@pytest.mark.parametrize(
    ("name", "reason"), [("torn", "properties length 0"), ("tornprops", "properties end in zeros")]
)
def test_a_torn_end_is_noticed_where_it_is(tmp_path: Path, name: str, reason: str) -> None:
    (found,) = [one for one in findings(VECTORS / CASES[name]["file"], tmp_path) if one.path.startswith("commitlog")]
    assert (found.severity, found.log_offset) == (Severity.NOTICE, 64555)
    assert found.said.endswith(reason)


def test_the_flipped_bit_is_the_only_damage(tmp_path: Path) -> None:
    found = findings(VECTORS / CASES["bodycrc"]["file"], tmp_path)
    assert [(str(one.severity), one.path, one.log_offset) for one in found] == [
        ("damage", "commitlog/00000000000000000000", 58474),
        ("notice", "abort", None),
    ]
    assert (found[0].topic, found[0].queue_id, found[0].queue_offset) == ("TopicA", 1, 21)


def test_a_whole_brokers_store_is_sound(tmp_path: Path) -> None:
    """With delays, transactions, timers, batches, compaction, consume queue extensions and all config tables."""
    assert findings(VECTORS / "brokers" / "broker.tar.gz", tmp_path, "store") == []
