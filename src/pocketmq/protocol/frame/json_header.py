"""JSON headers of every shape that Java's fastjson accepts: strict and fast first, tolerant after it."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from pocketmq.model.errors import ProtocolError, Refusal
from pocketmq.protocol import fastjson
from pocketmq.protocol.codes import LANGUAGES

UNKNOWN_LANGUAGE = -1
LANGUAGE_BY_NAME = {name: number for number, name in enumerate(LANGUAGES)}


_Int32 = Annotated[int, msgspec.Meta(ge=-(1 << 31), le=(1 << 31) - 1)]


class JsonHeader(msgspec.Struct, gc=False):
    """The fixed part; the fields as the text of their object, empty or `null` for none."""

    code: _Int32 = 0
    flag: _Int32 = 0
    language: str | int | None = "JAVA"
    opaque: _Int32 = 0
    remark: str | None = None
    version: _Int32 = 0
    extFields: msgspec.Raw = msgspec.Raw()


_decode_header = msgspec.json.Decoder(JsonHeader).decode
_FIELDS_BEGIN = (b"{", b"n", b"")
_decode_fields = msgspec.json.Decoder(dict[str, str | None] | None).decode


def load_header(text: bytes) -> JsonHeader:
    """The header in `text`. Raises ProtocolError where Java's decoder throws."""
    try:
        header = _decode_header(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _tolerant(text)
    return header if bytes(header.extFields)[:1] in _FIELDS_BEGIN else _tolerant(text)


def load_fields(text: bytes) -> dict[str, str]:
    """The fields in the text of an `extFields` object, without those that are null. Raises Refusal."""
    try:
        return _without_null(_decode_fields(text) or {})
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = fastjson.loads(text)
        if not isinstance(value, dict):
            raise Refusal(1, "extFields is not a JSON object") from None
        return _texts(value)


def _tolerant(text: bytes) -> JsonHeader:
    try:
        value = fastjson.loads(text)
    except Refusal as refusal:
        raise ProtocolError(f"header is not JSON: {refusal.remark}") from refusal
    if not isinstance(value, dict):
        raise ProtocolError("header is not a JSON object")
    ext = value.get("extFields")
    if ext is not None and not isinstance(ext, dict):
        raise ProtocolError("extFields is not a JSON object")
    code, flag, opaque, version = (_number(value.get(name), name) for name in ("code", "flag", "opaque", "version"))
    remark = value.get("remark")
    return _checked(
        code,
        flag,
        opaque,
        version,
        value.get("language", "JAVA"),
        None if remark is None else _text(remark),
        _texts(ext or {}),
    )


def _checked(
    code: int, flag: int, opaque: int, version: int, language: object, remark: str | None, fields: dict[str, str]
) -> JsonHeader:
    for number, name in ((code, "code"), (flag, "flag"), (opaque, "opaque"), (version, "version")):
        if not -(1 << 31) <= number < 1 << 31:
            raise ProtocolError(f"{name} {number} is not a 32-bit number")
    return JsonHeader(
        code, flag, language_number(language), opaque, remark, version, msgspec.Raw(msgspec.json.encode(fields))
    )


def language_number(language: object) -> int:
    """The ordinal of a language given by name or number; UNKNOWN_LANGUAGE if it is none (LanguageCode)."""
    if isinstance(language, int):
        return language if 0 <= language < len(LANGUAGES) else UNKNOWN_LANGUAGE
    return LANGUAGE_BY_NAME.get(str(language), UNKNOWN_LANGUAGE)


def _number(value: object, name: str) -> int:
    """A number as fastjson coerces it: 105, 105.0, 1e1 and "105" are numbers, null is 0."""
    if value is None:
        return 0
    try:
        if isinstance(value, str | int | float):
            return int(value)
    except (ValueError, OverflowError):
        raise ProtocolError(f"{name} is not a number") from None
    raise ProtocolError(f"{name} is not a number")


def _text(value: object) -> str:
    """A value as Java's map of strings holds it."""
    return value if isinstance(value, str) else fastjson.dumps(value).decode()


def _texts(fields: Mapping[Any, object]) -> dict[str, str]:
    return {str(key): _text(value) for key, value in fields.items() if value is not None}


def _without_null(fields: dict[str, str | None]) -> dict[str, str]:
    if None in fields.values():
        return {key: value for key, value in fields.items() if value is not None}
    return fields  # type: ignore[return-value]
