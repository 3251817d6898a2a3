"""The answer that a broker gives most, laid out as a template (⚡; SendMessageResponseHeader)."""

import struct

try:
    import cython
except ModuleNotFoundError:  # Without Cython this file runs as plain Python.
    from pocketmq.model import uncompiled as cython  # type: ignore[no-redef]

from pocketmq.protocol.frame.encoding import JAVA_LANGUAGE, RESPONSE_FLAG, ROCKETMQ, VERSION, encode

if not cython.compiled:
    from pocketmq.protocol.frame.command import Command

_LENGTHS = struct.Struct(">II").pack

_KEY_BYTES_MAX = 1024
_ANSWER_BYTES_MAX = 2048
"""What an answer takes at most: a key, and some 900 bytes of numbers, region, host and what stands between them."""

_scratch = bytearray(1 << 16)


@cython.cclass
class Stored:
    """The outcome of a send: answer with these once the log is durable up to `log_offset_end`, if it `waits`."""

    def __init__(
        self,
        queue_id: cython.int,
        queue_offset: cython.longlong,
        log_offset: cython.longlong,
        log_offset_end: cython.longlong,
        waits: cython.bint,
        unique_key: bytes,
    ) -> None:
        self.queue_id = queue_id
        self.queue_offset = queue_offset
        self.log_offset = log_offset
        self.log_offset_end = log_offset_end
        self.waits = waits
        self.unique_key = unique_key


@cython.cclass
class SendReplies:
    """Writes the answers of one broker: its region, trace switch and store host do not change while it runs."""

    def __init__(self, store_host: bytes, region: str, trace_on: bool) -> None:
        self.host = store_host.hex().upper()
        self.fields = {"MSG_REGION": region, "TRACE_ON": "true" if trace_on else "false"}
        self._before_queue_id = b'{"code":0,"extFields":{"queueId":"'
        self._before_log_offset = b'","TRACE_ON":"%b","MSG_REGION":"%b","msgId":"%b' % (
            self.fields["TRACE_ON"].encode(),
            region.encode(),
            self.host.encode(),
        )
        self._end = b',"serializeTypeCurrentRPC":"JSON","version":%d}' % VERSION
        self._template = b"".join(
            (
                self._before_queue_id,
                b"%d",
                self._before_log_offset,
                b'%016X","queueOffset":"%d","transactionId":"%b"},"flag":1,"language":"JAVA","opaque":%d',
                self._end,
            )
        )
        self._is_plain = region.isascii() and region.isalnum()

    def encode_all(self, outcomes: list[Stored], commands: list[Command]) -> bytes:
        """The response frames of a batch, one behind the other."""
        stored: Stored
        command: Command
        key: bytes
        size: cython.Py_ssize_t = 0
        i: cython.Py_ssize_t
        if not cython.compiled:
            return b"".join(map(self.encode, outcomes, commands))
        for i in range(len(outcomes)):
            stored = outcomes[i]
            command = commands[i]
            key = stored.unique_key
            if (
                command.serialize_type == ROCKETMQ
                or not self._is_plain
                or not key.isalnum()
                or len(key) > _KEY_BYTES_MAX
            ):
                return b"".join([self.encode(outcomes[i], commands[i]) for i in range(len(outcomes))])
            if size + _ANSWER_BYTES_MAX > len(_scratch):
                _scratch.extend(bytes(len(_scratch)))
            size += self._lay(size, stored, key, command.opaque)
        base: cython.p_uchar = _scratch
        return base[:size]

    def encode(self, stored: Stored, command: Command) -> bytes:
        """The whole response frame for `command`."""
        key: bytes = stored.unique_key
        header: bytes
        if command.serialize_type == ROCKETMQ or not self._is_plain or not key.isalnum() or len(key) > _KEY_BYTES_MAX:
            return self._encode_slowly(stored, command)
        base: cython.p_uchar = _scratch
        if cython.compiled:
            return base[: self._lay(0, stored, key, command.opaque)]
        header = self._template % (stored.queue_id, stored.log_offset, stored.queue_offset, key, command.opaque)
        return _LENGTHS(len(header) + 4, len(header)) + header

    def _lay(self, at: cython.Py_ssize_t, stored: Stored, key: bytes, opaque: cython.longlong) -> cython.Py_ssize_t:
        """The template's text, laid into scratch memory at `at`, and its size; the length words are known last."""
        base: cython.p_uchar = _scratch
        p: cython.p_uchar
        base = base + at
        p = base + 8
        size: cython.longlong
        nibble: cython.int
        i: cython.int
        p = _put(p, self._before_queue_id)
        p = _put_decimal(p, stored.queue_id)
        p = _put(p, self._before_log_offset)
        for i in range(16):
            nibble = (stored.log_offset >> (60 - 4 * i)) & 15
            p[i] = nibble + (0x30 if nibble < 10 else 0x37)
        p = _put(p + 16, b'","queueOffset":"')
        p = _put_decimal(p, stored.queue_offset)
        p = _put(p, b'","transactionId":"')
        p = _put(p, key)
        p = _put(p, b'"},"flag":1,"language":"JAVA","opaque":')
        p = _put_decimal(p, opaque)
        p = _put(p, self._end)
        size = p - base
        _put_length(base, size - 4)
        _put_length(base + 4, size - 8)
        return size

    def _encode_slowly(self, stored: Stored, command: Command) -> bytes:
        fields = {
            **self.fields,
            "msgId": f"{self.host}{stored.log_offset:016X}",
            "queueId": str(stored.queue_id),
            "queueOffset": str(stored.queue_offset),
            "transactionId": stored.unique_key.decode("utf-8", "replace"),
        }
        return encode(
            0, RESPONSE_FLAG, command.opaque, None, fields, b"", command.serialize_type, JAVA_LANGUAGE, VERSION
        )


@cython.cfunc
@cython.inline
def _put(p: cython.p_uchar, text: bytes) -> cython.p_uchar:
    source: cython.p_const_uchar = text
    i: cython.Py_ssize_t
    n: cython.Py_ssize_t = len(text)
    for i in range(n):
        p[i] = source[i]
    return p + n


@cython.cfunc
@cython.inline
@cython.cdivision(True)
def _put_decimal(p: cython.p_uchar, value: cython.longlong) -> cython.p_uchar:
    size: cython.int = 1
    i: cython.int
    rest: cython.longlong
    if value < 0:
        p[0] = 0x2D
        p += 1
        value = -value
    rest = value // 10
    while rest:
        size += 1
        rest //= 10
    for i in range(size - 1, -1, -1):
        p[i] = 0x30 + value % 10
        value //= 10
    return p + size


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _put_length(p: cython.p_uchar, value: cython.longlong) -> cython.void:
    p[0] = (value >> 24) & 0xFF
    p[1] = (value >> 16) & 0xFF
    p[2] = (value >> 8) & 0xFF
    p[3] = value & 0xFF
