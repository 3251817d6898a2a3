"""How many messages a group has before it: to work on, on the way, and to fetch (ConsumerLagCalculator).

```
          committed           pulled            end of the queue
    ──────────┼──────────────────┼──────────────────┼
              ├──── on the way ──┤
              │                  ├──── to fetch ────┤
              ├─────────────── lag ─────────────────┤
```

A group that filters by tag is behind by those messages only that it wants. They are counted in the queue's entries,
`maxConsumeQueueScan` of them at most; what those say is taken for the rest. `mqadmin` shows plain differences of
offsets, as Java's does.
"""

from struct import Struct
from typing import NamedTuple

from pocketmq.broker.state import BrokerState
from pocketmq.model.subscription import SUB_ALL, SubscriptionData, is_tag_type, subscription
from pocketmq.store.consume_queue import ConsumeQueue

_TAGS_CODE = Struct(">12xq")
"""Of a queue entry: a thousand take 0.1 ms this way."""


class Lag(NamedTuple):
    """Messages, and when the first of them was stored, in ms; 0 if that is not known."""

    messages: int
    since_ms: int


def lag_of(state: BrokerState, group: str, topic: str) -> Lag:
    """What the group has not consumed. A queue without a commit has no lag: its consumers decide where they start."""
    total, times = 0, []
    for queue_id in _queues(state, topic):
        end = state.store.max_offset(topic, queue_id)
        committed = state.offsets.find(group, topic, queue_id)
        start = end if committed < 0 else committed
        total += matching(state, group, topic, queue_id, start=start, end=end)
        times.append(state.store.store_timestamp(topic, queue_id, start))
    return Lag(total, _earliest(times))


def on_the_way(state: BrokerState, group: str, topic: str) -> Lag:
    """What the group has pulled and not consumed; the time is that of the first message it has not pulled."""
    total, times = 0, []
    for queue_id in _queues(state, topic):
        pulled = max(state.offsets.find_pulled(group, topic, queue_id), 0)
        committed = state.offsets.find(group, topic, queue_id)
        start = pulled if committed < 0 else committed
        total += matching(state, group, topic, queue_id, start=start, end=pulled)
        times.append(state.store.store_timestamp(topic, queue_id, pulled))
    return Lag(total, _earliest(times))


def to_fetch(state: BrokerState, group: str, topic: str) -> int:
    """What the group has not pulled."""
    total = 0
    for queue_id in _queues(state, topic):
        end = state.store.max_offset(topic, queue_id)
        pulled = state.offsets.find_pulled(group, topic, queue_id)
        total += matching(state, group, topic, queue_id, start=end if pulled < 0 else pulled, end=end)
    return total


def matching(state: BrokerState, group: str, topic: str, queue_id: int, *, start: int, end: int) -> int:
    """Messages of `[start, end)` that the group wants, as far as tags tell; counted, or estimated where they are many.

    What has expired is not counted.
    """
    count = max(end - start, 0)
    queue = state.store.find_queue(topic, queue_id)
    if count == 0 or not state.settings.estimate_accumulation or not isinstance(queue, ConsumeQueue):
        return count
    wanted = _wanted(state, group, topic)
    if wanted is None or not is_tag_type(wanted.expression_type) or wanted.sub_string == SUB_ALL:
        return count
    first = max(start, queue.min_offset)
    scan = min(end - first, state.settings.max_consume_queue_scan)
    codes, threshold = frozenset(wanted.code_set), state.settings.sample_count_threshold
    looked, matched = 0, 0
    for (tags_code,) in _TAGS_CODE.iter_unpack(queue.raw(first, scan)):
        looked += 1
        matched += tags_code in codes
        if matched > threshold:
            break
    return matched * (end - first) // looked if looked else 0


def _wanted(state: BrokerState, group: str, topic: str) -> SubscriptionData | None:
    """What the group subscribes to: as its consumers say, or as its configuration does (useStaticSubscription)."""
    if not state.settings.use_static_subscription:
        return state.sessions.find_subscription(group, topic)
    config = state.groups.find(group)
    for fixed in (config.subscription_data_set if config is not None else None) or ():
        if fixed.topic == topic:
            try:
                return subscription(fixed.topic, fixed.expression, fixed.expression_type)
            except ValueError:
                return None
    return None


def _queues(state: BrokerState, topic: str) -> range:
    config = state.topics.find(topic)
    return range(config.write_queue_nums if config is not None else 0)


def _earliest(times: list[int]) -> int:
    return min((time for time in times if time > 0), default=0)
