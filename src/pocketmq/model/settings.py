"""One declaration makes a setting: key, attribute, flag, environment name, type, default, bounds, documentation.

A page of settings is a dataclass whose fields come from `integer`, `number`, `switch`, `text` and `choice`. Keys are
RocketMQ's. Its other keys are listed in `UnusedKeys` tables with the reason why they mean nothing here, so every key a
Java configuration file can hold is known, and one that nobody knows is a typing error worth stopping for.
"""

import copy
import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import ClassVar, Self, TypeVar

from pocketmq.model.errors import UserError

INT_MAX = 2**31 - 1
"""Java's Integer.MAX_VALUE, the bound of every count and size RocketMQ keeps in an int."""

LONG_MAX = 2**63 - 1
"""Java's Long.MAX_VALUE."""

SHOWN_CHARS_MAX = 80
"""More of a wrong key or value does not help to find it."""

Value = bool | int | float | str

_C = TypeVar("_C", bound=StrEnum)
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?")
_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_INLINE_COMMENT = "a comment needs a line of its own: after a value it is part of the value"


@dataclass(frozen=True, slots=True)
class Declaration:
    """Everything known about one setting; `attribute` is filled in from the field it declares."""

    key: str
    default: Value
    doc: str
    low: float = 0
    high: float = 0
    at_start: bool = False
    important: bool = False
    absent_when_empty: bool = False
    attribute: str = ""

    @property
    def flag(self) -> str:
        """The command line's name: `--listen-port`."""
        return "--" + self.attribute.replace("_", "-")

    @property
    def type_name(self) -> str:
        """What a value must be, in words."""
        if isinstance(self.default, bool):
            return "true or false"
        if isinstance(self.default, StrEnum):
            return "one of " + ", ".join(type(self.default))
        if isinstance(self.default, str):
            return "text"
        noun = "an integer" if isinstance(self.default, int) else "a number"
        return f"{noun} from {self.low} to {self.high}"

    def parse(self, text: str) -> Value | None:
        """The value that `text`, already trimmed, stands for; None if it stands for none or is out of bounds."""
        if isinstance(self.default, bool):
            return {"true": True, "false": False}.get(text.lower())
        if isinstance(self.default, StrEnum):
            return type(self.default).__members__.get(text)
        if isinstance(self.default, str):
            return text
        if not (_INTEGER if isinstance(self.default, int) else _NUMBER).fullmatch(text):
            return None
        parsed = type(self.default)(text)
        return parsed if self.low <= parsed <= self.high else None


def integer(
    key: str,
    default: int,
    doc: str,
    *,
    low: int = 0,
    high: int = INT_MAX,
    at_start: bool = False,
    important: bool = False,
) -> int:
    """Declares a whole number from `low` to `high`, both included."""
    declared = Declaration(key, default, doc, low=low, high=high, at_start=at_start, important=important)
    return field(default=default, metadata={"declared": declared})


def number(key: str, default: float, doc: str, *, low: float, high: float) -> float:
    """Declares a number that may have a fraction, from `low` to `high`, both included."""
    return field(default=default, metadata={"declared": Declaration(key, default, doc, low=low, high=high)})


def switch(key: str, default: bool, doc: str, *, at_start: bool = False, important: bool = False) -> bool:
    """Declares a value that is true or false."""
    declared = Declaration(key, default, doc, at_start=at_start, important=important)
    return field(default=default, metadata={"declared": declared})


def text(
    key: str,
    default: str,
    doc: str,
    *,
    at_start: bool = False,
    important: bool = False,
    absent_when_empty: bool = False,
) -> str:
    """Declares free text; `absent_when_empty` for what Java holds as null and leaves out of its answers."""
    declared = Declaration(
        key, default, doc, at_start=at_start, important=important, absent_when_empty=absent_when_empty
    )
    return field(default=default, metadata={"declared": declared})


def choice(key: str, default: _C, doc: str, *, at_start: bool = False, important: bool = False) -> _C:
    """Declares a value that is the name of a member of the default's enum."""
    declared = Declaration(key, default, doc, at_start=at_start, important=important)
    return field(default=default, metadata={"declared": declared})


@dataclass(frozen=True, slots=True)
class UnusedKeys:
    """RocketMQ's keys that mean nothing here, for one reason.

    `table` holds `key=default` words; a bare `key` has no value in Java either, or is declared, so that its values are
    checked and kept for whoever asks. With `only_default`, another value asks for a promise that is not kept here, and
    is an error rather than something to pass over.
    """

    reason: str
    table: str
    only_default: bool = False

    def defaults(self) -> Iterator[tuple[str, str | None]]:
        """Each key with Java's default."""
        for word in self.table.split():
            key, equals, default = word.partition("=")
            yield key, default if equals else None


