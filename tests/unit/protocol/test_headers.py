"""Typed headers: required fields, numbers, booleans, and the remarks of those that are refused."""

import struct
from collections import UserDict
from typing import Any

import pytest

from pocketmq.model.errors import Refusal
from pocketmq.model.queue import BoundaryType
from pocketmq.protocol import headers
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.connection import Connection
from pocketmq.protocol.frame import encode_request
from pocketmq.protocol.headers.declaration import Header, rules

PULL = {
    "consumerGroup": "CG",
    "topic": "T",
    "queueId": "1",
    "queueOffset": "2",
    "maxMsgNums": "3",
    "sysFlag": "4",
    "commitOffset": "5",
    "suspendTimeoutMillis": "6",
    "subVersion": "7",
}


def remark_of(kind: type[Header], fields: dict[str, str]) -> str:
    with pytest.raises(Refusal) as refused:
        kind.decode(fields)
    assert refused.value.code == ResponseCode.SYSTEM_ERROR
    return refused.value.remark


def test_every_header_has_a_table_and_camel_case_names() -> None:
    kinds = [kind for name in headers.__all__ if issubclass(kind := getattr(headers, name), Header)]
    assert len(kinds) == 146
    for kind in kinds:
        wire_names = [rule.wire_name for rule in rules(kind)]
        assert len(wire_names) == len(set(wire_names))


def test_fields_come_own_first_then_inherited() -> None:
    header = headers.PullMessageRequest.decode(PULL | {"bname": "b", "lo": "false", "ns": "n", "oway": "true"})
    assert list(header.fields())[-4:] == ["lo", "ns", "bname", "oway"]
    assert (header.bname, header.lo, header.ns, header.oway, header.nsd) == ("b", False, "n", True, None)


def test_unknown_fields_are_ignored() -> None:
    assert headers.PullMessageRequest.decode(PULL | {"x": "y"}) == headers.PullMessageRequest.decode(PULL)


def test_any_mapping_will_do() -> None:
    assert headers.PullMessageRequest.decode(UserDict(PULL)) == headers.PullMessageRequest.decode(PULL)


def test_a_missing_required_field_is_refused_in_javas_words() -> None:
    for name in PULL:
        fields = {key: value for key, value in PULL.items() if key != name}
        assert remark_of(headers.PullMessageRequest, fields) == f"the custom field <{name}> is null"


def test_one_letter_names_are_named_as_they_came() -> None:
    assert remark_of(headers.SendMessageRequestV2, {}) == "the custom field <a> is null"


def test_javas_primitives_have_defaults() -> None:
    header = headers.PopMessageRequest.decode({"consumerGroup": "CG", "topic": "T"})
    assert (header.queue_id, header.max_msg_nums, header.invisible_time, header.order) == (0, 0, 0, False)
    assert headers.GetMaxOffsetRequest.decode({"topic": "T", "queueId": "0"}).committed


@pytest.mark.parametrize(
    ("text", "bits"), [("", 32), ("x", 32), ("1 ", 32), ("0x1", 32), ("２", 32), ("2147483648", 32), ("1" * 30, 32)]
)
def test_an_ill_typed_number_is_refused_by_name_and_value(text: str, bits: int) -> None:
    remark = remark_of(headers.PullMessageRequest, PULL | {"queueId": text})
    assert remark == f"the custom field <queueId> is {text!r}, not a whole number of {bits} bits"


def test_longs_have_64_bits() -> None:
    largest = headers.PullMessageRequest.decode(PULL | {"queueOffset": str(2**63 - 1), "commitOffset": str(-(2**63))})
    assert (largest.queue_offset, largest.commit_offset) == (2**63 - 1, -(2**63))
    remark = remark_of(headers.PullMessageRequest, PULL | {"queueOffset": str(2**63)})
    assert remark == "the custom field <queueOffset> is '9223372036854775808', not a whole number of 64 bits"


def test_a_plus_sign_is_read_as_java_reads_it() -> None:
    assert headers.PullMessageRequest.decode(PULL | {"queueId": "+5"}).queue_id == 5


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("TRUE", True), ("false", False), ("1", False), ("yes", False), ("", False)]
)
def test_booleans_are_read_as_java_reads_them(text: str, value: bool) -> None:
    fields = {"namespace": "n", "key": "k"} | {"topic": "T", "acceptStandardJsonOnly": text}
    assert headers.GetRouteInfoRequest.decode(fields).accept_standard_json_only is value


@pytest.mark.parametrize(
    ("text", "value"), [("UPPER", "UPPER"), ("upper", "UPPER"), ("LOWER", "LOWER"), ("lower", "LOWER"), ("?", "LOWER")]
)
def test_boundaries_are_read_as_java_reads_them(text: str, value: str) -> None:
    fields = {"topic": "T", "queueId": "0", "timestamp": "1", "boundaryType": text}
    header = headers.SearchOffsetRequest.decode(fields)
    assert header.boundary_type is BoundaryType(value)
    assert header.fields()["boundaryType"] == value


def test_null_is_a_word_like_any_other() -> None:
    header = headers.PullMessageRequest.decode(PULL | {"subscription": "null", "topic": "null"})
    assert (header.subscription, header.topic) == ("null", "null")
    optional: Any = headers.PullMessageRequest.decode(PULL | {"subscription": "*"})
    assert optional.expression_type is None
    assert "expressionType" not in optional.fields()


@pytest.mark.parametrize("text", ["true", "1", "0", "false"])
def test_a_header_read_from_its_text_says_the_same(text: str) -> None:
    fields = PULL | {"nsd": text}
    (request,) = Connection().feed(encode_request(11, fields, opaque=1))
    assert headers.PullMessageRequest.read(request) == headers.PullMessageRequest.decode(fields)


@pytest.mark.parametrize("name", ['"nsd"', '"ns\\u0064"'])
@pytest.mark.parametrize("text", ['"1"', '"true"', '"x"'])
def test_a_boolean_whose_name_is_escaped_is_read_as_java_reads_it(name: str, text: str) -> None:
    fields = ",".join([*(f'"{key}":"{value}"' for key, value in PULL.items()), f"{name}:{text}"])
    head = f'{{"code":11,"language":"JAVA","version":513,"opaque":1,"flag":0,"extFields":{{{fields}}}}}'.encode()
    (request,) = Connection().feed(struct.pack(">II", 4 + len(head), len(head)) + head)
    assert headers.PullMessageRequest.read(request).nsd is (text == '"true"')
