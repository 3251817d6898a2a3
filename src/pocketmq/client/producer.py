"""The producer: finds a queue, sends, tries elsewhere when that is worth it, and gives up in time."""

import logging
import random
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from types import TracebackType

from pocketmq.client.batching import check_batch
from pocketmq.client.compression import packed
from pocketmq.client.errors import BrokerError, IllegalMessage, NoRouteError, SendTimeout
from pocketmq.client.queue_choice import QueueChooser
from pocketmq.client.requesting import Requests, is_reply
from pocketmq.client.routes import DEFAULT_QUEUE_COUNT, Route, why_not_writeable
from pocketmq.client.session import Session
from pocketmq.client.unique_id import UniqueIds
from pocketmq.model import properties as names
from pocketmq.model.allocation import select_by_hash
from pocketmq.model.errors import PocketMQError, UserError
from pocketmq.model.limits import MESSAGE_BYTES_MAX, PROPERTIES_BYTES_MAX
from pocketmq.model.message import Message
from pocketmq.model.names import AUTO_CREATE_TOPIC, client_group_fault, client_topic_fault, is_send_allowed
from pocketmq.model.queue import MessageQueue
from pocketmq.protocol.bodies import HeartbeatData, ProducerData
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.headers import SendMessageRequestV2, SendMessageResponse
from pocketmq.protocol.message import encode_messages
from pocketmq.protocol.properties import encode_properties_text
from pocketmq.transport.clock import Clock

SEND_SECONDS = 3.0
"""DefaultMQProducer.sendMsgTimeout."""

RETRIES = 2
"""DefaultMQProducer.retryTimesWhenSendFailed."""

COMPRESS_OVER_BYTES = 4096
"""DefaultMQProducer.compressMsgBodyOverHowmuch."""

BUSY_SECONDS_MAX = 0.1
"""A broker in trouble gets a random pause of up to this before the first retry, twice it before the second."""

CLOSE_SECONDS = 1.0
"""What saying good-bye to the brokers may take."""

RETRYABLE = frozenset(
    (
        ResponseCode.TOPIC_NOT_EXIST,
        ResponseCode.SERVICE_NOT_AVAILABLE,
        ResponseCode.SYSTEM_ERROR,
        ResponseCode.SYSTEM_BUSY,
        ResponseCode.NO_PERMISSION,
        ResponseCode.NO_BUYER_ID,
        ResponseCode.NOT_IN_CURRENT_UNIT,
        ResponseCode.GO_AWAY,
    )
)
"""DefaultMQProducer.retryResponseCodes."""

log = logging.getLogger(__name__)


class SendStatus(Enum):
    """How safe a stored message is (SendStatus); all but OK mean stored, and less durable than policy asks."""

    OK = ResponseCode.SUCCESS
    FLUSH_DISK_TIMEOUT = ResponseCode.FLUSH_DISK_TIMEOUT
    FLUSH_SLAVE_TIMEOUT = ResponseCode.FLUSH_SLAVE_TIMEOUT
    SLAVE_NOT_AVAILABLE = ResponseCode.SLAVE_NOT_AVAILABLE


STORED = frozenset(status.value for status in SendStatus)


@dataclass(frozen=True, slots=True)
class SendResult:
    """Where a message is. `message_id` is the producer's (`,` joins a batch's), `offset_message_id` the broker's."""

    message_id: str
    offset_message_id: str
    queue: MessageQueue
    queue_offset: int
    status: SendStatus
    recall_handle: str | None = None


@dataclass(frozen=True, slots=True)
class _Parcel:
    """A request's worth of messages, ready but for the queue."""

    topic: str
    code: RequestCode
    body: bytes
    sys_flag: int
    flag: int
    properties: str
    message_id: str


