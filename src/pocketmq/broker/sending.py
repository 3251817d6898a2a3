"""Sends: codes 10, 310 and 320. The plain message takes the straight way, all others the careful one.

    read_send ─▶ topic known, queue in range ─▶ examine properties ─▶ log.append ─▶ Stored
                       │ else: admit (create, refuse)    │ special: stamp, redirect (retry, dead letter, delay), refuse

Sources: SendMessageProcessor, AbstractSendMessageProcessor#msgCheck, HookUtils.
"""

from typing import NamedTuple

from pocketmq.broker.delays import intercept
from pocketmq.broker.inner_batch import refuse_wrong_kind, send_inner_batch
from pocketmq.broker.state import BrokerState, Handler
from pocketmq.broker.topics import DLQ_QUEUES, create_from_default, create_plain
from pocketmq.model import names
from pocketmq.model import properties as keys
from pocketmq.model.errors import Refusal
from pocketmq.model.faq import SEE_FAQ
from pocketmq.model.flags import INNER_BATCH, MULTI_TAGS, TOPIC_UNIT, TOPIC_UNIT_SUBSCRIPTION
from pocketmq.model.limits import TOPIC_CHARS_MAX
from pocketmq.model.names import NOT_ALLOWED_SEND_TOPICS
from pocketmq.model.outcome import LIMIT, Park, Reply, ReplyWhenDurable
from pocketmq.model.peer import Peer
from pocketmq.model.permissions import is_writeable, perm_text
from pocketmq.model.topic import TopicConfig, TopicFilterType
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.frame.send_fields import ABSENT
from pocketmq.protocol.frame.send_header import SendHeader, read_send
from pocketmq.protocol.frame.send_reply import Stored
from pocketmq.protocol.properties import decode_properties, encode_properties
from pocketmq.protocol.record import NewMessage, examine
from pocketmq.protocol.unique_key import encode_unique_key
from pocketmq.store.commit_log import append_batch
from pocketmq.store.unavailable import unavailable

_SEND_BATCH_MESSAGE = RequestCode.SEND_BATCH_MESSAGE.value  # Looking up an enum's member takes 60 ns.

_DIRECT_RETRY_VERSION = 56
"""MQVersion.V3_4_9: clients from here on send their own maximum of retries."""


