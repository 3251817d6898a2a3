"""Stored messages read back."""

import pytest

from pocketmq.broker.records import find_message, log_offset_of, packed
from pocketmq.testing.lone_broker import LoneBroker


def test_a_damaged_record_is_none(broker: LoneBroker) -> None:
    appended = broker.store("TopicA", 0, b"whole")
    assert find_message(broker.state.store, appended.log_offset) is not None
    file = broker.disk.open("commitlog/00000000000000000000")
    file.pwrite(appended.log_offset + 84, b"\x7f\xff\xff\xff")
    again = broker.restarted(broker.disk)
    assert find_message(again.state.store, appended.log_offset, appended.size) is None
    assert find_message(broker.state.store, appended.log_offset + 1) is None


@pytest.mark.parametrize(
    ("text", "log_offset"),
    [
        ("7F00000100002A9F00000000000000FF", 255),
        ("20010DB80000000000000000000000010000" + "2A9F" + "0000000000000001", 1),
        ("7F00000100002A9F00000000000000F", None),
        ("7F00000100002A9F0000000000000 FF", None),
        ("7F00000100002A9F0000000000000GFF", None),
        ("", None),
    ],
)
def test_offset_ids(text: str, log_offset: int | None) -> None:
    assert log_offset_of(text) == log_offset


def test_hosts() -> None:
    assert packed("127.0.0.1:10911").hex() == "7f00000100002a9f"
    assert packed("::1:7").hex() == "00000000000000000000000000000001" + "00000007"


def test_a_record_cut_short_is_none(broker: LoneBroker) -> None:
    appended = broker.store("TopicA", 0, b"whole")
    assert find_message(broker.state.store, appended.log_offset, appended.size - 1) is None
