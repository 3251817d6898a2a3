"""Sending in every way that each official client offers, and what is refused."""

from __future__ import annotations

import time

import pytest
from rig.clusters import Cluster
from rig.drivers import Fleet
from rig.processes import poll

COUNT = 40
KIB = 1024
MIB = 1024 * KIB
MESSAGE_ILLEGAL = 13


def bodies(prefix: str, count: int = COUNT) -> list[str]:
    """The bodies that a driver sends."""
    return [f"{prefix}-{i}" for i in range(count)]


def stored(fleet: Fleet, topic: str) -> list[dict]:
    """Everything in the topic that this client has not pulled before (the C++ client pulls all again)."""
    return fleet[0].ask("pull", topic=topic, group=f"{topic}_reader", **fleet.cluster.filled(topic))["messages"]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_acknowledged_messages_are_stored_once_where_the_answer_says(fleet: Fleet, cluster: Cluster, mode: str) -> None:
    topic = cluster.topic(f"send_{mode}_{fleet.label}")
    answer = fleet[0].ask("send", topic=topic, body=mode, count=COUNT, mode=mode)
    assert answer["failed"] == []
    assert {sent["status"] for sent in answer["sent"]} == {"SEND_OK"}
    assert sorted(sent["body"] for sent in answer["sent"]) == sorted(bodies(mode))
    messages = stored(fleet, topic)
    assert sorted(message["body"] for message in messages) == sorted(bodies(mode))
    by_body = {message["body"]: message for message in messages}
    for sent in answer["sent"]:
        message = by_body[sent["body"]]
        for name in ("msg_id", "offset", "queue", "offset_msg_id"):
            if name in sent and name in message:
                assert message[name] == sent[name], (name, sent, message)


def test_oneway_messages_are_stored(fleet: Fleet, cluster: Cluster) -> None:
    topic = cluster.topic(f"send_oneway_{fleet.label}")
    fleet[0].ask("send", topic=topic, body="warm", count=1)
    fleet[0].ask("send", topic=topic, body="oneway", count=COUNT, mode="oneway")
    poll("all one-way messages stored", lambda: cluster.stored(topic) == COUNT + 1 or None)
    assert sorted(message["body"] for message in stored(fleet, topic)) == sorted([*bodies("oneway"), "warm-0"])


def test_batch_is_stored_in_one_queue_in_order(fleet: Fleet, cluster: Cluster) -> None:
    topic = cluster.topic(f"send_batch_{fleet.label}")
    (result,) = fleet[0].ask("send", topic=topic, body="batch", count=10, mode="batch")["sent"]
    assert result["status"] == "SEND_OK"
    messages = sorted(stored(fleet, topic), key=lambda message: message["offset"])
    if fleet.client == "cpp":
        # It says batch=1 in a plain send; Java reads "1" as false and keeps the batch as one message.
        assert [message["offset"] for message in messages] == [0]
        return
    assert [message["body"] for message in messages] == bodies("batch", 10)
    assert [message["offset"] for message in messages] == list(range(10))
    assert len({message["queue"] for message in messages}) == 1
    if fleet.client.startswith("java"):  # Go gives only the batch as a whole a unique key.
        assert result["msg_id"].split(",") == [message["properties"]["UNIQ_KEY"] for message in messages]


def test_selector_chooses_the_queue(fleet: Fleet, cluster: Cluster) -> None:
    topic = cluster.topic(f"send_sharded_{fleet.label}")
    fleet[0].ask("send", topic=topic, body="shard", count=32, shards=8)
    messages = stored(fleet, topic)
    by_queue: dict[int, list[int]] = {}
    for message in sorted(messages, key=lambda message: message["offset"]):
        by_queue.setdefault(message["queue"], []).append(int(message["body"].split("-")[1]))
    assert len(by_queue) == 8
    for numbers in by_queue.values():
        assert numbers == list(range(numbers[0], 32, 8))


def test_unknown_topic_is_made_on_the_first_send(fleet: Fleet, cluster: Cluster) -> None:
    topic = f"send_auto_{fleet.label}"
    answer = fleet[0].ask("send", topic=topic, body="first", count=1)
    assert [sent["status"] for sent in answer["sent"]] == ["SEND_OK"], answer
    cluster.wait_for_route(topic)
    assert [message["body"] for message in stored(fleet, topic)] == ["first-0"]


