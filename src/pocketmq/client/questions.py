"""What brokers ask a consumer, and the one thing it asks them in turn: whether they can read its filter."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from pocketmq.client.assigned import AssignedQueue
from pocketmq.client.membership import Membership
from pocketmq.client.name_servers import ASK_SECONDS
from pocketmq.client.rebalancing import Rebalancer
from pocketmq.client.received import ReceivedMessage, Settling
from pocketmq.client.session import RequestHandler, Session
from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import NO_FIELDS, Reply
from pocketmq.model.queue import MessageQueue
from pocketmq.model.subscription import ConsumeType, SubscriptionData
from pocketmq.model.versions import version_name
from pocketmq.protocol.bodies import (
    CheckClientRequestBody,
    CMResult,
    ConsumeMessageDirectlyResult,
    ConsumerRunningInfo,
    ConsumeStatus,
    GetConsumerStatusBody,
    ProcessQueueInfo,
    ResetOffsetBody,
)
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import VERSION, Command
from pocketmq.protocol.headers import (
    ConsumeMessageDirectlyResultRequest,
    GetConsumerRunningInfoRequest,
    GetConsumerStatusRequest,
    NotifyConsumerIdsChangedRequest,
    ResetOffsetRequest,
)
from pocketmq.protocol.stored import decode_record

MEBIBYTE = 1024 * 1024

log = logging.getLogger(__name__)

FindHandler = Callable[[], Callable[[ReceivedMessage], Awaitable[None]] | None]


class ConsumerQuestions:
    """Answers for one consumer (ClientRemotingProcessor). `find_handler` gives the handler that `run` has now."""

    def __init__(
        self,
        session: Session,
        membership: Membership,
        rebalancer: Rebalancer,
        settling: Settling,
        find_handler: FindHandler,
    ) -> None:
        self._session = session
        self._membership = membership
        self._rebalancer = rebalancer
        self._settling = settling
        self._find_handler = find_handler
        self._started_ms = session.clock.now_ms()

    def handlers(self) -> Mapping[int, RequestHandler]:
        """By request code."""
        return {
            RequestCode.NOTIFY_CONSUMER_IDS_CHANGED: self._members_changed,
            RequestCode.RESET_CONSUMER_CLIENT_OFFSET: self._reset_offsets,
            RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT: self._offsets,
            RequestCode.GET_CONSUMER_RUNNING_INFO: self._running,
            RequestCode.CONSUME_MESSAGE_DIRECTLY: self._consume,
        }

    async def check(self, wanted: SubscriptionData) -> None:
        """Asks a broker of the topic whether it can compile the expression. Raises BrokerError."""
        body = CheckClientRequestBody(self._session.client_id, self._membership.group, wanted).encode()
        await self._session.connections.call(
            self._session.routes.any_broker(wanted.topic),
            RequestCode.CHECK_CLIENT_CONFIG,
            NO_FIELDS,
            body,
            timeout=ASK_SECONDS,
        )

    async def _members_changed(self, request: Command) -> Reply:
        if NotifyConsumerIdsChangedRequest.decode(request.fields).consumer_group == self._membership.group:
            self._rebalancer.wake()
        return Reply()

    async def _reset_offsets(self, request: Command) -> Reply:
        header = ResetOffsetRequest.decode(request.fields)
        self._require_group(header.group)
        for queue, offset in ResetOffsetBody.decode(request.body).offset_table.items():
            assigned = self._membership.assigned.get(queue)
            if assigned is not None and queue.topic == header.topic and not assigned.is_revoked:
                log.info("offset of %s reset to %d", queue, offset)
                await self._rebalancer.move(assigned, offset)
        return Reply()

    async def _offsets(self, request: Command) -> Reply:
        header = GetConsumerStatusRequest.decode(request.fields)
        self._require_group(header.group)
        table = {one.queue: one.pulled.committable for one in self._membership.queues_of(header.topic)}
        return Reply(body=GetConsumerStatusBody(message_queue_table=table).encode())

    async def _running(self, request: Command) -> Reply:
        self._require_group(GetConsumerRunningInfoRequest.decode(request.fields).consumer_group)
        member = self._membership
        running = ConsumerRunningInfo(
            properties={
                "PROP_NAMESERVER_ADDR": ";".join(self._session.name_servers.addresses),
                "PROP_CONSUMEORDERLY": "true" if member.is_orderly else "false",
                "PROP_CONSUME_TYPE": ConsumeType.CONSUME_PASSIVELY,
                "PROP_CLIENT_VERSION": version_name(VERSION),
                "PROP_CONSUMER_START_TIMESTAMP": str(self._started_ms),
            },
            subscription_set=tuple(member.subscriptions[topic] for topic in sorted(member.subscriptions)),
            mq_table={queue: self._queue_state(member.assigned[queue]) for queue in sorted(member.assigned)},
            status_table={topic: ConsumeStatus() for topic in sorted(member.subscriptions)},
        )
        return Reply(body=running.encode())

    async def _consume(self, request: Command) -> Reply:
        header = ConsumeMessageDirectlyResultRequest.decode(request.fields)
        self._require_group(header.consumer_group)
        handler = self._find_handler()
        if handler is None:
            raise Refusal(ResponseCode.SYSTEM_ERROR, "this consumer iterates and has no handler to give the message to")
        stored = decode_record(request.body)
        queue = MessageQueue(stored.topic, header.broker_name or "", stored.queue_id)
        started = self._session.clock.monotonic()
        try:
            await handler(ReceivedMessage(stored, queue, self._settling))
            result, remark = CMResult.CR_SUCCESS, None
        except Exception as error:
            log.exception("handling message %s on an administrator's order failed", stored.message_id)
            result, remark = CMResult.CR_THROW_EXCEPTION, repr(error)
        spent_ms = round((self._session.clock.monotonic() - started) * 1000)
        answer = ConsumeMessageDirectlyResult(
            order=self._membership.is_orderly, consume_result=result, remark=remark, spent_time_mills=spent_ms
        )
        return Reply(body=answer.encode())

    def _require_group(self, group: str) -> None:
        if group != self._membership.group:
            raise Refusal(ResponseCode.SYSTEM_ERROR, f"The Consumer Group <{group}> not exist in this consumer")

    def _queue_state(self, assigned: AssignedQueue) -> ProcessQueueInfo:
        first, last = assigned.pulled.first_and_last
        lock_age_ms = round((self._session.clock.monotonic() - assigned.locked_at) * 1000)
        return ProcessQueueInfo(
            commit_offset=assigned.pulled.committable,
            cached_msg_min_offset=first,
            cached_msg_max_offset=last,
            cached_msg_count=len(assigned.pulled),
            cached_msg_size_in_mib=assigned.pulled.byte_count // MEBIBYTE,
            locked=self._membership.is_orderly and not assigned.is_revoked,
            last_lock_timestamp=self._session.clock.now_ms() - lock_age_ms,
            droped=assigned.is_revoked,
            last_pull_timestamp=assigned.last_pull_ms,
            last_consume_timestamp=assigned.last_finish_ms,
        )
