"""What the golden recording asks a broker about groups: their clients' offsets, resets, corrections, and nonsense."""

from broker_requests import GROUP, TOPIC, Asker, consumer, create_topic, heartbeat, json_body

RETRY = f"%RETRY%{GROUP}"
UNIQUE = "7F000001000018B4AAC2000000000001"


def administration(say: Asker) -> None:
    """Codes 223 (with 221), 308, 222 by way of the consumers (with 220), and 314 beside a live group."""
    say.ask("a", 17, create_topic(TOPIC, readQueueNums=2, writeQueueNums=2))
    for number in range(4):
        say.send(TOPIC, number % 2, f"body {number}")
    say.ask("a", 200, {}, json_body({"groupName": GROUP}))
    status(say)
    corrections(say)
    resets_by_consumers(say)
    clones(say)


def status(say: Asker) -> None:
    """Code 223: the broker asks its clients (221) and puts their answers together."""
    who = {"topic": TOPIC, "group": GROUP}
    say.ask("a", 223, who)
    say.ask("b", 34, {}, heartbeat("c1", [consumer(GROUP, [TOPIC, RETRY])], []))
    queue = {"brokerName": "broker-a", "queueId": 0, "topic": TOPIC}
    table = "{" + json_body(queue).decode() + ":2}"
    say.answer_relayed("b", 221, 0, f'{{"messageQueueTable":{table}}}'.encode())
    say.ask("a", 223, who)
    say.ask("a", 223, who | {"clientAddr": "c1"})
    say.ask("a", 223, who | {"clientAddr": "c9"})
    say.ask("a", 223, who | {"clientAddr": " "})
    say.ask("a", 223, {"group": GROUP})
    say.answer_relayed("b", 221, 1, b"")
    say.ask("a", 223, who)
    say.answer_relayed("b", 221, 0, b"")
    say.ask("a", 223, who)
    say.answer_relayed("b", 221, 0, b"no json")
    say.ask("a", 223, who)
    say.answer_relayed("b", 221, 0, b"{}")
    say.ask("a", 223, who)
    say.ask("c", 34, {}, heartbeat("old", [consumer("CG_old", [TOPIC])], []), version=3)
    say.ask("a", 223, who | {"group": "CG_old"})


def corrections(say: Asker) -> None:
    """Code 308: the smallest offset that other groups have reached."""
    ask = {"topic": TOPIC, "compareGroup": GROUP}
    say.ask("a", 308, ask)
    for group, offsets in (("CG_first", (1, 2)), ("CG_second", (2, 1)), (GROUP, (1, 1))):
        say.ask("a", 200, {}, json_body({"groupName": group}))
        for queue_id, offset in enumerate(offsets):
            place = {"consumerGroup": group, "topic": TOPIC, "queueId": queue_id}
            say.ask("a", 15, place | {"commitOffset": offset})
    say.ask("a", 308, ask)
    say.ask("a", 308, ask | {"compareGroup": "CG_first"})
    say.ask("a", 308, ask | {"compareGroup": "CG_nobody"})
    say.ask("a", 308, ask | {"topic": "NoSuchTopic"})
    say.ask("a", 308, {"topic": TOPIC})


def resets_by_consumers(say: Asker) -> None:
    """Code 222 without `useServerSideResetOffset`: consumers are told by 220, C++ ones in their own form."""
    say.ask("a", 25, {}, b"useServerSideResetOffset=false\n")
    way = {"group": GROUP, "topic": TOPIC, "timestamp": 0, "isForce": "false"}
    say.ask("a", 222, way)
    say.ask("a", 222, way | {"timestamp": -1})
    say.ask("a", 222, way | {"timestamp": -1, "isForce": "true"})
    say.ask("a", 222, way, language="CPP")
    say.ask("a", 222, way | {"group": "CG_first"})
    say.ask("a", 222, way | {"group": "CG_nobody"})
    say.ask("a", 222, way | {"topic": "NoSuchTopic"})
    for queue_id in range(2):
        say.ask("a", 200, {}, json_body({"groupName": "CG_old"}))
        say.ask("a", 15, {"consumerGroup": "CG_old", "topic": TOPIC, "queueId": queue_id, "commitOffset": 1})
    say.ask("a", 222, way | {"group": "CG_old"})
    say.ask("a", 25, {}, b"useServerSideResetOffset=true\n")


