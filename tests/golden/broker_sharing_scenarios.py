"""What the golden recording asks a broker about replies, and about queues that it shares out."""

from collections.abc import Mapping

from broker_requests import GROUP, TOPIC, Asker, consumer, create_topic, heartbeat, json_body

REPLY_TOPIC = "DefaultCluster_REPLY_TOPIC"
LETTERS = "abcdefghijkm"
NAMES = (
    "producerGroup",
    "topic",
    "defaultTopic",
    "defaultTopicQueueNums",
    "queueId",
    "sysFlag",
    "bornTimestamp",
    "flag",
    "properties",
    "reconsumeTimes",
    "unitMode",
    "batch",
)


def reply(code: int, properties: Mapping[str, str], topic: str = REPLY_TOPIC, queue_id: int = 0) -> dict[str, object]:
    """The fields of code 324 or, as letters, 325."""
    text = "".join(f"{key}\x01{value}\x02" for key, value in properties.items())
    values = ("PG", topic, "TBW102", 4, queue_id, 0, 1_709_210_000_000, 3, text, 0, "false", "false")
    return dict(zip(NAMES if code == 324 else LETTERS, values, strict=True))


def replies(say: Asker) -> None:
    """Codes 324 and 325: a reply is pushed to the producer that asked, and stored."""
    meant = {"CORRELATION_ID": "1-2", "REPLY_TO_CLIENT": "asker", "TTL": "3000", "MSG_TYPE": "reply", "WAIT": "true"}
    say.ask("a", 325, reply(325, meant), b"too early")
    say.ask("b", 34, {}, heartbeat("asker", [], ["PG_asks"]))
    say.answer_relayed("b", 326, 0, b"")
    say.ask("a", 325, reply(325, meant), b"pong")
    say.ask("a", 324, reply(324, meant), b"pong again")
    say.ask("a", 325, reply(325, meant, topic="NoSuchTopicYet"), b"elsewhere")
    say.view(REPLY_TOPIC, 0, 1)
    say.answer_relayed("b", 326, 1, b"")
    say.ask("a", 325, reply(325, meant), b"unwanted")
    say.ask("a", 325, reply(325, {"CORRELATION_ID": "1-2"}), b"to nobody")
    say.ask("a", 325, reply(325, meant | {"REPLY_TO_CLIENT": "stranger"}), b"to a stranger")
    say.ask("a", 325, reply(325, meant, queue_id=9), b"no such queue")
    say.ask("a", 325, reply(325, meant, topic="a/b"), b"no such name")
    say.ask("a", 25, {}, b"storeReplyMessageEnable=false\n")
    say.ask("a", 325, reply(325, meant), b"not stored either")
    say.answer_relayed("b", 326, 0, b"")
    say.ask("a", 325, reply(325, meant), b"only passed on")
    say.ask("b", 35, {"clientID": "asker", "producerGroup": "PG_asks"})
    say.ask("a", 325, reply(325, meant), b"too late")


def balancing(say: Asker) -> None:
    """Codes 400 to 402 without a name server: what is said about modes, and what needs no route."""

    def question(**changes: object) -> bytes:
        asked = {"topic": "%LMQ%light", "consumerGroup": GROUP, "clientId": "c1", "strategyName": "AVG"}
        return json_body(asked | {"messageModel": "CLUSTERING"} | changes)

    def mode(**changes: object) -> bytes:
        asked = {"topic": TOPIC, "consumerGroup": GROUP, "mode": "POP", "popShareQueueNum": 3}
        return json_body(asked | changes)

    say.ask("a", 402, {})
    say.ask("a", 400, {}, question())
    say.ask("a", 34, {}, heartbeat("c1", [consumer(GROUP, [TOPIC])], []))
    say.ask("b", 34, {}, heartbeat("c2", [consumer(GROUP, [TOPIC])], []))
    say.ask("a", 400, {}, question())
    say.ask("a", 400, {}, question(clientId="c2"))
    say.ask("a", 400, {}, question(clientId="c9"))
    say.ask("a", 400, {}, question(strategyName="AVG_BY_CIRCLE"))
    say.ask("a", 400, {}, question(strategyName="CONSISTENT_HASH"))
    say.ask("a", 400, {}, question(strategyName=None))
    say.ask("a", 400, {}, question(consumerGroup="CG_nobody"))
    say.ask("a", 400, {}, question(topic="NoSuchTopic"))
    say.ask("a", 400, {}, question(topic="NoSuchTopic", messageModel="BROADCASTING"))
    say.ask("a", 400, {}, question(messageModel=None))
    say.ask("a", 401, {}, mode())
    say.ask("a", 17, create_topic(TOPIC))
    say.ask("a", 17, create_topic("%LMQ%light"))
    for body in (
        mode(),
        mode(topic=f"%RETRY%{GROUP}"),
        mode(consumerGroup="CG_made"),
        mode(consumerGroup="../x"),
        mode(consumerGroup="CG_plain", mode="PULL", popShareQueueNum=0),
        mode(topic="%LMQ%light", popShareQueueNum=-1),
    ):
        say.ask("a", 401, {}, body)
    say.ask("a", 400, {}, question())
    say.ask("a", 401, {}, mode(topic="%LMQ%light", popShareQueueNum=1))
    say.ask("c", 34, {}, heartbeat("c3", [consumer(GROUP, [TOPIC])], []))
    say.ask("a", 400, {}, question(clientId="c3"))
    say.ask("a", 402, {})
