"""What a broker puts right once, between reading its tables and serving its first request."""

from typing import NamedTuple

from pocketmq.broker.state import BrokerState
from pocketmq.broker.topics import create_plain
from pocketmq.model import names


class BroughtBack(NamedTuple):
    """An offset that lay beyond the end of its queue, and where it is now; `key` is `topic@group`."""

    key: str
    queue_id: int
    offset: int
    end: int


def start(state: BrokerState) -> list[BroughtBack]:
    """Call after every `load_table`: a power loss may have taken messages that the tables already count on.

    An offset beyond the end of its queue would skip the messages that come to lie there next. The commits that had to
    go back for that are the result.
    """
    state.limits_changed()
    brought_back = []
    for table in (state.offsets.committed, state.offsets.pulled):
        for key, offsets in table.items():
            topic = key.partition("@")[0]
            for queue_id, offset in offsets.items():
                end = state.store.max_offset(topic, queue_id)
                if offset > end:
                    offsets[queue_id] = end
                    state.offsets.is_changed = True
                    if table is state.offsets.committed:
                        brought_back.append(BroughtBack(key, queue_id, offset, end))
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
    return brought_back
