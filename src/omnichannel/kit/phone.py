"""Telephone numbers as E.164: `+` and digits, the canonical address of sms, whatsapp and voice."""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import decimal, normalize

__all__ = ["country_of", "digits", "e164", "international"]

_SCHEME = re.compile(r"^\s*(?:tel|sms|smsto|whatsapp|rcs|callto):", re.IGNORECASE)
_LONGEST = 64
_LETTER = re.compile(r"[^\W\d_]")
_ABROAD = re.compile(r"^\s*00(?=\s?[1-9])")
# WhatsApp and old address books still hold the 1 that Mexican mobile numbers lost in 2019.
_OLD_MEXICO_DIGITS = 13
_OLD_MEXICO = re.compile(r"^\s*\+52\D{0,3}1\D{0,3}((?:\d\D{0,3}){10})$")


def e164(raw: str, region: str | None = None) -> str | None:
    """The number as `+33612345678`, or None for what cannot be one. Never raises.

    `region` (ISO 3166, `FR`) is needed for numbers written without their country. A scheme (`tel:`, `whatsapp:`) and
    the usual punctuation are taken off; text with letters (a sender name, a vanity number) and short codes are None.
    Only the length is checked against the numbering plan: new ranges open faster than any table is updated.
    """
    # Imported here: it costs sixty milliseconds, and most of what imports this module has no numbers to read.
    import phonenumbers

    text = _SCHEME.sub("", normalize("NFKC", raw), count=1)
    if len(text) > _LONGEST or _LETTER.search(text) or not 5 <= len(digits(text)) <= 20:
        return None
    if region is None:
        text = _ABROAD.sub("+", text)
    text = _OLD_MEXICO.sub(r"+52\1", text)
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=4096)
def country_of(number: str) -> str | None:
    """The ISO 3166 code of an E.164 number's country, or None where it has none (`+800`). Never raises.

    A range that the table does not know is taken for the main country of its calling code (`+1`: US, `+44`: GB).
    """
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    code = parsed.country_code or 0
    region = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(code)
    return region if region.isalpha() else None


def international(number: str) -> str:
    """The E.164 form of a number that a platform itself gives whole, with or without its `+`.

    The same as `e164` for such a number, without reading a numbering plan for each message."""
    plain = number.removeprefix("+")
    if len(plain) == _OLD_MEXICO_DIGITS and plain.startswith("521"):
        plain = f"52{plain[3:]}"
    return f"+{plain}"


def digits(number: str) -> str:
    """Only the digits, in ASCII: what `wa.me` and provider APIs take for an E.164 number."""
    return "".join(str(decimal(character)) for character in number if character.isdecimal())
