"""`pocketmq fsck`: its words, its exit status, and that it changes nothing unless told to."""

import io
import json
import os
from pathlib import Path

import pytest
from store_life import BODY_AT, SIZES, T0, send

from pocketmq.node import cli
from pocketmq.store.disk import PosixDisk
from pocketmq.store.finding import Finding, Severity
from pocketmq.store.recovery import open_store
from pocketmq.tools import fsck
from pocketmq.tools.progress_line import ProgressLine
from pocketmq.tools.store_lock import store_lock

SHAPE = ["--max-hash-slot-num", "10", "--max-index-num", "50"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store that was stopped in order."""
    store, _ = open_store(PosixDisk(tmp_path), SIZES, T0)
    send(store, 30)
    store.close()
    return tmp_path


def ran(*words: str) -> int:
    return cli.main(["fsck", *words])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_a_sound_store_is_said_to_be_sound(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(folder)
    assert ran(str(folder), *SHAPE) == 0
    assert capsys.readouterr() == ("sound\n", "")
    assert contents(folder) == before


def test_damage_is_said_with_place_message_and_remedy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip(folder / "commitlog" / ("0" * 20), BODY_AT)
    assert ran(str(folder), *SHAPE) == 1
    first, remedy, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"DAMAGE  commitlog/{'0' * 20}:0 (T/0@0) ")
    assert first.endswith("bytes are no sound record: body CRC")
    assert remedy.startswith("        → the messages in them are lost unless a backup has them")
    assert last == "not sound: 1 damage, 0 derived"


def test_json_is_a_line_for_each_finding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "abort").write_bytes(b"")
    os.remove(folder / "consumequeue" / "T" / "0" / ("0" * 20))
    assert ran(str(folder), *SHAPE, "--json") == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(one["severity"], one["topic"], one["queue_id"], one["queue_offset"]) for one in lines} == {
        ("notice", None, None, None), ("derived", "T", 0, 0),
    }  # fmt: skip


def test_repair_builds_again_and_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(folder)
    os.remove(folder / "consumequeue" / "T" / "0" / ("0" * 20))
    assert ran(str(folder), *SHAPE, "--repair") == 0
    out, errors = capsys.readouterr()
    assert out.splitlines()[-2:] == ["not sound: 0 damage, 1 derived", "sound"]
    said = "removed consumequeue and index, and built them again from 30 records; the log is as it was\n"
    assert errors == said
    after = contents(folder)
    for path in before:
        if "/consumequeue/" in path or "/commitlog/" in path:
            assert after[path] == before[path], path
    assert ran(str(folder), *SHAPE) == 0


def test_repair_of_what_is_not_broken_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(folder)
    assert ran(str(folder), *SHAPE, "--repair") == 0
    assert capsys.readouterr().err == "nothing to repair: queues and index are what the log makes them\n"
    assert contents(folder) == before


def test_repair_that_would_do_harm_is_refused_in_a_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.remove(folder / "consumequeue" / "T" / "0" / ("0" * 20))
    flip(folder / "commitlog" / ("0" * 20), 16_000)
    before = contents(folder)
    assert ran(str(folder), *SHAPE, "--repair") == 2
    error = capsys.readouterr().err
    assert error.startswith(f"pocketmq: {folder} cannot be repaired: bytes behind the log's end ")
    assert contents(folder) == before


def test_a_repair_that_fails_is_said_in_a_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise OSError(28, "No space left on device", "index/1")

    monkeypatch.setattr("pocketmq.store.repair.repair", failing)
    os.remove(folder / "consumequeue" / "T" / "0" / ("0" * 20))
    assert ran(str(folder), *SHAPE, "--repair") == 2
    error = capsys.readouterr().err
    assert error == f"pocketmq: {folder} is not repaired: [Errno 28] No space left on device: 'index/1'\n"


def test_a_store_in_use_is_looked_at_but_not_repaired(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with store_lock(str(folder), "--data"):
        assert ran(str(folder), *SHAPE) == 0
        held = f"{folder} is in use by process {os.getpid()}"
        assert capsys.readouterr().err == f"{held}: what follows may have moved meanwhile\n"
        assert ran(str(folder), *SHAPE, "--repair") == 2
        assert capsys.readouterr().err == f"pocketmq: {held}; stop it, then --repair\n"


def test_what_is_no_store_is_a_mistake_said_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(str(tmp_path)) == 2
    assert capsys.readouterr().err == f"pocketmq: {tmp_path}: no store: there is no folder commitlog in it\n"
    assert ran(str(tmp_path / "gone")) == 2
    assert capsys.readouterr().err == f"pocketmq: {tmp_path}/gone is no folder\n"


def test_a_log_that_cannot_be_walked_is_no_verdict(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.rename(folder / "commitlog" / ("0" * 20), folder / "commitlog" / ("0" * 19 + "1"))
    assert ran(str(folder), *SHAPE) == 2
    assert "does not start at a multiple of the file size 16384" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.remove(folder / "durable")
    (folder / "durable").mkdir()
    assert ran(str(folder), *SHAPE) == 2
    assert capsys.readouterr().err.startswith(f"pocketmq: {folder}: cannot read ")


def test_doubts_about_sizes_are_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.truncate(folder / "consumequeue" / "T" / "1" / f"{200:020d}", 100)
    assert ran(str(folder), *SHAPE) == 0
    assert "mappedFileSizeConsumeQueue) is taken to have 200 bytes" in capsys.readouterr().out


def test_more_findings_than_a_person_reads_are_counted(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fsck, "LINES_MAX", 1)
    for file in ("config/a.json", "config/b.json"):
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_bytes(b"")
    assert ran(str(folder), *SHAPE) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "DAMAGE  config/a.json cannot be read: it is empty"
    assert lines[2:] == ["not sound: 2 damage, 0 derived; 1 more than shown, --json has all"]


def test_nothing_in_a_finding_can_steer_a_terminal() -> None:
    text = fsck.as_text(Finding(Severity.NOTICE, "a\x1b[2J", "said\n", "", topic="\x07"))
    assert text == "NOTICE  a\\x1b[2J (\\x07) said\\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_while_the_log_is_walked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("pocketmq.store.verify.PROGRESS_BYTES", 100)
    assert ran(str(folder), *SHAPE) == 0
    assert " %  " in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_progress_is_one_line_written_over_and_only_on_a_terminal() -> None:
    moments = iter([0, 1_000_000_000, 1_100_000_000, 2_000_000_000])
    terminal = Terminal()
    line = ProgressLine(terminal, lambda: next(moments))
    line.show(50_000_000, 200_000_000)
    line.show(51_000_000, 200_000_000)
    line.show(100_000_000, 200_000_000)
    line.clear()
    line.clear()
    assert terminal.getvalue() == "\r\x1b[K25 %  50 MB/s\r\x1b[K50 %  50 MB/s\r\x1b[K"
    nobody = io.StringIO()
    line = ProgressLine(nobody, lambda: 1)
    line.show(1, 2)
    line.clear()
    assert nobody.getvalue() == ""


def test_a_log_that_lies_elsewhere_is_looked_at_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = folder.parent / "elsewhere"
    os.rename(folder / "commitlog", place)
    assert ran(str(folder), *SHAPE) == 2
    assert "there is no folder commitlog in it" in capsys.readouterr().err
    assert ran(str(folder), "--commit-log", str(place), *SHAPE) == 0
    assert capsys.readouterr().out == "sound\n"
    (folder / "consumequeue" / "T" / "0" / f"{0:020d}").unlink()
    assert ran(str(folder), "--commit-log", str(place), "--repair", *SHAPE) == 0
    assert cli.main(["store", "dump", "T", "--data", str(folder), "--commit-log", str(place), "--queue", "0"]) == 0
    assert len(capsys.readouterr().out.splitlines()[-15:]) == 15
    assert cli.main(["store", "inspect", str(folder), "--commit-log", str(place)]) == 0
    assert "in 1 file(s)" in capsys.readouterr().out
