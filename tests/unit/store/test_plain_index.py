"""What plain Python puts into an index file in one run is what record by record would give."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pocketmq.store.active_index import ActiveIndex, key_hash_of
from pocketmq.store.index_file import Header, IndexFile, Shape
from pocketmq.store.plain_index import put_all_plainly
from pocketmq.testing.memory_disk import MemoryDisk

NAME = "20240229123456789"
T0 = 1_700_000_000_000
SHAPE = Shape(5, 24)
TEXTS = st.sampled_from(
    [b"", b"a", b"k1 k2", b"  k1  ", "schlüssel".encode(), b"\xff", b"1LG3HE3", b"x" * 600, b"U" * 32]
)
RECORDS = st.lists(
    st.tuples(st.integers(-1, 3), st.integers(-5_000, 1 << 43), st.sampled_from([b"T", b"topic"]), TEXTS, TEXTS),
    max_size=20,
)


def new_file() -> ActiveIndex:
    disk = MemoryDisk()
    disk.mkdirs("index")
    disk.open(f"index/{NAME}", create=True, size=SHAPE.file_bytes)
    index = IndexFile(disk, "index", NAME, SHAPE)
    index.header = Header()
    return ActiveIndex(index)


def content(active: ActiveIndex) -> bytes:
    active.flush()
    return bytes(active.index.file.pread(0, SHAPE.file_bytes))


@settings(derandomize=True, deadline=None)
@given(RECORDS, st.integers(0, 3))
def test_a_run_is_what_its_records_are_one_by_one(
    records: list[tuple[int, int, bytes, bytes, bytes]], start: int
) -> None:
    log_offset, dispatches = 100, []
    for step, after_ms, topic, unique_key, keys in records:
        log_offset += step * 100
        dispatches.append((None, 0, log_offset, 100, 0, T0 + after_ms, topic, unique_key, keys))
    start = min(start, len(dispatches))
    plain, expected = new_file(), new_file()
    for active in (plain, expected):
        active.put(7, 1, T0)  # The first entry of a file is not for runs.
    stopped = put_all_plainly(plain, dispatches, start, key_hash_of)
    for _, _, log_offset, _, _, timestamp, topic, unique_key, keys in dispatches[start:stopped]:
        if log_offset > expected.end_log_offset and (unique_key or keys):
            assert expected.put_keys(topic, unique_key, keys, log_offset, timestamp)
    assert plain.header() == expected.header()
    assert content(plain) == content(expected)
    assert stopped == len(dispatches) or plain.count + 1 + len(dispatches[stopped][8].split(b" ")) > SHAPE.entries_max


def test_the_first_record_of_a_file_is_left() -> None:
    active = new_file()
    assert put_all_plainly(active, [(None, 0, 100, 100, 0, T0, b"T", b"u", b"")], 0, key_hash_of) == 0
    assert active.count == new_file().count
