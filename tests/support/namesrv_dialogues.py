"""The words of the golden dialogues with a name server; `record_namesrv.py` writes down what Java answers to them.

A dialogue is a name, a configuration and steps: `say` (a request over a named connection), `hang_up` (a connection
ends), `pause_ms` (time passes). Bodies are text; a body of bytes that are no text is written as hexadecimal digits.
Where we answer otherwise than Java on purpose, `ours` says what and why.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OLD, NEW = 400, 513
"""MQVersion ordinals: the last before V4_9_4, and RocketMQ 5.5.0's."""

Step = dict[str, Any]

MASTER = "127.0.0.1:10911"
SLAVE = "127.0.0.1:10921"
SECOND_SLAVE = "127.0.0.1:10931"
OTHER = "127.0.0.1:11911"


@dataclass
class Dialogue:
    """One conversation with a name server of its own; addresses in `listening` are brokers that take notices."""

    name: str
    steps: list[Step]
    settings: Mapping[str, str] = field(default_factory=dict)
    listening: tuple[str, ...] = ()


def say(
    code: int,
    fields: Mapping[str, object] | None = None,
    body: str | bytes = "",
    *,
    peer: str = "tool",
    version: int = NEW,
    note: str = "",
) -> Step:
    """A request; `note` says what is being shown."""
    request: Step = {"code": code, "version": version, "fields": {k: text(v) for k, v in (fields or {}).items()}}
    request |= {"body": body} if isinstance(body, str) else {"hex": body.hex()}
    return {"peer": peer, "say": request} | ({"note": note} if note else {})


def differing(step: Step, why: str, code: int = 0, remark: str | None = None, **more: object) -> Step:
    """The step with our own answer and the reason for it; a remark stands for all that begin with it."""
    return step | {"ours": {"why": why, "code": code, "remark": remark, "fields": {}, "body": "", **more}}


def lacking(step: Step, name: str) -> Step:
    """The step with the refusal of a required field that is not there."""
    why = "Java logs the missing field and goes on with null; stock clients always send it"
    return differing(step, why, 1, f"the custom field <{name}> is null")


def text(value: object) -> str:
    """A header value as Java writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def topic(name: str, write: int = 4, read: int = 8, perm: int = 6, flag: int = 0) -> dict[str, object]:
    """A TopicConfig as a Java broker sends it."""
    return {
        "attributes": {},
        "order": False,
        "perm": perm,
        "readQueueNums": read,
        "topicFilterType": "SINGLE_TAG",
        "topicName": name,
        "topicSysFlag": flag,
        "writeQueueNums": write,
    }


def data_version(counter: int, state_version: int = 0) -> dict[str, int]:
    """A DataVersion with a timestamp that depends on nothing but the counter."""
    return {"counter": counter, "stateVersion": state_version, "timestamp": 1709210000000 + counter}


def registration(
    topics: list[dict[str, object]],
    counter: int = 1,
    *,
    state_version: int = 0,
    mappings: Mapping[str, object] | None = None,
    filter_servers: tuple[str, ...] = (),
) -> str:
    """A RegisterBrokerBody."""
    wrapper = {
        "dataVersion": data_version(counter, state_version),
        "mappingDataVersion": data_version(counter, state_version),
        "topicConfigTable": {str(config["topicName"]): config for config in topics},
        "topicQueueMappingDetailMap": {},
        "topicQueueMappingInfoMap": dict(mappings or {}),
    }
    return compact({"filterServerList": list(filter_servers), "topicConfigSerializeWrapper": wrapper})


def compact(value: object) -> str:
    """JSON without blanks."""
    return json.dumps(value, separators=(",", ":"))


def identity(
    name: str = "broker-a", broker_id: int = 0, address: str = MASTER, cluster: str = "DefaultCluster"
) -> dict[str, object]:
    """The header fields that tell brokers apart."""
    return {"brokerName": name, "brokerId": broker_id, "brokerAddr": address, "clusterName": cluster}


def register(
    who: Mapping[str, object],
    body: str | bytes,
    *,
    peer: str = "broker",
    version: int = NEW,
    crc: int | None = None,
    note: str = "",
    **more: object,
) -> Step:
    """REGISTER_BROKER; the checksum is right unless given."""
    data = body.encode() if isinstance(body, str) else body
    right = zlib.crc32(data) & 0x7FFFFFFF
    fields: dict[str, object] = {
        "haServerAddr": str(who["brokerAddr"]).replace("1:1", "1:2"),
        "bodyCrc32": right if crc is None else crc,
    }
    fields |= {"compressed": False, "enableActingMaster": False} | dict(who) | more
    return say(103, {k: v for k, v in fields.items() if v is not None}, body, peer=peer, version=version, note=note)


def unregister(who: Mapping[str, object], *, peer: str = "broker", note: str = "") -> Step:
    """UNREGISTER_BROKER."""
    return say(104, who, peer=peer, note=note)


def route(name: str, *, version: int = NEW, note: str = "", **more: object) -> Step:
    """GET_ROUTEINFO_BY_TOPIC."""
    return say(105, {"topic": name} | more, version=version, note=note)


def pause(milliseconds: int) -> Step:
    """Time passes."""
    return {"pause_ms": milliseconds}


def hang_up(peer: str) -> Step:
    """A connection ends."""
    return {"hang_up": peer}
