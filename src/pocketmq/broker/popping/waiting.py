"""Requests that wait for a message to pop: how long, how many, and where (PopLongPollingService)."""

from pocketmq.broker.state import ALL_PARKED, BrokerState
from pocketmq.model.outcome import Park, Wanted
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.frame import Command


def wait(
    request: Command,
    state: BrokerState,
    places: tuple[tuple[str, int], ...],
    label: str,
    poll_ms: int,
    now_ms: int,
    *,
    again_ms: int | None = None,
    alike: str | None = None,
    wants: Wanted | None = None,
) -> Park | ResponseCode:
    """Park the request until a message it `wants` comes to one of the places, it is `again_ms`, or the poll is over.

    Or why it cannot wait: POLLING_FULL or POLLING_TIMEOUT. Those that wait are counted by `label`.
    """
    until_ms = request.arrived_ms + poll_ms
    if poll_ms > 0 and state.parked.get(ALL_PARKED, 0) >= state.settings.max_pop_polling_size:
        return ResponseCode.POLLING_FULL
    if poll_ms <= 0 or now_ms >= until_ms or not places:
        return ResponseCode.POLLING_TIMEOUT
    if state.parked.get(label, 0) > state.settings.pop_polling_size:
        return ResponseCode.POLLING_FULL
    if again_ms is not None:
        until_ms = min(until_ms, again_ms)
    return Park(until_ms, places[0], wants, places[1:], label, alike)
