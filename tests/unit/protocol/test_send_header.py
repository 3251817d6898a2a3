"""The hot request and its answer: the fast way and the slow way say the same."""

import json
import struct

import pytest
from golden_cases import cases_of
from hand_frames import UNIQUE_KEY, send_frame

from pocketmq.model.errors import Refusal
from pocketmq.model.peer import pack_host
from pocketmq.protocol.connection import Connection
from pocketmq.protocol.frame import JSON, ROCKETMQ, Command
from pocketmq.protocol.frame.json_header import language_number, load_fields, load_header
from pocketmq.protocol.frame.send_fields import ABSENT
from pocketmq.protocol.frame.send_header import SendHeader, read_send
from pocketmq.protocol.frame.send_reply import SendReplies, Stored

NAMES = (
    *("producer_group", "topic", "default_topic", "default_topic_queue_nums", "queue_id", "sys_flag"),
    *("born_timestamp", "flag", "properties", "reconsume_times", "unit_mode", "max_reconsume_times", "batch"),
)
SENDS = [
    case
    for case in cases_of("1-frames", "frame")
    if case["input"]["code"] in (10, 310, 320) and not case["input"]["response"]
]


def _values(header: SendHeader) -> dict[str, object]:
    return {name: getattr(header, name) for name in NAMES}


def _only(data: bytes) -> Command:
    (command,) = Connection().feed(data)
    return command


@pytest.mark.parametrize("case", SENDS, ids=lambda case: case["id"])
def test_a_header_is_the_same_from_the_bytes_and_from_the_fields(case: dict) -> None:  # type: ignore[type-arg]
    data = bytes.fromhex(case["hex"])
    from_bytes = read_send(_only(data))
    decoded = _only(data)
    from_fields = read_send(Command.of(decoded.code, decoded.fields, decoded.body))
    assert _values(from_bytes) == _values(from_fields)
    fields = case["decoded"]["extFields"]
    assert from_bytes.topic == (fields.get("b") or fields.get("topic"))
    assert from_bytes.properties == (fields.get("i") or fields.get("properties") or "").encode()


@pytest.mark.parametrize("kind", [JSON, ROCKETMQ])
def test_optional_fields_have_their_defaults(kind: int) -> None:
    header = read_send(_only(send_frame(serialize_type=kind)))
    assert (header.reconsume_times, header.max_reconsume_times, header.batch, header.unit_mode) == (
        0,
        ABSENT,
        False,
        False,
    )
    assert header.born_timestamp == 1709210000000


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        'tab\tquote"back\\slash/',
        "\x01\x02\x08\x0c\n\r",
        "ключ 钥匙 😀",
        "é" * 3000,
        "\ud83d",
    ],
)
@pytest.mark.parametrize("kind", [JSON, ROCKETMQ])
def test_properties_keep_every_character(text: str, kind: int) -> None:
    if kind == JSON:
        ext = {"a": "g", "b": "t", "c": "d", "d": "1", "e": "0", "f": "0", "g": "1", "h": "0", "i": text}
        header = json.dumps({"code": 310, "extFields": ext, "flag": 0, "opaque": 1, "version": 1}).encode()
        header = header.replace(b": ", b":").replace(b", ", b",")
        data = (4 + len(header)).to_bytes(4, "big") + len(header).to_bytes(4, "big") + header
        assert read_send(_only(data)).properties == text.encode("utf-8", "replace")
    elif text.isprintable() or text.isascii():
        data = send_frame(serialize_type=kind, i=text)
        assert read_send(_only(data)).properties == text.encode()


@pytest.mark.parametrize("kind", [JSON, ROCKETMQ])
def test_an_odd_number_is_named_whichever_way_it_came(kind: int) -> None:
    for letter, text in (("e", "0x1"), ("g", "9" * 19), ("d", "2147483648")):
        with pytest.raises(Refusal, match=f"<{letter}>"):
            read_send(_only(send_frame(serialize_type=kind, **{letter: text})))


def test_negative_numbers_are_numbers() -> None:
    assert read_send(_only(send_frame(e="-1", h="-7"))).queue_id == -1


