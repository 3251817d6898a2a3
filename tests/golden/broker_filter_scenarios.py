"""What the golden recording asks a broker about filters: tags and SQL92, with a pull and with heartbeats."""

from broker_requests import GROUP, TOPIC, Asker, consumer, create_topic, heartbeat, json_body

BAD_TOPIC = "TopicBadExpression"
OWN, REGISTERED = 4, 0
"""System flags of a pull: with its own subscription, and with its group's; neither waits."""


def pull(expression: str, offset: int = 0, **changes: object) -> dict[str, object]:
    """The fields of code 11 with an expression of its own."""
    fields: dict[str, object] = {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0, "queueOffset": offset}
    fields |= {"maxMsgNums": 32, "sysFlag": OWN, "commitOffset": 0, "suspendTimeoutMillis": 0, "subVersion": 0}
    return fields | {"subscription": expression, "expressionType": "SQL92"} | changes


def registered(version: int, **changes: object) -> dict[str, object]:
    """The fields of code 11 with what its group said in that version."""
    return pull("", sysFlag=REGISTERED, subVersion=version, **changes)


def filtering(expression: str, version: int, kind: str = "SQL92") -> bytes:
    """A heartbeat of a group with one expression."""
    group = consumer(GROUP, [TOPIC])
    (subscription,) = list(group["subscriptionDataSet"])  # type: ignore[call-overload]
    subscription |= {"expressionType": kind, "subString": expression, "subVersion": version}
    return heartbeat("c1", [group], [])


def expressions(say: Asker) -> None:
    """What properties of many kinds compare to, and what a group is told that filters before SQL92 is on."""
    say.ask("a", 17, create_topic(TOPIC, readQueueNums=2, writeQueueNums=2))
    say.ask("a", 200, {}, json_body({"groupName": GROUP}))
    for number, letter in enumerate(("x", "y", "5", "7", "-1", "2147483648", "text", "")):
        say.send(TOPIC, 0, f"m{number}", {"n": str(number), "TAGS": "TagA"} | ({"a": letter} if letter else {}))
    say.pause(0.5)
    say.ask("a", 34, {}, filtering("a > 5", 3))
    say.ask("a", 11, registered(3))
    for kind, expression in (("TAG", "*"), ("SQL92", "a > 5")):
        subscription = {"expressionType": kind, "subString": expression, "topic": TOPIC, "subVersion": 1}
        say.ask("a", 46, {}, json_body({"clientId": "c1", "group": GROUP, "subscriptionData": subscription}))
    say.ask("a", 25, {}, b"enablePropertyFilter=true\n")
    say.ask("a", 11, registered(3))
    say.ask("a", 34, {}, filtering("a IN ('x', 'text') OR n = 3", 6))
    for changes in ({"maxMsgNums": 1}, {"queueOffset": 4}, {"queueOffset": 7}, {"queueOffset": 8}, {"queueId": 1}):
        say.ask("a", 11, registered(6) | changes)
    for expression in (
        "a > 5",
        "a <> 5",
        "a IS NULL",
        "a IS NOT NULL AND TAGS = 'TagA'",
        "a = 5 OR n > 6",
        "n > 6 OR a = 5",
        "NOT (n > 2)",
        "a CONTAINS 'ex' OR a STARTSWITH '21'",
        "a NOT CONTAINS 'ex'",
        "n BETWEEN 2 AND 4 AND a BETWEEN -5.5 AND 10",
        "missing = 1",
        "TRUE",
        "n = 5)",
    ):
        say.ask("a", 11, pull(expression))
    say.ask("a", 11, pull("TagA || TagB", expressionType="TAG"))


def filters(say: Asker) -> None:
    """First with SQL92 off, then on."""
    for topic in (TOPIC, BAD_TOPIC):
        say.ask("a", 17, create_topic(topic, readQueueNums=1, writeQueueNums=1))
    say.ask("a", 200, {}, json_body({"groupName": GROUP}))
    say.ask("a", 11, pull("n = 3"))
    say.ask("a", 25, {}, b"enablePropertyFilter=true\n")
    for number in range(8):
        tags = {"TAGS": "TagA"} if number % 2 else {}
        say.send(TOPIC, 0, f"m{number}", {"n": str(number), **tags})
    say.send(BAD_TOPIC, 0, "m0", {"n": "0"})
    say.pause(0.5)
    for expression in (
        "n BETWEEN 2 AND 3",
        "n = 'x'",
        "TAGS IS NULL AND n > 3",
        "n > 3.5 OR nothing = 1",
        "FALSE",
        "n",
    ):
        say.ask("a", 11, pull(expression))
    say.ask("a", 11, pull("n IN ('1', '5')", maxMsgNums=1))
    say.ask("a", 11, pull("n IN ('1', '5')", 2, maxMsgNums=1))
    say.ask("a", 11, pull("n = 3", 8))
    say.ask("a", 11, pull("n = 3", 9))
    say.ask("a", 11, pull("TagA", expressionType="TAG", maxMsgNums=2))
    say.ask("a", 11, pull(""))
    say.ask("a", 11, pull("n >", topic=BAD_TOPIC))
    for expression in ("n > 5", "n >", "n = 5)"):
        subscription = {"expressionType": "SQL92", "subString": expression, "topic": TOPIC, "subVersion": 1}
        say.ask("a", 46, {}, json_body({"clientId": "c1", "group": GROUP, "subscriptionData": subscription}))
    say.ask("a", 11, registered(5))
    say.ask("a", 34, {}, filtering("n = 5", 5))
    say.ask("a", 11, registered(5))
    say.ask("a", 11, registered(6))
    say.ask("a", 34, {}, filtering("n = 6", 4))
    say.ask("a", 11, registered(5))
    say.ask("a", 34, {}, filtering("n >", 7))
    say.ask("a", 11, registered(7))
    say.ask("a", 34, {}, filtering("n = 7", 8))
    say.ask("a", 11, registered(8))
    say.ask("a", 34, {}, filtering("TagA", 9, "TAG"))
    say.ask("a", 34, {}, filtering("n = 2", 10))
    say.ask("a", 11, registered(10))
    say.ask("a", 25, {}, b"enablePropertyFilter=false\n")
    say.ask("a", 11, registered(10))
