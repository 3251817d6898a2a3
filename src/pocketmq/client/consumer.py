"""The consumer: a member of a group, that hands over the messages of the queues it has been given."""

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType

from pocketmq.client.assigned import AssignedQueue
from pocketmq.client.committing import COMMIT_SECONDS, Committer
from pocketmq.client.errors import ClientClosed
from pocketmq.client.inbox import Inbox
from pocketmq.client.locks import RENEW_AGAIN_SECONDS, RENEW_SECONDS, Locks
from pocketmq.client.membership import Membership
from pocketmq.client.offsets import BrokerOffsets, LocalOffsets, Offsets, StartAt
from pocketmq.client.pulling import Puller
from pocketmq.client.questions import ConsumerQuestions
from pocketmq.client.rebalancing import Rebalancer
from pocketmq.client.received import ReceivedMessage
from pocketmq.client.retrying import Retrying
from pocketmq.client.session import Session
from pocketmq.model.errors import UserError
from pocketmq.model.names import client_group_fault
from pocketmq.model.subscription import EXPRESSION_SQL92, EXPRESSION_TAG, subscription
from pocketmq.transport.clock import Clock

CONSUME_SECONDS = 15 * 60.0
"""DefaultMQPushConsumer.consumeTimeout: a handler that takes longer has failed."""

CONCURRENCY = 20
"""DefaultMQPushConsumer.consumeThreadMin: messages that `run` has in work at once."""

CLOSE_SECONDS = 1.5
"""All of closing: what is not settled, committed and said by then is left to the brokers' own time-outs."""

log = logging.getLogger(__name__)

Handler = Callable[[ReceivedMessage], Awaitable[None]]


