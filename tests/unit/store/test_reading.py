"""What a pull selects in a queue, and what it then gets from the log, whatever stands between the records."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketmq.protocol.record import examine
from pocketmq.store.commit_log import CommitLog
from pocketmq.store.consume_queue import ConsumeQueue, Entry, pack_entries, unpack_entries
from pocketmq.store.disk import Disk, PosixDisk
from pocketmq.store.segments import DescriptorCache
from pocketmq.testing.memory_disk import MemoryDisk

FILE_BYTES = 1 << 20


def queue_of(entries: list[Entry], written: int) -> ConsumeQueue:
    """A queue of these entries, so many of them in its file."""
    queue = ConsumeQueue(MemoryDisk(), "T", 0, FILE_BYTES // 20 * 20, DescriptorCache())
    for number, entry in enumerate(entries):
        if number == written:
            queue.write()
        queue.put(number, *entry)
    return queue


def log_of(disk: Disk | None = None) -> tuple[CommitLog, list[Entry]]:
    """A log of records of many sizes, and where they stand."""
    log = CommitLog(disk or MemoryDisk(), FILE_BYTES, DescriptorCache(), 1 << 16)
    queue = ConsumeQueue(MemoryDisk(), "T", 0, FILE_BYTES // 20 * 20, DescriptorCache())
    for number, size in enumerate((0, 1, 300, 20_000, 60_000, 7, 1_000) * 6):
        hosts = bytes(20 if number % 3 == 0 else 8), bytes(20 if number % 2 else 8)
        log.append(queue, examine(b""), bytes([number]) * size, b"", 0, 0, 0, hosts[0], hosts[1], 0, 0, 0, 1_000)
    entries = [Entry(dispatch[2], dispatch[3], 0) for dispatch in log.undispatched]
    log.write()
    log.resume(log.written)
    return log, entries


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


LOG, ENTRIES = log_of()
ODD = [
    Entry(place + moved, size + longer, 0)
    for place, size, _ in ENTRIES[:9]
    for moved, longer in (
        (1, 0),
        (0, 1),
        (0, -1),
        (-8, 0),
        (0, -size),
        (0, -size - 1),
        (10_000_000, 0),
        (-place - 9, 0),
    )
]


@settings(derandomize=True, deadline=None)
@given(
    st.lists(st.sampled_from(ENTRIES), max_size=12),
    st.lists(st.sampled_from(ODD), max_size=2),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_records_come_as_if_each_were_read_alone(
    entries: list[Entry], odd: list[Entry], in_order: bool, chance: random.Random
) -> None:
    asked = [*entries, *odd] or ENTRIES[:1]
    chance.shuffle(asked)
    if in_order:
        asked.sort()
    expected = b"".join(LOG.read(entry.log_offset, entry.size) for entry in asked if entry in ENTRIES)
    body, damaged = LOG.gather(pack_entries(asked))
    assert body == expected
    assert damaged == [entry for entry in asked if entry not in ENTRIES and entry.log_offset >= 0]
    found = LOG.gather_nowait(pack_entries(asked))
    assert (found is None) if any(entry.log_offset >= 0 for entry in odd) else (bytes(found or b"") == expected)


@pytest.mark.parametrize("scattered", [False, True])
@pytest.mark.parametrize("at", [0, 5, 9, 30, 39, 87, 88, -1])
def test_a_record_that_is_not_sound_is_left_out_and_named(tmp_path: Path, at: int, scattered: bool) -> None:
    log, entries = log_of(PosixDisk(tmp_path))
    asked = [entries[2], entries[26], entries[38]] if scattered else entries[8:17]
    hit = asked[1] if scattered else entries[10]
    place = hit.log_offset + (hit.size + at - 5 if at < 0 else at)
    (changed,) = log.segments.read(place, 1)
    log.segments.write(place, bytes([changed ^ 0x10]))
    assert log.gather_nowait(pack_entries(asked)) is None
    body, damaged = log.gather(pack_entries(asked))
    assert damaged == [hit]
    assert body == b"".join(log.read(entry.log_offset, entry.size) for entry in asked if entry != hit)


def test_what_was_written_a_moment_ago_is_not_read_twice() -> None:
    """The checksum of a fresh record is not verified: its bytes have never been anywhere but in memory."""
    log, entries = log_of()
    assert log.checked_below == log.written
    queue = ConsumeQueue(MemoryDisk(), "T", 0, 400, DescriptorCache())
    log.append(queue, examine(b""), b"fresh" * 10, b"", 0, 0, 0, bytes(8), bytes(8), 0, 0, 0, 2_000)
    log.write()
    fresh = Entry(log.undispatched[-1][2], log.undispatched[-1][3], 0)
    assert log.checked_below == fresh.log_offset
    log.segments.write(fresh.log_offset + 90, b"?")
    assert log.gather_nowait(pack_entries([entries[-1], fresh])) is not None
    log.resume(log.written)
    assert log.gather_nowait(pack_entries([entries[-1], fresh])) is None


def test_of_no_entries_there_are_no_records() -> None:
    assert LOG.gather_nowait(b"") == b""
    assert LOG.gather(b"") == (b"", [])