def send(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Stored | Reply | ReplyWhenDurable | Park:
    """SEND_MESSAGE, SEND_MESSAGE_V2, SEND_BATCH_MESSAGE; a refusal carries what every answer to a send does.

    Over its rate it is parked, with its place already counted, and decided again when its turn has come.
    """
    header = read_send(request)
    queue_id = header.queue_id
    topic = header.topic
    config = state.topics.configs.get(topic)
    try:
        if (
            config is None
            or not 0 <= queue_id < config.write_queue_nums
            or config.order
            or topic in NOT_ALLOWED_SEND_TOPICS
            or now_ms < state.settings.start_accept_send_request_time_stamp
            or state.rates.limits_sends
        ):
            config = admit(header, peer, state, now_ms)
            if queue_id < 0:
                state.sends += 1
                queue_id = state.sends % max(config.write_queue_nums, 1)
            if state.rates.limits_sends and not request.resumed:
                wait_ms = state.rates.take_send(config, header.producer_group, now_ms)
                if wait_ms:
                    return Park(now_ms + wait_ms, (topic, LIMIT))
        if header.batch or request.code == _SEND_BATCH_MESSAGE:
            return _send_batch(request, header, config, queue_id, peer, state, now_ms)
        properties = header.properties
        facts = examine(properties)
        if facts.is_special or not facts.unique_key or topic[0] == "%" or header.reconsume_times:
            return _send_with_care(request, header, config, queue_id, peer, state, now_ms)
        store = state.store
        if store.refuses is not None:
            raise unavailable(store.refuses)
        properties += state.stamp.encoded_after if facts.is_open else state.stamp.encoded
        queue = store.queue(topic, queue_id)
        return store.log.append_send(queue, facts, header, properties, request, peer.packed, state.store_host, now_ms)
    except Refusal as refusal:
        refusal.fields = state.stamp.reply_fields
        raise


def admit(header: SendHeader, peer: Peer, state: BrokerState, now_ms: int) -> TopicConfig:
    """The topic's configuration, made if need be. Refusal with Java's code and remark (msgCheck, preSend)."""
    settings = state.settings
    topic = header.topic
    if now_ms < settings.start_accept_send_request_time_stamp:
        raise Refusal(ResponseCode.SYSTEM_ERROR, "broker unable to service, until its startAcceptSendRequestTimeStamp")
    if not is_writeable(settings.broker_permission) and state.topics.is_order(topic):
        raise Refusal(ResponseCode.NO_PERMISSION, f"the broker[{settings.broker_ip1}] sending message is forbidden")
    if fault := names.topic_fault(topic):
        raise Refusal(ResponseCode.INVALID_PARAMETER, fault)
    if topic in NOT_ALLOWED_SEND_TOPICS:
        raise Refusal(ResponseCode.NO_PERMISSION, f"Sending message to topic[{topic}] is forbidden.")
    config = state.topics.find(topic) or _create(header, state, now_ms)
    if config is None:
        raise Refusal(ResponseCode.TOPIC_NOT_EXIST, f"topic[{topic}] not exist, apply first please!{SEE_FAQ}")
    if header.queue_id >= max(config.write_queue_nums, config.read_queue_nums):
        raise Refusal(
            ResponseCode.INVALID_PARAMETER,
            f"request queueId[{header.queue_id}] is illegal, {_text_of(config)} Producer: {peer.address}",
        )
    return config


def _create(header: SendHeader, state: BrokerState, now_ms: int) -> TopicConfig | None:
    is_retry = header.topic.startswith(names.RETRY_PREFIX)
    sys_flag = 0
    if header.unit_mode:
        sys_flag = TOPIC_UNIT_SUBSCRIPTION if is_retry else TOPIC_UNIT
    config = create_from_default(
        state, header.topic, header.default_topic, header.default_topic_queue_nums, now_ms, sys_flag=sys_flag
    )
    if config is None and is_retry:
        config = create_plain(state, header.topic, 1, now_ms, sys_flag=sys_flag)
    return config


def _text_of(config: TopicConfig) -> str:
    """As TopicConfig#toString prints it."""
    attributes = ", ".join(f"{key}={value}" for key, value in config.attributes.items())
    return (
        f"TopicConfig [topicName={config.topic_name}, readQueueNums={config.read_queue_nums}, "
        f"writeQueueNums={config.write_queue_nums}, perm={perm_text(config.perm)}, "
        f"topicFilterType={config.topic_filter_type.value}, topicSysFlag={config.topic_sys_flag}, "
        f"order={'true' if config.order else 'false'}, attributes={{{attributes}}}]"
    )


class _Target(NamedTuple):
    """Where a message goes, after the rules for retries and dead letters."""

    topic: str
    queue_id: int
    config: TopicConfig


def _send_with_care(
    request: Command,
    header: SendHeader,
    config: TopicConfig,
    queue_id: int,
    peer: Peer,
    state: BrokerState,
    now_ms: int,
) -> Stored | ReplyWhenDurable:
    """Any message that needs more than storing."""
    properties = decode_properties(header.properties)
    properties.pop(keys.POP_CK, None)
    if state.settings.enabled_append_prop_crc:
        properties.pop(keys.CRC32, None)
    properties.update(state.stamp.properties)
    if not properties.get(keys.UNIQUE_KEY):
        properties[keys.UNIQUE_KEY] = new_unique_key(state, now_ms)
    target = _target(request, header, config, queue_id, properties, state, now_ms)
    _refuse_unsupported(header, properties, target.config, state)
    refuse_wrong_kind(header.sys_flag, properties, target.config, state.store.sizes.message_bytes_max)
    if header.sys_flag & INNER_BATCH:
        return send_inner_batch(request.body, header, queue_id, header.sys_flag, peer, state, now_ms)
    sys_flag = header.sys_flag
    if target.config.topic_filter_type is TopicFilterType.MULTI_TAG:
        sys_flag |= MULTI_TAGS
    message = NewMessage(
        target.topic,
        target.queue_id,
        request.body,
        encode_properties(properties),
        flag=header.flag,
        sys_flag=sys_flag,
        born_timestamp=header.born_timestamp,
        born_host=peer.packed,
        store_host=state.store_host,
        reconsume_times=header.reconsume_times,
    )
    appended = state.store.append(intercept(message, state), now_ms)
    return Stored(
        target.queue_id,
        appended.queue_offset,
        appended.log_offset,
        appended.log_offset_end,
        properties.get(keys.WAIT, "true").lower() == "true",
        properties[keys.UNIQUE_KEY].encode(),
    )


def new_unique_key(state: BrokerState, now_ms: int) -> str:
    """An id for a message whose client gave none: host, boot time and a counter make it one of its kind."""
    state.sends += 1
    return encode_unique_key(
        state.store_host[:-4],
        process_id=state.sends >> 16 & 0x7FFF,
        salt=state.boot_ms & 0x7FFFFFFF,
        age_ms=now_ms & 0x7FFFFFFF,
        counter=state.sends & 0xFFFF,
    )


def _target(
    request: Command,
    header: SendHeader,
    config: TopicConfig,
    queue_id: int,
    properties: dict[str, str],
    state: BrokerState,
    now_ms: int,
) -> _Target:
    """A retry that was tried often enough, or belongs to an orderly group, is a dead letter (handleRetryAndDLQ)."""
    if not header.topic.startswith(names.RETRY_PREFIX):
        return _Target(header.topic, queue_id, config)
    group = header.topic.removeprefix(names.RETRY_PREFIX)
    group_config = state.groups.find(group)
    if group_config is None:
        raise Refusal(
            ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
            f"subscription group not exist, {group} {SEE_FAQ}",
        )
    times_max = group_config.retry_max_times
    if request.version >= _DIRECT_RETRY_VERSION and header.max_reconsume_times != ABSENT:
        times_max = header.max_reconsume_times
    if header.reconsume_times <= times_max and not state.locks.is_group_locked(group, now_ms):
        return _Target(header.topic, queue_id, config)
    properties[keys.DELAY] = "-1"
    dead = create_plain(state, names.dlq_topic(group), DLQ_QUEUES, now_ms)
    state.statistics.count_send_back(group, header.topic, is_dead_letter=True)
    return _Target(dead.topic_name, 0, dead)


def _refuse_unsupported(
    header: SendHeader, properties: dict[str, str], config: TopicConfig, state: BrokerState
) -> None:
    """What this broker cannot keep a promise for, it refuses in Java's words."""
    in_transaction = properties.get(keys.TRANSACTION_PREPARED, "").lower() == "true"
    if in_transaction and not (header.reconsume_times > 0 and properties.get(keys.DELAY)):
        raise Refusal(
            ResponseCode.NO_PERMISSION,
            f"the broker[{state.settings.broker_ip1}] sending transaction message is forbidden",
        )
    timed = keys.TIMER_DELIVER_MS, keys.TIMER_DELAY_SEC, keys.TIMER_DELAY_MS
    if any(key in properties for key in timed) and not properties.get(keys.DELAY):
        raise Refusal(ResponseCode.SYSTEM_ERROR, "accurate timer message is not enabled, timerWheelEnable is false")
    if config.attributes.get("cleanup.policy") == "COMPACTION" and not properties.get(keys.KEYS, "").strip():
        raise Refusal(ResponseCode.MESSAGE_ILLEGAL, "Required message key is missing")


def _send_batch(
    request: Command,
    header: SendHeader,
    config: TopicConfig,
    queue_id: int,
    peer: Peer,
    state: BrokerState,
    now_ms: int,
) -> ReplyWhenDurable:
    """One record for each message of the batch, in order, all or none (MessageExtEncoder#encode of a batch).

    To a topic of batch queues one for all, unless the batch has no unique key by which its answer could be known.
    """
    topic = header.topic
    if len(topic) > TOPIC_CHARS_MAX:
        raise Refusal(ResponseCode.MESSAGE_ILLEGAL, f"message topic length too long {len(topic)}")
    if topic.startswith(names.RETRY_PREFIX):
        raise Refusal(ResponseCode.MESSAGE_ILLEGAL, f"batch request does not support retry group {topic}")
    store = state.store
    if store.refuses is not None:
        raise unavailable(store.refuses)
    sys_flag = header.sys_flag
    if config.topic_filter_type is TopicFilterType.MULTI_TAG:
        sys_flag |= MULTI_TAGS
    facts = examine(header.properties)
    if config.has_batch_queues and facts.unique_key:
        return send_inner_batch(request.body, header, queue_id, sys_flag, peer, state, now_ms)
    queue = store.queue(topic, queue_id)
    first = queue.next_offset
    ids = append_batch(store.log, queue, request.body, header, sys_flag, peer.packed, state.store_host, now_ms)
    if state.rates.limits_sends:
        state.rates.spend_sends(config, header.producer_group, queue.next_offset - first - 1, now_ms)
    fields = {
        **state.stamp.reply_fields,
        "msgId": ids,
        "queueId": str(queue_id),
        "queueOffset": str(first),
    }
    if facts.unique_key:
        fields["transactionId"] = facts.unique_key.decode("utf-8", "replace")
    return ReplyWhenDurable(Reply(fields=fields), store.log.end, facts.waits)


HANDLERS: dict[int, Handler] = {
    RequestCode.SEND_MESSAGE: send,
    RequestCode.SEND_MESSAGE_V2: send,
    RequestCode.SEND_BATCH_MESSAGE: send,
}
