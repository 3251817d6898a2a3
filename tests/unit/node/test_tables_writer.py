"""Tables saved before answers leave: in groups, again after a failure, and never with content from before a change."""

import errno

from hand_driver import HandFlusher

from pocketmq.node.tables_writer import TablesWriter


class _Desk:
    def __init__(self) -> None:
        self.flusher = HandFlusher()
        self.unsaved: set[str] = set()
        self.content = "old"
        self.saved: list[tuple[str, str]] = []
        self.carried: list[OSError | None] = []
        self.writer = TablesWriter(self.flusher, self.unsaved, self._work_of)  # type: ignore[arg-type]

    def _work_of(self, name: str):  # type: ignore[no-untyped-def]
        content = self.content
        return lambda: self.saved.append((name, content))


def test_one_write_serves_all_who_wait() -> None:
    desk = _Desk()
    desk.unsaved |= {"topics", "groups"}
    desk.writer.when_saved(desk.carried.append)
    desk.unsaved.add("topics")
    desk.content = "new"
    desk.writer.when_saved(desk.carried.append)
    desk.writer.when_saved(desk.carried.append)
    desk.flusher.step()
    assert desk.saved == [("groups", "old"), ("topics", "old")]
    assert desk.carried == [None]
    desk.flusher.step()
    assert desk.saved[2:] == [("topics", "new")]
    assert desk.carried == [None, None, None]
    assert desk.flusher.jobs == []
    assert desk.unsaved == set()


def test_a_failure_reaches_those_who_waited_and_the_table_is_saved_with_the_next() -> None:
    desk = _Desk()
    desk.unsaved.add("topics")
    desk.writer.when_saved(desk.carried.append)
    _, done = desk.flusher.jobs.pop()
    done(OSError(errno.EIO, "broken"))
    assert [error and error.errno for error in desk.carried] == [errno.EIO]
    assert desk.unsaved == set(), "nobody else waits for it"
    assert desk.writer.has_failed
    desk.writer.when_saved(desk.carried.append)
    desk.flusher.step()
    assert desk.carried[-1] is None
    assert desk.saved == [("topics", "old")]
    assert not desk.writer.has_failed


def test_tables_nobody_waits_for_are_saved_too() -> None:
    desk = _Desk()
    desk.writer.save_also({"consumerOffset"})
    desk.flusher.drain()
    assert desk.saved == [("consumerOffset", "old")]
