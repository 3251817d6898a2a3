"""Writing frames, both header serializations. See frame.py for the layout (RemotingCommand, RocketMQSerializable)."""

import struct
from collections.abc import Mapping
from typing import Protocol

import msgspec

from pocketmq.model.outcome import NO_FIELDS, Reply
from pocketmq.protocol.codes import LANGUAGES

JSON = 0
ROCKETMQ = 1
RESPONSE_FLAG = 1
ONEWAY_FLAG = 2
VERSION = 513
"""MQVersion.V5_5_0, the ordinal this implementation speaks."""

JAVA_LANGUAGE = 0


class Asked(Protocol):
    """What an answer must repeat of its request."""

    opaque: int
    serialize_type: int


def encode_request(
    code: int,
    fields: Mapping[str, str],
    body: bytes = b"",
    *,
    opaque: int,
    oneway: bool = False,
    serialize_type: int = JSON,
    language: int = JAVA_LANGUAGE,
    version: int = VERSION,
) -> bytes:
    """A whole request frame, ready to send."""
    flag = ONEWAY_FLAG if oneway else 0
    return encode(code, flag, opaque, None, fields, body, serialize_type, language, version)


def encode_response(request: Asked, reply: Reply, body: bytes | bytearray | None = None) -> bytes:
    """The answer to `request`, in its own serialization and with its own opaque; `body` stands for the reply's own."""
    return encode(
        reply.code,
        RESPONSE_FLAG,
        request.opaque,
        reply.remark,
        reply.fields,
        reply.body if body is None else body,
        request.serialize_type,
    )


def encode(
    code: int,
    flag: int,
    opaque: int,
    remark: str | None,
    fields: Mapping[str, str],
    body: bytes | bytearray,
    serialize_type: int = JSON,
    language: int = JAVA_LANGUAGE,
    version: int = VERSION,
) -> bytes:
    """A whole frame. JSON keys stand in Java's order; NO_FIELDS is left out, as Java leaves null out."""
    if serialize_type == ROCKETMQ:
        header = _binary_header(code, flag, opaque, remark, fields, language, version)
    else:
        ext = b"" if fields is NO_FIELDS else b'"extFields":%b,' % _json_text(fields)
        said = b'"remark":%b,' % _json_text(remark) if remark is not None else b""
        header = (
            b'{"code":%d,%b"flag":%d,"language":"%b","opaque":%d,%b"serializeTypeCurrentRPC":"JSON","version":%d}'
            % (code, ext, flag, _LANGUAGE_NAMES[language], opaque, said, version)
        )
    return b"".join((_LENGTHS(4 + len(header) + len(body), serialize_type << 24 | len(header)), header, body))


_json_text = msgspec.json.encode
_LANGUAGE_NAMES = tuple(name.encode() for name in LANGUAGES)
_LENGTHS = struct.Struct(">II").pack


def _binary_header(
    code: int, flag: int, opaque: int, remark: str | None, fields: Mapping[str, str], language: int, version: int
) -> bytes:
    said = remark.encode() if remark else b""
    parts: list[bytes] = []
    for key, value in fields.items():
        name = key.encode()
        text = value.encode()
        parts += (len(name).to_bytes(2, "big"), name, len(text).to_bytes(4, "big"), text)
    ext = b"".join(parts)
    return b"".join(
        (
            (code & 0xFFFF).to_bytes(2, "big"),
            bytes((language,)),
            version.to_bytes(2, "big", signed=True),
            opaque.to_bytes(4, "big", signed=True),
            flag.to_bytes(4, "big"),
            len(said).to_bytes(4, "big"),
            said,
            len(ext).to_bytes(4, "big"),
            ext,
        )
    )
