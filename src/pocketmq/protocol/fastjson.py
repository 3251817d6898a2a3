"""JSON as RocketMQ's peers write it (fastjson2 in 5.5, fastjson before), read tolerantly and written byte for byte.

Reading is the strict decoder in C; what it refuses is read again by `tolerant_json`, whose page says what more is
understood and how maps with objects as keys come out. The writer takes the same values: a dictionary keeps its order,
an entry whose value is None is left out as fastjson leaves out null fields, an `ObjectKey` is written as an object.

The standard dialect, which 5.x clients ask for in routes, quotes numbers used as keys and writes longs beyond 2^53 as
text. The pretty form is that of the files under `config/`: a tab for each level, and an empty list has an empty line.
"""

import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from json.encoder import encode_basestring

import msgspec

from pocketmq.model.errors import Refusal
from pocketmq.model.limits import JSON_DEPTH_MAX
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.tolerant_json import JsonKey, JsonValue, ObjectKey, Scalar, read_tolerantly, refuse

__all__ = [
    "JsonKey",
    "JsonValue",
    "ObjectKey",
    "PrimitiveArray",
    "Scalar",
    "Written",
    "dumps",
    "dumps_plain",
    "dumps_text",
    "java_double",
    "loads",
    "loads_object",
]


class Written(str):
    """The text of a value that was written before, at the depth and in the form in which it stands now."""

    __slots__ = ()


class PrimitiveArray(tuple[int, ...]):
    """A Java `int[]` or `long[]`: the pretty form writes it on one line, while lists have a line for each member."""

    __slots__ = ()


SAFE_INTEGER_MAX = 2**53 - 1
"""JSONWriter.Feature.BrowserCompatible: the largest whole number that JavaScript can hold."""

JAVA_DECIMAL_MIN = 1e-3
JAVA_DECIMAL_END = 1e7
"""Double#toString: outside this range a double is written with an exponent."""

_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def loads(data: bytes) -> JsonValue:
    """The value in these bytes; Refusal if they are no JSON, not UTF-8, or nested too deeply."""
    if _is_too_deep(data):
        refuse(f"is nested deeper than {JSON_DEPTH_MAX}", at=0)
    try:
        value: JsonValue = msgspec.json.decode(data)
        return value
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _loads_tolerantly(data)


def loads_object(data: bytes) -> dict[JsonKey, JsonValue]:
    """The JSON object in these bytes; Refusal if there is none."""
    value = loads(data)
    if not isinstance(value, dict):
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"JSON is a {type(value).__name__}, not an object")
    return value


def dumps(value: object, *, standard: bool = False, pretty: bool = False) -> bytes:
    """The bytes of plain values: dict, list, tuple, str, int, float, bool, None, ObjectKey, PrimitiveArray."""
    return dumps_text(value, standard=standard, pretty=pretty).encode("utf-8", "replace")


def dumps_plain(value: Mapping[str, object]) -> bytes:
    """As `dumps`, in C: a map of texts, whole numbers, true, false, and lists of whole numbers; none of them None."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError):  # Half a character; a number of more than 64 bits.
        return dumps(value)


def dumps_text(value: object, *, standard: bool = False, pretty: bool = False, depth: int = 0) -> str:
    """Like `dumps`, as text; `depth` is how deep in others the value will stand."""
    writer = _Writer(standard=standard, pretty=pretty)
    writer.write(value, depth)
    return "".join(writer.parts)


def java_double(value: float) -> str:
    """A finite double as Java prints it: `1.0E7`, `0.001`, `1.0E-5`."""
    magnitude = abs(value)
    if value == 0 or JAVA_DECIMAL_MIN <= magnitude < JAVA_DECIMAL_END:
        return repr(float(value))
    _, digits, exponent = Decimal(repr(magnitude)).as_tuple()
    text = "".join(map(str, digits))
    scale = len(text) - 1 + int(exponent)
    fraction = text[1:].rstrip("0") or "0"
    return f"{'-' if value < 0 else ''}{text[0]}.{fraction}E{scale}"


def _loads_tolerantly(data: bytes) -> JsonValue:
    try:
        return read_tolerantly(data.decode("utf-8"))
    except UnicodeDecodeError as fault:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"JSON is not UTF-8 at byte {fault.start}") from None


def _is_too_deep(data: bytes) -> bool:
    """Bars input that would exhaust the stack of the strict decoder; single-quoted brackets may hide from it."""
    if data.count(b"{") + data.count(b"[") <= JSON_DEPTH_MAX:
        return False
    brackets = _STRINGS.sub(b"", data).translate(None, _NOT_BRACKETS)
    for _ in range(JSON_DEPTH_MAX):
        flatter = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(flatter) == len(brackets):
            return len(brackets) > JSON_DEPTH_MAX
        brackets = flatter
    return len(brackets) > 0


class _Writer:
    __slots__ = ("_pretty", "_standard", "parts")

    def __init__(self, *, standard: bool, pretty: bool) -> None:
        self._standard = standard
        self._pretty = pretty
        self.parts: list[str] = []

    def write(self, value: object, depth: int) -> None:
        if type(value) is Written:
            self.parts.append(value)
        elif isinstance(value, Mapping):
            self._write_map(value.items(), depth)
        elif isinstance(value, ObjectKey):
            self._write_map(value.fields, depth)
        elif isinstance(value, PrimitiveArray):
            self.parts.append("[" + ",".join(map(str, value)) + "]")
        elif isinstance(value, (list, tuple)):
            self._write_list(value, depth)
        else:
            self.parts.append(_scalar(value))

    def _write_map(self, items: Iterable[tuple[object, object]], depth: int) -> None:
        parts = self.parts
        separator = "{" + self._break(depth + 1)
        is_empty = True
        for key, value in items:
            if value is None:
                continue
            parts.append(separator)
            self._write_key(key, depth)
            if self._standard and type(value) is int and abs(value) > SAFE_INTEGER_MAX:
                parts.append(f'"{value}"')
            else:
                self.write(value, depth + 1)
            if is_empty:
                separator = "," + self._break(depth + 1)
                is_empty = False
        parts.append("{}" if is_empty else self._break(depth) + "}")

    def _write_key(self, key: object, depth: int) -> None:
        if isinstance(key, ObjectKey):
            self.write(key, depth + 1)
            self.parts.append(":")
        elif isinstance(key, int):
            self.parts.append(f'"{key:d}":' if self._standard else f"{key:d}:")
        else:
            self.parts.append(encode_basestring(str(key)) + ":")

    def _write_list(self, members: Iterable[object], depth: int) -> None:
        parts = self.parts
        line = self._break(depth + 1)
        parts.append("[" + line)
        separator = ""
        for member in members:
            parts.append(separator)
            self.write(member, depth + 1)
            separator = "," + line
        parts.append(self._break(depth) + "]")

    def _break(self, depth: int) -> str:
        return "\n" + "\t" * depth if self._pretty else ""


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:d}"
    if isinstance(value, float):
        return java_double(value) if math.isfinite(value) else "null"
    raise TypeError(f"{type(value).__name__} has no JSON form")
