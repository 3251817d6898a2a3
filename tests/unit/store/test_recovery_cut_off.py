"""What a deleted topic and a recovery that is itself cut off leave behind does not mislead the next start."""

import random
from contextlib import suppress

import pytest
from expiry import drop_before
from store_life import SIZES, T0, places, reopened, save, send, sync

from pocketmq.protocol.record import NewMessage
from pocketmq.store.message_store import MessageStore
from pocketmq.testing.faulty_disk import Fault, FaultyDisk, PowerCut
from pocketmq.testing.memory_disk import MemoryDisk


def put(store: MessageStore, count: int, topic: str = "T", body: bytes = b"x" * 50) -> None:
    for _ in range(count):
        store.append(NewMessage(topic, 0, body, b""), T0)


def test_a_rebuild_that_is_cut_off_begins_anew() -> None:
    memory = MemoryDisk()
    store, _ = reopened(memory)
    sent = send(store, 60)
    save(store)
    sent_again = send(store, 3, topic="U")
    # The queues lack what the checkpoint promises: those of T cannot show it, none of them gets another message.
    memory.remove_tree("consumequeue/U")
    put(store, 1, topic="U")
    store.write()
    save(store)
    put(store, 1, topic="U")
    store.write()
    for change in range(1, 60):
        cut = memory.crash_process()
        cut.remove_tree("consumequeue/U")
        with suppress(PowerCut):
            reopened(FaultyDisk(cut, Fault("change", nth=change, effect=PowerCut)))  # type: ignore[arg-type]
        store, _ = reopened(cut.crash_process())
        missing = {place: at for place, at in places(sent).items() if store.entry(*place) is None}
        assert missing == {}, f"cut off at change {change}"
        assert store.max_offset("U", 0) == len(sent_again) - 1 + 2


def test_a_queue_whose_first_record_opens_a_file_survives_a_rebuild() -> None:
    memory = MemoryDisk()
    store, _ = reopened(memory)
    entries_per_file = SIZES.queue_file_bytes // 20
    put(store, entries_per_file)
    store.write()
    first_kept = -(-store.log.end // SIZES.log_file_bytes) * SIZES.log_file_bytes
    while store.log.end < first_kept:
        put(store, 1, topic="Filler", body=b"y" * 3000)
    put(store, 5)
    store.write()
    store.publish(store.log.written, T0)
    save(store)
    drop_before(store.log.segments, first_kept)
    assert store.log.start == first_kept
    drop_before(store.queue("T", 0).segments, store.queue("T", 0).written_offset * 20)
    save_nothing_of_the_last_file(memory)
    put(store, 1)
    store.write()
    store, report = reopened(memory.crash_process())
    assert report.damage == []
    queue = store.queue("T", 0)
    assert (queue.min_offset, queue.max_offset) == (entries_per_file, entries_per_file + 6)


def save_nothing_of_the_last_file(memory: MemoryDisk) -> None:
    """As a power cut leaves a queue whose last file had not been synced."""
    (name,) = memory.listdir("consumequeue/T/0")
    memory.open(f"consumequeue/T/0/{name}").pwrite(0, bytes(SIZES.queue_file_bytes))


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("before", [1, 3, 6])
@pytest.mark.parametrize("after", [1, 2, 5])
def test_a_topic_deleted_and_made_again_keeps_its_new_messages(before: int, after: int, saved: bool) -> None:
    memory = MemoryDisk()
    store, _ = reopened(memory)
    put(store, before)
    store.write()
    store.publish(store.log.written, T0)
    if saved:
        save(store)
    store.delete_topic("T")
    start = store.log.end
    put(store, after)
    store.write()
    store, report = reopened(memory.crash_process())
    if not saved and before & (before - 1) == 0 and after == 1:
        # A flipped bit in a header looks like this.
        assert [damage.reason for damage in report.damage] == ["queue offset 0, expected 1"]
        return
    assert report.damage == []
    queue = store.queue("T", 0)
    assert (queue.min_offset, queue.max_offset) == (0, after)
    assert queue.entries(0, 1)[0].log_offset == start


def test_a_topic_deleted_twice_keeps_its_newest_messages() -> None:
    memory = MemoryDisk()
    store, _ = reopened(memory)
    for count in (5, 1, 3):
        store.delete_topic("T")
        start = store.log.end
        put(store, count)
        store.write()
    store, report = reopened(memory.crash_process())
    assert report.damage == []
    assert [entry.log_offset for entry in store.queue("T", 0).entries(0, 9)][:1] == [start]
    assert store.max_offset("T", 0) == 3


@pytest.mark.parametrize("published", [True, False])
def test_a_clean_stop_after_a_deletion_brings_nothing_back(published: bool) -> None:
    memory = MemoryDisk()
    store, _ = reopened(memory)
    send(store, 4, topic="U")
    put(store, 5)
    sync(store)
    store.write()
    if published:
        store.publish(store.log.written, T0)
    store.delete_topic("T")
    store.close()
    store, report = reopened(memory)
    assert report.was_clean
    assert store.max_offset("T", 0) == 0
    assert store.max_offset("U", 0) == 2


def test_a_deletion_survives_a_power_cut_once_it_is_said() -> None:
    for seed in range(20):
        memory = MemoryDisk()
        store, _ = reopened(memory)
        put(store, 5)
        store.write()
        store.publish(store.log.written, T0)
        save(store)
        store.delete_topic("T")
        assert not memory.crash(random.Random(seed)).exists("consumequeue/T"), f"seed {seed}"
