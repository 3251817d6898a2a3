"""What a broker puts right once, between reading its tables and serving its first request."""

from pocketmq.broker.state import BrokerState
from pocketmq.broker.topics import create_plain
from pocketmq.model import names


def start(state: BrokerState) -> None:
    """Call after every `load_table`: a power loss may have taken messages that the tables already count on.

    An offset beyond the end of its queue would skip the messages that come to lie there next.
    """
    for key, offsets in state.offsets.committed.items():
        topic = key.partition("@")[0]
        for queue_id, offset in offsets.items():
            offsets[queue_id] = min(offset, state.store.max_offset(topic, queue_id))
    for topic in sorted(state.store.topics()):
        # Made for what nobody acknowledged, with nobody waiting for topics.json to say so.
        if topic.startswith((names.RETRY_PREFIX, names.DLQ_PREFIX)) and topic not in state.topics:
            create_plain(state, topic, len(state.store.queues(topic)), state.boot_ms)
    for level in state.delays.levels:
        first = state.store.min_offset(names.SCHEDULE_TOPIC, level - 1)
        end = state.store.max_offset(names.SCHEDULE_TOPIC, level - 1)
        offset = state.delays.offsets.get(level, 0)
        if end > 0 or offset > 0:
            state.delays.place(level, min(max(offset, first), end))
            state.delays.checked_until[level] = end
