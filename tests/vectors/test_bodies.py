"""Bodies that Java wrote, against ours: read, compared field by field, and written again to the same bytes."""

import dataclasses
import json
import math
import re
import struct
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pocketmq.model import group, subscription, topic
from pocketmq.model.data_version import DataVersion
from pocketmq.protocol import bodies
from pocketmq.protocol.bodies.codec import decode_body, decode_body_list, encode_body
from pocketmq.protocol.bodies.registration import (
    decode_registration,
    encode_registration,
    parse_topic_config_text,
    topic_config_text,
)
from pocketmq.protocol.compression import inflate
from pocketmq.protocol.fastjson import dumps, loads

MANIFEST = json.loads((Path(__file__).parent / "manifest.json").read_text())["cases"]
CASES = {case["id"]: case for case in MANIFEST if case["group"] == "1-bodies"}
LIVE = [case for case in MANIFEST if case["kind"] == "json-body-live"]
LISTS = {"body/AclInfo-list": bodies.AclInfo, "body/UserInfo-list": bodies.UserInfo}
NEVER_ON_THE_WIRE = {"filter_class_source": None, "random": None, "is_activated": False}
JAVA_VERSION = 513


def test_every_kind_of_case_is_known_and_none_is_missing() -> None:
    assert Counter(case["kind"] for case in CASES.values()) == {
        "json-body": 63,
        "fastjson-scalar": 27,
        "topic-config-text": 2,
        "register-compressed": 1,
    }


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    case = CASES[name]
    CHECKS[case["kind"]](case)


@pytest.mark.parametrize("case", LIVE, ids=lambda case: case["id"])
def test_statistics_of_a_live_broker(case: dict[str, Any]) -> None:
    text = case["text"].encode()
    assert bodies.ConsumeStats.decode(text).encode() == text


def check_json_body(case: dict[str, Any]) -> None:
    text = bytes.fromhex(case["hex"])
    is_standard = case["id"].endswith("/standard")
    if case["id"] in LISTS:
        value: Any = decode_body_list(LISTS[case["id"]], text)
        assert plain(value) == java(case["input"]["value"])
    else:
        kind = kind_of(case["class"])
        value = decode_body(kind, text)
        assert_fields(value, case["input"])
        if case.get("pretty"):
            assert encode_body(value, pretty=True).decode() == case["pretty"]
            assert decode_body(kind, case["pretty"].encode()) == value
    assert encode_body(value, standard=is_standard) == text


def check_scalar(case: dict[str, Any]) -> None:
    value = scalar(case["input"]["value"])
    assert dumps({"k": value}).hex() == case["hex"]
    assert dumps({"k": value}, standard=True).hex() == case["standardHex"]
    written = loads(bytes.fromhex(case["hex"]))
    has_no_json_form = isinstance(value, float) and not math.isfinite(value)
    has_half_a_pair = isinstance(value, str) and any("\ud800" <= mark <= "\udfff" for mark in value)
    assert written == {"k": None if has_no_json_form else "?" if has_half_a_pair else value}


def check_topic_config_text(case: dict[str, Any]) -> None:
    config = parse_topic_config_text(case["text"])
    assert_fields(config, case["input"])
    assert topic_config_text(config) == case["text"]


def check_compressed_registration(case: dict[str, Any]) -> None:
    body = decode_registration(bytes.fromhex(case["hex"]), compressed=True, version=JAVA_VERSION)
    plain_body = CASES["body/RegisterBrokerBody/plain"]
    expected = decode_registration(plain_body["text"].encode(), compressed=False, version=JAVA_VERSION)
    wrapper = dataclasses.replace(expected.topic_config_serialize_wrapper, mapping_data_version=DataVersion())
    assert body == dataclasses.replace(expected, topic_config_serialize_wrapper=wrapper)
    ours = encode_registration(expected, compressed=True)
    assert inflate(ours, 1 << 20).hex() == case["inflatedHex"]
    assert encode_registration(expected, compressed=False).decode() == plain_body["text"]


CHECKS = {
    "json-body": check_json_body,
    "fastjson-scalar": check_scalar,
    "topic-config-text": check_topic_config_text,
    "register-compressed": check_compressed_registration,
}


def kind_of(java_class: str) -> type[Any]:
    name = java_class.rpartition(".")[2].rpartition("$")[2]
    return next(getattr(module, name) for module in (bodies, topic, group, subscription) if hasattr(module, name))


def assert_fields(value: object, expected: dict[str, Any]) -> None:
    """Every field that Java's object has is an attribute of ours with the same value, and the other way round."""
    assert plain(value) == java(expected)


def java(value: Any) -> Any:
    """Java's fields under our names; fields that Java never writes are checked and dropped."""
    if isinstance(value, list):
        return [java(member) for member in value]
    if not isinstance(value, dict):
        return value
    if "$bits" in value:
        return value["$bits"]
    if "$map" in value:
        return {key_text(java(key)): java(member) for key, member in value["$map"]}
    found = {snake(name): java(member) for name, member in value.items()}
    for name, always in NEVER_ON_THE_WIRE.items():
        assert found.pop(name, always) == always
    return found


def plain(value: Any) -> Any:
    """Our values as lists and dictionaries."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key_text(plain(key)): plain(member) for key, member in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    return value


def key_text(key: Any) -> Any:
    return snake(key) if isinstance(key, str) else json.dumps(key, sort_keys=True)


def snake(name: str) -> str:
    name = re.sub(r"(MiB|RT|TPS|OK|MQ|ID|IP)", lambda found: found.group().capitalize(), name)
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found.group().lower(), name).lower()


def scalar(value: Any) -> Any:
    if isinstance(value, dict) and "$double" in value:
        return float(value["$double"])
    if isinstance(value, dict):
        units = value["$codepoints"]
        return struct.pack(f"<{len(units)}H", *units).decode("utf-16-le", "surrogatepass")
    return value
