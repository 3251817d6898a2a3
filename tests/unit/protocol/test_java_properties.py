"""The text of java.util.Properties."""

import pytest

from pocketmq.protocol.java_properties import Entry, format_properties, parse_entries, parse_properties

TEXT = """# comment = not a key
 ! nor this
a=1
b : 2
c 3
  d\t=  four words here \x20
e
f=
long=first, \\
    second, \\
\\
    third
not\\=a\\:key\\ with=C:\\\\data\\tx\\u4e2d\\q
a=again
#ends\\
g==h:i
last=x\\"""


def test_every_form_is_read() -> None:
    assert parse_properties(TEXT) == {
        "a": "again",
        "b": "2",
        "c": "3",
        "d": "four words here  ",
        "e": "",
        "f": "",
        "long": "first, second, third",
        "not=a:key with": "C:\\data\tx中q",
        "g": "=h:i",
        "last": "x",
    }


def test_entries_know_their_lines() -> None:
    assert parse_entries("a=1\r\n\r\n#x\rb=\\\n2\nc") == [Entry(1, "a", "1"), Entry(4, "b", "2"), Entry(6, "c", "")]


def test_two_backslashes_do_not_continue_a_line() -> None:
    assert parse_properties("a=x\\\\\nb=y") == {"a": "x\\", "b": "y"}


def test_a_pair_of_escapes_is_one_character() -> None:
    assert parse_properties("a=\\ud83d\\ude00") == {"a": "😀"}


@pytest.mark.parametrize("escape", ["\\u", "\\u12", "\\u12x4", "\\uu123"])
def test_a_broken_escape_names_its_line(escape: str) -> None:
    with pytest.raises(ValueError, match=r"line 3: \\u needs four hexadecimal digits"):
        parse_properties(f"a=1\n\nb={escape}")


def test_what_is_written_reads_back() -> None:
    properties = {"a b": " leading", "c=:#!": "tab\tline\nback\\slash", "中": "文", "x": ""}
    text = format_properties(properties)
    assert text.splitlines()[0] == "a\\ b=\\ leading"
    assert parse_properties(text) == properties
