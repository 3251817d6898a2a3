"""What members wrote becomes a history, and what is wrong in it is seen."""

from pathlib import Path

import pytest
from group_log import GONE, MS, OWNERS, Event, MemberLog, Teller, lines_of

from pocketmq.testing.consumption_history import History

SENT = {f"shard.{number}": ("torture", 0) for number in range(2)}

GOOD = {
    "a": ["T 1 torture 0 0", "B 2 torture 0 0 shard.0", "E 3 torture 0 0 1 1", "G 4 torture 0 1"],
    "b": ["T 5 torture 0 1", "B 6 torture 0 1 shard.1", "E 7 torture 0 1 1 1"],
}
POPPED = {
    "a": ["P 2 torture 0 0 shard.0 1000000 9000000000", "E 3 torture 0 0 1 1", "A 4 torture 0 0"],
    "b": ["P 2 torture 0 1 shard.1 1000000 9000000000", "E 3 torture 0 1 1 1"],
}


def told(folder: Path, logs: dict[str, list[str]], *, is_orderly: bool = True) -> tuple[list[str], Teller]:
    """The kinds of what is wrong with these logs, whose times are in ms."""
    for member, lines in logs.items():
        text = ""
        for line in lines:
            kind, ms, rest = line.split(" ", 2)
            text += f"{kind} {int(ms) * MS} {rest}\n"
        (folder / member).write_text(text)
    teller = Teller(History(is_orderly=is_orderly, sent=SENT))
    outside = [Event(50 * MS, "", [OWNERS]), Event(60 * MS, "a", [GONE])]
    teller.tell([lines_of(folder / member) for member in logs], outside)
    found = teller.history.violations(teller.owners)
    return [violation.partition(":")[0] for violation in found], teller


def test_what_is_written_is_read(tmp_path: Path) -> None:
    log = MemberLog(tmp_path / "a")
    log.note("T", "torture", 3, 7)
    log.note("B", "torture", 3, 7, "shard.1")
    with (tmp_path / "a").open("a") as file:
        file.write("E 17 tort")  # A machine may end in the middle of a line.
    events = list(lines_of(tmp_path / "a"))
    assert [event.words[0] for event in events] == ["T", "B"]
    assert [event.words[2:] for event in events] == [["torture", "3", "7"], ["torture", "3", "7", "shard.1"]]
    assert events[0].ns <= events[1].ns
    assert list(lines_of(tmp_path / "never started")) == []


@pytest.mark.parametrize(("logs", "is_orderly"), [(GOOD, True), (GOOD, False), (POPPED, False)])
def test_good_logs_are_good(tmp_path: Path, logs: dict[str, list[str]], is_orderly: bool) -> None:
    kinds, teller = told(tmp_path, logs, is_orderly=is_orderly)
    assert kinds == []
    assert len(teller.history.deliveries) == 2
    assert teller.owners == ({("torture", 0): ["b"]} if logs is GOOD else {})


@pytest.mark.parametrize(
    ("member", "lines", "kinds"),
    [
        ("b", GOOD["b"][:2], ["lost"]),
        ("b", [*GOOD["b"][:2], "E 7 torture 0 1 0 0"], ["lost"]),
        ("b", [*GOOD["b"], "B 8 torture 0 1 shard.1", "E 9 torture 0 1 1 1"], ["again", "order", "order"]),
        ("b", ["T 5 torture 0 2", "B 6 torture 0 1 shard.1", "E 7 torture 0 1 1 1"], ["skipped", "order"]),
        ("b", ["T 2 torture 0 1", "B 2 torture 0 1 shard.1", "E 9 torture 0 1 1 1"], ["skipped", "order"]),
        ("c", ["T 8 torture 0 2"], ["owners"]),
        ("a", GOOD["a"][:3], ["owners"]),
    ],
)
def test_bad_logs_are_bad(tmp_path: Path, member: str, lines: list[str], kinds: list[str]) -> None:
    assert told(tmp_path, {**GOOD, member: lines})[0] == kinds


def test_what_a_dead_member_was_at_has_ended(tmp_path: Path) -> None:
    lines = {"a": ["T 1 torture 0 0", "B 2 torture 0 0 shard.0"]}
    _, teller = told(tmp_path, lines)
    (delivery,) = teller.history.deliveries
    assert (delivery.ended_ms, delivery.is_done) == (60, False)
    assert teller.history.owners() == {("torture", 0): []}


def test_a_message_popped_by_two_is_seen(tmp_path: Path) -> None:
    lines = [*POPPED["b"], "P 5 torture 0 0 shard.0 8000000 9000000000"]
    assert told(tmp_path, {**POPPED, "b": lines}, is_orderly=False)[0] == ["hidden"]
