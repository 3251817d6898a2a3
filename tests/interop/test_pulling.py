"""Pull consumers: every queue read to its end, offsets stored and gone on from."""

from __future__ import annotations

import pytest
from rig.clusters import Cluster
from rig.drivers import Fleet


def test_pull_consumer_reads_every_queue_to_its_end(fleet: Fleet, cluster: Cluster) -> None:
    topic = cluster.topic(f"pull_{fleet.label}", queues=4)
    group = cluster.group(f"puller_{fleet.label}")
    fleet[0].ask("send", topic=topic, body="early", count=100)
    request = {"topic": topic, "group": group, **cluster.filled(topic)}
    first = fleet[0].ask("pull", **request)
    assert sorted(message["body"] for message in first["messages"]) == sorted(f"early-{i}" for i in range(100))
    assert sum(queue["max"] for queue in first["queues"]) == 100
    for queue in first["queues"]:
        assert queue["min"] == 0
        assert queue["offset"] == queue["max"]
    if not fleet.client.startswith("java"):
        return  # The C++ one stores no offsets, Go's only those of queues that a rebalance may have given it by then.
    fleet[0].ask("send", topic=topic, body="late", count=20)
    second = fleet[0].ask("pull", **request)
    assert sorted(message["body"] for message in second["messages"]) == sorted(f"late-{i}" for i in range(20))
    assert sorted(queue["stored"] for queue in second["queues"]) == sorted(queue["max"] for queue in first["queues"])
    for queue in second["queues"]:
        assert queue["beyond"] == "OFFSET_ILLEGAL"
        assert queue["beyond_next"] == queue["max"]
        assert queue["at_time_0"] == 0


def test_pull_with_tags_skips_what_does_not_match(fleet: Fleet, cluster: Cluster) -> None:
    topic = cluster.topic(f"pull_tags_{fleet.label}", queues=2)
    fleet[0].ask("send", topic=topic, body="tagged", count=90, tags="A,B,C")
    assert cluster.stored(topic) == 90
    request = {"topic": topic, "group": f"tag_puller_{fleet.label}", **cluster.filled(topic)}
    answer = fleet[0].ask("pull", tags="B", **request)
    assert sorted(message["body"] for message in answer["messages"]) == sorted(f"tagged-{i}" for i in range(1, 90, 3))
    assert sum(queue["offset"] for queue in answer["queues"]) == 90


def test_lite_pull_goes_on_from_what_was_committed(fleet: Fleet, cluster: Cluster) -> None:
    if fleet.client == "cpp":
        pytest.skip("the C++ client has no polling pull consumer")
    topic = cluster.topic(f"lite_{fleet.label}", queues=4)
    group = cluster.group(f"lite_puller_{fleet.label}")
    fleet[0].ask("send", topic=topic, body="early", count=40)
    first = fleet[0].ask("lite_pull", topic=topic, group=group, count=40)
    assert sorted(message["body"] for message in first["messages"]) == sorted(f"early-{i}" for i in range(40))
    fleet[0].ask("send", topic=topic, body="late", count=12)
    second = fleet[0].ask("lite_pull", topic=topic, group=group, count=12)
    assert sorted(message["body"] for message in second["messages"]) == sorted(f"late-{i}" for i in range(12))
