"""Apache's ``mqadmin`` 5.5.0 on consumption: moving groups, their configuration, and what a queue holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from rig.clusters import Cluster
from rig.drivers import CLIENTS, Driver, Refused
from rig.mqadmin import Mqadmin, refusal, setting
from rig.processes import poll

pytestmark = pytest.mark.interop

QUEUES = 2


def filled(cluster: Cluster, driver: Driver, topic: str, count: int, **request: object) -> str:
    """Make a topic of two queues with ``count`` messages, ``TOPIC-0`` and so on."""
    cluster.topic(topic, QUEUES)
    driver.ask("send", topic=topic, body=topic, count=count, shards=QUEUES, **request)
    return topic


def consuming(driver: Driver, name: str, group: str, topic: str, tags: str = "*", mode: str = "concurrent") -> None:
    driver.ask("consume", name=name, topic=topic, group=group, tags=tags, mode=mode)


def offsets(printed: str, cluster: Cluster) -> dict[int, int]:
    """Read the table of queues and new offsets that the commands which move a group print."""
    rows = [line.split() for line in printed.splitlines() if line.startswith(cluster.broker_name)]
    return {int(queue): int(offset) for _, queue, offset in rows}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_live_consumer_is_sent_back_to_the_start(mqadmin: Mqadmin, cluster: Cluster, client: str) -> None:
    driver = Driver(client, cluster.namesrv, cluster.home / "clients")
    name = f"groups_live_{client.replace('.', '_')}"
    topic, group = filled(cluster, driver, name, 6), cluster.group(name)
    consuming(driver, name, group, topic)
    assert len(driver.wait_for_bodies(name, 6)) == 6
    poll("the group's offsets", lambda: cluster.consumed(group, topic, QUEUES) == 6 or None)
    assert offsets(mqadmin("resetOffsetByTime", "-g", group, "-t", topic, "-s", "0"), cluster) == {0: 0, 1: 0}
    # A client stops the queue, and takes it up again ten or twenty seconds later.
    again = driver.wait_for_bodies(name, 12, 90.0)
    assert sorted(again[6:]) == sorted(again[:6]) == [f"{name}-{i}" for i in range(6)]
    poll("the group's offsets", lambda: cluster.consumed(group, topic, QUEUES) == 6 or None)
    driver.close()


def test_one_queue_is_moved_to_an_offset(mqadmin: Mqadmin, cluster: Cluster, driver: Driver) -> None:
    topic, group = filled(cluster, driver, "groups_place", 6), cluster.group("groups_place")
    place = ["-g", group, "-t", topic, "-s", "0", "-b", cluster.broker, "-q", "1"]
    assert "reset consumer offset to 2" in mqadmin("resetOffsetByTime", *place, "-o", "2")
    assert cluster.consumed(group, topic, QUEUES) == 2
    code, remark = refusal(mqadmin("resetOffsetByTime", *place, "-o", "9"))
    assert code == 1
    assert remark.endswith("Target offset 9 not in consume queue range [0-3]")
    assert refusal(mqadmin("resetOffsetByTime", "-g", "groups_nobody", "-t", topic, "-s", "0"))[0] == 26
    assert cluster.consumed(group, topic, QUEUES) == 2


def test_what_has_piled_up_is_skipped(mqadmin: Mqadmin, cluster: Cluster, driver: Driver) -> None:
    topic, group = filled(cluster, driver, "groups_skip", 6), cluster.group("groups_skip")
    assert offsets(mqadmin("skipAccumulatedMessage", "-g", group, "-t", topic), cluster) == {0: 3, 1: 3}
    assert cluster.consumed(group, topic, QUEUES) == 6
    driver.ask("send", topic=topic, body="later", count=2, shards=QUEUES)
    consuming(driver, "skipping", group, topic)
    assert sorted(driver.wait_for_bodies("skipping", 2)) == ["later-0", "later-1"]
    driver.ask("stop", name="skipping")


def test_a_group_goes_on_where_another_is(mqadmin: Mqadmin, cluster: Cluster, driver: Driver) -> None:
    topic = filled(cluster, driver, "groups_clone", 6)
    source, target = cluster.group("groups_source"), cluster.group("groups_target")
    consuming(driver, source, source, topic)  # Only then is there a retry topic, which the tool looks for.
    driver.wait_for_bodies(source, 6)
    poll("the group's offsets", lambda: cluster.consumed(source, topic, QUEUES) == 6 or None)
    printed = mqadmin("cloneGroupOffset", "-s", source, "-d", target, "-t", topic, "-o", "true")
    assert f"clone group offset success. srcGroup[{source}], destGroup=[{target}], topic[{topic}]" in printed
    assert cluster.consumed(target, topic, QUEUES) == 6
    driver.ask("stop", name=source)
    driver.ask("send", topic=topic, body="later", count=2, shards=QUEUES)
    progress = mqadmin("consumerProgress", "-g", source)
    rows = [line.split()[:7] for line in progress.splitlines() if line.startswith(topic)]
    assert rows == [[topic, cluster.broker_name, str(queue), "4", "3", "1", "0"] for queue in range(QUEUES)]
    assert setting(progress, "Consume Diff Total") == "2"
    consuming(driver, target, target, topic)
    assert sorted(driver.wait_for_bodies(target, 2)) == ["later-0", "later-1"]
    driver.ask("stop", name=target)


def test_every_group_of_a_broker_and_how_far_it_is_behind(
    mqadmin: Mqadmin, fresh: Callable[..., str], cluster: Cluster, driver: Driver
) -> None:
    topic, group = filled(cluster, driver, "groups_behind", 6), cluster.group("groups_behind")
    place = ["-g", group, "-t", topic, "-s", "0", "-b", cluster.broker, "-q", "1"]
    mqadmin("resetOffsetByTime", *place, "-o", "2")

    def rows(*arguments: str) -> list[list[str]]:
        printed = fresh("brokerConsumeStats", "-b", cluster.broker, *arguments)
        assert int(setting(printed, "Diff Total")) >= 0
        return [line.split()[:7] for line in printed.splitlines() if line.startswith(f"{topic} ")]

    assert rows() == [[topic, group, cluster.broker_name, "1", "3", "2", "1"]]
    assert rows("-l", "2") == []
    assert rows("-o", "true") == [], "the topic is not ordered"


def test_entries_of_a_queue(mqadmin: Mqadmin, cluster: Cluster, driver: Driver) -> None:
    topic, group = filled(cluster, driver, "groups_entries", 6, tags="T"), cluster.group("groups_entries")
    printed = mqadmin("queryCq", "-t", topic, "-q", "0", "-i", "1", "-c", "9", "-b", cluster.broker)
    assert "max: 3, min: 0" in printed
    assert re.findall(r"idx: (\d+)", printed) == ["1", "2"]
    entries = re.findall(r"physicOffset=(\d+), physicSize=(\d+), tagsCode=(-?\d+)", printed)
    assert [tags for _, _, tags in entries] == [str(ord("T"))] * 2
    assert int(entries[0][0]) < int(entries[1][0])
    offline = mqadmin("queryCq", "-t", topic, "-q", "0", "-i", "0", "-g", group)
    assert f"{group}@{topic} is not online!" in offline
    consuming(driver, "entries", group, topic, tags="T")
    driver.wait_for_bodies("entries", 6)
    online = mqadmin("queryCq", "-t", topic, "-q", "0", "-i", "0", "-g", group)
    subscription = json.loads(online.partition("Subscription data: ")[2].partition("=====")[0])
    assert (subscription["subString"], subscription["codeSet"]) == ("T", [ord("T")])
    driver.ask("stop", name="entries")
    assert "Exception" in mqadmin("queryCq", "-t", topic, "-q", "0", "-i", "3"), "there is no such entry"


def test_a_group_has_the_configuration_it_was_given(mqadmin: Mqadmin, cluster: Cluster) -> None:
    policy = {"type": "EXPONENTIAL", "exponentialRetryPolicy": {"initial": 7000, "max": 90000, "multiplier": 3}}
    options = ["-q", "3", "-r", "5", "-o", "true", "-i", "2", "-w", "4", "-a", "false", "-d", "true", "-m", "true"]
    group = ["-g", "groups_configured"]
    printed = mqadmin("updateSubGroup", "-b", cluster.broker, *group, *options, "-p", json.dumps(policy))
    assert f"create subscription group to {cluster.broker} success." in printed
    kept = mqadmin("getConsumerConfig", *group)
    for key, value in {
        "groupName": "groups_configured",
        "retryQueueNums": "3",
        "retryMaxTimes": "5",
        "consumeMessageOrderly": "true",
        "brokerId": "2",
        "whichBrokerWhenConsumeSlowly": "4",
        "notifyConsumerIdsChangedEnable": "false",
        "consumeBroadcastEnable": "true",
        "consumeFromMinEnable": "true",
        "consumeEnable": "true",
    }.items():
        assert setting(kept, key) == value, key
    assert "initial=7000, max=90000, multiplier=3" in kept
    assert "EXPONENTIAL" in kept
    listed = {"type": "CUSTOMIZED", "customizedRetryPolicy": {"next": [1000, 2000, 4000]}}
    mqadmin("updateSubGroup", "-b", cluster.broker, *group, "-p", json.dumps(listed))
    assert "next=[1000, 2000, 4000]" in mqadmin("getConsumerConfig", *group)


def test_a_group_that_may_not_consume_gets_nothing(mqadmin: Mqadmin, cluster: Cluster, driver: Driver) -> None:
    topic, group = filled(cluster, driver, "groups_barred", 2), "groups_barred"
    mqadmin("updateSubGroup", "-b", cluster.broker, "-g", group, "-s", "false")
    with pytest.raises(Refused) as refused:
        driver.ask("pull", topic=topic, group=group)
    assert refused.value.code == 16
    mqadmin("updateSubGroup", "-b", cluster.broker, "-g", group, "-s", "true")
    assert len(driver.ask("pull", topic=topic, group=group)["messages"]) == 2


def test_a_deleted_group_leaves_its_offsets_only_where_that_is_wanted(mqadmin: Mqadmin, cluster: Cluster) -> None:
    topic, group = cluster.topic("groups_deleted", QUEUES), "groups_deleted"
    for cleans, left in (("false", 3), ("true", 0)):
        cluster.group(group)
        cluster.commit(group, topic, 0, 3)
        printed = mqadmin("deleteSubGroup", "-b", cluster.broker, "-g", group, "-r", cleans)
        assert f"delete subscription group [{group}] from broker [{cluster.broker}] success." in printed
        assert cluster.consumed(group, topic, QUEUES) == left


def test_each_member_tells_what_it_does_itself(mqadmin: Mqadmin, cluster: Cluster, driver: Driver) -> None:
    topic, group = filled(cluster, driver, "groups_split", 4, tags="A"), cluster.group("groups_split")
    for name, tags in (("split_one", "A"), ("split_two", "B")):
        consuming(driver, name, group, topic, tags=tags)
    connected = mqadmin("consumerConnection", "-g", group)
    clients = sorted(re.findall(r"\S+@split_\w+", connected))
    assert [client.partition("@")[2] for client in clients] == ["split_one", "split_two"]
    for client, tags in zip(clients, ("A", "B"), strict=True):
        running = mqadmin("consumerStatus", "-g", group, "-i", client)
        assert setting(running, "PROP_CONSUME_TYPE") == "CONSUME_PASSIVELY"
        assert re.search(rf"Topic: {topic} +.*SubExpression: {tags}\n", running), running
    for name in ("split_one", "split_two"):
        driver.ask("stop", name=name)


def test_messages_of_one_queue_are_printed_and_counted_by_tag(
    mqadmin: Mqadmin, cluster: Cluster, driver: Driver
) -> None:
    topic = filled(cluster, driver, "groups_print", 6, tags="T")
    queue = ["-t", topic, "-a", cluster.broker_name, "-i", "1"]
    printed = mqadmin("printMsgByQueue", *queue, "-p", "true", "-d", "true", "-f", "true")
    assert re.findall(r"groups_print-\d", printed) == [f"groups_print-{i}" for i in (1, 3, 5)]
    assert re.search(r"Tag: T +Count: 3", printed), printed
    assert re.findall(r"groups_print-\d", mqadmin("printMsgByQueue", *queue, "-p", "true", "-s", "Other")) == []


def test_messages_are_consumed_from_a_place(fresh: Callable[..., str], cluster: Cluster, driver: Driver) -> None:
    topic, group = filled(cluster, driver, "groups_consume", 6), cluster.group("groups_consume")
    queue = ["-t", topic, "-b", cluster.broker_name, "-i", "0"]
    printed = fresh("consumeMessage", *queue, "-o", "1", "-g", group)
    assert re.findall(r"groups_consume-\d", printed) == ["groups_consume-2", "groups_consume-4"]
    assert "Consume ok" in printed
    assert "no matched msg, offset=9" in fresh("consumeMessage", *queue, "-o", "9", "-g", group)


def test_sending_to_a_broker_is_probed(mqadmin: Mqadmin, cluster: Cluster) -> None:
    printed = mqadmin("sendMsgStatus", "-b", cluster.broker_name, "-s", "64", "-c", "3")
    assert len(re.findall(r"rt=\d+ms, SendResult=SendResult \[sendStatus=SEND_OK", printed)) == 3


def test_the_order_of_a_topic_s_queues(mqadmin: Mqadmin, cluster: Cluster) -> None:
    topic = ["-t", "groups_ordered"]
    conf = f"{cluster.broker_name}:4"
    assert f"orderConf=[{conf}]" in mqadmin("updateOrderConf", *topic, "-m", "put", "-v", conf)
    assert f"orderConf=[{conf}]" in mqadmin("updateOrderConf", *topic, "-m", "get")
    assert "delete orderConf success" in mqadmin("updateOrderConf", *topic, "-m", "delete")
    assert refusal(mqadmin("updateOrderConf", *topic, "-m", "get"))[0] == 22
