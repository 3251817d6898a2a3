"""Parked requests: found by queue and by deadline, forgotten with their client, and never more than the bound."""

import pytest
from hand_driver import HandLink
from hypothesis import given
from hypothesis import strategies as st

from pocketmq.model import limits
from pocketmq.node import parking
from pocketmq.node.parking import Parked, Parking
from pocketmq.protocol.frame import Command

START_MS = 1_700_000_000_000


def _parked(link: HandLink, until_ms: int, opaque: int = 1) -> Parked:
    return Parked(link, Command.of(11, opaque=opaque), until_ms)  # type: ignore[arg-type]


def test_a_queue_takes_its_own_and_only_once() -> None:
    held = Parking()
    link = HandLink(1)
    for queue_id, opaque in ((0, 1), (1, 2), (0, 3)):
        assert held.park(("t", queue_id), _parked(link, START_MS, opaque))
    assert [parked.request.opaque for parked in held.take(("t", 0))] == [1, 3]
    assert held.take(("t", 0)) == []
    assert held.count == 1


def test_what_was_taken_is_not_due_later() -> None:
    held = Parking()
    held.park(("t", 0), _parked(HandLink(1), START_MS + 500))
    held.take(("t", 0))
    assert held.due(START_MS + 10_000) == []
    assert held.count == 0


def test_a_link_that_goes_takes_its_requests_along() -> None:
    held = Parking()
    stays, goes = HandLink(1), HandLink(2)
    for link in (stays, goes, goes):
        held.park(("t", 0), _parked(link, START_MS))
    held.forget(goes)  # type: ignore[arg-type]
    assert held.count == 1
    assert [parked.link for parked in held.take(("t", 0))] == [stays]


def test_there_is_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parking.PARKED_PULLS_MAX == limits.PARKED_PULLS_MAX
    monkeypatch.setattr(parking, "PARKED_PULLS_MAX", 3)
    held = Parking()
    kept = [held.park(("t", number), _parked(HandLink(1), START_MS)) for number in range(5)]
    assert kept == [True, True, True, False, False]
    assert held.count == 3


@given(st.lists(st.tuples(st.integers(-200, 3_000), st.integers(0, 400)), min_size=1, max_size=40))
def test_nothing_is_late_by_more_than_a_bucket_and_nothing_is_lost(steps: list[tuple[int, int]]) -> None:
    held = Parking()
    now_ms = START_MS
    waiting: dict[int, int] = {}
    for number, (wait_ms, pass_ms) in enumerate(steps):
        held.park(("t", number % 3), _parked(HandLink(1), now_ms + wait_ms, number))
        waiting[number] = now_ms + max(wait_ms, 0)
        now_ms += pass_ms
        for parked in held.due(now_ms):
            assert waiting.pop(parked.request.opaque) <= now_ms + (0 if parked.until_ms > START_MS else 200), (
                "woken too early"
            )
        assert all(until_ms + 2 * parking.BUCKET_MS > now_ms - pass_ms for until_ms in waiting.values())
        assert held.count == len(waiting)
    assert {parked.request.opaque for parked in held.due(now_ms + 10_000)} == set(waiting)
    assert held.count == 0


def test_a_request_at_several_queues_is_found_at_each_and_once() -> None:
    labels: dict[str, int] = {}
    held = Parking(labels)
    link = HandLink(1)
    for opaque in (1, 2, 3):
        parked = _parked(link, START_MS + 500, opaque)._replace(more=(("t", 1), ("r", 0)), label="t@g@-1")
        assert held.park(("t", 0), parked)
    assert labels == {"t@g@-1": 3, "": 3}
    assert [parked.request.opaque for parked in held.take(("r", 0))] == [1, 2, 3]
    assert (held.take(("t", 0)), held.take(("t", 1)), held.count, labels) == ([], [], 0, {})
    held.park(("t", 0), _parked(link, START_MS + 500)._replace(more=(("t", 1),), label="a"))
    assert len(held.due(START_MS + 10_000)) == 1
    assert (held.take(("t", 1)), labels) == ([], {})
    held.park(("t", 0), _parked(link, START_MS + 20_000)._replace(more=(("t", 1),), label="a"))
    held.forget(link)
    assert (held.take(("t", 1)), held.count, labels) == ([], 0, {})