def test_body_over_four_mib_is_refused_and_the_connection_goes_on(fleet: Fleet, cluster: Cluster) -> None:
    topic = cluster.topic(f"send_big_{fleet.label}")
    request = {"topic": topic, "body": "big", "group": "interop_big", "client_limit": 8 * MIB}
    refused = fleet[0].ask("send", size=5 * MIB, **request)
    assert refused["sent"] == []
    (failure,) = refused["failed"]
    if fleet.client != "cpp":  # It tells no code.
        assert failure["code"] == MESSAGE_ILLEGAL, failure
    # Clients compress what does not get smaller, and send the larger result.
    allowed = fleet[0].ask("send", size=4 * MIB - 16 * KIB, **request)
    assert [sent["status"] for sent in allowed["sent"]] == ["SEND_OK"], allowed
    assert fleet[0].ask("send", **request)["failed"] == []
    assert cluster.stored(topic) == 2


def test_body_over_the_clients_own_limit_is_refused_by_the_client(fleet: Fleet, cluster: Cluster) -> None:
    if fleet.client.startswith("go"):
        pytest.skip("rocketmq-client-go has no limit of its own")
    topic = cluster.topic(f"send_limit_{fleet.label}")
    answer = fleet[0].ask("send", topic=topic, body="big", size=5 * MIB)
    assert answer["sent"] == []
    assert len(answer["failed"]) == 1


@pytest.mark.parametrize("topic", ["bad topic", "bad!topic", "t" * 128])
def test_bad_topic_name_is_refused(fleet: Fleet, topic: str) -> None:
    answer = fleet[0].ask("send", topic=topic, body="bad")
    assert answer["sent"] == []
    assert len(answer["failed"]) == 1


def test_delayed_message_comes_when_it_is_due(fleet: Fleet, cluster: Cluster) -> None:
    topic = cluster.topic(f"send_delayed_{fleet.label}")
    group = cluster.group(f"delayed_{fleet.label}")
    fleet[0].ask("consume", name="delayed", group=group, topic=topic)
    sent_us = time.time_ns() // 1000
    fleet[0].ask("send", topic=topic, body="late", count=3, delay_level=2)
    fleet[0].ask("send", topic=topic, body="soon", count=1)
    handled = fleet.wait_for_handled("delayed", [(fleet[0], "delayed")], lambda handled: len(handled) >= 4)
    fleet[0].ask("stop", name="delayed")
    assert sorted(line["body"] for line in handled) == ["late-0", "late-1", "late-2", "soon-0"]
    for line in handled:
        waited_s = (line["began_us"] - sent_us) / 1_000_000
        if line["body"].startswith("late"):
            assert waited_s >= 2.0
            assert line["topic"] == topic
            assert line["properties"]["REAL_TOPIC"] == topic
        else:
            assert waited_s < 2.0 or handled.index(line) == 0


def test_timer_message_comes_when_it_is_due(
    fleet: Fleet, cluster: Cluster, make: str, request: pytest.FixtureRequest
) -> None:
    if fleet.client == "cpp":
        pytest.skip("the C++ client knows delay levels only")
    if make == "pocketmq":
        request.applymarker(pytest.mark.xfail(strict=True, reason="PocketMQ refuses messages with any delay as yet"))
    topic = cluster.topic(f"send_timer_{fleet.label}")
    group = cluster.group(f"timer_{fleet.label}")
    fleet[0].ask("consume", name="timer", group=group, topic=topic)
    sent_us = time.time_ns() // 1000
    assert fleet[0].ask("send", topic=topic, body="timer", count=2, delay_ms=3000)["failed"] == []
    handled = fleet.wait_for_handled("timer", [(fleet[0], "timer")], lambda handled: len(handled) >= 2)
    fleet[0].ask("stop", name="timer")
    assert sorted(line["body"] for line in handled) == ["timer-0", "timer-1"]
    # Java's wheel is precise to a second and takes the tick before the exact one.
    assert all(line["began_us"] - sent_us >= 2_000_000 for line in handled)