@pytest.mark.parametrize("key", [UNIQUE_KEY, "k", "", 'quote"d', "ключ", "x" * 5000])
@pytest.mark.parametrize("kind", [JSON, ROCKETMQ])
@pytest.mark.parametrize("host", [pack_host("127.0.0.1", 10911), pack_host("fe80::1:2", 10911)])
def test_an_answer_says_where_the_message_lies(key: str, kind: int, host: bytes) -> None:
    request = _only(send_frame(opaque=2_147_483_647, serialize_type=kind))
    stored = Stored(3, 17, 0x1234_5678_9ABC, 0x1234_5678_9B00, True, key.encode())
    answer = _only(SendReplies(host, "DefaultRegion", True).encode(stored, request))
    assert (answer.code, answer.opaque, answer.is_response, answer.serialize_type) == (0, 2_147_483_647, True, kind)
    expected = {
        "queueId": "3",
        "queueOffset": "17",
        "msgId": host.hex().upper() + "0000123456789ABC",
        "transactionId": key,
        "MSG_REGION": "DefaultRegion",
        "TRACE_ON": "true",
    }
    if kind == ROCKETMQ and not key:
        del expected["transactionId"]
    assert answer.fields == expected


@pytest.mark.parametrize("opaque", [0, -1, -2_147_483_648, 7])
def test_any_opaque_comes_back(opaque: int) -> None:
    request = Command.of(310, opaque=opaque)
    answer = _only(SendReplies(bytes(8), "r", False).encode(Stored(0, 0, 0, 100, True, b"k"), request))
    assert answer.opaque == opaque


@pytest.mark.parametrize("kinds", [[JSON] * 300, [JSON, ROCKETMQ, JSON]])
@pytest.mark.parametrize("key", [b"K" * 32, b"K" * 5000, b"odd key"])
def test_a_batch_of_answers_is_its_answers_one_behind_the_other(kinds: list[int], key: bytes) -> None:
    replies = SendReplies(bytes(8), "DefaultRegion", True)
    commands = [Command.of(310, opaque=number, serialize_type=kind) for number, kind in enumerate(kinds)]
    outcomes = [Stored(number % 4, number, 100 * number, 100 * number + 99, True, key) for number in range(len(kinds))]
    together = replies.encode_all(outcomes, commands)
    assert together == b"".join(replies.encode(*pair) for pair in zip(outcomes, commands, strict=True))
    assert [answer.opaque for answer in Connection().feed(together)] == list(range(len(kinds)))


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("", ""),
        ("", ',"remark":"why not"'),
        ("", ',"code":320'),
        ("", ',"extFields":null'),
        (' "opaque":9,', ""),
        ('"opaque":"9",', ',"version":"401"'),
        ("", ',"language":"RUST"'),
        ("", ',"language":12'),
        ("", ',"language":null'),
        ("", ',"flag":null'),
    ],
)
@pytest.mark.parametrize("letters", [{}, {"j": "3", "l": "16"}, {"e": "x"}, {"n": "broker-a"}, {"h": "0", "k": "true"}])
def test_a_header_says_the_same_however_its_parts_stand(begins: str, ends: str, letters: dict[str, str]) -> None:
    fields = dict(zip("abcdefgh", ("g", "t", "TBW102", "4", "0", "0", "1", "0"), strict=True)) | letters
    said = f'"code":310,{begins}"extFields":{json.dumps(fields, separators=(",", ":"))},"flag":0,"opaque":1{ends}'
    expected = load_header(f"{{{said}}}".encode())
    for header in (f"{{{said}}}".encode(), f"{{ {said}}}".encode()):
        command = _only(struct.pack(">II", 4 + len(header), len(header)) + header)
        assert (command.code, command.flag, command.opaque) == (expected.code, expected.flag, expected.opaque)
        assert (command.version, command.remark) == (expected.version, expected.remark)
        assert command.language == language_number(expected.language)
        asked = Command.of(command.code, load_fields(bytes(expected.extFields)))
        assert _outcome(command) == _outcome(asked)
        assert command.fields == asked.fields


def _outcome(command: Command) -> object:
    try:
        return _values(read_send(command))
    except Refusal as refusal:
        return refusal.remark
