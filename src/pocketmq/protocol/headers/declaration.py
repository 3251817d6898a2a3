"""How a header is declared: a class whose annotated attributes are the table of its fields.

The wire name is the attribute in camel case unless `msgspec.field(name=...)` says otherwise; an attribute without a
default is required. Text that the fast decoder refuses is read again by Java's rules (RemotingCommand
#decodeCommandCustomHeader), which decide what is accepted and what the refusal says.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, NamedTuple, Protocol, Self, TypeVar, cast

import msgspec
from msgspec import inspect as shapes

from pocketmq.model.errors import Refusal
from pocketmq.model.queue import BoundaryType
from pocketmq.protocol.codes import ResponseCode

Int = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Long = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]

Value = str | int | bool | BoundaryType

H = TypeVar("H", bound="Header")


class Asking(Protocol):
    """A request whose fields may still be text."""

    @property
    def fields(self) -> dict[str, str]: ...

    @property
    def fields_text(self) -> bytes: ...


class Header(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The fields of one kind of request or response, as values."""

    @classmethod
    def decode(cls, fields: Mapping[str, str]) -> Self:
        """The header in these extension fields; Refusal if a required one is missing or one is ill-typed."""
        try:
            header = msgspec.convert(fields, cls, strict=False)
        except msgspec.ValidationError:
            return _decode_as_java(cls, fields)
        # msgspec takes "1" for true, as Boolean#parseBoolean does not.
        booleans = _booleans(cls)
        if not booleans.isdisjoint(fields) and any(fields.get(name) == "1" for name in booleans):
            return _decode_as_java(cls, fields)
        return header

    @classmethod
    def read(cls, request: "Asking") -> Self:
        """As `decode` of the request's fields, but where it can straight from their text; for the busiest requests."""
        text = request.fields_text
        if text and not (b'"1"' in text and _may_say_true(cls, text)):
            try:
                return cast(Self, _text_decoder(cls)(text))
            except (msgspec.DecodeError, UnicodeDecodeError):
                return cls.decode(request.fields)
        return cls.decode(request.fields)

    def fields(self) -> dict[str, str]:
        """The extension fields, own ones first and then inherited ones, as Java's fast headers write them."""
        fields: dict[str, str] = {}
        for rule in rules(type(self)):
            value = getattr(self, rule.attribute)
            if value is True or value is False:
                fields[rule.wire_name] = "true" if value else "false"
            elif value is not None:
                fields[rule.wire_name] = str(value)
        return fields


class RpcRequest(Header, frozen=True, kw_only=True):
    """What every request may carry (RpcRequestHeader): namespace, namespaced, broker name, one-way."""

    ns: str | None = None
    nsd: bool | None = None
    bname: str | None = None
    oway: bool | None = None


class TopicRequest(RpcRequest, frozen=True, kw_only=True):
    """What every request about a topic may carry (TopicRequestHeader): whether the queue is a logical one."""

    lo: bool | None = None


class Rule(NamedTuple):
    """One row of a header's table; `bits` is the size of a number."""

    attribute: str
    wire_name: str
    kind: type[Value]
    is_required: bool
    bits: int


@cache
def rules(header: type[Header]) -> tuple[Rule, ...]:
    """The table of a header's fields: its own first, then those of its bases."""
    shape = cast(shapes.StructType, shapes.type_info(header))
    by_name = {field.name: field for field in shape.fields}
    owners = [vars(owner).get("__annotations__", {}) for owner in header.__mro__]
    order = dict.fromkeys(name for annotations in owners for name in annotations if name in by_name)
    return tuple(_rule(by_name[name]) for name in order)


def _rule(field: shapes.Field) -> Rule:
    kind = field.type
    if isinstance(kind, shapes.UnionType):
        kind = next(member for member in kind.types if not isinstance(member, shapes.NoneType))
    bits = ((kind.le or 0) + 1).bit_length() if isinstance(kind, shapes.IntType) else 0
    return Rule(field.name, field.encode_name, _PYTHON_TYPES[type(kind)], field.required, bits)


_PYTHON_TYPES: Mapping[type[shapes.Type], type[Value]] = {
    shapes.StrType: str,
    shapes.IntType: int,
    shapes.BoolType: bool,
    shapes.EnumType: BoundaryType,
}


@cache
def _text_decoder(header: type[Header]) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(header, strict=False).decode


@cache
def _booleans(header: type[Header]) -> frozenset[str]:
    return frozenset(rule.wire_name for rule in rules(header) if rule.kind is bool)


@cache
def _boolean_names(header: type[Header]) -> tuple[bytes, ...]:
    return tuple(name.encode() for name in _booleans(header))


def _may_say_true(header: type[Header], text: bytes) -> bool:
    """Whether a "1" in it may be that of a boolean; a queue's id it is more often."""
    return b"\\" in text or any(name in text for name in _boolean_names(header))


def _decode_as_java(header: type[H], fields: Mapping[str, str]) -> H:
    values: dict[str, Value] = {}
    for rule in rules(header):
        text = fields.get(rule.wire_name)
        if text is not None:
            values[rule.attribute] = _parse(rule, text)
        elif rule.is_required:
            raise Refusal(ResponseCode.SYSTEM_ERROR, f"the custom field <{rule.wire_name}> is null")
    return header(**values)


def _parse(rule: Rule, text: str) -> Value:
    if rule.kind is str:
        return text
    if rule.kind is bool:
        return text.lower() == "true"
    if rule.kind is BoundaryType:
        return BoundaryType.UPPER if text.upper() == BoundaryType.UPPER else BoundaryType.LOWER
    half = 1 << rule.bits - 1
    number = int(text) if _WHOLE_NUMBER.fullmatch(text) else half
    if not -half <= number < half:
        raise Refusal(
            ResponseCode.SYSTEM_ERROR,
            f"the custom field <{rule.wire_name}> is {text[:64]!r}, not a whole number of {rule.bits} bits",
        )
    return number


_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,20}")
