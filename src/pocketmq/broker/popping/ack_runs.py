"""Acknowledgements that came together: one record for all messages of a checkpoint.

A consumer has a request for each message, and a busy one sends many at a time. Each written down by itself costs 320
bytes of log and the time of a small message; together they are what BATCH_ACK_MESSAGE would have made of them. Each is
still answered by itself, once the record is durable.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pocketmq.broker.popping import revive_log
from pocketmq.broker.popping.acknowledging import acknowledge, find_checkpoint
from pocketmq.broker.popping.table import Checkpoint
from pocketmq.broker.state import BrokerState
from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import NO_FIELDS, Outcome, Reply, ReplyWhenDurable
from pocketmq.model.peer import Peer
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers.popping import AckMessageRequest

_BLANKS_OF_BATCH = 6
"""A handle has seven parts that are the batch's, and then the message's offset."""


class _Named(NamedTuple):
    """What one request names: a checkpoint by the batch's part of its handle."""

    header: AckMessageRequest
    batch: str
    first_offset: int
    checkpoint: Checkpoint

    def is_also(self, header: AckMessageRequest) -> bool:
        """Another request names a message of the same checkpoint, and by a handle that needs no second look."""
        batch, _, offset = header.extra_info.rpartition(" ")
        own = self.header
        return (
            batch == self.batch
            and header.queue_id == own.queue_id
            and header.topic == own.topic
            and header.consumer_group == own.consumer_group
            and header.offset >= self.first_offset
            and offset == str(header.offset)
            and header.offset in self.checkpoint.offsets
        )


def ack_run(requests: Sequence[Command], peer: Peer, state: BrokerState, now_ms: int) -> list[Outcome]:
    """ACK_MESSAGE several times in a row: the outcome of each."""
    found: list[tuple[Checkpoint | Outcome, int]] = []
    offsets: dict[Checkpoint, set[int]] = {}
    known: _Named | None = None
    for request in requests:
        try:
            header = AckMessageRequest.read(request)
            if known is not None and known.is_also(header):
                one: Checkpoint | Outcome = known.checkpoint
            else:
                one = find_checkpoint(header, peer, state, now_ms)
                known = _named(state, header, one)
        except Refusal as refusal:
            found.append((_refused(refusal), 0))
            continue
        found.append((one, header.offset))
        if isinstance(one, Checkpoint):
            offsets.setdefault(one, set()).add(header.offset)
    written = {checkpoint: _write(state, checkpoint, named, now_ms) for checkpoint, named in offsets.items()}
    return [
        _answer(state, one, written[one], offset, now_ms) if isinstance(one, Checkpoint) else one
        for one, offset in found
    ]


def _named(state: BrokerState, header: AckMessageRequest, found: Checkpoint | Outcome) -> _Named | None:
    batch, _, _ = header.extra_info.rpartition(" ")
    if not isinstance(found, Checkpoint) or batch.count(" ") != _BLANKS_OF_BATCH:
        return None
    return _Named(header, batch, state.store.min_offset(header.topic, header.queue_id), found)


def _write(state: BrokerState, checkpoint: Checkpoint, offsets: set[int], now_ms: int) -> dict[int, Outcome]:
    """Write down those that are not written yet: the outcome of each."""
    new = [offset for offset in checkpoint.left() if offset in offsets]
    if not new:
        return {}
    try:
        log_offset_end = revive_log.write_ack(state, revive_log.table(state), checkpoint, new, now_ms)
    except Refusal as refusal:
        return dict.fromkeys(new, _refused(refusal))
    return dict.fromkeys(new, ReplyWhenDurable(Reply(), log_offset_end))


def _answer(
    state: BrokerState, checkpoint: Checkpoint, written: dict[int, Outcome], offset: int, now_ms: int
) -> Outcome:
    """What was not written for this request is said again, or comes too late."""
    if (outcome := written.pop(offset, None)) is not None:
        return outcome
    try:
        return acknowledge(state, checkpoint, offset, now_ms)
    except Refusal as refusal:
        return _refused(refusal)


def _refused(refusal: Refusal) -> Reply:
    return Reply(refusal.code, refusal.remark, refusal.fields or NO_FIELDS)
