"""References: random, found again in what a customer writes, and stored only as a hash."""

from __future__ import annotations

import re
from hashlib import sha256
from itertools import groupby
from typing import assert_never

from omnichannel.channel.capabilities import LinkCapacity
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.model.ids import encode

__all__ = ["DIGITS", "LONG", "SHORT", "digest", "find_references", "is_short", "new_reference", "normalise"]

LONG = 26
"""Characters of a full reference: 128 bits in Crockford's base 32."""
SHORT = 10
"""Characters where a target cannot carry more: 50 bits, for which tries and time are tightly limited."""
DIGITS = 16
"""Digits where a target carries nothing else (a keypad, a spoken number): 53 bits."""

MOST = 5
"""More references than that in one message are guesses, not references."""

_AMBIGUOUS = str.maketrans("OIL", "011")
# A reference is introduced by "#" that stands free: not in a URL's fragment, an entity or a word. Exact lengths.
_FOUND = re.compile(r"(?<![\w/&=?#.%+-])[#\uff03]([0-9A-Za-z]{26}|[0-9A-Za-z]{10})(?![0-9A-Za-z_/=&%]|-\w)")
_CANONICAL = re.compile(r"[0-9A-HJKMNP-TV-Z]+")


def new_reference(bits: int, capacity: LinkCapacity | None = None) -> str:
    """A reference from at least 128 random bits, as the target can carry it.

    With `#` before it where the target carries any text, bare where it carries a token; in lower case or digits where
    it carries nothing else; short only where the full one does not fit. Raises ConfigurationError where not even that
    does.
    """
    if capacity is None:
        return "#" + _full(bits)
    match capacity.alphabet:
        case "any":
            return "#" + _fitting(bits, capacity.chars - 1)
        case "token":
            return _fitting(bits, capacity.chars)
        case "lower":
            return _fitting(bits, capacity.chars).lower()
        case "digits":
            if capacity.chars < DIGITS:
                raise _too_small(capacity.chars)
            return str(bits % 10**DIGITS).zfill(DIGITS)
        case _:
            assert_never(capacity.alphabet)


def _fitting(bits: int, chars: int) -> str:
    if chars >= LONG:
        return _full(bits)
    if chars >= SHORT:
        return _short(bits)
    raise _too_small(chars)


def _too_small(chars: int) -> ConfigurationError:
    return ConfigurationError(f"a link that carries {chars} characters cannot carry a reference: {SHORT} are needed")


def _full(bits: int) -> str:
    return encode(bits & ((1 << 128) - 1), LONG).upper()


def _short(bits: int) -> str:
    # Of the random bits the first run of 50 that does not look like a word or an order number, even where people write
    # o, i and l for 0 and 1; nearly always the first one.
    runs = (encode((bits >> shift) & ((1 << 50) - 1), SHORT).upper() for shift in range(79))
    likely = (run for run in runs if _looks_random(run.replace("0", "").replace("1", "")))
    return next(likely, encode(bits & ((1 << 50) - 1), SHORT).upper())


def _looks_random(text: str) -> bool:
    """Letters and digits alternate: neither a word, nor a number, nor `ORDER12345`."""
    return sum(1 for _ in groupby(text, str.isdigit)) >= 3


def normalise(reference: str) -> str | None:
    """The canonical form: upper case, without `#`, hyphens and spaces, with 0 for o and 1 for i and l.

    None for what cannot be a reference.
    """
    bare = re.sub(r"[\s#\uff03-]+", "", reference[:200]).upper()
    canonical = bare.translate(_AMBIGUOUS)
    if len(canonical) not in (LONG, SHORT, DIGITS) or _CANONICAL.fullmatch(canonical) is None:
        return None
    if len(canonical) == DIGITS and not canonical.isdigit():
        return None
    # 26 characters hold 130 bits; ours has 128, so its first one is 0 to 7.
    return canonical if len(canonical) != LONG or canonical[0] in "01234567" else None


def is_short(reference: str) -> bool:
    """Whether tight limits on tries and time apply."""
    canonical = normalise(reference)
    return canonical is not None and len(canonical) < LONG


def digest(reference: str) -> str:
    """The SHA-256 of the canonical form, in hex: all that is stored. Never raises; what cannot be a reference gets a
    digest that no reference has."""
    canonical = normalise(reference)
    body = f"not a reference: {reference}" if canonical is None else canonical
    return sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def find_references(text: str) -> tuple[str, ...]:
    """The references in what a customer wrote, canonical, each once, at most five. Linear in the text.

    Any case and o, i, l for 0 and 1 are understood, and punctuation around it; hashtags, addresses and order numbers
    are not taken for one. Digits alone never are: they come in a platform's own field.
    """
    found: dict[str, None] = {}
    for match in _FOUND.finditer(text):
        raw = match.group(1)
        canonical = normalise(raw)
        # A full one is seldom a word by chance, and may have most of its digits written as letters.
        if canonical is None or canonical.isdigit() or (len(canonical) == SHORT and not _looks_random(raw)):
            continue
        found[canonical] = None
        if len(found) == MOST:
            break
    return tuple(found)
