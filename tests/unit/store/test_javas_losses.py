"""Ten ways in which Java's broker has lost messages, each as a test that ours does not (its issues name them)."""

import errno
import json

import pytest
from store_life import BODY_AT, SIZES, T0, flip, places, reopened, save, send, served, sync, without

from pocketmq.model.errors import Refusal, StoreError
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.record import NewMessage
from pocketmq.store.recovery import open_store
from pocketmq.store.tables import load_table, save_table
from pocketmq.store.unavailable import unavailable
from pocketmq.testing.faulty_disk import Fault, FaultyDisk
from pocketmq.testing.memory_disk import MemoryDisk


def test_d1_a_failed_sync_never_counts_as_flushed() -> None:
    memory = MemoryDisk()
    disk = FaultyDisk(memory)
    store, _ = open_store(disk, SIZES, T0)
    sent = send(store, 10)
    sync(store)
    send(store, 10)
    disk.add(Fault("sync", effect=errno.EIO, path="commitlog", loses=True))
    with pytest.raises(OSError, match="Input/output"):
        sync(store)
    assert store.log.flushed == sent[-1].log_offset_end
    with pytest.raises(OSError, match="Input/output"):
        disk.add(Fault("sync", effect=errno.EIO, path="commitlog"))
        store.log.segments.write(store.log.written, b"x")
        sync(store)
    assert store.log.flushed == sent[-1].log_offset_end
    store, report = reopened(memory.crash_process())
    assert (report.log_end, report.damage) == (sent[-1].log_offset_end, [])
    assert served(store) == places(sent)


def test_d2_one_bad_record_does_not_take_those_after_it() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 400)
    sync(store)
    flip(disk, sent[10].log_offset + BODY_AT)
    assert len(disk.listdir("commitlog")) > 3
    before = disk.listdir("commitlog")
    store, report = reopened(disk.crash_process())
    assert served(store) == without(sent, 10)
    assert len(report.damage) == 1
    assert store.disk.listdir("commitlog") == before


@pytest.mark.parametrize("lost", ["all", "the last file", "the last entries"])
def test_d3_a_queue_that_lags_behind_the_log_is_derived_again(lost: str) -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 20)
    save(store)
    sent += send(store, 40)
    store.write_derived()
    sync(store)
    for queue_id in (0, 1):
        folder = f"consumequeue/T/{queue_id}"
        if lost == "all":
            disk.remove_tree(folder)
        elif lost == "the last file":
            disk.remove(f"{folder}/{disk.listdir(folder)[-1]}")
        else:
            disk.open(f"{folder}/{disk.listdir(folder)[-1]}").pwrite(0, bytes(SIZES.queue_file_bytes))
    store, report = reopened(disk.crash_process())
    assert report.damage == []
    assert served(store) == places(sent)


def test_d4_readers_see_of_the_log_only_what_was_published() -> None:
    store, _ = reopened(MemoryDisk())
    store.append(NewMessage("T", 0, b"unsynced", b""), T0)
    store.write()
    assert store.max_offset("T", 0) == 0
    assert store.entry("T", 0, 0) is None
    store.publish(store.log.flushed, T0)
    assert store.max_offset("T", 0) == 0, "what is not flushed was shown"
    sync(store)
    store.publish(store.log.flushed, T0)
    assert store.max_offset("T", 0) == 1


@pytest.mark.parametrize("bytes_there", [0, 7, SIZES.queue_file_bytes])
def test_d5_an_empty_last_queue_file_does_not_stop_the_start(bytes_there: int) -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 20)
    save(store)
    assert disk.listdir("consumequeue/T/0") == ["00000000000000000000"]
    disk.open("consumequeue/T/0/00000000000000000200", create=True).truncate(bytes_there)
    store, report = reopened(disk.crash_process())
    assert report.damage == []
    assert served(store) == places(sent)
    assert send(store, 1)[0].queue_offset == 10


def test_d6_a_topic_deleted_while_it_is_written_takes_nothing_with_it() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    kept = send(store, 6)
    for _ in range(6):
        store.append(NewMessage("Doomed", 0, b"x", b"KEYS\x01k\x02"), T0)
    held = store.queue("Doomed", 0)
    store.delete_topic("Doomed")
    store.write()
    store.publish(store.log.written, T0)
    assert held.max_offset == 0
    kept += send(store, 4)
    save(store)
    store.close()
    store, report = reopened(disk)
    assert report.damage == []
    assert served(store) == places(kept)
    assert store.topics() == {"T"}


