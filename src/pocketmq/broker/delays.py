"""Delayed messages of fixed levels (ScheduleMessageService).

```
send with DELAY=n ──▶ SCHEDULE_TOPIC_XXXX, queue n-1, tags code = when it is due, REAL_TOPIC and REAL_QID kept
                                 │ due
                                 ▼
                      the real topic and queue; the level's offset moves on in the same turn
```

A level's messages all wait equally long, so its queue is in order of due times and one offset says how far it has been
delivered. The offset is written from time to time: after a crash it may lie behind what was delivered. Messages that
were due before this start are therefore looked up by unique key in their real topic first.
"""

from pocketmq.broker.delay_table import Move
from pocketmq.broker.records import find_message, stored_again
from pocketmq.broker.state import BrokerState, Handler
from pocketmq.broker.topic_table import stored_name_fault
from pocketmq.model import names, properties
from pocketmq.model.errors import Refusal
from pocketmq.model.flags import TRANSACTION_COMMIT, TRANSACTION_NONE, transaction_type
from pocketmq.model.limits import DELAYED_PER_TURN_MAX, QUEUES_PER_TOPIC_MAX
from pocketmq.model.message import StoredMessage
from pocketmq.model.outcome import Outcome, Reply
from pocketmq.model.peer import Peer
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.properties import decode_properties, encode_properties
from pocketmq.protocol.record import NewMessage
from pocketmq.store.consume_queue import Entry

TIMER_PROPERTIES = (properties.TIMER_DELIVER_MS, properties.TIMER_DELAY_SEC, properties.TIMER_DELAY_MS)
SAME_KEY_MAX = 64
"""Messages of one unique key that are looked at to find out whether one has been delivered."""


def intercept(message: NewMessage, state: BrokerState) -> NewMessage:
    """The message as it must be stored: waiting in its level's queue if it has a level, else as it is.

    A level beyond the table becomes the highest. Half messages are not delayed: they are once committed.
    """
    if transaction_type(message.sys_flag) not in (TRANSACTION_NONE, TRANSACTION_COMMIT):
        return message
    named = decode_properties(message.properties)
    level = min(_number(named.get(properties.DELAY)), state.delays.level_max)
    if level <= 0:
        return message
    for name in TIMER_PROPERTIES:
        named.pop(name, None)
    named[properties.DELAY] = str(level)
    named[properties.REAL_TOPIC] = message.topic
    named[properties.REAL_QUEUE_ID] = str(message.queue_id)
    return message._replace(
        topic=names.SCHEDULE_TOPIC, queue_id=level - 1, properties=encode_properties(named), tags_code=None
    )


def due(state: BrokerState, now_ms: int) -> int:
    """Deliver what is due, at most DELAYED_PER_TURN_MAX; how many. None while the store takes nothing."""
    delivered = 0
    for level in state.delays.levels:
        for _ in range(DELAYED_PER_TURN_MAX - delivered):
            offset = state.delays.offsets.get(level, 0)
            entry = state.store.entry(names.SCHEDULE_TOPIC, level - 1, offset)
            if entry is None:
                _skip_removed(state, level, offset)
                break
            if _due_ms(state, level, entry, now_ms) > now_ms:
                state.delays.offsets.setdefault(level, offset)
                break
            log_offset_end = _deliver(state, level, offset, entry, now_ms)
            if log_offset_end is None:
                return delivered
            delivered += log_offset_end > 0
            state.delays.move(level, Move(offset + 1, log_offset_end), now_ms)
    return delivered


def next_due_ms(state: BrokerState, now_ms: int) -> int | None:
    """When the next message is due; None if none waits."""
    times = []
    for level in state.delays.levels:
        entry = state.store.entry(names.SCHEDULE_TOPIC, level - 1, state.delays.offsets.get(level, 0))
        if entry is not None:
            times.append(_due_ms(state, level, entry, now_ms))
    return min(times, default=None)


def get_all_delay_offsets(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_ALL_DELAY_OFFSET: how far each level has been delivered."""
    return Reply(body=state.delays.encode())


def _skip_removed(state: BrokerState, level: int, offset: int) -> None:
    """Messages that expired before anybody delivered them are gone; go on with the first that is there."""
    first = state.store.min_offset(names.SCHEDULE_TOPIC, level - 1)
    if first > offset:
        state.delays.place(level, first)


def _due_ms(state: BrokerState, level: int, entry: Entry, now_ms: int) -> int:
    """When the message is due; now, if it seems further off than its level waits: the clock was set back."""
    return entry.tags_code if entry.tags_code <= now_ms + state.delays.delay_ms(level) else now_ms


def _deliver(state: BrokerState, level: int, offset: int, entry: Entry, now_ms: int) -> int | None:
    """Store the message in its real topic: the log's end behind it; None if the store takes nothing any more.

    0 if nothing need be stored: the message is damaged, has no legal address, does not fit, or was delivered before a
    crash. Such a message must not keep those behind it waiting.
    """
    message = find_message(state.store, entry.log_offset, entry.size)
    topic = "" if message is None else message.properties.get(properties.REAL_TOPIC, "")
    queue_id = -1 if message is None else _number(message.properties.get(properties.REAL_QUEUE_ID))
    is_lost = stored_name_fault(topic) or topic == names.HALF_TOPIC or not 0 <= queue_id < QUEUES_PER_TOPIC_MAX
    if message is None or is_lost:
        state.delays.discarded += 1
        return 0
    was_due_before = offset < state.delays.checked_until.get(level, 0) and entry.tags_code <= state.boot_ms
    if was_due_before and _was_delivered(state, message, topic):
        return 0
    try:
        return state.store.append(stored_again(message, topic, queue_id, message.properties), now_ms).log_offset_end
    except Refusal:
        if state.store.refuses is not None:
            return None
        state.delays.discarded += 1
        return 0


def _was_delivered(state: BrokerState, waiting: StoredMessage, topic: str) -> bool:
    """A message of the same key, age and number of retries lies in the real topic, behind the waiting one."""
    key = waiting.unique_key
    if key is None:
        return False
    hits = state.store.query_keys(topic, key, SAME_KEY_MAX, waiting.store_timestamp, (1 << 63) - 1)
    for log_offset in hits.log_offsets:
        found = find_message(state.store, log_offset)
        if (
            found is not None
            and found.log_offset > waiting.log_offset
            and found.topic == topic
            and found.unique_key == key
            and found.properties.get(properties.DELAY) == waiting.properties.get(properties.DELAY)
            and (found.born_timestamp, found.reconsume_times) == (waiting.born_timestamp, waiting.reconsume_times)
        ):
            return True
    return False


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 10 else -1


HANDLERS: dict[int, Handler] = {RequestCode.GET_ALL_DELAY_OFFSET: get_all_delay_offsets}
