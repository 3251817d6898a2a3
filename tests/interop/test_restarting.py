"""A broker ended politely or by force, and started again on the same store and ports."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator

import pytest
from rig.clusters import Cluster, start_cluster
from rig.drivers import CLIENTS, Fleet
from rig.processes import poll

SIGNALS = [
    pytest.param(signal.SIGTERM, id="term"),
    pytest.param(signal.SIGKILL, id="kill"),
]


@pytest.fixture(scope="module")
def own_cluster(make: str) -> Iterator[Cluster]:
    """A cluster that these tests may end."""
    cluster = start_cluster(make)
    yield cluster
    cluster.close()


@pytest.fixture(scope="module", params=CLIENTS)
def own_fleet(request: pytest.FixtureRequest, own_cluster: Cluster) -> Iterator[Fleet]:
    """Processes with each official client in turn."""
    fleet = Fleet(request.param, own_cluster)
    yield fleet
    fleet.close()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_group_goes_on_exactly_where_it_was(own_fleet: Fleet, own_cluster: Cluster, number: signal.Signals) -> None:
    driver = own_fleet[0]
    topic = own_cluster.topic(f"resume_{number.name}_{own_fleet.label}")
    group = own_cluster.group(f"resuming_{number.name}_{own_fleet.label}")
    request = {"topic": topic, "group": group}
    before, after = f"before-{number.name}", f"after-{number.name}"
    driver.ask("send", topic=topic, body="early", count=40)
    driver.ask("consume", name=before, **request)
    lines = own_fleet.wait_for_handled("early messages", [(driver, before)], lambda lines: len(lines) >= 40)
    assert Counter(line["body"] for line in lines) == Counter(f"early-{i}" for i in range(40))
    if own_fleet.client.startswith("go"):
        # It closes its connection with the broker's answers unread, which may discard the offsets it sent last.
        poll("the group's offsets at the broker", lambda: own_cluster.consumed(group, topic) == 40 or None)
    driver.ask("stop", name=before)
    poll("the group's offsets at the broker", lambda: own_cluster.consumed(group, topic) == 40 or None)
    if number is signal.SIGKILL:
        poll("the group's offsets on disk", lambda: own_cluster.consumed_on_disk(group, topic) == 40 or None)

    own_cluster.restart_broker(number)
    assert own_cluster.consumed(group, topic) == 40
    driver.ask("send", topic=topic, body="late", count=40, until_acknowledged=1)
    driver.ask("consume", name=after, **request)
    lines = own_fleet.wait_for_handled(
        "late messages", [(driver, after)], lambda lines: {f"late-{i}" for i in range(40)} <= {x["body"] for x in lines}
    )
    driver.ask("stop", name=after)
    assert Counter(line["body"] for line in lines) == Counter(f"late-{i}" for i in range(40))


def test_no_acknowledged_message_is_lost_when_the_broker_is_killed(own_fleet: Fleet, own_cluster: Cluster) -> None:
    topic = own_cluster.topic(f"killed_{own_fleet.label}")
    group = own_cluster.group(f"surviving_{own_fleet.label}")
    own_fleet[0].ask("consume", name="survivor", topic=topic, group=group)
    request = {"topic": topic, "body": "acknowledged", "count": 300, "pace_ms": 5, "until_acknowledged": 1}
    sending = own_fleet[0].begin("send", **request)
    members = [(own_fleet[0], "survivor")]
    own_fleet.wait_for_handled("the first messages", members, lambda lines: len(lines) >= 50)
    own_cluster.restart_broker(signal.SIGKILL)
    answer = own_fleet[0].answer(sending, 90.0)
    assert answer["failed"] == []
    acknowledged = {sent["body"] for sent in answer["sent"]}
    assert len(acknowledged) == 300
    own_fleet.wait_for_handled(
        "every acknowledged message", members, lambda lines: acknowledged <= {line["body"] for line in lines}, 90.0
    )
    own_fleet[0].ask("stop", name="survivor")
