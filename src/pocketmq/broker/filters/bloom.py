"""The Bloom filter whose bits RocketMQ keeps for each group that filters: which bits, of how many (BloomFilter).

Bit maps of messages are made of them (bit_maps.py), and a Java broker takes over a consumerFilter.json only if each
group in it has the bits that it would have chosen.
"""

import math

ERROR_PERCENT = 20
"""BrokerConfig.maxErrorRateOfBloomFilter."""

GROUPS_EXPECTED = 32
"""BrokerConfig.expectConsumerNumUseFilter."""

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_FIRST = 0x87C3_7B91_1142_53D5
_SECOND = 0x4CF5_AD43_2745_937F


class BloomFilter:
    """`hashes` bits out of `bits` stand for each text."""

    def __init__(self, error_percent: int = ERROR_PERCENT, texts_expected: int = GROUPS_EXPECTED) -> None:
        error_rate = error_percent / 100
        self.hashes = math.ceil(math.log(error_rate) / math.log(0.5))
        bits = math.ceil(texts_expected * (math.log(1 / error_rate) / math.log(2)) * (math.log(math.e) / math.log(2)))
        self.bits = -(-bits // 8) * 8

    def positions(self, text: str) -> tuple[int, ...]:
        """The bits of a text, as its two 32-bit hashes choose them."""
        hashed = murmur_half(text.encode("utf-8", "replace"))
        low, high = _signed(hashed), _signed(hashed >> 32)
        found = []
        for number in range(1, self.hashes + 1):
            mixed = _signed(low + number * high)
            found.append((mixed if mixed >= 0 else ~mixed) % self.bits)
        return tuple(found)


def murmur_half(content: bytes) -> int:
    """The first 64 bits of MurmurHash3's 128, with seed 0, as Guava's `asLong` counts them, without sign."""
    one = two = 0
    whole = len(content) & ~15
    for at in range(0, whole, 16):
        one ^= _scrambled(int.from_bytes(content[at : at + 8], "little"), _FIRST, 31, _SECOND)
        one = ((_rotated(one, 27) + two) * 5 + 0x52DC_E729) & _MASK
        two ^= _scrambled(int.from_bytes(content[at + 8 : at + 16], "little"), _SECOND, 33, _FIRST)
        two = ((_rotated(two, 31) + one) * 5 + 0x3849_5AB5) & _MASK
    one ^= _scrambled(int.from_bytes(content[whole : whole + 8], "little"), _FIRST, 31, _SECOND)
    two ^= _scrambled(int.from_bytes(content[whole + 8 :], "little"), _SECOND, 33, _FIRST)
    one ^= len(content)
    two ^= len(content)
    one = (one + two) & _MASK
    two = (two + one) & _MASK
    return (_final(one) + _final(two)) & _MASK


def _scrambled(word: int, first: int, turn: int, second: int) -> int:
    return (_rotated((word * first) & _MASK, turn) * second) & _MASK


def _rotated(word: int, turn: int) -> int:
    return ((word << turn) | (word >> (64 - turn))) & _MASK


def _final(word: int) -> int:
    word = ((word ^ (word >> 33)) * 0xFF51_AFD7_ED55_8CCD) & _MASK
    word = ((word ^ (word >> 33)) * 0xC4CE_B9FE_1A85_EC53) & _MASK
    return word ^ (word >> 33)


def _signed(word: int) -> int:
    return (word & 0xFFFF_FFFF ^ 0x8000_0000) - 0x8000_0000
