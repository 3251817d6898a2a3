"""The request that a broker sees most, read straight from the frame's bytes (⚡).

SEND_MESSAGE_V2 and SEND_BATCH_MESSAGE name their fields a..n; SEND_MESSAGE spells them out
(SendMessageRequestHeaderV2, SendMessageRequestHeader).
"""

from collections.abc import Mapping

try:
    import cython
except ModuleNotFoundError:  # Without Cython this file runs as plain Python.
    from pocketmq.model import uncompiled as cython  # type: ignore[no-redef]

from pocketmq.model.errors import Refusal
from pocketmq.protocol.frame.encoding import ROCKETMQ
from pocketmq.protocol.frame.plain_send import letters_of
from pocketmq.protocol.frame.send_fields import ABSENT, NAMES

if not cython.compiled:
    from pocketmq.protocol.frame.command import Command

_SEND_MESSAGE = 10
_PROPERTIES_SCANNED_MAX = 65_536
_INT32_MAX = 2_147_483_647
_scratch = bytearray(4096 + _PROPERTIES_SCANNED_MAX)


@cython.cclass
class SendHeader:
    """Fields of codes 10, 310 and 320; `properties` as UTF-8; `max_reconsume_times` is ABSENT where not sent."""

    def __init__(self) -> None:
        self.topic = ""
        self._data = b""
        self._group_start = self._group_end = self._default_start = self._default_end = 0
        self._producer_group: str | None = ""
        self._default_topic: str | None = ""
        self.default_topic_queue_nums = self.queue_id = self.sys_flag = self.flag = self.reconsume_times = 0
        self.born_timestamp = 0
        self.properties = b""
        self.unit_mode = self.batch = False
        self.max_reconsume_times = ABSENT

    @property
    def producer_group(self) -> str:
        """The sender's group; made into a text when asked for, which a plain send never does."""
        if self._producer_group is None:
            self._producer_group = self._data[self._group_start : self._group_end].decode("utf-8", "replace")
        return self._producer_group

    @property
    def default_topic(self) -> str:
        """The topic that a new one is made like; a text when asked for."""
        if self._default_topic is None:
            self._default_topic = self._data[self._default_start : self._default_end].decode("utf-8", "replace")
        return self._default_topic


def read_send(command: Command) -> SendHeader:
    """The send header of `command`. Raises Refusal that names a missing or ill-typed field."""
    header: SendHeader
    if cython.compiled and command._fields is None and command.code != _SEND_MESSAGE:
        header = SendHeader.__new__(SendHeader)
        header.properties = b""
        header.max_reconsume_times = ABSENT
        header._data = command._data
        if command.serialize_type == ROCKETMQ:
            if _scan_binary(header, command._data, command._ext_start, command._ext_end):
                return header
        elif _scan_json(header, command._data, command._ext_start, command._ext_end):
            return header
    if not cython.compiled and command.code != _SEND_MESSAGE:
        letters = command._letters or letters_of(command.fields_text, command.fields)
        if letters is not None:
            return letters  # type: ignore[return-value]
    return _from_fields(command.fields, 0 if command.code == _SEND_MESSAGE else 1)


def _from_fields(fields: Mapping[str, str], form: int) -> SendHeader:
    """`form` 0 reads the spelled-out names, 1 the letters."""
    header = SendHeader()
    header._producer_group = _required(fields, "producer_group", form)
    header.topic = _required(fields, "topic", form)
    header._default_topic = _required(fields, "default_topic", form)
    header.default_topic_queue_nums = _number(fields, "default_topic_queue_nums", form)
    header.queue_id = _number(fields, "queue_id", form)
    header.sys_flag = _number(fields, "sys_flag", form)
    header.born_timestamp = _number(fields, "born_timestamp", form, 64)
    header.flag = _number(fields, "flag", form)
    header.properties = fields.get(NAMES["properties"][form], "").encode("utf-8", "replace")
    if NAMES["reconsume_times"][form] in fields:
        header.reconsume_times = _number(fields, "reconsume_times", form)
    if NAMES["max_reconsume_times"][form] in fields:
        header.max_reconsume_times = _number(fields, "max_reconsume_times", form)
    header.unit_mode = fields.get(NAMES["unit_mode"][form], "") == "true"
    header.batch = fields.get(NAMES["batch"][form], "") == "true"
    return header


def _required(fields: Mapping[str, str], name: str, form: int) -> str:
    wire = NAMES[name][form]
    value = fields.get(wire)
    if value is None:
        raise Refusal(1, f"the custom field <{wire}> is null")
    return value


def _number(fields: Mapping[str, str], name: str, form: int, bits: int = 32) -> int:
    text = _required(fields, name, form)
    try:
        value = int(text)
    except ValueError:
        raise Refusal(1, f"the custom field <{NAMES[name][form]}> is not a number: {text[:64]!r}") from None
    if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
        raise Refusal(1, f"the custom field <{NAMES[name][form]}> is not a {bits}-bit number: {text[:64]!r}")
    return value


