"""A checker that has never failed proves nothing: each invariant is broken once and must be seen."""

import zlib
from collections.abc import Callable

import pytest
import wire
from history import History
from wire import Record, batch, records


def sound() -> History:
    """Three single messages and a batch of two, acknowledged and read back whole."""
    history = History()
    for offset, key in enumerate(["a", "b", "c"]):
        floor = history.sending("p", 0, [(key, key.encode())])
        history.acknowledge("p", 0, offset, [key], floor)
    floor = history.sending("p", 0, [("d", b"d"), ("e", b"e")])
    history.acknowledge("p", 0, 3, ["d", "e"], floor)
    return history


def read_all(history: History, *keys: str) -> None:
    """Read queue 0 from its start: these messages, whose bodies are their keys."""
    for offset, key in enumerate(keys):
        history.read(0, offset, key, key.encode())
    history.finish_queue(0, 0, range(len(keys)), 0, len(keys))
    history.check_acknowledged()


def test_a_log_that_holds_everything_is_sound() -> None:
    history = sound()
    history.sending("p", 0, [("unanswered", b"unanswered")])
    read_all(history, "a", "b", "c", "d", "e", "unanswered")
    read_all(history, "a", "b", "c", "d", "e", "unanswered")
    assert history.violations == []


def acknowledged_late_gets_an_early_slot(history: History) -> None:
    history.acknowledge("p", 0, 1, ["f"], history.sending("p", 0, [("f", b"f")]))


def one_slot_acknowledged_for_two(history: History) -> None:
    history.acknowledge("q", 0, 2, ["f"], history.sending("q", 0, [("f", b"f")]))


def nobody_sent_it(history: History) -> None:
    read_all(history, "a", "b", "c", "d", "e", "z")


def the_body_was_changed(history: History) -> None:
    history.read(0, 0, "a", b"A")


def the_slot_changes_between_reads(history: History) -> None:
    history.sending("q", 0, [("x", b"x"), ("y", b"y")])
    history.read(0, 5, "x", b"x")
    history.read(0, 5, "y", b"y")


def it_is_stored_in_two_places(history: History) -> None:
    history.read(0, 0, "a", b"a")
    history.read(1, 0, "a", b"a")


def the_queue_has_a_gap(history: History) -> None:
    history.finish_queue(0, 0, [0, 1, 3, 4], 0, 5)


def the_end_was_cut(history: History) -> None:
    read_all(history, "a", "b", "c", "d")


def two_were_exchanged(history: History) -> None:
    read_all(history, "b", "a", "c", "d", "e")


def a_reader_saw_more_than_is_left(history: History) -> None:
    history.sending("q", 1, [("x", b"x")])
    history.read(1, 0, "x", b"x")
    history.finish_queue(1, 0, [], 0, 0)


def a_batch_lost_its_head(history: History) -> None:
    history.sending("q", 1, [("x", b"x"), ("y", b"y")])
    history.read(1, 0, "y", b"y")
    history.check_acknowledged()


def an_earlier_message_was_lost_alone(history: History) -> None:
    floor = history.sending("p", 1, [("x", b"x")])
    history.acknowledge("p", 1, 0, ["x"], floor)
    history.lose_ends({0: 4, 1: 1})


def a_refused_message_is_stored(history: History) -> None:
    history.refusals_allowed = True
    history.sending("q", 0, [("x", b"x")])
    history.refuse(["x"], 14, "disk full", never_stored=True)
    history.read(0, 5, "x", b"x")


@pytest.mark.parametrize(
    ("breaks", "invariant"),
    [
        (acknowledged_late_gets_an_early_slot, "I6"),
        (one_slot_acknowledged_for_two, "I4"),
        (nobody_sent_it, "I3"),
        (the_body_was_changed, "I3"),
        (the_slot_changes_between_reads, "I4"),
        (it_is_stored_in_two_places, "I7"),
        (the_queue_has_a_gap, "I5"),
        (the_end_was_cut, "I1"),
        (the_end_was_cut, "I5"),
        (two_were_exchanged, "I1"),
        (a_reader_saw_more_than_is_left, "I10"),
        (a_batch_lost_its_head, "I8"),
        (an_earlier_message_was_lost_alone, "I2"),
        (a_refused_message_is_stored, "I3"),
    ],
)
def test_each_invariant_is_seen_broken(breaks: Callable[[History], None], invariant: str) -> None:
    history = sound()
    breaks(history)
    assert [one for one in history.violations if one.startswith(invariant + ":")], history.violations


def test_a_lost_end_is_forgotten_and_its_slots_are_given_away_again() -> None:
    history = sound()
    read_all(history, "a", "b", "c", "d", "e")
    assert history.lose_ends({0: 3}) == 2
    history.acknowledge("p", 0, 3, ["f"], history.sending("p", 0, [("f", b"f")]))
    read_all(history, "a", "b", "c", "f")
    assert history.violations == []


def test_a_refusal_is_a_violation_unless_it_was_to_be_expected() -> None:
    history = sound()
    history.refuse(["x"], 14, "disk full", never_stored=True)
    assert history.violations == ["a send was refused with 14: disk full"]
    history.refusals_allowed = True
    history.refuse(["y"], 10, "no flush", never_stored=False)
    assert len(history.violations) == 1
    assert (history.refusal_count, history.refusal_codes, history.refused) == (2, {14: 1, 10: 1}, {"x"})


def test_records_are_taken_apart_without_the_store() -> None:
    properties = b"KEYS\x01ax\x02TAGS\x01t\x02"
    head = [wire.RECORD_MAGIC, zlib.crc32(b"hi") & 0x7FFFFFFF, 3, 0, 7, 256, 0, 1_700_000_000_000]
    host, stored, tail = bytes(8), bytes(8), bytes(12)
    rest = host + stored + host + tail + b"\0\0\0\x02hi" + b"\x01t" + len(properties).to_bytes(2, "big") + properties
    packed = wire.HEAD.pack(wire.HEAD.size + len(rest), *head) + rest
    assert list(records(packed + packed)) == [Record(3, 7, b"hi", {"KEYS": "ax", "TAGS": "t"})] * 2
    with pytest.raises(AssertionError, match="body CRC of 3/7"):
        list(records(packed.replace(b"hi", b"ho")))


def test_a_batch_carries_each_key() -> None:
    packed = batch([("k1", b"one"), ("k2", b"")])
    assert int.from_bytes(packed[:4], "big") == 22 + 3 + 8
    assert packed.count(b"KEYS\x01") == 2
