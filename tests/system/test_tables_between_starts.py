"""What `config/` holds between two starts of a node: what a stop leaves there, and what was lost or damaged since."""

import asyncio
import json
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pocketmq.client import Consumer, Message, Producer
from pocketmq.protocol.bodies import DelayOffsetSerializeWrapper

PATIENCE_SECONDS = 60.0
"""Longer than any start; reached only by a failing test."""

OFFSETS = "config/consumerOffset.json"


def pocketmq(*words: str) -> list[str]:
    return [sys.executable, "-m", "pocketmq.node.cli", *words]


def run(
    data: Path,
    *flags: str,
    act: Callable[[str], object] = lambda namesrv: None,
    ends_with: signal.Signals = signal.SIGTERM,
) -> tuple[int, str]:
    """Start a node, act on it, end it; the exit status and what the node logged."""
    up = pocketmq("up", "--data", str(data), "--port", "0", "--namesrv-port", "0", "--json", *flags)
    process = subprocess.Popen(up, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE_SECONDS)
    line = process.stdout.readline() if ready else ""
    try:
        if line:
            act(json.loads(line)["namesrv"])
        process.send_signal(ends_with)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
        process.communicate()
    return process.returncode, errors


def send(namesrv: str) -> None:
    words = pocketmq("send", "Greetings", "hello", "--namesrv", namesrv)
    subprocess.run(words, check=True, capture_output=True, timeout=PATIENCE_SECONDS)


async def delay_one(namesrv: str) -> None:
    """Send a message of the first delay level and wait until it is delivered."""
    async with asyncio.timeout(PATIENCE_SECONDS), Producer(namesrv, group="Sending") as producer:
        await producer.send(Message("Later", b"hello", delay_level=1))
        async with Consumer(namesrv, group="Waiting", start_at="first") as consumer:
            await consumer.subscribe("Later")
            await anext(consumer)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A store with a message, whose broker was killed before it wrote any offset on its own account."""
    assert run(tmp_path, act=send, ends_with=signal.SIGKILL)[0] == -signal.SIGKILL
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


def test_a_broken_table_of_topics_is_told_too(data: Path) -> None:
    topics = data / "config" / "topics.json"
    assert run(data)[0] == 0
    topics.write_bytes(b"{")
    status, said = run(data)
    assert status == 0, said
    (line,) = [line for line in said.splitlines() if " ERROR " in line]
    assert (
        "started with the older config/topics.json.bak, and kept the broken one as config/topics.json.corrupt" in line
    )


def test_a_stop_leaves_no_delayed_message_to_be_delivered_again(tmp_path: Path) -> None:
    flags = ["--set", "messageDelayLevel=1s", "--set", "flushIntervalCommitLog=3600000"]
    status, said = run(tmp_path, *flags, act=lambda namesrv: asyncio.run(delay_one(namesrv)))
    assert status == 0, said
    saved = DelayOffsetSerializeWrapper.decode((tmp_path / "config" / "delayOffset.json").read_bytes())
    assert saved.offset_table == {1: 1}
