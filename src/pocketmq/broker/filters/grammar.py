"""Reads SQL92 expressions, as RocketMQ's SelectorParser does, in what it takes and in what it refuses.

    or          and (OR and)*
    and         equality (AND equality)*
    equality    comparison (= comparison | <> comparison | IS [NOT] NULL)*
    comparison  unary (> >= < <= unary | [NOT] BETWEEN unary AND unary | [NOT] IN ('text', ...) |
                       [NOT] CONTAINS|STARTSWITH|ENDSWITH 'text')*
    unary       + unary | - unary | NOT unary | literal | name | ( or )

NOT binds before anything else: `NOT a = 1` is `(NOT a) = 1`. An expression ends where it can no longer go on, and what
stands behind it does not count: `a = 5)` and `a = 1 + 4` are read as `a = 5` and `a = 1`. Both are Java's, and
consumers rely on neither on purpose; a broker that read them otherwise would deliver other messages.
"""

from collections.abc import Callable

from pocketmq.broker.filters.tree import (
    NUMBERS,
    All,
    Among,
    Constant,
    Equal,
    Kind,
    Negative,
    Not,
    Order,
    Part,
    Property,
    Search,
    Some,
    Truth,
    is_condition,
)
from pocketmq.broker.filters.words import DECIMAL, FLOAT, NAME, TEXT, Word, Words, unquoted
from pocketmq.model.limits import FILTER_DEPTH_MAX, FILTER_PARTS_MAX

_LONG_END = 1 << 63
_INTEGER_END = 1 << 31
_DOUBLE_MAX = float.fromhex("0x1.fffffffffffffp+1023")
_SIGNS = (">", ">=", "<", "<=")
_SEARCHES = ("CONTAINS", "STARTSWITH", "ENDSWITH")
_CONSTANTS = {
    "TRUE": Constant(Kind.BOOLEAN, True),
    "FALSE": Constant(Kind.BOOLEAN, False),
    "NULL": Constant(Kind.NOTHING, None),
}
_NULL = _CONSTANTS["NULL"]
_TRUTHS = (_CONSTANTS["TRUE"], _CONSTANTS["FALSE"])


def parse(expression: str) -> Part:
    """The condition that the text says. FilterFault, with the place, if it says none or is too large."""
    return _Grammar(expression).selector()


