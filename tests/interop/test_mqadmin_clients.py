"""What ``mqadmin`` 5.5.0 and the broker ask of running consumers, and groups by the file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rig import remoting
from rig.clusters import Cluster
from rig.drivers import Driver
from rig.mqadmin import Mqadmin, setting
from rig.processes import poll

pytestmark = pytest.mark.interop

GET_CONSUMER_STATUS = 223
QUEUES = 2
COUNT = 6


def consumed(cluster: Cluster, driver: Driver, name: str) -> list[dict]:
    """Have a consumer of that name work on all messages of a topic of that name, and the broker know."""
    cluster.topic(name, QUEUES)
    cluster.group(name)
    sent = driver.ask("send", topic=name, body=name, count=COUNT, shards=QUEUES)["sent"]
    driver.ask("consume", name=name, topic=name, group=name)
    driver.wait_for_bodies(name, COUNT)
    poll("the group's offsets", lambda: cluster.consumed(name, name, QUEUES) == COUNT or None)
    return sent


def client_of(mqadmin: Mqadmin, group: str) -> str:
    """The id of the group's only consumer."""
    (client,) = re.findall(rf"\S+@{group}\b", mqadmin("consumerConnection", "-g", group))
    return client


def test_a_consumer_is_told_to_go_back_where_the_broker_does_not_move_groups(
    mqadmin: Mqadmin, cluster: Cluster, driver: Driver
) -> None:
    name = "clients_told"
    consumed(cluster, driver, name)
    switch = ["updateBrokerConfig", "-b", cluster.broker, "-k", "useServerSideResetOffset", "-v"]
    mqadmin(*switch, "false")
    try:
        printed = mqadmin("resetOffsetByTime", "-g", name, "-t", name, "-s", "0")
    finally:
        mqadmin(*switch, "true")
    rows = [line.split() for line in printed.splitlines() if line.startswith(cluster.broker_name)]
    assert sorted(rows) == [[cluster.broker_name, str(queue), "0"] for queue in range(QUEUES)]
    # The client stops the queues, waits 10 s, and takes them up again where it was told to.
    again = driver.wait_for_bodies(name, 12, 90.0)
    assert sorted(again[COUNT:]) == sorted(again[:COUNT])
    driver.ask("stop", name=name)


def test_a_consumer_tells_its_offsets(mqadmin: Mqadmin, cluster: Cluster, driver: Driver) -> None:
    name = "clients_offsets"
    consumed(cluster, driver, name)
    client = client_of(mqadmin, name)
    for asked in ({}, {"clientAddr": client}):
        answer = remoting.ask(cluster.broker, GET_CONSUMER_STATUS, {"topic": name, "group": name, **asked})
        assert answer.code == 0
        text = answer.body.decode()
        assert f'"consumerTable":{{"{client}":{{' in text
        told = re.findall(r'"queueId":(\d+),"topic":"clients_offsets"\}:(\d+)', text)
        assert sorted(told) == [(str(queue), str(COUNT // QUEUES)) for queue in range(QUEUES)]
    driver.ask("stop", name=name)
    nobody = remoting.ask(cluster.broker, GET_CONSUMER_STATUS, {"topic": name, "group": name})
    assert nobody.code == 1


def test_a_message_is_worked_on_directly(
    mqadmin: Mqadmin, fresh: Callable[..., str], cluster: Cluster, driver: Driver
) -> None:
    name = "clients_directly"
    sent = consumed(cluster, driver, name)
    client = client_of(mqadmin, name)
    place = ["-t", name, "-g", name, "-d", client]
    printed = fresh("queryMsgById", *place, "-i", sent[2]["offset_msg_id"])
    assert "consumeResult=CR_SUCCESS" in printed
    assert driver.wait_for_bodies(name, COUNT + 1)[COUNT:] == [f"{name}-2"]
    printed = fresh("queryMsgByUniqueKey", *place, "-i", sent[3]["msg_id"])
    assert "consumeResult=CR_SUCCESS" in printed
    assert driver.wait_for_bodies(name, COUNT + 2)[COUNT + 1 :] == [f"{name}-3"]
    driver.ask("stop", name=name)


def test_progress_names_the_client_of_each_queue(mqadmin: Mqadmin, cluster: Cluster, driver: Driver) -> None:
    name = "clients_queues"
    consumed(cluster, driver, name)
    address = client_of(mqadmin, name).partition("@")[0]
    printed = mqadmin("consumerProgress", "-g", name, "-s", "true")
    rows = [line.split()[:8] for line in printed.splitlines() if line.startswith(name)]
    assert rows == [[name, cluster.broker_name, str(queue), "3", "3", address, "0", "0"] for queue in range(QUEUES)]
    driver.ask("stop", name=name)


def test_queues_are_shared_among_addresses(mqadmin: Mqadmin, cluster: Cluster) -> None:
    topic = cluster.topic("clients_allocated", 4)
    shared = json.loads(mqadmin("allocateMQ", "-t", topic, "-i", "10.0.0.1,10.0.0.2"))["result"]
    # The tool does not sort the queues before it shares them, as consumers do.
    assert {address: len(queues) for address, queues in shared.items()} == {"10.0.0.1": 2, "10.0.0.2": 2}
    assert sorted(queue["queueId"] for queues in shared.values() for queue in queues) == [0, 1, 2, 3]


def test_groups_come_from_a_file_and_go_into_one(mqadmin: Mqadmin, cluster: Cluster, tmp_path: Path) -> None:
    listed = tmp_path / "groups.json"
    names = ["clients_file_a", "clients_file_b"]
    listed.write_text(json.dumps([{"groupName": name, "retryMaxTimes": 7} for name in names]))
    printed = mqadmin("updateSubGroupList", "-b", cluster.broker, "-f", str(listed))
    assert f"submit batch of group config to {cluster.broker} success" in printed
    for name in names:
        assert setting(mqadmin("getConsumerConfig", "-g", name), "retryMaxTimes") == "7"
    mqadmin("exportMetadata", "-b", cluster.broker, "-g", "-f", str(tmp_path))
    exported = json.loads((tmp_path / "subscriptionGroup.json").read_text())
    assert {exported["subscriptionGroupTable"][name]["retryMaxTimes"] for name in names} == {7}
