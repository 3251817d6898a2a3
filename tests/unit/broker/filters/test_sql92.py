"""What the vectors do not show: places of faults, bounds, numbers as Java reads them, and finding a property."""

import pytest

from pocketmq.broker.filters.grammar import parse
from pocketmq.broker.filters.matching import Filter, filter_for, find_property
from pocketmq.broker.filters.numbers import as_double, as_integer, as_long, compare_doubles
from pocketmq.broker.filters.words import FilterFault
from pocketmq.model.limits import FILTER_CHARS_MAX, FILTER_DEPTH_MAX, FILTER_PARTS_MAX

INFINITY = float("inf")


def matches(expression: str, **properties: str) -> bool:
    return Filter(expression).matches(encoded(**properties))


def encoded(**properties: str) -> bytes:
    return "".join(f"{name}\x01{value}\x02" for name, value in properties.items()).encode()


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("a = ", "at line 1, column 5: a property, a constant or \\( is expected, not the end"),
        ("a =\n 5 AND > 3", "at line 2, column 8: .* is expected, not '>'"),
        ("a = #", "at line 1, column 5: '#' means nothing"),
        ("(a = 5", "column 7: \\) is expected, not the end"),
        ("a = 0.0", "column 5: the number is no double greater than zero"),
        ("a = 1e999", "column 5: the number is no double"),
        ("a = 99999999999999999999999", "column 5: the number is greater than"),
        ("a > 'x'", "column 5: greater and less are asked of"),
        ("(a = 1) > 2", "column 1: greater and less are asked of"),
        ("a BETWEEN 5 AND 1", "column 11: 5 is greater than 1"),
        ("a BETWEEN 5.5 AND 1", "column 11: 5.5 is greater than 1"),
        ("a = NULL", "column 5: nothing is equal to NULL"),
        ("NULL <> a", "column 1: nothing is equal to NULL"),
        ("TRUE = 5", "column 8: TRUE and FALSE are equal to no constant"),
        ("5 IN ('x')", "column 1: IN is asked of properties alone"),
        ("a IN ('x'", "column 10: \\) is expected"),
        ("5", "column 1: a condition is expected"),
        ("a = 1 AND -b", "column 11: a condition is expected"),
        ("a IS 5", "column 6: NULL is expected, not '5'"),
        ("a NOT 5", "column 7: BETWEEN, IN, CONTAINS"),
        ("a CONTAINS b", "column 12: a text in single quotes is expected, not 'b'"),
        ("a = 'x", 'column 5: "\'" means nothing'),
        ("a = 5 /* x", "column 7: '/' means nothing"),
    ],
)
def test_a_fault_says_where_and_why(expression: str, says: str) -> None:
    with pytest.raises(FilterFault, match=says):
        parse(expression)


@pytest.mark.parametrize(
    ("at_most", "beyond"),
    [
        ("a = '" + "x" * (FILTER_CHARS_MAX - 6) + "'", "a = '" + "x" * (FILTER_CHARS_MAX - 5) + "'"),
        ("(" * 63 + "a = 1" + ")" * 63, "(" * 64 + "a = 1" + ")" * 64),
        ("NOT " * 63 + "a", "NOT " * 64 + "a"),
        ("a = " + "-" + " -" * 62 + "1", "a = " + "-" + " -" * 63 + "1"),
        ("a IS NULL" + " IS NULL" * 64, "a IS NULL" + " IS NULL" * 65),
        ("(a IS NULL" + " IS NULL" * 64 + ")", "(a IS NULL" + " IS NULL" * 40 + ")" + " IS NULL" * 40),
        ("a CONTAINS 'b'" + " CONTAINS 'b'" * 64, "a CONTAINS 'b'" + " CONTAINS 'b'" * 65),
        (" OR ".join(["a = 1"] * 500), " OR ".join(["a = 1"] * 501)),
        ("a IN (" + ",".join(["'x'"] * 5000) + ")", "a IN (" + ",".join(["'x'"] * 9000) + ")"),
    ],
)
def test_an_expression_is_as_large_as_it_may_be_and_no_larger(at_most: str, beyond: str) -> None:
    assert FILTER_DEPTH_MAX == 64
    assert FILTER_PARTS_MAX == 1000
    Filter(at_most).matches(encoded(a="1"))
    with pytest.raises(FilterFault, match=r"more than|deeper than"):
        parse(beyond)


