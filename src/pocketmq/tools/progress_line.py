"""One line that is written over and over, for people who wait; nothing where nobody looks."""

from collections.abc import Callable
from typing import TextIO

ERASE = "\r\x1b[K"
INTERVAL_NS = 200_000_000


class ProgressLine:
    """Per cent and MB/s on `stream`, if it is a terminal. `now_ns` is a clock that never goes back."""

    def __init__(self, stream: TextIO, now_ns: Callable[[], int]) -> None:
        self._stream = stream
        self._now_ns = now_ns
        self._is_shown = stream.isatty()
        self._is_there = False
        self._began_ns = now_ns()
        self._due_ns = self._began_ns

    def show(self, done_bytes: int, total_bytes: int) -> None:
        """Writes the line again, unless that was done just now."""
        now_ns = self._now_ns()
        if not self._is_shown or now_ns < self._due_ns:
            return
        self._due_ns = now_ns + INTERVAL_NS
        megabytes = done_bytes * 1000 / max(1, now_ns - self._began_ns)
        self._stream.write(f"{ERASE}{100 * done_bytes // max(1, total_bytes)} %  {megabytes:.0f} MB/s")
        self._stream.flush()
        self._is_there = True

    def clear(self) -> None:
        """Takes the line away, so that others may write."""
        if self._is_there:
            self._stream.write(ERASE)
            self._stream.flush()
            self._is_there = False