def clones(say: Asker) -> None:
    """Code 314 for a group whose consumers are connected and subscribe to one of its topics."""
    say.ask("a", 17, create_topic("TopicOther", readQueueNums=1, writeQueueNums=1))
    say.ask("a", 15, {"consumerGroup": GROUP, "topic": "TopicOther", "queueId": 0, "commitOffset": 5})
    clone = {"srcGroup": GROUP, "destGroup": "CG_online"}
    for topic in (TOPIC, "TopicOther"):
        say.ask("a", 314, clone | {"topic": topic})
    say.ask("a", 343, {"group": "CG_online"})
    say.ask("a", 314, clone | {"destGroup": "CG_offline", "topic": "TopicOther", "offline": "true"})
    say.ask("a", 343, {"group": "CG_offline"})
    say.ask("a", 314, {"srcGroup": "CG_nobody", "destGroup": "CG_never", "topic": TOPIC})
    say.ask("a", 343, {"group": "CG_never"})
    say.ask("a", 208, {"consumerGroup": GROUP})
    say.ask("a", 317, {"isOrder": "false"})
    say.ask("a", 303, {"topic": TOPIC, "group": GROUP})
    say.ask("a", 303, {"topic": TOPIC, "group": "CG_nobody"})


def nonsense(say: Asker) -> None:
    """Offsets and queues that do not exist, and consumers that contradict their group."""
    say.ask("a", 17, create_topic(TOPIC, readQueueNums=2, writeQueueNums=2))
    say.ask("a", 17, create_topic("TopicEmpty", readQueueNums=1, writeQueueNums=1))
    for number in range(3):
        say.send(TOPIC, 0, f"body {number}", {"TAGS": f"Tag{number}"})
    say.ask("a", 200, {}, json_body({"groupName": GROUP}))
    places(say)
    pulls(say)
    contradictions(say)
    forbidden(say)


def places(say: Asker) -> None:
    """Commits and questions about places outside of a queue."""
    place = {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0}
    say.ask("a", 15, place | {"commitOffset": 1_000_000})
    say.ask("a", 14, place)
    say.ask("a", 208, {"consumerGroup": GROUP})
    say.ask("a", 303, {"topic": TOPIC, "group": GROUP})
    say.ask("a", 15, place | {"commitOffset": 2})
    for queue_id in (-1, 99, 2147483647):
        say.ask("a", 14, place | {"queueId": queue_id})
        say.ask("a", 29, {"topic": TOPIC, "queueId": queue_id, "timestamp": 0})
        say.ask("a", 30, {"topic": TOPIC, "queueId": queue_id})
        say.ask("a", 31, {"topic": TOPIC, "queueId": queue_id})
        say.ask("a", 321, {"topic": TOPIC, "queueId": queue_id, "index": 0, "count": 1})
    for index, count in ((0, 2), (1, 1_000_000), (2, 0), (0, -1)):
        say.ask("a", 321, {"topic": TOPIC, "queueId": 0, "index": index, "count": count})
    for index in (3, 99, -1):
        say.ask("a", 321, {"topic": TOPIC, "queueId": 0, "index": index, "count": 1})
    say.ask("a", 321, {"topic": "NoSuchTopic", "queueId": 0, "index": 0, "count": 1})


