"""Requests by message: Java clients ask and reply, through the broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rig.clusters import Cluster
from rig.drivers import Driver, Refused
from rig.mqadmin import Mqadmin

pytestmark = pytest.mark.interop

TOPIC = "questions"
GROUP = "answering_group"
COUNT = 5


@pytest.fixture(scope="module", params=["java-5.5.0", "java-4.9.8"])
def driver(request: pytest.FixtureRequest, cluster: Cluster, mqadmin: Mqadmin) -> Iterator[Driver]:
    """Both who ask and who reply, in one process with several clients."""
    mqadmin("updateTopic", "-c", cluster.name, "-t", topic_of(request.param), "-r", "2", "-w", "2")
    cluster.wait_for_route(topic_of(request.param))
    driver = Driver(request.param, cluster.namesrv, cluster.home / "clients")
    yield driver
    driver.close()


def topic_of(client: str) -> str:
    """A topic for each client."""
    return f"{TOPIC}_{client.replace('.', '_')}"


def test_each_request_brings_its_reply(driver: Driver, cluster: Cluster) -> None:
    topic, group = topic_of(driver.client), f"{GROUP}_{driver.client.replace('.', '_')}"
    driver.ask("answer", topic=topic, group=group)
    answer = driver.ask("request", topic=topic, group="asking_group", body="ping", count=COUNT, timeout_s=120.0)
    assert [reply["body"] for reply in answer["replies"]] == [f"re: ping-{number}" for number in range(COUNT)]
    assert {reply["topic"] for reply in answer["replies"]} == {f"{cluster.name}_REPLY_TOPIC"}
    statuses = {line.get("status") for line in driver.handled(group)}
    assert statuses == {"SEND_OK"}


def test_nobody_replies(driver: Driver, mqadmin: Mqadmin, cluster: Cluster) -> None:
    topic = topic_of(driver.client) + "_unheard"
    mqadmin("updateTopic", "-c", cluster.name, "-t", topic, "-r", "1", "-w", "1")
    cluster.wait_for_route(topic)
    with pytest.raises(Refused, match=r"send request message to <.*> OK, but wait reply message timeout"):
        driver.ask("request", topic=topic, group="asking_in_vain", body="ping", timeout_ms=1_000)
