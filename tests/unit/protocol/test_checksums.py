"""Checksums: whichever library takes them, they are zlib's numbers."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketmq.protocol.checksums import crc32, crc32_positive
from pocketmq.protocol.record import lay

CRC_AT = 8


@given(st.binary(max_size=2048))
def test_every_library_gives_the_same_sum(content: bytes) -> None:
    assert crc32(content) == zlib.crc32(content)
    assert crc32_positive(content) == zlib.crc32(content) & 0x7FFF_FFFF


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 70_000])
def test_a_record_carries_the_sum_of_its_body_whatever_its_length(size: int) -> None:
    body = bytes(i * 7 & 255 for i in range(size))
    record = bytearray()
    lay(record, 0, b"T", 0, 0, 0, 0, 0, 0, bytes(8), 0, bytes(8), 0, 0, body, b"")
    assert int.from_bytes(record[CRC_AT : CRC_AT + 4], "big") == zlib.crc32(body) & 0x7FFF_FFFF
