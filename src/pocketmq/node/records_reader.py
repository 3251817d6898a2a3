"""Reads the records that an answer needs: from the page cache in the turn, or by a thread, and the turn goes on.

What is damaged is not among them, and the broker's log names it once.
"""

from collections.abc import Callable

from pocketmq.model.outcome import Reply
from pocketmq.node.damage_lines import DamageLines
from pocketmq.node.flusher import Flusher
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.store.commit_log import CommitLog
from pocketmq.store.consume_queue import Entry


class RecordsReader:
    """`thread` does what would have to wait for the disk."""

    def __init__(self, log: CommitLog, thread: Flusher) -> None:
        self._log = log
        self._thread = thread
        self._damage = DamageLines()

    def read(
        self,
        command: Command,
        entries: bytes,
        done: Callable[[bytes | bytearray], None],
        failed: Callable[[Reply], None],
    ) -> None:
        """Calls `done` with the records of these entries: at once if they are in memory."""
        body = self._log.gather_nowait(entries)
        if body is not None:
            done(body)
        else:
            self.read_from_disk(command, entries, done, failed)

    def read_from_disk(
        self,
        command: Command,
        entries: bytes,
        done: Callable[[bytes], None],
        failed: Callable[[Reply], None],
    ) -> None:
        """Calls `done` with the records of these entries in a later turn, or `failed` with what the client is told."""
        found: list[tuple[bytes, list[Entry]]] = []

        def finish(error: OSError | None) -> None:
            if error is not None:
                failed(Reply(ResponseCode.SYSTEM_ERROR, f"the log cannot be read: {error.strerror or error}"))
                return
            body, damaged = found[0]
            for entry in damaged:
                self._damage.say(command, entry)
            done(body)

        self._thread.run(lambda: found.append(self._log.gather(entries)), finish)