class _Grammar:
    """One reading. `_depth` bounds brackets and signs, `_links` comparisons of comparisons, `_parts` everything."""

    def __init__(self, expression: str) -> None:
        self._words = Words(expression)
        self._word = self._words.next()
        self._depth = 0
        self._links = 0
        self._parts = 0

    def selector(self) -> Part:
        at = self._word
        return self._condition(self._or(), at)

    def _or(self) -> Part:
        return self._joined("OR", lambda: self._joined("AND", self._equality, All), Some)

    def _joined(self, keyword: str, read: Callable[[], Part], join: type[All] | type[Some]) -> Part:
        at = self._word
        first = read()
        if self._word.kind != keyword:
            return first
        parts = [self._condition(first, at)]
        while self._word.kind == keyword:
            self._advance()
            at = self._word
            parts.append(self._condition(read(), at))
        return join(tuple(parts))

    def _equality(self) -> Part:
        at = self._word
        left = self._comparison()
        links = 0
        while self._word.kind in ("=", "<>", "IS"):
            links = self._link(links)
            sign = self._advance()
            if sign.kind == "IS":
                negated = self._take("NOT")
                self._require("NULL", "NULL")
                left = Equal(left, _NULL)
            else:
                negated = sign.kind == "<>"
                right_at = self._word
                right = self._comparison()
                self._check_equal(left, at)
                self._check_equal(right, right_at)
                if left in _TRUTHS and isinstance(right, Constant) and right not in _TRUTHS:
                    raise self._words.fault(right_at.at, "TRUE and FALSE are equal to no constant of another kind")
                left = Equal(left, right)
            if negated:
                left = Not(left)
        return left

    def _comparison(self) -> Part:
        at = self._word
        left = self._unary()
        links = 0
        while self._word.kind in (*_SIGNS, *_SEARCHES, "NOT", "BETWEEN", "IN"):
            links = self._link(links)
            word = self._advance()
            if word.kind in _SIGNS:
                left = self._order(word.kind, left, at)
                continue
            negated = word.kind == "NOT"
            if negated:
                word = self._advance()
            if word.kind == "BETWEEN":
                left = self._between(left, at, negated)
            elif word.kind == "IN":
                left = self._among(left, at, negated)
            elif word.kind in _SEARCHES:
                left = Search(word.kind, left, self._text(), negated)
            else:
                raise self._words.unexpected(word, "BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH")
        return left

    def _order(self, sign: str, left: Part, left_at: Word) -> Part:
        right_at = self._word
        right = self._unary()
        self._check_order(left, left_at)
        self._check_order(right, right_at)
        return Order(sign, left, right)

    def _between(self, part: Part, at: Word, negated: bool) -> Part:
        low_at = self._word
        low = self._unary()
        self._require("AND", "AND")
        high_at = self._word
        high = self._unary()
        for bound, bound_at in ((part, at), (low, low_at), (high, high_at)):
            self._check_order(bound, bound_at)
        if negated:
            return Some((Order("<", part, low), Order(">", part, high)))
        if isinstance(low, Constant) and isinstance(high, Constant):
            least, most = low.value, high.value
            assert isinstance(least, int | float)
            assert isinstance(most, int | float)
            if (float(most) < float(least)) if Kind.DOUBLE in (low.kind, high.kind) else (most < least):
                raise self._words.fault(low_at.at, f"{least} is greater than {most}")
        return All((Order(">=", part, low), Order("<=", part, high)))

    def _among(self, part: Part, at: Word, negated: bool) -> Part:
        self._require("(", "(")
        texts = [self._text()]
        while self._take(","):
            texts.append(self._text())
        self._require(")", ")")
        if not isinstance(part, Property):
            raise self._words.fault(at.at, "IN is asked of properties alone")
        return Among(part.name, tuple(texts), negated)

    def _unary(self) -> Part:
        self._depth += 1
        self._parts += 1
        word = self._advance()
        if self._depth > FILTER_DEPTH_MAX:
            raise self._words.fault(word.at, f"brackets and signs are nested deeper than {FILTER_DEPTH_MAX}")
        if self._parts > FILTER_PARTS_MAX:
            raise self._words.fault(word.at, f"the expression has more than {FILTER_PARTS_MAX} parts")
        part: Part
        if word.kind == "+":
            part = self._unary()
        elif word.kind == "-":
            part = Negative(self._unary())
        elif word.kind == "NOT":
            at = self._word
            part = Not(self._condition(self._unary(), at))
        elif word.kind == "(":
            part = self._or()
            self._require(")", ")")
        else:
            part = self._primary(word)
        self._depth -= 1
        return part

    def _primary(self, word: Word) -> Part:
        if word.kind == NAME:
            return Property(word.text)
        if word.kind == TEXT:
            return Constant(Kind.TEXT, unquoted(word.text))
        if word.kind == DECIMAL:
            value = int(word.text.rstrip("lL")) if len(word.text) <= 20 else _LONG_END
            if value >= _LONG_END:
                raise self._words.fault(word.at, f"the number is greater than {_LONG_END - 1}")
            return Constant(Kind.INTEGER if value < _INTEGER_END else Kind.LONG, value)
        if word.kind == FLOAT:
            number = float(word.text)
            if not 0 < number <= _DOUBLE_MAX:  # Java's, too, takes no zero: it asks for Double.MIN_VALUE at least.
                raise self._words.fault(word.at, "the number is no double greater than zero")
            return Constant(Kind.DOUBLE, number)
        constant = _CONSTANTS.get(word.kind)
        if constant is None:
            raise self._words.unexpected(word, "a property, a constant or (")
        return constant

    def _advance(self) -> Word:
        word = self._word
        self._word = self._words.next()
        return word

    def _take(self, kind: str) -> bool:
        if self._word.kind != kind:
            return False
        self._advance()
        return True

    def _require(self, kind: str, wanted: str) -> Word:
        if self._word.kind != kind:
            raise self._words.unexpected(self._word, wanted)
        return self._advance()

    def _text(self) -> str:
        return unquoted(self._require(TEXT, "a text in single quotes").text)

    def _link(self, links: int) -> int:
        """One more comparison in a row; all but the first compare what a comparison has found."""
        self._links += links > 0
        if self._links > FILTER_DEPTH_MAX:
            raise self._words.fault(self._word.at, f"more than {FILTER_DEPTH_MAX} comparisons of comparisons")
        return links + 1

    def _condition(self, part: Part, at: Word) -> Part:
        if isinstance(part, Property):
            return Truth(part)
        if not is_condition(part):
            raise self._words.fault(at.at, "a condition is expected, and this is neither true nor false")
        return part

    def _check_equal(self, part: Part, at: Word) -> None:
        if part == _NULL:
            raise self._words.fault(at.at, "nothing is equal to NULL; ask IS NULL")

    def _check_order(self, part: Part, at: Word) -> None:
        if is_condition(part) or (isinstance(part, Constant) and part.kind not in NUMBERS):
            raise self._words.fault(at.at, "greater and less are asked of properties and numbers alone")
