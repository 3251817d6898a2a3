"""Which queues are ours: shared out among the group's members, compared with what we have, taken and given up.

wanted and not held ──▶ (lock) ──▶ where to start ──▶ assigned, pulling
held and not wanted ──▶ revoked: no more pulls or deliveries ──▶ (message in hand settled) ──▶ committed ──▶ (unlocked)
"""

import asyncio
import logging
from collections.abc import Iterable

from pocketmq.client.assigned import AssignedQueue
from pocketmq.client.committing import Committer
from pocketmq.client.inbox import Inbox
from pocketmq.client.locks import Locks
from pocketmq.client.membership import Membership
from pocketmq.client.name_servers import ASK_SECONDS
from pocketmq.client.offsets import Offsets, starting_offset
from pocketmq.client.process_queue import ProcessQueue
from pocketmq.client.pulling import Puller
from pocketmq.client.session import Session
from pocketmq.model.allocation import allocate_averagely
from pocketmq.model.errors import PocketMQError
from pocketmq.model.names import is_retry_topic
from pocketmq.model.queue import MessageQueue
from pocketmq.protocol.bodies import GetConsumerListByGroupResponseBody
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.headers import GetConsumerListByGroupRequest

BALANCED_SECONDS = 20.0
"""RebalanceService.waitInterval."""

UNBALANCED_SECONDS_MIN = 0.1
"""The first look after a round that left something undone; each further pause is twice as long."""

UNBALANCED_SECONDS_MAX = 1.0
"""RebalanceService.minInterval: a missing topic or a busy queue is looked at again at least this often."""

HAND_OVER_SECONDS = 20.0
"""RebalancePushImpl.UNLOCK_DELAY_TIME_MILLS: how long a message in hand may hold up giving its queue away."""

KNOWN_OR_NOT = frozenset((ResponseCode.SUCCESS, ResponseCode.SYSTEM_ERROR))
"""ConsumerManageProcessor answers SYSTEM_ERROR for a group that has no member."""

log = logging.getLogger(__name__)


