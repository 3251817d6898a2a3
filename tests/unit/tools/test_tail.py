"""`pocketmq tail`: who it is to the broker. What it prints is in test_printing, that it does in the system tests."""

import pytest

from pocketmq.model.limits import GROUP_CHARS_MAX
from pocketmq.model.names import client_group_fault
from pocketmq.node import cli
from pocketmq.tools.tail import onlooker_group


def test_onlookers_of_the_same_share_a_group_and_others_do_not() -> None:
    assert onlooker_group("Orders", "*") == "tail-Orders"
    assert onlooker_group("Orders", "A || B") == onlooker_group("Orders", "A || B")
    groups = {onlooker_group(topic, tag) for topic in ("Orders", "Orders2") for tag in ("*", "A", "B")}
    assert len(groups) == 6


@pytest.mark.parametrize("topic", ["Orders", "a-b_c", "%RETRY%g", "T" * 100, "T" * 101, "T" * 255])
@pytest.mark.parametrize("tag", ["*", "A || é"])
def test_its_name_is_one_that_brokers_accept(topic: str, tag: str) -> None:
    group = onlooker_group(topic, tag)
    assert client_group_fault(group) is None
    assert len(group) <= GROUP_CHARS_MAX


def test_long_topics_do_not_share_a_group() -> None:
    assert onlooker_group("T" * 101, "*") != onlooker_group("T" * 102, "*")


def test_its_flags() -> None:
    words = ["tail", "Orders", "--group", "g", "--from", "first", "--tag", "A", "--count", "2", "--json"]
    arguments = cli.build_parser().parse_args([*words, "--namesrv", "a:1"])
    assert (arguments.topic, arguments.group, arguments.start_at, arguments.tag) == ("Orders", "g", "first", "A")
    assert (arguments.count, arguments.json, arguments.namesrv) == (2, True, "a:1")
    with pytest.raises(SystemExit):
        cli.build_parser().parse_args(["tail", "Orders", "--from", "middle"])