@dataclass(frozen=True, slots=True)
class Page:
    """All that a class of settings knows, by key."""

    declarations: Mapping[str, Declaration]
    unused: Mapping[str, UnusedKeys]
    defaults: Mapping[str, str]
    historic: Mapping[str, str]

    def nearest(self, key: str) -> str | None:
        """The known key most like `key`."""
        known = [*self.declarations, *self.unused]
        if same := [name for name in known if name.lower() == key.lower()]:
            return same[0]
        close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
        return close[0] if close else None


_PAGES: dict[type, Page] = {}


@dataclass(slots=True, eq=False, repr=False)
class Settings:
    """Base of the pages: values by attribute, the texts of keys without meaning here, reading and printing by key."""

    UNUSED: ClassVar[tuple[UnusedKeys, ...]] = ()
    HISTORIC: ClassVar[Mapping[str, str]] = {}
    ENVIRONMENT_PREFIX: ClassVar[str] = "POCKETMQ_"

    passed_over: dict[str, str] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)
    """The keys that somebody has set, if only to their default."""

    def assign(self, key: str, text: str, origin: str = "") -> list[str]:
        """Sets the value of `key` from a text; returns warnings. UserError names `origin`, the key and the remedy."""
        page = page_of(type(self))
        place = f"{origin}: " if origin else ""
        warnings = []
        if modern := page.historic.get(key):
            warnings.append(f"{place}{key} is the historic name of {modern}")
            key = modern
        value = text.strip()
        declaration, unused = page.declarations.get(key), page.unused.get(key)
        if declaration is None and unused is None:
            nearest = page.nearest(key)
            hint = f"; did you mean {nearest}?" if nearest else ""
            raise UserError(f"{place}unknown key {_shown(key)}{hint}")
        parsed = declaration.parse(value) if declaration else value
        if declaration and parsed is None:
            hint = f" ({_INLINE_COMMENT})" if "#" in value else ""
            raise UserError(f"{place}{key} must be {declaration.type_name}, not {_shown(value)}{hint}")
        if unused and unused.only_default and value.lower() not in ("", page.defaults.get(key, "false").lower()):
            raise UserError(f"{place}{key}={value} cannot be honoured: {unused.reason}; remove the key")
        if declaration:
            if isinstance(parsed, str) and "#" in parsed:
                warnings.append(f"{place}{key} is {parsed!r}, with its '#': {_INLINE_COMMENT}")
            setattr(self, declaration.attribute, parsed)
            self.given.add(key)
        if unused:
            self.passed_over[key] = value
        return warnings

    def passed_over_by_reason(self) -> dict[str, list[str]]:
        """The keys given other than by default that mean nothing here, under the reason why, in the tables' order."""
        page = page_of(type(self))
        given: dict[str, list[str]] = {}
        for key, unused in page.unused.items():
            if self.passed_over.get(key) not in (None, page.defaults.get(key)):
                given.setdefault(unused.reason, []).append(key)
        return given

    def to_properties(self) -> dict[str, str]:
        """Every key with its value as Java prints it, sorted by key: those without meaning here too."""
        page = page_of(type(self))
        known = {**page.defaults, **self.passed_over}
        everything = {key: value for key, value in known.items() if key not in page.declarations}
        for key, declaration in page.declarations.items():
            value = getattr(self, declaration.attribute)
            if value != "" or not declaration.absent_when_empty:
                everything[key] = value_text(value)
        return dict(sorted(everything.items()))

    def copy(self) -> Self:
        """An independent copy."""
        twin = copy.copy(self)
        twin.passed_over = dict(self.passed_over)
        twin.given = set(self.given)
        return twin


def _shown(text: str) -> str:
    return repr(text) if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]!r}…"


def value_text(value: Value) -> str:
    """The text of a value in a properties file."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def page_of(settings: type[Settings]) -> Page:
    """What `settings` declares, worked out once per class."""
    if (known := _PAGES.get(settings)) is not None:
        return known
    declarations = {}
    for slot in fields(settings):
        if declared := slot.metadata.get("declared"):
            declarations[declared.key] = replace(declared, attribute=slot.name)
    unused = {key: table for table in settings.UNUSED for key, _ in table.defaults()}
    defaults = {key: value for table in settings.UNUSED for key, value in table.defaults() if value is not None}
    defaults |= {key: value_text(declared.default) for key, declared in declarations.items()}
    page = Page(declarations, unused, defaults, settings.HISTORIC)
    _PAGES[settings] = page
    return page


def snake_case(key: str) -> str:
    """`brokerIP1` → `broker_ip1`: how a key is spelt as an attribute and, in capitals, in the environment."""
    return _WORD_STARTS.sub("_", key).lower()


def environment_name(settings: type[Settings], key: str) -> str:
    """The environment variable that sets `key`: `POCKETMQ_BROKER_LISTEN_PORT`."""
    return settings.ENVIRONMENT_PREFIX + snake_case(key).upper()