class Consumer:
    """Use it with `async with`, `subscribe`, and then either `async for` or `run`.

    `orderly`: each queue in order, one message at a time, by one member of the group. `broadcasting`: every member gets
    every message, offsets are the member's own and live in `offsets_folder` if there is one. `start_at`: where a group
    that is new to a queue begins. `retries_max`: how often a message may come again before it is a dead letter.
    """

    def __init__(
        self,
        name_servers: str | Sequence[str],
        *,
        group: str,
        orderly: bool = False,
        broadcasting: bool = False,
        start_at: StartAt = "last",
        retries_max: int | None = None,
        offsets_folder: Path | None = None,
        client_id: str | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        if fault := client_group_fault(group):
            raise UserError(fault)
        self._session = Session(name_servers, identity=client_id, tls=tls, clock=clock, rng=rng)
        self._membership = Membership(
            group, self._session.client_id, orderly and not broadcasting, broadcasting, start_at
        )
        self._handler: Handler | None = None
        self._in_work = 0
        self._quiet = asyncio.Event()
        offsets: Offsets = LocalOffsets(group, offsets_folder) if broadcasting else BrokerOffsets(self._session, group)
        self._committer = Committer(offsets, self._session.clock)
        self._inbox = Inbox(
            self._session.clock, is_orderly=self._membership.is_orderly, on_lock_lost=self._on_lock_lost
        )
        settling = Retrying(self._session, self._membership, self._inbox, retries_max)
        puller = Puller(self._session, self._membership, self._inbox, settling, self._committer.commit)
        self._locks = Locks(self._session, self._membership) if self._membership.is_orderly else None
        self._rebalancer = Rebalancer(
            self._session, self._membership, self._inbox, offsets, puller, self._committer, self._locks
        )
        self._questions = ConsumerQuestions(
            self._session, self._membership, self._rebalancer, settling, lambda: self._handler
        )

    @property
    def client_id(self) -> str:
        """The name under which brokers know this consumer."""
        return self._session.client_id

    async def __aenter__(self) -> "Consumer":
        self._session.heartbeat_data = self._membership.heartbeat
        self._session.beats_masters_only = False
        self._session.on_route_change = lambda topic: self._rebalancer.wake()
        self._session.handlers |= self._questions.handlers()
        self._session.open()
        self._session.background.start(self._rebalancer.run(), "rebalancing")
        self._session.background.start(self._commit_rounds(), "committing")
        if self._locks is not None:
            self._session.background.start(self._lock_rounds(self._locks), "locks")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def subscribe(self, topic: str, tags: str = "*", *, sql: str | None = None) -> None:
        """To the messages with one of the tags (`a || b`; `*` is all), or those an SQL92 expression is true for.

        Returns when this consumer has taken up its share of the queues that exist. A topic that does not exist yet is
        looked for every few seconds. Raises BrokerError if the broker cannot read `sql`, NoNameServer if none answers.
        """
        self._session.require_open()
        kind, expression = (EXPRESSION_TAG, tags) if sql is None else (EXPRESSION_SQL92, sql)
        try:
            wanted = subscription(topic, expression, kind, version=self._session.clock.now_ms())
        except ValueError as error:
            raise UserError(f"{expression!r} is no tag expression; write 'a || b' or '*': {error}") from None
        await self._session.routes.refresh(topic)
        if sql is not None:
            await self._questions.check(wanted)
        self._membership.subscribe(wanted)
        self._session.routes.wanted |= self._membership.subscriptions.keys()
        await self._session.beat()
        await self._rebalancer.balance()
        self._rebalancer.wake()

    async def unsubscribe(self, topic: str) -> None:
        """Gives the topic's queues to the other members."""
        self._session.require_open()
        self._membership.subscriptions.pop(topic, None)
        self._session.routes.wanted.discard(topic)
        await self._session.beat()
        await self._rebalancer.balance()

    def __aiter__(self) -> "Consumer":
        return self

    async def __anext__(self) -> ReceivedMessage:
        self._session.require_open()
        try:
            return await self._inbox.take()
        except ClientClosed:
            raise StopAsyncIteration from None

    async def run(self, handler: Handler, *, concurrency: int = CONCURRENCY, timeout: float = CONSUME_SECONDS) -> None:
        """Calls `handler` with every message until the consumer is closed.

        A message is acknowledged when `handler` returns and comes again when it raises or takes longer than `timeout`,
        unless it has settled the message itself.
        """
        self._session.require_open()
        self._handler = handler
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(concurrency):
                    workers.create_task(self._work(handler, timeout))
        finally:
            self._handler = None

    async def close(self) -> None:
        """Stops pulling, lets running handlers finish, commits, says good-bye; within two seconds."""
        if not self._session.is_open:
            return
        self._inbox.close()
        try:
            async with self._session.clock.deadline(CLOSE_SECONDS):
                await self._finish()
        except TimeoutError:
            log.warning("group %s: closed in a hurry; some offsets may not be committed", self._membership.group)
        await self._session.close()

    async def _finish(self) -> None:
        for assigned in self._membership.assigned.values():
            if assigned.puller is not None:
                assigned.puller.cancel()
        while self._in_work:
            self._quiet.clear()
            await self._quiet.wait()
        await self._rebalancer.leave()
        await self._session.unregister(consumer_group=self._membership.group)

    async def _work(self, handler: Handler, timeout: float) -> None:
        while True:
            try:
                message = await self._inbox.take()
            except ClientClosed:
                return
            self._in_work += 1
            try:
                await self._handle(handler, message, timeout)
            finally:
                self._in_work -= 1
                self._quiet.set()

    async def _handle(self, handler: Handler, message: ReceivedMessage, timeout: float) -> None:
        try:
            async with self._session.clock.deadline(timeout):
                await handler(message)
        except Exception:
            log.exception("handling %r failed", message)
            await message.retry()
        else:
            await message.ack()

    async def _commit_rounds(self) -> None:
        while True:
            await self._session.clock.sleep(COMMIT_SECONDS)
            await self._committer.commit_all(one for one in self._membership.assigned.values() if not one.is_revoked)

    async def _lock_rounds(self, locks: Locks) -> None:
        pause = RENEW_SECONDS
        while True:
            await self._session.clock.sleep(pause)
            pause = RENEW_SECONDS if await locks.renew() else RENEW_AGAIN_SECONDS
            if any(assigned.is_revoked and not assigned.is_leaving for assigned in self._membership.assigned.values()):
                self._rebalancer.wake()

    def _on_lock_lost(self, assigned: AssignedQueue) -> None:
        log.warning("the lock of %s has run out", assigned.queue)
        self._rebalancer.wake()
