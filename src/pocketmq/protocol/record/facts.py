"""What matters in a message's properties, found in one walk over their bytes (⚡; MessageDecoder, MessageConst)."""

try:
    import cython
except ModuleNotFoundError:  # Without Cython this file runs as plain Python.
    from pocketmq.model import uncompiled as cython  # type: ignore[no-redef]

from pocketmq.model.java import java_string_hash


@cython.cclass
class Facts:
    """What the broker must know of a message's properties, found in one walk over them.

    `is_special`: something in them asks for more than storing (a delay, a transaction, a key of ours, an odd shape).
    """

    is_special = cython.declare(cython.bint, visibility="public")
    waits = cython.declare(cython.bint, visibility="public")
    tags_code = cython.declare(cython.longlong, visibility="public")
    unique_key = cython.declare(bytes, visibility="public")
    keys = cython.declare(bytes, visibility="public")
    delay_level = cython.declare(cython.int, visibility="public")

    def __init__(self) -> None:
        self.is_special = False
        self.waits = True
        self.tags_code = 0
        self.unique_key = b""
        self.keys = b""
        self.delay_level = 0


def examine(properties: bytes) -> Facts:
    """Walks `key \\x01 value \\x02 ...`."""
    facts: Facts = Facts()
    if not cython.compiled:
        return _examine_slowly(facts, properties)
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
        while at < end and p[at] > 2:
            at += 1
        if at >= end or p[at] != 2 or at == value:
            facts.is_special = True
            return facts
        _note(facts, properties, p, key, length, value, at)
        at += 1
    return facts


@cython.cfunc
def _note(
    facts: Facts,
    properties: bytes,
    p: cython.p_const_uchar,
    key: cython.Py_ssize_t,
    length: cython.Py_ssize_t,
    value: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
) -> None:
    """Remembers one property if it is of those that matter; lengths first, as almost none have them."""
    first: cython.int = p[key]
    if length == 4:
        if first == 0x54 and properties[key : key + 4] == b"TAGS":
            facts.tags_code = tags_code(properties[value:end])
        elif first == 0x4B and properties[key : key + 4] == b"KEYS":
            facts.keys = properties[value:end]
        elif first == 0x57 and properties[key : key + 4] == b"WAIT":
            facts.waits = properties[value:end].lower() == b"true"
    elif length == 8:
        if first == 0x55 and properties[key : key + 8] == b"UNIQ_KEY":
            facts.unique_key = properties[value:end]
        elif first == 0x54 and properties[key : key + 8] in _SPECIAL:
            facts.is_special = True
    elif length == 5 and first == 0x44 and properties[key : key + 5] == b"DELAY":
        facts.delay_level = _level(properties[value:end])
        facts.is_special = True
    elif (first == 0x54 or first == 0x49 or first == 0x43 or first == 0x4D or first == 0x50 or first == 0x5F) and (
        _is_special(properties[key : key + length])
    ):
        facts.is_special = True


_SPECIAL = frozenset((b"TRACE_ON", b"TRAN_MSG", b"CLUSTER", b"MSG_REGION", b"POP_CK"))
_SPECIAL_PREFIXES = (b"TIMER_", b"INNER_", b"__CRC32#", b"__RMQ.TRANSIENT.")


def _is_special(key: bytes) -> bool:
    return key in _SPECIAL or key.startswith(_SPECIAL_PREFIXES)


def _examine_slowly(facts: Facts, properties: bytes) -> Facts:
    """The same walk for plain Python, by splitting."""
    if not properties:
        return facts
    pairs = properties.split(b"\x02")
    if pairs.pop():
        facts.is_special = True
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