class Rebalancer:
    """Keeps `membership.assigned` what it should be."""

    def __init__(
        self,
        session: Session,
        membership: Membership,
        inbox: Inbox,
        offsets: Offsets,
        puller: Puller,
        committer: Committer,
        locks: Locks | None,
    ) -> None:
        self._session = session
        self._membership = membership
        self._inbox = inbox
        self._offsets = offsets
        self._puller = puller
        self._committer = committer
        self._locks = locks
        self._wake = asyncio.Event()
        self._pause = UNBALANCED_SECONDS_MIN
        self._turn = asyncio.Lock()
        self._rounds: asyncio.Task[None] | None = None
        self._missing: set[str] = set()
        self._has_left = False

    def wake(self) -> None:
        """Something has changed: balance now rather than at the next round."""
        self._pause = UNBALANCED_SECONDS_MIN
        self._wake.set()

    async def run(self) -> None:
        """Rounds until cancelled, or until `leave` ends them."""
        self._rounds = asyncio.current_task()
        while True:
            pause = self._pause
            self._pause = min(pause * 2, UNBALANCED_SECONDS_MAX)
            await self._session.clock.wait(self._wake, pause)
            if await self.balance():
                await self._session.clock.wait(self._wake, BALANCED_SECONDS)
                self.wake()

    async def balance(self) -> bool:
        """One round; whether every topic now has exactly its share."""
        async with self._turn:
            if self._has_left:
                return True
            for assigned in list(self._membership.assigned.values()):
                has_stopped = assigned.puller is not None and assigned.puller.done()
                if assigned.is_revoked or has_stopped or assigned.queue.topic not in self._membership.subscriptions:
                    self._give_up(assigned)
            is_balanced = True
            for topic in list(self._membership.subscriptions):
                try:
                    is_balanced &= await self._balance_topic(topic)
                except PocketMQError as error:
                    log.warning("group %s, topic %s: not rebalanced: %s", self._membership.group, topic, error)
                    is_balanced = False
            return is_balanced

    async def move(self, assigned: AssignedQueue, offset: int) -> None:
        """Goes on at another offset of a queue at once, and commits it."""
        assigned.pulled.move(offset)
        self._inbox.forget(assigned)
        if assigned.puller is not None:
            assigned.puller.cancel()
        self._start_pulling(assigned)
        await self._committer.try_commit(assigned)

    async def leave(self) -> None:
        """Gives up every queue for good, also those with a message in hand; returns when all are committed."""
        self._has_left = True
        if self._rounds is not None:
            self._rounds.cancel()  # It may be waiting for a broker that does not answer.
        async with self._turn:
            leaving = [self._revoke(assigned) for assigned in list(self._membership.assigned.values())]
            await asyncio.gather(*(self._release(assigned) for assigned in leaving))

    async def _balance_topic(self, topic: str) -> bool:
        share = await self._share_of(topic)
        if share is None:
            return False
        wanted = set(share)
        for assigned in self._membership.queues_of(topic):
            if assigned.queue not in wanted:
                self._give_up(assigned)
        held = self._membership.assigned
        is_balanced = not any(held[queue].is_revoked for queue in wanted if queue in held)
        missing = sorted(wanted - held.keys())
        if missing and self._locks is not None:
            granted = await self._locks.take(missing)
            is_balanced &= len(granted) == len(missing)
            missing = [queue for queue in missing if queue in granted]
        for queue in missing:
            await self._take_up(queue)
        return is_balanced

    async def _share_of(self, topic: str) -> Iterable[MessageQueue] | None:
        route = self._session.routes.find(topic)
        if route is None or route.is_borrowed:
            await self._session.routes.refresh(topic)
            route = self._session.routes.find(topic)
        if route is None or route.is_borrowed:
            level = logging.DEBUG if topic in self._missing or is_retry_topic(topic) else logging.WARNING
            log.log(level, "topic %s of group %s does not exist yet", topic, self._membership.group)
            self._missing.add(topic)
            return None
        self._missing.discard(topic)
        if self._membership.is_broadcasting:
            return route.read_queues
        members = await self._members(topic)
        if self._membership.client_id not in members:
            await self._session.beat()
            members = await self._members(topic)
        return allocate_averagely(self._membership.client_id, route.read_queues, sorted(members))

    async def _members(self, topic: str) -> tuple[str, ...]:
        answer = await self._session.connections.call(
            self._session.routes.any_broker(topic),
            RequestCode.GET_CONSUMER_LIST_BY_GROUP,
            GetConsumerListByGroupRequest(consumer_group=self._membership.group).fields(),
            timeout=ASK_SECONDS,
            accept=KNOWN_OR_NOT,
        )
        if answer.code != ResponseCode.SUCCESS:
            return ()
        return tuple(GetConsumerListByGroupResponseBody.decode(answer.body).consumer_id_list)

    async def _take_up(self, queue: MessageQueue) -> None:
        start = await starting_offset(self._session, self._offsets, queue, self._membership.start_at)
        assigned = AssignedQueue(queue, ProcessQueue(start), locked_at=self._session.clock.monotonic())
        self._membership.assigned[queue] = assigned
        self._start_pulling(assigned)
        log.info("group %s takes up %s at %d", self._membership.group, queue, start)

    def _start_pulling(self, assigned: AssignedQueue) -> None:
        assigned.puller = self._session.background.start(self._puller.run(assigned), f"pulling {assigned.queue}")

    def _give_up(self, assigned: AssignedQueue) -> None:
        if not assigned.is_leaving:
            self._session.background.start(self._hand_over(self._revoke(assigned)), f"giving up {assigned.queue}")

    def _revoke(self, assigned: AssignedQueue) -> AssignedQueue:
        assigned.is_revoked = assigned.is_leaving = True
        self._inbox.forget(assigned)
        if assigned.puller is not None:
            assigned.puller.cancel()
        return assigned

    async def _hand_over(self, assigned: AssignedQueue) -> None:
        if assigned.in_hand is not None and not assigned.is_lock_lost:
            assigned.settled.clear()
            try:
                async with self._session.clock.deadline(HAND_OVER_SECONDS):
                    await assigned.settled.wait()
            except TimeoutError:
                log.warning("%s is given up while a message of it is still being handled", assigned.queue)
        await self._release(assigned)
        self.wake()

    async def _release(self, assigned: AssignedQueue) -> None:
        if not assigned.is_lock_lost:  # Else another member may already have committed what it has done.
            await self._committer.commit_last(assigned)
        if self._locks is not None:
            await self._locks.give_back([assigned.queue])
        self._membership.assigned.pop(assigned.queue, None)
        log.info("group %s gives up %s at %d", self._membership.group, assigned.queue, assigned.pulled.committable)
