"""ACK_MESSAGE, BATCH_ACK_MESSAGE, CHANGE_MESSAGE_INVISIBLETIME: what becomes of popped messages.

A handle is believed only where it names an open checkpoint of this broker. What it named may be gone: then a repeated
acknowledgement is granted for as long as it is remembered, and everything else is refused with NO_MESSAGE. Java writes
down whatever it is told. Sources: AckMessageProcessor, ChangeInvisibleTimeProcessor.
"""

from pocketmq.broker.popping import revive_log
from pocketmq.broker.popping.admission import require_queue
from pocketmq.broker.popping.ordering import ack_in_order, hide_in_order
from pocketmq.broker.popping.table import Checkpoint, CheckpointKey, PopTable, QueueKey
from pocketmq.broker.state import BrokerState
from pocketmq.model.errors import Refusal
from pocketmq.model.limits import POP_INVISIBLE_MS_MAX
from pocketmq.model.names import POP_ORDER_REVIVE_QUEUE
from pocketmq.model.outcome import Outcome, Reply, ReplyWhenDurable
from pocketmq.model.peer import Peer
from pocketmq.protocol.bodies.popping import BatchAck, BatchAckMessageRequestBody
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers.popping import (
    AckMessageRequest,
    ChangeInvisibleTimeRequest,
    ChangeInvisibleTimeResponse,
)
from pocketmq.protocol.pop_handle import PopHandle, decode_pop_handle, real_topic, retry_kind

_NOT_HIDDEN = "the message is not hidden by this handle, or no longer"

_UNSAID = "not set any response code"
"""RemotingCommand: the remark of an answer that nobody gave one, though it has a code."""


