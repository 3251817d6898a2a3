"""Checkpoint and watermark are hints: whatever they hold, reading them works."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketmq.store.checkpoint import (
    CHECKPOINT_PATH,
    DURABLE_PATH,
    Checkpoint,
    decode_checkpoint,
    encode_checkpoint,
    establish_durable_offset,
    load_checkpoint,
    load_durable_offset,
    save_checkpoint,
    save_durable_offset,
)
from pocketmq.testing.memory_disk import MemoryDisk

NUMBERS = st.integers(0, (1 << 63) - 1)


@settings(derandomize=True, deadline=None)
@given(st.builds(Checkpoint, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS))
def test_a_checkpoint_comes_back(checkpoint: Checkpoint) -> None:
    assert decode_checkpoint(encode_checkpoint(checkpoint)) == checkpoint


@settings(derandomize=True, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_decode(content: bytes) -> None:
    assert min(decode_checkpoint(content).queue_log_offset, decode_checkpoint(content).log_timestamp) >= 0


@pytest.mark.parametrize("content", [b"", b"\0" * 47, b"\xff" * 4096])
def test_what_cannot_be_a_checkpoint_says_nothing_was_flushed(content: bytes) -> None:
    assert decode_checkpoint(content) == Checkpoint()


def test_a_store_without_files_has_neither() -> None:
    assert load_checkpoint(MemoryDisk()) == Checkpoint()
    assert load_durable_offset(MemoryDisk()) is None


def test_a_saved_checkpoint_survives_once_its_name_does() -> None:
    disk = MemoryDisk()
    save_checkpoint(disk, Checkpoint(queue_log_offset=1))
    disk.fsync_dir("")
    save_checkpoint(disk, Checkpoint(queue_log_offset=2))
    assert {load_checkpoint(disk.crash(random.Random(seed))).queue_log_offset for seed in range(30)} == {2}
    assert disk.size(CHECKPOINT_PATH) == 4096


def test_a_watermark_is_the_old_or_the_new_one_after_a_power_cut() -> None:
    disk = MemoryDisk()
    establish_durable_offset(disk, 7)
    save_durable_offset(disk, 1 << 40)
    assert {load_durable_offset(disk.crash(random.Random(seed))) for seed in range(40)} == {7, 1 << 40}


@pytest.mark.parametrize("at", range(16))
def test_a_damaged_watermark_is_none(at: int) -> None:
    disk = MemoryDisk()
    save_durable_offset(disk, 123_456)
    assert load_durable_offset(disk) == 123_456
    file = disk.open(DURABLE_PATH)
    byte = file.pread(at, 1)[0]
    file.pwrite(at, bytes([byte ^ 0x10]))
    assert load_durable_offset(disk) is None


def test_a_short_watermark_is_none() -> None:
    disk = MemoryDisk()
    disk.open(DURABLE_PATH, create=True).pwrite(0, b"\0" * 9)
    assert load_durable_offset(disk) is None
