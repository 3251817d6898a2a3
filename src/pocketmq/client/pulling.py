"""Pulling one queue for as long as it is ours: long polls, one after the other, never more than the bounds allow."""

import logging
from collections.abc import Awaitable, Callable, Iterable

from pocketmq.client.assigned import AssignedQueue
from pocketmq.client.batching import unwrapped
from pocketmq.client.errors import BrokerError, CallTimeout, ChannelError, NoBroker, UnreadableBody
from pocketmq.client.inbox import Inbox
from pocketmq.client.membership import Membership
from pocketmq.client.received import Settling
from pocketmq.client.session import Session
from pocketmq.model.errors import PocketMQError, Refusal
from pocketmq.model.flags import INNER_BATCH, NEED_UNWRAP, pull_sys_flag
from pocketmq.model.message import StoredMessage
from pocketmq.model.subscription import SubscriptionData, is_tag_type
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers import PullMessageRequest, PullMessageResponse
from pocketmq.protocol.stored import decode_records

SUSPEND_MS = 15_000
"""DefaultMQPushConsumerImpl.BROKER_SUSPEND_MAX_TIME_MILLIS: how long the broker may hold a pull that finds nothing."""

PULL_SECONDS = 30.0
"""DefaultMQPushConsumerImpl.CONSUMER_TIMEOUT_MILLIS_WHEN_SUSPEND."""

BATCH_COUNT = 32
"""DefaultMQPushConsumer.pullBatchSize."""

BATCH_BYTES = 256 * 1024
"""DefaultMQPushConsumer.pullBatchSizeInBytes."""

FULL_POLL_SECONDS = 1.0
"""A full queue is looked at again this often, although every settled message wakes it."""

FAILED_SECONDS_MIN = 0.1
FAILED_SECONDS_MAX = 3.0
"""The first pause after a failed pull, and the longest (DefaultMQPushConsumerImpl.pullTimeDelayMillsWhenException)."""

FLOW_CONTROL_SECONDS = 0.02
"""DefaultMQPushConsumerImpl.PULL_TIME_DELAY_MILLS_WHEN_BROKER_FLOW_CONTROL."""

BARREN_SECONDS = 0.2
"""Pause after a pull that brought neither messages nor progress and did not even take this long."""

PULL_CODES = frozenset(
    (
        ResponseCode.SUCCESS,
        ResponseCode.PULL_NOT_FOUND,
        ResponseCode.PULL_RETRY_IMMEDIATELY,
        ResponseCode.PULL_OFFSET_MOVED,
    )
)

NOT_REGISTERED = frozenset(
    (
        ResponseCode.SUBSCRIPTION_NOT_EXIST,
        ResponseCode.SUBSCRIPTION_NOT_LATEST,
        ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
    )
)
"""A heartbeat cures these: the broker has not heard of the subscription, or of its newest version."""

log = logging.getLogger(__name__)


