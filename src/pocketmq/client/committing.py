"""Telling the offset keeper how far each queue is done: every few seconds, and when a queue goes."""

import asyncio
import logging
from collections.abc import Iterable

from pocketmq.client.assigned import AssignedQueue
from pocketmq.client.offsets import Offsets
from pocketmq.model.errors import PocketMQError
from pocketmq.transport.clock import Clock

COMMIT_SECONDS = 5.0
"""ClientConfig.persistConsumerOffsetInterval."""

log = logging.getLogger(__name__)


class Committer:
    """Commits what has changed since it last did."""

    def __init__(self, offsets: Offsets, clock: Clock) -> None:
        self._offsets = offsets
        self._clock = clock

    async def commit(self, assigned: AssignedQueue) -> None:
        """One queue. Raises what the keeper raises."""
        offset = assigned.pulled.committable
        if offset != assigned.committed:
            await self._offsets.commit(assigned.queue, offset)
            assigned.committed = offset

    async def commit_last(self, assigned: AssignedQueue) -> None:
        """One queue that goes, known or not: a broker that was killed may have forgotten what it had been told."""
        assigned.committed = -1
        await self.try_commit(assigned)

    async def try_commit(self, assigned: AssignedQueue) -> None:
        """One queue; a failure is logged and made good by the next commit."""
        try:
            await self.commit(assigned)
        except PocketMQError as error:
            log.warning("offset %d of %s not committed: %s", assigned.pulled.committable, assigned.queue, error)

    async def commit_all(self, queues: Iterable[AssignedQueue]) -> None:
        """Several at once."""
        await asyncio.gather(*(self.try_commit(assigned) for assigned in queues))
