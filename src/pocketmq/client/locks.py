"""Queue locks at the broker, by which orderly consumption has one consumer per queue even while the group changes."""

import asyncio
import logging
from collections.abc import Iterable

from pocketmq.client.inbox import LOCK_LIVES_SECONDS
from pocketmq.client.membership import Membership
from pocketmq.client.session import Session
from pocketmq.model.errors import PocketMQError
from pocketmq.model.outcome import NO_FIELDS
from pocketmq.model.queue import MessageQueue
from pocketmq.protocol.bodies import LockBatchRequestBody, LockBatchResponseBody, UnlockBatchRequestBody
from pocketmq.protocol.codes import RequestCode

LOCK_SECONDS = 1.0
"""RebalanceImpl#lock: time-out of one request."""

RENEW_SECONDS = 20.0
"""ProcessQueue.REBALANCE_LOCK_INTERVAL; the broker keeps a lock for 60 s."""

RENEW_AGAIN_SECONDS = 1.0
"""After a renewal that got no answer: the lock still lives and the next broker answer may save it."""

log = logging.getLogger(__name__)


class Locks:
    """Takes, renews and gives back the locks of one consumer."""

    def __init__(self, session: Session, membership: Membership) -> None:
        self._session = session
        self._membership = membership

    async def take(self, queues: Iterable[MessageQueue]) -> set[MessageQueue]:
        """Those that the brokers granted; none of a broker that does not answer."""
        answers = await asyncio.gather(*(self._take(name, some) for name, some in _by_broker(queues).items()))
        return {queue for granted in answers if granted is not None for queue in granted}

    async def renew(self) -> bool:
        """Renews what is held, marking queues whose lock is lost as revoked; false if a broker gave no answer."""
        held = [queue for queue, assigned in self._membership.assigned.items() if not assigned.is_revoked]
        groups = _by_broker(held)
        answers = await asyncio.gather(*(self._take(name, some) for name, some in groups.items()))
        now = self._session.clock.monotonic()
        for queues, granted in zip(groups.values(), answers, strict=True):
            for queue in queues:
                assigned = self._membership.assigned.get(queue)
                if assigned is None:
                    continue
                if granted is not None and queue in granted:
                    assigned.locked_at = now
                elif granted is not None or now - assigned.locked_at > LOCK_LIVES_SECONDS:
                    log.warning("the lock of %s is lost", queue)
                    assigned.is_revoked = assigned.is_lock_lost = True
        return None not in answers

    async def give_back(self, queues: Iterable[MessageQueue]) -> None:
        """Lets the group's other members have them; the broker's own time-out does it if this fails."""
        for name, some in _by_broker(queues).items():
            body = UnlockBatchRequestBody(self._membership.group, self._membership.client_id, mq_set=tuple(some))
            try:
                await self._session.connections.send_oneway(
                    self._session.routes.master_address(name),
                    RequestCode.UNLOCK_BATCH_MQ,
                    NO_FIELDS,
                    body.encode(),
                    timeout=LOCK_SECONDS,
                )
            except PocketMQError as error:
                log.warning("locks not given back to broker %s: %s", name, error)

    async def _take(self, broker_name: str, queues: list[MessageQueue]) -> set[MessageQueue] | None:
        body = LockBatchRequestBody(self._membership.group, self._membership.client_id, mq_set=tuple(queues))
        try:
            answer = await self._session.connections.call(
                self._session.routes.master_address(broker_name),
                RequestCode.LOCK_BATCH_MQ,
                NO_FIELDS,
                body.encode(),
                timeout=LOCK_SECONDS,
            )
            return set(LockBatchResponseBody.decode(answer.body).lock_ok_mq_set)
        except PocketMQError as error:
            log.warning("queues of broker %s not locked: %s", broker_name, error)
            return None


def _by_broker(queues: Iterable[MessageQueue]) -> dict[str, list[MessageQueue]]:
    groups: dict[str, list[MessageQueue]] = {}
    for queue in sorted(queues):
        groups.setdefault(queue.broker_name, []).append(queue)
    return groups
