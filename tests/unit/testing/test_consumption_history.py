"""A checker that has never failed proves nothing: what tenures and popped messages may not do is done once each."""

import pytest

from pocketmq.testing.consumption_history import ANSWERED_MS, EARLY_MS, KILLED, RECOMMITTED_MS, History

PLACE = ("Topic", 0)
LOCK_MS = 30_000


class Group:
    """A history that is disturbed all the time; three messages were sent."""

    def __init__(self, *, is_orderly: bool = False) -> None:
        self.history = History(is_orderly=is_orderly)
        self.history.sent = {f"m{offset}": PLACE for offset in range(3)}
        self.history.disturbed("somebody always joins", 0, 1_000_000)

    def deliver(self, member: str, *offsets: int, at: int, lasts: int = 1, is_done: bool = True) -> None:
        """One message after the other."""
        for offset in offsets:
            delivery = self.history.begin(member, PLACE, offset, f"m{offset}", at)
            self.history.end(delivery, at + lasts, is_done=is_done, is_settled=is_done)
            at += lasts

    def pop(self, member: str, number: int, *, at: int, until: int, acknowledged: int | None = None) -> None:
        """One message, which may be acknowledged."""
        message = f"m{number}"
        delivery = self.history.popped(member, PLACE, number, message, now_ms=at, hidden_until_ms=until)
        self.history.end(delivery, at, is_done=True, is_settled=True)
        delivery.acknowledged_ms = acknowledged

    def kinds(self) -> set[str]:
        """Of the violations."""
        return {violation.partition(":")[0] for violation in self.history.violations({})}


@pytest.fixture(params=[False, True])
def group(request: pytest.FixtureRequest) -> Group:
    return Group(is_orderly=request.param)


def test_a_queue_that_is_handed_over_in_good_order_is_good(group: Group) -> None:
    group.history.took("a", PLACE, 0, 0)
    group.deliver("a", 0, 1, at=1)
    group.history.gave("a", PLACE, 2, 10)
    group.history.took("b", PLACE, 2, 11)
    group.deliver("b", 2, at=12)
    assert group.kinds() == set()
    assert group.history.owners() == {PLACE: ["b"]}


def test_within_a_tenure_nothing_comes_again_however_disturbed_the_group(group: Group) -> None:
    group.history.took("a", PLACE, 0, 0)
    group.deliver("a", 0, at=1, is_done=False)
    group.deliver("a", 0, 1, 2, at=2)
    assert group.kinds() == set()
    group.deliver("a", 2, at=6)
    assert "again" in group.kinds()


def test_a_lost_message_is_lost_however_disturbed_the_group(group: Group) -> None:
    group.history.took("a", PLACE, 0, 0)
    group.deliver("a", 0, 1, at=1)
    group.history.gone("a", 3)
    group.history.took("b", PLACE, 3, 4)
    assert {"lost", "skipped"} <= group.kinds()


def test_the_next_tenure_begins_where_the_last_one_was_left(group: Group) -> None:
    group.history.took("a", PLACE, 0, 0)
    group.deliver("a", 0, 1, 2, at=1)
    group.history.gave("a", PLACE, 3, 10)
    group.history.took("b", PLACE, 1, 11 + ANSWERED_MS)
    assert group.kinds() == {"back"}


@pytest.mark.parametrize(("is_orderly", "kinds"), [(False, set()), (True, {"back"})])
def test_concurrent_members_may_ask_and_commit_in_the_same_moment(is_orderly: bool, kinds: set[str]) -> None:
    group = Group(is_orderly=is_orderly)
    group.history.took("a", PLACE, 0, 0)
    group.deliver("a", 0, 1, 2, at=1)
    group.history.gave("a", PLACE, 3, 10)
    group.history.took("b", PLACE, 1, 11)
    assert group.kinds() == kinds


