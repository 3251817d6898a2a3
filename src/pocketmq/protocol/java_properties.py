"""The text form of `java.util.Properties`: configuration files, and the bodies that read and change configuration.

# comment          ! comment
key=value          key: value          key value          key
long=first, \\      a backslash at the end of a line continues it, and the next line's indent is dropped
    second
path=C\\:\\\\data     \\t \\n \\r \\f \\uXXXX are escapes; before any other character the backslash just vanishes
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_LINE_END = re.compile(r"\r\n|\r|\n")
_BLANKS = " \t\f"
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ESCAPED = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f"}
_KEY_MARKS = "=:#!"
_HEX = re.compile(r"[0-9a-fA-F]{4}")


class Entry(NamedTuple):
    """A key and its value, with the number of the line it starts on, counted from 1."""

    line: int
    key: str
    value: str


def parse_properties(text: str) -> dict[str, str]:
    """The properties in the text, of equal keys the last; ValueError names the line of a broken escape."""
    return {entry.key: entry.value for entry in parse_entries(text)}


def parse_entries(text: str) -> list[Entry]:
    """Every entry in its order; ValueError names the line of a broken escape."""
    return [_entry(number, line) for number, line in _logical_lines(text)]


def format_properties(properties: Mapping[str, str]) -> str:
    """Text that `parse_properties` and Java read back to the same properties, in their order."""
    return "".join(f"{_escape_key(key)}={_escape_value(value)}\n" for key, value in properties.items())


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    pieces: list[str] = []
    for number, line in enumerate(_LINE_END.split(text), start=1):
        line = line.lstrip(_BLANKS)
        if not pieces:
            start = number
            if line[:1] in ("", "#", "!"):
                continue
        if _is_continued(line):
            pieces.append(line[:-1])
            continue
        yield start, "".join((*pieces, line))
        pieces = []
    if any(pieces):
        yield start, "".join(pieces)


def _is_continued(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _entry(number: int, line: str) -> Entry:
    end = _key_end(line)
    value = line[end:].lstrip(_BLANKS)
    if value[:1] in ("=", ":"):
        value = value[1:].lstrip(_BLANKS)
    return Entry(number, _unescape(line[:end], number), _unescape(value, number))


def _key_end(line: str) -> int:
    is_escaped = False
    for index, mark in enumerate(line):
        if is_escaped:
            is_escaped = False
        elif mark == "\\":
            is_escaped = True
        elif mark in "=:" or mark in _BLANKS:
            return index
    return len(line)


def _unescape(text: str, number: int) -> str:
    if "\\" not in text:
        return text
    pieces: list[str] = []
    at = 0
    while at < len(text):
        mark = text[at]
        at += 1
        if mark != "\\":
            pieces.append(mark)
            continue
        mark = text[at : at + 1]
        at += 1
        if mark != "u":
            pieces.append(_ESCAPES.get(mark, mark))
            continue
        digits = _HEX.match(text, at)
        if digits is None:
            raise ValueError(f"line {number}: \\u needs four hexadecimal digits, found {text[at : at + 4]!r}")
        pieces.append(chr(int(digits.group(), 16)))
        at = digits.end()
    return "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _escape_value(text: str) -> str:
    escaped = "".join(_ESCAPED.get(mark, mark) for mark in text)
    return "\\" + escaped if text.startswith(" ") else escaped


def _escape_key(text: str) -> str:
    return "".join("\\" + mark if mark in _KEY_MARKS or mark == " " else _ESCAPED.get(mark, mark) for mark in text)