@pytest.mark.parametrize(
    ("expression", "properties", "wanted"),
    [
        ("TRUE = a", {"a": "true"}, False),  # Java casts the wrong side.
        ("(b = 1) = a", {"a": "true", "b": "1"}, False),
        ("(b = 1) = TRUE", {"b": "1"}, True),
        ("a = (b = 1)", {"a": "TRUE", "b": "1"}, True),
        ("5 = TRUE", {}, False),
        ("5 <> TRUE", {}, True),
        ("a = b", {"a": "x"}, False),
        ("NOT (a = b)", {"a": "x"}, True),  # A text is not what is missing; what is missing is not known to be a text.
        ("NOT (b = a)", {"a": "x"}, False),
        ("- 'x' IS NULL", {}, True),
        ("-(a > 5) IS NULL", {"a": "x"}, False),
        ("-(a > 5) IS NULL", {"a": "6"}, True),
        ("a > - b", {"a": "1", "b": "-5"}, False),
        ("a = 5 OR b = 1", {"a": "x", "b": "1"}, False),
        ("b = 1 OR a = 5", {"a": "x", "b": "1"}, True),
        ("a = 5 OR b = 1 OR c = 1", {"c": "1"}, True),
        ("a = 5 OR b = 2 OR c = 3", {"b": "1"}, False),
        ("(c = 1 AND b = 1 AND a = 5) IS NULL", {"b": "1", "c": "1"}, True),
        ("c = 1 AND b = 1 AND a = 5", {"a": "5", "b": "1", "c": "1"}, True),
        ("NOT (c = 1 AND b = 2 AND a = 5)", {"b": "1", "c": "1"}, True),
        ("5.5 > a", {"a": " 5.25 "}, True),
        ("2147483648 > a", {"a": "2147483647"}, True),
        ("-2147483648 = a", {"a": "-2147483648"}, True),
        ("a > 5.5", {"a": "NaN"}, True),
        ("a > 5.5", {"a": "0x1p3"}, True),
        ("a >= b", {"a": "NaN", "b": "NaN"}, True),
        ("a > b", {"a": "0.0", "b": "-0.0"}, True),
        ("1 = 1.0", {}, True),
        ("1.5 > 1", {}, True),
        ("2147483648 > 1", {}, True),
        ("9007199254740993 BETWEEN 9007199254740993 AND 9007199254740992.0", {}, True),
        ("5 CONTAINS '5'", {}, False),
        ("(a = 1) CONTAINS 'x'", {"a": "1"}, False),
        ("NULL IS NULL", {}, True),
        ("NULL OR a", {"a": "1"}, False),
        ("a = 5 --\nAND b = 6", {"a": "5", "b": "7"}, False),
        ("名 = 1", {}, None),
    ],
)
def test_an_expression_is_judged_as_java_judges(
    expression: str, properties: dict[str, str], wanted: bool | None
) -> None:
    if wanted is None:
        with pytest.raises(FilterFault):
            parse(expression)
    else:
        assert matches(expression, **properties) is wanted


def test_numbers_are_read_as_java_reads_them() -> None:
    assert as_integer(b"+7") == 7
    assert as_integer(b"-2147483648") == -(1 << 31)
    assert as_integer("٤٢".encode()) == 42
    assert as_long(b"-9223372036854775808") == -(1 << 63)
    for text in (b"", b"+", b" 5", b"5 ", b"1_000", b"5.0", b"2147483648", b"0x1", b"--5", b"\xff", b"9" * 5000):
        with pytest.raises(ValueError):
            as_integer(text)
    with pytest.raises(ValueError):
        as_long(b"9223372036854775808")
    read = {
        b"5": 5,
        b"5.": 5,
        b".5": 0.5,
        b"5e1": 50,
        b" 5\t": 5,
        b"5d": 5,
        b"5F": 5,
        b"0X1.8p1": 3,
        b"1e999": INFINITY,
    }
    read |= {b"Infinity": INFINITY, b"-Infinity": -INFINITY, b"0x1p9999": INFINITY, b"-0x1p9999f": -INFINITY}
    assert {text: as_double(text) for text in read} == read
    for text in (b"", b".", b"e5", b"nan", b"inf", b"infinity", b"1_0", b"0x1", b"5 5", b"5dd", b"1" * 5000):
        with pytest.raises(ValueError):
            as_double(text)


def test_doubles_are_ordered_as_java_orders_them() -> None:
    nan = float("nan")
    ascending = [-INFINITY, -1.5, -0.0, 0.0, 1.5, INFINITY, nan]
    for i, left in enumerate(ascending):
        for j, right in enumerate(ascending):
            found = compare_doubles(left, right)
            assert (found > 0) - (found < 0) == (i > j) - (i < j), (left, right)


@pytest.mark.parametrize(
    ("properties", "value"),
    [
        (b"", None),
        (b"a\x01v\x02", b"v"),
        (b"a\x01v", b"v"),
        (b"x\x01y\x02a\x01v", b"v"),
        (b"x\x01y\x02a\x01v\x02b\x01c\x02", b"v"),
        (b"ba\x01v\x02", None),
        (b"x\x01a\x02", None),
        (b"a\x01v\x01w\x02", b"v\x01w"),
        (b"a\x01first\x02a\x01last\x02", b"last"),
        (b"x\x01y\x02a\x01first\x02a\x01last\x02", b"last"),
        (b"a\x01first\x02a\x01\x02", b"first"),
        (b"x\x01y\x02a\x01first\x02a\x01\x02a\x01", b"first"),
        (b"a\x01\x02", None),
        (b"a\x01", None),
        (b"a", None),
        (b"a\x01\x02" * 5000, None),
    ],
)
def test_a_property_is_found_in_the_bytes_of_all(properties: bytes, value: bytes | None) -> None:
    assert find_property("a")(properties) == value


def test_a_filter_is_compiled_once() -> None:
    assert filter_for("SQL92", "a = 5") is filter_for("SQL92", "a = 5")
    with pytest.raises(FilterFault, match="of type SQL92, not 'XPATH'"):
        filter_for("XPATH", "a")
