"""Push consumers that filter by SQL92: what is delivered, and what a client is told where nothing can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from rig.clusters import Cluster, start_cluster
from rig.drivers import CLIENTS, Fleet, Refused

QUEUES = 4
SUBSCRIPTION_PARSE_FAILED = 23
SYSTEM_ERROR = 1


@pytest.fixture(scope="module")
def own_cluster(make: str) -> Iterator[Cluster]:
    """A cluster that filters by SQL92."""
    cluster = start_cluster(make, enablePropertyFilter="true")
    yield cluster
    cluster.close()


@pytest.fixture(scope="module", params=CLIENTS[:2])
def own_fleet(request: pytest.FixtureRequest, own_cluster: Cluster) -> Iterator[Fleet]:
    """Processes with each Java client in turn."""
    fleet = Fleet(request.param, own_cluster)
    yield fleet
    fleet.close()


def test_only_messages_of_which_the_expression_is_true_are_delivered(own_fleet: Fleet, own_cluster: Cluster) -> None:
    driver = own_fleet[0]
    topic = own_cluster.topic(f"sql_{own_fleet.label}", QUEUES)
    group = own_cluster.group(f"sql_group_{own_fleet.label}")
    driver.ask("send", topic=topic, body="early", count=100, tags="A,B", numbered="number")
    expression = "number BETWEEN 10 AND 59 AND TAGS IN ('A') AND missing IS NULL"
    driver.ask("consume", name="sql", topic=topic, group=group, sql=expression)
    early = {f"early-{i}" for i in range(10, 60, 2)}
    own_fleet.wait_for_handled("early messages", [(driver, "sql")], lambda lines: len(lines) >= len(early))
    # These find pulls that wait.
    driver.ask("send", topic=topic, body="late", count=100, tags="A,B", numbered="number", pace_ms=5)
    driver.ask("send", topic=topic, body="unnumbered", count=8, tags="A")
    driver.ask("send", topic=topic, body="end", count=60, tags="A", numbered="number")
    wanted = early | {f"late-{i}" for i in range(10, 60, 2)} | {f"end-{i}" for i in range(10, 60)}
    lines = own_fleet.wait_for_handled("all", [(driver, "sql")], lambda lines: len(lines) >= len(wanted))
    driver.ask("stop", name="sql")
    assert Counter(line["body"] for line in lines) == Counter(wanted)


def test_an_expression_that_says_nothing_is_refused_when_the_consumer_starts(
    own_fleet: Fleet, own_cluster: Cluster
) -> None:
    topic = own_cluster.topic(f"bad_sql_{own_fleet.label}", QUEUES)
    group = own_cluster.group(f"bad_sql_group_{own_fleet.label}")
    with pytest.raises(Refused, match="line 1, column 10") as refused:
        own_fleet[0].ask("consume", name="bad", topic=topic, group=group, sql="number > > 5")
    assert refused.value.code == SUBSCRIPTION_PARSE_FAILED


def test_where_the_broker_has_it_off_a_consumer_is_told_so(fleet: Fleet, cluster: Cluster) -> None:
    if not fleet.client.startswith("java"):
        pytest.skip("the drivers of the other clients subscribe by tags alone")
    topic = cluster.topic(f"no_sql_{fleet.label}", QUEUES)
    group = cluster.group(f"no_sql_group_{fleet.label}")
    with pytest.raises(Refused, match="does not support consumer to filter message by SQL92") as refused:
        fleet[0].ask("consume", name="refused", topic=topic, group=group, sql="number > 5")
    assert refused.value.code == SYSTEM_ERROR


def test_by_bit_maps_the_same_messages_are_delivered(make: str) -> None:
    mapped = {"enableConsumeQueueExt": "true", "enableCalcFilterBitMap": "true"}
    cluster = start_cluster(make, enablePropertyFilter="true", **mapped)
    fleet = Fleet("java-5.5.0", cluster)
    try:
        driver = fleet[0]
        topic, group = cluster.topic("mapped", QUEUES), cluster.group("mapped_group")
        driver.ask("send", topic=topic, body="early", count=40, numbered="number")
        driver.ask("consume", name="mapped", topic=topic, group=group, sql="number BETWEEN 10 AND 19")
        early = {f"early-{i}" for i in range(10, 20)}
        fleet.wait_for_handled("early messages", [(driver, "mapped")], lambda lines: len(lines) >= len(early))
        driver.ask("send", topic=topic, body="late", count=400, numbered="number")
        driver.ask("send", topic=topic, body="end", count=20, numbered="number")
        wanted = early | {f"{word}-{i}" for word in ("late", "end") for i in range(10, 20)}
        lines = fleet.wait_for_handled("all", [(driver, "mapped")], lambda lines: len(lines) >= len(wanted))
        driver.ask("stop", name="mapped")
        assert Counter(line["body"] for line in lines) == Counter(wanted)
    finally:
        fleet.close()
        cluster.close()
