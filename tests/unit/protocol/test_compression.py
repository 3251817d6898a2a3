"""Compressed bodies: bounds, damage, libraries that are missing or stand in."""

import gzip
import sys
import zlib
from types import ModuleType

import pytest

from pocketmq.model.errors import Refusal, UserError
from pocketmq.model.flags import CompressionType
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.compression import compress, decompress, inflate


def test_zlib_and_gzip_are_both_read() -> None:
    assert decompress(compress(b"body", CompressionType.ZLIB), CompressionType.ZLIB) == b"body"
    assert decompress(gzip.compress(b"body"), CompressionType.ZLIB) == b"body"


def test_a_body_may_grow_to_its_bound_and_no_further() -> None:
    packed = zlib.compress(bytes(1000))
    assert decompress(packed, CompressionType.ZLIB, 1000) == bytes(1000)
    with pytest.raises(Refusal) as refused:
        decompress(packed, CompressionType.ZLIB, 999)
    assert refused.value.code == ResponseCode.MESSAGE_ILLEGAL
    assert refused.value.remark == "the ZLIB body is broken: it grows beyond 999 bytes"


def test_a_body_cut_short_is_refused() -> None:
    with pytest.raises(Refusal, match="it ends too early"):
        decompress(zlib.compress(b"a body that is long enough")[:-3], CompressionType.ZLIB)
    with pytest.raises(ValueError, match="incorrect header check"):
        inflate(b"no stream", 100)


@pytest.mark.parametrize(("kind", "package"), [(CompressionType.LZ4, "lz4"), (CompressionType.ZSTD, "zstandard")])
def test_a_missing_library_is_named(kind: CompressionType, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    for work in (compress, decompress):
        with pytest.raises(UserError, match=f"compressed with {kind.name}: install the {package} package"):
            work(b"body", kind)


class StandInLz4(ModuleType):
    """The part of lz4.frame that is used, with zlib inside."""

    def compress(self, body: bytes, block_linked: bool = True) -> bytes:
        assert not block_linked
        return zlib.compress(body)

    def LZ4FrameDecompressor(self) -> "StandInDecompressor":
        return StandInDecompressor()


class StandInDecompressor:
    def __init__(self) -> None:
        self._machine = zlib.decompressobj()

    def decompress(self, packed: bytes, max_length: int) -> bytes:
        try:
            return self._machine.decompress(packed, max_length)
        except zlib.error as fault:
            raise RuntimeError(str(fault)) from fault

    @property
    def eof(self) -> bool:
        return self._machine.eof


def test_lz4_blocks_are_independent_as_java_needs_them() -> None:
    pytest.importorskip("lz4.frame", reason="the lz4 package is not installed")
    packed = compress(bytes(range(256)) * 1000, CompressionType.LZ4)
    assert packed[4] & 0x20, "block independence flag of the frame descriptor"
    assert decompress(packed, CompressionType.LZ4) == bytes(range(256)) * 1000


def test_lz4_is_bounded_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lz4", ModuleType("lz4"))
    monkeypatch.setitem(sys.modules, "lz4.frame", StandInLz4("lz4.frame"))
    packed = compress(bytes(1000), CompressionType.LZ4)
    assert decompress(packed, CompressionType.LZ4, 1000) == bytes(1000)
    for damaged, bytes_max in ((packed, 999), (packed[:-3], 1000), (b"x" + packed, 1000)):
        with pytest.raises(Refusal, match="the LZ4 body is broken"):
            decompress(damaged, CompressionType.LZ4, bytes_max)


class StandInZstandard(ModuleType):
    """The part of zstandard that is used, with zlib inside."""

    class ZstdError(Exception):
        pass

    class ZstdCompressor:
        def __init__(self, level: int) -> None:
            self._level = level

        def compress(self, body: bytes) -> bytes:
            return zlib.compress(body, self._level)

    class ZstdDecompressor:
        def decompressobj(self) -> "StandInZstdObject":
            return StandInZstdObject()


class StandInZstdObject:
    def __init__(self) -> None:
        self._machine = zlib.decompressobj()

    def decompress(self, packed: bytes) -> bytes:
        try:
            return self._machine.decompress(packed)
        except zlib.error as fault:
            raise StandInZstandard.ZstdError(str(fault)) from fault

    @property
    def eof(self) -> bool:
        return self._machine.eof


def test_zstandard_is_bounded_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", StandInZstandard("zstandard"))
    body = bytes(200_000)
    packed = compress(body, CompressionType.ZSTD)
    assert decompress(packed, CompressionType.ZSTD) == body
    assert decompress(packed + bytes(100), CompressionType.ZSTD) == body
    for damaged, bytes_max in ((packed, 100_000), (packed[:-3], 1 << 20), (b"x" + packed, 1 << 20)):
        with pytest.raises(Refusal, match="the ZSTD body is broken"):
            decompress(damaged, CompressionType.ZSTD, bytes_max)
