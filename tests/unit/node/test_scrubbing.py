"""A part every second, in the thread; what rotted is said once, with its name."""

import errno

import pytest
from hand_driver import HandFlusher

from pocketmq.node import scrubbing
from pocketmq.node.scrubbing import FIRST_MS, ROUND_MS, Scrubbing
from pocketmq.testing.faulty_disk import Fault, FaultyDisk
from pocketmq.testing.lone_broker import EPOCH_MS, LoneBroker
from pocketmq.testing.memory_disk import MemoryDisk


class Story:
    def __init__(self) -> None:
        self.disk = FaultyDisk(MemoryDisk())
        self.broker = LoneBroker(self.disk)  # type: ignore[arg-type]
        self.flusher = HandFlusher()
        self.sent = [self.broker.store("T", 2, b"body %d" % number, {"KEYS": "k"}) for number in range(100)]
        self.broker.flush()
        self.scrubbing = Scrubbing(self.broker.state.store, self.flusher, EPOCH_MS)  # type: ignore[arg-type]

    def seconds(self, since_ms: int, count: int) -> int:
        """So many seconds of the clock; how often the thread read."""
        jobs = 0
        for number in range(count):
            self.scrubbing.second(EPOCH_MS + since_ms + 1000 * number)
            jobs += len(self.flusher.jobs)
            self.flusher.drain()
        return jobs


def test_a_round_is_read_in_parts_and_then_there_is_peace(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story()
    monkeypatch.setattr(scrubbing, "BYTES_PER_SECOND", story.broker.state.store.log.end // 4)
    assert story.seconds(0, 3) == 0
    assert story.seconds(FIRST_MS, 20) == 4
    assert story.seconds(FIRST_MS + ROUND_MS, 20) == 4


def test_one_part_at_a_time() -> None:
    story = Story()
    for _ in range(3):
        story.scrubbing.second(EPOCH_MS + FIRST_MS)
    assert len(story.flusher.jobs) == 1


def test_what_rotted_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    story = Story()
    story.disk.flip(f"commitlog/{0:020d}", story.sent[7].log_offset + 90)
    story.seconds(FIRST_MS, 3)
    story.seconds(FIRST_MS + ROUND_MS, 3)
    (told,) = [record for record in caplog.records if "damaged" in record.message]
    assert told.levelname == "CRITICAL"
    assert f"log offsets {story.sent[7].log_offset} to" in told.getMessage()
    assert "body CRC" in told.getMessage()
    assert "topic T, queue 2, offset 7" in told.getMessage()


def test_a_disk_that_cannot_be_read_is_said_once_a_round(caplog: pytest.LogCaptureFixture) -> None:
    story = Story()
    story.disk.add(Fault("pread", effect=errno.EIO, path="commitlog", lasting=True))
    story.seconds(FIRST_MS, 5)
    assert sum("cannot be read" in record.message for record in caplog.records) == 1
