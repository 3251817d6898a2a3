"""What is peeked at in a record is what decoding finds in it."""

import pytest

from pocketmq.model.peer import pack_host
from pocketmq.protocol.properties import encode_properties
from pocketmq.protocol.record import NewMessage
from pocketmq.protocol.record.peeking import peek, queue_offset_of
from pocketmq.protocol.stored import decode_record
from pocketmq.testing.lone_broker import LoneBroker

V4, V6 = pack_host("127.0.0.1", 50_001), pack_host("::1", 50_001)


@pytest.mark.parametrize("topic", ["T", "t" * 127, "t" * 128, "t" * 255])
@pytest.mark.parametrize("hosts", [(V4, V4), (V4, V6), (V6, V4), (V6, V6)])
@pytest.mark.parametrize("properties", [{}, {"a": "b"}, {"a": "b", "c": "x" * 3000}])
def test_a_record_is_peeked_at_as_it_is_decoded(
    topic: str, hosts: tuple[bytes, bytes], properties: dict[str, str]
) -> None:
    store = LoneBroker().state.store
    for body in (b"", b"x" * 300):
        store.append(
            NewMessage(topic, 0, body, encode_properties(properties), born_host=hosts[0], store_host=hosts[1]), 5
        )
    store.sync_log()
    entries = store.queue(topic, 0).raw(0, 2)
    records = store.log.gather_nowait(entries)
    assert records is not None
    at = 0
    for number in range(2):
        message = decode_record(bytes(records), at)
        size, log_offset, found = peek(records, at)
        assert (size, int.from_bytes(log_offset, "big")) == (message.store_size, message.log_offset)
        assert (found, queue_offset_of(records, at)) == (encode_properties(properties), number)
        at += size
    assert at == len(records)
