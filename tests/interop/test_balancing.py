"""Consumers whose queues the broker shares out (``setClientRebalance(false)``), and ``mqadmin setConsumeMode``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from rig.clusters import Cluster
from rig.drivers import Fleet
from rig.mqadmin import Mqadmin

pytestmark = pytest.mark.interop

TOPIC = "balanced_topic"
GROUP = "balanced_group"
QUEUES = 8

_waves = itertools.count(1)


@pytest.fixture(scope="module")
def consumers(cluster: Cluster) -> Iterator[Fleet]:
    """Processes with the 5.x client, which alone can leave the sharing to the broker."""
    cluster.topic(TOPIC, QUEUES)
    cluster.group(GROUP)
    fleet = Fleet("java-5.5.0", cluster)
    yield fleet
    fleet.close()


def wave(consumers: Fleet) -> set[str]:
    """Send to every queue; return the bodies."""
    prefix, count = f"balanced{next(_waves)}", QUEUES * 3
    answer = consumers[0].ask("send", topic=TOPIC, body=prefix, count=count, shards=QUEUES)
    assert answer["failed"] == []
    return {f"{prefix}-{i}" for i in range(count)}


def handled_by(consumers: Fleet, bodies: set[str], members: list[str]) -> list[list[dict]]:
    """Each member's handlings of these messages, once all were handled."""
    places = [(consumers[number], name) for number, name in enumerate(members)]
    consumers.wait_for_handled(
        f"{len(bodies)} messages handled", places, lambda lines: bodies <= {line["body"] for line in lines}, 60.0
    )
    return [[line for line in driver.handled(name) if line["body"] in bodies] for driver, name in places]


def test_the_broker_shares_the_queues_out(consumers: Fleet) -> None:
    request = {"topic": TOPIC, "group": GROUP, "balanced_by": "broker"}
    consumers[0].ask("consume", name="first", **request)
    (lines,) = handled_by(consumers, wave(consumers), ["first"])
    assert {line["queue"] for line in lines} == set(range(QUEUES))
    consumers[1].ask("consume", name="second", **request)
    for _ in range(60):
        parts = handled_by(consumers, wave(consumers), ["first", "second"])
        queues = [{line["queue"] for line in lines} for lines in parts]
        if len(queues[0]) == len(queues[1]) == QUEUES // 2:
            break
    assert sorted(queues, key=min) == [set(range(QUEUES // 2)), set(range(QUEUES // 2, QUEUES))]
    consumers[1].ask("stop", name="second")
    assert len(handled_by(consumers, wave(consumers), ["first"])[0]) == QUEUES * 3


def test_set_consume_mode(mqadmin: Mqadmin, cluster: Cluster, consumers: Fleet) -> None:
    del consumers
    where = ["-b", cluster.broker, "-t", TOPIC, "-g", GROUP]
    printed = mqadmin("setConsumeMode", *where, "-m", "PULL", "-q", "0")
    assert f"set consume mode to {cluster.broker} success." in printed
    assert f"topic[{TOPIC}] group[{GROUP}] consume mode[PULL] popShareQueueNum[0]" in printed
    refused = mqadmin(
        "setConsumeMode", "-b", cluster.broker, "-t", "no_such_topic", "-g", GROUP, "-m", "POP", "-q", "1"
    )
    assert "topic[no_such_topic] not exist" in refused
