"""One command, cut from the bytes (⚡): its fixed part is read when the frame is cut, its fields when asked for."""

import struct
from collections.abc import Mapping
from typing import Any

try:
    import cython
except ModuleNotFoundError:  # Without Cython this file runs as plain Python.
    from pocketmq.model import uncompiled as cython  # type: ignore[no-redef]

from pocketmq.model.errors import ProtocolError, Refusal
from pocketmq.model.limits import FRAME_BYTES_MAX, HEADER_BYTES_MAX
from pocketmq.protocol.codes import LANGUAGES
from pocketmq.protocol.frame.encoding import JAVA_LANGUAGE, JSON, ONEWAY_FLAG, RESPONSE_FLAG, ROCKETMQ, VERSION
from pocketmq.protocol.frame.json_header import (
    LANGUAGE_BY_NAME,
    UNKNOWN_LANGUAGE,
    JsonHeader,
    language_number,
    load_fields,
    load_header,
)
from pocketmq.protocol.frame.plain_send import SEND_BEGINS, Letters, load_send

is_compiled: bool = cython.compiled
_INT32 = struct.Struct(">i").unpack_from


@cython.cclass
class Command:
    """One request or response. `fields` are the extension fields; a null value is an absent one."""

    def __init__(self) -> None:
        self.code = 0
        self.language = JAVA_LANGUAGE
        self.version = 0
        self.opaque = 0
        self.flag = 0
        self.remark: str | None = None
        self.serialize_type = JSON
        self.arrived_ms = 0
        self.resumed = 0
        self._data = b""
        self._ext = b""
        self._ext_start = self._ext_end = self._body_start = self._body_end = 0
        self._fields: dict[str, str] | None = None
        self._letters: Letters | None = None

    @staticmethod
    def of(
        code: int,
        fields: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        version: int = VERSION,
        opaque: int = 1,
        flag: int = 0,
        serialize_type: int = JSON,
        arrived_ms: int = 0,
    ) -> "Command":
        """A command made by hand, as if it had just been read."""
        command = Command()
        command.code = code
        command.version = version
        command.opaque = opaque
        command.flag = flag
        command.serialize_type = serialize_type
        command.arrived_ms = arrived_ms
        command._fields = dict(fields or {})
        command._data = body
        command._body_end = len(body)
        return command

    @property
    def fields(self) -> dict[str, str]:
        """Extension fields by wire name, decoded on first use."""
        if self._fields is None:
            if self._ext:
                self._fields = load_fields(self._ext)
            elif self._letters is not None:
                self._fields = load_fields(bytes(load_header(self._data[self._ext_start : self._ext_end]).extFields))
            elif self._ext_end == self._ext_start:
                self._fields = {}
            elif self.serialize_type == JSON:
                self._fields = load_fields(self._data[self._ext_start : self._ext_end])
            else:
                self._fields = _binary_ext(self._data, self._ext_start, self._ext_end)
        return self._fields

    @property
    def fields_text(self) -> bytes:
        """The text of the fields' JSON object where they are still that, else empty."""
        if self._fields is not None or self._letters is not None or self.serialize_type != JSON:
            return b""
        return self._ext or self._data[self._ext_start : self._ext_end]

    @property
    def body(self) -> bytes:
        """The bytes after the header."""
        p: cython.p_const_uchar = self._data
        return p[self._body_start : self._body_end]

    @property
    def body_size(self) -> int:
        """Bytes of body, without copying it."""
        return self._body_end - self._body_start

    @property
    def is_response(self) -> bool:
        """Flag bit 0."""
        return (self.flag & RESPONSE_FLAG) != 0

    @property
    def is_oneway(self) -> bool:
        """Flag bit 1: nobody waits for an answer."""
        return (self.flag & ONEWAY_FLAG) != 0

    @property
    def language_name(self) -> str | None:
        """LanguageCode's name; None for a number or name it does not know."""
        return LANGUAGES[self.language] if 0 <= self.language < len(LANGUAGES) else None

    def __repr__(self) -> str:
        return f"Command(code={self.code}, opaque={self.opaque}, flag={self.flag}, fields={self.fields})"


if not cython.compiled:  # As C has them: what `decode` does not set is there all the same, and costs no command a line.
    for name, value in vars(Command()).items():
        setattr(Command, name, value)


def split(data: bytes, commands: list[Any]) -> int:
    """Cuts every whole frame off `data` into `commands`; answers how many bytes they took."""
    start: cython.Py_ssize_t = 0
    size: cython.Py_ssize_t = len(data)
    length: cython.Py_ssize_t
    while size - start >= 4:
        length = _int32(data, start) if cython.compiled else _INT32(data, start)[0]
        if length > FRAME_BYTES_MAX or length < 4:
            raise ProtocolError(f"frame length {length} is outside 4..{FRAME_BYTES_MAX} bytes")
        if size - start - 4 < length:
            break
        commands.append(decode(data, start + 4, start + 4 + length))
        start += 4 + length
    return start


