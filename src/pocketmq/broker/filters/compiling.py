"""Makes of an expression's tree one Python function that judges a message by the bytes of its properties.

    tree ─▶ judge(properties) ─▶ True, False, or None for unknown

The kinds of both sides of a comparison are known here, so how they are made alike is chosen once, and a message costs
its lookups and a comparison for each condition. Where Java throws, a ValueError leaves the judge. Source: the
`evaluate` methods of org.apache.rocketmq.filter.expression.
"""

import operator
from collections.abc import Callable

from pocketmq.broker.filters.numbers import as_double, as_integer, as_long, compare_doubles
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
    kind_of,
)

Value = bytes | int | float | None
Reader = Callable[[bytes], Value]
Judge = Callable[[bytes], bool | None]
Lookup = Callable[[str], Callable[[bytes], bytes | None]]
"""For a property's name, what finds its value in the bytes of all."""

_ORDERS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FROM_TEXT: dict[Kind, Callable[[bytes], int | float]] = {
    Kind.INTEGER: as_integer,
    Kind.LONG: as_long,
    Kind.DOUBLE: as_double,
    Kind.BOOLEAN: lambda text: text.lower() == b"true",
}
_SEARCHES: dict[str, Callable[[bytes, bytes], bool]] = {
    "CONTAINS": lambda text, part: part in text,
    "STARTSWITH": lambda text, part: text.startswith(part),
    "ENDSWITH": lambda text, part: text.endswith(part),
}


def compile_judge(condition: Part, lookup: Lookup) -> Judge:
    """The function for a condition, as `grammar.parse` returns it."""
    if isinstance(condition, All | Some):
        return _joined([compile_judge(part, lookup) for part in condition.parts], decides=isinstance(condition, Some))
    if isinstance(condition, Not):
        return _not(compile_judge(condition.part, lookup))
    if isinstance(condition, Equal):
        return _equal(condition, lookup)
    if isinstance(condition, Order):
        return _order(condition, lookup)
    if isinstance(condition, Search):
        return _search(condition, lookup)
    if isinstance(condition, Among):
        return _among(condition, lookup)
    if isinstance(condition, Truth):
        find = lookup(condition.part.name)
        return lambda properties: None if find(properties) is None else False
    assert isinstance(condition, Constant), f"{condition} is no condition"
    assert condition.value is None or isinstance(condition.value, bool), f"{condition} is no condition"
    answer = condition.value
    return lambda properties: answer


def _joined(judges: list[Judge], *, decides: bool) -> Judge:
    """AND and OR: the first condition that is false, or true, decides; else an unknown one."""
    if len(judges) == 2:
        first, second = judges

        def both(properties: bytes) -> bool | None:
            one = first(properties)
            if one is decides:
                return decides
            other = second(properties)
            return None if one is None and other is not decides else other

        return both

    def every(properties: bytes) -> bool | None:
        answer: bool | None = not decides
        for judge in judges:
            found = judge(properties)
            if found is decides:
                return decides
            if found is None:
                answer = None
        return answer

    return every


def _not(judge: Judge) -> Judge:
    def opposite(properties: bytes) -> bool | None:
        found = judge(properties)
        return None if found is None else not found

    return opposite


def _equal(condition: Equal, lookup: Lookup) -> Judge:
    left, right = _reader(condition.left, lookup), _reader(condition.right, lookup)
    kinds = kind_of(condition.left), kind_of(condition.right)
    if kinds == (Kind.TEXT, Kind.TEXT) and isinstance(condition.right, Constant):
        wanted = right(b"")

        def is_text(properties: bytes) -> bool | None:
            found = left(properties)
            return None if found is None else found == wanted

        return is_text
    alike = _alike(*kinds, equality=True)

    def equal(properties: bytes) -> bool | None:
        one = left(properties)
        other = right(properties)
        if one is None:
            return True if other is None else None
        return False if other is None else alike(one, other) == 0

    return equal


