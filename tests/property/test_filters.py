"""Whatever a client calls an expression: it is read or refused in bounded time, and then judges any bytes."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketmq.broker.filters.matching import Filter, find_property
from pocketmq.broker.filters.words import FilterFault
from pocketmq.protocol.properties import decode_properties

WORDS = (
    "a b NOT AND OR BETWEEN IN TRUE FALSE NULL IS CONTAINS STARTSWITH ENDSWITH = <> > >= < <= ( ) , + - 5 1.5 'x' '5'"
)
EXPRESSIONS = st.lists(st.sampled_from([*WORDS.split(), "\n", "--", "/*", "*/", "#"]), max_size=40).map(" ".join)
CONDITIONS = st.recursive(
    st.sampled_from(
        ["a = 5", "a > b", "a IS NULL", "b IN ('x', '5')", "a BETWEEN 1 AND 9", "a", "b CONTAINS 'x'", "TRUE"]
    ),
    lambda inner: st.one_of(
        inner.map("NOT ({})".format),
        st.tuples(inner, st.sampled_from([" AND ", " OR ", " = "]), inner).map("({0[0]}){0[1]}({0[2]})".format),
    ),
    max_leaves=20,
)
VALUES = st.sampled_from(["x", "5", "-5", "5.0", "true", "", "99999999999", "NaN", "中"])
PROPERTIES = st.dictionaries(st.sampled_from(["a", "b", "ab"]), VALUES).map(
    lambda pairs: "".join(f"{name}\x01{value}\x02" for name, value in pairs.items()).encode()
)
PIECES = st.lists(st.sampled_from([b"a", b"b", b"\x01", b"\x02", b"v"]), max_size=24).map(b"".join)


def read(expression: str) -> Filter | FilterFault:
    try:
        return Filter(expression)
    except FilterFault as fault:
        return fault


@given(st.one_of(st.text(), EXPRESSIONS), st.one_of(st.binary(), PROPERTIES))
def test_any_text_is_read_or_refused(expression: str, properties: bytes) -> None:
    found = read(expression)
    if isinstance(found, FilterFault):
        assert str(found).startswith("at line ")
    else:
        assert found.matches(properties) in (True, False)


@given(CONDITIONS, PROPERTIES)
def test_what_is_wanted_is_not_unwanted(condition: str, properties: bytes) -> None:
    assert not (Filter(condition).matches(properties) and Filter(f"NOT ({condition})").matches(properties))


@given(PIECES)
def test_a_property_is_found_where_decoding_finds_it(properties: bytes) -> None:
    value = find_property("a")(properties)
    assert (None if value is None else value.decode()) == decode_properties(properties).get("a")


@pytest.mark.parametrize(
    "unit",
    [
        "(",
        "NOT ",
        "- ",
        "-",
        "a = ",
        "a AND ",
        "a OR a = ",
        "'",
        "''",
        "/*",
        "--\n",
        "a IN ('",
        "f(",
        "é",
        "9",
        "a IS NULL ",
    ],
)
@pytest.mark.parametrize("start", ["", "a = 1 OR ", "a IN ('x', ", "/*", "'"])
def test_a_hostile_text_is_refused_soon(unit: str, start: str) -> None:
    began = perf_counter()
    for size in (30_000, 1 << 20):
        found = read((start + unit * (size // len(unit)))[:size])
        assert len(str(found)) < 200 if isinstance(found, FilterFault) else found.matches(b"a\x011\x02") is not None
    assert perf_counter() - began < 5  # It takes some 20 ms; what is not linear would take minutes.
