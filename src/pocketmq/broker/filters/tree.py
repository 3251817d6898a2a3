"""What an SQL92 expression says: the parts that the grammar makes and the compiler reads.

A part's kind is known before any message is seen: a property is text, a comparison is true, false or unknown. Java
finds it out for each message (org.apache.rocketmq.filter.expression).
"""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a part's value is, if it has one. An integer fits 32 bits, a long 64, as their literals are written."""

    TEXT = "text"
    INTEGER = "integer"
    LONG = "long"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    NOTHING = "nothing"


NUMBERS = frozenset({Kind.INTEGER, Kind.LONG, Kind.DOUBLE})


@dataclass(frozen=True, slots=True)
class Property:
    """A message's property; unknown if the message has none of that name."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal; of kind NOTHING it is NULL."""

    kind: Kind
    value: str | int | float | None


@dataclass(frozen=True, slots=True)
class Negative:
    """`- part`: of anything but a number it is unknown."""

    part: "Part"


@dataclass(frozen=True, slots=True)
class Truth:
    """A property that stands where a condition should: false, or unknown if it is missing; its text never counts."""

    part: Property


@dataclass(frozen=True, slots=True)
class Not:
    """`NOT condition`."""

    part: "Part"


@dataclass(frozen=True, slots=True)
class Equal:
    """`left = right`, and `IS NULL` with a NULL on the right."""

    left: "Part"
    right: "Part"


@dataclass(frozen=True, slots=True)
class Order:
    """`left sign right` with one of < <= > >=."""

    sign: str
    left: "Part"
    right: "Part"


@dataclass(frozen=True, slots=True)
class Search:
    """`part [NOT] CONTAINS|STARTSWITH|ENDSWITH 'text'`: `word` in capitals. Nothing is found in what is missing."""

    word: str
    part: "Part"
    text: str
    negated: bool


@dataclass(frozen=True, slots=True)
class Among:
    """`name [NOT] IN ('a', 'b')`."""

    name: str
    texts: tuple[str, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class All:
    """Conditions joined by AND, two or more."""

    parts: tuple["Part", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Conditions joined by OR, two or more."""

    parts: tuple["Part", ...]


Condition = Truth | Not | Equal | Order | Search | Among | All | Some
Part = Property | Constant | Negative | Condition


def is_condition(part: Part) -> bool:
    """Whether it stands for true, false or unknown by itself (BooleanExpression)."""
    if isinstance(part, Constant):
        return part.kind in (Kind.BOOLEAN, Kind.NOTHING)
    return not isinstance(part, Property | Negative)


def kind_of(part: Part) -> Kind:
    """The kind of its value."""
    if isinstance(part, Property):
        return Kind.TEXT
    if isinstance(part, Constant):
        return part.kind
    if isinstance(part, Negative):
        kind = kind_of(part.part)
        return kind if kind in NUMBERS else Kind.NOTHING
    return Kind.BOOLEAN
