"""Pops that keep the order: no checkpoint, but one batch at a time for each queue; see order_table.py.

The batch is saved before it is given out and an acknowledgement before it is answered: both change small tables, not
the log. Sources: PopMessageProcessor, AckMessageProcessor#ackOrderly,
ChangeInvisibleTimeProcessor#processChangeInvisibleTimeForOrder.
"""

from pocketmq.broker.popping import taking
from pocketmq.broker.popping.order_table import HeldBatch
from pocketmq.broker.popping.table import QueueKey
from pocketmq.broker.popping.taking import Pop, Taken, offsets_of
from pocketmq.broker.popping.wanting import look
from pocketmq.broker.state import CONSUMER_OFFSETS, CONSUMER_ORDERS, BrokerState
from pocketmq.model.errors import Refusal
from pocketmq.model.names import POP_ORDER_REVIVE_QUEUE
from pocketmq.model.outcome import Outcome, Reply
from pocketmq.model.peer import Peer
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.headers.popping import ChangeInvisibleTimeResponse
from pocketmq.protocol.pop_offsets import offset_order_count_entry, queue_order_count_entry
from pocketmq.store.consume_queue import ENTRY_BYTES
from pocketmq.store.message_store import Found


def take_in_order(
    state: BrokerState, pop: Pop, attempt_id: str | None, queue_id: int, count_max: int, now_ms: int
) -> Taken:
    """Up to `count_max` messages of the queue, if no batch of it is out; else `free_at_ms` says when that ends."""
    key = QueueKey(pop.topic, pop.group, queue_id)
    reset = taking.take_reset(state, key, now_ms)
    offset = taking.next_offset(state, key, pop.init_mode, now_ms) if reset is None else reset
    queue = state.store.find_queue(pop.topic, queue_id)
    held = state.orders.find(key)
    free_at_ms = 0 if held is None else held.free_at_ms(attempt_id)
    if free_at_ms > now_ms:
        return Taken(pop.topic, queue_id, free_at_ms=free_at_ms)
    if queue is None or count_max <= 0:
        return Taken(pop.topic, queue_id, rest=0 if queue is None else max(queue.max_offset - offset, 0))
    start = offset
    for _ in range(2):
        status, next_place, selection, unread = look(state.store, queue, start, count_max, pop.wants, pop.read)
        if status not in (Found.OFFSET_TOO_SMALL, Found.OFFSET_OVERFLOW_BADLY, Found.OFFSET_FOUND_NULL):
            break
        start = next_place
        state.offsets.commit(pop.group, pop.topic, queue_id, start, now_ms)
    if selection is None or status is not Found.FOUND:
        if status is Found.NO_MATCHED_MESSAGE:
            state.offsets.commit(pop.group, pop.topic, queue_id, next_place, now_ms)
        return Taken(pop.topic, queue_id, rest=max(queue.max_offset - next_place, 0), unread=unread)
    offsets = offsets_of(queue, start, selection)
    done = frozenset(held.offsets) - set(held.left) if held is not None else frozenset()
    units = [selection.entries[at : at + ENTRY_BYTES] for at in range(0, len(selection.entries), ENTRY_BYTES)]
    wanted = [(at, unit) for at, unit in zip(offsets, units, strict=True) if at not in done]
    if not wanted:
        state.offsets.commit(pop.group, pop.topic, queue_id, selection.next_offset, now_ms)
        return Taken(pop.topic, queue_id, rest=max(queue.max_offset - selection.next_offset, 0))
    offsets = tuple(at for at, _ in wanted)
    counts = {} if held is None else held.counts_for(offsets, attempt_id)
    first = offsets[0]
    batch = HeldBatch(
        pop_time=pop.pop_time,
        invisible_time=pop.invisible_ms,
        offset_list=[at - first if index else at for index, at in enumerate(offsets)],
        offset_consumed_count=counts,
        last_consume_timestamp=now_ms,
        attempt_id=attempt_id,
    )
    state.orders.put(key, batch)
    state.offsets.commit(pop.group, pop.topic, queue_id, start, now_ms)
    state.unsaved |= {CONSUMER_ORDERS, CONSUMER_OFFSETS}
    is_system = state.topics.is_system(pop.topic)
    state.statistics.count_get(pop.group, pop.topic, selection.bytes, len(offsets), is_system=is_system)
    entries = b"".join(unit for _, unit in wanted)
    rest = max(queue.max_offset - selection.next_offset, 0)
    return Taken(
        pop.topic,
        queue_id,
        start,
        offsets,
        entries,
        size=selection.bytes,
        rest=rest,
        order_counts=_counts(pop, queue_id, batch),
    )


def ack_in_order(state: BrokerState, key: QueueKey, offset: int, pop_time: int, peer: Peer, now_ms: int) -> Outcome:
    """One message of a batch is done; when all are, or what is left has come into sight, others may pop."""
    committed = state.offsets.find(key.group, key.topic, key.queue_id)
    if offset < committed:
        return Reply()
    batch = state.orders.find(key)
    if batch is None or batch.pop_time != pop_time:
        return Reply(ResponseCode.NO_MESSAGE, "the message is not hidden by this handle, or no longer")
    acked = batch.acked(offset)
    if acked is None:
        where = f"old:{committed}, commit:{offset}, next:-1, /{peer.address}"
        return Reply(ResponseCode.MESSAGE_ILLEGAL, f"offset is illegal, key:{'@'.join(map(str, key))}, {where}")
    state.orders.put(key, acked)
    state.offsets.commit(key.group, key.topic, key.queue_id, acked.next_offset, now_ms)
    state.unsaved |= {CONSUMER_ORDERS, CONSUMER_OFFSETS}
    if acked.free_at_ms(None) <= now_ms:
        state.resets_made.add((key.topic, key.queue_id))
    return Reply()


def hide_in_order(
    state: BrokerState, key: QueueKey, offset: int, pop_time: int, invisible_ms: int, now_ms: int
) -> Outcome:
    """One message of a batch is hidden from now on for another time; its handle stays."""
    if offset < state.offsets.find(key.group, key.topic, key.queue_id):
        return Reply(fields=ChangeInvisibleTimeResponse().fields())
    batch = state.orders.find(key)
    if batch is None or batch.pop_time != pop_time or offset not in batch.left:
        raise Refusal(ResponseCode.NO_MESSAGE, "the message is not hidden by this handle, or no longer")
    state.orders.put(key, batch.hidden(offset, now_ms + invisible_ms))
    state.unsaved.add(CONSUMER_ORDERS)
    state.resets_made.add((key.topic, key.queue_id))
    fields = ChangeInvisibleTimeResponse(
        pop_time=pop_time, invisible_time=now_ms + invisible_ms - pop_time, revive_qid=POP_ORDER_REVIVE_QUEUE
    ).fields()
    return Reply(fields=fields)


def _counts(pop: Pop, queue_id: int, batch: HeldBatch) -> tuple[str, ...]:
    """How often the messages were popped before, and, for old clients, the least of it for the queue."""
    counts = batch.offset_consumed_count or {}
    least = min(counts.values()) if counts and len(counts) == len(batch.offset_list) else 0
    entries = [offset_order_count_entry(pop.topic, queue_id, offset, count) for offset, count in counts.items()]
    return (*entries, queue_order_count_entry(pop.topic, queue_id, least))
