"""Whatever bytes come: whole commands, or ProtocolError, or Refusal when a field is asked for. Nothing else escapes."""

import struct

import pytest
from hand_frames import send_frame
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketmq.model.errors import ProtocolError, Refusal
from pocketmq.protocol.connection import Connection
from pocketmq.protocol.frame import JSON, ROCKETMQ, Command, encode
from pocketmq.protocol.frame.send_header import read_send

FIELDS = st.dictionaries(st.text(min_size=1, max_size=12), st.text(min_size=1, max_size=40), max_size=6)
INT32 = st.integers(-(2**31), 2**31 - 1)


def _use(command: Command) -> None:
    """Everything a handler might ask of a command."""
    try:
        _ = command.fields, command.body, command.remark, command.language_name
        read_send(command)
    except Refusal:
        pass


def _feed(data: bytes, step: int) -> list[Command]:
    connection = Connection()
    commands: list[Command] = []
    try:
        for at in range(0, len(data), step):
            commands += connection.feed(data[at : at + step])
            assert connection.unread_bytes <= len(data)
    except ProtocolError:
        pass
    return commands


@given(st.binary(max_size=400), st.integers(1, 50))
def test_random_bytes(data: bytes, step: int) -> None:
    for command in _feed(data, step):
        _use(command)


@given(st.binary(max_size=200), st.integers(0, 2))
def test_random_headers_in_sound_frames(header: bytes, kind: int) -> None:
    data = struct.pack(">II", 4 + len(header), kind << 24 | len(header)) + header
    for command in _feed(data, len(data)):
        _use(command)


@settings(max_examples=300)
@given(
    st.sampled_from([JSON, ROCKETMQ]),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(1, 80),
)
def test_mutated_sends(serialize_type: int, changes: list[tuple[int, int]], step: int) -> None:
    data = bytearray(send_frame(serialize_type=serialize_type) * 2)
    for place, value in changes:
        data[place % len(data)] = value
    for command in _feed(bytes(data), step):
        _use(command)


@given(
    INT32,
    INT32,
    st.none() | st.text(min_size=1, max_size=30),
    FIELDS,
    st.binary(max_size=64),
    st.sampled_from([JSON, ROCKETMQ]),
    st.integers(1, 64),
)
def test_what_is_written_is_read(
    code: int, opaque: int, remark: str | None, fields: dict[str, str], body: bytes, kind: int, step: int
) -> None:
    data = encode(code, 0, opaque, remark, fields, body, kind)
    (command,) = _feed(data, step)
    assert command.opaque == opaque
    assert command.remark == remark
    assert command.fields == fields
    assert command.body == body
    assert command.code == (code if kind == JSON else (code & 0xFFFF ^ 0x8000) - 0x8000)


@given(st.integers(0, 20), st.integers(1, 300))
def test_a_lying_header_length_harms_nobody(extra: int, step: int) -> None:
    data = bytearray(send_frame())
    length = int.from_bytes(data[5:8], "big") + extra * 37
    data[5:8] = (length & 0xFFFFFF).to_bytes(3, "big")
    for command in _feed(bytes(data), step):
        _use(command)


@pytest.mark.parametrize("fields", [b"5", b"[]", b'"text"', b"true"])
def test_fields_that_are_no_object_end_the_connection(fields: bytes) -> None:
    header = b'{"code":310,"extFields":%b,"flag":0,"opaque":1}' % fields
    with pytest.raises(ProtocolError, match="extFields is not a JSON object"):
        Connection().feed(struct.pack(">II", 4 + len(header), len(header)) + header)
