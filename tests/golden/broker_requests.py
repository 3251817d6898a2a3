"""Words that the scenarios of the golden recording share: what a scenario may do, and the requests it makes."""

import json
from collections.abc import Mapping
from typing import Protocol

GROUP = "CG_golden"
TOPIC = "TopicGolden"


class Asker(Protocol):
    """What a scenario may do; `record_broker.Recorder` is it."""

    def ask(
        self, peer: str, code: int, fields: Mapping[str, object] = ..., body: bytes = ..., **frame: object
    ) -> dict[str, object]:
        """One request of the connection named `peer`; the answer as recorded."""
        ...

    def send(self, topic: str, queue_id: int, body: str, properties: Mapping[str, str] = ...) -> int:
        """Store a message; its log offset."""
        ...

    def view(self, topic: str, queue_id: int, index: int) -> None:
        """Record the stored message at a place of a queue."""
        ...

    def answer_relayed(self, peer: str, code: int, reply_code: int, body: bytes) -> None:
        """What `peer` says when the broker relays request `code` to it."""
        ...

    def hang_up(self, peer: str) -> None:
        """Close a connection."""
        ...

    def pause(self, seconds: float) -> None:
        """Let the broker's own schedule run; the replay skips the time."""
        ...


def create_topic(name: object, **changes: object) -> dict[str, object]:
    """The fields of code 17; a change to None leaves the field out."""
    fields: dict[str, object] = {"topic": name, "defaultTopic": "TBW102", "readQueueNums": 4, "writeQueueNums": 4}
    fields |= {"perm": 6, "topicFilterType": "SINGLE_TAG", "topicSysFlag": 0, "order": "false"}
    return {key: value for key, value in (fields | changes).items() if value is not None}


def json_body(value: object) -> bytes:
    """A request body."""
    return json.dumps(value, separators=(",", ":")).encode()


def consumer(group: str, topics_of: list[str], **changes: object) -> dict[str, object]:
    """A ConsumerData."""
    subscriptions = [
        {
            "classFilterMode": False,
            "codeSet": [],
            "expressionType": "TAG",
            "subString": "*",
            "subVersion": 1,
            "tagsSet": [],
        }
        | {"topic": topic}
        for topic in topics_of
    ]
    data: dict[str, object] = {"consumeFromWhere": "CONSUME_FROM_LAST_OFFSET", "consumeType": "CONSUME_PASSIVELY"}
    data |= {"groupName": group, "messageModel": "CLUSTERING", "subscriptionDataSet": subscriptions, "unitMode": False}
    return data | changes


def heartbeat(client: str, consumers: list[dict[str, object]], producers: list[str], **changes: object) -> bytes:
    """A HeartbeatData."""
    value: dict[str, object] = {"clientID": client, "consumerDataSet": consumers, "heartbeatFingerprint": 0}
    value |= {"producerDataSet": [{"groupName": name} for name in producers], "withoutSub": False}
    return json_body(value | changes)
