"""Decoders meet nonsense: whatever the bytes, a Refusal or a ProtocolError at most; and what is written reads back."""

import dataclasses
import json
import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pocketmq.model.data_version import DataVersion
from pocketmq.model.errors import ProtocolError, Refusal
from pocketmq.model.flags import CompressionType
from pocketmq.model.group import SubscriptionGroupConfig
from pocketmq.model.limits import JSON_DEPTH_MAX
from pocketmq.model.message import Message, StoredMessage
from pocketmq.model.peer import pack_host
from pocketmq.model.subscription import SubscriptionData
from pocketmq.model.topic import TopicConfig
from pocketmq.protocol import bodies, headers, pop_offsets
from pocketmq.protocol.bodies.codec import Body, decode_body, decode_body_list, encode_body
from pocketmq.protocol.bodies.registration import decode_registration, encode_registration, parse_topic_config_text
from pocketmq.protocol.checksums import crc_property
from pocketmq.protocol.compression import compress, decompress
from pocketmq.protocol.connection import Connection
from pocketmq.protocol.fastjson import ObjectKey, dumps, dumps_plain, loads, loads_object
from pocketmq.protocol.frame import encode_request
from pocketmq.protocol.headers.declaration import Header, rules
from pocketmq.protocol.message import decode_messages, encode_messages, split_batch, unwrap_batch
from pocketmq.protocol.message_id import decode_message_id, encode_message_id
from pocketmq.protocol.pop_handle import PopHandle, decode_pop_handle
from pocketmq.protocol.properties import decode_properties, encode_properties
from pocketmq.protocol.recall_handle import RecallHandle, decode_recall_handle
from pocketmq.protocol.tolerant_json import read_tolerantly
from pocketmq.protocol.unique_key import decode_unique_key, encode_unique_key

MANIFEST = json.loads((Path(__file__).parent.parent / "vectors" / "manifest.json").read_text())["cases"]
JAVA_BODIES = [bytes.fromhex(case["hex"]) for case in MANIFEST if case["group"] == "1-bodies" and "hex" in case]
JAVA_MESSAGES = [bytes.fromhex(case["hex"]) for case in MANIFEST if case["kind"].startswith("message-wire")]
JAVA_REGISTRATION = next(bytes.fromhex(case["hex"]) for case in MANIFEST if case["kind"] == "register-compressed")

BODY_KINDS: list[type[Any]] = sorted(
    (kind for kind in vars(bodies).values() if isinstance(kind, type) and issubclass(kind, Body) and kind is not Body),
    key=lambda kind: kind.__name__,
)
MODEL_KINDS: list[type[Any]] = [DataVersion, TopicConfig, SubscriptionGroupConfig, SubscriptionData]
HEADER_KINDS = sorted(
    (kind for kind in vars(headers).values() if isinstance(kind, type) and issubclass(kind, Header)),
    key=lambda kind: kind.__name__,
)
INT64 = st.integers(-(2**63), 2**63 - 1)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x01\x02"), min_size=1, max_size=12)
PROPERTIES = st.dictionaries(NAMES, NAMES, max_size=6)
SCALARS = st.none() | st.booleans() | INT64 | st.floats(allow_nan=False, allow_infinity=False) | NAMES
KEYS = NAMES | st.integers(-(2**31), 2**31 - 1) | st.builds(ObjectKey, st.tuples(st.tuples(NAMES, NAMES | INT64)))
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))
JSON_LIKE = st.text(st.sampled_from("{}[]:,\"'\\ntrufalseNa0123456789-+.eE \n/ux"), max_size=60)
MUTATIONS = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255), st.sampled_from("xid")), max_size=6)


steady = settings(deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow])


def mutated(original: bytes, changes: list[tuple[int, int, str]]) -> bytes:
    """The bytes with some overwritten, inserted or deleted."""
    data = bytearray(original)
    for place, byte, how in changes:
        at = place % (len(data) + 1)
        if how == "i":
            data.insert(at, byte)
        elif at < len(data):
            data[at : at + 1] = bytes([byte]) if how == "x" else b""
    return bytes(data)


