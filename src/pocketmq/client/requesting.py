"""Requests by message: what a producer asks, who may answer it, and the replies that find their way back.

request ─▶ stored with CORRELATION_ID, REPLY_TO_CLIENT ─▶ a consumer makes a reply and a producer sends it
        ◀─ PUSH_REPLY_MESSAGE_TO_CLIENT from the broker that the reply came to ◀─┘
"""

import asyncio
import logging
import uuid

from pocketmq.client.compression import restored
from pocketmq.client.errors import IllegalMessage, NoRouteError, RequestTimeout
from pocketmq.client.received import ReceivedMessage
from pocketmq.client.routes import Route
from pocketmq.client.session import Session
from pocketmq.model import properties as names
from pocketmq.model.message import Message
from pocketmq.model.names import REPLY_MESSAGE_TYPE, reply_topic
from pocketmq.model.outcome import Reply
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers import ReplyMessageRequest
from pocketmq.protocol.properties import decode_properties

log = logging.getLogger(__name__)


def create_reply_message(request: ReceivedMessage, body: bytes) -> Message:
    """The reply to a message that a producer asked with, for any producer to send (MessageUtil#createReplyMessage).

    Raises IllegalMessage if nobody waits for a reply to it.
    """
    asked = request.properties
    missing = [name for name in (names.CLUSTER, names.REPLY_TO_CLIENT, names.CORRELATION_ID) if not asked.get(name)]
    if missing:
        raise IllegalMessage(f"message {request.message_id} is no request: it has no property {', '.join(missing)}")
    properties = {
        names.MESSAGE_TYPE: REPLY_MESSAGE_TYPE,
        names.CORRELATION_ID: asked[names.CORRELATION_ID],
        names.REPLY_TO_CLIENT: asked[names.REPLY_TO_CLIENT],
        names.TTL: asked.get(names.TTL, "0"),
    }
    return Message(reply_topic(asked[names.CLUSTER]), body, properties)


def is_reply(message: Message) -> bool:
    """Whether it was made by `create_reply_message`, or as Java does."""
    return message.properties.get(names.MESSAGE_TYPE) == REPLY_MESSAGE_TYPE


class Requests:
    """What one producer has asked and nobody has answered yet; each entry ends with its caller."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._introduced: set[str] = set()
        session.handlers[RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT] = self._replied

    def __len__(self) -> int:
        return len(self._waiting)

    def mark(self, message: Message, timeout: float) -> tuple[Message, str]:
        """The message as it is asked, and its correlation id, under which the reply will be waited for."""
        correlation_id = str(uuid.UUID(int=self._session.rng.getrandbits(128), version=4))
        asked = {
            names.CORRELATION_ID: correlation_id,
            names.REPLY_TO_CLIENT: self._session.client_id,
            names.TTL: str(round(timeout * 1000)),
        }
        self._waiting[correlation_id] = asyncio.get_running_loop().create_future()
        return Message(message.topic, message.body, {**message.properties, **asked}, message.flag), correlation_id

    async def wait(self, correlation_id: str, topic: str, timeout: float) -> Message:
        """The reply. Raises RequestTimeout."""
        try:
            async with self._session.clock.deadline(timeout):
                return await self._waiting[correlation_id]
        except TimeoutError:
            raise RequestTimeout(topic, correlation_id) from None

    def forget(self, correlation_id: str) -> None:
        """A reply that comes from now on is dropped."""
        self._waiting.pop(correlation_id, None)

    async def introduce(self, route: Route, timeout: float) -> None:
        """Makes every broker that a reply may come to know this producer: those with the cluster's reply topic."""
        clusters = {broker.cluster for broker in route.data.broker_datas if broker.cluster} - self._introduced
        for topic in map(reply_topic, sorted(clusters)):
            try:
                await self._session.routes.require(topic, timeout=timeout)
            except NoRouteError as error:
                log.warning("replies may not arrive: %s", error)
        if clusters:
            await self._session.beat()
            self._introduced |= clusters

    async def _replied(self, request: Command) -> Reply:
        header = ReplyMessageRequest.decode(request.fields)
        properties = decode_properties(header.properties or "")
        waiting = self._waiting.get(properties.get(names.CORRELATION_ID, ""))
        if waiting is None or waiting.done():
            log.warning("a reply that nobody waits for: %s", properties.get(names.CORRELATION_ID))
            return Reply()
        properties[names.REPLY_ARRIVE_TIME] = str(self._session.clock.now_ms())
        waiting.set_result(Message(header.topic, restored(request.body, header.sys_flag), properties, header.flag))
        return Reply()
