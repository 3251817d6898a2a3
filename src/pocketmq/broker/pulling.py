"""Pulls: codes 11 and 361, and when they wait.

    may it read? ─▶ whose filter? ─▶ select in the queue ─┬─ found: ReplyWithRecords
                                                         ├─ its filter needs records from the disk: ReadFirst
                                                         ├─ nothing yet, and it may wait: Park until a message or time
                                                         └─ Java's code for every other case

A parked pull is decided again from the start, with nothing remembered but that it has waited (`request.resumed`).
Sources: PullMessageProcessor, DefaultPullMessageResultHandler, DefaultMessageStore#getMessage, PullSysFlag.
"""

from dataclasses import replace
from typing import NamedTuple

from pocketmq.broker import broadcasts
from pocketmq.broker.filters.filter_table import Registered
from pocketmq.broker.filters.requiring import (
    judge_of_retried,
    require_filter,
    require_registered_filter,
    require_subscription,
)
from pocketmq.broker.filters.selecting import Looked, Matches, judged, look_through
from pocketmq.broker.groups import find_or_create
from pocketmq.broker.holding import hold, note_read
from pocketmq.broker.pull_consumers import refuse_pull_consumer
from pocketmq.broker.state import BrokerState, Handler
from pocketmq.model import flags, names
from pocketmq.model.errors import Refusal
from pocketmq.model.faq import SEE_FAQ
from pocketmq.model.group import SubscriptionGroupConfig
from pocketmq.model.limits import PULL_BYTES_MAX, PULL_MESSAGES_MAX
from pocketmq.model.names import MASTER_ID
from pocketmq.model.outcome import Outcome, Park, ReadFirst, Reply, ReplyWithRecords, Wanted
from pocketmq.model.peer import Peer
from pocketmq.model.permissions import PERM_READ, is_readable
from pocketmq.model.subscription import SubscriptionData, codes_wanted, is_tag_type
from pocketmq.model.topic import TopicConfig
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers import PullMessageRequest
from pocketmq.store.consume_queue import ENTRY_BYTES
from pocketmq.store.message_store import Found

GROUP_FORBIDDEN = 2
"""ForbiddenType: why a pull has no permission."""

BROKER_FORBIDDEN = 1
TOPIC_FORBIDDEN = 3
BROADCASTING_DISABLE_FORBIDDEN = 4
SUBSCRIPTION_FORBIDDEN = 5

_COLD_BYTES_MAX = 32 * 1024
"""Of records that may have to come from the disk: to copy them in and out takes the loop 0.1 ms, for which others wait.

Java gives 8 messages or 64 KiB then (maxTransferCountOnMessageInDisk, maxTransferBytesOnMessageInDisk)."""

_FOUND = Found.FOUND
_NO_MESSAGE_IN_QUEUE = Found.NO_MESSAGE_IN_QUEUE
_FOUND_REMARK = _FOUND.value
_LOOKED_AT_MESSAGES = (Found.FOUND, Found.NO_MATCHED_MESSAGE, Found.MESSAGE_WAS_REMOVING)
_PULL_NOT_FOUND = ResponseCode.PULL_NOT_FOUND
_SUCCESS = ResponseCode.SUCCESS

_CODES = {
    Found.FOUND: ResponseCode.SUCCESS,
    Found.NO_MATCHED_MESSAGE: ResponseCode.PULL_RETRY_IMMEDIATELY,
    Found.MESSAGE_WAS_REMOVING: ResponseCode.PULL_RETRY_IMMEDIATELY,
    Found.NO_MATCHED_LOGIC_QUEUE: ResponseCode.PULL_NOT_FOUND,
    Found.NO_MESSAGE_IN_QUEUE: ResponseCode.PULL_NOT_FOUND,
    Found.OFFSET_FOUND_NULL: ResponseCode.PULL_NOT_FOUND,
    Found.OFFSET_OVERFLOW_ONE: ResponseCode.PULL_NOT_FOUND,
    Found.OFFSET_OVERFLOW_BADLY: ResponseCode.PULL_OFFSET_MOVED,
    Found.OFFSET_RESET: ResponseCode.PULL_OFFSET_MOVED,
    Found.OFFSET_TOO_SMALL: ResponseCode.PULL_OFFSET_MOVED,
}


