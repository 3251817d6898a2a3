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

_OFFSET_DIGITS_MAX = 18


class _Alike(NamedTuple):
    """Requests whose text is this but for the offset, which stands in it twice, name messages of one checkpoint."""

    before: bytes
    between: bytes
    after: bytes
    first_offset: int
    checkpoint: Checkpoint

    def offset_in(self, text: bytes) -> int | None:
        """The offset of a request that is alike and needs no second look."""
        start = len(self.before)
        digits = text[start : text.find(b'"', start)]
        if len(digits) > _OFFSET_DIGITS_MAX or not digits.isdigit():
            return None
        if text != b"".join((self.before, digits, self.between, digits, self.after)):
            return None
        offset = int(digits)
        return offset if offset >= self.first_offset and offset in self.checkpoint.offsets else None


def ack_run(requests: Sequence[Command], peer: Peer, state: BrokerState, now_ms: int) -> list[Outcome]:
    """ACK_MESSAGE several times in a row: the outcome of each."""
    found: list[tuple[Checkpoint | Outcome, int]] = []
    offsets: dict[Checkpoint, set[int]] = {}
    alike: _Alike | None = None
    for request in requests:
        text = request.fields_text
        offset = None if alike is None else alike.offset_in(text)
        if offset is not None:
            assert alike is not None
            found.append((alike.checkpoint, offset))
            offsets[alike.checkpoint].add(offset)
            continue
        try:
            header = AckMessageRequest.read(request)
            one = find_checkpoint(header, peer, state, now_ms)
        except Refusal as refusal:
            found.append((_refused(refusal), 0))
            continue
        found.append((one, header.offset))
        if isinstance(one, Checkpoint):
            offsets.setdefault(one, set()).add(header.offset)
            alike = _alike(state, text, header, one)
    written = {checkpoint: _write(state, checkpoint, named, now_ms) for checkpoint, named in offsets.items()}
    return [
        _answer(state, one, written[one], offset, now_ms) if isinstance(one, Checkpoint) else one
        for one, offset in found
    ]


def _alike(state: BrokerState, text: bytes, header: AckMessageRequest, checkpoint: Checkpoint) -> _Alike | None:
    """What further requests look like that differ in the offset alone; None where the text is not plain enough."""
    batch, _, _ = header.extra_info.rpartition(" ")
    digits = b"%d" % header.offset
    if batch.count(" ") != _BLANKS_OF_BATCH or b"\\" in text:
        return None
    handle, offset = b'"extraInfo":"%b ' % batch.encode(), b'"offset":"'
    if any(
        text.count(name) != 1 for name in (b'"extraInfo"', b'"offset"', handle + digits + b'"', offset + digits + b'"')
    ):
        return None
    first, second = sorted((text.index(handle) + len(handle), text.index(offset) + len(offset)))
    size = len(digits)
    return _Alike(
        text[:first],
        text[first + size : second],
        text[second + size :],
        state.store.min_offset(header.topic, header.queue_id),
        checkpoint,
    )


def _write(state: BrokerState, checkpoint: Checkpoint, offsets: set[int], now_ms: int) -> dict[int, Outcome]:
    """Write down those that are not written yet: the outcome of each."""
    new = checkpoint.left()
    if not offsets.issuperset(new):
        new = [offset for offset in new if offset in offsets]
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
