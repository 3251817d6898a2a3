"""A consumer returns a message that it could not work on: once more later, or to the dead letters.

How long it waits is its group's retry policy (`retries`), unless the consumer names a level. A message returned as
often as its group allows, or with a negative level, goes to `%DLQ%group`; every other one to `%RETRY%group` by way of
the delay queues.
"""

from pocketmq.broker.delays import intercept
from pocketmq.broker.groups import find_or_create
from pocketmq.broker.records import find_message, stored_again
from pocketmq.broker.retries import level_of_return
from pocketmq.broker.state import BrokerState, Handler
from pocketmq.broker.topics import DLQ_QUEUES, create_plain
from pocketmq.model import names, properties
from pocketmq.model.errors import Refusal
from pocketmq.model.faq import SEE_FAQ
from pocketmq.model.flags import INNER_BATCH, TOPIC_UNIT_SUBSCRIPTION
from pocketmq.model.group import SubscriptionGroupConfig
from pocketmq.model.message import StoredMessage
from pocketmq.model.outcome import Outcome, Reply, ReplyWhenDurable
from pocketmq.model.peer import Peer
from pocketmq.model.permissions import is_writeable
from pocketmq.model.versions import V3_4_9
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers.sending import ConsumerSendMsgBackRequest
from pocketmq.protocol.record import NewMessage


def consumer_send_msg_back(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """CONSUMER_SEND_MSG_BACK: answered once the message is as durable as a send, for the consumer then forgets it."""
    header = ConsumerSendMsgBackRequest.decode(request.fields)
    group = find_or_create(state, header.group, now_ms)
    if group is None:
        return Reply(
            ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, f"subscription group not exist, {header.group} {SEE_FAQ}"
        )
    if not is_writeable(state.settings.broker_permission):
        host = state.address.rpartition(":")[0]
        return Reply(ResponseCode.NO_PERMISSION, f"the broker[{host}] sending message is forbidden")
    if group.retry_queue_nums <= 0:
        return Reply()
    topic = names.retry_topic(header.group)
    sys_flag = TOPIC_UNIT_SUBSCRIPTION if header.unit_mode else 0
    config = create_plain(state, topic, group.retry_queue_nums, now_ms, sys_flag=sys_flag)
    if not is_writeable(config.perm):
        return Reply(ResponseCode.NO_PERMISSION, f"the topic[{topic}] sending message is forbidden")
    message = find_message(state.store, header.offset)
    if message is None:
        return Reply(ResponseCode.SYSTEM_ERROR, f"look message by offset failed, {header.offset}")
    return _store(state, message, group, header, _returns_max(request, header, group), now_ms)


def _returns_max(request: Command, header: ConsumerSendMsgBackRequest, group: SubscriptionGroupConfig) -> int:
    """How often the group lets a message come back; consumers since 3.4.9 may say so themselves."""
    if request.version >= V3_4_9 and header.max_reconsume_times is not None:
        return header.max_reconsume_times
    return group.retry_max_times


def _store(
    state: BrokerState,
    message: StoredMessage,
    group: SubscriptionGroupConfig,
    header: ConsumerSendMsgBackRequest,
    returns_max: int,
    now_ms: int,
) -> Outcome:
    is_dead_letter = message.reconsume_times >= returns_max or header.delay_level < 0
    topic, queues, level = names.retry_topic(group.group_name), group.retry_queue_nums, header.delay_level
    if is_dead_letter:
        topic, queues, level = names.dlq_topic(group.group_name), DLQ_QUEUES, 0
        create_plain(state, topic, queues, now_ms)
    elif level == 0:
        level = level_of_return(group.group_retry_policy, message.reconsume_times, state.delays.levels)
    origin = message.properties.get(properties.RETRY_TOPIC, "")
    if names.topic_fault(origin):
        origin = message.topic
    state.send_backs += 1
    if message.sys_flag & INNER_BATCH:
        # One record, and the consumer means one of its messages: no retry topic takes it (HookUtils#checkInnerBatch).
        raise Refusal(ResponseCode.SYSTEM_ERROR, ResponseCode.MESSAGE_ILLEGAL.name)
    again = stored_again(message, topic, state.send_backs % queues, _returned(message, origin, level))
    again = again._replace(store_host=state.store_host, reconsume_times=message.reconsume_times + 1)
    outcome = _append(state, intercept(again, state), now_ms)
    state.statistics.count_send_back(group.group_name, origin, is_dead_letter=is_dead_letter)
    return outcome


def _returned(message: StoredMessage, origin: str, level: int) -> dict[str, str]:
    """The message's properties with where it comes from, what it was first, and how long it waits."""
    named = dict(message.properties)
    named[properties.RETRY_TOPIC] = origin
    named[properties.WAIT] = "false"
    named[properties.DELAY] = str(level)
    if not named.get(properties.ORIGIN_MESSAGE_ID, "").strip():
        named[properties.ORIGIN_MESSAGE_ID] = message.message_id or ""
    return named


def _append(state: BrokerState, message: NewMessage, now_ms: int) -> Outcome:
    try:
        appended = state.store.append(message, now_ms)
    except Refusal as refusal:
        state.statistics.put_failed += 1
        raise Refusal(ResponseCode.SYSTEM_ERROR, ResponseCode(refusal.code).name) from refusal
    return ReplyWhenDurable(Reply(), appended.log_offset_end)


HANDLERS: dict[int, Handler] = {RequestCode.CONSUMER_SEND_MSG_BACK: consumer_send_msg_back}