class Producer:
    """Use it with `async with`. Sends may run at once; each is one attempt after the other within `timeout` seconds."""

    def __init__(
        self,
        name_servers: str | Sequence[str],
        *,
        group: str,
        timeout: float = SEND_SECONDS,
        retries: int = RETRIES,
        client_id: str | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        if fault := client_group_fault(group):
            raise UserError(fault)
        self._group = group
        self._timeout = timeout
        self._retries = retries
        self._session = Session(name_servers, identity=client_id, tls=tls, clock=clock, rng=rng)
        self._ids = UniqueIds(self._session.host, self._session.clock, self._session.rng)
        self._choosers: dict[str, QueueChooser] = {}
        self._requests = Requests(self._session)

    @property
    def client_id(self) -> str:
        """The name under which brokers know this producer."""
        return self._session.client_id

    async def __aenter__(self) -> "Producer":
        heartbeat = HeartbeatData(client_id=self.client_id, producer_data_set=(ProducerData(self._group),))
        self._session.heartbeat_data = lambda: heartbeat
        self._session.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def send(
        self,
        message: Message,
        *,
        queue: MessageQueue | None = None,
        shard: str | None = None,
        timeout: float | None = None,
    ) -> SendResult:
        """Returns when the broker has stored it. `queue` names the queue; messages with the same `shard` share one.

        Raises NoRouteError, SendTimeout, BrokerError or ChannelError (the last attempt's), IllegalMessage.
        """
        self._session.require_open()
        return await self._deliver(self._parcel(message), queue, shard, timeout or self._timeout)

    async def request(
        self,
        message: Message,
        *,
        queue: MessageQueue | None = None,
        shard: str | None = None,
        timeout: float | None = None,
    ) -> Message:
        """Sends it and returns what a consumer replies within `timeout` seconds, those of the send included.

        Raises as `send` does, and RequestTimeout.
        """
        self._session.require_open()
        clock = self._session.clock
        seconds = timeout or self._timeout
        ends_at = clock.monotonic() + seconds
        await self._requests.introduce(await self._writeable_route(message.topic, seconds), seconds)
        asked, correlation_id = self._requests.mark(message, seconds)
        try:
            await self._deliver(self._parcel(asked), queue, shard, ends_at - clock.monotonic())
            return await self._requests.wait(correlation_id, message.topic, ends_at - clock.monotonic())
        finally:
            self._requests.forget(correlation_id)

    async def send_batch(
        self, messages: Sequence[Message], *, queue: MessageQueue | None = None, timeout: float | None = None
    ) -> SendResult:
        """Several messages for one topic, in one request and one queue; all are stored, or none."""
        self._session.require_open()
        return await self._deliver(self._batch(messages), queue, None, timeout or self._timeout)

    async def send_oneway(
        self,
        message: Message,
        *,
        queue: MessageQueue | None = None,
        shard: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Returns when it is on its way. Nobody will say whether it arrived."""
        self._session.require_open()
        parcel = self._parcel(message)
        left = timeout or self._timeout
        route = await self._writeable_route(parcel.topic, left)
        chosen = queue or self._choose(route, shard, None)
        address = self._session.routes.master_address(chosen.broker_name)
        fields = self._request(parcel, chosen)
        await self._session.connections.send_oneway(address, parcel.code, fields, parcel.body, timeout=left)

    async def queues(self, topic: str) -> tuple[MessageQueue, ...]:
        """The queues that messages to `topic` can go to now."""
        self._session.require_open()
        return (await self._writeable_route(topic, self._timeout)).write_queues

    async def close(self) -> None:
        """Tells the brokers and closes the connections. What is being sent meanwhile fails."""
        if not self._session.is_open:
            return
        try:
            async with self._session.clock.deadline(CLOSE_SECONDS):
                await self._session.unregister(producer_group=self._group)
        except TimeoutError:
            log.warning("group %s: the brokers did not say good-bye in time", self._group)
        await self._session.close()

    async def _deliver(
        self, parcel: _Parcel, queue: MessageQueue | None, shard: str | None, timeout: float
    ) -> SendResult:
        clock = self._session.clock
        ends_at = clock.monotonic() + timeout
        tried: list[str] = []
        failure: PocketMQError | None = None
        for attempt in range(self._retries + 1):
            if attempt and not await self._pause(attempt, ends_at):
                break
            left = ends_at - clock.monotonic()
            if left <= 0:
                break
            try:
                if failure is not None:
                    await self._refresh_route(parcel.topic, failure, left / 2)
                route = await self._writeable_route(parcel.topic, left)
                chosen = queue or self._choose(route, shard, tried[-1] if tried else None)
                tried.append(chosen.broker_name)
                return await self._send_once(parcel, chosen, ends_at - clock.monotonic())
            except NoRouteError:
                raise
            except BrokerError as error:
                if error.code not in RETRYABLE:
                    raise
                failure = error
            except PocketMQError as error:
                failure = error
            log.warning("attempt %d to send to topic %s failed: %s", attempt + 1, parcel.topic, failure)
        if failure is None or ends_at <= clock.monotonic():
            raise SendTimeout(parcel.topic, timeout, tried, failure)
        raise failure

    async def _send_once(self, parcel: _Parcel, queue: MessageQueue, timeout: float) -> SendResult:
        answer = await self._session.connections.call(
            self._session.routes.master_address(queue.broker_name),
            parcel.code,
            self._request(parcel, queue),
            parcel.body,
            timeout=timeout,
            accept=STORED,
        )
        header = SendMessageResponse.decode(answer.fields)
        return SendResult(
            header.batch_uniq_id or parcel.message_id,
            header.msg_id,
            MessageQueue(parcel.topic, queue.broker_name, header.queue_id),
            header.queue_offset,
            SendStatus(answer.code),
            header.recall_handle,
        )

    async def _pause(self, attempt: int, ends_at: float) -> bool:
        """Whether there is time for another attempt after it."""
        left = ends_at - self._session.clock.monotonic()
        pause = self._session.rng.uniform(0.0, BUSY_SECONDS_MAX * 2 ** (attempt - 1))
        if pause >= left:
            return False
        await self._session.clock.sleep(pause)
        return True

    async def _refresh_route(self, topic: str, failure: PocketMQError, timeout: float) -> None:
        """The queue may have moved; a busy broker's has not."""
        if isinstance(failure, BrokerError) and failure.code == ResponseCode.SYSTEM_BUSY:
            return
        try:
            await self._session.routes.refresh(topic, timeout=timeout)
        except PocketMQError as error:
            log.warning("route of topic %s not refreshed: %s", topic, error)

    async def _writeable_route(self, topic: str, timeout: float) -> Route:
        route = self._session.routes.find(topic)
        if route is None:
            route = await self._find_route(topic, timeout)
        if not route.write_queues:
            raise NoRouteError(topic, why_not_writeable(route))
        return route

    async def _find_route(self, topic: str, timeout: float) -> Route:
        try:
            async with self._session.clock.deadline(timeout):
                return await self._session.routes.require(topic, timeout=timeout, may_borrow=True)
        except TimeoutError:
            raise NoRouteError(topic, [f"the name servers did not say where it is within {timeout:g} s"]) from None

    def _choose(self, route: Route, shard: str | None, avoided_broker: str | None) -> MessageQueue:
        if shard is not None:
            return route.write_queues[select_by_hash(shard, len(route.write_queues))]
        chooser = self._choosers.get(route.topic)
        if chooser is None:
            chooser = self._choosers[route.topic] = QueueChooser(self._session.rng.randrange(1 << 16))
        return chooser.next(route.write_queues, avoided_broker)

    def _parcel(self, message: Message) -> _Parcel:
        _check(message)
        body, sys_flag = packed(message.body) if len(message.body) > COMPRESS_OVER_BYTES else (message.body, 0)
        marked = self._marked(message)
        properties = _properties_text(marked)
        return _Parcel(
            message.topic,
            RequestCode.SEND_REPLY_MESSAGE_V2 if is_reply(message) else RequestCode.SEND_MESSAGE_V2,
            body,
            sys_flag,
            message.flag,
            properties,
            marked.unique_key or "",
        )

    def _batch(self, messages: Sequence[Message]) -> _Parcel:
        check_batch(messages)
        for message in messages:
            _check(message)
        marked = [self._marked(message) for message in messages]
        body = encode_messages(marked)
        if len(body) > MESSAGE_BYTES_MAX:
            raise IllegalMessage(
                f"a batch of {len(body)} bytes is over the limit of {MESSAGE_BYTES_MAX}: send fewer at once"
            )
        whole = Message(messages[0].topic, body, {names.WAIT: "true" if messages[0].waits_for_store else "false"})
        ids = ",".join(message.unique_key or "" for message in marked)
        properties = _properties_text(self._marked(whole))
        return _Parcel(whole.topic, RequestCode.SEND_BATCH_MESSAGE, body, 0, 0, properties, ids)

    def _marked(self, message: Message) -> Message:
        """With an id of ours, unless it has one."""
        if message.unique_key:
            return message
        return Message(
            message.topic, message.body, {**message.properties, names.UNIQUE_KEY: self._ids.create()}, message.flag
        )

    def _request(self, parcel: _Parcel, queue: MessageQueue) -> dict[str, str]:
        return SendMessageRequestV2(
            producer_group=self._group,
            topic=parcel.topic,
            default_topic=AUTO_CREATE_TOPIC,
            default_topic_queue_nums=DEFAULT_QUEUE_COUNT,
            queue_id=queue.queue_id,
            sys_flag=parcel.sys_flag,
            born_timestamp=self._session.clock.now_ms(),
            flag=parcel.flag,
            properties=parcel.properties,
            reconsume_times=0,
            unit_mode=False,
            batch=parcel.code == RequestCode.SEND_BATCH_MESSAGE,
            broker_name=queue.broker_name,
        ).fields()


def _check(message: Message) -> None:
    if fault := client_topic_fault(message.topic):
        raise IllegalMessage(fault)
    if not is_send_allowed(message.topic):
        raise IllegalMessage(f"Sending message to topic[{message.topic}] is forbidden.")
    if not 0 < len(message.body) <= MESSAGE_BYTES_MAX:
        raise IllegalMessage(f"a body of {len(message.body)} bytes is outside 1..{MESSAGE_BYTES_MAX}")


def _properties_text(message: Message) -> str:
    text = encode_properties_text(message.properties)
    if len(text.encode("utf-8", "replace")) > PROPERTIES_BYTES_MAX:
        raise IllegalMessage(f"properties of more than {PROPERTIES_BYTES_MAX} bytes cannot be stored")
    return text
