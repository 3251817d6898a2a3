"""The revive log: what is popped, and what became of it, as messages in the queues of one topic of the cluster.

    ck     a checkpoint: JSON of PopCheckPoint; one without messages says where a queue goes on after a reset
    ack    one message needs no delivery any more: AckMsg
    bAck   several of one checkpoint do not: BatchAckMsg; also written for what revive has put into a retry topic

An acknowledgement lies in the same revive queue as its checkpoint, behind it. Java passes these records through its
timer, which is why each says when it is due. Sources: PopMessageProcessor#buildCkMsg, AckMessageProcessor#appendAck.
"""

from collections.abc import Iterator
from heapq import merge

from pocketmq.broker.popping.table import Checkpoint, CheckpointKey, PopTable, QueueKey
from pocketmq.broker.records import find_message
from pocketmq.broker.state import BrokerState
from pocketmq.model import names, properties
from pocketmq.model.errors import ProtocolError, Refusal
from pocketmq.model.limits import QUEUES_PER_TOPIC_MAX
from pocketmq.protocol.bodies.popping import (
    TAG_ACK,
    TAG_BATCH_ACK,
    TAG_CHECKPOINT,
    AckMsg,
    BatchAckMsg,
    PopCheckPoint,
)
from pocketmq.protocol.properties import encode_properties
from pocketmq.protocol.record import NewMessage
from pocketmq.store.message_store import Appended

REVIVE_GROUP = "CID_RMQ_SYS_REVIVE_GROUP"
"""PopAckConstants.REVIVE_GROUP: its committed offset is the last record that need not be read again."""

_ACK_INTERVAL_MS = 1_000
"""PopAckConstants.ackTimeInterval: a checkpoint is due a second before its messages are."""

_NUMBER_MAX = 1 << 62


def table(state: BrokerState) -> PopTable:
    """What is popped; read from the log once more if a failed write has taken records back."""
    if state.pops_read_at != state.store.discards:
        state.pops = rebuilt(state)
        state.pops_read_at = state.store.discards
    return state.pops


def write_checkpoint(state: BrokerState, pops: PopTable, checkpoint: Checkpoint, now_ms: int) -> None:
    """Append the record of a new checkpoint, and add it. Refusal if the store takes nothing."""
    appended = _append_checkpoint(state, checkpoint, now_ms)
    checkpoint.revive_offset = appended.queue_offset
    checkpoint.log_offset = appended.log_offset
    checkpoint.log_offset_end = appended.log_offset_end
    pops.add(checkpoint)


def write_again(state: BrokerState, pops: PopTable, checkpoint: Checkpoint, now_ms: int) -> None:
    """Append the record of a checkpoint once more with what is acknowledged, so that the old one may be forgotten."""
    appended = _append_checkpoint(state, checkpoint, now_ms)
    pops.move_place(checkpoint, appended.queue_offset, appended.log_offset_end)


def write_ack(state: BrokerState, pops: PopTable, checkpoint: Checkpoint, offsets: list[int], now_ms: int) -> int:
    """Append one record that these messages need no delivery any more: where it ends in the log."""
    key = checkpoint.key
    queue, start_offset, pop_time = key.queue, key.start_offset, key.pop_time
    broker_name = state.settings.broker_name
    if len(offsets) == 1:
        body: AckMsg = AckMsg(offsets[0], start_offset, queue.group, queue.topic, queue.queue_id, pop_time, broker_name)
        tag = TAG_ACK
    else:
        body = BatchAckMsg(
            -1, start_offset, queue.group, queue.topic, queue.queue_id, pop_time, broker_name, tuple(offsets)
        )
        tag = TAG_BATCH_ACK
    due_ms = checkpoint.revive_ms
    appended = _append(state, checkpoint.revive_queue_id, tag, body.unique_id, body.encode(), due_ms, now_ms)
    pops.acked_at(checkpoint.revive_queue_id, appended.queue_offset)
    pops.ack(checkpoint, offsets, appended.log_offset_end)
    return appended.log_offset_end


def rebuilt(state: BrokerState) -> PopTable:
    """The table as the log has it. Checkpoints of other brokers are none of ours."""
    pops = PopTable()
    topic = names.revive_topic(state.settings.broker_cluster_name)
    sources = (_places(state, topic, queue_id) for queue_id in state.store.queues(topic))
    for log_offset, revive_queue_id, revive_offset in merge(*sources):
        pops.acked_at(revive_queue_id, revive_offset)
        message = find_message(state.store, log_offset)
        if message is None:
            continue
        try:
            _apply(state, pops, message.tags, message.body, (revive_queue_id, revive_offset, log_offset))
        except (ProtocolError, Refusal, ValueError):
            continue
    return pops


