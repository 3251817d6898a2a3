"""How a body is declared: a frozen dataclass whose annotations say what its JSON looks like.

A field's wire name is the attribute in camel case unless the class's `WIRE` says otherwise; fields are written sorted
by wire name, and None is left out. `WRITTEN_ONLY` maps further wire names to attributes that are written and never
read: what Java computes in a getter. Reading is as forgiving as fastjson: unknown fields are ignored, missing and null
ones take their defaults, numbers may be text, an enum's unknown name counts as null.
"""

import base64
import binascii
import dataclasses
import types
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, NoReturn, Self, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pocketmq.model.errors import Refusal
from pocketmq.model.group import CustomizedRetryPolicy
from pocketmq.model.limits import BIT_SET_BYTES_MAX
from pocketmq.model.subscription import BloomBits
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.fastjson import (
    JsonKey,
    JsonValue,
    ObjectKey,
    PrimitiveArray,
    dumps,
    dumps_plain,
    java_double,
    loads,
)

T = TypeVar("T")

Reader = Callable[[JsonValue, str], object]
Writer = Callable[[object], object]

PRIMITIVE_ARRAYS = {(CustomizedRetryPolicy, "next"), (BloomBits, "bit_pos")}
"""Fields that are `long[]` or `int[]` in Java: their pretty form is one line."""

MISSING = dataclasses.MISSING

_LONG_END = 1 << 63


class Body:
    """Base of the bodies; values of the model are read and written by the functions below."""

    __slots__ = ()
    WIRE: ClassVar[Mapping[str, str]] = {}
    WRITTEN_ONLY: ClassVar[Mapping[str, str]] = {}
    IS_PLAIN: ClassVar[bool] = False
    """All that is written are texts, whole numbers, true and false, and lists of whole numbers: the busiest bodies."""

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """The body in these bytes; Refusal if they are broken."""
        return decode_body(cls, body)

    def encode(self, *, standard: bool = False, pretty: bool = False) -> bytes:
        """The bytes of this body as fastjson2 writes them."""
        if self.IS_PLAIN and not pretty and not standard:
            return dumps_plain(_write_object(self))
        return encode_body(self, standard=standard, pretty=pretty)


def decode_body(kind: type[T], body: bytes) -> T:
    """A value of the class from JSON; Refusal if the bytes are broken or a field is ill-typed."""
    return from_json(kind, loads(body))


def decode_body_list(kind: type[T], body: bytes) -> tuple[T, ...]:
    """Like `decode_body`, for a JSON array of the class."""
    values = loads(body)
    if not isinstance(values, list):
        _refuse(kind.__name__, "a list", values)
    return tuple(from_json(kind, value) for value in values)


def encode_body(value: object, *, standard: bool = False, pretty: bool = False) -> bytes:
    """The JSON of a value of any declared class, or of a sequence or mapping of them."""
    return dumps(to_json(value), standard=standard, pretty=pretty)


def from_json(kind: type[T], value: JsonValue) -> T:
    """A value of the class from a JSON value that has been read already."""
    return cast(T, _read_object(kind, value, kind.__name__))


