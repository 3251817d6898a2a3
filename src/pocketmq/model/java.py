"""Arithmetic of the Java virtual machine that RocketMQ's formats depend on."""

import struct

_INT_BITS = 0xFFFFFFFF


def java_string_hash(text: str) -> int:
    """`String.hashCode`: a signed 32-bit number over the UTF-16 units."""
    code = 0
    for unit in _utf16_units(text):
        code = (code * 31 + unit) & _INT_BITS
    return code - 0x1_0000_0000 if code & 0x8000_0000 else code


def java_long_hash(number: int) -> int:
    """`Long.hashCode`: the two halves of the signed 64-bit number, exclusive-ored."""
    unsigned = number & 0xFFFF_FFFF_FFFF_FFFF
    return to_int32(unsigned ^ unsigned >> 32)


def to_int32(number: int) -> int:
    """The low 32 bits as Java's `(int)` cast reads them."""
    number &= _INT_BITS
    return number - 0x1_0000_0000 if number & 0x8000_0000 else number


def to_int64(number: int) -> int:
    """The low 64 bits as Java's `(long)` cast reads them."""
    number &= 0xFFFF_FFFF_FFFF_FFFF
    return number - 0x1_0000_0000_0000_0000 if number & 0x8000_0000_0000_0000 else number


def java_remainder(dividend: int, divisor: int) -> int:
    """Java's `%`: the sign follows the dividend."""
    remainder = abs(dividend) % abs(divisor)
    return -remainder if dividend < 0 else remainder


def java_split(text: str, separator: str) -> list[str]:
    """`String.split` for a literal separator: empty parts at the end are dropped."""
    parts = text.split(separator)
    if len(parts) == 1:
        return parts
    while parts and not parts[-1]:
        parts.pop()
    return parts


def _utf16_units(text: str) -> bytes | tuple[int, ...]:
    if text.isascii():
        return text.encode()
    units = text.encode("utf-16-le", "surrogatepass")
    return struct.unpack(f"<{len(units) // 2}H", units)
