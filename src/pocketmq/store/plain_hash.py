"""`String.hashCode` of ASCII bytes, as fast as plain Python has it, for where nothing is compiled."""

from functools import lru_cache
from operator import mul

from pocketmq.model.java import java_string_hash

_HEAD_CHARS = 28
"""All of a unique key but its counter (MessageClientIDSetter)."""

_POWERS: list[int] = [pow(31, exponent, 1 << 32) for exponent in range(512)]


def hash_on_slowly(code: int, text: bytes) -> int:
    """The hash of what `code` stands for followed by `text`; negative if not all is ASCII."""
    if code < 0 or not text.isascii():
        return -2
    if len(text) > _HEAD_CHARS:
        code = _hash_on_head(code, text[:_HEAD_CHARS])
        text = text[_HEAD_CHARS:]
    size = len(text)
    if size >= len(_POWERS):
        own = java_string_hash(text.decode())
        return (code * pow(31, size, 1 << 32) + own) & 0xFFFFFFFF
    own = sum(map(mul, text[::-1], _POWERS))
    return (code * _POWERS[size] + own) & 0xFFFFFFFF


@lru_cache(maxsize=1024)
def _hash_on_head(code: int, text: bytes) -> int:
    """What one producer sends in one millisecond has keys that begin alike."""
    return hash_on_slowly(code, text)