def outcome(decode: Callable[[], object]) -> object:
    """What the decoder returns; None if it refused as decoders may. Anything else fails the test."""
    try:
        return decode()
    except (Refusal, ProtocolError):
        return None


@steady
@given(st.binary(max_size=80) | JSON_LIKE.map(str.encode) | JSON.map(dumps))
def test_json_readers_refuse_or_read(data: bytes) -> None:
    outcome(lambda: loads(data))
    outcome(lambda: loads_object(data))


@steady
@given(JSON_LIKE)
def test_the_tolerant_reader_reads_all_that_the_strict_one_does(text: str) -> None:
    try:
        expected = json.loads(text, parse_constant=lambda word: math.nan if word == "NaN" else float("inf"))
    except ValueError:
        outcome(lambda: read_tolerantly(text))
        return
    if "Infinity" not in text:
        assert repr(read_tolerantly(text)) == repr(expected)


@steady
@given(JSON)
def test_json_reads_back(value: Any) -> None:
    assert loads(dumps(value)) == loads(dumps(value, pretty=True)) == without_null_fields(value)


@steady
@given(st.integers(1, 3 * JSON_DEPTH_MAX), st.sampled_from(["[]", "{'a':}", '{"a":}', "{{0:1}:}"]))
def test_depth_is_bounded(depth: int, brackets: str) -> None:
    left, right = brackets[:-1], brackets[-1]
    data = (left * depth + "1" + right * depth).encode()
    outcome(lambda: loads(data))
    if depth > JSON_DEPTH_MAX:
        with pytest.raises(Refusal):
            loads(data)


@steady
@given(st.sampled_from(BODY_KINDS + MODEL_KINDS), JSON.map(dumps) | st.binary(max_size=40))
def test_bodies_refuse_or_read(kind: type[Any], data: bytes) -> None:
    value = outcome(lambda: decode_body(kind, data))
    if value is not None:
        assert decode_body(kind, encode_body(value)) == value
    outcome(lambda: decode_body_list(kind, data))


@steady
@given(st.sampled_from(BODY_KINDS + MODEL_KINDS), st.sampled_from(JAVA_BODIES), MUTATIONS)
def test_bodies_survive_damage(kind: type[Any], original: bytes, changes: list[tuple[int, int, str]]) -> None:
    value = outcome(lambda: decode_body(kind, mutated(original, changes)))
    if value is not None and "nan" not in repr(value):
        assert decode_body(kind, encode_body(value)) == value


@steady
@given(st.data())
def test_ill_typed_fields_are_refused_or_read(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(BODY_KINDS))
    wire_names = wire_names_of(kind)
    fields = data.draw(st.dictionaries(st.sampled_from(wire_names or ["x"]), JSON, max_size=5))
    value = outcome(lambda: decode_body(kind, dumps(fields)))
    if value is not None:
        assert decode_body(kind, encode_body(value)) == value


@steady
@given(MUTATIONS, st.booleans(), st.sampled_from([0, 37, 401, 413, 513]))
def test_registrations_refuse_or_read(changes: list[tuple[int, int, str]], compressed: bool, version: int) -> None:
    plain = zlib.decompress(JAVA_REGISTRATION)
    damaged = zlib.compress(mutated(plain, changes))
    outcome(lambda: decode_registration(damaged, compressed=compressed, version=version))
    outcome(lambda: decode_registration(mutated(JAVA_REGISTRATION, changes), compressed=compressed, version=version))


@steady
@given(st.binary(max_size=60), st.booleans(), st.integers(0, 600))
def test_registrations_refuse_nonsense(data: bytes, compressed: bool, version: int) -> None:
    outcome(lambda: decode_registration(data, compressed=compressed, version=version))
    outcome(lambda: decode_registration(zlib.compress(data), compressed=compressed, version=version))