def _order(condition: Order, lookup: Lookup) -> Judge:
    left, right = _reader(condition.left, lookup), _reader(condition.right, lookup)
    kinds = kind_of(condition.left), kind_of(condition.right)
    holds = _ORDERS[condition.sign]
    if kinds == (Kind.TEXT, Kind.INTEGER) and isinstance(condition.right, Constant):
        bound = condition.right.value
        assert isinstance(bound, int), f"{bound!r} is no integer"

        def ordered_by_integer(properties: bytes) -> bool | None:
            found = left(properties)
            if found is None:
                return None
            assert isinstance(found, bytes), "a property is text"
            return holds(as_integer(found), bound)

        return ordered_by_integer
    alike = _alike(*kinds, equality=False)

    def ordered(properties: bytes) -> bool | None:
        one = left(properties)
        if one is None:
            return None
        other = right(properties)
        return None if other is None else holds(alike(one, other), 0)

    return ordered


def _search(condition: Search, lookup: Lookup) -> Judge:
    text = _bytes_of(condition.text)
    if not text:
        return lambda properties: False
    read = _reader(condition.part, lookup)
    searches = _SEARCHES[condition.word]
    negated = condition.negated

    def found(properties: bytes) -> bool:
        value = read(properties)
        return isinstance(value, bytes) and searches(value, text) is not negated

    return found


def _among(condition: Among, lookup: Lookup) -> Judge:
    find = lookup(condition.name)
    texts = frozenset(map(_bytes_of, condition.texts))
    negated = condition.negated

    def among(properties: bytes) -> bool | None:
        value = find(properties)
        return None if value is None else (value in texts) is not negated

    return among


# ------------------------------------------------------------------------------------------------------------- values


def _reader(part: Part, lookup: Lookup) -> Reader:
    if isinstance(part, Property):
        return lookup(part.name)
    if isinstance(part, Constant):
        value = _bytes_of(part.value) if isinstance(part.value, str) else part.value
        return lambda properties: value
    if isinstance(part, Negative):
        return _negative(part, lookup)
    return compile_judge(part, lookup)


def _negative(part: Negative, lookup: Lookup) -> Reader:
    read = _reader(part.part, lookup)
    if kind_of(part) in NUMBERS:
        value = read(b"")  # Numbers are constants.
        assert isinstance(value, int | float), f"{value!r} is no number"
        negative = -value
        return lambda properties: negative

    def nothing(properties: bytes) -> None:
        read(properties)  # It may be the wrong kind of text, and that is an error still.

    return nothing


def _alike(left: Kind, right: Kind, *, equality: bool) -> Callable[[Value, Value], int]:
    """Compares values of these kinds: negative, 0, positive (ComparisonExpression#__compare)."""
    if left is right is Kind.TEXT:
        if equality:
            return lambda one, other: one != other
        return _compared(as_double, as_double, Kind.DOUBLE)
    if left is Kind.BOOLEAN and right is Kind.TEXT:
        return _mistaken
    if Kind.TEXT in (left, right) and Kind.NOTHING not in (left, right):
        kind = right if left is Kind.TEXT else left
        convert = _FROM_TEXT[kind]
        return _compared(convert if left is Kind.TEXT else _as_is, convert if right is Kind.TEXT else _as_is, kind)
    if left is right:
        return _compared(_as_is, _as_is, left)
    if left in NUMBERS and right in NUMBERS:
        kind = Kind.DOUBLE if Kind.DOUBLE in (left, right) else Kind.LONG
        return _compared(float if kind is Kind.DOUBLE else _as_is, float if kind is Kind.DOUBLE else _as_is, kind)
    return lambda one, other: -1


def _compared(
    left: Callable[..., int | float], right: Callable[..., int | float], kind: Kind
) -> Callable[[Value, Value], int]:
    if kind is Kind.DOUBLE:
        return lambda one, other: compare_doubles(left(one), right(other))

    def whole(one: Value, other: Value) -> int:
        first, second = left(one), right(other)
        return (first > second) - (first < second)

    return whole


def _as_is(value: int | float) -> int | float:
    return value


def _mistaken(one: Value, other: Value) -> int:
    """Java means to read the text on the right and casts the left: a ClassCastException for each message."""
    raise ValueError("a condition on the left is not compared with a text on the right")


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
