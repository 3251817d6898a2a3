"""Keys are found however the index was flushed, cut off, rolled, expired or repaired."""

import random
from collections.abc import Sequence

import pytest
from expiry import drop_before
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketmq.model.errors import StoreError
from pocketmq.model.java import java_string_hash
from pocketmq.model.limits import INDEX_ENTRIES_PENDING_MAX
from pocketmq.store.active_index import key_hash_of, keys_of
from pocketmq.store.disk import Disk
from pocketmq.store.index_file import Header, IndexFile, Shape, name_for
from pocketmq.store.key_index import KeyIndex
from pocketmq.testing.faulty_disk import Fault, FaultyDisk
from pocketmq.testing.memory_disk import MemoryDisk

T0 = 1_700_000_000_000
FOREVER = (0, 1 << 62)


def new(disk: Disk, slots: int = 5, entries: int = 40) -> KeyIndex:
    return KeyIndex(disk, "index", slots, entries)


def put(index: KeyIndex, keys: Sequence[str], start: int = 0) -> None:
    """Key number n belongs to the record at 100 * n, stored n seconds after T0."""
    for number, key in enumerate(keys, start):
        index.put_keys(b"T", b"", key.encode(), 100 * number, T0 + 1000 * number, T0 + number)


def find(index: KeyIndex, key: str, max_count: int = 1000, begin_ms: int = 0, end_ms: int = 1 << 62) -> list[int]:
    return index.query("T", key, max_count, begin_ms, end_ms)


def sync(index: KeyIndex) -> None:
    index.flush()
    for target in index.sync_targets():
        target.sync()


@settings(derandomize=True, deadline=None)
@given(st.text(max_size=40), st.one_of(st.text(max_size=40), st.text("ab#", min_size=500, max_size=600)))
def test_a_key_hashes_as_java_hashes_the_text(topic: str, key: str) -> None:
    # What UTF-8 cannot hold no client can send.
    topic, key = (text.encode("utf-8", "replace").decode() for text in (topic, key))
    code = java_string_hash(f"{topic}#{key}")
    expected = 0 if code == -(1 << 31) else abs(code)
    assert key_hash_of(topic.encode(), key.encode()) == expected


def test_the_hash_without_a_positive_is_zero() -> None:
    key = "1LG3HE3"
    assert java_string_hash(f"T#{key}") == -(1 << 31)
    assert key_hash_of(b"T", key.encode()) == 0


def test_broken_utf8_hashes_as_java_reads_it() -> None:
    assert key_hash_of(b"T", b"a\xffb") == abs(java_string_hash("T#a\ufffdb"))


@pytest.mark.parametrize(
    ("unique_key", "keys", "expected"),
    [
        (b"", b"", []),
        (b"u", b"", [b"u"]),
        (b"", b"a b", [b"a", b"b"]),
        (b"u", b" a  b ", [b"u", b"a", b"b"]),
        (b"u", b"   ", [b"u"]),
    ],
)
def test_keys_are_split_at_blanks(unique_key: bytes, keys: bytes, expected: list[bytes]) -> None:
    assert keys_of(unique_key, keys) == expected
    index = new(MemoryDisk())
    index.put_key(b"T", b"first", 0, T0, T0)
    index.put_keys(b"T", unique_key, keys, 7, T0, T0)
    for key in (b"u", b"a", b"b", b""):
        assert find(index, key.decode()) == ([7] if key in expected else [])


@pytest.mark.parametrize("flush_every", [1, 3, 1000])
def test_keys_are_found_newest_first_flushed_or_not(flush_every: int) -> None:
    disk = MemoryDisk()
    index = new(disk)
    keys = [f"k{number % 7}" for number in range(100)]
    for number, key in enumerate(keys):
        put(index, [key], number)
        if number % flush_every == 0:
            index.flush()
    assert len(index.names()) == 3
    for opened in (index, None):
        if opened is None:
            index.flush()
            opened = new(disk)
        for key in sorted(set(keys)):
            expected = [100 * number for number in reversed(range(100)) if keys[number] == key]
            assert find(opened, key) == expected
            assert find(opened, key, 3) == expected[:3]
        assert find(opened, "absent") == []


