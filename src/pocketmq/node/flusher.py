"""A thread that waits for disks: syncs go in, completions come back to the loop. It touches file handles alone.

loop:    request(targets, done) ──▶ queue ──▶ thread: target.sync() ... ──▶ loop: done(error)
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pocketmq.store.segments import SyncTarget

Done = Callable[[OSError | None], None]


class _Job(NamedTuple):
    work: Callable[[], None]
    done: Done


class Flusher:
    """Runs blocking disk work one after the other. Start it on the loop that is to hear of the results."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def sync(self, targets: Sequence[SyncTarget], done: Done) -> None:
        """Syncs all, in order; `done` is called on the loop with the first error, or None."""

        def work() -> None:
            for target in targets:
                target.sync()

        self.run(work, done)

    def run(self, work: Callable[[], None], done: Done) -> None:
        """Any blocking work on files; an OSError it raises goes to `done`."""
        self._jobs.put(_Job(work, done))

    async def finish(self, work: Callable[[], None]) -> None:
        """As `run`, awaited; raises what it raised."""
        finished: asyncio.Future[None] = self._loop.create_future()

        def done(error: OSError | None) -> None:
            if error is None:
                finished.set_result(None)
            else:
                finished.set_exception(error)

        self.run(work, done)
        await finished

    def stop(self) -> None:
        """Ends the thread after the jobs it has; waits for it."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            error: OSError | None = None
            try:
                job.work()
            except OSError as failure:
                error = failure
            self._loop.call_soon_threadsafe(job.done, error)
