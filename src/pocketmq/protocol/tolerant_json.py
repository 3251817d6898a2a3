"""A reader for the JSON that strict decoders refuse and RocketMQ's peers write all the same.

    {0:"addr"}                    numbers as keys, unquoted: an `int` key
    {{"brokerName":"b"}:1}        objects as keys: an `ObjectKey`, which is hashable
    {'a':'b'}, NaN, [1,]          single quotes, NaN, a comma too many

As in fastjson, no other unquoted names. Of equal keys the last wins; depth is bounded by JSON_DEPTH_MAX.
"""

import re
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from pocketmq.model.errors import Refusal
from pocketmq.model.limits import JSON_DEPTH_MAX
from pocketmq.protocol.codes import ResponseCode

Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """A JSON object of scalars that is itself the key of a map; RocketMQ does so with message queues."""

    fields: tuple[tuple[str, Scalar], ...]


JsonKey: TypeAlias = str | int | ObjectKey
JsonValue: TypeAlias = "Scalar | list[JsonValue] | dict[JsonKey, JsonValue]"

_SPACE = re.compile(r"[ \t\r\n\f\b]*")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"-?[0-9]+")
_WORD = re.compile(r"true|false|null|NaN")
_PLAIN = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
_HEX = {"x": re.compile(r"[0-9a-fA-F]{2}"), "u": re.compile(r"[0-9a-fA-F]{4}")}
_WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None, "NaN": float("nan")}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"} | {mark: mark for mark in "\"'\\/"}

_DIGITS_MAX = 400
"""A number longer than this is nonsense, and Python refuses to convert much longer ones."""


def read_tolerantly(text: str) -> JsonValue:
    """The value in the text; Refusal if it is no JSON even so."""
    reader = _Reader(text)
    value = reader.value(0)
    if reader.peek():
        refuse("goes on after its end", at=reader.at)
    return value


def refuse(what: str, *, at: int) -> NoReturn:
    """Raises the Refusal for malformed JSON."""
    raise Refusal(ResponseCode.SYSTEM_ERROR, f"JSON {what} at {at}")


class _Reader:
    __slots__ = ("_text", "at")

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        self.at = _end_of(_SPACE, self._text, self.at)
        return self._text[self.at : self.at + 1]

    def value(self, depth: int) -> JsonValue:
        mark = self.peek()
        if mark in ("{", "["):
            if depth >= JSON_DEPTH_MAX:
                refuse(f"is nested deeper than {JSON_DEPTH_MAX}", at=self.at)
            return self._object(depth + 1) if mark == "{" else self._list(depth + 1)
        if mark in ('"', "'"):
            return self._string(mark)
        word = _WORD.match(self._text, self.at)
        if word is not None:
            self.at = word.end()
            return _WORDS[word.group()]
        return self._number()

    def _object(self, depth: int) -> dict[JsonKey, JsonValue]:
        self.at += 1
        found: dict[JsonKey, JsonValue] = {}
        while self.peek() != "}":
            key = self._key(depth)
            self._take(":")
            found[key] = self.value(depth)
            if self.peek() != "}":
                self._take(",")
        self.at += 1
        return found

    def _list(self, depth: int) -> list[JsonValue]:
        self.at += 1
        found: list[JsonValue] = []
        while self.peek() != "]":
            found.append(self.value(depth))
            if self.peek() != "]":
                self._take(",")
        self.at += 1
        return found

    def _key(self, depth: int) -> JsonKey:
        mark = self.peek()
        if mark in ('"', "'"):
            return self._string(mark)
        start = self.at
        if mark == "{":
            return _object_key(self.value(depth), start)
        number = _INTEGER.match(self._text, start)
        if number is None or number.end() - start > _DIGITS_MAX:
            refuse("has a key that is neither quoted nor a whole number nor an object", at=start)
        self.at = number.end()
        return int(number.group())

    def _number(self) -> int | float:
        found = _NUMBER.match(self._text, self.at)
        if found is None or found.end() - self.at > _DIGITS_MAX:
            refuse("has no value" if found is None else "has a number of too many digits", at=self.at)
        self.at = found.end()
        text = found.group()
        return int(text) if text.lstrip("-").isdigit() else float(text)

    def _string(self, quote: str) -> str:
        start = self.at
        self.at += 1
        parts: list[str] = []
        while True:
            end = _end_of(_PLAIN[quote], self._text, self.at)
            parts.append(self._text[self.at : end])
            self.at = end
            mark = self._text[self.at : self.at + 1]
            if not mark:
                refuse("has a string without end", at=start)
            self.at += 1
            if mark == quote:
                return _without_lone_surrogates("".join(parts))
            parts.append(self._escape())

    def _escape(self) -> str:
        mark = self._text[self.at : self.at + 1]
        self.at += 1
        if mark in _ESCAPES:
            return _ESCAPES[mark]
        digits = _HEX[mark].match(self._text, self.at) if mark in _HEX else None
        if digits is None:
            refuse("has an unknown escape", at=self.at - 2)
        self.at = digits.end()
        return chr(int(digits.group(), 16))

    def _take(self, mark: str) -> None:
        if self.peek() != mark:
            refuse(f"lacks a {mark!r}", at=self.at)
        self.at += 1


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()


def _object_key(value: JsonValue, at: int) -> ObjectKey:
    fields: list[tuple[str, Scalar]] = []
    for name, member in value.items() if isinstance(value, dict) else ():
        if not isinstance(name, str) or isinstance(member, (list, dict)):
            refuse("has a key that is no object of scalars", at=at)
        fields.append((name, member))
    return ObjectKey(tuple(fields))


def _without_lone_surrogates(text: str) -> str:
    """Two escapes that make a pair become their character; half a pair, which UTF-8 lacks, becomes `?` as in Java."""
    if text.isascii():
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return _SURROGATE.sub("?", joined)


_SURROGATE = re.compile("[\ud800-\udfff]")
