"""Names of topics and groups: what clients are told, what is reserved, and names made from names."""

import pytest

from pocketmq.model import names, namespaces, pop_names
from pocketmq.model.limits import GROUP_CHARS_MAX, RETRY_OR_DLQ_TOPIC_CHARS_MAX, TOPIC_CHARS_MAX


@pytest.mark.parametrize(
    ("topic", "fault"),
    [
        ("TopicTest", None),
        ("t" * TOPIC_CHARS_MAX, None),
        (" ", "The specified topic is blank"),
        ("t" * (TOPIC_CHARS_MAX + 1), "The specified topic is longer than topic max length 127."),
        ("a b", "The specified topic[a b] contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"),
    ],
)
def test_clients_hear_why_a_topic_is_illegal(topic: str, fault: str | None) -> None:
    assert names.client_topic_fault(topic) == fault


@pytest.mark.parametrize(
    ("group", "fault"),
    [
        ("CG_a", None),
        ("g" * GROUP_CHARS_MAX, None),
        ("", "the specified group is blank"),
        ("g" * 121, f"the specified group[{'g' * 121}] is longer than group max length: 120."),
        ("a.b", "the specified group[a.b] contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"),
    ],
)
def test_clients_hear_why_a_group_is_illegal(group: str, fault: str | None) -> None:
    assert names.client_group_fault(group) == fault


@pytest.mark.parametrize("prefix", [names.RETRY_PREFIX, names.DLQ_PREFIX])
def test_retry_and_dead_letter_topics_may_be_longer(prefix: str) -> None:
    longest = prefix + "g" * (RETRY_OR_DLQ_TOPIC_CHARS_MAX - len(prefix))
    assert names.topic_fault(longest) is None
    assert names.topic_fault(longest + "g") == (
        f"The specified topic is DLQ or Retry topic: {longest}g, and it's longer than topic max length: 255"
    )


def test_a_brokers_own_names_are_system_topics_too() -> None:
    assert names.is_system_topic("broker-a", {"broker-a"})
    assert not names.is_system_topic("broker-a")
    assert names.is_system_topic("rmq_sys_REVIVE_LOG_DefaultCluster")


def test_groups_of_rocketmq_itself_are_known() -> None:
    assert names.is_system_group("CID_RMQ_SYS_TRANS")
    assert not names.is_system_group("TOOLS_CONSUMER")
    assert "TOOLS_CONSUMER" in names.PREDEFINED_GROUPS


def test_names_are_made_from_names() -> None:
    assert names.retry_topic("CG") == "%RETRY%CG"
    assert names.dlq_topic("CG") == "%DLQ%CG"
    assert names.reply_topic("DefaultCluster") == "DefaultCluster_REPLY_TOPIC"
    assert names.revive_topic("DefaultCluster") == "rmq_sys_REVIVE_LOG_DefaultCluster"
    assert namespaces.retry_topic_in("ns", "CG") == "%RETRY%ns%CG"


def test_names_tell_what_they_are() -> None:
    assert names.is_retry_topic("%RETRY%CG")
    assert names.is_dlq_topic("%DLQ%CG")
    assert names.is_lmq("%LMQ%x")
    for is_one in (names.is_retry_topic, names.is_dlq_topic, names.is_lmq):
        assert not is_one(None)
        assert not is_one("TopicTest")


def test_the_group_behind_a_retry_topic_is_found() -> None:
    assert namespaces.without_retry_and_dlq("%RETRY%CG") == "CG"
    assert namespaces.without_retry_and_dlq("%DLQ%CG") == "CG"
    assert namespaces.without_retry_and_dlq("CG") == "CG"


def test_another_namespace_stays() -> None:
    assert namespaces.unwrap_this_namespace("ns%T", "other") == "ns%T"
    assert namespaces.unwrap_this_namespace("ns%T", None) == "ns%T"
    assert namespaces.unwrap_namespace("%T") == "%T"
    assert namespaces.namespace_of("") == namespaces.namespace_of("TBW102") == ""
    assert not namespaces.is_in_namespace("ns%T", None)


def test_a_retry_topic_with_two_separators_keeps_its_text() -> None:
    assert pop_names.normal_topic_of_v2("%RETRY%g+a+b") == "%RETRY%g+a+b"
    assert pop_names.group_of_retry_topic("%RETRY%g+a+b") == "g+a+b"
