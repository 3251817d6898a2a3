"""Frames of the remoting protocol, both header serializations; sans-IO.

    int32 length of all that follows (at most 16 MiB)
    int32 serialize type << 24 | header length
    header, JSON (type 0) or binary (type 1)
    body

    binary header: int16 code, int8 language, int16 version, int32 opaque, int32 flag,
                   int32 remark length + UTF-8, int32 ext length + entries
    entry:         int16 key length, key, int32 value length, value

A request code beyond 32,767 is cut to 16 bits by the binary form: POP's 200050 arrives as 3442.
Sources: RemotingCommand, RocketMQSerializable, NettyDecoder.

`command` and `send_header` read, `encoding` and `send_reply` write; `json_header` takes JSON of any shape, `plain_send`
the busiest request where nothing is compiled; `send_fields` names that request's fields.
"""

from pocketmq.protocol.frame.command import Command, decode, is_compiled, split
from pocketmq.protocol.frame.encoding import JSON, ROCKETMQ, VERSION, encode, encode_request, encode_response

__all__ = [
    "JSON",
    "ROCKETMQ",
    "VERSION",
    "Command",
    "decode",
    "encode",
    "encode_request",
    "encode_response",
    "is_compiled",
    "split",
]