@steady
@given(st.text(max_size=60))
def test_topic_texts_refuse_or_read(text: str) -> None:
    outcome(lambda: parse_topic_config_text(text))


@steady
@given(st.data())
def test_headers_refuse_or_read_and_write_back(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(HEADER_KINDS))
    texts = st.text(max_size=8) | INT64.map(str) | st.sampled_from(["true", "FALSE", "1", "UPPER", "lower", "1.5"])
    names_ = [rule.wire_name for rule in rules(kind)]
    fields = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(names_, texts)))
    header = outcome(lambda: kind.decode(fields))
    if isinstance(header, Header):
        assert kind.decode(header.fields()) == header
        assert header.fields().keys() >= fields.keys()
    (request,) = Connection().feed(encode_request(1, fields, opaque=1))
    assert outcome(lambda: kind.read(request)) == header


@steady
@given(st.lists(st.builds(Message, st.just("T"), st.binary(max_size=50), PROPERTIES, st.integers(-(2**31), 2**31 - 1))))
def test_batches_read_back(messages: list[Message]) -> None:
    body = encode_messages(messages)
    if messages:
        assert decode_messages("T", body) == messages
        stored = StoredMessage(topic="T", body=body, queue_offset=7)
        unwrapped = unwrap_batch(stored)
        assert [(one.body, one.properties, one.flag) for one in unwrapped] == [
            (one.body, one.properties, one.flag) for one in messages
        ]
        assert [one.queue_offset for one in unwrapped] == list(range(7, 7 + len(messages)))


@steady
@given(st.sampled_from(JAVA_MESSAGES), MUTATIONS)
def test_batches_survive_damage(original: bytes, changes: list[tuple[int, int, str]]) -> None:
    data = mutated(original, changes)
    entries = outcome(lambda: split_batch(data, 1 << 20))
    if isinstance(entries, list):
        assert sum(len(entry.body) + len(entry.properties) + 22 for entry in entries) == len(data)


@steady
@given(st.binary(max_size=100))
def test_batches_refuse_nonsense(data: bytes) -> None:
    outcome(lambda: split_batch(data, 50))


@steady
@given(PROPERTIES)
def test_properties_read_back(properties: dict[str, str]) -> None:
    assert decode_properties(encode_properties(properties)) == properties


@steady
@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_bytes_are_some_properties(data: bytes | str) -> None:
    decoded = decode_properties(data)
    assert all(name and value for name, value in decoded.items())


@steady
@given(st.ip_addresses(), st.integers(0, 65535), INT64)
def test_message_ids_read_back(address: Any, port: int, offset: int) -> None:
    packed = pack_host(str(address), port)
    read = decode_message_id(encode_message_id(packed, offset))
    assert (pack_host(read.host, read.port), read.log_offset) == (packed, offset)


@steady
@given(st.ip_addresses(), st.integers(0, 65535), st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**32 - 1))
def test_unique_keys_read_back(address: Any, process_id: int, salt: int, age_ms: int) -> None:
    key = encode_unique_key(address.packed, process_id=process_id, salt=salt, age_ms=age_ms, counter=process_id)
    read = decode_unique_key(key)
    assert (read.process_id, read.salt, read.age_ms, read.counter) == (process_id, salt, age_ms, process_id)


@steady
@given(st.builds(PopHandle, INT64, INT64, INT64, INT64, st.sampled_from("012"), st.text("abc-_", min_size=1), INT64))
def test_pop_handles_read_back(handle: PopHandle) -> None:
    for whole in (handle, dataclasses.replace(handle, queue_offset=5, log_offset=6)):
        assert decode_pop_handle(whole.encode()) == whole


@steady
@given(st.builds(RecallHandle, *[st.text("abc1中", min_size=1)] * 4))
def test_recall_handles_read_back(handle: RecallHandle) -> None:
    assert decode_recall_handle(handle.encode()) == handle


