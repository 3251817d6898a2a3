"""Limits as Java's clients and ``mqadmin`` meet them: rates, and readers far behind."""

from __future__ import annotations

import json

import pytest
from rig.clusters import Cluster
from rig.drivers import Driver
from rig.mqadmin import Mqadmin

pytestmark = pytest.mark.interop

TOPIC = "limited_topic"
GROUP = "limited_group"
RATE = 4


@pytest.fixture(scope="module", autouse=True)
def only_pocketmq(make: str) -> None:
    """Java's broker has no rates."""
    if make != "pocketmq":
        pytest.skip("Java's broker has no rates")


def test_a_consumer_over_its_rate_gets_everything_later(driver: Driver, mqadmin: Mqadmin, cluster: Cluster) -> None:
    attributes = f"+pull.rate.limit={RATE}"
    mqadmin("updateTopic", "-b", cluster.broker, "-t", TOPIC, "-r", "1", "-w", "1", "-a", attributes)
    cluster.wait_for_route(TOPIC)
    sent = driver.ask("send", topic=TOPIC, body="slowly", count=40)
    assert sent["failed"] == []
    driver.ask("consume", name="limited", topic=TOPIC, group=GROUP)
    assert set(driver.wait_for_bodies("limited", 40, 60.0)) == {f"slowly-{number}" for number in range(40)}
    driver.ask("stop", name="limited")


def test_a_producer_over_its_rate_is_told_to_slow_down(driver: Driver, mqadmin: Mqadmin, cluster: Cluster) -> None:
    topic = f"{TOPIC}_sends"
    mqadmin("updateTopic", "-b", cluster.broker, "-t", topic, "-r", "1", "-w", "1", "-a", "+send.rate.limit=1")
    cluster.wait_for_route(topic)
    answer = driver.ask("send", topic=topic, body="patient", count=5)
    assert (len(answer["sent"]), answer["failed"]) == (5, []), "one after the other they only take longer"
    answer = driver.ask("send", topic=topic, body="hasty", count=20, mode="async")
    assert len(answer["sent"]) < 20
    assert {failure["code"] for failure in answer["failed"]} == {2}


def test_thresholds_of_readers_far_behind(mqadmin: Mqadmin, cluster: Cluster) -> None:
    where = ["-b", cluster.broker]
    printed = mqadmin("updateColdDataFlowCtrGroupConfig", *where, "-g", GROUP, "-v", "12345")
    assert f"updateColdDataFlowCtrGroupConfig success, {cluster.broker}" in printed
    assert table(mqadmin("getColdDataFlowCtrInfo", *where))["configTable"] == {GROUP: 12345}
    printed = mqadmin("removeColdDataFlowCtrGroupConfig", *where, "-g", GROUP)
    assert f"remove broker cold read threshold success, {cluster.broker}" in printed
    assert table(mqadmin("getColdDataFlowCtrInfo", *where))["configTable"] == {}


def table(printed: str) -> dict[str, object]:
    """What the command prints behind its title."""
    return json.loads(printed[printed.index("{") : printed.rindex("}") + 1])