def to_json(value: object) -> object:
    """What `dumps` writes for a value of any declared class, or for a sequence or mapping of them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, (type, ObjectKey)):
        return _write_object(value)
    if isinstance(value, Mapping):
        return {_write_key(key): to_json(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)) and not isinstance(value, PrimitiveArray):
        return [to_json(member) for member in value]
    return value


class _Row(NamedTuple):
    attribute: str
    wire_name: str
    read: Reader | None
    write: Writer | None
    default: object


_TABLES: dict[type[Any], tuple[_Row, ...]] = {}


def _rows(kind: type[Any]) -> tuple[_Row, ...]:
    """The table of a class, sorted by wire name."""
    if kind not in _TABLES:
        _TABLES[kind] = _table(kind)
    return _TABLES[kind]


def _table(kind: type[Any]) -> tuple[_Row, ...]:
    hints = get_type_hints(kind)
    wire: Mapping[str, str] = getattr(kind, "WIRE", {})
    extra: Mapping[str, str] = getattr(kind, "WRITTEN_ONLY", {})
    rows = [_Row(attribute, name, None, to_json, None) for name, attribute in extra.items()]
    for field in dataclasses.fields(kind):
        read, write = _codec(hints[field.name])
        if (kind, field.name) in PRIMITIVE_ARRAYS:
            write = _write_primitive_array
        default = field.default if field.default_factory is MISSING else field.default_factory
        rows.append(_Row(field.name, wire.get(field.name) or _camel(field.name), read, write, default))
    return tuple(sorted(rows, key=lambda row: row.wire_name))


def _read_object(kind: type[Any], value: JsonValue, path: str) -> object:
    if not isinstance(value, dict):
        _refuse(path, "an object", value)
    found: dict[str, object] = {}
    for row in _rows(kind):
        if row.read is None:
            continue
        member = value.get(row.wire_name)
        if member is not None:
            result = row.read(member, f"{path}.{row.wire_name}")
            if result is not None:
                found[row.attribute] = result
                continue
        if row.default is MISSING:
            raise Refusal(ResponseCode.SYSTEM_ERROR, f"{path}.{row.wire_name} is null")
    return kind(**found)


def _write_object(value: object) -> dict[str, object]:
    written: dict[str, object] = {}
    for row in _rows(type(value)):
        member = getattr(value, row.attribute)
        if member is not None:
            written[row.wire_name] = member if row.write is None else row.write(member)
    return written


def _codec(hint: Any) -> tuple[Reader, Writer | None]:
    origin = get_origin(hint)
    members = get_args(hint)
    if origin in (Union, types.UnionType):
        return _codec(next(member for member in members if member is not type(None)))
    if origin is frozenset:
        return _read_bit_set, _write_bit_set
    if origin in (tuple, Sequence):
        return _sequence_codec(members[0])
    if origin is Mapping:
        return _mapping_codec(*members)
    if hint in _SCALAR_READERS:
        return _SCALAR_READERS[hint], None
    if issubclass(hint, StrEnum):
        return _enum_reader(hint), None
    return (lambda value, path: _read_object(hint, value, path)), _write_object


def _sequence_codec(member: Any) -> tuple[Reader, Writer]:
    read, write = _codec(member)

    def read_all(value: JsonValue, path: str) -> object:
        if not isinstance(value, list):
            _refuse(path, "a list", value)
        return tuple(read(member, path) for member in value)

    def write_all(value: object) -> object:
        values = cast(Sequence[object], value)
        return list(values) if write is None else [write(member) for member in values]

    return read_all, write_all


def _mapping_codec(key: Any, member: Any) -> tuple[Reader, Writer]:
    read_member, write_member = _codec(member)
    read_key = _key_reader(key)

    def read_all(value: JsonValue, path: str) -> object:
        if not isinstance(value, dict):
            _refuse(path, "an object", value)
        return {read_key(name, path): read_member(found, path) for name, found in value.items() if found is not None}

    def write_all(value: object) -> object:
        items = cast(Mapping[object, object], value).items()
        if write_member is None:
            return {_write_key(name): found for name, found in items}
        return {_write_key(name): write_member(found) for name, found in items}

    return read_all, write_all


def _key_reader(kind: Any) -> Callable[[JsonKey, str], object]:
    if kind is int:
        return _read_int_key
    if kind is str:
        return lambda key, path: str(key) if isinstance(key, (str, int)) else _refuse(path, "a name", key)

    def read(key: JsonKey, path: str) -> object:
        if not isinstance(key, ObjectKey):
            _refuse(path, "an object as key", key)
        return _read_object(kind, dict(key.fields), path)

    return read


def _read_int_key(key: JsonKey, path: str) -> object:
    if isinstance(key, ObjectKey):
        _refuse(path, "a whole number as key", key)
    return _read_int(key, path)


def _write_key(key: object) -> object:
    if dataclasses.is_dataclass(key) and not isinstance(key, (type, ObjectKey)):
        return ObjectKey(tuple(cast("dict[str, str]", _write_object(key)).items()))
    return key


def _read_str(value: JsonValue, path: str) -> object:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return java_double(value) if isinstance(value, float) else _refuse(path, "text", value)


def _read_int(value: JsonValue, path: str) -> object:
    if isinstance(value, str):
        text = value.removeprefix("-")
        if not text:
            return None
        number = int(value) if text.isascii() and text.isdigit() and len(text) < 20 else None
    elif isinstance(value, float):
        number = int(value) if value.is_integer() else None
    else:
        number = int(value) if isinstance(value, int) else None
    if number is None or not -_LONG_END <= number < _LONG_END:
        _refuse(path, "a whole number of 64 bits", value)
    return number


def _read_float(value: JsonValue, path: str) -> object:
    try:
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            return float(value)
    except (ValueError, OverflowError):
        return _refuse(path, "a number", value)
    return _refuse(path, "a number", value)


def _read_bool(value: JsonValue, path: str) -> object:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if isinstance(value, int):
        return value != 0
    return _refuse(path, "true or false", value)


def _enum_reader(kind: type[StrEnum]) -> Reader:
    members = list(kind)
    by_name = {str(member): member for member in members}

    def read(value: JsonValue, path: str) -> object:
        if isinstance(value, int) and 0 <= value < len(members):
            return members[value]
        return by_name.get(value) if isinstance(value, str) else _refuse(path, "a name", value)

    return read


def _read_bit_set(value: JsonValue, path: str) -> object:
    try:
        packed = base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except (binascii.Error, ValueError):
        packed = None
    if packed is None or len(packed) > BIT_SET_BYTES_MAX:
        _refuse(path, f"a bit set of at most {BIT_SET_BYTES_MAX} bytes in base64", value)
    bits = int.from_bytes(packed, "little")
    return frozenset(index for index in range(bits.bit_length()) if bits >> index & 1)


def _write_bit_set(value: object) -> object:
    bits = 0
    for index in cast("frozenset[int]", value):
        bits |= 1 << index
    return base64.b64encode(bits.to_bytes((bits.bit_length() + 7) // 8, "little")).decode()


def _write_primitive_array(value: object) -> object:
    return PrimitiveArray(cast(Sequence[int], value))


_SCALAR_READERS: dict[Any, Reader] = {
    str: _read_str,
    int: _read_int,
    float: _read_float,
    bool: _read_bool,
}


def _camel(attribute: str) -> str:
    first, *others = attribute.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in others)


def _refuse(path: str, wanted: str, value: object) -> NoReturn:
    raise Refusal(ResponseCode.SYSTEM_ERROR, f"{path} should be {wanted}, found {str(value)[:64]!r}")