def test_time_bounds_are_whole_seconds_from_the_begin_of_the_file() -> None:
    index = new(MemoryDisk())
    put(index, ["k"] * 10)
    assert find(index, "k", 100, T0 + 3000, T0 + 5000) == [500, 400, 300]
    assert find(index, "k", 100, T0 + 3001, T0 + 5999) == [500, 400]
    assert find(index, "k", 100, T0 + 20_000, T0 + 30_000) == []


def test_a_file_that_begins_before_the_span_is_the_last_one_looked_at() -> None:
    """As IndexService#queryOffset does."""
    index = new(MemoryDisk())
    put(index, ["k"] * 100)
    assert find(index, "k", 1000, T0 + 50_000, 1 << 62) == [100 * number for number in reversed(range(50, 100))]
    assert find(index, "k", 1000, T0 + 85_000, 1 << 62) == [100 * number for number in reversed(range(85, 100))]
    assert find(index, "k", 1000, 0, T0 + 3_000) == [300, 200, 100, 0]


def test_a_record_is_put_once() -> None:
    index = new(MemoryDisk())
    assert index.end_log_offset == -1
    index.put_keys(b"T", b"u", b"a", 0, T0, T0)
    for _ in range(2):
        index.put_keys(b"T", b"u", b"a", 0, T0, T0)
        index.put_keys(b"T", b"u", b"a", 200, T0, T0)
        index.put_keys(b"T", b"u", b"a", 100, T0, T0)
    assert find(index, "u") == find(index, "a") == [200, 0]
    assert (index.end_log_offset, index.end_timestamp) == (200, T0)


def test_records_are_put_in_bulk_as_one_by_one() -> None:
    one, bulk = new(MemoryDisk()), new(MemoryDisk())
    dispatches = [
        (
            None,
            number,
            10 * number,
            10,
            0,
            T0 + number,
            b"T",
            b"u%d" % number if number % 3 else b"",
            b"a b%d" % (number % 5),
        )
        for number in range(100)
    ]
    dispatches.insert(50, (None, 0, 495, 10, 0, T0 + 49, b"T", b"", b""))
    bulk.put_all(dispatches[:70], T0)
    bulk.put_all(dispatches, T0)
    for _, _, log_offset, _, _, store_timestamp, topic, unique_key, keys in dispatches:
        one.put_keys(topic, unique_key, keys, log_offset, store_timestamp, T0)
    for index in (one, bulk):
        index.flush()
    assert one.names() == bulk.names()
    for key in ("a", "b1", "u1", "u98"):
        assert find(one, key) == find(bulk, key) != []


def test_the_entries_in_memory_have_a_bound() -> None:
    disk = FaultyDisk(MemoryDisk())
    index = new(disk, slots=100, entries=INDEX_ENTRIES_PENDING_MAX * 3)
    count = INDEX_ENTRIES_PENDING_MAX + 10
    for number in range(count):
        index.put_key(b"T", b"k%d" % (number % 50), number, T0, T0)
        if number == INDEX_ENTRIES_PENDING_MAX - 1:
            assert disk.calls["pwrite"] == 0
    assert disk.calls["pwrite"] == 1
    assert find(index, "k0") == list(reversed(range(0, count, 50)))


def test_flush_writes_entries_then_slots_then_the_header() -> None:
    disk = FaultyDisk(MemoryDisk())
    index = new(disk, slots=3000, entries=100)
    put(index, ["a", "b"])
    disk.add(Fault("pwrite", nth=3))
    with pytest.raises(OSError, match="Input/output"):
        index.flush()
    file = IndexFile(disk, "index", index.names()[0], Shape(3000, 100))
    assert file.header == Header()
    assert file.entry(2).log_offset == 100
    assert find(index, "a") == [0]
    index.flush()
    assert find(new(disk, 3000, 100), "a") == [0]


# ------------------------------------------------------------------------------------------- files, names


def test_names_follow_the_clock_but_never_go_back() -> None:
    assert name_for(1709210096789, "") == "20240229123456789"
    assert name_for(1709210096789, "20240229123456789") == "20240229123456790"
    assert name_for(0, "20240229123456999") == "20240229123457000"