def pulls(say: Asker) -> None:
    """Code 11 with a subscription of its own: places outside of the queue, and a thousand million messages."""
    pull: dict[str, object] = {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0, "queueOffset": 0, "maxMsgNums": 32}
    pull |= {"sysFlag": 4, "commitOffset": 0, "suspendTimeoutMillis": 0, "subscription": "*", "subVersion": 0}
    for change in (
        {"queueOffset": 3},
        {"queueOffset": 4},
        {"queueOffset": 1_000_000},
        {"queueOffset": -5},
        {"queueId": -1},
        {"queueId": 2},
        {"topic": "TopicEmpty", "queueOffset": 0},
        {"topic": "TopicEmpty", "queueOffset": 7},
        {"topic": "NoSuchTopic"},
        {"subscription": "Tag9"},
        {"queueOffset": "first"},
        {"consumerGroup": "../../x"},
    ):
        say.ask("a", 11, pull | change)
    say.ask("a", 11, pull | {"maxMsgNums": 1_000_000_000})
    say.ask("a", 11, pull | {"maxMsgNums": 1})
    say.ask("a", 11, pull | {"consumerGroup": "CG_unknown", "queueOffset": 3})
    say.ask("a", 11, pull | {"sysFlag": 0, "consumerGroup": "CG_absent"})


def contradictions(say: Asker) -> None:
    """Members of one group that subscribe differently, and versions that go back."""
    pull: dict[str, object] = {"consumerGroup": "CG_split", "topic": TOPIC, "queueId": 0, "queueOffset": 3}
    pull |= {"maxMsgNums": 32, "sysFlag": 0, "commitOffset": 0, "suspendTimeoutMillis": 0, "subVersion": 1}
    say.ask("a", 34, {}, heartbeat("c1", [consumer("CG_split", [TOPIC])], []))
    say.ask("a", 11, pull)
    say.ask("a", 11, pull | {"subVersion": 2})
    say.ask("b", 34, {}, heartbeat("c2", [consumer("CG_split", ["TopicEmpty"])], []))
    say.ask("a", 11, pull)
    say.ask("b", 203, {"consumerGroup": "CG_split"})
    newer = consumer("CG_split", [TOPIC])
    newer["subscriptionDataSet"] = [subscribed(TOPIC, 5, "Tag1")]
    say.ask("a", 34, {}, heartbeat("c1", [newer], []))
    older = consumer("CG_split", [TOPIC])
    older["subscriptionDataSet"] = [subscribed(TOPIC, 4, "Tag2")]
    say.ask("b", 34, {}, heartbeat("c2", [older], []))
    say.ask("a", 345, {"group": "CG_split", "topic": TOPIC})
    say.ask("a", 11, pull | {"subVersion": 4})
    say.ask("b", 34, {}, heartbeat("c2", [older | {"messageModel": "BROADCASTING"}], []))
    say.ask("b", 203, {"consumerGroup": "CG_split"})


def subscribed(topic: str, version: int, expression: str) -> dict[str, object]:
    """A SubscriptionData."""
    value: dict[str, object] = {"classFilterMode": False, "codeSet": [], "expressionType": "TAG", "topic": topic}
    return value | {"subString": expression, "subVersion": version, "tagsSet": [expression]}


