"""Few queues are written together, very many a few at a time, and the checkpoint follows."""

import errno

import pytest
from hand_driver import HandDriver
from hand_stories import in_loop

from pocketmq.node import deriving
from pocketmq.node.deriving import Deriving
from pocketmq.testing.faulty_disk import Fault, FaultyDisk
from pocketmq.testing.lone_broker import LoneBroker
from pocketmq.testing.memory_disk import MemoryDisk


class HandLoop:
    """Remembers what is to be called later."""

    def __init__(self) -> None:
        self.later: list[object] = []

    def call_later(self, seconds: float, call: object) -> "HandLoop":
        self.later.append(call)
        return self

    def cancel(self) -> None:
        self.later.clear()

    def turn(self) -> None:
        self.later.pop(0)()  # type: ignore[operator]


class Story:
    def __init__(self, queues: int) -> None:
        self.disk = FaultyDisk(MemoryDisk())
        self.broker = LoneBroker(self.disk)  # type: ignore[arg-type]
        self.hand = HandDriver(broker=self.broker)
        self.store = self.broker.state.store
        self.deriving = Deriving(self.store, self.hand.durability, self.hand.table_flusher)  # type: ignore[arg-type]
        self.loop = HandLoop()
        self.deriving._loop = self.loop  # type: ignore[assignment]
        for number in range(queues):
            self.broker.store("T", number, b"x")
        self.broker.flush()


@in_loop
async def test_few_queues_are_written_every_second_and_progress_is_complete() -> None:
    story = Story(3)
    assert story.deriving.second()
    assert (story.store.derived.waiting, story.loop.later) == (0, [])
    story.deriving.save_progress()
    story.hand.table_flusher.drain()
    assert story.store.saved_progress == story.store.published


@in_loop
async def test_very_many_take_turns_with_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deriving, "QUEUES_AT_ONCE", 10)
    monkeypatch.setattr(deriving, "QUEUES_PER_STEP", 4)
    story = Story(25)
    story.deriving.save_progress()
    story.hand.table_flusher.drain()
    assert story.store.derived.waiting == 21
    assert 0 < story.store.saved_progress < story.store.published
    story.deriving.second()
    assert len(story.loop.later) == 1, "one step at a time, however often the clock beats"
    for left in (17, 13, 9):
        story.loop.turn()
        assert story.store.derived.waiting == left
    assert story.loop.later == []
    story.deriving.save_progress()
    story.hand.table_flusher.drain()
    assert story.store.saved_progress == story.store.published


@in_loop
async def test_it_stops_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deriving, "QUEUES_AT_ONCE", 10)
    monkeypatch.setattr(deriving, "QUEUES_PER_STEP", 4)
    story = Story(25)
    story.deriving.second()
    story.deriving.stop()
    assert story.loop.later == []


@pytest.mark.parametrize("path", ["consumequeue", "index"])
@in_loop
async def test_what_cannot_be_written_is_said_waits_and_is_not_told_as_progress(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    story = Story(3)
    story.broker.store("T", 0, b"y", {"KEYS": "k"})
    story.broker.flush()
    story.disk.add(Fault("pwrite", effect=errno.ENOSPC, path=path))
    story.deriving.save_progress()
    story.hand.table_flusher.drain()
    assert "stay in memory" in caplog.text
    assert story.store.saved_progress <= 0, "nothing is complete"
    story.deriving.save_progress()
    story.hand.table_flusher.drain()
    assert story.store.saved_progress == story.store.published
