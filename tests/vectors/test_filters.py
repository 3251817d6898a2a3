"""SQL92 expressions as Java's SqlFilter read and judged them; tags, and the bits of Bloom filters."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pocketmq.broker.filters.bloom import BloomFilter
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
from pocketmq.model.subscription import BloomBits, tag_subscription
from pocketmq.protocol.bodies.filters import ConsumerFilterData
from pocketmq.protocol.properties import encode_properties

CASES = {
    case["id"]: case
    for case in json.loads((Path(__file__).parent / "manifest.json").read_text())["cases"]
    if case["group"] == "7-filters"
}


def of_kind(kind: str) -> list[str]:
    return [name for name, case in CASES.items() if case["kind"] == kind]


def test_every_case_is_covered() -> None:
    assert Counter(case["kind"] for case in CASES.values()) == {
        "sql92": 276,
        "bloom": 36,
        "tag-expression": 14,
        "bloom-params": 6,
        "json-body": 1,
    }


def find_even_if_empty(name: str) -> Callable[[bytes], bytes | None]:
    """The vectors hand Java's filter a map, where a value may be empty; a stored one is then lost."""

    def find(properties: bytes) -> bytes | None:
        pairs = dict(pair.split(b"\x01") for pair in properties.split(b"\x02") if pair)
        return pairs.get(name.encode())

    return find


@pytest.mark.parametrize("name", of_kind("sql92"))
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


@pytest.mark.parametrize("name", of_kind("tag-expression"))
def test_tags_are_split_as_in_java(name: str) -> None:
    case = CASES[name]
    if "error" in case["expected"]:
        with pytest.raises(ValueError, match=case["expected"]["error"]):
            tag_subscription("TopicTest", case["input"]["expression"])
        return
    found = tag_subscription("TopicTest", case["input"]["expression"])
    assert {
        "subString": found.sub_string,
        "tagsSet": sorted(found.tags_set),
        "codeSet": sorted(found.code_set),
    } == case["expected"]


@pytest.mark.parametrize("name", of_kind("bloom-params") + of_kind("bloom"))
def test_a_bloom_filter_has_javas_bits(name: str) -> None:
    given, expected = CASES[name]["input"], CASES[name]["expected"]
    bloom = BloomFilter(given["errorRatePercent"], given["expectedElements"])
    if "text" not in given:
        assert {"k": bloom.hashes, "m": bloom.bits} == expected
        return
    assert (list(bloom.positions(given["text"])), bloom.bits) == (expected["bitPos"], expected["bitNum"])
    bits = bytearray(bloom.bits // 8)
    for position in bloom.positions(given["text"]):
        bits[position >> 3] |= 1 << (position & 7)
    assert bits.hex() == expected["bitsHex"]


def test_what_a_group_filters_by_is_written_as_java_writes_it() -> None:
    case = CASES["bloom/consumerFilterData"]
    given, bloom = case["input"], BloomFilter()
    said = ConsumerFilterData(
        given["consumerGroup"],
        given["topic"],
        given["expression"],
        given["expressionType"],
        given["bornTime"],
        given["deadTime"],
        given["clientVersion"],
        BloomBits(bloom.bits, bloom.positions(given["bloomKey"])),
    )
    assert said.encode().decode() == case["text"]
    assert ConsumerFilterData.decode(case["text"].encode()) == said