def _places(state: BrokerState, topic: str, queue_id: int) -> Iterator[tuple[int, int, int]]:
    """(log offset, revive queue, place in it) of the records that count, those among them that nobody may see yet."""
    store = state.store
    offset = max(state.offsets.find(REVIVE_GROUP, topic, queue_id) + 1, store.min_offset(topic, queue_id))
    while (entry := store.entry(topic, queue_id, offset)) is not None:
        yield entry.log_offset, queue_id, offset
        offset += 1
    for queue, queue_offset, log_offset, *_ in list(store.log.undispatched):
        if queue is not None and queue.key == (topic, queue_id) and queue_offset >= offset:
            yield log_offset, queue_id, queue_offset


def _apply(state: BrokerState, pops: PopTable, tag: str | None, body: bytes, place: tuple[int, int, int]) -> None:
    if tag == TAG_CHECKPOINT:
        _apply_checkpoint(state, pops, PopCheckPoint.decode(body), place)
    elif tag in (TAG_ACK, TAG_BATCH_ACK):
        ack = BatchAckMsg.decode(body) if tag == TAG_BATCH_ACK else AckMsg.decode(body)
        queue = QueueKey(ack.topic or "", ack.consumer_group or "", ack.queue_id)
        checkpoint = pops.open.get(CheckpointKey(queue, ack.start_offset, ack.pop_time))
        if checkpoint is not None:
            offsets = list(ack.ack_offset_list) if isinstance(ack, BatchAckMsg) else [ack.ack_offset]
            pops.ack(checkpoint, offsets, state.store.log_max_offset)


def _apply_checkpoint(state: BrokerState, pops: PopTable, record: PopCheckPoint, place: tuple[int, int, int]) -> None:
    revive_queue_id, revive_offset, log_offset = place
    numbers = (record.start_offset, record.pop_time, record.invisible_time, record.queue_id)
    is_sound = (
        record.topic
        and record.cid
        and all(0 <= number < _NUMBER_MAX for number in numbers)
        and record.queue_id < QUEUES_PER_TOPIC_MAX
        and 0 <= record.num <= 32
    )
    if not is_sound or (record.broker_name or state.settings.broker_name) != state.settings.broker_name:
        return
    assert record.topic
    assert record.cid
    queue = QueueKey(record.topic, record.cid, record.queue_id)
    key = CheckpointKey(queue, record.start_offset, record.pop_time)
    known = pops.open.get(key)
    if known is not None:
        pops.move_place(known, revive_offset, state.store.log_max_offset)
        return
    offsets = tuple(record.ack_offset_by_index(index) for index in range(record.num))
    if not _is_current(state, queue, offsets[-1] if offsets else None, log_offset):
        return
    if queue not in pops.queues:
        pops.progress(queue, max(state.offsets.find(queue.group, queue.topic, queue.queue_id), 0))
    checkpoint = Checkpoint(
        key,
        record.invisible_time,
        offsets,
        revive_queue_id,
        revive_offset,
        log_offset,
        state.store.log_max_offset,
        acked=record.bit_map & (1 << len(offsets)) - 1,
    )
    # Written again: by whom these were acknowledged is no more known.
    checkpoint.passed = frozenset(offsets) - set(checkpoint.left())
    pops.add(checkpoint)


def _is_current(state: BrokerState, queue: QueueKey, last_offset: int | None, log_offset: int) -> bool:
    """The topic is the one that was popped, and not one of its name that was made after it was deleted."""
    if state.store.find_queue(queue.topic, queue.queue_id) is None:
        return False
    if last_offset is None or last_offset < state.store.min_offset(queue.topic, queue.queue_id):
        return True
    entry = state.store.entry(queue.topic, queue.queue_id, last_offset)
    return entry is not None and entry.log_offset < log_offset


def _append_checkpoint(state: BrokerState, checkpoint: Checkpoint, now_ms: int) -> Appended:
    key = checkpoint.key
    queue, offsets = key.queue, checkpoint.offsets
    record = PopCheckPoint(
        start_offset=key.start_offset,
        pop_time=key.pop_time,
        invisible_time=checkpoint.invisible_ms,
        bit_map=_int32(checkpoint.acked),
        num=len(offsets),
        queue_id=queue.queue_id,
        topic=queue.topic,
        cid=queue.group,
        queue_offset_diff=[offset - key.start_offset for offset in offsets],
        broker_name=state.settings.broker_name,
    )
    due_ms = checkpoint.revive_ms - _ACK_INTERVAL_MS
    queue_id = checkpoint.revive_queue_id
    return _append(state, queue_id, TAG_CHECKPOINT, record.unique_id, record.encode(), due_ms, now_ms)


def _append(
    state: BrokerState, revive_queue_id: int, tag: str, unique_id: str, body: bytes, due_ms: int, now_ms: int
) -> Appended:
    named = {properties.TAGS: tag, properties.UNIQUE_KEY: unique_id, properties.TIMER_DELIVER_MS: str(due_ms)}
    message = NewMessage(
        names.revive_topic(state.settings.broker_cluster_name),
        revive_queue_id,
        body,
        encode_properties(named),
        born_timestamp=now_ms,
        born_host=state.store_host,
        store_host=state.store_host,
    )
    return state.store.append(message, now_ms)


def _int32(bits: int) -> int:
    """The bits as Java's int has them."""
    return bits - (1 << 32) if bits >> 31 else bits
