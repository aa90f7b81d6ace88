"""How a text goes over the air as SMS: alphabet, units and segments (3GPP TS 23.038 and 23.040)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["SmsSegments", "escapes", "is_gsm", "septets", "sms_segments", "utf16_units"]

# https://www.etsi.org/deliver/etsi_ts/123000_123099/123038/: default alphabet (6.2.1) and its extension (6.2.1.1).
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
_GSM = _BASIC | _EXTENDED


@dataclass(frozen=True, slots=True)
class SmsSegments:
    """`units` are septets of `gsm7` or UTF-16 units of `ucs2`; what padding wastes at a segment's end is not in."""

    encoding: Literal["gsm7", "ucs2"]
    units: int
    segments: int


_SINGLE = {"gsm7": 160, "ucs2": 70}
_JOINED = {"gsm7": 153, "ucs2": 67}
"""Units in a single message, and in each of several: the header that joins them takes 6 octets of 140."""


def utf16_units(text: str) -> int:
    """UTF-16 code units: two for a character outside the Basic Multilingual Plane."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def is_gsm(text: str) -> bool:
    """Whether every character is in the GSM 7-bit alphabet or its extension."""
    return _GSM.issuperset(text)


def escapes(text: str) -> int:
    """How many characters are in the extension: each takes an escape besides itself."""
    return sum(map(text.count, _EXTENDED))


def septets(text: str) -> int:
    """Septets of a GSM 7-bit text, UTF-16 units of any other."""
    return len(text) + escapes(text) if is_gsm(text) else utf16_units(text)


def sms_segments(text: str) -> SmsSegments:
    """Encoding, units and segments that are sent and billed. An empty text is one segment."""
    gsm = is_gsm(text)
    encoding: Literal["gsm7", "ucs2"] = "gsm7" if gsm else "ucs2"
    units = septets(text)
    if units <= _SINGLE[encoding]:
        return SmsSegments(encoding, units, 1)
    room = _JOINED[encoding]
    if units == len(text):
        return SmsSegments(encoding, units, -(-units // room))
    used, segments = 0, 1
    for character in text:
        size = 2 if (character in _EXTENDED if gsm else character > "\uffff") else 1
        # Neither an escape pair nor a surrogate pair is ever cut: the unit that is left over is lost.
        if used + size > room:
            used, segments = 0, segments + 1
        used += size
    return SmsSegments(encoding, units, segments)
