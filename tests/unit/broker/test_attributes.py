"""The language that changes attributes."""

import pytest

from pocketmq.broker.attributes import GROUP_ATTRIBUTES, TOPIC_ATTRIBUTES, apply_changes, parse_changes
from pocketmq.model.errors import Refusal


def test_changes_are_applied_in_any_order() -> None:
    changes = parse_changes("+message.type=FIFO,-reserve.time")
    assert changes == {"+message.type": "FIFO", "-reserve.time": ""}
    assert apply_changes(TOPIC_ATTRIBUTES, {"reserve.time": "1"}, changes) == {"message.type": "FIFO"}
    assert parse_changes(None) == parse_changes("") == {}


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("message.type=FIFO", "add/alter attribute format is wrong: message.type"),
        ("+message.type=", "add/alter attribute format is wrong: +message.type"),
        ("message", "delete attribute format is wrong: message"),
        ("+a=1,+a=2", "key duplication: +a"),
    ],
)
def test_a_sentence_that_is_none(text: str, remark: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_changes(text)
    assert (caught.value.code, caught.value.remark) == (1, remark)


@pytest.mark.parametrize(
    ("current", "changes", "remark"),
    [
        (None, {"-message.type": ""}, "only add attribute is supported while creating topic. key: message.type"),
        ({}, {"-message.type": ""}, "attempt to delete a nonexistent key: message.type"),
        ({}, {"+no.such": "1"}, "unsupported key: no.such"),
        (
            {"queue.type": "SimpleCQ"},
            {"+queue.type": "BatchCQ"},
            "attempt to update an unchangeable attribute. key: queue.type",
        ),
        ({}, {"+reserve.time": "-2"}, f"value is not in range(-1, {2**63 - 1})"),
        ({}, {"+reserve.time": "soon"}, 'For input string: "soon"'),
        ({}, {"message.type": "FIFO"}, "wrong format key: essage.type"),
        ({}, {"+": "1"}, "kv string format wrong."),
        ({}, {"++a": "1"}, "kv string format wrong."),
        ({}, {"+reserve.time": "1", "-reserve.time": ""}, "alter duplication key. key: reserve.time"),
    ],
)
def test_a_change_that_is_refused(current: dict[str, str] | None, changes: dict[str, str], remark: str) -> None:
    with pytest.raises(Refusal) as caught:
        apply_changes(TOPIC_ATTRIBUTES, current, changes)
    assert caught.value.remark == remark


def test_fixed_attributes_can_be_given_at_birth() -> None:
    assert apply_changes(TOPIC_ATTRIBUTES, None, {"+queue.type": "BatchCQ"}) == {"queue.type": "BatchCQ"}
    assert apply_changes(GROUP_ATTRIBUTES, None, {"+lite.bind.topic": "x"}) == {"lite.bind.topic": "x"}
