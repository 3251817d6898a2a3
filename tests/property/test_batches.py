"""A batch is taken apart alike compiled and plain, and never in part."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pocketmq.model.errors import Refusal
from pocketmq.model.message import Message
from pocketmq.protocol.frame.send_header import SendHeader
from pocketmq.protocol.message import encode_message
from pocketmq.protocol.message_id import encode_message_id
from pocketmq.store.commit_log import batches
from pocketmq.store.message_store import MessageStore, StoreSizes
from pocketmq.testing.memory_disk import MemoryDisk

SIZES = StoreSizes(log_file_bytes=2048, queue_file_bytes=400, index_slots=7, index_entries=40, message_bytes_max=1500)
PROPERTIES = st.dictionaries(st.sampled_from(["UNIQ_KEY", "KEYS", "TAGS", "a"]), st.text("abc", min_size=1), max_size=3)
MESSAGES = st.lists(st.builds(encode_message, st.builds(Message, st.just("T"), st.binary(max_size=300), PROPERTIES)))
HOSTS = st.sampled_from([bytes(8), bytes(range(20))])


def outcome(append: object, body: bytes, host: bytes) -> tuple[object, ...]:
    """What the caller gets, and what the store holds afterwards."""
    store = MessageStore(MemoryDisk(), SIZES)
    queue = store.queue("T", 0)
    header = SendHeader()
    header.born_timestamp, header.reconsume_times = 1_700_000_000_000, 2
    try:
        told: object = append(store.log, queue, body, header, 0, bytes(8), host, 1_700_000_000_005)  # type: ignore[operator]
    except Refusal as refusal:
        told = (refusal.code, refusal.remark)
        assert (store.log.end, queue.next_offset, store.log.undispatched) == (0, 0, [])
    store.write()
    dispatched = [(*dispatch[1:],) for dispatch in store.log.undispatched]
    return told, store.log.end, queue.next_offset, dispatched, store.log.segments.read(0, store.log.end)


@settings(max_examples=300)
@given(MESSAGES, HOSTS, st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=3))
def test_both_ways_say_and_store_the_same(messages: list[bytes], host: bytes, changes: list[tuple[int, int]]) -> None:
    body = bytearray(b"".join(messages))
    for place, value in changes:
        if body:
            body[place % len(body)] = value
    together = bytes(body)
    assert outcome(batches.append_batch, together, host) == outcome(batches._append_plainly, together, host)


def test_ids_are_where_the_records_lie() -> None:
    messages = [encode_message(Message("T", b"x" * size)) for size in (0, 700, 100)]
    ids, _, next_offset, dispatched, _ = outcome(batches.append_batch, b"".join(messages), bytes(8))
    assert isinstance(dispatched, list)
    offsets = [dispatch[1] for dispatch in dispatched]
    assert ids == ",".join(encode_message_id(bytes(8), offset) for offset in offsets)
    assert (next_offset, [dispatch[0] for dispatch in dispatched]) == (3, [0, 1, 2])
