"""A small store's life, for tests of recovery: records that say which place they have, and ways to damage them."""

from pocketmq.protocol.record import NewMessage
from pocketmq.store.consume_queue import unpack_entries
from pocketmq.store.message_store import Appended, MessageStore, StoreSizes
from pocketmq.store.recovery import Recovery, open_store
from pocketmq.testing.memory_disk import MemoryDisk

SIZES = StoreSizes(log_file_bytes=16_384, queue_file_bytes=200, index_slots=10, index_entries=50)
T0 = 1_700_000_000_000
FILES = "commitlog/{:020d}"
BODY_AT = 88
"""In a record with IPv4 hosts."""
QUEUE_OFFSET_AT = 20
QUEUE_ID_AT = 12


def reopened(disk: MemoryDisk, sizes: StoreSizes = SIZES) -> tuple[MessageStore, Recovery]:
    return open_store(disk, sizes, T0)


def send(store: MessageStore, count: int, topic: str = "T", body_bytes: int = 50, since_ms: int = T0) -> list[Appended]:
    """Records, one a millisecond, whose body and key say which place in which queue they have."""
    sent = []
    for number in range(count):
        name = f"{topic}{number % 2}.{store.queue(topic, number % 2).next_offset}"
        body = f"{name}|".encode().ljust(body_bytes, b"x")
        message = NewMessage(topic, number % 2, body, f"KEYS\x01{name}\x02".encode())
        sent.append(store.append(message, since_ms + number))
    store.write()
    store.publish(store.log.written, T0)
    return sent


def found_by_key(store: MessageStore, place: tuple[str, int, int]) -> list[int]:
    topic, queue_id, queue_offset = place
    return store.query_keys(topic, f"{topic}{queue_id}.{queue_offset}", 10, 0, 1 << 62).log_offsets


def sync(store: MessageStore) -> None:
    for target in store.log.sync_targets():
        target.sync()
    store.mark_flushed(store.log.written)


def save(store: MessageStore) -> None:
    sync(store)
    done = store.write_derived()
    for target in store.derived_sync_targets():
        target.sync()
    store.save_progress(done)


def flip(disk: MemoryDisk, log_offset: int, mask: int = 0x01) -> None:
    file = disk.open(FILES.format(log_offset - log_offset % SIZES.log_file_bytes))
    at = log_offset % SIZES.log_file_bytes
    file.pwrite(at, bytes([file.pread(at, 1)[0] ^ mask]))


def zero(disk: MemoryDisk, start: int, end: int) -> None:
    disk.open(FILES.format(start - start % SIZES.log_file_bytes)).pwrite(
        start % SIZES.log_file_bytes, bytes(end - start)
    )


def served(store: MessageStore) -> dict[tuple[str, int, int], int]:
    """What a consumer that reads all queues gets: (topic, queue, offset) → log offset."""
    found = {}
    for topic in store.topics():
        for queue_id in store.queues(topic):
            queue = store.find_queue(topic, queue_id)
            assert queue is not None
            for offset in range(queue.min_offset, queue.max_offset):
                selection = queue.select(offset, 1, 1 << 20, None, store.log_min_offset)
                if selection.entries and selection.next_offset == offset + 1:
                    ((log_offset, size, _),) = unpack_entries(selection.entries)
                    record = store.read_record(log_offset, size)
                    assert record is not None
                    assert record[BODY_AT:].startswith(f"{topic}{queue_id}.{offset}|".encode())
                    found[topic, queue_id, offset] = log_offset
    return found


def places(sent: list[Appended], topic: str = "T") -> dict[tuple[str, int, int], int]:
    return {(topic, number % 2, one.queue_offset): one.log_offset for number, one in enumerate(sent)}


def without(sent: list[Appended], *numbers: int) -> dict[tuple[str, int, int], int]:
    return {place: at for n, (place, at) in enumerate(places(sent).items()) if n not in numbers}
