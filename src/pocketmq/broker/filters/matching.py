"""From an expression's text to a filter: read and compiled once, then asked about many messages."""

from collections.abc import Callable
from functools import lru_cache

from pocketmq.broker.filters.compiling import Judge, compile_judge
from pocketmq.broker.filters.grammar import parse
from pocketmq.broker.filters.words import FilterFault
from pocketmq.model.limits import FILTERS_REMEMBERED_MAX
from pocketmq.model.subscription import EXPRESSION_SQL92


class Filter:
    """One expression. Two of the same text are the same object, as long as they are remembered."""

    __slots__ = ("_judge", "expression")

    def __init__(self, expression: str) -> None:
        """Raises FilterFault, with the place, for an expression that says nothing."""
        self.expression = expression
        self._judge: Judge = compile_judge(parse(expression), find_property)

    def matches(self, properties: bytes) -> bool:
        """Whether a message with these properties is wanted: not if that is unknown, or Java would throw."""
        try:
            return self._judge(properties) is True
        except ValueError:
            return False


@lru_cache(maxsize=FILTERS_REMEMBERED_MAX)
def filter_for(expression_type: str, expression: str) -> Filter:
    """The filter for the expression (FilterFactory). FilterFault for one that is wrong, or of a type nobody knows."""
    if expression_type != EXPRESSION_SQL92:
        raise FilterFault(f"expressions are of type {EXPRESSION_SQL92}, not {expression_type[:32]!r}")
    return Filter(expression)


def find_property(name: str) -> Callable[[bytes], bytes | None]:
    """What finds the property's value in a record's properties, as `decode_properties` would.

    The last of equal names counts, and a value without a byte is none.
    """
    inside = b"\x02" + name.encode() + b"\x01"
    size = len(inside)
    first = inside[1:]

    def find(properties: bytes) -> bytes | None:
        before = len(properties)
        while (at := properties.rfind(inside, 0, before)) >= 0:
            before = at + 1
            end = properties.find(b"\x02", at + size)
            value = properties[at + size : end] if end >= 0 else properties[at + size :]
            if value:
                return value
        if not properties.startswith(first):
            return None
        end = properties.find(b"\x02")
        return (properties[size - 1 : end] if end >= 0 else properties[size - 1 :]) or None

    return find