def decode(data: bytes, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> Command:
    """Reads the frame in `data[start:end]`, without its length word. Raises ProtocolError."""
    word: cython.longlong = _int32(data, start) if cython.compiled else _INT32(data, start)[0]
    header_length: cython.Py_ssize_t = word & 0xFFFFFF
    serialize_type: cython.int = (word >> 24) & 0xFF
    header_end: cython.Py_ssize_t = start + 4 + header_length
    if header_end > end:
        raise ProtocolError(f"header length {header_length} is beyond the frame's end")
    if header_length > HEADER_BYTES_MAX:
        raise ProtocolError(f"header length {header_length} is over {HEADER_BYTES_MAX} bytes")
    command: Command = Command.__new__(Command)
    command._data = data
    command._body_start = header_end
    command._body_end = end
    command.serialize_type = serialize_type
    if serialize_type == JSON:
        if cython.compiled:
            if not _scan_json(command, data, start + 4, header_end):
                _take(command, load_header(data[start + 4 : header_end]))
        elif not (data.startswith(SEND_BEGINS, start + 4) and _take_send(command, data, start + 4, header_end)):
            _take(command, load_header(data[start + 4 : header_end]))
    elif serialize_type == ROCKETMQ:
        _read_binary(command, data, start + 4, header_end)
    else:
        raise ProtocolError(f"unknown header serialization {serialize_type}")
    return command


@cython.cfunc
def _take(command: Command, header: JsonHeader) -> None:
    command.code = header.code
    command.flag = header.flag
    command.opaque = header.opaque
    command.version = header.version
    command.language = JAVA_LANGUAGE if header.language == "JAVA" else language_number(header.language)
    command.remark = header.remark
    command._ext = bytes(header.extFields)


def _take_send(command: Command, data: bytes, start: int, end: int) -> bool:
    """A send in its common shape, for plain Python; false for any other, which the tolerant reader then takes."""
    header = load_send(data[start:end])
    if header is None:
        return False
    command.code = header.code
    command.flag = header.flag
    command.opaque = header.opaque
    command.version = header.version
    command.language = JAVA_LANGUAGE if header.language == "JAVA" else language_number(header.language)
    command.remark = header.remark
    command._letters = header.extFields
    command._ext_start, command._ext_end = start, end
    return True


@cython.cfunc
def _scan_json(command: Command, data: bytes, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
    """The common shape of a header, read in place: false for any other shape, which the tolerant reader then takes."""
    p: cython.p_const_uchar = data
    i: cython.Py_ssize_t = start
    key: cython.Py_ssize_t
    key_length: cython.Py_ssize_t
    if i >= end or p[i] != 0x7B:
        return False
    i += 1
    while True:
        if i >= end or p[i] != 0x22:
            return False
        key = i + 1
        i = _string_end(p, key, end)
        if i < 0 or i + 2 >= end or p[i + 1] != 0x3A:
            return False
        key_length = i - key
        i += 2
        if key_length == 9 and p[key] == 0x65:  # extFields
            command._ext_start = i
            i = _object_end(data, p, i, end)
            command._ext_end = i
        elif p[i] == 0x22:
            i = _take_text(command, data, p, key, key_length, i + 1, end)
        else:
            i = _take_number(command, p, key, key_length, i, end)
        if i < 0 or i >= end:
            return False
        if p[i] != 0x2C:
            return p[i] == 0x7D and i + 1 == end
        i += 1


@cython.cfunc
@cython.inline
def _string_end(p: cython.p_const_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Where the closing quote stands; -1 if there is none, or an escape before it."""
    while at < end and p[at] != 0x22:
        if p[at] == 0x5C:
            return -1
        at += 1
    return at if at < end else -1


@cython.cfunc
def _take_text(
    command: Command,
    data: bytes,
    p: cython.p_const_uchar,
    key: cython.Py_ssize_t,
    key_length: cython.Py_ssize_t,
    at: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """One field whose value is text; one past its closing quote, or -1."""
    stop: cython.Py_ssize_t = _string_end(p, at, end)
    if stop < 0:
        return -1
    if key_length == 8 and p[key] == 0x6C:  # language
        if stop - at == 4 and p[at] == 0x4A:
            command.language = JAVA_LANGUAGE
        else:
            command.language = LANGUAGE_BY_NAME.get(data[at:stop].decode("utf-8", "replace"), UNKNOWN_LANGUAGE)
    elif key_length == 6 and p[key] == 0x72:  # remark
        command.remark = data[at:stop].decode("utf-8", "replace")
    elif key_length < 9:
        return -1  # A quoted number, or a key that was never seen here.
    return stop + 1


@cython.cfunc
def _take_number(
    command: Command,
    p: cython.p_const_uchar,
    key: cython.Py_ssize_t,
    key_length: cython.Py_ssize_t,
    at: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """One field whose value is a plain number; one past it, or -1."""
    sign: cython.int = 1
    number: cython.longlong = 0
    start: cython.Py_ssize_t
    if p[at] == 0x2D:
        sign = -1
        at += 1
    start = at
    while at < end and 0x30 <= p[at] <= 0x39:
        number = number * 10 + (p[at] - 0x30)
        at += 1
    if at == start or at - start > 10 or number > 2147483647:
        return -1
    number = number * sign
    if key_length == 4 and p[key] == 0x63 and p[key + 1] == 0x6F and p[key + 3] == 0x65:  # code
        command.code = number
    elif key_length == 4 and p[key] == 0x66:  # flag
        command.flag = number
    elif key_length == 6 and p[key] == 0x6F:  # opaque
        command.opaque = number
    elif key_length == 7 and p[key] == 0x76:  # version
        command.version = number
    else:
        return -1
    return at


@cython.cfunc
def _object_end(
    data: bytes, p: cython.p_const_uchar, start: cython.Py_ssize_t, end: cython.Py_ssize_t
) -> cython.Py_ssize_t:
    """One past the `}` of the fields' object, or -1.

    Behind it come numbers, a language and perhaps a remark: the last brace but one of the header. Should a remark hold
    a brace, what follows here is no separator, and the tolerant reader takes the header.
    """
    at: cython.Py_ssize_t
    if p[start] != 0x7B:
        return -1
    at = data.rfind(b"}", start, end - 1)
    return -1 if at < 0 else at + 1


def _read_binary(command: Command, data: bytes, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> None:
    at: cython.Py_ssize_t
    length: cython.longlong
    if end - start < 21:
        raise ProtocolError(f"binary header of {end - start} bytes is cut short")
    command.code = _int16(data, start)
    command.language = data[start + 2] if data[start + 2] < len(LANGUAGES) else UNKNOWN_LANGUAGE
    command.version = _int16(data, start + 3)
    command.opaque = _int32(data, start + 5)
    command.flag = _int32(data, start + 9)
    at = start + 13
    length = _int32(data, at)
    at += 4
    if length < 0 or at + length + 4 > end:
        raise ProtocolError(f"remark length {length} is beyond the header's end")
    if length > 0:
        command.remark = data[at : at + length].decode("utf-8", "replace")
        at += length
    length = _int32(data, at)
    at += 4
    if length < 0 or at + length > end:
        raise ProtocolError(f"ext fields length {length} is beyond the header's end")
    command._ext_start = at
    command._ext_end = at + length


def _binary_ext(data: bytes, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> dict[str, str]:
    fields: dict[str, str] = {}
    at: cython.Py_ssize_t = start
    length: cython.longlong
    while at < end:
        if at + 2 > end:
            raise Refusal(1, "ext fields are cut short")
        length = _int16(data, at)
        at += 2
        if length < 0 or at + length + 4 > end:
            raise Refusal(1, f"ext field key length {length} is beyond the header's end")
        key = data[at : at + length].decode("utf-8", "replace") if length else "null"
        at += length
        length = _int32(data, at)
        at += 4
        if length < 0 or at + length > end:
            raise Refusal(1, f"ext field value length {length} of {key} is beyond the header's end")
        if length:
            fields[key] = data[at : at + length].decode("utf-8", "replace")
        at += length
    return fields


@cython.cfunc
@cython.inline
def _int32(data: bytes, at: cython.Py_ssize_t) -> cython.longlong:
    p: cython.p_const_uchar
    value: cython.uint
    if not cython.compiled:
        return _INT32(data, at)[0]
    p = data
    value = (
        (cython.cast(cython.uint, p[at]) << 24)
        | (cython.cast(cython.uint, p[at + 1]) << 16)
        | (cython.cast(cython.uint, p[at + 2]) << 8)
        | cython.cast(cython.uint, p[at + 3])
    )
    return cython.cast(cython.longlong, cython.cast(cython.int, value))


@cython.cfunc
@cython.inline
def _int16(data: bytes, at: cython.Py_ssize_t) -> cython.longlong:
    p: cython.p_const_uchar
    if not cython.compiled:
        return int.from_bytes(data[at : at + 2], "big", signed=True)
    p = data
    return cython.cast(cython.longlong, cython.cast(cython.short, (p[at] << 8) | p[at + 1]))
