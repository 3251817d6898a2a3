"""SQL92 expressions as Java's SqlFilter read and judged them; what of the group has no code yet is named."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pocketmq.broker.filters.compiling import compile_judge
from pocketmq.broker.filters.grammar import parse
from pocketmq.broker.filters.matching import Filter
from pocketmq.broker.filters.tree import (
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
)
from pocketmq.broker.filters.words import FilterFault
from pocketmq.protocol.properties import encode_properties

CASES = {
    case["id"]: case
    for case in json.loads((Path(__file__).parent / "manifest.json").read_text())["cases"]
    if case["group"] == "7-filters"
}
SQL = [name for name, case in CASES.items() if case["kind"] == "sql92"]
COVERED_KINDS = {"sql92"}
COVERED_ELSEWHERE = {"tag-expression"}
NOT_YET_COVERED = {"bloom": 36, "bloom-params": 6, "json-body": 1}


def test_every_case_is_covered_or_named_as_missing() -> None:
    missing: dict[str, int] = {}
    for case in CASES.values():
        if case["kind"] not in COVERED_KINDS | COVERED_ELSEWHERE:
            missing[case["kind"]] = missing.get(case["kind"], 0) + 1
    assert missing == NOT_YET_COVERED
    assert len(SQL) == 276


def find_even_if_empty(name: str) -> Callable[[bytes], bytes | None]:
    """The vectors hand Java's filter a map, where a value may be empty; a stored one is then lost."""

    def find(properties: bytes) -> bytes | None:
        pairs = dict(pair.split(b"\x01") for pair in properties.split(b"\x02") if pair)
        return pairs.get(name.encode())

    return find


@pytest.mark.parametrize("name", SQL)
def test_an_expression_says_what_it_says_in_java(name: str) -> None:
    case = CASES[name]
    expression, expected = case["input"]["expression"], case["expected"]
    if "parseError" in expected:
        with pytest.raises(FilterFault, match="at line"):
            parse(expression)
        return
    tree = parse(expression)
    assert shown(tree) == case["compiled"]
    properties = encode_properties(case["input"]["properties"])
    judge = compile_judge(tree, find_even_if_empty)
    if "evaluationError" in expected:
        with pytest.raises(ValueError):
            judge(properties)
    else:
        assert judge(properties) is expected["value"]
    if "" not in case["input"]["properties"].values():
        assert Filter(expression).matches(properties) is expected["match"]


def shown(part: Part) -> str:
    """The tree as Java's `toString` shows its own."""
    match part:
        case Property(name) | Truth(Property(name)):
            return name
        case Constant(kind, value):
            if kind is Kind.TEXT:
                return "'" + str(value).replace("'", "''") + "'"
            if kind is Kind.DOUBLE:
                return {1e20: "1.0E20"}.get(value, repr(value))  # type: ignore[call-overload,no-any-return]
            return (
                {True: "TRUE", False: "FALSE", None: "NULL"}[value]
                if kind.name in ("BOOLEAN", "NOTHING")
                else f"{value}"
            )
        case Negative(inner):
            return f"(- {shown(inner)})"
        case Not(inner):
            return f"(NOT {shown(inner)})"
        case Equal(left, right):
            return f"({shown(left)} == {shown(right)})"
        case Order(sign, left, right):
            return f"({shown(left)} {sign} {shown(right)})"
        case Search(word, inner, _, negated):
            return f"({'NOT ' * negated}{word} {shown(inner)})"
        case Among(name, texts, negated):
            return f"{name} {'NOT ' * negated}IN ( {', '.join(texts)} )"
        case All(parts) | Some(parts):
            return joined(parts, "&&" if isinstance(part, All) else "||")


def joined(parts: tuple[Part, ...], sign: str) -> str:
    text = shown(parts[0])
    for part in parts[1:]:
        text = f"({text} {sign} {shown(part)})"
    return text