def test_d7_a_full_disk_deletes_nothing_and_says_so() -> None:
    memory = MemoryDisk()
    disk = FaultyDisk(memory)
    store, _ = open_store(disk, SIZES, T0)
    sent = send(store, 400)
    save(store)
    before = memory.listdir("commitlog")
    disk.add(Fault("pwrite", effect=errno.ENOSPC, lasting=True))
    memory.free = 0.0
    store.append(NewMessage("T", 0, b"x", b""), T0)
    with pytest.raises(OSError, match="No space left"):
        store.write()
    store.discard()
    store.refuses = "full"
    with pytest.raises(Refusal) as refused:
        store.append(NewMessage("T", 0, b"x", b""), T0)
    assert refused.value.code == ResponseCode.SERVICE_NOT_AVAILABLE
    assert refused.value.remark == unavailable("full").remark
    assert memory.listdir("commitlog") == before
    assert served(store) == places(sent)


@pytest.mark.parametrize("call", ["create", "pwrite"])
def test_d8_a_disk_full_at_the_roll_leaves_a_log_that_goes_on(call: str) -> None:
    memory = MemoryDisk()
    disk = FaultyDisk(memory)
    store, _ = open_store(disk, SIZES, T0)
    sent = send(store, 100)
    room = SIZES.log_file_bytes - store.log.end % SIZES.log_file_bytes
    disk.add(Fault(call, nth=1 if call == "create" else 2, effect=errno.ENOSPC, path="commitlog"))
    while store.log.end // SIZES.log_file_bytes == store.log.written // SIZES.log_file_bytes:
        store.append(NewMessage("T", 0, b"y" * (room // 3), b""), T0)
    with pytest.raises(OSError, match="No space left"):
        store.write()
    store.discard()
    sent += send(store, 100)
    assert served(store) == places(sent)
    store, report = reopened(memory.crash_process())
    assert report.damage == []
    assert served(store) == places(sent)


def test_d9_a_flipped_bit_is_not_served() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 100)
    save(store)
    flip(disk, sent[40].log_offset + BODY_AT + 20)
    store, _ = reopened(disk.crash_process())
    assert store.read_record(sent[40].log_offset, sent[40].size) is None


def test_d9_a_flipped_bit_in_a_queue_serves_no_other_bytes() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    send(store, 100)
    save(store)
    file = disk.open(f"consumequeue/T/0/{0:020d}")
    file.pwrite(7, bytes([file.pread(7, 1)[0] ^ 0x20]))
    store, _ = reopened(disk.crash_process())
    queue = store.queue("T", 0)
    selection = queue.select(0, 1, 1 << 20, None, store.log_min_offset)
    body, damaged = store.log.gather(selection.entries)
    assert (body, len(damaged)) == (b"", 1)


def test_d9_a_flipped_bit_that_recovery_reads_is_not_served() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, 100)
    sync(store)
    flip(disk, sent[40].log_offset + BODY_AT + 20)
    store, report = reopened(disk.crash_process())
    assert served(store) == without(sent, 40)
    assert [damage.start for damage in report.damage] == [sent[40].log_offset]


@pytest.mark.parametrize("garbage", [b"", bytes(100), b"{", b'{"offsetTable":{"T@g":{0:'])
def test_d10_garbage_in_the_offsets_is_kept_aside_and_never_read_as_nothing(garbage: bytes) -> None:
    disk = MemoryDisk()
    name = "consumerOffset"
    for version in (1, 2):
        save_table(disk, name, json.dumps({"offset": version}).encode())
    file = disk.open(f"config/{name}.json")
    file.truncate(0)
    file.pwrite(0, garbage)
    assert load_table(disk, name, json.loads, must_exist=True).table == {"offset": 1}
    aside = disk.open(f"config/{name}.json.corrupt")
    assert aside.pread(0, 1000) == garbage
    disk.remove(f"config/{name}.json.bak")
    with pytest.raises(StoreError, match=r"is missing, and .* shows that it was broken"):
        load_table(disk, name, json.loads, must_exist=True)
