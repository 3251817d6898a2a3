"""What the golden recording asks a broker about popping: pops, acknowledgements, longer hiding, and what is refused."""

from broker_requests import GROUP, Asker, create_topic, json_body

TOPIC, FORGED, ORDERED = "TopicPopped", "TopicForged", "TopicInOrder"
INVISIBLE_MS = 60_000


def pop(say: Asker, topic: str = TOPIC, **changes: object) -> str:
    """A pop of queue 0; what handles of it begin with."""
    fields: dict[str, object] = {"consumerGroup": GROUP, "topic": topic, "queueId": 0, "maxMsgNums": 2}
    fields |= {"invisibleTime": INVISIBLE_MS, "pollTime": 0, "bornTime": 0, "initMode": 0, "order": "false"}
    answer = say.ask("a", 200050, fields | {"exp": "*", "expType": "TAG"} | changes)
    header = answer.get("fields", {})
    assert isinstance(header, dict)
    start = str(header.get("startOffsetInfo", "0 0 0")).split(" ")[-1]
    return f"{start} {header.get('popTime', 0)} {INVISIBLE_MS} {header.get('reviveQid', 0)} 0 broker-a 0"


def of(handle: str, offset: int, topic: str = TOPIC, **changes: object) -> dict[str, object]:
    """The fields of an acknowledgement."""
    fields: dict[str, object] = {"consumerGroup": GROUP, "topic": topic, "queueId": 0, "offset": offset}
    return fields | {"extraInfo": f"{handle} {offset}"} | changes


def popping(say: Asker) -> None:
    """A group pops a topic of one queue."""
    for topic in (TOPIC, FORGED, ORDERED):
        say.ask("a", 17, create_topic(topic, readQueueNums=1, writeQueueNums=1))
    say.ask("a", 200, {}, json_body({"groupName": GROUP}))
    refused(say)
    for index in range(6):
        say.send(TOPIC, 0, f"message {index}", {"TAGS": "A" if index % 2 == 0 else "B"})
    say.ask("a", 200052, {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0, "maxMsgNums": 2})
    notice = {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0, "pollTime": 0, "bornTime": 0}
    say.ask("a", 200054, notice)
    first = pop(say)
    acknowledgements(say, first)
    pop(say, queueId=-1)
    pop(say, exp="B")
    pop(say)
    say.ask("a", 200054, notice)
    say.ask("a", 200052, {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0, "maxMsgNums": 2})
    say.ask("a", 200055, {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0})
    say.send(FORGED, 0, "message")
    say.ask("a", 200051, of("0 1 60000 0 0 broker-a 0", 0, FORGED))
    in_order(say)


def refused(say: Asker) -> None:
    """What may not be popped."""
    pop(say, topic="NoSuchTopic")
    pop(say, maxMsgNums=33)
    pop(say, queueId=1)
    pop(say, exp="||")
    pop(say, bornTime=1, pollTime=1)
    pop(say)
    for code in (200052, 200054, 200055):
        fields = {"consumerGroup": GROUP, "queueId": 0, "maxMsgNums": 2, "pollTime": 0, "bornTime": 0}
        say.ask("a", code, fields | {"topic": "NoSuchTopic"})
        say.ask("a", code, fields | {"topic": TOPIC, "queueId": 7})


def acknowledgements(say: Asker, handle: str) -> None:
    """Of the first two messages, and some that do not fit."""
    for fields in (
        of(handle, 0, "NoSuchTopic"),
        of(handle, 0, queueId=3),
        of(handle, 0, queueId=-1),
        of(handle, 99),
    ):
        say.ask("a", 200051, fields)
        say.ask("a", 200053, fields | {"invisibleTime": 1_000})
    say.ask("a", 200051, of(handle, 0, extraInfo="0 1 2"))
    say.ask("a", 200051, of(handle, 0))
    say.ask("a", 200051, of(handle, 0))
    say.ask("a", 200053, of(handle, 1) | {"invisibleTime": 120_000})
    say.ask("a", 200151, {})
    say.ask("a", 200151, {}, json_body({"brokerName": "broker-a", "acks": []}))


def in_order(say: Asker) -> None:
    """One batch at a time."""
    for index in range(3):
        say.send(ORDERED, 0, f"message {index}")
    handle = pop(say, ORDERED, order="true")
    pop(say, ORDERED, order="true")
    say.ask("a", 200051, of(handle, 2, ORDERED))
    say.ask("a", 200053, of(handle, 1, ORDERED) | {"invisibleTime": 120_000})
    say.ask("a", 200051, of(handle, 0, ORDERED))
    say.ask("a", 200051, of(handle, 1, ORDERED))
    say.ask("a", 200051, of(handle, 0, ORDERED))
    pop(say, ORDERED, order="true", attemptId="attempt")
    pop(say, ORDERED, order="true", attemptId="attempt")
    pop(say, ORDERED, order="true", attemptId="another")


def popping_by_sql(say: Asker) -> None:
    """Pops by expressions; it does not matter that SQL92 is off."""
    for topic in (TOPIC, ORDERED):
        say.ask("a", 17, create_topic(topic, readQueueNums=1, writeQueueNums=1))
    say.ask("a", 200, {}, json_body({"groupName": GROUP}))
    for expression, kind in (("n >", "SQL92"), ("*", "SQL92"), ("n = 1", "XPATH"), ("n = 5)", "SQL92")):
        pop(say, exp=expression, expType=kind)
    for topic in (TOPIC, ORDERED):
        for number in range(8):
            say.send(topic, 0, f"message {number}", {"n": str(number), "TAGS": "A" if number % 2 == 0 else "B"})
    say.pause(0.5)
    notice = {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0, "pollTime": 0, "bornTime": 0}
    for expression, kind in (
        ("n >", "SQL92"),
        ("n = 9", "SQL92"),
        ("||", "TAG"),
        ("C", "TAG"),
        ("B", "TAG"),
        ("C", ""),
    ):
        say.ask("a", 200054, notice | {"exp": expression, "expType": kind})
    pop(say, exp="n = 2 OR n = 4", expType="SQL92")
    pop(say, exp="n BETWEEN 1 AND 5 AND TAGS = 'B'", expType="SQL92", maxMsgNums=1)
    pop(say, exp="n = 'x'", expType="SQL92")
    pop(say, exp="missing IS NULL", expType="SQL92")
    say.ask("a", 200054, notice | {"exp": "n = 1", "expType": "SQL92"})
    handle = pop(say, ORDERED, order="true", exp="n IN ('1', '4', '6')", expType="SQL92")
    say.ask("a", 200051, of(handle, 1, ORDERED))
    say.ask("a", 200051, of(handle, 4, ORDERED))
    pop(say, ORDERED, order="true", exp="n = 9", expType="SQL92")
    pop(say, ORDERED, order="true")
