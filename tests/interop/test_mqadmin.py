"""Apache's ``mqadmin`` 5.5.0: what each command prints about topics, groups, messages and brokers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from rig.clusters import Cluster
from rig.drivers import Driver
from rig.mqadmin import Mqadmin, refusal, setting
from rig.processes import poll

pytestmark = pytest.mark.interop

TOPIC = "mqadmin_topic"
GROUP = "mqadmin_group"
PRODUCER = "mqadmin_producer"
COUNT = 8
RETRIES = 3


class Traffic(NamedTuple):
    """A running consumer and what was sent to it."""

    driver: Driver
    sent: list[dict]


@pytest.fixture(scope="module")
def topic(mqadmin: Mqadmin, cluster: Cluster) -> str:
    """A topic made by ``updateTopic``."""
    printed = mqadmin("updateTopic", "-c", cluster.name, "-t", TOPIC, "-r", "4", "-w", "4")
    assert f"create topic to {cluster.broker} success." in printed
    assert f"topicName={TOPIC}, readQueueNums=4, writeQueueNums=4, perm=RW-" in printed
    cluster.wait_for_route(TOPIC)
    return TOPIC


@pytest.fixture(scope="module")
def traffic(mqadmin: Mqadmin, cluster: Cluster, topic: str) -> Iterator[Traffic]:
    """A group made by ``updateSubGroup`` whose consumer has handled every message."""
    printed = mqadmin("updateSubGroup", "-c", cluster.name, "-g", GROUP, "-r", str(RETRIES))
    assert f"create subscription group to {cluster.broker} success." in printed
    assert f"retryMaxTimes={RETRIES}" in printed
    driver = Driver("java-5.5.0", cluster.namesrv, cluster.home / "clients")
    request = {"topic": topic, "group": PRODUCER, "key": "mqadmin-key", "tags": "T", "count": COUNT}
    sent = driver.ask("send", body="mqadmin", **request)["sent"]
    driver.ask("consume", name="mqadmin", topic=topic, group=GROUP, tags="T")
    driver.child.wait_for("every message", lambda _: True if len(driver.handled("mqadmin")) >= COUNT else None)
    yield Traffic(driver, sent)
    driver.close()


def test_update_topic_refuses_a_bad_name(mqadmin: Mqadmin, cluster: Cluster) -> None:
    code, remark = refusal(mqadmin("updateTopic", "-b", cluster.broker, "-t", "bad^topic"))
    assert code == 29
    expected = "The specified topic: bad^topic, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"
    assert remark.startswith(expected)


def test_update_topic_changes_queues_and_permission(mqadmin: Mqadmin, cluster: Cluster) -> None:
    for arguments in (["-r", "2", "-w", "2"], ["-r", "6", "-w", "3", "-p", "4"]):
        mqadmin("updateTopic", "-b", cluster.broker, "-t", "mqadmin_changed", *arguments)
    cluster.wait_for_route("mqadmin_changed")
    row = poll(
        "the change at the name server",
        lambda: next(
            (row for row in mqadmin.rows("topicRoute", "-t", "mqadmin_changed", "-l") if "4" in row[-1:]), None
        ),
    )
    assert row[:2] == [cluster.name, cluster.broker_name]
    assert row[-3:] == ["6", "3", "4"]


def test_cluster_list(mqadmin: Mqadmin, cluster: Cluster) -> None:
    (row,) = mqadmin.rows("clusterList")
    assert row[:5] == [cluster.name, cluster.broker_name, "0", cluster.broker, "V5_5_0"]
    assert row[-1] == "true"
    space = float(row[-2])
    assert 0.0 <= space <= 1.0
    (more,) = mqadmin.rows("clusterList", "-m")
    assert more[:2] == [cluster.name, cluster.broker_name]
    assert all(number.isdecimal() for number in more[2:6])


def test_topic_list(mqadmin: Mqadmin, cluster: Cluster, traffic: Traffic) -> None:
    topics = mqadmin("topicList").split()
    assert {TOPIC, f"%RETRY%{GROUP}", cluster.name, cluster.broker_name, "TBW102"} <= set(topics)
    assert len(topics) == len(set(topics))
    rows = mqadmin.rows("topicList", "-c")
    assert [cluster.name, TOPIC, GROUP] in rows


def test_topic_route(mqadmin: Mqadmin, cluster: Cluster, topic: str) -> None:
    route = json.loads(re.sub(r"(\s)(\d+):", r'\1"\2":', mqadmin("topicRoute", "-t", topic)))
    (broker,) = route["brokerDatas"]
    assert (broker["cluster"], broker["brokerName"]) == (cluster.name, cluster.broker_name)
    assert broker["brokerAddrs"] == {"0": cluster.broker}
    (queues,) = route["queueDatas"]
    assert (queues["readQueueNums"], queues["writeQueueNums"], queues["perm"]) == (4, 4, 6)
    assert refusal(mqadmin("topicRoute", "-t", "mqadmin_nowhere"))[0] == 17


def test_topic_status(mqadmin: Mqadmin, cluster: Cluster, traffic: Traffic) -> None:
    rows = [row for row in mqadmin.rows("topicStatus", "-t", TOPIC) if row[0] == cluster.broker_name]
    assert [row[:4] for row in rows] == [[cluster.broker_name, str(queue), "0", "2"] for queue in range(4)]
    for row in rows:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", " ".join(row[4:6])), row
    assert refusal(mqadmin("topicStatus", "-t", "mqadmin_nowhere"))[0] == 17


def test_topic_cluster_list(mqadmin: Mqadmin, cluster: Cluster, topic: str) -> None:
    assert mqadmin("topicClusterList", "-t", topic).split() == [cluster.name]


def test_consumer_connection(mqadmin: Mqadmin, traffic: Traffic) -> None:
    printed = mqadmin("consumerConnection", "-g", GROUP)
    clients = [line.split() for line in printed.splitlines() if "@mqadmin" in line]
    assert len(clients) == 1
    assert clients[0][1].startswith("127.0.0.1:")
    assert clients[0][2:] == ["JAVA", "V5_5_0"]
    lines = [line.split() for line in printed.splitlines()]
    assert [TOPIC, "T"] in lines
    assert [f"%RETRY%{GROUP}", "*"] in lines
    assert setting(printed, "ConsumeType") == "CONSUME_PASSIVELY"
    assert setting(printed, "MessageModel") == "CLUSTERING"
    assert setting(printed, "ConsumeFromWhere") == "CONSUME_FROM_FIRST_OFFSET"
    assert refusal(mqadmin("consumerConnection", "-g", "mqadmin_nobody"))[0] == 17


def test_producer_connection(mqadmin: Mqadmin, traffic: Traffic) -> None:
    (row,) = mqadmin.rows("producerConnection", "-g", PRODUCER, "-t", TOPIC)
    assert row[0] == "0001"
    assert row[1].endswith(f"@{PRODUCER}")
    assert row[3:] == ["JAVA", "V5_5_0"]
    assert f"producer group ({PRODUCER}) instance" in mqadmin("producer", "-b", traffic_broker(mqadmin))


def traffic_broker(mqadmin: Mqadmin) -> str:
    """The broker's address as ``clusterList`` prints it."""
    return mqadmin.rows("clusterList")[0][3]


