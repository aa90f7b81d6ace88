"""Ids of our own rows: a prefix that tells the kind, and a time-ordered UUID in Crockford's base 32."""

from __future__ import annotations

from typing import Protocol

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)  # two digits a step: ids are made for every row
UUID_DIGITS = 26


class IdSource(Protocol):
    """Makes ids and random tokens. The runtime's is random; a test's is seeded."""

    def new(self, prefix: str) -> str:
        """A new id: `cus_`, `cnv_`, `msg_`, `dlv_`, `wdr_`, `evt_` and 26 characters, ascending with time."""
        ...

    def token(self, bits: int = 128) -> int:
        """That many unguessable bits, for references, codes and nonces."""
        ...


def encode(number: int, digits: int) -> str:
    """A number in Crockford's base 32, lower case, padded to `digits`."""
    pairs: list[str] = []
    for _ in range((digits + 1) // 2):
        pairs.append(_PAIRS[number & 1023])
        number >>= 10
    pairs.reverse()
    return "".join(pairs)[digits & 1 :]


def uuid7(milliseconds: int, random_bits: int) -> int:
    """The 128-bit number of a version 7 UUID (RFC 9562) from a Unix time and 74 random bits."""
    high = (random_bits >> 62) & 0xFFF
    low = random_bits & ((1 << 62) - 1)
    return (milliseconds & ((1 << 48) - 1)) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low


def format_id(prefix: str, number: int) -> str:
    """`cus` and a number make `cus_01hx...`."""
    return f"{prefix}_{encode(number, UUID_DIGITS)}"
