"""What a request wants of a topic: every message, those of some tags, or those that an expression is true of.

Pops look into queues by it. Tags stand in a queue's entries; an expression needs the messages' properties, and where
those are not in memory, somebody must read them first. Sources: PopMessageProcessor, NotificationProcessor.
"""

from typing import NamedTuple

from pocketmq.broker.filters.matching import filter_for
from pocketmq.broker.filters.requiring import UNREADABLE, require_subscription
from pocketmq.broker.filters.selecting import STRETCH_BYTES, STRETCH_ENTRIES, Unread, judged, look_through
from pocketmq.broker.filters.words import FilterFault
from pocketmq.model.errors import Refusal
from pocketmq.model.limits import PULL_BYTES_MAX
from pocketmq.model.outcome import Wanted
from pocketmq.model.subscription import codes_wanted, is_tag_type
from pocketmq.protocol.codes import ResponseCode
from pocketmq.store.consume_queue import ConsumeQueue, Selection
from pocketmq.store.message_store import Found, MessageStore


class Read(NamedTuple):
    """Packed queue entries, what comes behind them, and those of their records that are sound, from the disk."""

    entries: bytes
    next_offset: int
    records: bytes


NOTHING_READ = Read(b"", 0, b"")


class Look(NamedTuple):
    """What was found; what is `unread`, if anything, should be read before somebody looks on from `next_offset`."""

    status: Found
    next_offset: int
    selection: Selection | None = None
    unread: Unread | None = None


def wants_of(topic: str, expression: str | None, expression_type: str | None) -> Wanted | None:
    """The hashes of wanted tags, or what judges properties; None: all. Refusal for what is no expression.

    `enablePropertyFilter` is not asked: Java asks it when a client subscribes, and when one pulls.
    """
    if not expression:
        return None
    wanted = require_subscription(topic, expression, expression_type)
    if is_tag_type(wanted.expression_type):
        return codes_wanted(wanted)
    try:
        return filter_for(wanted.expression_type, expression).matches
    except FilterFault:
        raise Refusal(ResponseCode.SUBSCRIPTION_PARSE_FAILED, UNREADABLE) from None


def look(
    store: MessageStore, queue: ConsumeQueue, offset: int, count_max: int, wants: Wanted | None, read: Read
) -> Look:
    """Up to `count_max` wanted messages from `offset`. What was `read` is judged where memory does not have it."""
    if not callable(wants):
        return Look(*store.select(queue, offset, count_max, PULL_BYTES_MAX, wants))
    found = look_through(store, queue, offset, count_max, PULL_BYTES_MAX, wants)
    if isinstance(found, Unread):
        if not read.entries.startswith(found.entries):
            return Look(Found.NO_MATCHED_MESSAGE, offset, None, _stretch(store, queue, offset))
        found = judged(read.entries, read.records, read.next_offset, count_max, PULL_BYTES_MAX, wants)
    status, next_offset, entries, size = found
    if status is Found.FOUND:
        return Look(status, next_offset, Selection(entries, next_offset, size))
    # One look is bounded. What comes behind it goes through the reading thread, and the loop serves others meanwhile.
    return Look(status, next_offset, None, _stretch(store, queue, next_offset))


def _stretch(store: MessageStore, queue: ConsumeQueue, offset: int) -> Unread | None:
    _, next_offset, selection = store.select(queue, offset, STRETCH_ENTRIES, STRETCH_BYTES, None)
    return Unread(selection.entries, next_offset) if selection is not None and selection.entries else None
