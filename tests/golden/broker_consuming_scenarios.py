"""What the golden recording asks a broker about pulls, good and bad."""

from broker_requests import GROUP, TOPIC, Asker, consumer, create_topic, heartbeat, json_body

RETRY = f"%RETRY%{GROUP}"
OWN_SUBSCRIPTION, COMMITS = 4, 1
"""PullSysFlag."""


def consuming(say: Asker) -> None:
    """Pulls with and without the group's subscription, beyond both ends, of illegal queues; commits on the way."""
    say.ask("a", 17, create_topic(TOPIC, readQueueNums=2, writeQueueNums=2))
    for number, tag in enumerate(("TagA", "TagB", "TagA")):
        say.send(TOPIC, 0, f"body {number}", {"TAGS": tag})
    pull = {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0, "queueOffset": 0, "maxMsgNums": 32, "sysFlag": 0}
    pull |= {"commitOffset": 0, "suspendTimeoutMillis": 0, "subVersion": 1}
    own = pull | {"sysFlag": OWN_SUBSCRIPTION, "subscription": "*", "expressionType": "TAG"}
    say.ask("a", 11, pull)
    say.ask("a", 200, {}, json_body({"groupName": GROUP, "consumeBroadcastEnable": False}))
    say.ask("a", 11, pull)
    for changes in (
        {},
        {"subscription": "TagA"},
        {"subscription": "TagA || TagB", "maxMsgNums": 2},
        {"subscription": "NoSuchTag"},
        {"subscription": "||"},
        {"expressionType": "KING"},
        {"maxMsgNums": 1_000_000_000},
        {"queueOffset": 2},
        {"queueOffset": 3},
        {"queueOffset": 4},
        {"queueOffset": 9_000_000_000_000_000_000},
        {"queueOffset": -1},
        {"queueId": 1},
        {"queueId": 1, "queueOffset": 7},
        {"queueId": 2},
        {"queueId": -1},
        {"queueId": "many"},
        {"topic": "NoSuchTopic"},
        {"topic": "../../x"},
        {"consumerGroup": "../../x"},
        {"sysFlag": OWN_SUBSCRIPTION | COMMITS, "commitOffset": 2},
        {"sysFlag": OWN_SUBSCRIPTION | COMMITS, "commitOffset": 99},
    ):
        say.ask("a", 11, own | changes)
        if "commitOffset" in changes:
            say.ask("a", 14, {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0})
    say.ask("a", 11, {key: value for key, value in own.items() if key != "queueOffset"})
    say.ask("a", 361, own)
    by_subscription(say, pull)
    forbidden(say, pull, own)


def by_subscription(say: Asker, pull: dict[str, object]) -> None:
    """Pulls that leave the filter to their group, whose members do not agree."""
    wanted = consumer(GROUP, [TOPIC, RETRY])
    say.ask("b", 34, {}, heartbeat("c1", [wanted | {"messageModel": "BROADCASTING"}], []))
    say.ask("b", 11, pull)
    say.ask("b", 34, {}, heartbeat("c1", [wanted], []))
    say.ask("b", 11, pull)
    say.ask("b", 11, pull | {"subVersion": 2})
    say.ask("b", 11, pull | {"subVersion": 0})
    say.ask("c", 34, {}, heartbeat("c2", [tagged(2, "TagB")], []))
    say.ask("b", 11, pull)
    say.ask("b", 345, {"group": GROUP, "topic": TOPIC})
    say.ask("b", 34, {}, heartbeat("c1", [tagged(1, "TagA")], []))
    say.ask("b", 345, {"group": GROUP, "topic": TOPIC})
    say.ask("b", 11, pull | {"subVersion": 2})
    say.ask("c", 34, {}, heartbeat("c2", [consumer(GROUP, ["TopicElse"])], []))
    say.ask("b", 11, pull)
    say.ask("b", 34, {}, heartbeat("c1", [wanted], []))
    say.ask("b", 11, pull)


def tagged(version: int, tag: str) -> dict[str, object]:
    """A consumer of one tag."""
    data = consumer(GROUP, [TOPIC, RETRY])
    subscriptions = data["subscriptionDataSet"]
    assert isinstance(subscriptions, list)
    code = sum(ord(letter) * 31 ** (len(tag) - 1 - at) for at, letter in enumerate(tag))
    subscriptions[0] |= {"subString": tag, "tagsSet": [tag], "codeSet": [code], "subVersion": version}
    return data


def forbidden(say: Asker, pull: dict[str, object], own: dict[str, object]) -> None:
    """What a group, a topic or the broker may not."""
    say.ask("a", 353, {"group": GROUP, "topic": TOPIC, "readable": "false"})
    say.ask("b", 11, pull)
    say.ask("b", 11, own)
    say.ask("a", 353, {"group": GROUP, "topic": TOPIC, "readable": "true"})
    say.ask("b", 11, pull)
    say.ask("a", 200, {}, json_body({"groupName": GROUP, "consumeEnable": False}))
    say.ask("b", 11, own)
    say.ask("a", 200, {}, json_body({"groupName": GROUP}))
    say.ask("a", 17, create_topic(TOPIC, readQueueNums=2, writeQueueNums=2, perm=2))
    say.ask("b", 11, own)
    say.ask("a", 17, create_topic(TOPIC, readQueueNums=2, writeQueueNums=2))
    say.ask("a", 25, {}, b"litePullMessageEnable=false\n")
    say.ask("b", 361, own)
    rejected(say, own)
    say.ask("a", 25, {}, b"brokerPermission=2\n")
    say.ask("b", 11, own)


def rejected(say: Asker, own: dict[str, object]) -> None:
    """Consumers of the pull kind where the broker wants none."""
    pulling = consumer("CG_pulls", [TOPIC], consumeType="CONSUME_ACTIVELY")
    say.ask("c", 34, {}, heartbeat("c2", [pulling], []))
    say.ask("a", 25, {}, b"rejectPullConsumerEnable=true\n")
    for peer, group in (("b", GROUP), ("a", GROUP), ("c", "CG_pulls"), ("a", "CG_pulls"), ("a", "CG_nobody")):
        say.ask(peer, 11, own | {"consumerGroup": group})
    for group in ("TOOLS_CONSUMER", "CID_RMQ_SYS_mine", "DEFAULT_CONSUMER"):
        say.ask("a", 11, own | {"consumerGroup": group})
    say.ask("a", 11, own | {"consumerGroup": "CG_nobody", "expressionType": "KING"})
    say.ask("a", 25, {}, b"rejectPullConsumerEnable=false\n")
