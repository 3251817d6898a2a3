"""What a pull selects in a queue, and what it then gets from the log, whatever stands between the records."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pocketmq.store.commit_log import CommitLog
from pocketmq.store.consume_queue import ConsumeQueue, Entry, pack_entries, unpack_entries
from pocketmq.store.disk import Disk, PosixDisk
from pocketmq.store.segments import DescriptorCache
from pocketmq.testing.memory_disk import MemoryDisk

FILE_BYTES = 1 << 20
LOG_BYTES = 600_000
ODD_SIZES = (-1, 0, 0x7FFFFFFF)


def queue_of(entries: list[Entry], written: int) -> ConsumeQueue:
    """A queue of these entries, so many of them in its file."""
    queue = ConsumeQueue(MemoryDisk(), "T", 0, FILE_BYTES // 20 * 20, DescriptorCache())
    for number, entry in enumerate(entries):
        if number == written:
            queue.write()
        queue.put(number, *entry)
    return queue


def log_of(content: bytes, disk: Disk | None = None) -> CommitLog:
    """A log that holds these bytes."""
    log = CommitLog(disk or MemoryDisk(), FILE_BYTES, DescriptorCache(), 1 << 16)
    log.segments.write(0, content)
    log.resume(len(content))
    return log


sizes = st.one_of(st.integers(100, 5_000), st.just(0x7FFFFFFF))


@settings(derandomize=True, deadline=None)
@given(
    st.lists(st.tuples(sizes, st.integers(0, 2)), max_size=60),
    st.integers(0, 60),
    st.integers(0, 40),
    st.integers(1, 40),
    st.integers(1, 60_000),
    st.sampled_from((None, frozenset((0,)), frozenset((1, 2)))),
)
def test_a_selection_is_what_one_look_after_another_finds(
    shapes: list[tuple[int, int]],
    written: int,
    start: int,
    count_max: int,
    bytes_max: int,
    codes: frozenset[int] | None,
) -> None:
    entries = [Entry(1_000 * number, size, tags) for number, (size, tags) in enumerate(shapes)]
    log_start = 2_500
    expected: list[Entry] = []
    taken, after = 0, min(start, len(entries))
    for entry in entries[start:]:
        if len(expected) == count_max or (taken and taken + entry.size > bytes_max):
            break
        after += 1
        if (codes is None or entry.tags_code in codes) and entry.log_offset >= log_start and entry.size != 0x7FFFFFFF:
            expected.append(entry)
            taken += entry.size
    selection = queue_of(entries, written).select(start, count_max, bytes_max, codes, log_start)
    assert unpack_entries(selection.entries) == expected
    assert selection.bytes == taken
    if len(expected) < count_max:
        assert selection.next_offset == (after if start < len(entries) else start)


@settings(derandomize=True, deadline=None)
@given(st.data())
def test_records_come_as_if_each_were_read_alone(data: st.DataObject) -> None:
    content = bytes(range(251)) * (LOG_BYTES // 251)
    log = log_of(content)
    places = st.one_of(st.integers(-10, len(content) + 10), st.integers(0, 5_000))
    lengths = st.one_of(st.integers(1, 3_000), st.sampled_from(ODD_SIZES))
    entries = data.draw(st.lists(st.builds(Entry, places, lengths, st.just(0)), min_size=1, max_size=12))
    if data.draw(st.booleans()):
        entries.sort()
    expected = b"".join(content[place : place + size] if place >= 0 and size > 0 else b"" for place, size, _ in entries)
    found = log.gather_nowait(pack_entries(entries))
    assert found is not None
    assert bytes(found) == expected
    assert log.gather(pack_entries(entries)) == expected


def test_a_damaged_entry_reads_nothing_of_a_real_file(tmp_path: Path) -> None:
    content = bytes(range(250))
    log = log_of(content, PosixDisk(tmp_path))
    for size in (-1, 0):
        entries = pack_entries([Entry(0, 10, 0), Entry(10, size, 0), Entry(20, 10, 0)])
        expected = content[:10] + content[20:30]
        assert bytes(log.gather_nowait(entries) or b"") == log.gather(entries) == expected
