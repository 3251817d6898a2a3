"""What matters in a message's properties, found in one walk over their bytes (⚡; MessageDecoder, MessageConst)."""

import re

try:
    import cython
except ModuleNotFoundError:  # Without Cython this file runs as plain Python.
    from pocketmq.model import uncompiled as cython  # type: ignore[no-redef]

from pocketmq.model.java import java_string_hash


@cython.cclass
class Facts:
    """What the broker must know of a message's properties, found in one walk over them.

    `is_special`: something in them asks for more than storing (a delay, a transaction, a key of ours, an odd shape).
    `is_open`: the last one has no separator behind it, as some clients leave it.
    """

    def __init__(self) -> None:
        self.is_special = False
        self.is_open = False
        self.waits = True
        self.tags_code = 0
        self.unique_key = b""
        self.keys = b""
        self.delay_level = 0


def examine(properties: bytes) -> Facts:
    """Walks `key \\x01 value \\x02 ...`."""
    facts: Facts = Facts.__new__(Facts)
    facts.waits = True
    facts.unique_key = facts.keys = b""
    p: cython.p_const_uchar = properties
    end: cython.Py_ssize_t = len(properties)
    at: cython.Py_ssize_t = 0
    key: cython.Py_ssize_t
    value: cython.Py_ssize_t
    length: cython.Py_ssize_t
    while at < end:
        key = at
        while at < end and p[at] != 1 and p[at] != 2:
            at += 1
        length = at - key
        if at >= end or p[at] == 2 or length == 0:
            facts.is_special = True
            return facts
        at += 1
        value = at
        while at < end and p[at] != 1 and p[at] != 2:
            at += 1
        if at == value or (at < end and p[at] != 2):
            facts.is_special = True
            return facts
        facts.is_open = at >= end
        _note(facts, p, key, length, value, at)
        at += 1
    return facts


@cython.cfunc
def _note(
    facts: Facts,
    p: cython.p_const_uchar,
    key: cython.Py_ssize_t,
    length: cython.Py_ssize_t,
    value: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
) -> cython.void:
    """Remembers one property if it is of those that matter; its length and first letter rule out almost all others."""
    first: cython.int = p[key]
    if length == 4 and first == 0x54:
        if _is(p, key, b"TAGS"):
            facts.tags_code = _tags_code_at(p, value, end)
    elif length == 4 and first == 0x4B:
        if _is(p, key, b"KEYS"):
            facts.keys = p[value:end]
    elif length == 4 and first == 0x57:
        if _is(p, key, b"WAIT"):
            facts.waits = p[value:end].lower() == b"true"
    elif length == 8 and first == 0x55:
        if _is(p, key, b"UNIQ_KEY"):
            facts.unique_key = p[value:end]
    elif length == 5 and first == 0x44:
        if _is(p, key, b"DELAY"):
            facts.delay_level = _level(p[value:end])
            facts.is_special = True
    elif (first == 0x54 or first == 0x49 or first == 0x43 or first == 0x4D or first == 0x50 or first == 0x5F) and (
        _is_special(p[key : key + length])
    ):
        facts.is_special = True


@cython.cfunc
@cython.inline
def _is(p: cython.p_const_uchar, at: cython.Py_ssize_t, name: bytes) -> cython.bint:
    """Whether the name stands there, whose length fits already."""
    q: cython.p_const_uchar = name
    i: cython.Py_ssize_t
    for i in range(len(name)):  # noqa: SIM110 - a loop in C
        if p[at + i] != q[i]:
            return False
    return True


@cython.cfunc
def _tags_code_at(p: cython.p_const_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """`tags_code` of the text there, without making a text of it if it is ASCII."""
    code: cython.uint = 0
    i: cython.Py_ssize_t
    for i in range(at, end):
        if p[i] >= 0x80:
            return cython.cast(cython.longlong, tags_code(p[at:end]))
        code = code * 31 + p[i]
    return cython.cast(cython.longlong, cython.cast(cython.int, code))


_SPECIAL = frozenset((b"TRACE_ON", b"TRAN_MSG", b"CLUSTER", b"MSG_REGION", b"POP_CK"))
_SPECIAL_PREFIXES = (b"TIMER_", b"INNER_", b"__CRC32#", b"__RMQ.TRANSIENT.")


def _is_special(key: bytes) -> bool:
    return key in _SPECIAL or key.startswith(_SPECIAL_PREFIXES)


_VALUE = rb"\x01([^\x01\x02]+)"
_COMMON = re.compile(
    rb"(?:(?:UNIQ_KEY%b|KEYS%b|TAGS%b|WAIT\x01true|[a-z][^\x01\x02]*\x01[^\x01\x02]+)(?:\x02|\Z))+"
    % (_VALUE, _VALUE, _VALUE)
)
"""Properties that almost every message has, in any order, and those that its sender calls by small letters."""


def _examine_plainly(properties: bytes) -> Facts:
    """The same walk for plain Python: by one expression if that will do, else by splitting."""
    facts = Facts()
    if not properties:
        return facts
    common = _COMMON.fullmatch(properties)
    if common is not None:
        facts.unique_key, facts.keys, tags = common.groups(b"")
        facts.tags_code = tags_code(tags)
        facts.is_open = properties[-1] != 2
        return facts
    return _examine_by_splitting(facts, properties)


def _examine_by_splitting(facts: Facts, properties: bytes) -> Facts:
    """Properties of any kind, but not none."""
    pairs = properties.split(b"\x02")
    facts.is_open = pairs[-1] != b""
    if not facts.is_open:
        pairs.pop()
    for pair in pairs:
        key, separator, value = pair.partition(b"\x01")
        if not separator or not key or not value or b"\x01" in value:
            facts.is_special = True
        elif key == b"TAGS":
            facts.tags_code = tags_code(value)
        elif key == b"KEYS":
            facts.keys = value
        elif key == b"UNIQ_KEY":
            facts.unique_key = value
        elif key == b"WAIT":
            facts.waits = value.lower() == b"true"
        elif key == b"DELAY":
            facts.delay_level = _level(value)
            facts.is_special = True
        elif _is_special(key):
            facts.is_special = True
    return facts


if not cython.compiled:
    examine = _examine_plainly


def _level(value: bytes) -> int:
    try:
        level = int(value)
    except ValueError:
        return 0
    return level if -1 << 31 <= level < 1 << 31 else 0


_TAGS_REMEMBERED_MAX = 4096
_tags_codes: dict[bytes, int] = {b"": 0}


def tags_code(tags: bytes) -> int:
    """`String.hashCode` of the tags (MessageExtBrokerInner#tagsString2tagsCode); the common ones are remembered."""
    code = _tags_codes.get(tags)
    if code is None:
        code = java_string_hash(tags.decode("utf-8", "replace"))
        if len(_tags_codes) < _TAGS_REMEMBERED_MAX:
            _tags_codes[tags] = code
    return code
