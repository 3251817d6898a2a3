"""Push consumers that the broker switches to POP: nothing of theirs is changed, and they share every queue."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from rig.clusters import Cluster
from rig.drivers import Fleet
from rig.mqadmin import Mqadmin
from rig.processes import Line, poll

pytestmark = pytest.mark.interop

TOPIC = "switched_topic"
GROUP = "switched_group"
QUEUES = 8
MEMBERS = ("first", "second")
LOST_SECONDS = 150.0
"""Whoever gives a queue back forgets what it has popped there: that stays hidden for a minute."""

AGAIN_SECONDS = 45.0
"""A message that failed is hidden for ten seconds more by the client, and then has to come to a member."""

_waves = itertools.count(1)


@pytest.fixture(scope="module")
def consumers(cluster: Cluster, mqadmin: Mqadmin) -> Iterator[Fleet]:
    """Two members that leave the sharing to the broker, which has been told that the group pops."""
    cluster.topic(TOPIC, QUEUES)
    cluster.group(GROUP)
    printed = mqadmin("setConsumeMode", "-b", cluster.broker, "-t", TOPIC, "-g", GROUP, "-m", "POP", "-q", "0")
    assert f"topic[{TOPIC}] group[{GROUP}] consume mode[POP] popShareQueueNum[0]" in printed
    fleet = Fleet("java-5.5.0", cluster)
    for number, name in enumerate(MEMBERS):
        fleet[number].ask("consume", name=name, topic=TOPIC, group=GROUP, balanced_by="broker", fail="failing")
    yield fleet
    fleet.close()


def send(consumers: Fleet, prefix: str, count: int) -> set[str]:
    answer = consumers[0].ask("send", topic=TOPIC, body=prefix, count=count, shards=QUEUES)
    assert answer["failed"] == []
    return {f"{prefix}-{i}" for i in range(count)}


def all_handled(consumers: Fleet, bodies: set[str]) -> list[Line]:
    return handled(consumers, lambda lines: bodies <= {line["body"] for line in lines})


def handled(consumers: Fleet, enough: Callable[[list[Line]], bool], timeout_s: float = LOST_SECONDS) -> list[Line]:
    places = [(consumers[number], name) for number, name in enumerate(MEMBERS)]
    return consumers.wait_for_handled("the messages are handled", places, enough, timeout_s)


def test_all_queues_belong_to_all_members_and_each_message_to_one(consumers: Fleet) -> None:
    owners: dict[int, set[str]] = {queue: set() for queue in range(QUEUES)}
    sent: set[str] = set()
    for _ in range(60):
        sent |= send(consumers, f"popped{next(_waves)}", QUEUES * 3)
        lines = all_handled(consumers, sent)
        for line in lines:
            owners[line["queue"]].add(line["consumer"])
        if all(len(names) == len(MEMBERS) for names in owners.values()):
            break
    assert all(names == set(MEMBERS) for names in owners.values()), owners
    assert sorted(line["body"] for line in lines) == sorted(sent)


def test_what_was_popped_is_consumed_for_the_tools(consumers: Fleet, mqadmin: Mqadmin, cluster: Cluster) -> None:
    sent = send(consumers, f"counted{next(_waves)}", QUEUES)
    all_handled(consumers, sent)
    stored = cluster.stored(TOPIC, QUEUES)
    poll("everything is acknowledged", lambda: cluster.consumed(GROUP, TOPIC, QUEUES) == stored or None, LOST_SECONDS)
    progress = mqadmin("consumerProgress", "-g", GROUP)
    assert any(line.startswith("Consume Diff Total: 0") for line in progress.splitlines()), progress


def test_a_message_that_fails_comes_again(consumers: Fleet) -> None:
    (body,) = send(consumers, f"failing{next(_waves)}", 1)
    lines = handled(consumers, lambda lines: [line["body"] for line in lines].count(body) == 2, AGAIN_SECONDS)
    first, again = sorted((line for line in lines if line["body"] == body), key=lambda line: line["began_us"])
    assert (first["reconsume_times"], again["reconsume_times"]) == (0, 1)
    assert again["began_us"] - first["began_us"] > 9_000_000


def test_switched_back_the_queues_are_divided_again(consumers: Fleet, mqadmin: Mqadmin, cluster: Cluster) -> None:
    mqadmin("setConsumeMode", "-b", cluster.broker, "-t", TOPIC, "-g", GROUP, "-m", "PULL", "-q", "0")
    halves = [set(range(QUEUES // 2)), set(range(QUEUES // 2, QUEUES))]
    for _ in range(60):
        sent = send(consumers, f"pulled{next(_waves)}", QUEUES * 3)
        lines = all_handled(consumers, sent)
        parts = [
            {line["queue"] for line in lines if line["body"] in sent and line["consumer"] == name} for name in MEMBERS
        ]
        if halves in (parts, parts[::-1]):
            break
    assert halves in (parts, parts[::-1])
