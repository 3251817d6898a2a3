"""Pulls that wait although there are messages: their group or topic is over its rate, or reads too much far behind.

A consumer that is held sees what it sees when there is nothing new: its pull takes longer, and if it takes too long it
is answered PULL_NOT_FOUND and asks again. Nothing fails, and nothing is lost.
"""

from pocketmq.broker.state import BrokerState
from pocketmq.model import flags
from pocketmq.model.group import SubscriptionGroupConfig
from pocketmq.model.outcome import LIMIT, Park, Reply
from pocketmq.model.topic import TopicConfig
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers import PullMessageRequest

UNSUSPENDED_MS = 1_000
"""A pull that does not say how long it may wait is held for this long, so that it does not come again at once."""

REMARK = "flow control: the group or topic is over its rate, or reads too much that lies far behind"


def hold(
    request: Command,
    header: PullMessageRequest,
    group: SubscriptionGroupConfig,
    config: TopicConfig,
    state: BrokerState,
    now_ms: int,
) -> Park | Reply | None:
    """What to do instead of reading; None if the pull may read now."""
    wait_ms = state.rates.pull_wait_ms(config, group, now_ms) if state.rates.limits_pulls else 0
    if state.cold_reads.is_on and _reads_far_behind(header, state):
        wait_ms = max(wait_ms, state.cold_reads.wait_ms(header.consumer_group, now_ms))
    if not wait_ms:
        return None
    may_wait_ms = header.suspend_timeout_millis if header.sys_flag & flags.PULL_SUSPEND else UNSUSPENDED_MS
    until_ms = request.arrived_ms + may_wait_ms
    if now_ms < until_ms:
        return Park(min(now_ms + wait_ms, until_ms), (header.topic, LIMIT))
    queue = state.store.find_queue(header.topic, header.queue_id)
    fields = {
        "suggestWhichBrokerId": "0",
        "nextBeginOffset": str(header.queue_offset),
        "minOffset": str(queue.min_offset if queue is not None else 0),
        "maxOffset": str(queue.max_offset if queue is not None else 0),
        "topicSysFlag": str(config.topic_sys_flag),
        "groupSysFlag": str(group.group_sys_flag),
    }
    return Reply(ResponseCode.PULL_NOT_FOUND, REMARK, fields)


def note_read(
    header: PullMessageRequest,
    group: SubscriptionGroupConfig,
    config: TopicConfig,
    count: int,
    size: int,
    state: BrokerState,
    now_ms: int,
) -> None:
    """The pull has read `count` messages of `size` bytes."""
    if state.rates.limits_pulls:
        state.rates.spend_pulls(config, group, count, now_ms)
    if state.cold_reads.is_on and _reads_far_behind(header, state):
        state.cold_reads.note(header.consumer_group, size, now_ms)


def _reads_far_behind(header: PullMessageRequest, state: BrokerState) -> bool:
    entry = state.store.entry(header.topic, header.queue_id, header.queue_offset)
    return entry is not None and state.cold_reads.is_far_behind(
        entry.log_offset, state.store.log_max_offset, state.memory_bytes
    )
