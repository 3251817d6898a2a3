"""Files go beat by beat; a full disk refuses sends until there is room; what goes before its time is named."""

import errno

import pytest
from hand_driver import HandDriver
from hand_frames import send_frame
from hand_stories import in_loop, opaques

from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.topic import TopicConfig
from pocketmq.node.cleaning import Cleaning
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.store.retention import HOUR_MS
from pocketmq.testing.faulty_disk import Fault, FaultyDisk
from pocketmq.testing.lone_broker import SIZES, LoneBroker
from pocketmq.testing.memory_disk import MemoryDisk

FILES = 4


class Story:
    """A broker with more than `FILES` log files of two topics, and its cleaning."""

    def __init__(self) -> None:
        self.memory = MemoryDisk()
        self.disk = FaultyDisk(self.memory)
        chosen = BrokerSettings(delete_when="", file_reserved_time=1)
        self.broker = LoneBroker(self.disk, settings=chosen)  # type: ignore[arg-type]
        self.hand = HandDriver(broker=self.broker)
        self.store = self.broker.state.store
        for topic in ("A", "B"):
            self.broker.state.topics.put(TopicConfig(topic), self.broker.now_ms)
        while self.store.log.end < FILES * SIZES.log_file_bytes:
            self.broker.store("A", 0, b"a" * 3000)
            self.broker.store("B", 1, b"b" * 3000)
        self.broker.flush()
        self.store.save_progress(self.store.write_derived())
        self.cleaning = Cleaning(self.broker.state, self.hand.durability, self.hand.table_flusher)  # type: ignore[arg-type]
        self.now_ms = self.broker.now_ms

    def beat(self, count: int = 1) -> None:
        """Beats of the clock, in no time."""
        for _ in range(count):
            self.cleaning.beat(self.now_ms)

    def work(self) -> None:
        """Beats until nothing more happens, the thread doing what it is told."""
        for _ in range(20):
            self.beat()
            self.hand.table_flusher.drain()

    def files(self) -> int:
        return len(self.memory.listdir("commitlog"))


@in_loop
async def test_expired_files_go_when_told_and_their_queue_entries_with_them() -> None:
    story = Story()
    story.now_ms += 2 * HOUR_MS
    story.work()
    before = story.files()
    assert before > FILES
    assert story.broker.ask(RequestCode.DELETE_EXPIRED_COMMITLOG).code == 0
    story.work()
    assert story.files() == 1
    assert story.broker.state.log_expiry_due == 0
    assert story.store.min_offset("A", 0) > 0
    assert story.store.entry("A", 0, story.store.min_offset("A", 0)).log_offset >= story.store.log.start  # type: ignore[union-attr]


@in_loop
async def test_the_loop_does_not_wait_for_a_file_to_be_removed() -> None:
    story = Story()
    story.now_ms += 2 * HOUR_MS
    before = story.files()
    story.broker.ask(RequestCode.DELETE_EXPIRED_COMMITLOG)
    story.beat(5)
    assert story.files() == before
    assert story.store.log.start > 0
    story.hand.table_flusher.drain()
    assert story.files() < before


@in_loop
async def test_the_hours_are_those_of_the_settings() -> None:
    story = Story()
    hour = (story.now_ms // HOUR_MS + 2) % 24
    story.broker.state.settings.delete_when = f"x;{hour:02d};99"
    story.now_ms += HOUR_MS
    story.work()
    assert story.store.log.start == 0
    story.now_ms += HOUR_MS
    story.work()
    assert story.files() == 1


@in_loop
async def test_a_disk_too_full_refuses_sends_until_there_is_room(caplog: pytest.LogCaptureFixture) -> None:
    story = Story()
    link, session = story.hand.connect()
    story.memory.free = 0.09
    story.work()
    session.received(send_frame(1, topic="A"))
    story.hand.turn()
    (answer,) = link.take()
    assert answer.code == ResponseCode.SERVICE_NOT_AVAILABLE
    assert "disk is full [CL: 0.91" in str(answer.remark)
    story.hand.durability.tick(story.now_ms)
    session.received(send_frame(2, topic="A"))
    story.hand.turn()
    assert opaques(link) == [(2, ResponseCode.SERVICE_NOT_AVAILABLE)], "a tick makes no room"
    story.memory.free = 0.5
    story.now_ms += 1000
    story.work()
    session.received(send_frame(3, topic="A"))
    story.hand.turn()
    assert opaques(link) == [(3, 0)]
    assert story.store.log.start == 0, "nothing was deleted"
    assert [r.levelname for r in caplog.records if "disk are in use" in r.message] == ["ERROR", "WARNING"]


@in_loop
async def test_room_does_not_mend_a_broken_disk() -> None:
    story = Story()
    link, session = story.hand.connect()
    story.disk.add(Fault("pwrite", effect=errno.EIO, path="commitlog"))
    session.received(send_frame(1, topic="A"))
    story.hand.turn()
    for free in (0.05, 0.9):
        story.memory.free = free
        story.now_ms += 10_000
        story.work()
    session.received(send_frame(2, topic="A"))
    story.hand.turn()
    assert [code for _, code in opaques(link)] == [ResponseCode.SERVICE_NOT_AVAILABLE] * 2


@in_loop
async def test_what_goes_before_its_time_is_named(caplog: pytest.LogCaptureFixture) -> None:
    story = Story()
    story.broker.state.settings.assign("cleanFileForciblyEnable", "true")
    story.memory.free = 0.12
    story.beat(2)
    assert story.store.log.start == SIZES.log_file_bytes, "one file, and then it is seen whether that was enough"
    story.beat(20)
    assert story.store.log.start == SIZES.log_file_bytes, "the first is not removed yet"
    story.memory.free = 0.5
    story.work()
    assert story.store.log.start == SIZES.log_file_bytes
    told = [record.getMessage() for record in caplog.records if "before their time" in record.message]
    first_kept = {topic: story.store.min_offset(topic, queue) for topic, queue in (("A", 0), ("B", 1))}
    assert f"log offsets 0 to {SIZES.log_file_bytes - 1}" in told[0]
    assert sorted(told[1:]) == [
        f"deleted before their time: A, queue 0, offsets 0 to {first_kept['A'] - 1}",
        f"deleted before their time: B, queue 1, offsets 0 to {first_kept['B'] - 1}",
    ]


@in_loop
async def test_nothing_goes_before_its_time_by_itself() -> None:
    story = Story()
    story.memory.free = 0.01
    for _ in range(5):
        story.now_ms += 10_000
        story.work()
    assert story.store.log.start == 0


@in_loop
async def test_a_topics_own_time_holds_before_anybody_is_served() -> None:
    story = Story()
    story.broker.state.topics.put(TopicConfig("A", attributes={"reserve.time": "1"}), story.now_ms)
    story.now_ms += 2 * HOUR_MS
    story.cleaning.before_serving(story.now_ms)
    assert story.store.min_offset("A", 0) == story.store.max_offset("A", 0)
    assert story.store.min_offset("B", 1) == 0


@in_loop
async def test_a_disk_that_cannot_be_read_is_said_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    story = Story()
    story.now_ms += 2 * HOUR_MS
    story.broker.ask(RequestCode.DELETE_EXPIRED_COMMITLOG)
    story.disk.add(Fault("free_ratio"))
    story.beat()
    assert "cannot see what has expired" in caplog.text
    story.work()
    assert story.files() == 1
