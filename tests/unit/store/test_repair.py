"""What is derived is built again from the log, which stays as it is; where that would do harm it is refused."""

import pytest
from store_life import BODY_AT, FILES, SIZES, T0, flip, found_by_key, places, reopened, send, served
from verified_store import SHAPE, findings, killed, paths, put, stopped, with_delays

from pocketmq.model.delays import DEFAULT_DELAY_LEVELS
from pocketmq.store.index_file import Shape
from pocketmq.store.layout import find_layout
from pocketmq.store.read_only_disk import ReadOnlyDisk
from pocketmq.store.repair import refusal, repair
from pocketmq.store.verify import Verification
from pocketmq.testing.memory_disk import MemoryDisk


def why_not(disk: MemoryDisk, levels: str = DEFAULT_DELAY_LEVELS, shape: Shape = SHAPE) -> str | None:
    verification = Verification(ReadOnlyDisk(disk), find_layout(disk), shape)
    list(verification.run())
    return refusal(verification, levels)


def repaired(disk: MemoryDisk) -> MemoryDisk:
    assert why_not(disk) is None
    repair(disk, find_layout(disk), SHAPE, DEFAULT_DELAY_LEVELS, T0)
    return disk


def log_of(disk: MemoryDisk) -> dict[str, bytes]:
    return {path: disk.open(path).pread(0, 1 << 20) for path in paths(disk, "commitlog")}


@pytest.mark.parametrize("lost", ["consumequeue/T/0", "consumequeue/T", "index/20231114221320000"])
def test_what_is_lost_comes_back_and_the_log_stays(lost: str) -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    send(store, 3, "Other")
    sent = send(store, 230)
    store.close()
    before = log_of(disk)
    disk.mkdirs("config")
    put(disk, "config/topics.json", 0, b'{"topicConfigTable":{"T":1}}')
    disk.remove(lost) if lost.startswith("index") else disk.remove_tree(lost)
    assert findings(disk) != []
    repaired(disk)
    assert findings(disk) == []
    assert log_of(disk) == before
    store, report = reopened(disk)
    assert report.was_clean
    assert {place: at for place, at in served(store).items() if place[0] == "T"} == places(sent)
    assert found_by_key(store, ("T", 1, 30)) == [sent[61].log_offset]


def test_a_store_without_a_checkpoint_is_repaired_too() -> None:
    disk, sent = stopped()
    disk.remove("checkpoint")
    disk.remove_tree("consumequeue/T/0")
    assert served(reopened(repaired(disk))[0]) == places(sent)


def test_damage_in_the_log_stays_where_it_is() -> None:
    disk, sent = stopped()
    flip(disk, sent[40].log_offset + BODY_AT)
    before = log_of(disk)
    disk.remove_tree("consumequeue/T/0")
    repaired(disk)
    assert log_of(disk) == before
    assert [(str(one.severity), one.queue_offset) for one in findings(disk)] == [("damage", 20), ("notice", 20)]


def test_deleted_topics_do_not_come_back_and_light_queues_stay() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    send(store, 20)
    send(store, 20, "U")
    store.delete_topic("T")
    store.close()
    disk.mkdirs("consumequeue/%LMQ%a/0")
    disk.open("consumequeue/%LMQ%a/0/" + "0" * 20, create=True, size=SIZES.queue_file_bytes).pwrite(
        8, bytes(3) + b"\x7b"
    )
    repaired(disk)
    assert disk.listdir("consumequeue") == ["%LMQ%a", "U"]
    assert disk.open("consumequeue/%LMQ%a/0/" + "0" * 20).pread(8, 4) == bytes(3) + b"\x7b"


def test_one_that_is_cut_off_is_finished_by_the_next_start() -> None:
    disk, sent = stopped()
    disk.remove_tree("consumequeue/T/0")

    def cut_off(path: str) -> None:
        raise OSError(5, "the power fails", path)

    disk.remove_tree = cut_off  # type: ignore[method-assign]
    with pytest.raises(OSError, match="the power fails"):
        repair(disk, find_layout(disk), SHAPE, DEFAULT_DELAY_LEVELS, T0)
    store, report = reopened(disk.crash_process())
    assert not report.was_clean
    assert served(store) == places(sent)


def test_it_is_refused_where_the_log_would_be_cut() -> None:
    disk, sent = killed()
    disk.remove("durable")
    flip(disk, sent[-1].log_offset + BODY_AT)
    assert "the log ends in a torn record at" in str(why_not(disk))
    disk, _ = stopped()
    put(disk, FILES.format(32_768), 16_000, b"x")
    assert "bytes behind the log's end" in str(why_not(disk))
    with pytest.raises(OSError, match="this disk is only looked at; refused to truncate"):
        repair(disk, find_layout(disk), SHAPE, DEFAULT_DELAY_LEVELS, T0)
    disk, _ = stopped()
    disk.open(FILES.format(32_768)).truncate(10_000)
    assert "has 10000 bytes, others have 16384: start the broker once" in str(why_not(disk))


def test_it_is_refused_where_old_records_would_come_back() -> None:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    send(store, 30)
    store.delete_topic("T")
    send(store, 50)
    store.close()
    assert why_not(disk) == "topic T was deleted and made again: its old records would come back"


def test_it_is_refused_where_sizes_could_only_be_guessed() -> None:
    for lost in ("consumequeue", "consumequeue/T", "index"):
        disk, _ = stopped()
        disk.remove_tree(lost)
        assert "remove the folders consumequeue and index, batchconsumequeue" in str(why_not(disk))


def test_it_is_refused_with_other_settings_than_the_brokers() -> None:
    assert "--max-hash-slot-num" in str(why_not(stopped()[0], shape=Shape(20, 50)))
    assert why_not(with_delays()) is None
    assert (
        why_not(with_delays(), "1s 5s 11s")
        == "messages of delay level 3 wait 10000 ms: give --message-delay-level as it was"
    )


@pytest.mark.parametrize("folder", ["batchconsumequeue/B/0", "consumequeue_ext/T/0"])
def test_it_is_refused_where_the_sizes_of_another_kind_are_not_known(folder: str) -> None:
    disk, _ = stopped()
    disk.mkdirs(folder)
    assert "files are all gone, and with them their sizes" in str(why_not(disk))