def ack(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """ACK_MESSAGE: one message; answered once that is as durable as a send."""
    header = AckMessageRequest.read(request)
    found = find_checkpoint(header, peer, state, now_ms)
    return acknowledge(state, found, header.offset, now_ms) if isinstance(found, Checkpoint) else found


def find_checkpoint(header: AckMessageRequest, peer: Peer, state: BrokerState, now_ms: int) -> Checkpoint | Outcome:
    """The open checkpoint that the handle names, with the message in it, or, where that is all, the answer.

    Refusal if the handle is none of this broker's for this message.
    """
    require_queue(state, header.topic, header.queue_id, peer)
    _require_offset(state, header.topic, header.queue_id, header.offset)
    handle = _require_own(state, header.extra_info, header.topic, header.queue_id, header.offset)
    if handle.is_orderly:
        place = QueueKey(header.topic, header.consumer_group, header.queue_id)
        return ack_in_order(state, place, header.offset, handle.pop_time, peer, now_ms)
    pops = revive_log.table(state)
    key = _key(header.topic, header.consumer_group, handle)
    checkpoint = pops.open.get(key)
    if checkpoint is not None and _matches(handle, checkpoint, header.offset):
        return checkpoint
    if now_ms < handle.next_visible_time and header.offset in pops.closed.get(key, ()):
        return ReplyWhenDurable(Reply(), state.store.log_max_offset)
    return Reply(ResponseCode.NO_MESSAGE, _NOT_HIDDEN)


def acknowledge(state: BrokerState, checkpoint: Checkpoint, offset: int, now_ms: int) -> Outcome:
    """One message of the checkpoint needs no delivery any more, and an answer once that is durable."""
    log_offset_end = _ack(state, revive_log.table(state), checkpoint, [offset], now_ms)
    if log_offset_end is None:
        return Reply(ResponseCode.NO_MESSAGE, _NOT_HIDDEN)
    return ReplyWhenDurable(Reply(), log_offset_end)


def batch_ack(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """BATCH_ACK_MESSAGE: messages of several pops; what is no message of an open checkpoint is passed over, as in Java.

    Refused if nothing of it is one.
    """
    acks = BatchAckMessageRequestBody.decode(request.body).acks if request.body else None
    if not acks:
        return Reply(ResponseCode.NO_MESSAGE)
    pops = revive_log.table(state)
    log_offset_end = 0
    is_any_acked = False
    for batch in acks:
        if batch.revive_queue_id == POP_ORDER_REVIVE_QUEUE:
            is_any_acked |= _ack_in_order(state, batch, peer, now_ms)
            continue
        checkpoint = pops.open.get(_key_of(batch))
        if checkpoint is None or checkpoint.revive_queue_id != batch.revive_queue_id:
            continue
        named = {batch.start_offset + place for place in batch.bit_set or ()}
        offsets = [offset for offset in checkpoint.offsets if offset in named]
        log_offset_end = max(log_offset_end, _ack(state, pops, checkpoint, offsets, now_ms) or 0)
    if not log_offset_end and not is_any_acked:
        return Reply(ResponseCode.NO_MESSAGE, "none of these messages waits for an acknowledgement")
    return ReplyWhenDurable(Reply(), log_offset_end)


def change_invisible_time(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """CHANGE_MESSAGE_INVISIBLETIME: the message gets a checkpoint of its own, and the one that it had forgets it.

    Both are written in one turn, the new one first: a crash in between delivers twice, and loses nothing.
    """
    header = ChangeInvisibleTimeRequest.decode(request.fields)
    require_queue(state, header.topic, header.queue_id, peer)
    if not _is_there(state, header.topic, header.queue_id, header.offset):
        raise Refusal(ResponseCode.NO_MESSAGE, _UNSAID)
    if not 0 <= header.invisible_time <= POP_INVISIBLE_MS_MAX:
        raise Refusal(
            ResponseCode.INVALID_PARAMETER,
            f"invisibleTime[{header.invisible_time}] is not from 0 to {POP_INVISIBLE_MS_MAX} ms",
        )
    handle = _require_own(state, header.extra_info, header.topic, header.queue_id, header.offset)
    if handle.is_orderly:
        place = QueueKey(header.topic, header.consumer_group, header.queue_id)
        return hide_in_order(state, place, header.offset, handle.pop_time, header.invisible_time, now_ms)
    pops = revive_log.table(state)
    old = pops.open.get(_key(header.topic, header.consumer_group, handle))
    if old is None or not _matches(handle, old, header.offset) or header.offset not in old.left():
        raise Refusal(ResponseCode.NO_MESSAGE, _UNSAID)
    pop_time = max(now_ms, handle.pop_time + 1)  # So that no handle of the message has been one before.
    while (key := CheckpointKey(old.key.queue, header.offset, pop_time)) in pops.open:
        pop_time += 1
    new = Checkpoint(key, header.invisible_time, (header.offset,), old.revive_queue_id, 0, 0, 0)
    revive_log.write_checkpoint(state, pops, new, now_ms)
    log_offset_end = revive_log.write_ack(state, pops, old, [header.offset], now_ms)
    fields = ChangeInvisibleTimeResponse(
        pop_time=pop_time, invisible_time=header.invisible_time, revive_qid=old.revive_queue_id
    ).fields()
    return ReplyWhenDurable(Reply(fields=fields), log_offset_end)


def _ack(state: BrokerState, pops: PopTable, checkpoint: Checkpoint, offsets: list[int], now_ms: int) -> int | None:
    """Write down what is not written yet: where the log must be durable for all of it to be.

    None if there is nothing: each of the messages has been taken over by another checkpoint, or has come back.
    """
    left = set(checkpoint.left())
    new = [offset for offset in offsets if offset in left]
    if new:
        return revive_log.write_ack(state, pops, checkpoint, new, now_ms)
    is_repeated = now_ms < checkpoint.revive_ms and any(offset not in checkpoint.passed for offset in offsets)
    return checkpoint.log_offset_end if is_repeated else None


def _ack_in_order(state: BrokerState, batch: BatchAck, peer: Peer, now_ms: int) -> bool:
    """Acknowledge messages of an orderly pop; whether any was one."""
    place = _key_of(batch).queue
    offsets = sorted(batch.start_offset + bit for bit in batch.bit_set or ())
    outcomes = [ack_in_order(state, place, offset, batch.pop_time, peer, now_ms) for offset in offsets]
    return any(outcome == Reply() for outcome in outcomes)


def _require_offset(state: BrokerState, topic: str, queue_id: int, offset: int) -> None:
    """Refusal if the queue has no such offset; its end passes, as in Java."""
    first, end = state.store.min_offset(topic, queue_id), state.store.max_offset(topic, queue_id)
    if not first <= offset <= end:
        raise Refusal(
            ResponseCode.NO_MESSAGE,
            f"offset is illegal, key:{topic}@{queue_id}, commit:{offset}, store:{first}~{end}",
        )


def _is_there(state: BrokerState, topic: str, queue_id: int, offset: int) -> bool:
    return state.store.min_offset(topic, queue_id) <= offset < state.store.max_offset(topic, queue_id)


def _require_own(state: BrokerState, text: str, topic: str, queue_id: int, offset: int) -> PopHandle:
    """The handle, which this broker may have given for this message; Refusal if it cannot."""
    handle = decode_pop_handle(text)
    is_own = (
        handle.broker_name == state.settings.broker_name
        and handle.queue_id == queue_id
        and handle.retry_kind == retry_kind(topic)
        and handle.queue_offset in (None, offset)
        and 0 <= handle.start_offset <= offset
    )
    if not is_own:
        raise Refusal(
            ResponseCode.MESSAGE_ILLEGAL,
            f"the handle[{text[:256]}] is not for offset {offset} of queue {queue_id} of topic {topic} "
            f"on broker {state.settings.broker_name}",
        )
    return handle


def _matches(handle: PopHandle, checkpoint: Checkpoint, offset: int) -> bool:
    return (
        handle.revive_queue_id == checkpoint.revive_queue_id
        and handle.invisible_time == checkpoint.invisible_ms
        and checkpoint.bit_of(offset) is not None
    )


def _key(topic: str, group: str, handle: PopHandle) -> CheckpointKey:
    return CheckpointKey(QueueKey(topic, group, handle.queue_id), handle.start_offset, handle.pop_time)


def _key_of(batch: BatchAck) -> CheckpointKey:
    group = batch.consumer_group or ""
    topic = real_topic(batch.topic or "", group, batch.retry or "")
    return CheckpointKey(QueueKey(topic, group, batch.queue_id), batch.start_offset, batch.pop_time)
