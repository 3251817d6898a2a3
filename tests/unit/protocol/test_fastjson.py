"""JSON in RocketMQ's dialects: what is understood, what is refused, and how it is written."""

import math

import pytest

from pocketmq.model.errors import Refusal
from pocketmq.model.limits import JSON_DEPTH_MAX
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.fastjson import ObjectKey, PrimitiveArray, dumps, dumps_text, java_double, loads, loads_object


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a":1}', {"a": 1}),
        ("{0:12,1:5,-3:7}", {0: 12, 1: 5, -3: 7}),
        ('{"0":12}', {"0": 12}),
        ("{'a':'b\"c'}", {"a": 'b"c'}),
        ('{"a":1,"a":2}', {"a": 2}),
        ("{'a':1,\"a\":2}", {"a": 2}),
        ('{{"b":"x","q":0}:{"n":1}}', {ObjectKey((("b", "x"), ("q", 0))): {"n": 1}}),
        ("[1,]", [1]),
        ("{'a':1,}", {"a": 1}),
        (" \t\r\n{ 'a' : [ ] , 1 : { } } ", {"a": [], 1: {}}),
        ("[true,false,null,-1.5e3,'']", [True, False, None, -1500.0, ""]),
        ("['\\'\\\"\\\\\\/\\b\\f\\n\\r\\t\\v\\x41\\u4e2d']", ["'\"\\/\b\f\n\r\t\vA中"]),
        ("['\\ud83d\\ude00','\\ud83d','\\ude00']", ["😀", "?", "?"]),
        ('["\ufffd"]', ["\ufffd"]),
        ("['\ufffd']", ["\ufffd"]),
    ],
)
def test_what_is_understood(text: str, value: object) -> None:
    assert loads(text.encode()) == value


def test_not_a_number_is_a_float() -> None:
    value = loads(b'{"tps":NaN}')
    assert isinstance(value, dict)
    tps = value["tps"]
    assert isinstance(tps, float)
    assert math.isnan(tps)


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("", "JSON has no value at 0"),
        ("{code:105}", "JSON has a key that is neither quoted nor a whole number nor an object at 1"),
        ("{null:1}", "JSON has a key that is neither quoted nor a whole number nor an object at 1"),
        ("nothing", "JSON has no value at 0"),
        ("[1 2]", "JSON lacks a ',' at 3"),
        ("{'a' 1}", "JSON lacks a ':' at 5"),
        ("{'a':1", "JSON lacks a ',' at 6"),
        ("['a", "JSON has a string without end at 1"),
        ("['\\q']", "JSON has an unknown escape at 2"),
        ("['\\u12']", "JSON has an unknown escape at 2"),
        ("{} {}", "JSON goes on after its end at 3"),
        ("{{'a':[1]}:1}", "JSON has a key that is no object of scalars at 1"),
        ("{{1:2}:1}", "JSON has a key that is no object of scalars at 1"),
        ("['" + "', " + "1" * 401 + "]", "JSON has a number of too many digits at 5"),
        ("{" + "1" * 401 + ":1}", "JSON has a key that is neither quoted nor a whole number nor an object at 1"),
    ],
)
def test_what_is_refused(text: str, remark: str) -> None:
    with pytest.raises(Refusal) as refused:
        loads(text.encode())
    assert refused.value.code == ResponseCode.SYSTEM_ERROR
    assert refused.value.remark == remark


def test_bytes_that_are_no_utf_8_are_refused() -> None:
    with pytest.raises(Refusal, match="JSON is not UTF-8 at byte 2"):
        loads(b'["\xff"]')


@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}"), ("{'a':", "}"), ("{0:", "}")])
def test_depth_is_bounded(left: str, right: str) -> None:
    assert loads((left * JSON_DEPTH_MAX + "0" + right * JSON_DEPTH_MAX).encode())
    for depth in (JSON_DEPTH_MAX + 1, 100_000):
        with pytest.raises(Refusal, match=f"nested deeper than {JSON_DEPTH_MAX}"):
            loads((left * depth + "0" + right * depth).encode())
    with pytest.raises(Refusal):
        loads((left * 100_000).encode())


def test_depth_is_bounded_where_single_quotes_hide_it() -> None:
    hidden = "['\"', " + "[" * 1000 + "]" * 1000 + ", '\"']"
    with pytest.raises(Refusal, match=f"nested deeper than {JSON_DEPTH_MAX} at 69"):
        loads(hidden.encode())


def test_brackets_in_strings_are_no_depth() -> None:
    assert loads(('["' + "[" * 1000 + '\\"","' + "{" * 1000 + '"]').encode()) == ["[" * 1000 + '"', "{" * 1000]
    assert loads(("[" + "[]," * 1000 + "{}]").encode()) == [[]] * 1000 + [{}]


def test_only_an_object_is_an_object() -> None:
    assert loads_object(b"{1:2}") == {1: 2}
    with pytest.raises(Refusal, match="JSON is a list, not an object"):
        loads_object(b"[1]")


def test_the_default_dialect_leaves_number_keys_bare_and_null_fields_out() -> None:
    value = {"a": None, 0: [None, True, 2**60], ObjectKey((("q", 1), ("z", None))): {}}
    assert dumps(value) == b'{0:[null,true,1152921504606846976],{"q":1}:{}}'


def test_the_standard_dialect_quotes_number_keys_and_long_longs() -> None:
    value = {0: 2**53, 1: 2**53 - 1, 2: -(2**53), "list": [2**53], "flag": True}
    assert dumps(value, standard=True) == (
        b'{"0":"9007199254740992","1":9007199254740991,"2":"-9007199254740992","list":[9007199254740992],"flag":true}'
    )


def test_the_pretty_form_writes_primitive_arrays_on_one_line() -> None:
    value = {"bits": PrimitiveArray((1, 2)), "list": [1, 2], "none": [], "map": {}}
    assert dumps_text(value, pretty=True) == (
        '{\n\t"bits":[1,2],\n\t"list":[\n\t\t1,\n\t\t2\n\t],\n\t"none":[\n\t\t\n\t],\n\t"map":{}\n}'
    )


def test_what_has_no_json_form_is_our_bug() -> None:
    with pytest.raises(TypeError, match="bytes has no JSON form"):
        dumps({"a": b"x"})


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0"), (-0.0, "-0.0"), (0.001, "0.001"), (0.00099, "9.9E-4"), (9999999.0, "9999999.0"), (-1e7, "-1.0E7")],
)
def test_doubles_look_like_javas(value: float, text: str) -> None:
    assert java_double(value) == text