def test_consumer_progress(mqadmin: Mqadmin, cluster: Cluster, traffic: Traffic) -> None:
    # The client reports its offsets every 5 s.
    poll("the group's offsets at the broker", lambda: cluster.consumed(GROUP, TOPIC, 4) == COUNT or None)
    printed = mqadmin("consumerProgress", "-g", GROUP)
    rows = [line.split() for line in printed.splitlines() if line.startswith(TOPIC)]
    assert [row[:7] for row in rows] == [
        [TOPIC, cluster.broker_name, str(queue), "2", "2", "0", "0"] for queue in range(4)
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", " ".join(row[7:])) for row in rows), printed
    assert setting(printed, "Consume Diff Total") == "0"
    summary = next(row for row in mqadmin.rows("consumerProgress") if row[0] == GROUP)
    assert summary[1:5] == ["1", "V5_5_0", "PUSH", "CLUSTERING"]
    assert summary[6] == "0"


def test_consumer_status_asks_the_running_client(mqadmin: Mqadmin, traffic: Traffic) -> None:
    printed = mqadmin("consumerStatus", "-g", GROUP)
    assert "Same subscription in the same group of consumer" in printed
    assert "Rebalance OK" in printed


def test_broker_status(mqadmin: Mqadmin, cluster: Cluster, traffic: Traffic) -> None:
    printed = mqadmin("brokerStatus", "-b", cluster.broker)
    assert setting(printed, "brokerVersionDesc") == "V5_5_0"
    assert int(setting(printed, "commitLogMaxOffset")) > int(setting(printed, "commitLogMinOffset")) >= 0
    assert int(setting(printed, "putMessageTimesTotal")) >= COUNT
    assert int(setting(printed, "msgPutTotalTodayNow")) >= COUNT
    assert re.fullmatch(r"\[ \d+ days, \d+ hours, \d+ minutes, \d+ seconds \]", setting(printed, "runtime"))
    for key in ("putTps", "getTotalTps", "bootTimestamp", "dispatchBehindBytes", "commitLogDiskRatio"):
        assert re.match(r"[\d.]+", setting(printed, key)), key
    by_cluster = mqadmin("brokerStatus", "-c", cluster.name)
    assert cluster.broker in by_cluster


def test_broker_configuration_is_shown_and_changed(mqadmin: Mqadmin, cluster: Cluster) -> None:
    printed = mqadmin("getBrokerConfig", "-b", cluster.broker)
    assert setting(printed, "brokerName") == cluster.broker_name
    assert setting(printed, "brokerClusterName") == cluster.name
    assert setting(printed, "listenPort") == str(cluster.broker_port)
    assert setting(printed, "messageDelayLevel").startswith("1s 2s 1s")
    before = setting(printed, "fileReservedTime")
    for value in (str(int(before) + 1), before):
        changed = mqadmin("updateBrokerConfig", "-b", cluster.broker, "-k", "fileReservedTime", "-v", value)
        assert f"update broker config success, {cluster.broker}" in changed
        assert setting(mqadmin("getBrokerConfig", "-b", cluster.broker), "fileReservedTime") == value
    refused = mqadmin("updateBrokerConfig", "-b", cluster.broker, "-k", "brokerConfigPath", "-v", "x")
    assert refusal(refused) == (16, f"Can not update config in black list. BROKER: {cluster.broker}")


def test_query_by_offset_id_unique_key_and_key(mqadmin: Mqadmin, cluster: Cluster, traffic: Traffic) -> None:
    sent = traffic.sent[0]
    for command, identity in (("queryMsgById", "offset_msg_id"), ("queryMsgByUniqueKey", "msg_id")):
        printed = mqadmin(command, "-t", TOPIC, "-i", sent[identity])
        assert setting(printed, "Topic") == TOPIC
        assert setting(printed, "Tags") == "[T]"
        assert setting(printed, "Keys") == "[mqadmin-key]"
        assert setting(printed, "Queue ID") == str(sent["queue"])
        assert setting(printed, "Queue Offset") == str(sent["offset"])
        assert setting(printed, "Store Host") == cluster.broker
        assert f"UNIQ_KEY={sent['msg_id']}" in setting(printed, "Properties")
        assert re.search(rf"MessageTrack \[consumerGroup={GROUP}, trackType=CONSUMED, ", printed), printed
    rows = mqadmin.rows("queryMsgByKey", "-t", TOPIC, "-k", "mqadmin-key")
    assert sorted(row[:3] for row in rows) == sorted(
        [sent["msg_id"], str(sent["queue"]), str(sent["offset"])] for sent in traffic.sent
    )


def test_query_by_queue_offset(mqadmin: Mqadmin, cluster: Cluster, traffic: Traffic) -> None:
    sent = traffic.sent[0]
    place = ["-b", cluster.broker_name, "-i", str(sent["queue"]), "-o", str(sent["offset"])]
    printed = mqadmin("queryMsgByOffset", "-t", TOPIC, *place)
    assert setting(printed, "OffsetID") == sent["offset_msg_id"]
    assert setting(printed, "Topic") == TOPIC


def test_print_messages(mqadmin: Mqadmin, traffic: Traffic) -> None:
    printed = mqadmin("printMsg", "-t", TOPIC, "-d", "true")
    assert sorted(re.findall(r"mqadmin-\d", printed)) == [f"mqadmin-{i}" for i in range(COUNT)]


def test_stats_all(mqadmin: Mqadmin, traffic: Traffic) -> None:
    # Counted since the last 10 s sample or so, the day's numbers come late.
    row = poll(
        "the day's counts",
        lambda: next((row for row in mqadmin.rows("statsAll", "-t", TOPIC) if row[-2:] == [str(COUNT)] * 2), None),
        timeout_s=40.0,
        every_s=1.0,
    )
    assert row[:3] == [TOPIC, GROUP, "0"]
    assert float(row[3]) >= 0.0
    assert float(row[4]) >= 0.0


def test_send_message(mqadmin: Mqadmin, cluster: Cluster) -> None:
    topic = cluster.topic("mqadmin_send", 2)
    (row,) = mqadmin.rows("sendMessage", "-t", topic, "-p", "hello", "-k", "k1", "-c", "T")
    assert (row[0], row[2]) == (cluster.broker_name, "SEND_OK")
    assert len(row[3]) == 32


def test_reset_offset_by_time(mqadmin: Mqadmin, cluster: Cluster, traffic: Traffic) -> None:
    topic = cluster.topic("mqadmin_reset", 2)
    group = cluster.group("mqadmin_resetting")
    traffic.driver.ask("send", topic=topic, body="again", count=6)
    pulled = traffic.driver.ask("pull", topic=topic, group=group)
    assert len(pulled["messages"]) == 6
    assert cluster.consumed(group, topic, 2) == 6
    rows = mqadmin.rows("resetOffsetByTime", "-g", group, "-t", topic, "-s", "0")
    assert sorted(row for row in rows if row[0] == cluster.broker_name) == [
        [cluster.broker_name, "0", "0"],
        [cluster.broker_name, "1", "0"],
    ]
    assert cluster.consumed(group, topic, 2) == 0
    assert len(traffic.driver.ask("pull", topic=topic, group=group)["messages"]) == 6


def test_delete_subscription_group(mqadmin: Mqadmin, cluster: Cluster) -> None:
    group = "mqadmin_doomed"
    mqadmin("updateSubGroup", "-b", cluster.broker, "-g", group, "-r", "1")
    assert setting(mqadmin("getConsumerConfig", "-g", group), "retryMaxTimes") == "1"
    printed = mqadmin("deleteSubGroup", "-c", cluster.name, "-g", group, "-r", "true")
    assert f"delete subscription group [{group}] from broker [{cluster.broker}] in cluster" in printed
    assert mqadmin("getConsumerConfig", "-g", group).strip() == ""


def test_delete_topic(mqadmin: Mqadmin, cluster: Cluster, traffic: Traffic) -> None:
    topic = cluster.topic("mqadmin_doomed_topic", 2)
    traffic.driver.ask("send", topic=topic, body="doomed", count=2)
    printed = mqadmin("deleteTopic", "-c", cluster.name, "-t", topic)
    assert f"delete topic [{topic}] from cluster [{cluster.name}] success." in printed
    assert f"delete topic [{topic}] from NameServer success." in printed
    assert topic not in mqadmin("topicList").split()
    assert refusal(mqadmin("topicStatus", "-t", topic))[0] == 17
    cluster.topic(topic, 2)
    assert cluster.stored(topic, 2) == 0
