"""The log is readable: a line for an event, a stack trace for a bug, none for a mistake."""

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pocketmq.model.errors import UserError
from pocketmq.node.logs import OneLineFormatter, start_logging

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} WARNING pocketmq\.x: ")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLineFormatter())
    log = logging.getLogger("pocketmq.x")
    log.addHandler(handler)
    log.propagate = False
    yield stream
    log.removeHandler(handler)
    log.propagate = True


@pytest.fixture
def root_handlers() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers = before
    root.setLevel(level)


def test_an_event_is_one_line_with_time_level_and_place(stream: io.StringIO) -> None:
    logging.getLogger("pocketmq.x").warning("port %d", 10911)
    assert LINE.sub("", stream.getvalue()) == "port 10911\n"


def test_a_peer_cannot_forge_lines(stream: io.StringIO) -> None:
    logging.getLogger("pocketmq.x").warning("topic %s", "a\r\n2026-01-01 ERROR forged")
    assert LINE.sub("", stream.getvalue()) == "topic a\\r\\n2026-01-01 ERROR forged\n"


def test_a_bug_has_its_stack_trace_and_a_mistake_has_none(stream: io.StringIO) -> None:
    log = logging.getLogger("pocketmq.x")
    try:
        raise UserError("port 1 is in use")
    except UserError:
        log.warning("cannot start", exc_info=True)
    assert LINE.sub("", stream.getvalue()) == "cannot start: port 1 is in use\n"
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        log.warning("request %s", "SEND", exc_info=True)
    assert "request SEND\nTraceback (most recent call last):" in stream.getvalue()


@pytest.mark.usefixtures("root_handlers")
def test_the_log_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("broker", level="WARNING")
    logging.getLogger("pocketmq.x").info("quiet")
    logging.getLogger("pocketmq.x").warning("loud")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert LINE.sub("", captured.err) == "loud\n"


@pytest.mark.usefixtures("root_handlers")
def test_the_log_goes_to_a_file_and_only_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("broker")
    start_logging("broker", log_dir=str(tmp_path / "logs"))
    logging.getLogger("pocketmq.x").warning("loud é")
    assert LINE.sub("", (tmp_path / "logs" / "broker.log").read_text(encoding="utf-8")) == "loud é\n"
    assert capsys.readouterr().err == ""


def test_a_log_folder_that_cannot_be_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write logs to .*/file/logs: .*; choose another --log-dir"):
        start_logging("broker", log_dir=str(tmp_path / "file" / "logs"))