class Puller:
    """Pulls for one consumer. `commit` keeps an offset that the broker has corrected."""

    def __init__(
        self,
        session: Session,
        membership: Membership,
        inbox: Inbox,
        settling: Settling,
        commit: Callable[[AssignedQueue], Awaitable[None]],
    ) -> None:
        self._session = session
        self._membership = membership
        self._inbox = inbox
        self._settling = settling
        self._commit = commit

    async def run(self, assigned: AssignedQueue) -> None:
        """Until cancelled or the queue is revoked."""
        pause = FAILED_SECONDS_MIN
        clock = self._session.clock
        while not assigned.is_revoked:
            if assigned.pulled.is_full:
                await clock.wait(assigned.room, FULL_POLL_SECONDS)
                continue
            try:
                await self._pull_once(assigned)
                pause = FAILED_SECONDS_MIN
            except PocketMQError as error:
                await self._recover(assigned, error)
                if isinstance(error, BrokerError) and error.code == ResponseCode.FLOW_CONTROL:
                    await clock.sleep(FLOW_CONTROL_SECONDS)
                else:
                    await clock.sleep(pause * self._session.rng.uniform(0.5, 1.0))
                    pause = min(pause * 2, FAILED_SECONDS_MAX)

    async def _pull_once(self, assigned: AssignedQueue) -> None:
        clock = self._session.clock
        subscription = self._membership.subscriptions.get(assigned.queue.topic)
        if subscription is None:
            assigned.is_revoked = True
            return
        offset, generation = assigned.pulled.next_offset, assigned.pulled.generation
        started = clock.monotonic()
        answer = await self._ask(assigned, subscription)
        assigned.last_pull_ms = clock.now_ms()
        header = PullMessageResponse.decode(answer.fields)
        assigned.broker_id = header.suggest_which_broker_id
        if assigned.is_revoked or generation != assigned.pulled.generation:
            return
        if answer.code == ResponseCode.PULL_OFFSET_MOVED:
            log.warning(
                "offset %d of %s is not in the queue; going on at %d", offset, assigned.queue, header.next_begin_offset
            )
            assigned.pulled.move(header.next_begin_offset)
            await self._commit(assigned)
        elif answer.code == ResponseCode.SUCCESS:
            self._take(assigned, subscription, answer.body, header.next_begin_offset)
        else:
            assigned.pulled.add((), header.next_begin_offset)
        if assigned.pulled.next_offset == offset and clock.monotonic() - started < BARREN_SECONDS:
            await clock.sleep(BARREN_SECONDS)

    async def _ask(self, assigned: AssignedQueue, subscription: SubscriptionData) -> Command:
        queue = assigned.queue
        address, is_master = self._session.routes.read_address(queue.broker_name, assigned.broker_id)
        committable = assigned.pulled.committable
        commits = is_master and committable > 0 and not self._membership.is_broadcasting
        request = PullMessageRequest(
            consumer_group=self._membership.group,
            topic=queue.topic,
            queue_id=queue.queue_id,
            queue_offset=assigned.pulled.next_offset,
            max_msg_nums=BATCH_COUNT,
            sys_flag=pull_sys_flag(commit_offset=commits, suspend=True, subscription=False),
            commit_offset=committable if commits else 0,
            suspend_timeout_millis=SUSPEND_MS,
            sub_version=subscription.sub_version,
            expression_type=subscription.expression_type,
            max_msg_bytes=BATCH_BYTES,
            bname=queue.broker_name,
        )
        try:
            return await self._session.connections.call(
                address, RequestCode.PULL_MESSAGE, request.fields(), timeout=PULL_SECONDS, accept=PULL_CODES
            )
        except CallTimeout:
            self._session.connections.drop(address, f"a pull was not answered within {PULL_SECONDS:g} s")
            raise

    def _take(self, assigned: AssignedQueue, subscription: SubscriptionData, body: bytes, next_offset: int) -> None:
        messages = list(_wanted(_single(decode_records(body)), subscription))
        new = set(assigned.pulled.add(((one.queue_offset, len(one.body)) for one in messages), next_offset))
        self._inbox.offer(assigned, (one for one in messages if one.queue_offset in new), self._settling)

    async def _recover(self, assigned: AssignedQueue, error: PocketMQError) -> None:
        if isinstance(error, BrokerError) and error.code in NOT_REGISTERED:
            log.info("%s: %s; heartbeat sent", assigned.queue, error)
            await self._session.beat()
        elif isinstance(error, ChannelError | NoBroker):
            log.warning("pulling %s failed: %s", assigned.queue, error)
            await self._refresh_route(assigned.queue.topic)
        else:
            log.warning("pulling %s failed: %s", assigned.queue, error)

    async def _refresh_route(self, topic: str) -> None:
        try:
            await self._session.routes.refresh(topic)
        except PocketMQError as error:
            log.warning("route of topic %s not refreshed: %s", topic, error)


def _single(messages: Iterable[StoredMessage]) -> Iterable[StoredMessage]:
    """The messages, inner batches taken apart (PullAPIWrapper#processPullResult)."""
    for message in messages:
        if not (message.sys_flag & INNER_BATCH and message.sys_flag & NEED_UNWRAP):
            yield message
            continue
        try:
            yield from unwrapped(message)
        except (UnreadableBody, Refusal) as error:
            log.warning("batch at %d of %s is handed over as it is: %s", message.queue_offset, message.topic, error)
            yield message


def _wanted(messages: Iterable[StoredMessage], subscription: SubscriptionData) -> Iterable[StoredMessage]:
    """Without those whose tag merely has the hash of a wanted one."""
    if not subscription.tags_set or not is_tag_type(subscription.expression_type):
        return messages
    tags = frozenset(subscription.tags_set)
    return (message for message in messages if message.tags in tags)
