"""What nobody acknowledged in time is delivered again: by way of the group's retry topic, or, too often, not at all.

    due ─▶ each message that is left: a copy in the retry topic, or the dead letters ─▶ the checkpoint is closed

The copies and the record that closes the checkpoint are written in one turn, the copies first. A crash in between
brings the message back once more; nobody has seen the copy before, for readers see only what is written as a whole.
Sources: PopReviveService#mergeAndRevive, #reviveRetry.
"""

from pocketmq.broker.popping import revive_log
from pocketmq.broker.popping.table import Checkpoint, PopTable
from pocketmq.broker.records import find_message, stored_again
from pocketmq.broker.state import BrokerState
from pocketmq.broker.topics import DLQ_QUEUES, create_plain
from pocketmq.model import names, properties
from pocketmq.model.errors import Refusal
from pocketmq.model.group import SubscriptionGroupConfig
from pocketmq.model.limits import REVIVE_RECORDS_MAX, REVIVED_PER_TURN_MAX
from pocketmq.model.message import StoredMessage
from pocketmq.model.pop_names import normal_topic, pop_retry_topic

_AGAIN_MS = 10_000
"""PopReviveService.ckRewriteIntervalsInSeconds: the first of them."""

RETRY_QUEUES = 1
"""PopAckConstants.retryQueueNum."""


def due(state: BrokerState, now_ms: int) -> int:
    """Bring back what is due, about REVIVED_PER_TURN_MAX messages, and commit what is durable: how much was written."""
    pops = revive_log.table(state)
    settle(state, now_ms)
    written = 0
    if state.store.refuses is not None:
        return 0
    for checkpoint in pops.due.until(now_ms):
        written += _revive(state, pops, checkpoint, now_ms)
        if written >= REVIVED_PER_TURN_MAX:
            break
    return written + _write_old_again(state, pops, now_ms)


def settle(state: BrokerState, now_ms: int) -> None:
    """Commit, for groups and for the revive log, what the durable part of the log says."""
    pops = revive_log.table(state)
    topic = names.revive_topic(state.settings.broker_cluster_name)
    for move in pops.settled(state.store.log.flushed):
        if isinstance(move.queue, int):
            state.offsets.advance(revive_log.REVIVE_GROUP, topic, move.queue, move.offset, now_ms)
        else:
            queue = move.queue
            state.offsets.advance(queue.group, queue.topic, queue.queue_id, move.offset, now_ms)
            pops.forget_idle(queue, move.offset)


def _revive(state: BrokerState, pops: PopTable, checkpoint: Checkpoint, now_ms: int) -> int:
    """Bring back what is left; what cannot be stored is tried again later, and keeps nobody else waiting."""
    queue, left = checkpoint.key.queue, checkpoint.left()
    group = state.groups.find(queue.group)
    done = []
    for offset in left:
        message = _find(state, checkpoint, offset)
        if group is not None and message is not None:
            try:
                _bring_back(state, group, checkpoint, message, now_ms)
            except Refusal:
                continue
        done.append(offset)
    if len(done) < len(left):
        pops.due.add(now_ms + _AGAIN_MS, checkpoint)
    if done:
        revive_log.write_ack(state, pops, checkpoint, done, now_ms)
    return len(left) + 1


def _find(state: BrokerState, checkpoint: Checkpoint, offset: int) -> StoredMessage | None:
    """The very message that was popped; None if it is gone. In a topic made anew another may lie in its place."""
    queue = checkpoint.key.queue
    entry = state.store.entry(queue.topic, queue.queue_id, offset)
    if entry is None or entry.log_offset >= checkpoint.log_offset:
        return None
    message = find_message(state.store, entry.log_offset, entry.size)
    if message is None or (message.topic, message.queue_id, message.queue_offset) != (
        queue.topic,
        queue.queue_id,
        offset,
    ):
        return None
    return message


def _bring_back(
    state: BrokerState, group: SubscriptionGroupConfig, checkpoint: Checkpoint, message: StoredMessage, now_ms: int
) -> None:
    is_dead_letter = message.reconsume_times >= group.retry_max_times
    named = dict(message.properties)
    if is_dead_letter:
        topic = names.dlq_topic(group.group_name)
        create_plain(state, topic, DLQ_QUEUES, now_ms)
        named.setdefault(properties.RETRY_TOPIC, normal_topic(message.topic, group.group_name) or message.topic)
        named.setdefault(properties.ORIGIN_MESSAGE_ID, message.message_id or "")
    else:
        topic = message.topic
        if not names.is_retry_topic(topic):
            version_2 = state.settings.enable_retry_topic_v2
            topic = pop_retry_topic(topic, group.group_name, version_2=version_2)
        create_plain(state, topic, RETRY_QUEUES, now_ms)
    if message.reconsume_times == 0 or properties.FIRST_POP_TIME not in named:
        named[properties.FIRST_POP_TIME] = str(checkpoint.key.pop_time)
    again = stored_again(message, topic, 0, named)
    again = again._replace(
        born_host=state.store_host, store_host=state.store_host, reconsume_times=message.reconsume_times + 1
    )
    state.store.append(again, now_ms)


def _write_old_again(state: BrokerState, pops: PopTable, now_ms: int) -> int:
    """Checkpoints that lie far back in the revive log move to its end, so that a start need not read so much."""
    written = 0
    for revive_queue_id, kept in pops.kept.items():
        for _ in range(REVIVED_PER_TURN_MAX - written):
            first = kept.first()
            end = pops.read_until[revive_queue_id]
            if first is None or end - first[0] <= REVIVE_RECORDS_MAX:
                break
            revive_log.write_again(state, pops, first[1], now_ms)
            written += 1
    return written
