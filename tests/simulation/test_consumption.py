"""Consumer groups in random lives: nothing is lost, skipped, delivered again or out of order without a cause.

A failure names its seed; `python tests/torture/consumption.py --seed N --seeds 1` lives it again.
"""

import pytest

from pocketmq.testing.consumption_history import History
from pocketmq.testing.consumption_scenario import ConsumptionScenario

SEEDS = 500
AT_ONCE = 50
PLACE = ("Topic", 0)


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_a_random_life_breaks_no_promise(first: int) -> None:
    found = {
        seed: violations for seed in range(first, first + AT_ONCE) if (violations := ConsumptionScenario(seed).run())
    }
    assert found == {}


@pytest.mark.parametrize("is_orderly", [False, True])
def test_an_undisturbed_group_gets_every_message_once(is_orderly: bool) -> None:
    for seed in range(40):
        scenario = ConsumptionScenario(seed, is_orderly=is_orderly, calm=True)
        assert scenario.run() == [], seed
        assert len(scenario.history.sent) > 0
        done = [delivery.message for delivery in scenario.history.deliveries if delivery.is_done]
        assert len(done) == len(set(done)) == len(scenario.history.sent), seed


def test_lives_differ_and_are_eventful() -> None:
    histories = [(scenario.run(), scenario.history)[1] for scenario in map(ConsumptionScenario, range(20))]
    told = {what.partition(" ")[2] for history in histories for _, _, what in history.disturbances}
    assert told == {"joins", "leaves", "vanishes", "falls silent", "broker is killed"}
    assert any(history.is_orderly for history in histories)
    assert any(not history.is_orderly for history in histories)
    assert any(delivery.place[0].startswith("%RETRY%") for history in histories for delivery in history.deliveries)


# ------------------------------------------------------------------------------------------------- the checker itself


class Told:
    """A history in which two messages were sent, and one delivery can be added after the other."""

    def __init__(self, *, is_orderly: bool = False) -> None:
        self.history = History(is_orderly=is_orderly)
        self.history.sent = {"m0": PLACE, "m1": PLACE}

    def deliver(
        self, queue_offset: int, begun_ms: int, ended_ms: int, member: str = "a", *, is_done: bool = True
    ) -> None:
        delivery = self.history.begin(member, PLACE, queue_offset, f"m{queue_offset}", begun_ms)
        self.history.end(delivery, ended_ms, is_done=is_done, is_settled=is_done)

    def kinds(self, owners: list[str] | None = None) -> list[str]:
        found = self.history.violations({PLACE: ["a"] if owners is None else owners})
        return [violation.partition(":")[0] for violation in found]


@pytest.fixture(params=[False, True])
def told(request: pytest.FixtureRequest) -> Told:
    return Told(is_orderly=request.param)


def test_a_good_history_is_good(told: Told) -> None:
    told.deliver(0, 1, 2)
    told.deliver(1, 2, 3)
    told.history.committed(PLACE, 2, 4)
    assert told.kinds() == []


def test_a_message_that_nobody_finished_is_lost(told: Told) -> None:
    told.deliver(0, 1, 2)
    assert told.kinds() == ["lost"]
    told.deliver(1, 2, 3, is_done=False)
    assert told.kinds() == ["lost"]


def test_a_second_delivery_needs_a_cause(told: Told) -> None:
    told.deliver(0, 1, 2, is_done=False)
    told.deliver(0, 3, 4)
    told.deliver(1, 5, 6)
    assert told.kinds() == []
    told.deliver(1, 7, 8)
    assert "again" in told.kinds()
    told.history.disturbed("b joins", 6, 10)
    assert "again" not in told.kinds()


def test_an_offset_goes_back_only_when_disturbed(told: Told) -> None:
    told.deliver(0, 1, 2)
    told.deliver(1, 2, 3)
    told.history.committed(PLACE, 2, 4)
    told.history.disturbed("b joins", 5, 5)
    told.history.committed(PLACE, 1, 6)
    told.history.committed(PLACE, 2, 7)
    assert told.kinds() == []
    told.history.committed(PLACE, 1, 11)
    assert told.kinds() == ["back"]


def test_a_kill_may_take_commits_back_and_nothing_more(told: Told) -> None:
    told.deliver(0, 1, 2)
    told.deliver(1, 2, 3)
    told.history.committed(PLACE, 2, 4)
    told.history.killed({PLACE: 1}, 5, 0)
    told.history.committed(PLACE, 1, 9)
    assert told.kinds() == []
    told.history.committed(PLACE, 0, 10)
    assert told.kinds() == ["back"]


def test_an_offset_beyond_unfinished_work_skips_it(told: Told) -> None:
    told.deliver(1, 1, 2)
    told.history.committed(PLACE, 2, 3)
    assert "skipped" in told.kinds()


@pytest.mark.parametrize("owners", [[], ["a", "b"]])
def test_a_queue_has_one_owner(told: Told, owners: list[str]) -> None:
    told.deliver(0, 1, 2)
    told.deliver(1, 2, 3)
    assert told.kinds(owners) == ["owners"]


def test_orderly_listeners_do_not_overlap_and_do_not_jump() -> None:
    told = Told(is_orderly=True)
    told.deliver(0, 1, 5)
    told.deliver(1, 4, 6, "b")
    assert told.kinds() == ["order"]
    told.history.killed({}, 3, 3)
    assert told.kinds() == []
    told = Told(is_orderly=True)
    told.deliver(1, 1, 2)
    told.deliver(0, 3, 4)
    assert set(told.kinds()) == {"order"}