@pytest.mark.parametrize(
    ("killed", "left", "kinds"),
    [
        (5_000, 9_000, set()),  # The first member's lock had died with the broker.
        (5_000, 5_001 + LOCK_MS, {"back"}),  # It no longer believed in that one.
        (50_000, 9_000, {"back"}),  # The broker was killed when all was over.
        (-5_000, 9_000, {"back"}),  # The lock was granted after the kill.
    ],
)
def test_no_lock_holds_members_apart_that_a_killed_broker_had_granted(killed: int, left: int, kinds: set[str]) -> None:
    group = Group(is_orderly=True)
    group.history.disturbed(KILLED, killed, LOCK_MS)
    group.history.took("a", PLACE, 0, 0)
    group.deliver("a", 0, 1, 2, at=1)
    group.history.gave("a", PLACE, 3, left)
    group.history.took("b", PLACE, 1, left + 1)
    assert group.kinds() == kinds


@pytest.mark.parametrize(
    ("taken", "left", "offset", "kinds"),
    [
        (500, 900, 1, set()),  # Taken up while another had it, and somebody had just joined.
        (2_000, 2_500, 1, {"back"}),  # So, too, but nobody had come or gone.
        (950, 900, 1, {"back"}),  # The other one had left it before.
        (500, 900, 0, {"back"}),  # Nobody has begun so early.
    ],
)
def test_who_took_a_queue_up_in_a_hand_over_may_be_behind_for_longer(
    taken: int, left: int, offset: int, kinds: set[str]
) -> None:
    history = History(sent={f"m{offset}": PLACE for offset in range(3)})
    history.disturbed("somebody joins", 0, 1_000)
    history.took("a", PLACE, 0, 0)
    for number in range(3):
        history.end(history.begin("a", PLACE, number, f"m{number}", 1), 2, is_done=True, is_settled=True)
    history.committed(PLACE, 1, 3)
    if taken > left:
        history.gave("a", PLACE, 3, left)
    history.took("b", PLACE, 1, taken)
    history.committed(PLACE, 3, max(taken, left))
    if taken < left:
        history.gave("a", PLACE, 3, left)
    history.committed(PLACE, offset, 5_000)
    assert {violation.partition(":")[0] for violation in history.violations({})} == kinds


def test_a_killed_broker_may_forget_where_a_tenure_was_left(group: Group) -> None:
    group.history.took("a", PLACE, 0, 0)
    group.deliver("a", 0, 1, 2, at=1)
    group.history.gave("a", PLACE, 3, 10)
    group.history.disturbed(KILLED, 11, LOCK_MS)
    group.history.took("b", PLACE, 1, 12 + ANSWERED_MS)
    assert group.kinds() == set()


def test_a_member_that_is_behind_may_commit_over_another_ones_offset() -> None:
    group = Group()
    group.history.took("a", PLACE, 0, 0)
    group.deliver("a", 0, at=1)
    group.history.took("b", PLACE, 0, 2)
    group.deliver("a", 1, 2, at=3)
    group.history.gave("a", PLACE, 3, 10)
    group.history.took("c", PLACE, 0, 11 + ANSWERED_MS)
    assert group.kinds() == set()


@pytest.mark.parametrize(("late", "kinds"), [(False, set()), (True, {"again"})])
def test_what_was_done_long_ago_has_been_committed(group: Group, late: bool, kinds: set[str]) -> None:
    last = RECOMMITTED_MS + (10 if late else -10)
    group.history.took("a", PLACE, 0, 0)
    group.deliver("a", 0, 1, 2, at=1)
    group.history.gone("a", last)
    # However long the dead member's lock keeps the queue from the others.
    group.history.took("b", PLACE, 0, last + 60_000)
    group.deliver("b", 0, at=last + 60_001)
    assert group.kinds() == kinds


def test_a_third_member_that_was_behind_explains_what_comes_late(group: Group) -> None:
    group.history.took("a", PLACE, 0, 0)
    group.deliver("a", 0, 1, 2, at=1)
    group.history.took("b", PLACE, 0, 2)
    group.history.gone("a", 2 * RECOMMITTED_MS)
    group.history.gave("b", PLACE, 0, 2 * RECOMMITTED_MS)
    group.history.took("c", PLACE, 0, 2 * RECOMMITTED_MS + 1)
    group.deliver("c", 0, at=2 * RECOMMITTED_MS + 2)
    assert group.kinds() == set()


