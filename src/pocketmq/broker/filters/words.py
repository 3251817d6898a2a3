"""Cuts an SQL92 expression into words, one at a time: what the grammar does not ask for is never looked at.

That is Java's way: `a = 5 XOR b` ends at the word XOR, and `a = 5) #` at the bracket, so that the `#` behind it harms
nobody. Source: the tokens of SelectorParser.jj.
"""

import re
from typing import NamedTuple

from pocketmq.model.limits import FILTER_CHARS_MAX

_WORD = re.compile(
    r"""(?P<blank> [ \t\n\r\f]+ | --[^\n\r]*[\n\r] | /\*.*?\*/ )
      | (?P<float> [0-9]+\.[0-9]*(?:[eE][+-]?[0-9]+)? | \.[0-9]+(?:[eE][+-]?[0-9]+)? | [0-9]+[eE][+-]?[0-9]+ )
      | (?P<decimal> [1-9][0-9]*[lL]? | 0 )
      | (?P<text> '[^']*(?:''[^']*)*' )
      | (?P<name> [A-Za-z_$][A-Za-z0-9_$]* )
      | (?P<sign> <> | >= | <= | [=<>(),+-] )""",
    re.VERBOSE | re.DOTALL,
)

_SEARCHES = {"CONTAINS", "STARTSWITH", "ENDSWITH"}
_KEYWORDS = {"NOT", "AND", "OR", "BETWEEN", "IN", "TRUE", "FALSE", "NULL", "IS"} | _SEARCHES
_SHOWN_CHARS_MAX = 32

END = "end"
FLOAT = "float"
DECIMAL = "decimal"
TEXT = "text"
NAME = "name"


class FilterFault(ValueError):
    """The expression cannot be read; the message says where and why."""


class Word(NamedTuple):
    """`kind` is one of the five above, a keyword in capitals, or the sign itself; `at` counts characters from 0."""

    kind: str
    text: str
    at: int


class Words:
    """The words of one expression, from the first on. Raises FilterFault for one that is too long."""

    def __init__(self, expression: str) -> None:
        if len(expression) > FILTER_CHARS_MAX:
            raise FilterFault(f"the expression has {len(expression)} characters, more than {FILTER_CHARS_MAX}")
        self._expression = expression
        self._at = 0

    def next(self) -> Word:
        """The next word. FilterFault where no word can start."""
        while True:
            at = self._at
            if at == len(self._expression):
                return Word(END, "", at)
            match = _WORD.match(self._expression, at)
            if match is None:
                raise self.fault(at, f"{self._expression[at]!r} means nothing")
            self._at = match.end()
            kind = str(match.lastgroup)
            if kind == "blank":
                continue
            text = match.group()
            if kind == "sign":
                kind = text
            elif kind == NAME and text.upper() in _KEYWORDS:
                kind = text.upper()
            return Word(kind, text, at)

    def fault(self, at: int, reason: str) -> FilterFault:
        """Says where, as JavaCC counts: lines and columns from 1."""
        before = self._expression[:at]
        line = before.count("\n") + 1
        column = at - (before.rfind("\n") + 1) + 1
        return FilterFault(f"at line {line}, column {column}: {reason}")

    def unexpected(self, word: Word, wanted: str) -> FilterFault:
        """Another word should stand here."""
        shown = "the end" if word.kind == END else repr(word.text[:_SHOWN_CHARS_MAX])
        return self.fault(word.at, f"{wanted} is expected, not {shown}")


def unquoted(text: str) -> str:
    """What a TEXT word means: two quotes in it are one."""
    return text[1:-1].replace("''", "'")
