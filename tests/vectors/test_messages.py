"""Messages that Java wrote, and what belongs to them: ids, flags, names, properties, hashes, compression."""

import importlib.util
import json
import zlib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pocketmq.model import flags, names, namespaces
from pocketmq.model.errors import UserError
from pocketmq.model.flags import CompressionType
from pocketmq.model.java import java_string_hash
from pocketmq.model.message import Message, StoredMessage
from pocketmq.model.peer import pack_host, unpack_host
from pocketmq.protocol.checksums import crc32_positive, crc_property
from pocketmq.protocol.compression import compress, decompress
from pocketmq.protocol.message import (
    decode_messages,
    encode_message,
    encode_messages,
    encode_record,
    encode_record_without_store,
    split_batch,
)
from pocketmq.protocol.message_id import decode_message_id, encode_message_id
from pocketmq.protocol.properties import decode_properties, encode_properties, encode_properties_text
from pocketmq.protocol.record import tags_code
from pocketmq.protocol.stored import decode_record
from pocketmq.protocol.unique_key import decode_unique_key, encode_unique_key, month_around

IN_TEST_HANDLES = {
    "pop-extra-info",
    "pop-info",
    "pop-checkpoint",
    "pop-ack",
    "pop-retry-topic",
    "receipt-handle",
    "recall-handle",
}
GROUP = [
    case
    for case in json.loads((Path(__file__).parent / "manifest.json").read_text())["cases"]
    if case["group"] == "2-messages"
]
CASES = {case["id"]: case for case in GROUP if case["kind"] not in IN_TEST_HANDLES}
LIBRARIES = {CompressionType.LZ4: "lz4", CompressionType.ZSTD: "zstandard"}


def test_every_kind_of_case_is_known_and_none_is_missing() -> None:
    assert len(GROUP) == 186
    assert len(CASES) == 164
    assert {case["kind"] for case in CASES.values()} == set(CHECKS)


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    case = CASES[name]
    CHECKS[case["kind"]](case)


def check_message(case: dict[str, Any]) -> None:
    message = message_of(case["input"])
    assert encode_message(message).hex() == case["hex"]
    assert decode_messages("TopicTest", bytes.fromhex(case["hex"])) == [message_of(case["decoded"])]


def check_batch(case: dict[str, Any]) -> None:
    messages = [message_of(message) for message in case["input"]["messages"]]
    body = bytes.fromhex(case["hex"])
    assert encode_messages(messages) == body
    assert len(split_batch(body, len(body))) == case.get("count", len(messages))
    decoded = decode_messages("TopicTest", body)
    assert [(one.flag, one.body) for one in decoded] == [(one.flag, one.body) for one in messages]


def check_record(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["hex"])
    assert decode_record(data) == stored_message_of(case["decoded"])
    assert encode_record(stored_message_of(case["input"])) == data


def check_record_without_store(case: dict[str, Any]) -> None:
    assert encode_record_without_store(stored_message_of(case["input"])).hex() == case["hex"]


def check_properties_encoding(case: dict[str, Any]) -> None:
    properties = {name: value for name, value in case["input"]["properties"].items() if value is not None}
    assert encode_properties(properties).hex() == case["hex"]
    assert encode_properties_text(properties) == case["text"]
    assert decode_properties(bytes.fromhex(case["hex"])) == case["decoded"]


def check_properties_decoding(case: dict[str, Any]) -> None:
    assert decode_properties(case["input"]["text"]) == case["decoded"]
    assert decode_properties(bytes.fromhex(case["hex"])) == case["decoded"]


def check_message_id(case: dict[str, Any]) -> None:
    host, port, offset = (case["input"][name] for name in ("host", "port", "offset"))
    assert encode_message_id(pack_host(host, port), offset) == case["text"]
    decoded = decode_message_id(case["text"])
    assert decoded.log_offset == case["decoded"]["offset"]
    assert pack_host(decoded.host, decoded.port) == packed(case["decoded"]["address"])


def check_unique_key(case: dict[str, Any]) -> None:
    made = case["input"]
    key = encode_unique_key(
        bytes.fromhex(made["ip"]),
        process_id=made["pid"],
        salt=made["loaderHash"],
        age_ms=made["millisSinceMonthStart"],
        counter=made["counter"],
    )
    assert key == case["text"]
    check_unique_key_decoding({"input": {"text": key}, "decoded": case["decoded"]})
    read = decode_unique_key(key)
    assert read.salt == made["loaderHash"]
    assert read.age_ms == made["millisSinceMonthStart"]
    assert read.counter == made["counter"] & 0xFFFF


def check_unique_key_decoding(case: dict[str, Any]) -> None:
    read = decode_unique_key(case["input"]["text"])
    assert pack_host(read.host, 0) == pack_host(case["decoded"]["ip"], 0)
    assert read.process_id == case["decoded"]["pid"]


def check_month(case: dict[str, Any]) -> None:
    start, end = month_around(case["input"]["now"], ZoneInfo(case["input"]["zone"]))
    assert {"startTime": start, "nextStartTime": end} == case["expected"]


def check_string_hash(case: dict[str, Any]) -> None:
    text = case["input"]["text"]
    assert java_string_hash(text) == case["expected"]["hashCode"]
    assert tags_code(text.encode()) == case["expected"]["tagsCode"]


def check_crc(case: dict[str, Any]) -> None:
    content = bytes.fromhex(case["input"]["hex"])
    assert crc32_positive(content) == case["expected"]["crc32"]
    assert zlib.crc32(content) == case["expected"]["unmasked"]


