"""Java's reading and ordering of numbers that messages carry as text (Integer, Long, Double).

Texts are a property's bytes. What is no number is a ValueError: the message then matches nothing.
"""

import re
from math import copysign, isnan

_HEXADECIMAL = re.compile(rb"([+-]?0[xX](?:[0-9a-fA-F]+\.?|[0-9a-fA-F]*\.[0-9a-fA-F]+)[pP][+-]?[0-9]+)[fFdD]?")
_DECIMAL = re.compile(rb"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[fFdD]?")
_NAMED = re.compile(rb"[+-]?(?:NaN|Infinity)")
_BLANKS = bytes(range(33))
_DIGITS_MAX = 4096
"""More digits than that are no number that anybody sends; Python would take long over them."""


def as_integer(text: bytes) -> int:
    """A number of 32 bits."""
    value = _whole(text)
    if not -0x8000_0000 <= value < 0x8000_0000:
        raise ValueError("no number of 32 bits")
    return value


def as_long(text: bytes) -> int:
    """A number of 64 bits."""
    value = _whole(text)
    if not -0x8000_0000_0000_0000 <= value < 0x8000_0000_0000_0000:
        raise ValueError("no number of 64 bits")
    return value


def _whole(text: bytes) -> int:
    if len(text) > _DIGITS_MAX:
        raise ValueError("too many digits")
    if text.isdigit():
        return int(text)
    if text[1:].isdigit() and text[0] in b"+-":
        return int(text)
    characters = text.decode()
    digits = characters[1:] if characters[:1] in ("+", "-") else characters
    if not digits.isdecimal():  # Other scripts' digits are digits in Java, too.
        raise ValueError("no number")
    return int(characters)


def as_double(text: bytes) -> float:
    """A double, with blanks around it, in decimal or hexadecimal form, or NaN or Infinity."""
    text = text.strip(_BLANKS)
    if len(text) > _DIGITS_MAX:
        raise ValueError("too many digits")
    if match := _DECIMAL.fullmatch(text):
        return float(match[1])
    if _NAMED.fullmatch(text):
        return float(text)
    if match := _HEXADECIMAL.fullmatch(text):
        try:
            return float.fromhex(match[1].decode())
        except OverflowError:
            return -float("inf") if text.startswith(b"-") else float("inf")
    raise ValueError("no double")


def compare_doubles(left: float, right: float) -> int:
    """Negative, 0 or positive: NaN is equal to itself and above all, and 0.0 is above -0.0."""
    if left < right:
        return -1
    if left > right:
        return 1
    if left == right:
        return 0 if left else int(copysign(1, left) - copysign(1, right))
    return isnan(left) - isnan(right)
