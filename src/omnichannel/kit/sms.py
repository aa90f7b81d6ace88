"""SMS whoever carries it: alphabet, units and segments (3GPP TS 23.038 and 23.040), senders and links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import quote

__all__ = [
    "SenderKind",
    "SmsSegments",
    "escapes",
    "is_gsm",
    "is_toll_free",
    "sender_kind",
    "septets",
    "sms_link",
    "sms_segments",
    "utf16_units",
]

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


# ---------------------------------------------------------------- who sends, and how to write to them

SenderKind: TypeAlias = Literal["number", "short_code", "alphanumeric"]
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_SHORT_CODE = re.compile(r"[0-9]{3,8}")
_ALPHANUMERIC = re.compile(r"(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9 &_+-]{1,11}")
_TOLL_FREE = ("800", "833", "844", "855", "866", "877", "888")
_NANP_DIGITS = 12


def sender_kind(sender: str) -> SenderKind | None:
    """What stands as the sender of an SMS, or None for what cannot.

    A `number` is in E.164. To an `alphanumeric` name (3GPP TS 23.040, 9.1.2.5: 11 characters of the alphabet) nobody
    can answer.
    """
    if _NUMBER.fullmatch(sender):
        return "number"
    if _SHORT_CODE.fullmatch(sender):
        return "short_code"
    return "alphanumeric" if _ALPHANUMERIC.fullmatch(sender) else None


def is_toll_free(number: str) -> bool:
    """Whether a number in E.164 is toll-free in North America."""
    return len(number) == _NANP_DIGITS and number.startswith("+1") and number[2:5] in _TOLL_FREE


def sms_link(number: str, text: str) -> str:
    """A link that opens the phone's SMS app with the text filled in.

    RFC 5724 asks for `?body=`, which Android takes; iOS has long wanted `&body=`. The empty first field of `?&body=`
    serves both.
    """
    return f"sms:{number}?&body={quote(text, safe='')}"
