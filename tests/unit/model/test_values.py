"""Topics, groups, subscriptions, messages, permissions and delays as values."""

import dataclasses

import msgspec
import pytest

from pocketmq.model import permissions, properties
from pocketmq.model.delays import parse_delay_levels
from pocketmq.model.group import (
    RETRY_DELAYS_MS_DEFAULT,
    CustomizedRetryPolicy,
    ExponentialRetryPolicy,
    GroupRetryPolicy,
    RetryPolicyType,
)
from pocketmq.model.java import java_long_hash, java_split
from pocketmq.model.message import Message, StoredMessage
from pocketmq.model.subscription import SubscriptionData, is_tag_type, subscription, tag_subscription
from pocketmq.model.topic import TopicConfig, TopicMessageType, message_type_of


@pytest.mark.parametrize(("perm", "text"), [(0, "---"), (4, "R--"), (2, "-W-"), (6, "RW-"), (7, "RWX"), (1, "--X")])
def test_permissions_have_three_letters(perm: int, text: str) -> None:
    assert permissions.perm_text(perm) == text
    assert permissions.is_readable(perm) == ("R" in text)
    assert permissions.is_writeable(perm) == ("W" in text)
    assert permissions.is_inherited(perm) == ("X" in text)


def test_the_priority_bit_cannot_be_asked_for() -> None:
    assert [perm for perm in range(-1, 10) if permissions.is_valid_perm(perm)] == list(range(8))


def test_a_topics_declared_type_is_read() -> None:
    assert TopicConfig("T").message_type is TopicMessageType.NORMAL
    assert TopicConfig("T", attributes={"message.type": "FIFO"}).message_type is TopicMessageType.FIFO
    assert TopicConfig("T", attributes={"message.type": "?"}).message_type is TopicMessageType.UNSPECIFIED


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ({}, "NORMAL"),
        ({properties.TRANSACTION_PREPARED: "TRUE", properties.DELAY: "1"}, "TRANSACTION"),
        ({properties.TRANSACTION_PREPARED: "no", properties.DELAY: "1"}, "DELAY"),
        ({properties.TIMER_DELIVER_MS: "1", properties.SHARDING_KEY: "k"}, "DELAY"),
        ({properties.TIMER_DELAY_SEC: "1"}, "DELAY"),
        ({properties.TIMER_DELAY_MS: "1"}, "DELAY"),
        ({properties.SHARDING_KEY: "k", properties.PRIORITY: "1"}, "FIFO"),
        ({properties.PRIORITY: "1", properties.LITE_TOPIC: "l"}, "PRIORITY"),
        ({properties.LITE_TOPIC: "l"}, "LITE"),
    ],
)
def test_properties_make_a_messages_type(names: dict[str, str], kind: str) -> None:
    assert message_type_of(names) is TopicMessageType(kind)


def test_a_tag_expression_keeps_its_order_and_each_tag_once() -> None:
    found = tag_subscription("T", " TagB ||TagA|| ||TagB", version=5)
    assert found == SubscriptionData("T", " TagB ||TagA|| ||TagB", ("TagB", "TagA"), (2598920, 2598919), 5)


@pytest.mark.parametrize("expression", ["", "*", None])
def test_nothing_and_a_star_mean_every_tag(expression: str | None) -> None:
    assert subscription("T", expression, "TAG") == SubscriptionData("T", "*")


def test_bars_alone_are_no_expression() -> None:
    with pytest.raises(ValueError, match="subString split error"):
        tag_subscription("T", "||||")


def test_sql_is_kept_as_it_is() -> None:
    assert subscription("T", "a > 5", "SQL92") == SubscriptionData("T", "a > 5", expression_type="SQL92")
    with pytest.raises(ValueError, match="Expression can't be null! SQL92"):
        subscription("T", "", "SQL92")


def test_no_type_means_tags() -> None:
    assert all(map(is_tag_type, (None, "", "TAG")))
    assert not is_tag_type("SQL92")


def test_a_group_without_its_policy_waits_as_by_default() -> None:
    exponential = ExponentialRetryPolicy(1, 10, 2)
    assert GroupRetryPolicy(RetryPolicyType.EXPONENTIAL).policy == CustomizedRetryPolicy()
    assert GroupRetryPolicy(RetryPolicyType.EXPONENTIAL, exponential).policy is exponential
    assert GroupRetryPolicy(customized_retry_policy=CustomizedRetryPolicy((7,))).policy.next_delay_ms(0) == 7


def test_an_empty_policy_waits_as_by_default() -> None:
    assert CustomizedRetryPolicy(()).next_delay_ms(0) == RETRY_DELAYS_MS_DEFAULT[2]


def test_growth_has_a_bound() -> None:
    assert ExponentialRetryPolicy(1, 2**62, 2).next_delay_ms(1000) == 2**32


def test_messages_know_their_well_known_properties() -> None:
    known = {"TAGS": "t", "KEYS": "k1 k2", "UNIQ_KEY": "u"}
    for message in (Message("T", b"", known), StoredMessage(topic="T", body=b"", properties=known)):
        assert (message.tags, message.keys, message.unique_key) == ("t", "k1 k2", "u")
    for bare in (Message("T", b""), StoredMessage(topic="T", body=b"")):
        assert (bare.tags, bare.keys, bare.unique_key) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "waits"), [(None, True), ("true", True), ("TRUE", True), ("false", False), ("", False)]
)
def test_a_message_waits_unless_it_says_otherwise(text: str | None, waits: bool) -> None:
    assert Message("T", b"", {} if text is None else {"WAIT": text}).waits_for_store is waits


def test_values_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Message("T", b"").topic = "U"  # type: ignore[misc]
    stored = StoredMessage(topic="T", body=b"")
    with pytest.raises(AttributeError):
        stored.topic = "U"  # type: ignore[misc]
    assert msgspec.structs.replace(stored, topic="U").topic == "U"


def test_delay_levels_may_be_negative_as_in_java() -> None:
    assert parse_delay_levels("-1s 1m") == {1: -1000, 2: 60_000}
    assert parse_delay_levels("1s x 1m") == {1: 1000}


def test_java_arithmetic() -> None:
    assert java_long_hash(123456789012) == -1097262584
    assert java_split("a,b,,", ",") == ["a", "b"]
    assert java_split(",", ",") == []
    assert java_split("", ",") == [""]