def test_a_new_file_survives_once_its_targets_are_synced() -> None:
    disk = MemoryDisk()
    index = new(disk)
    put(index, ["a"] * 50)
    sync(index)
    assert index.sync_targets() == []
    for seed in range(20):
        again = new(disk.crash(random.Random(seed)))
        assert len(find(again, "a")) == 50


def test_other_sizes_than_the_files_name_the_remedy() -> None:
    disk = MemoryDisk()
    put_and_flush = new(disk)
    put(put_and_flush, ["a"])
    put_and_flush.flush()
    with pytest.raises(
        StoreError, match=r"index/20231114221320000 has 860 bytes, but maxHashSlotNum=6 .* make 864: set"
    ):
        new(disk, slots=6)


def test_an_unfinished_newest_file_is_taken_away() -> None:
    disk = MemoryDisk()
    index = new(disk)
    put(index, ["a"])
    index.flush()
    disk.open("index/20991114221320000", create=True).close()
    assert new(disk).names() == ["20231114221320000"]
    assert disk.listdir("index") == ["20231114221320000"]


def test_expiry_removes_files_of_expired_records_but_never_the_newest() -> None:
    disk = MemoryDisk()
    index = new(disk)
    put(index, ["a"] * 100)
    index.flush()
    names = index.names()
    assert drop_before(index, 3800) == []
    assert drop_before(index, 3900) == names[:1]
    assert drop_before(index, 1 << 40) == names[1:2]
    assert index.names() == disk.listdir("index") == names[2:]
    assert min(find(index, "a")) == 7800
    index.close()
    assert index.names() == []
    assert find(index, "a") == []


# ------------------------------------------------------------------------------------- cutting, repairing