class Forbidden(NamedTuple):
    """Why, as a code for clients and a remark for people."""

    kind: int
    remark: str


class Judge(NamedTuple):
    """What judges messages by their properties, and, if that is a registered filter, what bit maps say of it."""

    matches: Matches
    registered: Registered | None = None


def pull(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """PULL_MESSAGE and LITE_PULL_MESSAGE."""
    header = PullMessageRequest.read(request)
    group = _group(request, header, state, now_ms)
    if isinstance(group, Forbidden):
        return _forbidden(group)
    config = state.topics.find(header.topic)
    if config is None:
        raise Refusal(ResponseCode.TOPIC_NOT_EXIST, f"topic[{header.topic}] not exist, apply first please! {SEE_FAQ}")
    if not is_readable(config.perm):
        return _forbidden(Forbidden(TOPIC_FORBIDDEN, f"the topic[{header.topic}] pulling message is forbidden"))
    if not 0 <= header.queue_id < config.read_queue_nums:
        raise Refusal(
            ResponseCode.INVALID_PARAMETER,
            f"queueId[{header.queue_id}] is illegal, topic:[{header.topic}] "
            f"topicConfig.readQueueNums:[{config.read_queue_nums}] consumer:[/{peer.address}]",
        )
    wanted = _subscription(header, group, state)
    if isinstance(wanted, Forbidden):
        return _forbidden(wanted)
    judge = None
    if not is_tag_type(wanted.expression_type) or wanted.class_filter_mode or header.sys_flag & flags.PULL_CLASS_FILTER:
        judge = _filter(header, wanted, state)
    if state.settings.reject_pull_consumer_enable:
        refuse_pull_consumer(header.consumer_group, peer, state)
    if judge is not None:
        return _look_through(request, header, group, config, judge, peer, state, now_ms)
    codes = codes_wanted(wanted)
    return _look(request, header, group, config, codes, peer, state, now_ms)


def _look_through(
    request: Command,
    header: PullMessageRequest,
    group: SubscriptionGroupConfig,
    config: TopicConfig,
    judge: Judge,
    peer: Peer,
    state: BrokerState,
    now_ms: int,
) -> Outcome:
    """As `_look`, where messages are judged by their properties: those may have to be read from the disk first."""

    matches = judge.matches

    def answer(looked: Looked | None, at_ms: int) -> Outcome:
        return _look(request, header, group, config, matches, peer, state, at_ms, looked)

    queue = state.store.find_queue(header.topic, header.queue_id)
    if queue is None:
        return answer(None, now_ms)
    count_max, bytes_max = _bounds(header)
    offset = header.queue_offset
    looked = look_through(state.store, queue, offset, count_max, bytes_max, matches, judge.registered)
    if isinstance(looked, Looked):
        return answer(looked, now_ms)
    entries, next_offset = looked
    return ReadFirst(
        entries,
        lambda records, at_ms: answer(judged(entries, records, next_offset, count_max, bytes_max, matches), at_ms),
    )


def _look(
    request: Command,
    header: PullMessageRequest,
    group: SubscriptionGroupConfig,
    config: TopicConfig,
    wanted: Wanted | None,
    peer: Peer,
    state: BrokerState,
    now_ms: int,
    looked: Looked | None = None,
) -> Outcome:
    """`looked`: what a filter has found already; else `wanted` are tags codes, or None for all messages."""
    if state.holds_pulls and (held := hold(request, header, group, config, state, now_ms)) is not None:
        _note(request, header, header.queue_offset, peer, state, now_ms)
        return held
    store = state.store
    queue = store.find_queue(header.topic, header.queue_id)
    reset = state.offsets.take_reset(header.consumer_group, header.topic, header.queue_id)
    if not state.settings.use_server_side_reset_offset:
        reset = None
    puller = broadcasts.find_puller(header, peer, state)
    if puller is not None and reset is None:
        reset = broadcasts.find_start(puller, header, state, now_ms)
    entries = b""
    size = 0
    if reset is not None:
        status, next_offset = Found.OFFSET_RESET, reset
    elif queue is None:
        status, next_offset = Found.NO_MESSAGE_IN_QUEUE, 0
    elif looked is not None:
        status, next_offset, entries, size = looked
    else:
        codes = wanted if isinstance(wanted, frozenset) else None
        count_max, bytes_max = _bounds(header)
        status, next_offset, selection = store.select(queue, header.queue_offset, count_max, bytes_max, codes)
        if selection is not None and selection.bytes > _COLD_BYTES_MAX and store.log.is_cold(selection.entries):
            status, next_offset, selection = store.select(queue, header.queue_offset, count_max, _COLD_BYTES_MAX, codes)
        if selection is not None:
            entries, size = selection.entries, selection.bytes
    code = _SUCCESS if status is _FOUND else _CODES[status]  # An enum's hash and members cost a busy pull 0.4 µs.
    if status is _NO_MESSAGE_IN_QUEUE and header.queue_offset != 0:
        code = ResponseCode.PULL_OFFSET_MOVED
    if puller is not None:
        moved = code == ResponseCode.PULL_OFFSET_MOVED
        broadcasts.note(puller, header, next_offset if moved else header.queue_offset, state, now_ms)
    _note(request, header, next_offset, peer, state, now_ms)
    fields = {
        "suggestWhichBrokerId": str(_suggested(group, header, status, next_offset, state)),
        "nextBeginOffset": str(next_offset),
        "minOffset": str(queue.min_offset if queue is not None else store.min_offset(header.topic, header.queue_id)),
        "maxOffset": str(queue.max_offset if queue is not None else 0),
        "topicSysFlag": str(config.topic_sys_flag),
        "groupSysFlag": str(group.group_sys_flag),
    }
    reply = Reply(code, _FOUND_REMARK if status is _FOUND else status.value, fields)
    if code is _PULL_NOT_FOUND and header.sys_flag & flags.PULL_SUSPEND:
        waits_ms = header.suspend_timeout_millis
        if not state.settings.long_polling_enable:
            waits_ms = state.settings.short_polling_time_mills
        until_ms = request.arrived_ms + waits_ms
        if now_ms < until_ms:
            return Park(until_ms, (header.topic, header.queue_id), wanted)
    count = len(entries) // ENTRY_BYTES
    if state.holds_pulls and count:
        note_read(header, group, config, count, size, state, now_ms)
    state.statistics.count_get(
        header.consumer_group, header.topic, size, count, is_system=state.topics.is_system(header.topic)
    )
    return ReplyWithRecords(reply, entries) if entries else reply


def _bounds(header: PullMessageRequest) -> tuple[int, int]:
    """How many messages it may get, and of how many bytes."""
    bytes_max = min(header.max_msg_bytes or PULL_BYTES_MAX, PULL_BYTES_MAX)
    return min(max(header.max_msg_nums, 1), PULL_MESSAGES_MAX), bytes_max


def _filter(header: PullMessageRequest, wanted: SubscriptionData, state: BrokerState) -> Judge:
    """What judges messages for this pull. Refusal if it may not ask so, or its expression is not known, or old."""
    if header.sys_flag & flags.PULL_CLASS_FILTER:
        wanted = replace(wanted, class_filter_mode=True)
    if header.sys_flag & flags.PULL_SUBSCRIPTION:
        judge = Judge(require_filter(wanted, state.settings).matches)
    else:
        registered = require_registered_filter(
            wanted, header.consumer_group, header.sub_version, state.filters, state.settings
        )
        judge = Judge(registered.filter.matches, registered)
    if state.settings.filter_support_retry and names.is_retry_topic(header.topic):
        return Judge(judge_of_retried(header.consumer_group, state.filters))
    return judge


def _suggested(
    group: SubscriptionGroupConfig, header: PullMessageRequest, status: Found, next_offset: int, state: BrokerState
) -> int:
    """Which replica to pull from next: another one, if what the group reads has probably left this one's memory.

    A pull that looked at no message says nothing about that: a group that has read all stays, however old the last is.
    """
    if not state.settings.slave_read_enable:
        return MASTER_ID
    has_looked = status in _LOOKED_AT_MESSAGES and next_offset > 0
    looked_at = state.store.entry(header.topic, header.queue_id, next_offset - 1) if has_looked else None
    if looked_at is None:
        return group.broker_id
    is_slow = state.store.log_max_offset - looked_at.log_offset > state.log_bytes_in_memory
    return group.which_broker_when_consume_slowly if is_slow else group.broker_id


def _group(
    request: Command, header: PullMessageRequest, state: BrokerState, now_ms: int
) -> SubscriptionGroupConfig | Forbidden:
    settings = state.settings
    if not is_readable(settings.broker_permission):
        return Forbidden(BROKER_FORBIDDEN, f"the broker[{settings.broker_ip1}] pulling message is forbidden")
    if request.code == RequestCode.LITE_PULL_MESSAGE and not settings.lite_pull_message_enable:
        return Forbidden(BROKER_FORBIDDEN, f"the broker[{settings.broker_ip1}] for lite pull consumer is forbidden")
    config = state.groups.find(header.consumer_group) or find_or_create(state, header.consumer_group, now_ms)
    if config is None:
        raise Refusal(
            ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
            f"subscription group [{header.consumer_group}] does not exist, {SEE_FAQ}",
        )
    if not config.consume_enable:
        return Forbidden(GROUP_FORBIDDEN, f"subscription group no permission, {header.consumer_group}")
    return config


def _subscription(
    header: PullMessageRequest, group: SubscriptionGroupConfig, state: BrokerState
) -> SubscriptionData | Forbidden:
    """What the pull is filtered by: its own words, or what its group last said in a heartbeat."""
    if header.sys_flag & flags.PULL_SUBSCRIPTION:
        return require_subscription(header.topic, header.subscription, header.expression_type, header.sub_version)
    members = state.sessions.consumers.get(header.consumer_group)
    if members is None:
        raise Refusal(ResponseCode.SUBSCRIPTION_NOT_EXIST, f"the consumer's group info not exist{SEE_FAQ}")
    if not group.consume_broadcast_enable and members.is_broadcasting:
        return Forbidden(
            BROADCASTING_DISABLE_FORBIDDEN,
            f"the consumer group[{header.consumer_group}] can not consume by broadcast way",
        )
    if state.groups.forbidden_bits(header.consumer_group, header.topic) & PERM_READ:
        return Forbidden(
            SUBSCRIPTION_FORBIDDEN,
            f"the consumer group[{header.consumer_group}] is forbidden for topic[{header.topic}]",
        )
    wanted = members.subscriptions.get(header.topic)
    if wanted is None:
        raise Refusal(ResponseCode.SUBSCRIPTION_NOT_EXIST, f"the consumer's subscription not exist{SEE_FAQ}")
    if wanted.sub_version < header.sub_version:
        raise Refusal(ResponseCode.SUBSCRIPTION_NOT_LATEST, "the consumer's subscription not latest")
    return wanted


def _note(
    request: Command, header: PullMessageRequest, next_offset: int, peer: Peer, state: BrokerState, now_ms: int
) -> None:
    """How far the group has pulled, and, with a first look, how far it has consumed (tryCommitOffset)."""
    state.offsets.note_pulled(header.consumer_group, header.topic, header.queue_id, next_offset)
    if header.sys_flag & flags.PULL_COMMIT_OFFSET and header.commit_offset >= 0 and request.resumed == 0:
        state.offsets.advance(header.consumer_group, header.topic, header.queue_id, header.commit_offset, now_ms)


def _forbidden(forbidden: Forbidden) -> Reply:
    return Reply(ResponseCode.NO_PERMISSION, forbidden.remark, {"forbiddenType": str(forbidden.kind)})


HANDLERS: dict[int, Handler] = {RequestCode.PULL_MESSAGE: pull, RequestCode.LITE_PULL_MESSAGE: pull}