@steady
@given(st.text(max_size=80) | st.from_regex(r"([-0-9]{1,22} ){6,9}[0-9]", fullmatch=True))
def test_texts_refuse_or_read(text: str) -> None:
    for decode in (
        decode_message_id,
        decode_unique_key,
        decode_pop_handle,
        decode_recall_handle,
        pop_offsets.parse_start_offsets,
        pop_offsets.parse_message_offsets,
        pop_offsets.parse_order_counts,
    ):
        outcome(lambda decode=decode: decode(text))  # type: ignore[misc]


@steady
@given(st.lists(st.tuples(st.sampled_from(["T", "%RETRY%g_T", "%RETRY%g+T"]), INT64), unique_by=lambda one: one[0]))
def test_pop_offsets_read_back(entries: list[tuple[str, int]]) -> None:
    text = pop_offsets.join_entries(pop_offsets.start_offset_entry(topic, 3, offset) for topic, offset in entries)
    assert list(pop_offsets.parse_start_offsets(text).values()) == [offset for _, offset in entries]


@steady
@given(st.binary(max_size=300), st.integers(1, 9))
def test_compressed_bodies_read_back(body: bytes, level: int) -> None:
    packed = compress(body, CompressionType.ZLIB, level)
    assert decompress(packed, CompressionType.ZLIB) == body
    assert decompress(zlib.compress(body, wbits=31), CompressionType.ZLIB) == body


@steady
@given(st.binary(max_size=60), MUTATIONS)
def test_broken_bodies_are_refused(body: bytes, changes: list[tuple[int, int, str]]) -> None:
    outcome(lambda: decompress(mutated(zlib.compress(body), changes), CompressionType.ZLIB))
    outcome(lambda: decompress(body, CompressionType.ZLIB, 10))


@steady
@given(st.integers(0, 2**31 - 1))
def test_crc_digits_are_the_number_backwards(checksum: int) -> None:
    digits = crc_property(checksum)[len(b"__CRC32#\x01") : -1]
    assert len(digits) == 10
    assert int(digits[::-1]) == checksum


def wire_names_of(kind: type[Body]) -> list[str]:
    written = encode_body(kind.decode(b"{}")) if not required_of(kind) else b"{}"
    by_camel = [re_camel(field.name) for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    return sorted({*map(str, loads_object(written)), *by_camel, *kind.WIRE.values()})


def required_of(kind: type[Any]) -> list[str]:
    return [
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]


def re_camel(attribute: str) -> str:
    first, *others = attribute.split("_")
    return first + "".join(word.capitalize() for word in others)


def without_null_fields(value: Any) -> Any:
    """The writer leaves null fields of objects out, as fastjson does."""
    if isinstance(value, dict):
        return {key: without_null_fields(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [without_null_fields(member) for member in value]
    return value


def test_registrations_read_back() -> None:
    body = decode_registration(JAVA_REGISTRATION, compressed=True, version=513)
    for compressed in (True, False):
        again = encode_registration(body, compressed=compressed)
        assert decode_registration(again, compressed=compressed, version=513) == body


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.booleans() | st.lists(st.integers()), max_size=6))
def test_plain_maps_are_written_in_c_as_in_python(value: dict[str, Any]) -> None:
    assert dumps_plain(value) == dumps(value)


@pytest.mark.parametrize(
    "text", [chr(code) for code in (*range(0x21), 0x22, 0x2F, 0x5C, 0x7F, 0x85, 0x2028, 0xD800, 0xFFFF)]
)
def test_every_odd_character_is_written_in_c_as_in_python(text: str) -> None:
    assert dumps_plain({text: text}) == dumps({text: text})


@pytest.mark.parametrize("kind", [kind for kind in BODY_KINDS if kind.IS_PLAIN], ids=lambda kind: kind.__name__)
def test_a_body_that_says_it_is_plain_is(kind: type[Any]) -> None:
    @given(st.from_type(kind))
    @settings(max_examples=50)
    def check(body: Body) -> None:
        assert body.encode() == encode_body(body)

    check()