def forbidden(say: Asker) -> None:
    """What a group may not read, and groups that may not consume at all."""
    pull: dict[str, object] = {"consumerGroup": "CG_barred", "topic": TOPIC, "queueId": 0, "queueOffset": 3}
    pull |= {"maxMsgNums": 32, "sysFlag": 0, "commitOffset": 0, "suspendTimeoutMillis": 0, "subVersion": 1}
    say.ask("a", 200, {}, json_body({"groupName": "CG_barred", "consumeBroadcastEnable": False}))
    say.ask("a", 34, {}, heartbeat("c1", [consumer("CG_barred", [TOPIC])], []))
    say.ask("a", 11, pull)
    say.ask("a", 353, {"group": "CG_barred", "topic": TOPIC, "readable": "false"})
    say.ask("a", 11, pull)
    say.ask("a", 11, pull | {"sysFlag": 4, "subscription": "*"})
    say.ask("a", 353, {"group": "CG_barred", "topic": TOPIC, "readable": "true"})
    say.ask("a", 11, pull)
    say.ask("a", 34, {}, heartbeat("c1", [consumer("CG_barred", [TOPIC], messageModel="BROADCASTING")], []))
    say.ask("a", 11, pull)
    slow = {"groupName": "CG_barred", "brokerId": 3, "whichBrokerWhenConsumeSlowly": 4}
    say.ask("a", 200, {}, json_body(slow))
    say.ask("a", 11, pull)
    say.ask("a", 25, {}, b"slaveReadEnable=true\n")
    say.ask("a", 11, pull)
    say.ask("a", 25, {}, b"slaveReadEnable=false\n")
    say.ask("a", 200, {}, json_body({"groupName": "CG_barred", "consumeEnable": False}))
    say.ask("a", 11, pull)
    say.ask("a", 207, {"groupName": "CG_barred"})
    say.ask("a", 11, pull)


def policies(say: Asker) -> None:
    """Retry policies of groups. Java's broker keeps them all and has its own delay levels for all; ours does not."""
    say.ask("a", 17, create_topic(TOPIC, readQueueNums=1, writeQueueNums=1))
    log_offset = say.send(TOPIC, 0, "again", {"UNIQ_KEY": UNIQUE})
    back = {"offset": log_offset, "delayLevel": 0, "originMsgId": "x", "originTopic": TOPIC}
    growing = {"type": "EXPONENTIAL", "exponentialRetryPolicy": {"initial": 60000, "max": 600000, "multiplier": 2}}
    listed = {"type": "CUSTOMIZED", "customizedRetryPolicy": {"next": [1000, 1000, 1000]}}
    for name, policy in (("CG_plain", {"type": "EXPONENTIAL"}), ("CG_growing", growing), ("CG_listed", listed)):
        say.ask("a", 200, {}, json_body({"groupName": name, "groupRetryPolicy": policy}))
        say.ask("a", 352, {"group": name})
    say.ask("a", 36, back | {"group": "CG_plain"})
    say.view("SCHEDULE_TOPIC_XXXX", 2, 0)


def broadcasts(say: Asker) -> None:
    """Code 11 for members of a broadcasting group, by way of a proxy (`requestSource` 1) and without one."""
    say.ask("a", 17, create_topic(TOPIC, readQueueNums=1, writeQueueNums=1))
    for number in range(3):
        say.send(TOPIC, 0, f"body {number}")
    say.ask("a", 200, {}, json_body({"groupName": GROUP}))
    pull: dict[str, object] = {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0, "maxMsgNums": 32, "sysFlag": 4}
    pull |= {"commitOffset": 0, "suspendTimeoutMillis": 0, "subscription": "*", "subVersion": 0, "requestSource": 1}

    def proxied(client: str, offset: int) -> None:
        say.ask("a", 11, pull | {"proxyFrowardClientId": client, "queueOffset": offset})

    for offset in (-1, 0, 3, -1):
        proxied("p1", offset)
    proxied("p2", -1)
    say.pause(6.0)
    proxied("p3", -1)
    proxied("p2", 2)
    proxied("p3", 3)
    say.pause(6.0)
    proxied("p4", -1)
    say.ask("a", 43, {})
    say.ask("b", 34, {}, heartbeat("c1", [consumer(GROUP, [TOPIC], messageModel="BROADCASTING")], []))
    direct = {key: value for key, value in pull.items() if key not in ("requestSource", "subscription")}
    direct |= {"sysFlag": 0, "subVersion": 1}
    say.ask("b", 11, direct | {"queueOffset": 1})
    proxied("c1", 3)
    proxied("c1", 1)
    say.ask("b", 11, direct | {"queueOffset": 3})
    say.ask("a", 300, {"topic": TOPIC})
