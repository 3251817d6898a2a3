"""Taking messages of one queue for a group: where it goes on, what is there, and the checkpoint that remembers it.

A pop is decided within one turn, so that two consumers never look at a queue at once: what Java locks a queue for.
Sources: PopMessageProcessor#popMsgFromQueue, #getPopOffset, #getInitOffset.
"""

from typing import NamedTuple

import msgspec

from pocketmq.broker.filters.selecting import Unread
from pocketmq.broker.offset_table import NOT_FOUND
from pocketmq.broker.offsets import starts_in_memory
from pocketmq.broker.popping import revive_log
from pocketmq.broker.popping.table import Checkpoint, CheckpointKey, QueueKey, QueueProgress
from pocketmq.broker.popping.wanting import NOTHING_READ, Look, Read, look
from pocketmq.broker.records import find_message
from pocketmq.broker.state import CONSUMER_OFFSETS, CONSUMER_ORDERS, BrokerState
from pocketmq.model import names, properties
from pocketmq.model.outcome import Wanted
from pocketmq.protocol.message import encode_record
from pocketmq.protocol.pop_handle import PopHandle, retry_kind
from pocketmq.store.consume_queue import ENTRY_BYTES, ConsumeQueue, Selection, unpack_entries
from pocketmq.store.message_store import Found

INIT_MIN = 0
"""ConsumeInitMode.MIN; any other begins at the end."""


class Pop(NamedTuple):
    """What a request asks of every queue it comes to; `read` is what it had to have read from the disk."""

    topic: str
    group: str
    invisible_ms: int
    init_mode: int
    wants: Wanted | None
    revive_queue_id: int
    pop_time: int
    read: Read = NOTHING_READ


class Taken(NamedTuple):
    """Of one queue: `entries` to be sent as they lie in the log, or a `body`; `rest` waits behind them.

    If there are none, what is `unread` may have to be read before anybody can say what of the rest is wanted.
    Of an orderly pop: `order_counts`, or when the batch that is out lets the queue go.
    """

    topic: str
    queue_id: int
    start_offset: int = 0
    offsets: tuple[int, ...] = ()
    entries: bytes = b""
    body: bytes = b""
    size: int = 0
    rest: int = 0
    log_offset_end: int = 0
    free_at_ms: int = 0
    order_counts: tuple[str, ...] = ()
    unread: Unread | None = None


def take(state: BrokerState, pop: Pop, topic: str, queue_id: int, count_max: int, now_ms: int) -> Taken:
    """Up to `count_max` messages of the queue, hidden from the group. Refusal if the store takes nothing."""
    queue = state.store.find_queue(topic, queue_id)
    key = QueueKey(topic, pop.group, queue_id)
    pops = revive_log.table(state)
    offset = take_reset(state, key, now_ms)
    if offset is None:
        offset = next_offset(state, key, pop.init_mode, now_ms)
    if queue is None:
        return Taken(topic, queue_id)
    progress = pops.progress(key, offset)
    offset = progress.next_offset = max(progress.next_offset, offset)
    rest = max(queue.max_offset - offset, 0)
    threshold = state.settings.pop_inflight_message_threshold
    is_stopped = state.settings.enable_pop_message_threshold and progress.in_flight > threshold
    if is_stopped or pops.is_full or count_max <= 0:
        return Taken(topic, queue_id, rest=rest)
    offset, found = _look(state, pop, queue, key, progress, offset, count_max, now_ms)
    selection = found.selection
    if selection is None:
        pops.forget_idle(key, state.offsets.find(pop.group, topic, queue_id))
        return Taken(topic, queue_id, rest=max(queue.max_offset - progress.next_offset, 0), unread=found.unread)
    offsets = offsets_of(queue, offset, selection)
    checkpoint = Checkpoint(
        CheckpointKey(key, offset, pop.pop_time), pop.invisible_ms, offsets, pop.revive_queue_id, 0, 0, 0
    )
    assert checkpoint.key not in pops.open, f"{checkpoint.key} would be given twice"
    entries, body = selection.entries, b""
    if topic != pop.topic and not state.settings.pop_response_return_actual_retry_topic:
        entries, body = b"", _as_of_origin(state, pop, selection, checkpoint)
    revive_log.write_checkpoint(state, pops, checkpoint, now_ms)
    progress.next_offset = max(progress.next_offset, selection.next_offset)
    state.statistics.count_get(pop.group, topic, selection.bytes, len(offsets), is_system=state.topics.is_system(topic))
    rest = max(queue.max_offset - selection.next_offset, 0)
    return Taken(topic, queue_id, offset, offsets, entries, body, selection.bytes, rest, checkpoint.log_offset_end)


def next_offset(state: BrokerState, key: QueueKey, init_mode: int, now_ms: int) -> int:
    """Where the group goes on in the queue; a new group's first offset is committed, and saved before the answer."""
    progress = revive_log.table(state).queues.get(key)
    committed = state.offsets.find(key.group, key.topic, key.queue_id)
    if progress is not None:
        return max(progress.next_offset, committed)
    if committed != NOT_FOUND:
        return committed
    offset = first_offset(state, key, init_mode)
    if not names.is_retry_topic(key.topic):  # There it would be the same at any time.
        state.offsets.commit(key.group, key.topic, key.queue_id, offset, now_ms)
        state.unsaved.add(CONSUMER_OFFSETS)
    return offset


