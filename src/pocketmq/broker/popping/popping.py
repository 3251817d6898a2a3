"""POP_MESSAGE: messages of one queue or of all queues of a topic, hidden from the group for a while.

    may it read? ─▶ which queues, in which order? ─▶ take from each ─┬─ found: records, once checkpoints are durable
                          ▲                                         ├─ properties must be read: ReadFirst ─┐
                          └─────────────────────────────────────────│──────────────────────────────────────┘
                                                                    ├─ nothing, may wait: Park on all of them
                                                                    └─ POLLING_FULL, POLLING_TIMEOUT

A pop by an expression may have to read before it can decide. It has taken nothing then, and decides anew afterwards,
for others may have popped meanwhile.

Messages that came back lie in a retry topic of the group. One pop in five looks there first, the others last; Java
throws dice. Sources: PopMessageProcessor, PopLongPollingService#polling.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pocketmq.broker.filters.selecting import Unread
from pocketmq.broker.popping import waiting
from pocketmq.broker.popping.admission import require_readable
from pocketmq.broker.popping.ordering import take_in_order
from pocketmq.broker.popping.places import Place, places_to_watch, queues_of, retry_topics
from pocketmq.broker.popping.taking import Pop, Taken, sorted_entries, take
from pocketmq.broker.popping.wanting import NOTHING_READ, Read, wants_of
from pocketmq.broker.state import BrokerState
from pocketmq.model.errors import Refusal
from pocketmq.model.limits import POP_INVISIBLE_MS_MAX, POPPED_MESSAGES_MAX, PULL_BYTES_MAX
from pocketmq.model.names import POP_ORDER_REVIVE_QUEUE
from pocketmq.model.outcome import Outcome, ReadFirst, RecordsWhenDurable, Reply, ReplyWithRecords, Wanted
from pocketmq.model.peer import Peer
from pocketmq.model.pop_names import polling_key
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers.popping import PopMessageRequest, PopMessageResponse
from pocketmq.protocol.pop_offsets import join_entries, message_offsets_entry, start_offset_entry

_LATE_MS = 500
"""PopMessageRequestHeader#isTimeoutTooMuch."""

_AGAIN_MS = 200
"""How soon a pop looks again that found messages it may not have: what frees them is no message that arrives."""

_STRIDE = 61
"""Prime to 100: a hundred pops have each per cent once, well mixed."""


class Asked(NamedTuple):
    """A pop that may be answered. `turn` says which queue it begins with, and which revive queue it writes to.

    Once it has read, it begins with the queue that it read for.
    """

    request: Command
    peer: Peer
    header: PopMessageRequest
    wants: Wanted | None
    turn: int
    begins: Place | None = None
    read: Read = NOTHING_READ