@cython.cfunc
def _scan_json(header: SendHeader, data: bytes, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
    """Reads the one-letter fields in place; false where anything is unusual, and the slow way says what."""
    p: cython.p_const_uchar = data
    i: cython.Py_ssize_t = start + 1
    at: cython.Py_ssize_t
    seen: cython.int = 0
    letter: cython.int
    if end - start < 2:
        return False
    while True:
        if i + 4 >= end or p[i] != 0x22:
            return False
        letter = p[i + 1] if p[i + 2] == 0x22 else 0
        i += 1
        while i < end and p[i] != 0x22:
            i += 1
        if i + 3 >= end or p[i + 1] != 0x3A or p[i + 2] != 0x22:
            return False
        at = i + 3
        if letter == 0x69:
            i = _take_properties(header, p, at, end)
        else:
            i = _text_end(p, at, end)
        if i < 0 or i + 1 >= end:
            return False
        if letter and letter != 0x69:
            if not _take(header, letter, p, at, i):
                return False
            seen |= 1 << (letter & 31)
        i += 1
        if p[i] == 0x2C:
            i += 1
        else:
            return p[i] == 0x7D and (seen & 0x1FE) == 0x1FE


@cython.cfunc
@cython.inline
def _text_end(p: cython.p_const_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Where the closing quote stands; -1 if there is none, or an escape before it."""
    while at < end and p[at] != 0x22:
        if p[at] == 0x5C:
            return -1
        at += 1
    return at if at < end else -1


@cython.cfunc
def _scan_binary(header: SendHeader, data: bytes, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
    p: cython.p_const_uchar = data
    i: cython.Py_ssize_t = start
    at: cython.Py_ssize_t
    length: cython.Py_ssize_t
    seen: cython.int = 0
    letter: cython.int
    while i < end:
        if i + 2 > end:
            return False
        length = (p[i] << 8) | p[i + 1]
        letter = p[i + 2] if length == 1 else 0
        i += 2 + length
        if length == 0 or i + 4 > end or p[i] != 0:
            return False
        length = (p[i + 1] << 16) | (p[i + 2] << 8) | p[i + 3]
        at = i + 4
        i = at + length
        if i > end:
            return False
        if letter == 0x69:
            header.properties = p[at:i]
        elif letter and length:
            if not _take(header, letter, p, at, i):
                return False
            seen |= 1 << (letter & 31)
    return (seen & 0x1FE) == 0x1FE


@cython.cfunc
def _take(
    header: SendHeader, letter: cython.int, p: cython.p_const_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t
) -> cython.bint:
    """Puts one field; false if its text is not what the field holds."""
    number: cython.longlong
    if letter == 0x61:
        header._group_start = at
        header._group_end = end
        return True
    if letter == 0x62:
        header.topic = p[at:end].decode("utf-8", "replace")
        return True
    if letter == 0x63:
        header._default_start = at
        header._default_end = end
        return True
    if letter == 0x6B:
        header.unit_mode = end - at == 4 and p[at] == 0x74
        return True
    if letter == 0x6D:
        header.batch = end - at == 4 and p[at] == 0x74
        return True
    if letter > 0x6D or letter < 0x64:
        return True
    number = _decimal(p, at, end)
    if number < 0 or (number > _INT32_MAX and letter != 0x67):
        return False
    if letter == 0x64:
        header.default_topic_queue_nums = number
    elif letter == 0x65:
        header.queue_id = number
    elif letter == 0x66:
        header.sys_flag = number
    elif letter == 0x67:
        header.born_timestamp = number
    elif letter == 0x68:
        header.flag = number
    elif letter == 0x6A:
        header.reconsume_times = number
    else:
        header.max_reconsume_times = number
    return True


@cython.cfunc
@cython.inline
def _decimal(p: cython.p_const_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """A plain decimal of at most 18 digits; -1 for anything else."""
    value: cython.longlong = 0
    if end == at or end - at > 18:
        return -1
    while at < end:
        if p[at] < 0x30 or p[at] > 0x39:
            return -1
        value = value * 10 + (p[at] - 0x30)
        at += 1
    return value


@cython.cfunc
def _take_properties(
    header: SendHeader, p: cython.p_const_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t
) -> cython.Py_ssize_t:
    """Reads the text at `at` as UTF-8; where its closing quote stands, or -1 for one that is long, broken or odd."""
    out: cython.p_uchar = _scratch
    n: cython.Py_ssize_t = 0
    unit: cython.int
    c: cython.int
    if end - at > _PROPERTIES_SCANNED_MAX:
        return -1
    while at < end:
        c = p[at]
        if c == 0x22:
            header.properties = out[:n]
            return at
        if c != 0x5C:
            out[n] = c
            n += 1
            at += 1
            continue
        if at + 6 > end:
            return -1
        c = p[at + 1]
        at += 2
        if c == 0x75:
            unit = _hex(p[at]) << 12 | _hex(p[at + 1]) << 8 | _hex(p[at + 2]) << 4 | _hex(p[at + 3])
            at += 4
            if unit < 0:
                return -1
            if unit < 0x80:
                out[n] = unit
                n += 1
            elif unit < 0x800:
                out[n] = 0xC0 | (unit >> 6)
                out[n + 1] = 0x80 | (unit & 0x3F)
                n += 2
            elif unit < 0xD800 or unit > 0xDFFF:
                out[n] = 0xE0 | (unit >> 12)
                out[n + 1] = 0x80 | ((unit >> 6) & 0x3F)
                out[n + 2] = 0x80 | (unit & 0x3F)
                n += 3
            else:
                return -1
        else:
            c = _unescaped(c)
            if c == 0:
                return -1
            out[n] = c
            n += 1
    return -1


@cython.cfunc
@cython.inline
def _hex(c: cython.int) -> cython.int:
    """The digit's value; negative, and so is then the number it is part of, if it is none."""
    if 0x30 <= c <= 0x39:
        return c - 0x30
    c |= 0x20
    return c - 0x57 if 0x61 <= c <= 0x66 else -(1 << 20)


@cython.cfunc
@cython.inline
def _unescaped(c: cython.int) -> cython.int:
    """The character that a backslash and `c` stand for; 0 if they stand for none."""
    if c == 0x22 or c == 0x5C or c == 0x2F:
        return c
    if c == 0x6E:
        return 0x0A
    if c == 0x74:
        return 0x09
    if c == 0x72:
        return 0x0D
    if c == 0x62:
        return 0x08
    return 0x0C if c == 0x66 else 0
