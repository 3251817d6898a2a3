"""A node whose file of consumer offsets was lost or damaged between two starts."""

import json
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PATIENCE_SECONDS = 60.0
"""Longer than any start; reached only by a failing test."""

OFFSETS = "config/consumerOffset.json"


def node(data: Path) -> subprocess.Popen[str]:
    words = ["up", "--data", str(data), "--port", "0", "--namesrv-port", "0", "--json"]
    command = [sys.executable, "-m", "pocketmq.node.cli", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(data: Path, *, message: str = "", ends_with: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
    """Start, send a message if there is one, end; the exit status and what the node logged."""
    process = node(data)
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE_SECONDS)
    line = process.stdout.readline() if ready else ""
    try:
        if message and line:
            namesrv = json.loads(line)["namesrv"]
            send = [sys.executable, "-m", "pocketmq.node.cli", "send", "Greetings", message, "--namesrv", namesrv]
            subprocess.run(send, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
        process.send_signal(ends_with)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
        process.communicate()
    return process.returncode, errors


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A store with a message, whose broker was killed before it wrote any offset on its own account."""
    assert run(tmp_path, message="hello", ends_with=signal.SIGKILL)[0] == -signal.SIGKILL
    return tmp_path


def test_a_kill_before_the_first_commit_is_no_loss(data: Path) -> None:
    status, said = run(data)
    assert (status, "ERROR" in said) == (0, False), said


def test_a_file_that_is_gone_stops_the_start_until_somebody_decides(data: Path) -> None:
    (data / OFFSETS).unlink()
    for _ in range(2):
        status, said = run(data)
        assert status == 1, said
        assert f"{OFFSETS} is missing, though there are messages in the log" in said
    (data / OFFSETS).write_text("{}")
    assert run(data)[0] == 0


def test_a_broken_file_gives_way_to_the_one_before_and_the_log_says_so(data: Path) -> None:
    assert run(data)[0] == 0
    (data / OFFSETS).write_bytes(b"\0" * 64)
    status, said = run(data)
    assert status == 0, said
    (line,) = [line for line in said.splitlines() if " ERROR " in line]
    assert f"started with the older {OFFSETS}.bak, and kept the broken one as {OFFSETS}.corrupt" in line
    assert (data / f"{OFFSETS}.corrupt").read_bytes() == b"\0" * 64