def first_offset(state: BrokerState, key: QueueKey, init_mode: int) -> int:
    """Where a group starts in a queue it has no offset in.

    A group that consumes other queues of the topic starts at the beginning of this one, which is new to it: starting
    at the end, as Java does, would skip the first messages of a queue that was added.
    """
    topic, group, queue_id = key
    first = max(state.store.min_offset(topic, queue_id), 0)
    if init_mode == INIT_MIN or names.is_retry_topic(topic) or state.offsets.of_group(group, topic):
        return first
    if state.settings.init_pop_offset_by_check_msg_in_mem and starts_in_memory(state, topic, queue_id):
        return 0
    return max(state.store.max_offset(topic, queue_id) - 1, 0)


def offsets_of(queue: ConsumeQueue, start: int, selection: Selection) -> tuple[int, ...]:
    """The queue offsets of what was selected from `start` on."""
    count = len(selection.entries) // ENTRY_BYTES
    if selection.next_offset - start == count:
        return tuple(range(start, start + count))
    raw = queue.raw(start, selection.next_offset - start)
    found: list[int] = []
    at = 0
    for place in range(len(raw) // ENTRY_BYTES):
        if raw[place * ENTRY_BYTES : (place + 1) * ENTRY_BYTES] == selection.entries[at : at + ENTRY_BYTES]:
            found.append(start + place)
            at += ENTRY_BYTES
    assert len(found) == count, f"{queue.key}: {count} entries are at {found}"
    return tuple(found)


def sorted_entries(entries: bytes) -> bytes:
    """Packed queue entries of several queues in the order in which their records lie in the log, as they are read."""
    return b"".join(sorted(entries[at : at + ENTRY_BYTES] for at in range(0, len(entries), ENTRY_BYTES)))


def take_reset(state: BrokerState, key: QueueKey, now_ms: int) -> int | None:
    """An administrator has moved the group: what is popped there counts no more, and what is said of it goes first."""
    offset = state.offsets.take_reset(key.group, key.topic, key.queue_id)
    if offset is None:
        return None
    pops = revive_log.table(state)
    for checkpoint in pops.open_of(key):
        revive_log.write_ack(state, pops, checkpoint, checkpoint.left(), now_ms)
    pops.forget_moves(key)
    if state.orders.find(key) is not None:
        state.orders.clear(key)
        state.unsaved.add(CONSUMER_ORDERS)
    here = CheckpointKey(key, offset, now_ms)
    revive_queue_id = state.pop_count % state.settings.revive_queue_num
    revive_log.write_checkpoint(state, pops, Checkpoint(here, 0, (), revive_queue_id, 0, 0, 0), now_ms)
    state.offsets.commit(key.group, key.topic, key.queue_id, offset, now_ms)
    return offset


def _look(
    state: BrokerState,
    pop: Pop,
    queue: ConsumeQueue,
    key: QueueKey,
    progress: QueueProgress,
    offset: int,
    count_max: int,
    now_ms: int,
) -> tuple[int, Look]:
    """What is there from `offset` on, or from where the queue now begins or ends; what is not wanted is passed over."""
    pops = state.pops
    wants = pop.wants
    if key.topic != pop.topic and not callable(wants):
        # Why a message is in a retry topic is that it was wanted, under whatever tags; its client looks at them again.
        # An expression is judged here or nowhere, so it is asked again as Java asks it.
        wants = None
    for _ in range(2):
        found = look(state.store, queue, offset, count_max, wants, pop.read)
        if found.status not in (Found.OFFSET_TOO_SMALL, Found.OFFSET_OVERFLOW_BADLY, Found.OFFSET_FOUND_NULL):
            break
        # What was committed is no place of the queue: left so, it would skip what comes next.
        pops.forget_moves(key)
        state.offsets.commit(key.group, key.topic, key.queue_id, found.next_offset, now_ms)
        offset = progress.next_offset = found.next_offset
    if found.status is Found.NO_MATCHED_MESSAGE:
        pops.skip(key, progress, found.next_offset, state.store.log_max_offset)
    return offset, found if found.status is Found.FOUND else found._replace(selection=None)


def _as_of_origin(state: BrokerState, pop: Pop, selection: Selection, checkpoint: Checkpoint) -> bytes:
    """Retried messages under the name of the topic they were sent to, each with its handle."""
    records = []
    for entry in unpack_entries(selection.entries):
        message = find_message(state.store, entry.log_offset, entry.size)
        if message is None:
            continue
        handle = PopHandle(
            checkpoint.key.start_offset,
            checkpoint.key.pop_time,
            checkpoint.invisible_ms,
            checkpoint.revive_queue_id,
            retry_kind(message.topic),
            state.settings.broker_name,
            message.queue_id,
            message.queue_offset,
        )
        named = {**message.properties, properties.POP_CK: handle.encode()}
        records.append(encode_record(msgspec.structs.replace(message, topic=pop.topic, properties=named)))
    return b"".join(records)
