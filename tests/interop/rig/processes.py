"""Child processes that talk in lines: started, listened to and ended by their own id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

WORK = Path(__file__).resolve().parent.parent / ".work"
TAIL_BYTES = 8_000
LOGGING_SETUP = "|-INFO in org.apache.rocketmq.logging"

Line = dict
T = TypeVar("T")


class Silence(AssertionError):
    """A child process did not say in time what the test waited for."""


class Child:
    """One process of ours: its JSON lines on standard output, everything else in its log file."""

    def __init__(self, name: str, argv: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.log = log
        self.lines: list[Line] = []
        self._changed = threading.Condition()
        self._ended = False
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **(environment or {})},
                cwd=log.parent,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        self._reader = threading.Thread(target=self._read, name=name, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for text in self._process.stdout:
            try:
                line = json.loads(text)
            except ValueError:
                line = None
            if not isinstance(line, dict):
                with self.log.open("a", encoding="utf-8") as log:
                    log.write(text)
                continue
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def say(self, text: str) -> None:
        """Write one line to the process."""
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def wait_for(self, what: str, found: Callable[[list[Line]], T | None], timeout_s: float = 30.0) -> T:
        """Return the first answer that is not None to ``found(lines)``, asked again at every new line."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                answer = found(self.lines)
                if answer is not None:
                    return answer
                left_s = deadline - time.monotonic()
                if self._ended or left_s <= 0:
                    reason = "ended" if self._ended else f"was silent for {timeout_s} s"
                    last = self.lines[-3:]
                    raise Silence(f"{self.name} {reason} before {what}; last lines {last}; its log:\n{self.tail()}")
                self._changed.wait(left_s)

    def signal(self, number: signal.Signals, timeout_s: float = 30.0) -> None:
        """Send a signal to this process and wait until it has ended."""
        if self.is_running:
            os.kill(self.pid, number)
        self.join(timeout_s)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def join(self, timeout_s: float) -> int:
        """Wait until the process has ended and return its exit status."""
        status = self._process.wait(timeout_s)
        self._reader.join(timeout_s)
        return status

    def end(self) -> None:
        """End the process, politely first."""
        try:
            self.signal(signal.SIGTERM, 15.0)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL, 15.0)

    def tail(self) -> str:
        """Give the end of the log."""
        if not self.log.exists():
            return "(no log)"
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - TAIL_BYTES))
            text = log.read().decode("utf-8", "replace")
        return "\n".join(line for line in text.splitlines() if LOGGING_SETUP not in line)


def poll(what: str, ask: Callable[[], T | None], timeout_s: float = 30.0, every_s: float = 0.1) -> T:
    """Return the first answer that is not None, for conditions nobody announces."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while True:
        answer = ask()
        if answer is not None:
            return answer
        if time.monotonic() > deadline:
            raise Silence(f"{what} did not come true within {timeout_s} s")
        pause.wait(every_s)