def pop(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """POP_MESSAGE."""
    header = PopMessageRequest.decode(request.fields)
    _admit(request, header, peer, state, now_ms)
    wants = wants_of(header.topic, header.exp, header.exp_type)
    turn = state.pop_count
    state.pop_count += 1
    return _attempt(Asked(request, peer, header, wants, turn), state, now_ms)


def _attempt(asked: Asked, state: BrokerState, now_ms: int) -> Outcome:
    """What an attempt passes over stays passed over. It takes nothing if it reads on.

    It goes no further than to the first queue that it must read for, or in which it has looked for long; but behind the
    one it has read for already, it asks the others, so that a queue of which nothing matches keeps it from none.
    """
    header, until_ms = asked.header, asked.request.arrived_ms + asked.header.poll_time
    wanted = Pop(
        header.topic,
        header.consumer_group,
        header.invisible_time,
        header.init_mode,
        asked.wants,
        POP_ORDER_REVIVE_QUEUE if header.order else asked.turn % state.settings.revive_queue_num,
        now_ms,
        asked.read,
    )
    taken: list[Taken] = []
    count = size = 0
    unread: tuple[Place, Unread] | None = None
    for place in _places(state, asked):
        topic, queue_id = place
        left = header.max_msg_nums - count if size < PULL_BYTES_MAX else 0
        if header.order:
            found = take_in_order(state, wanted, header.attempt_id, queue_id, left, now_ms)
        else:
            found = take(state, wanted, topic, queue_id, left, now_ms)
        taken.append(found)
        count += len(found.offsets)
        size += found.size
        if found.unread is not None:
            unread = place, found.unread
            if place != asked.begins:
                break
    if unread is not None and not count and (asked.begins is None or now_ms < until_ms):
        return _read_first(asked, *unread, state)
    rest = sum(found.rest for found in taken)
    free_at_ms = min((found.free_at_ms for found in taken if found.free_at_ms), default=None)
    taken = [found for found in taken if found.offsets]
    if taken:
        return _answer(wanted, taken, rest)
    if rest and free_at_ms is None:
        free_at_ms = now_ms + _AGAIN_MS
    return _wait(asked, wanted, state, now_ms, rest=rest, again_ms=free_at_ms)


def _read_first(asked: Asked, place: Place, unread: Unread, state: BrokerState) -> Outcome:
    """Meanwhile anything may happen, so that it is asked anew whether the group may pop."""
    header = asked.header

    def go_on(records: bytes, now_ms: int) -> Outcome:
        require_readable(state, header.topic, header.consumer_group, header.queue_id, asked.peer, now_ms, word="pop")
        return _attempt(asked._replace(begins=place, read=Read(*unread, records)), state, now_ms)

    return ReadFirst(unread.entries, go_on)


def _wait(asked: Asked, wanted: Pop, state: BrokerState, now_ms: int, *, rest: int, again_ms: int | None) -> Outcome:
    """Until a message comes that may be for it; a message that came back under other tags is for all."""
    header = asked.header
    watched = tuple(places_to_watch(state, header.topic, header.consumer_group, header.queue_id))
    alike = None if header.order or header.max_msg_nums <= 0 else f"{header.exp_type} {header.exp}"
    label = polling_key(header.topic, header.consumer_group, header.queue_id)
    wants = asked.wants if callable(asked.wants) else None
    outcome = waiting.wait(
        asked.request, state, watched, label, header.poll_time, now_ms, again_ms=again_ms, alike=alike, wants=wants
    )
    if not isinstance(outcome, ResponseCode):
        return outcome
    return Reply(outcome, "NO_MESSAGE_IN_QUEUE", _fields(wanted, (), rest))


def _admit(request: Command, header: PopMessageRequest, peer: Peer, state: BrokerState, now_ms: int) -> None:
    address = state.settings.broker_ip1
    born = header.born_time or request.arrived_ms
    if not request.resumed and now_ms - born - header.poll_time > _LATE_MS:
        raise Refusal(ResponseCode.POLLING_TIMEOUT, f"the broker[{address}] pop message is timeout too much")
    if header.max_msg_nums > POPPED_MESSAGES_MAX:
        raise Refusal(
            ResponseCode.INVALID_PARAMETER,
            f"the broker[{address}] pop message's num is greater than {POPPED_MESSAGES_MAX}",
        )
    if not state.settings.timer_wheel_enable:
        raise Refusal(
            ResponseCode.SYSTEM_ERROR,
            f"the broker[{address}] pop message is forbidden because timerWheelEnable is false",
        )
    if not 0 <= header.invisible_time <= POP_INVISIBLE_MS_MAX:
        raise Refusal(
            ResponseCode.INVALID_PARAMETER,
            f"invisibleTime[{header.invisible_time}] is not from 0 to {POP_INVISIBLE_MS_MAX} ms",
        )
    topic, group, queue_id = header.topic, header.consumer_group, header.queue_id
    require_readable(state, topic, group, queue_id, peer, now_ms, word="pop")


def _places(state: BrokerState, asked: Asked) -> list[Place]:
    """The queues to look into, in this order."""
    places = _places_in_turn(state, asked.header, asked.turn)
    if asked.begins not in places:
        return places
    at = places.index(asked.begins)
    return places[at:] + places[:at]


def _places_in_turn(state: BrokerState, header: PopMessageRequest, start: int) -> list[Place]:
    topic = header.topic
    if header.order:
        return [(topic, header.queue_id)] if header.queue_id >= 0 else list(queues_of(state, topic, start))
    own: Sequence[Place] = [(topic, header.queue_id)] if header.queue_id >= 0 else list(queues_of(state, topic, start))
    retries = [
        place for retry in retry_topics(state, topic, header.consumer_group) for place in queues_of(state, retry)
    ]
    if start % 2:
        retries.reverse()
    comes_first = start * _STRIDE % 100 < state.settings.pop_from_retry_probability
    return [*retries, *own] if comes_first else [*own, *retries]


def _answer(pop: Pop, taken: Sequence[Taken], rest: int) -> Outcome:
    # Those of one queue are in order.
    entries = taken[0].entries if len(taken) == 1 else sorted_entries(b"".join(found.entries for found in taken))
    reply = Reply(0, "FOUND", _fields(pop, taken, rest), b"".join(found.body for found in taken))
    if pop.revive_queue_id == POP_ORDER_REVIVE_QUEUE:
        return ReplyWithRecords(reply, entries)
    return RecordsWhenDurable(reply, entries, max(found.log_offset_end for found in taken))


def _fields(pop: Pop, taken: Sequence[Taken], rest: int) -> dict[str, str]:
    counts = [entry for found in taken for entry in found.order_counts]
    return PopMessageResponse(
        pop_time=pop.pop_time,
        invisible_time=pop.invisible_ms,
        revive_qid=pop.revive_queue_id,
        rest_num=rest,
        start_offset_info=join_entries(
            start_offset_entry(found.topic, found.queue_id, found.start_offset) for found in taken
        ),
        msg_offset_info=join_entries(
            message_offsets_entry(found.topic, found.queue_id, found.offsets) for found in taken
        ),
        order_count_info=join_entries(counts) if pop.revive_queue_id == POP_ORDER_REVIVE_QUEUE else None,
    ).fields()
