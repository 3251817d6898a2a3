"""What the documents tell people to type is typed here, against a node of its own."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = str(Path(sys.executable).parent / "pocketmq")


@pytest.fixture
def name_server(tmp_path: Path) -> Iterator[str]:
    """The address of a fresh node's name server."""
    ready = tmp_path / "ready"
    flags = ["--data", str(tmp_path / "data"), "--port", "0", "--namesrv-port", "0", "--ready-file", str(ready)]
    with subprocess.Popen([PROGRAM, "up", *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as node:
        try:
            deadline = time.monotonic() + 60
            while not ready.exists() and node.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            yield json.loads(ready.read_text())["namesrv"]
        finally:
            node.terminate()


def typed(*words: str) -> str:
    """What a program that must succeed prints."""
    ran = subprocess.run(words, capture_output=True, text=True, timeout=90, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_first_message_of_the_readme(name_server: str) -> None:
    send, tail = re.findall(r"^\.venv/bin/pocketmq (.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert (send, tail) == ('send greetings "Hello, PocketMQ"', "tail greetings --from first")
    typed(PROGRAM, "send", "greetings", "Hello, PocketMQ", "--namesrv", name_server)
    shown = typed(PROGRAM, "tail", "greetings", "--from", "first", "--count", "1", "--namesrv", name_server)
    assert shown.endswith("Hello, PocketMQ\n")


def test_the_python_program_of_getting_started(name_server: str, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "getting-started.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert "127.0.0.1:9876" in program
    script = tmp_path / "example.py"
    script.write_text(program.replace("127.0.0.1:9876", name_server))
    stored, received = typed(sys.executable, str(script)).splitlines()
    assert stored.startswith("stored in ")
    assert received == "received b'one tea'"
