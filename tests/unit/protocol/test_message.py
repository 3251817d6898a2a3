"""Batches, records made from values, and the texts of ids and handles: what is refused, and with which words."""

from collections.abc import Callable

import pytest

from pocketmq.model.errors import Refusal
from pocketmq.model.limits import PROPERTIES_BYTES_MAX
from pocketmq.model.message import Message, StoredMessage
from pocketmq.protocol import pop_offsets
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.message import (
    BatchEntry,
    encode_message,
    encode_record,
    encode_record_without_store,
    split_batch,
    unwrap_batch,
)
from pocketmq.protocol.message_id import decode_message_id
from pocketmq.protocol.pop_handle import decode_pop_handle
from pocketmq.protocol.recall_handle import decode_recall_handle
from pocketmq.protocol.stored import decode_record
from pocketmq.protocol.unique_key import decode_unique_key

ONE = encode_message(Message("T", b"body", {"a": "1"}, 7))


def refusal_of(work: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(Refusal) as refused:
        work()
    return refused.value.code, refused.value.remark


def test_a_batch_is_taken_apart() -> None:
    assert split_batch(ONE + ONE, 1000) == [BatchEntry(7, b"body", b"a\x011\x02")] * 2


def test_a_batch_may_be_as_large_as_its_bound() -> None:
    assert len(split_batch(ONE, len(ONE))) == 1
    assert refusal_of(lambda: split_batch(ONE, len(ONE) - 1)) == (
        ResponseCode.MESSAGE_ILLEGAL,
        "message body size exceeded: the batch has 30 bytes, MAX: 29",
    )


@pytest.mark.parametrize(
    "body",
    [
        ONE[:-1],
        ONE + ONE[:10],
        ONE[:16] + b"\xff\xff\xff\xff" + ONE[20:],
        ONE[:16] + b"\x7f\xff\xff\xff" + ONE[20:],
        ONE[:24] + b"\xff\xff" + ONE[26:],
        ONE[:24] + b"\x7f\xff" + ONE[26:],
    ],
)
def test_a_broken_batch_is_refused(body: bytes) -> None:
    code, remark = refusal_of(lambda: split_batch(body, 1000))
    assert code == ResponseCode.MESSAGE_ILLEGAL
    assert remark.startswith(f"the batch of {len(body)} bytes is broken at ")


def test_an_empty_batch_is_refused() -> None:
    assert refusal_of(lambda: split_batch(b"", 10)) == (ResponseCode.MESSAGE_ILLEGAL, "the batch holds no message")


def test_properties_that_do_not_fit_are_refused() -> None:
    largest = Message("T", b"", {"a": "x" * (PROPERTIES_BYTES_MAX - 3)})
    assert len(split_batch(encode_message(largest), 40_000)[0].properties) == PROPERTIES_BYTES_MAX
    larger = Message("T", b"", {"a": "x" * (PROPERTIES_BYTES_MAX - 2)})
    assert refusal_of(lambda: encode_message(larger)) == (
        ResponseCode.MESSAGE_ILLEGAL,
        "message properties length too long: 32768 bytes, MAX: 32767",
    )


def test_an_inner_batch_counts_on_from_its_own_offset() -> None:
    outer = StoredMessage(topic="T", body=ONE + ONE, queue_offset=10, queue_id=3, store_host="h:1", message_id="id")
    inner = unwrap_batch(outer)
    assert [(one.queue_offset, one.queue_id, one.body, one.flag) for one in inner] == [
        (10, 3, b"body", 7),
        (11, 3, b"body", 7),
    ]


def test_a_long_topic_takes_the_second_form_of_record() -> None:
    message = StoredMessage(topic="t" * 200, body=b"b", born_host="127.0.0.1:1", store_host="127.0.0.1:2")
    record = encode_record(message)
    read = decode_record(record)
    assert (read.topic, read.body, read.store_size) == (message.topic, b"b", len(record))
    assert refusal_of(lambda: encode_record_without_store(message)) == (
        ResponseCode.MESSAGE_ILLEGAL,
        "topic of 200 bytes, MAX: 127",
    )


@pytest.mark.parametrize("text", ["", "7F", "7F00000100002A9F000000000000100G", "7F " * 16, "0" * 34])
def test_what_is_no_id_is_refused(text: str) -> None:
    assert refusal_of(lambda: decode_message_id(text))[1] == f"message id {text!r} is not 32 or 56 hexadecimal digits"
    assert refusal_of(lambda: decode_unique_key(text))[1] == f"unique key {text!r} is not 32 or 56 hexadecimal digits"


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("1 2 3", "pop handle '1 2 3' has 3 parts, not 7"),
        ("1 2 3 4 0 broker a 2 105", "part 6 of a pop handle is 'a', not a whole number"),
        ("1 2 3 4 0 b 9223372036854775808", "part 6 of a pop handle is '9223372036854775808', not a whole number"),
    ],
)
def test_what_is_no_pop_handle_is_refused(text: str, remark: str) -> None:
    assert refusal_of(lambda: decode_pop_handle(text)) == (ResponseCode.SYSTEM_ERROR, remark)


@pytest.mark.parametrize("text", ["", "x", "djEgVCBiIDA=", "djIgVCBiIDAgeA==", "_w==", "djEgVCBiIDAgeA==\n"])
def test_what_is_no_recall_handle_is_refused(text: str) -> None:
    assert refusal_of(lambda: decode_recall_handle(text)) == (
        ResponseCode.ILLEGAL_OPERATION,
        "recall handle is invalid",
    )


def test_a_recall_handle_needs_no_padding() -> None:
    assert decode_recall_handle("djEgVCBiIDAgeA").topic == "T"


@pytest.mark.parametrize("text", ["0 0", "0 0 x", "0 0 1;0 0 2", "0 0 1;", "0 0 1 2"])
def test_ill_formed_pop_offsets_are_refused(text: str) -> None:
    code, remark = refusal_of(lambda: pop_offsets.parse_start_offsets(text))
    assert code == ResponseCode.SYSTEM_ERROR
    assert remark.startswith("pop offsets have ")


def test_no_text_means_no_offsets() -> None:
    assert pop_offsets.parse_start_offsets(None) == pop_offsets.parse_message_offsets("") == {}
