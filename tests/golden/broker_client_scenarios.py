"""What the golden recording asks a broker about clients: who is there, who is told, who owns a queue."""

from broker_requests import GROUP, TOPIC, Asker, consumer, heartbeat, json_body


def sessions(say: Asker) -> None:
    """Heartbeats of both versions, who is there, who is told, and leaving."""
    retry = f"%RETRY%{GROUP}"
    for code, fields in (
        (38, {"consumerGroup": GROUP}),
        (203, {"consumerGroup": GROUP}),
        (204, {"producerGroup": "PG"}),
    ):
        say.ask("a", code, fields)
    say.ask("a", 34, {}, heartbeat("c1", [consumer(GROUP, [TOPIC, retry])], ["PG"]))
    say.ask("a", 34, {}, heartbeat("c1", [consumer(GROUP, [TOPIC, retry])], ["PG"]))
    say.ask("b", 34, {}, heartbeat("c2", [consumer(GROUP, [TOPIC, retry])], []))
    say.ask(
        "b", 34, {}, heartbeat("c2", [consumer(GROUP, [TOPIC, retry, "TopicMore"])], []), language="GO", version=317
    )
    say.ask("a", 38, {"consumerGroup": GROUP})
    say.ask("a", 203, {"consumerGroup": GROUP})
    say.ask("a", 204, {"producerGroup": "PG"})
    say.ask("a", 328, {})
    say.ask("a", 351, {"topic": retry})
    say.ask("a", 300, {"topic": TOPIC})
    say.ask("a", 345, {"group": GROUP, "topic": TOPIC})
    say.ask("a", 345, {"group": GROUP, "topic": "NoSuchTopic"})
    version_two = consumer("CG_two", [TOPIC])
    say.ask("a", 34, {}, heartbeat("c1", [version_two], [], heartbeatFingerprint=7))
    say.ask("a", 34, {}, heartbeat("c1", [consumer("CG_two", [])], [], heartbeatFingerprint=7, withoutSub=True))
    say.ask("b", 34, {}, heartbeat("c2", [consumer("CG_two", [TOPIC, "TopicMore"])], [], heartbeatFingerprint=8))
    say.ask("b", 203, {"consumerGroup": "CG_two"})
    say.ask("a", 34, {}, heartbeat("c1", [consumer("CG_cast", [TOPIC], messageModel="BROADCASTING")], []))
    say.ask("b", 34, {}, heartbeat("c2", [consumer("CG_cast", [TOPIC], messageModel="BROADCASTING")], []))
    say.ask("a", 200, {}, json_body({"groupName": "CG_quiet", "notifyConsumerIdsChangedEnable": False}))
    say.ask("a", 34, {}, heartbeat("c1", [consumer("CG_quiet", [TOPIC])], []))
    say.ask("b", 34, {}, heartbeat("c2", [consumer("CG_quiet", [TOPIC], unitMode=True)], []))
    say.ask("b", 34, {}, heartbeat("c2", [consumer("../../x", [TOPIC])], ["../../y"]))
    say.ask("b", 203, {"consumerGroup": "../../x"})
    say.ask("b", 35, {"clientID": "c2", "consumerGroup": "CG_quiet"})
    say.ask("b", 35, {"clientID": "c2", "consumerGroup": GROUP, "producerGroup": "PG"})
    say.ask("b", 35, {"clientID": "c2", "consumerGroup": "CG_nobody", "producerGroup": "PG_nobody"})
    say.ask("b", 35, {})
    say.ask("a", 38, {"consumerGroup": GROUP})
    say.hang_up("b")
    say.ask("a", 203, {"consumerGroup": "CG_two"})
    checks(say)


def checks(say: Asker) -> None:
    """Code 46: is this subscription acceptable?"""
    for kind, text in (("TAG", "*"), ("TAG", "a || b"), ("SQL92", "a > 5"), ("SQL92", "a >"), ("", "*")):
        subscription = {"expressionType": kind, "subString": text, "topic": TOPIC, "subVersion": 1}
        body = {"clientId": "c1", "group": GROUP, "subscriptionData": subscription}
        say.ask("a", 46, {}, json_body(body))
    say.ask("a", 46, {}, json_body({"clientId": "c1", "group": GROUP}))


def locks(say: Asker) -> None:
    """Code 41 and 42: who owns which queue."""

    def queues(*numbers: int) -> list[dict[str, object]]:
        return [{"brokerName": "broker-a", "queueId": number, "topic": TOPIC} for number in numbers]

    def lock(code: int, client: str, numbers: tuple[int, ...], group: str = GROUP) -> None:
        say.ask("a", code, {}, json_body({"clientId": client, "consumerGroup": group, "mqSet": queues(*numbers)}))

    lock(41, "c1", (0, 1))
    lock(41, "c2", (1, 2))
    lock(41, "c1", (1,))
    lock(42, "c2", (0, 1))
    lock(41, "c2", (0,))
    lock(42, "c1", (0,))
    lock(41, "c2", (0, 1))
    lock(41, "c2", (0, 1), "CG_other")
    lock(41, "c2", ())
    lock(42, "c9", (5,), "CG_nobody")