def check_crc_property(case: dict[str, Any]) -> None:
    assert crc_property(case["input"]["crc32"]).hex() == case["hex"]


def check_compression(case: dict[str, Any]) -> None:
    made = case["input"]
    plain = bytes.fromhex(made["bodyHex"]) if made["bodyHex"] else unit_body(made)
    kind = flags.compression_type(case["sysFlag"])
    assert kind is CompressionType[made["type"]]
    assert flags.COMPRESSED | kind.flag == case["sysFlag"]
    packed_body = bytes.fromhex(case["hex"])
    if importlib.util.find_spec(LIBRARIES.get(kind, "zlib")) is None:
        with pytest.raises(UserError, match=f"{kind.name}: install the {LIBRARIES[kind]} package"):
            decompress(packed_body, kind)
        return
    assert decompress(packed_body, kind) == plain
    assert decompress(compress(plain, kind, made["level"]), kind) == plain


def check_sys_flag(case: dict[str, Any]) -> None:
    flag, expected = case["input"]["sysFlag"], case["expected"]
    if expected["compressionType"] == "RuntimeException":
        with pytest.raises(ValueError, match="7 is not a valid CompressionType"):
            flags.compression_type(flag)
    else:
        assert flags.compression_type(flag).name == expected["compressionType"]
    if "transactionValue" in expected:
        assert flags.transaction_type(flag) == expected["transactionValue"]
        assert flags.with_transaction_type(flag, flags.TRANSACTION_COMMIT) == expected["resetToCommit"]
        assert flags.without_compressed(flag) == expected["clearCompressed"]


def check_pull_sys_flag(case: dict[str, Any]) -> None:
    made = case["input"]
    bits = {
        "commit_offset": made["commitOffset"],
        "suspend": made["suspend"],
        "subscription": made["subscription"],
        "class_filter": made["classFilter"],
    }
    assert flags.pull_sys_flag(**bits) == case["expected"]
    assert flags.pull_sys_flag(**bits, lite=True) == case["litePull"]


def check_topic_name(case: dict[str, Any]) -> None:
    topic, expected = case["input"]["topic"], case["expected"]
    assert names.topic_fault(topic) == (expected["remark"] or None)
    assert (names.topic_fault(topic) is None) == expected["valid"]
    assert names.group_fault(topic) == (expected["groupRemark"] or None)
    assert (names.group_fault(topic) is None) == expected["validGroup"]
    assert names.is_system_topic(topic) == expected["system"]
    assert names.is_send_allowed(topic) != expected["notAllowedSend"]


def check_namespace(case: dict[str, Any]) -> None:
    namespace, name, expected = case["input"]["namespace"], case["input"]["resource"], case["expected"]
    wrapped = namespaces.wrap_namespace(namespace, name)
    assert wrapped == expected["wrapped"]
    assert namespaces.unwrap_namespace(wrapped) == expected["unwrapped"]
    assert namespaces.unwrap_this_namespace(wrapped, namespace) == expected["unwrappedNs"]
    assert namespaces.namespace_of(wrapped) == expected["namespace"]


CHECKS = {
    "message-wire": check_message,
    "message-wire-batch": check_batch,
    "message-ext": check_record,
    "message-ext-unique": check_record_without_store,
    "properties-encode": check_properties_encoding,
    "properties-decode": check_properties_decoding,
    "message-id": check_message_id,
    "uniq-key": check_unique_key,
    "uniq-key-decode": check_unique_key_decoding,
    "uniq-key-month": check_month,
    "java-string-hash": check_string_hash,
    "crc32": check_crc,
    "property-crc": check_crc_property,
    "compressed-body": check_compression,
    "sysflag": check_sys_flag,
    "pull-sysflag": check_pull_sys_flag,
    "topic-name": check_topic_name,
    "namespace": check_namespace,
}


def message_of(fields: dict[str, Any]) -> Message:
    return Message("TopicTest", bytes.fromhex(fields["bodyHex"]), fields["properties"], fields["flag"])


def stored_message_of(fields: dict[str, Any]) -> StoredMessage:
    return StoredMessage(
        topic=fields["topic"],
        body=bytes.fromhex(fields["bodyHex"]),
        properties=fields["properties"],
        flag=fields["flag"],
        queue_id=fields["queueId"],
        queue_offset=fields["queueOffset"],
        log_offset=fields["commitLogOffset"],
        store_size=fields["storeSize"],
        sys_flag=fields["sysFlag"],
        body_crc=fields["bodyCRC"],
        born_timestamp=fields["bornTimestamp"],
        born_host=our_address(fields["bornHost"]),
        store_timestamp=fields["storeTimestamp"],
        store_host=our_address(fields["storeHost"]),
        reconsume_times=fields["reconsumeTimes"],
        prepared_transaction_offset=fields["preparedTransactionOffset"],
        message_id=fields["msgId"],
        transaction_id=fields["transactionId"],
        broker_name=fields["brokerName"],
    )


def packed(address: str) -> bytes:
    host, _, port = address.rpartition(":")
    return pack_host(host, int(port))


def our_address(address: str) -> str:
    """The same address as we print it: Java writes the zeros of IPv6 out."""
    host, port = unpack_host(packed(address))
    return f"{host}:{port}"


def unit_body(made: dict[str, Any]) -> bytes:
    unit: bytes = made["bodyUnit"].encode()
    return unit * (made["bodyLength"] // len(unit))