@pytest.mark.parametrize("offsets", [(1, 2), (0, 2), (0, 1, 0)])
def test_an_orderly_tenure_goes_offset_by_offset(offsets: tuple[int, ...]) -> None:
    group = Group(is_orderly=True)
    group.history.took("a", PLACE, 0, 0)
    group.deliver("a", *offsets, at=1)
    assert "order" in group.kinds()


def test_messages_come_in_the_order_in_which_they_were_sent() -> None:
    group = Group(is_orderly=True)
    group.history.sent = {"m1": PLACE, "m0": PLACE, "m2": PLACE}
    group.history.took("a", PLACE, 0, 0)
    group.deliver("a", 0, 1, 2, at=1)
    assert group.kinds() == {"order"}


@pytest.mark.parametrize(
    ("killed", "first_again", "kinds"),
    [
        (None, 6, {"order"}),  # Two owners, and no kill explains them.
        (4, 6, set()),  # Each was granted the lock by another life of the broker.
        (4, 4 + LOCK_MS + 1, {"order"}),  # The first one's belief has run out.
        (-9_000, 6, {"order"}),  # Both locks were granted after the kill.
    ],
)
def test_two_are_busy_only_while_a_killed_brokers_lock_is_believed_in(
    killed: int | None, first_again: int, kinds: set[str]
) -> None:
    group = Group(is_orderly=True)
    if killed is not None:
        group.history.disturbed(KILLED, killed, LOCK_MS)
    group.history.took("a", PLACE, 0, 0)
    group.deliver("a", 0, at=1)
    group.history.took("b", PLACE, 1, 5)
    group.deliver("b", 1, at=first_again - 1, lasts=10)
    group.deliver("a", 1, 2, at=first_again, lasts=1)
    assert group.kinds() == kinds


def test_a_slow_listener_may_outlive_the_broker_that_had_granted_its_lock() -> None:
    group = Group(is_orderly=True)
    group.history.disturbed(KILLED, 10_000, LOCK_MS)
    group.history.took("a", PLACE, 0, 0)
    group.deliver("a", 0, at=1, lasts=20_000)
    group.history.took("b", PLACE, 0, 12_000)
    group.deliver("b", 0, 1, 2, at=12_001)
    assert group.kinds() == set()


def test_two_owners_and_none_are_seen() -> None:
    group = Group()
    for member in ("a", "b"):
        group.history.took(member, PLACE, 0, 0)
    group.deliver("a", 0, 1, 2, at=1)
    two = group.history.owners()
    group.history.gone("a", 9)
    group.history.gone("b", 9)
    none = group.history.owners()
    assert (two, none) == ({PLACE: ["a", "b"]}, {PLACE: []})
    assert [len(group.history.violations(owners)) for owners in (two, none)] == [1, 1]


@pytest.mark.parametrize(
    ("acknowledged", "again", "kinds"),
    [
        (None, 10_000, set()),
        (None, 10_000 - 2 * EARLY_MS, {"hidden"}),
        (50, 10_000, {"acknowledged"}),
        (50, 500_000, {"acknowledged"}),
        (10_000, 10_001, set()),  # The acknowledgement came too late.
    ],
)
def test_a_popped_message_is_given_to_one(acknowledged: int | None, again: int, kinds: set[str]) -> None:
    group = Group()
    group.pop("a", 0, at=0, until=10_000, acknowledged=acknowledged)
    group.pop("a", 1, at=0, until=10_000, acknowledged=40)
    group.pop("b", 2, at=0, until=10_000, acknowledged=40)
    assert group.kinds() == set()
    group.pop("b", 0, at=again, until=again + 10_000, acknowledged=again + 1)
    assert group.kinds() == kinds


def test_two_pops_are_compared_by_when_the_broker_gave_not_by_when_they_were_written_down() -> None:
    group = Group()
    for number in range(3):
        group.pop("b", number, at=5_000, until=15_000)
    group.pop("a", 0, at=0, until=10_000)
    assert group.kinds() == {"hidden"}
