"""Compressed bodies: zlib always, LZ4 and Zstandard where their libraries are installed."""

import importlib
import zlib
from types import ModuleType

from pocketmq.model.errors import Refusal, UserError
from pocketmq.model.flags import CompressionType
from pocketmq.model.limits import INFLATED_BODY_BYTES_MAX
from pocketmq.protocol.codes import ResponseCode

LEVEL_DEFAULT = 5
"""DefaultMQProducerImpl: rocketmq.message.compressLevel."""

_LIBRARIES = {CompressionType.LZ4: ("lz4.frame", "lz4"), CompressionType.ZSTD: ("zstandard", "zstandard")}

_ZLIB_OR_GZIP = zlib.MAX_WBITS | 32
"""RocketMQ's gRPC clients send gzip under the flag that means zlib to everyone else, so both are read."""

_PIECE_BYTES = 64


def compress(body: bytes, kind: CompressionType, level: int = LEVEL_DEFAULT) -> bytes:
    """The compressed body; UserError if the kind's library is not installed."""
    if kind is CompressionType.ZLIB:
        return zlib.compress(body, level)
    library = _library(kind)
    packed: bytes
    if kind is CompressionType.LZ4:
        packed = library.compress(body, block_linked=False)  # Java reads independent blocks only.
    else:
        packed = library.ZstdCompressor(level=level).compress(body)
    return packed


def decompress(body: bytes, kind: CompressionType, bytes_max: int = INFLATED_BODY_BYTES_MAX) -> bytes:
    """The plain body; Refusal if it is broken or larger than the bound, UserError without the kind's library."""
    pieces = {CompressionType.ZLIB: inflate, CompressionType.LZ4: _unpack_lz4, CompressionType.ZSTD: _unpack_zstd}
    try:
        return pieces[kind](body, bytes_max)
    except ValueError as fault:
        raise Refusal(ResponseCode.MESSAGE_ILLEGAL, f"the {kind.name} body is broken: {fault}") from None


def inflate(packed: bytes, bytes_max: int) -> bytes:
    """The content of a zlib or gzip stream; ValueError if it is broken, cut short or larger than the bound."""
    machine = zlib.decompressobj(_ZLIB_OR_GZIP)
    try:
        plain = machine.decompress(packed, bytes_max + 1)
    except zlib.error as fault:
        raise ValueError(str(fault)) from None
    _check_size(len(plain), bytes_max)
    if not machine.eof:
        raise ValueError("it ends too early")
    return plain


def _unpack_lz4(packed: bytes, bytes_max: int) -> bytes:
    library = _library(CompressionType.LZ4)
    machine = library.LZ4FrameDecompressor()
    try:
        plain: bytes = machine.decompress(packed, max_length=bytes_max + 1)
    except RuntimeError as fault:
        raise ValueError(str(fault)) from None
    _check_size(len(plain), bytes_max)
    if not machine.eof:
        raise ValueError("it ends too early")
    return plain


def _unpack_zstd(packed: bytes, bytes_max: int) -> bytes:
    """Fed in pieces, because this library bounds no output: a piece of zeros can become two megabytes at most."""
    library = _library(CompressionType.ZSTD)
    machine = library.ZstdDecompressor().decompressobj()
    plain = bytearray()
    try:
        for at in range(0, len(packed), _PIECE_BYTES):
            plain += machine.decompress(packed[at : at + _PIECE_BYTES])
            _check_size(len(plain), bytes_max)
            if machine.eof:
                break
    except library.ZstdError as fault:
        raise ValueError(str(fault)) from None
    if not machine.eof:
        raise ValueError("it ends too early")
    return bytes(plain)


def _check_size(size: int, bytes_max: int) -> None:
    if size > bytes_max:
        raise ValueError(f"it grows beyond {bytes_max} bytes")


def _library(kind: CompressionType) -> ModuleType:
    module, package = _LIBRARIES[kind]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise UserError(f"a message body is compressed with {kind.name}: install the {package} package") from None