@pytest.mark.parametrize("flushed", [True, False])
@pytest.mark.parametrize("cut", [0, 1, 50, 100, 1000, 3900, 3901, 4000, 7700, 7800, 9900, 9901, 20_000])
def test_a_cut_forgets_the_records_behind_it(cut: int, flushed: bool) -> None:
    disk = MemoryDisk()
    index = new(disk)
    keys = [f"k{number % 7}" for number in range(100)]
    put(index, keys)
    if flushed:
        index.flush()
    index.truncate_after(cut)
    left = keys[: -(-cut // 100)]
    whole = new(MemoryDisk())
    put(whole, left)
    for key in set(keys):
        assert find(index, key) == find(whole, key)
    assert index.end_log_offset == whole.end_log_offset
    put(index, keys[len(left) :], len(left))
    index.flush()
    for key in set(keys):
        assert find(new(disk), key) == [100 * n for n in reversed(range(100)) if keys[n] == key]


@pytest.mark.parametrize("synced_at", [0, 1, 20, 39, 40, 55, 90])
@pytest.mark.parametrize("power", [False, True])
def test_after_an_unclean_stop_what_was_synced_is_there_and_the_rest_can_be_put_again(
    synced_at: int, power: bool
) -> None:
    keys = [f"k{number % 7}" for number in range(100)]
    for seed in range(40):
        rng = random.Random(seed)
        disk = MemoryDisk()
        index = new(disk, slots=2000)
        put(index, keys[:synced_at])
        sync(index)
        for number in range(synced_at, 100):
            put(index, [keys[number]], number)
            if rng.random() < 0.1:
                index.flush()
        after = disk.crash(rng) if power else disk.crash_process()
        again = new(after, slots=2000)
        again.recover(100 * synced_at)
        assert again.end_log_offset >= 100 * (synced_at - 1)
        for number in range(synced_at):
            assert 100 * number in find(again, keys[number])
        put(again, keys[synced_at:], synced_at)
        again.flush()
        for opened in (again, new(after, slots=2000)):
            for key in set(keys):
                assert find(opened, key) == [100 * n for n in reversed(range(100)) if keys[n] == key], f"seed {seed}"


@pytest.mark.parametrize("slot", [7, -1, 1000])
@pytest.mark.parametrize("field", ["hash", "log_offset", "seconds", "before"])
def test_a_damaged_entry_ends_what_is_kept(field: str, slot: int) -> None:
    disk = MemoryDisk()
    index = new(disk)
    put(index, ["a", "b", "a", "c", "b", "a", "d"])
    sync(index)
    shape = Shape(5, 40)
    file = disk.open(f"index/{index.names()[0]}")
    at = shape.entry_position(5) + {"hash": 0, "log_offset": 4, "seconds": 12, "before": 16}[field]
    file.pwrite(at, b"\x80")
    file.pwrite(shape.slot_position(0), slot.to_bytes(4, "big", signed=True) * 5)
    again = new(disk)
    again.recover(450)
    assert again.end_log_offset == 300
    put(again, ["b", "a", "d"], 4)
    assert find(again, "a") == [500, 200, 0]
    assert find(again, "b") == [400, 100]
    assert find(again, "d") == [600]


def test_a_lost_header_takes_the_file_with_it() -> None:
    disk = MemoryDisk()
    index = new(disk)
    put(index, ["a"] * 50)
    sync(index)
    disk.open(f"index/{index.names()[1]}").pwrite(0, bytes(40))
    again = new(disk)
    again.recover(5000)
    assert again.names() == index.names()[:1] == disk.listdir("index")
    assert again.end_log_offset == 3800


def test_a_chain_that_runs_in_circles_ends() -> None:
    disk = MemoryDisk()
    index = new(disk, slots=1)
    put(index, ["a", "b", "c"])
    index.flush()
    file = disk.open(f"index/{index.names()[0]}")
    file.pwrite(Shape(1, 40).entry_position(2) + 16, (3).to_bytes(4, "big"))
    assert find(new(disk, slots=1), "c") == [200]
    assert find(new(disk, slots=1), "a") == []


def test_what_an_index_file_cannot_hold_is_not_followed() -> None:
    """Damage in a file that was closed cleanly costs what it hit, and harms nothing that is put later."""
    disk = MemoryDisk()
    index = new(disk, slots=1)
    put(index, ["a", "b", "c"])
    index.flush()
    shape = Shape(1, 40)
    file = disk.open(f"index/{index.names()[0]}")
    sound = file.pread(0, shape.file_bytes)
    file.pwrite(shape.slot_position(0), (0x7FFFFFFF).to_bytes(4, "big"))
    again = new(disk, slots=1)
    assert find(again, "c") == []
    put(again, ["d"], 3)
    assert find(again, "d") == [300]
    file.pwrite(0, sound)
    file.pwrite(shape.entry_position(3) + 12, b"\xff")
    assert find(new(disk, slots=1), "c") == find(new(disk, slots=1), "a") == []


def test_an_empty_file_behind_a_full_one_goes_on_from_it() -> None:
    disk = MemoryDisk()
    index = new(disk)
    put(index, ["a"] * 39)
    index.flush()
    shape = Shape(5, 40)
    disk.open("index/20991114221320000", create=True, size=shape.file_bytes).close()
    again = new(disk)
    assert again.end_log_offset == 3800
    put(again, ["a"] * 39 + ["b"])
    assert find(again, "b") == [3900]
    assert again.names()[-1] == "20991114221320000"


def test_a_cut_of_everything_leaves_an_empty_index() -> None:
    disk = MemoryDisk()
    index = new(disk)
    put(index, ["a"] * 90)
    index.truncate_after(0)
    assert (index.names(), index.end_log_offset, index.end_timestamp) == ([], -1, 0)
    index.truncate_after(0)
    index.recover(0)
    put(index, ["a"])
    assert find(index, "a") == [0]


@pytest.mark.parametrize("slots", [1000, 1020, 1100, 30_000])
def test_pages_of_slots_are_written_where_they_changed(slots: int) -> None:
    disk = MemoryDisk()
    index = new(disk, slots=slots, entries=3000)
    keys = [f"k{number}" for number in range(500)]
    for number, key in enumerate(keys):
        put(index, [key], number)
        if number % 100 == 99:
            index.flush()
    again = new(disk, slots=slots, entries=3000)
    assert [find(again, key) for key in keys] == [[100 * number] for number in range(500)]
