"""Messages waiting for the caller, from all queues, in the order they were pulled.

Orderly consumption has one message of each queue out at a time: the next is offered when it is settled.

    pulled ──▶ ready ──▶ taken ──▶ settled                          concurrent
    pulled ──▶ backlog ──▶ in hand: ready ──▶ taken ──▶ settled     orderly; settled brings up the next of the backlog
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from pocketmq.client.assigned import AssignedQueue
from pocketmq.client.errors import ClientClosed
from pocketmq.client.received import ReceivedMessage, Settling
from pocketmq.model.message import StoredMessage
from pocketmq.transport.clock import Clock

LOCK_LIVES_SECONDS = 30.0
"""ProcessQueue.REBALANCE_LOCK_MAX_LIVE_TIME: how long a queue's lock is trusted after the broker last granted it."""


class Inbox:
    """Bounded by the queues that fill it. `on_lock_lost` hears of a queue whose lock has run out unseen."""

    def __init__(self, clock: Clock, *, is_orderly: bool, on_lock_lost: Callable[[AssignedQueue], None]) -> None:
        self._clock = clock
        self._is_orderly = is_orderly
        self._on_lock_lost = on_lock_lost
        self._ready: deque[ReceivedMessage] = deque()
        self._arrived = asyncio.Event()
        self._is_closed = False

    def offer(self, assigned: AssignedQueue, messages: Iterable[StoredMessage], settling: Settling) -> None:
        """Takes what was just pulled from a queue."""
        generation = assigned.pulled.generation
        received = [ReceivedMessage(stored, assigned.queue, settling, assigned, generation) for stored in messages]
        if self._is_orderly:
            assigned.backlog.extend(received)
            self._bring_up(assigned)
        else:
            self._ready.extend(received)
            self._arrived.set()

    async def take(self) -> ReceivedMessage:
        """The next message that is still ours to handle. Raises ClientClosed when there will be none."""
        while True:
            while self._ready:
                message = self._ready.popleft()
                if self._is_ours(message):
                    message.is_taken = True
                    return message
            if self._is_closed:
                raise ClientClosed("the consumer is closed")
            self._arrived.clear()
            await self._arrived.wait()

    def settle(self, message: ReceivedMessage) -> bool:
        """Marks it done in its queue; false if the queue is no longer ours."""
        assigned = message.assigned
        if assigned is None:
            return True
        # A queue that goes in good order is committed when this one is done.
        is_waited_for = assigned.in_hand is message and not assigned.is_lock_lost
        counted = assigned.pulled.finish(message.queue_offset, message.generation)
        counted &= is_waited_for or not assigned.is_revoked
        assigned.last_finish_ms = self._clock.now_ms()
        assigned.room.set()
        self._put_down(assigned, message)
        return counted

    def offer_again(self, message: ReceivedMessage, seconds: float) -> None:
        """The same message once more, after a pause; an orderly queue stands still meanwhile."""
        again = message.anew()
        if again.assigned is not None and again.assigned.in_hand is message:
            again.assigned.in_hand = again
        self._clock.call_later(seconds, lambda: self._make_ready(again))

    def forget(self, assigned: AssignedQueue) -> None:
        """Drops what nobody has taken yet of a queue that is going."""
        assigned.backlog.clear()
        self._ready = deque(message for message in self._ready if message.assigned is not assigned)
        if assigned.in_hand is not None and not assigned.in_hand.is_taken:
            self._put_down(assigned, assigned.in_hand)

    def close(self) -> None:
        """Wakes everybody who waits: there is no more."""
        self._is_closed = True
        self._ready.clear()
        self._arrived.set()

    def _is_ours(self, message: ReceivedMessage) -> bool:
        assigned = message.assigned
        assert assigned is not None
        if assigned.is_revoked or not assigned.pulled.holds(message.queue_offset, message.generation):
            self._put_down(assigned, message)
            return False
        if self._is_orderly and self._clock.monotonic() - assigned.locked_at > LOCK_LIVES_SECONDS:
            assigned.is_revoked = assigned.is_lock_lost = True
            self._put_down(assigned, message)
            self._on_lock_lost(assigned)
            return False
        return True

    def _put_down(self, assigned: AssignedQueue, message: ReceivedMessage) -> None:
        if assigned.in_hand is message:
            assigned.in_hand = None
            assigned.settled.set()
            self._bring_up(assigned)

    def _bring_up(self, assigned: AssignedQueue) -> None:
        while assigned.in_hand is None and assigned.backlog and not assigned.is_revoked:
            message = assigned.backlog.popleft()
            if assigned.pulled.holds(message.queue_offset, message.generation):
                assigned.in_hand = message
                self._make_ready(message)

    def _make_ready(self, message: ReceivedMessage) -> None:
        if not self._is_closed:
            self._ready.append(message)
            self._arrived.set()
