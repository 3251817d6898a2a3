"""Finding messages by key, by unique key and by offset id."""

from __future__ import annotations

import pytest
from rig.clusters import Cluster
from rig.drivers import Fleet, Refused
from rig.processes import poll

NO_MESSAGE = 208


@pytest.fixture
def asking(fleet: Fleet) -> Fleet:
    """Only the Java clients can query."""
    if not fleet.client.startswith("java"):
        pytest.skip(f"{fleet.client} has no query by key or id")
    return fleet


def test_messages_are_found_by_key(asking: Fleet, cluster: Cluster) -> None:
    topic = cluster.topic(f"query_{asking.label}")
    asking[0].ask("send", topic=topic, body="other", count=5, key="other-key")
    asking[0].ask("send", topic=topic, body="wanted", count=10, key="order-17 second-key")

    def found(key: str) -> list[dict] | None:
        try:
            messages = asking[0].ask("query", topic=topic, key=key)["messages"]
        except Refused:
            return None
        return messages if len(messages) >= 10 else None

    for key in ("order-17", "second-key"):
        messages = poll(f"messages with key {key}", lambda key=key: found(key))
        assert sorted(message["body"] for message in messages) == sorted(f"wanted-{i}" for i in range(10))
        assert {message["keys"] for message in messages} == {"order-17 second-key"}
    assert len(asking[0].ask("query", topic=topic, key="order-17", most=3)["messages"]) <= 10


def test_a_key_that_nobody_used_finds_nothing(asking: Fleet, cluster: Cluster) -> None:
    topic = cluster.topic(f"query_none_{asking.label}")
    asking[0].ask("send", topic=topic, body="other", count=1, key="other-key")
    with pytest.raises(Refused) as refused:
        asking[0].ask("query", topic=topic, key="nobody")
    assert refused.value.code == NO_MESSAGE


@pytest.mark.parametrize("kind", ["msg_id", "offset_msg_id"])
def test_a_message_is_found_by_id(asking: Fleet, cluster: Cluster, kind: str) -> None:
    topic = cluster.topic(f"view_{kind}_{asking.label}")
    for sent in asking[0].ask("send", topic=topic, body="seen", count=3, tags="T", key="k")["sent"]:

        def viewed(identity: str = sent[kind]) -> dict | None:
            try:
                return asking[0].ask("view", topic=topic, msg_id=identity)["message"]
            except Refused:
                return None

        message = poll(f"{kind} {sent[kind]}", viewed)
        assert message["body"] == sent["body"]
        assert (message["topic"], message["tags"], message["keys"]) == (topic, "T", "k")
        assert (message["queue"], message["offset"]) == (sent["queue"], sent["offset"])


def test_an_id_that_is_nowhere_is_refused(asking: Fleet, cluster: Cluster) -> None:
    topic = cluster.topic(f"view_none_{asking.label}")
    (sent,) = asking[0].ask("send", topic=topic, body="seen")["sent"]
    beyond = sent["offset_msg_id"][:16] + f"{2**40:016X}"
    with pytest.raises(Refused):
        asking[0].ask("view", topic=topic, msg_id=beyond)
