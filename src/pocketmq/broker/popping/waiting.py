"""Requests that wait for a message to pop: how long, how many, and where (PopLongPollingService)."""

from pocketmq.broker.state import ALL_PARKED, BrokerState
from pocketmq.model.outcome import Park
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.frame import Command

_AGAIN_MS = 200
"""How soon a request looks again that found messages it may not have: what frees them is no message that arrives."""


def wait(
    request: Command,
    state: BrokerState,
    places: tuple[tuple[str, int], ...],
    label: str,
    poll_ms: int,
    now_ms: int,
    *,
    is_blocked: bool,
) -> Park | ResponseCode:
    """Park the request until a message comes to one of the places; or why it cannot wait: POLLING_FULL or _TIMEOUT.

    Those that wait are counted by `label`.
    """
    until_ms = request.arrived_ms + poll_ms
    if poll_ms > 0 and state.parked.get(ALL_PARKED, 0) >= state.settings.max_pop_polling_size:
        return ResponseCode.POLLING_FULL
    if poll_ms <= 0 or now_ms >= until_ms or not places:
        return ResponseCode.POLLING_TIMEOUT
    if state.parked.get(label, 0) > state.settings.pop_polling_size:
        return ResponseCode.POLLING_FULL
    if is_blocked:
        until_ms = min(until_ms, now_ms + _AGAIN_MS)
    return Park(until_ms, places[0], more=places[1:], label=label)
