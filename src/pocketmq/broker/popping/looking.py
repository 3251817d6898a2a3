"""PEEK_MESSAGE, NOTIFICATION, POLLING_INFO: what a pop would find, without popping, and how many wait for it.

Sources: PeekMessageProcessor, NotificationProcessor, PollingInfoProcessor.
"""

from collections.abc import Iterable

from pocketmq.broker.offset_table import NOT_FOUND
from pocketmq.broker.popping import revive_log, waiting
from pocketmq.broker.popping.admission import require_readable
from pocketmq.broker.popping.places import Place, places_to_watch, queues_of, retry_topics
from pocketmq.broker.popping.table import QueueKey
from pocketmq.broker.popping.taking import sorted_entries
from pocketmq.broker.popping.wanting import wants_of
from pocketmq.broker.state import BrokerState
from pocketmq.model.limits import POPPED_MESSAGES_MAX, PULL_BYTES_MAX
from pocketmq.model.outcome import Outcome, Reply, ReplyWithRecords, Wanted
from pocketmq.model.peer import Peer
from pocketmq.model.pop_names import polling_key
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers.popping import (
    NotificationRequest,
    NotificationResponse,
    PeekMessageRequest,
    PollingInfoRequest,
    PollingInfoResponse,
    PopMessageResponse,
)
from pocketmq.store.consume_queue import ENTRY_BYTES
from pocketmq.store.message_store import Found


def peek(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """PEEK_MESSAGE: what the next pop would bring; nothing is hidden and no offset moves."""
    header = PeekMessageRequest.decode(request.fields)
    topic, group = header.topic, header.consumer_group
    require_readable(state, topic, group, header.queue_id, peer, now_ms)
    count_max = min(header.max_msg_nums, POPPED_MESSAGES_MAX)
    entries, rest = b"", 0
    for place in _places(state, topic, group, header.queue_id):
        offset, end = next_offset(state, group, place), state.store.max_offset(*place)
        rest += max(end - offset, 0)
        queue = state.store.find_queue(*place)
        left = count_max - len(entries) // ENTRY_BYTES
        if queue is None or left <= 0:
            continue
        status, again, selection = state.store.select(queue, offset, left, PULL_BYTES_MAX, None)
        if status in (Found.OFFSET_TOO_SMALL, Found.OFFSET_OVERFLOW_BADLY):
            status, _, selection = state.store.select(queue, again, left, PULL_BYTES_MAX, None)
        if status is Found.FOUND and selection is not None:
            entries += selection.entries
            size, count = selection.bytes, len(selection.entries) // ENTRY_BYTES
            state.statistics.count_get(group, topic, size, count, is_system=state.topics.is_system(topic))
    fields = PopMessageResponse(rest_num=rest).fields()
    if not entries:
        return Reply(ResponseCode.PULL_NOT_FOUND, "NO_MESSAGE_IN_QUEUE", fields)
    return ReplyWithRecords(Reply(0, "FOUND", fields), sorted_entries(entries))


def notification(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """NOTIFICATION: whether there is a message for the group, at once or as soon as one comes.

    Tags are looked at where few messages wait. An expression says only whose coming wakes, as in Java: to judge what
    is there is the pop's business.
    """
    header = NotificationRequest.decode(request.fields)
    topic, group, queue_id = header.topic, header.consumer_group, header.queue_id
    require_readable(state, topic, group, queue_id, peer, now_ms)
    wants = None
    if state.settings.use_message_filter_for_notification and header.exp_type:
        wants = wants_of(topic, header.exp, header.exp_type)
    places = list(_places(state, topic, group, queue_id, is_order=header.order))
    free_at_ms = None
    if header.order:
        held = [state.orders.find(QueueKey(topic, group, place[1])) for place in places]
        times = [0 if batch is None else batch.free_at_ms(header.attempt_id) for batch in held]
        places = [place for place, free_at in zip(places, times, strict=True) if free_at <= now_ms]
        free_at_ms = min((free_at for free_at in times if free_at > now_ms), default=None)
    if any(_has_message(state, group, place, wants if place[0] == topic else None) for place in places):
        return Reply(fields=NotificationResponse(has_msg=True).fields())
    watched = tuple(places_to_watch(state, topic, group, queue_id))
    label = "notification " + polling_key(topic, group, queue_id)
    outcome = waiting.wait(
        request,
        state,
        watched,
        label,
        header.poll_time,
        now_ms,
        again_ms=free_at_ms,
        alike=None if header.order else f"{header.exp_type} {header.exp}",
        wants=wants if callable(wants) else None,
    )
    if not isinstance(outcome, ResponseCode):
        return outcome
    return Reply(fields=NotificationResponse(polling_full=outcome is ResponseCode.POLLING_FULL).fields())


def polling_info(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """POLLING_INFO: how many pops of the group wait at this queue, or, for -1, at all queues."""
    header = PollingInfoRequest.decode(request.fields)
    topic, group, queue_id = header.topic, header.consumer_group, header.queue_id
    require_readable(state, topic, group, queue_id, peer, now_ms)
    count = state.parked.get(polling_key(topic, group, queue_id), 0)
    return Reply(fields=PollingInfoResponse(polling_num=count).fields())


def next_offset(state: BrokerState, group: str, place: Place) -> int:
    """Where the group's next pop of the queue begins, or the queue, if it has never popped there."""
    topic, queue_id = place
    committed = state.offsets.find(group, topic, queue_id)
    progress = revive_log.table(state).queues.get(QueueKey(topic, group, queue_id))
    if progress is not None:
        return max(progress.next_offset, committed)
    return max(state.store.min_offset(topic, queue_id), 0) if committed == NOT_FOUND else committed


def _has_message(state: BrokerState, group: str, place: Place, wants: Wanted | None) -> bool:
    """Whether a message waits for the group in the queue; with few of them, whether one is of these tags."""
    offset, end = next_offset(state, group, place), state.store.max_offset(*place)
    queue = state.store.find_queue(*place)
    is_few = end - offset < state.settings.max_message_filter_num_for_notification
    if queue is None or not isinstance(wants, frozenset) or not is_few or offset < queue.min_offset:
        return offset < end
    return any(entry.tags_code in wants for entry in queue.entries(offset, end - offset))


def _places(state: BrokerState, topic: str, group: str, queue_id: int, *, is_order: bool = False) -> Iterable[Place]:
    """Retries first, which there are none of in order, then the queue, or all of the topic."""
    for retry in () if is_order else retry_topics(state, topic, group):
        yield from queues_of(state, retry)
    if queue_id >= 0:
        yield topic, queue_id
    else:
        yield from queues_of(state, topic)
