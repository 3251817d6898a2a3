"""What happens to a message that its handler could not deal with."""

import logging

from pocketmq.client.inbox import Inbox
from pocketmq.client.membership import Membership
from pocketmq.client.received import ReceivedMessage
from pocketmq.client.session import Session
from pocketmq.model.errors import PocketMQError
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.headers import ConsumerSendMsgBackRequest

SEND_BACK_SECONDS = 5.0
"""DefaultMQPushConsumerImpl#sendMessageBack."""

RETRIES_MAX = 16
"""DefaultMQPushConsumerImpl#getMaxReconsumeTimes; an orderly consumer without a bound of its own tries for ever."""

ORDERLY_PAUSE_SECONDS = 1.0
"""DefaultMQPushConsumer.suspendCurrentQueueTimeMillis."""

NOT_SENT_BACK_SECONDS = 5.0
"""ConsumeMessageConcurrentlyService#submitConsumeRequestLater: when the broker cannot take a message back."""

DEAD_LETTER_LEVEL = -1
"""ConsumeConcurrentlyContext.delayLevelWhenNextConsume: straight to the dead letters."""

log = logging.getLogger(__name__)


class Retrying:
    """Settles messages for one consumer.

    A group that shares sends the message back to the broker, which delays it and delivers it to any member; an orderly
    one keeps the queue standing still and tries again itself; a broadcasting one has nowhere to send it and lets it go.
    """

    def __init__(self, session: Session, membership: Membership, inbox: Inbox, retries_max: int | None) -> None:
        self._session = session
        self._membership = membership
        self._inbox = inbox
        self._retries_max = retries_max

    def finish(self, message: ReceivedMessage) -> bool:
        """Marks it done."""
        return self._inbox.settle(message)

    async def retry(self, message: ReceivedMessage, delay_level: int) -> None:
        """Never raises for a broker's sake: a message that cannot be sent back comes again from here."""
        if message.assigned is None:
            return
        if self._membership.is_broadcasting:
            log.warning("group %s is broadcasting, so %r does not come again", self._membership.group, message)
            self._inbox.settle(message)
            return
        if self._membership.is_orderly and delay_level != DEAD_LETTER_LEVEL:
            if self._retries_max is None or message.reconsume_times < self._retries_max:
                self._inbox.offer_again(message, ORDERLY_PAUSE_SECONDS)
                return
            delay_level = DEAD_LETTER_LEVEL
        try:
            await self._send_back(message, delay_level)
        except PocketMQError as error:
            log.warning("%r not sent back, trying again here: %s", message, error)
            self._inbox.offer_again(message, NOT_SENT_BACK_SECONDS)
        else:
            self._inbox.settle(message)

    async def _send_back(self, message: ReceivedMessage, delay_level: int) -> None:
        request = ConsumerSendMsgBackRequest(
            offset=message.stored.log_offset,
            group=self._membership.group,
            delay_level=delay_level,
            origin_msg_id=message.offset_message_id,
            origin_topic=message.topic,
            max_reconsume_times=RETRIES_MAX if self._retries_max is None else self._retries_max,
            bname=message.queue.broker_name,
        )
        await self._session.connections.call(
            self._session.routes.master_address(message.queue.broker_name),
            RequestCode.CONSUMER_SEND_MSG_BACK,
            request.fields(),
            timeout=SEND_BACK_SECONDS,
        )
