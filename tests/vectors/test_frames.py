"""Frames as Java writes and reads them: 206 commands in both serializations, 31 oddities."""

import json
from typing import Any

import pytest
from golden_cases import cases_of

from pocketmq.model.errors import ProtocolError, Refusal
from pocketmq.model.outcome import NO_FIELDS, Reply
from pocketmq.protocol.codes import LANGUAGES
from pocketmq.protocol.connection import Connection
from pocketmq.protocol.frame import JSON, ROCKETMQ, Command, encode, encode_response

FRAMES = cases_of("1-frames", "frame")
FOREIGN = cases_of("1-frames", "frame-decode")
_TYPES = {"JSON": JSON, "ROCKETMQ": ROCKETMQ}


def _only(data: bytes) -> Command:
    (command,) = Connection().feed(data)
    return command


def _check(command: Command, decoded: dict[str, Any]) -> None:
    fields = {key: value for key, value in (decoded["extFields"] or {}).items() if value is not None}
    assert command.fields == fields
    assert command.code == decoded["code"]
    assert command.language_name == decoded["language"]
    assert command.version == decoded["version"]
    assert command.flag == decoded["flag"]
    assert command.remark == decoded["remark"]
    assert command.body == bytes.fromhex(decoded["body"] or "")
    if "opaque" in decoded:
        assert command.opaque == decoded["opaque"]
    assert command.serialize_type == _TYPES[decoded["serializeType"]]


@pytest.mark.parametrize("case", FRAMES, ids=lambda case: case["id"])
def test_a_frame_is_read_as_java_reads_it(case: dict[str, Any]) -> None:
    _check(_only(bytes.fromhex(case["hex"])), case["decoded"])


@pytest.mark.parametrize("case", FRAMES, ids=lambda case: case["id"])
def test_a_frame_is_written_as_java_writes_it(case: dict[str, Any]) -> None:
    given = bytes.fromhex(case["hex"])
    command = _only(given)
    wrong = command.language_name is None
    written = encode(
        command.code,
        command.flag,
        command.opaque,
        command.remark,
        command.fields if case["decoded"]["extFields"] is not None else NO_FIELDS,
        command.body,
        command.serialize_type,
        0 if wrong else LANGUAGES.index(command.language_name or ""),
        command.version,
    )
    if wrong:
        pytest.fail("Java wrote a language it does not know")
    lost = any(value is None for value in (case["decoded"]["extFields"] or {}).values())
    again = _only(written)
    _check(again, case["decoded"])
    if command.serialize_type == JSON:
        # Java's map of fields has the order of its hashes; all else has its place.
        assert _header_without_order(written) == _header_without_order(given)
        assert _keys(written) == _keys(given)
    elif not lost:
        assert len(written) == len(given)
        assert written[8:21] == given[8:21]


def _header(frame: bytes) -> dict[str, Any]:
    length = int.from_bytes(frame[5:8], "big")
    header = json.loads(frame[8 : 8 + length])
    assert isinstance(header, dict)
    return header


def _header_without_order(frame: bytes) -> tuple[dict[str, Any], bytes]:
    return _header(frame), frame[8 + int.from_bytes(frame[5:8], "big") :]


def _keys(frame: bytes) -> list[str]:
    return list(_header(frame))


@pytest.mark.parametrize("case", FOREIGN, ids=lambda case: case["id"])
def test_a_foreign_frame_is_read_or_refused_as_by_java(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["hex"])
    if "error" in case["decoded"]:
        with pytest.raises((ProtocolError, Refusal)):
            _ = _only(data).fields
    else:
        _check(_only(data), case["decoded"])


@pytest.mark.parametrize("case", FRAMES[:40], ids=lambda case: case["id"])
def test_any_split_of_the_bytes_gives_the_same_commands(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["hex"]) * 2
    for step in (1, 3, 7, 64, len(data) - 1):
        connection = Connection()
        commands = [command for at in range(0, len(data), step) for command in connection.feed(data[at : at + step])]
        assert len(commands) == 2
        assert connection.unread_bytes == 0
        for command in commands:
            _check(command, case["decoded"])


def test_an_answer_has_the_requests_serialization_and_opaque() -> None:
    for serialize_type in (JSON, ROCKETMQ):
        request = Command.of(105, {"topic": "t"}, opaque=77, serialize_type=serialize_type)
        answer = _only(encode_response(request, Reply(17, "none", {"a": "b"}, b"body")))
        assert (answer.serialize_type, answer.opaque, answer.is_response) == (serialize_type, 77, True)
        assert (answer.code, answer.remark, answer.fields, answer.body) == (17, "none", {"a": "b"}, b"body")


def test_a_pop_code_is_cut_to_sixteen_bits_in_a_binary_header() -> None:
    data = encode(200050, 0, 1, None, {}, b"", ROCKETMQ)
    assert _only(data).code == 3442


@pytest.mark.parametrize("length", [-1, 0, 3, 16_777_217, 2**31 - 1])
def test_a_frame_length_out_of_bounds_ends_the_connection(length: int) -> None:
    with pytest.raises(ProtocolError, match="frame length"):
        Connection().feed(length.to_bytes(4, "big", signed=True) + bytes(8))
