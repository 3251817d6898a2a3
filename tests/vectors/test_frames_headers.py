"""Extension fields of the frames that Java wrote, against our typed headers: values, names and order."""

import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from pocketmq.model.errors import Refusal
from pocketmq.protocol import headers
from pocketmq.protocol.headers.declaration import Header, rules

FRAMES = [
    case
    for case in json.loads((Path(__file__).parent / "manifest.json").read_text())["cases"]
    if case["group"] == "1-frames" and case["kind"] == "frame"
]
CASES = {case["id"]: case for case in FRAMES if case["input"]["headerClass"]}
ONE_LETTER_NAMES = {
    "a": "producer_group",
    "b": "topic",
    "c": "default_topic",
    "d": "default_topic_queue_nums",
    "e": "queue_id",
    "f": "sys_flag",
    "g": "born_timestamp",
    "h": "flag",
    "i": "properties",
    "j": "reconsume_times",
    "k": "unit_mode",
    "l": "max_reconsume_times",
    "m": "batch",
    "n": "broker_name",
}
FAST_HEADERS = {"PullMessageRequest", "PullMessageResponse", "SendMessageRequestV2", "SendMessageResponse"}
"""FastCodesHeader: these write their fields in an order of their own, which binary headers keep."""


def kind_of(case: dict[str, Any]) -> type[Header]:
    name = case["input"]["headerClass"].rpartition(".")[2]
    kind: type[Header] = getattr(headers, re.sub(r"Header(V2)?$", r"\1", name))
    return kind


def is_fast(case: dict[str, Any]) -> bool:
    return case["serialize"] == "ROCKETMQ" and kind_of(case).__name__ in FAST_HEADERS


def test_every_header_of_the_frames_is_covered() -> None:
    assert len(FRAMES) == 206
    assert len(CASES) == 108
    assert len({case["input"]["headerClass"] for case in CASES.values()}) == 41


@pytest.mark.parametrize("name", CASES)
def test_header(name: str) -> None:
    case = CASES[name]
    kind = kind_of(case)
    java_fields = case["input"]["header"]
    fields = {key: value for key, value in (case["decoded"]["extFields"] or {}).items() if value is not None}
    if is_without_a_required_field(kind, java_fields):
        with pytest.raises(Refusal, match=r"the custom field <.*> is null"):
            kind.decode(fields)
        return
    header = kind.decode(fields)
    expected = {attribute_of(kind, field): value for field, value in java_fields.items()}
    actual = {rule.attribute: getattr(header, rule.attribute) for rule in rules(kind)}
    if case["serialize"] == "ROCKETMQ":
        expected = {attribute: None if value == "" else value for attribute, value in expected.items()}
    assert actual == expected
    own_names = {rule.wire_name for rule in rules(kind)}
    assert header.fields() == {key: value for key, value in fields.items() if key in own_names}
    assert kind.decode(header.fields()) == header


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if is_fast(case)])
def test_fast_headers_keep_their_order(name: str) -> None:
    case = CASES[name]
    pairs = extension_pairs(bytes.fromhex(case["hex"]))
    assert pairs
    assert list(kind_of(case).decode(dict(pairs)).fields().items()) == pairs


def attribute_of(kind: type[Header], java_field: str) -> str:
    if kind is headers.SendMessageRequestV2 and java_field in ONE_LETTER_NAMES:
        return ONE_LETTER_NAMES[java_field]
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found.group().lower(), java_field).lower()


def is_without_a_required_field(kind: type[Header], java_fields: dict[str, Any]) -> bool:
    return any(rule.is_required and java_fields[rule.wire_name] is None for rule in rules(kind))


def extension_pairs(frame: bytes) -> list[tuple[str, str]]:
    """The extension of a binary header, in its order."""
    remark_at = 8 + 2 + 1 + 2 + 4 + 4
    (remark_size,) = struct.unpack_from(">i", frame, remark_at)
    at = remark_at + 4 + remark_size
    (size,) = struct.unpack_from(">i", frame, at)
    at += 4
    end = at + size
    pairs: list[tuple[str, str]] = []
    while at < end:
        (name_size,) = struct.unpack_from(">h", frame, at)
        name = frame[at + 2 : at + 2 + name_size].decode()
        at += 2 + name_size
        (value_size,) = struct.unpack_from(">i", frame, at)
        value = frame[at + 4 : at + 4 + value_size].decode()
        at += 4 + value_size
        pairs.append((name, value))
    return pairs
