"""Whatever the text: names are judged, expressions and properties read or refused, and arithmetic is Java's."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pocketmq.model import names, namespaces, pop_names
from pocketmq.model.delays import parse_delay_levels
from pocketmq.model.java import java_long_hash, java_remainder, java_split, java_string_hash, to_int32, to_int64
from pocketmq.model.subscription import subscription
from pocketmq.protocol.java_properties import Entry, format_properties, parse_entries, parse_properties

steady = settings(deadline=None, derandomize=True, print_blob=True)


@steady
@given(st.text(max_size=140), st.text("abc%", max_size=8))
def test_names_judge_any_text(name: str, namespace: str) -> None:
    faults = names.topic_fault(name), names.group_fault(name)
    assert names.client_topic_fault(name) is not None or None in faults
    wrapped = namespaces.wrap_namespace(namespace, name)
    assert namespaces.is_in_namespace(wrapped, namespace) or wrapped == name
    pop_names.normal_topic(name, namespace)
    pop_names.group_of_retry_topic(name)


@steady
@given(st.text(max_size=30))
def test_delay_levels_stop_at_the_first_mistake(text: str) -> None:
    levels = parse_delay_levels(text)
    assert list(levels) == list(range(1, len(levels) + 1))


@steady
@given(st.text(max_size=30))
def test_expressions_are_refused_or_read(expression: str) -> None:
    try:
        found = subscription("T", expression)
    except ValueError:
        assert set(expression) == {"|"}
    else:
        assert len(found.tags_set) >= len(found.code_set)


@steady
@given(st.integers(), st.integers(1, 2**31))
def test_arithmetic_is_javas(number: int, divisor: int) -> None:
    assert -(2**31) <= to_int32(number) < 2**31
    assert to_int32(to_int64(number)) == to_int32(number)
    assert -(2**31) <= java_long_hash(number) < 2**31
    remainder = java_remainder(number, divisor)
    assert abs(remainder) < divisor
    assert (number - remainder) % divisor == 0
    assert remainder * number >= 0


@steady
@given(st.text("ab|", max_size=12))
def test_strings_hash_and_split_as_in_java(text: str) -> None:
    parts = java_split(text, "|")
    assert text.rstrip("|") == "|".join(parts) or parts == [text]
    assert java_string_hash(text + "a") == to_int32(java_string_hash(text) * 31 + ord("a"))


@steady
@given(st.dictionaries(st.text(min_size=1).filter(str.isprintable), st.text()))
def test_java_properties_read_back(properties: dict[str, str]) -> None:
    assert parse_properties(format_properties(properties)) == properties


@steady
@given(st.text(st.sampled_from("ab=: \t\\\n\r\f#!u0041"), max_size=60))
def test_java_properties_fail_only_with_a_line(text: str) -> None:
    try:
        entries = parse_entries(text)
    except ValueError as fault:
        entries = [Entry(int(str(fault).removeprefix("line ").partition(":")[0]), "", "")]
    assert all(1 <= entry.line <= 1 + text.count("\n") + text.count("\r") for entry in entries)
