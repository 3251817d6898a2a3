"""`pocketmq store`: tables that people read, lines that programs read."""

import base64
import json
import os
import zlib
from pathlib import Path

import pytest
from store_life import BODY_AT, SIZES, T0, send

from pocketmq.model.flags import COMPRESSED, CompressionType
from pocketmq.node import cli
from pocketmq.protocol.record import NewMessage
from pocketmq.store.disk import PosixDisk
from pocketmq.store.recovery import open_store
from pocketmq.tools import store as tool


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two queues with two messages each, and one queue with bodies that are no text."""
    store, _ = open_store(PosixDisk(tmp_path), SIZES, T0)
    send(store, 4)
    packed = zlib.compress(b"unpacked")
    for body, flag in ((b"\xff\xfe", 0), (packed, COMPRESSED | CompressionType.ZLIB.flag), (b"\xff", COMPRESSED)):
        store.append(
            NewMessage("Odd", 0, body, b"TAGS\x01A\x02KEYS\x01k l\x02", sys_flag=flag, born_timestamp=T0 - 5), T0
        )
    store.write()
    store.publish(store.log.written, T0)
    store.close()
    return tmp_path


def lines(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> list[str]:
    assert cli.main(["store", *words]) == status
    return capsys.readouterr().out.splitlines()


def dumped(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines(capsys, "dump", *words, status=status)]


def test_inspect_prints_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = lines(capsys, "inspect", str(folder))
    assert table[0].startswith("log         0 to ")
    assert table[1].startswith("            in 1 file(s) of 16384 bytes, ")
    assert table[5] == "stopped     in order"
    rows = [line.split() for line in table if line.startswith(("topic", "T ", "Odd"))]
    assert [row[:6] for row in rows] == [
        ["topic", "queue", "min", "max", "messages", "bytes"],
        ["Odd", "0", "0", "3", "3", "60"],
        ["T", "0", "0", "2", "2", "40"],
        ["T", "1", "0", "2", "2", "40"],
    ]


def test_inspect_for_programs_has_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = lines(capsys, "inspect", str(folder), "--json")
    found = json.loads(line)
    assert found["log"]["file_bytes"] == SIZES.log_file_bytes
    assert found["log"]["allocated_bytes"] == os.stat(folder / "commitlog" / ("0" * 20)).st_blocks * 512
    assert [(one["topic"], one["queue_id"], one["max_offset"]) for one in found["queues"]] == [
        ("Odd", 0, 3), ("T", 0, 2), ("T", 1, 2),
    ]  # fmt: skip
    assert found["index"][0]["count"] == 11
    assert (found["was_clean"], found["durable_offset"]) == (True, found["log"]["end"])


def test_inspect_says_what_a_java_store_and_a_kill_lack(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.remove(folder / "durable")
    (folder / "abort").write_bytes(b"")
    file = folder / "consumequeue" / "T" / "0" / ("0" * 20)
    file.write_bytes(file.read_bytes() + bytes(20))
    table = lines(capsys, "inspect", str(folder))
    assert "durable     none: written by Java" in table
    assert "stopped     not yet, or not in order (abort is there)" in table
    assert any("more than the file size 200" in line for line in table)


def test_a_dump_is_a_line_of_json_for_each_message(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = dumped(capsys, "T", "--data", str(folder))
    assert [(one["queueId"], one["queueOffset"]) for one in found] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert found[1]["body"] == "T0.1|".ljust(50, "x")
    assert (found[1]["keys"], found[1]["tags"], found[1]["crc"]) == (["T0.1"], None, "ok")
    assert (found[1]["storeTime"], found[1]["properties"]) == (T0 + 2, {"KEYS": "T0.1"})
    some = dumped(capsys, "T", "--data", str(folder), "--queue", "1", "--from", "1", "--count", "5")
    assert [(one["queueId"], one["queueOffset"]) for one in some] == [(1, 1)]


def test_bodies_that_are_no_text_or_packed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, packed, broken = dumped(capsys, "Odd", "--data", str(folder))
    assert base64.b64decode(str(plain["bodyBase64"])) == b"\xff\xfe"
    assert (packed["body"], packed["tags"], packed["keys"], packed["bornTime"]) == ("unpacked", "A", ["k", "l"], T0 - 5)
    assert base64.b64decode(str(broken["bodyBase64"])) == b"\xff"
    assert "the ZLIB body is broken" in str(broken["packed"])


def test_damage_has_its_line_and_makes_the_exit_status_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = folder / "commitlog" / ("0" * 20)
    content = bytearray(log.read_bytes())
    content[BODY_AT] ^= 1
    log.write_bytes(content)
    first, second = dumped(capsys, "T", "--data", str(folder), "--queue", "0", status=1)
    assert (first["crc"], first["damage"], "damage" in second) == ("wrong", "body CRC", False)
    content[4] ^= 1
    log.write_bytes(content)
    first, _ = dumped(capsys, "T", "--data", str(folder), "--queue", "0", status=1)
    assert "body" not in first
    assert str(first["damage"]).startswith("no record lies there: magic")


def test_mistakes_are_a_line_each(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["store", "dump", "Nope", "--data", str(folder)]) == 2
    assert "no queue of topic Nope in this store; there are: Odd, T" in capsys.readouterr().err
    assert cli.main(["store", "dump", "T", "--data", str(folder), "--queue", "7"]) == 2
    assert "topic T has no queue 7; there are: [0, 1]" in capsys.readouterr().err
    assert cli.main(["store", "inspect", str(folder / "commitlog")]) == 2
    with pytest.raises(SystemExit):
        cli.main(["store"])


@pytest.mark.parametrize(("moment", "text"), [(None, "-"), (1 << 62, f"{1 << 62} ms")])
def test_times_that_are_none(moment: int | None, text: str) -> None:
    assert tool.moment(moment) == text
