"""Card numbers are hidden before they are shown or logged; personal data is found before it is said in public."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import accumulate
from unicodedata import category, decimal, normalize

from omnichannel.kit.patterns import found, safe_pattern
from omnichannel.kit.phone import digits

__all__ = ["mask_cards", "mentions_personal", "safe_pattern"]

_CARD_LENGTHS = range(13, 20)
# Digits in groups, up to two spaces or dashes apart, as many as a card has at least.
_GROUPED = re.compile(r"\d(?:[ \u00a0\u202f\u2010-\u2015-]{0,2}\d){12,}+")
_GROUP = re.compile(r"\d++")
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}+@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_DATE = re.compile(r"(?<!\d)(?:\d{4}-\d\d-\d\d|\d\d?/\d\d?/\d{2,4}|\d\d?\.\d\d?\.(?:19|20)\d\d)(?!\d)")
_NUMBER = re.compile(r"(?<![\w+])\+?\(?\d(?:[ ().\u2010-\u2015/-]{0,3}\d)*+(?!\w)")
_NORTH_AMERICA = re.compile(r"\(?\d{3}\)?[ .-]{1,2}\d{3}[ .-]\d{4}")
_ABROAD = range(8, 16)
_AT_HOME = range(9, 12)
_SAME_NUMBER = 8
"""How many last digits make two numbers the same, whatever country or trunk prefix they are written with."""
_SHORTEST_KNOWN = 3


def mask_cards(text: str) -> str:
    """The text with the digits of payment card numbers replaced by `*`, but for the last four.

    A card number is 13 to 19 digits, in groups with spaces or dashes or in one, that pass the Luhn check and do not
    begin with 0 (no issuer's does, and ticket numbers of 13 digits often do). Linear.
    """
    return _GROUPED.sub(_mask_groups, text)


def _mask_groups(match: re.Match[str]) -> str:
    shown = list(match[0])
    places = [index for index, character in enumerate(shown) if character.isdecimal()]
    for first, last in _cards(match[0], [decimal(shown[place]) for place in places]):
        for place in places[first : last - 4]:
            shown[place] = "*"
    return "".join(shown)


def _cards(grouped: str, numbers: list[int]) -> Iterator[tuple[int, int]]:
    """First and last digit of each card number. It begins and ends where a group does: a piece of a longer number
    that happens to pass the check is none."""
    if len(numbers) < _CARD_LENGTHS.start:
        return
    edges = list(accumulate((len(group) for group in _GROUP.findall(grouped)), initial=0))
    # Luhn sums up to each digit, with every second digit doubled: one list for either parity.
    sums = [
        list(accumulate((_doubled(n) if i % 2 == odd else n for i, n in enumerate(numbers)), initial=0))
        for odd in (0, 1)
    ]
    taken = 0
    for index, first in enumerate(edges):
        if first < taken or first == len(numbers) or numbers[first] == 0:
            continue
        for last in reversed([edge for edge in edges[index : index + 20] if edge - first in _CARD_LENGTHS]):
            parity = sums[last % 2]
            if (parity[last] - parity[first]) % 10 == 0:
                yield first, last
                taken = last
                break


def _doubled(number: int) -> int:
    return number * 2 - 9 if number > 4 else number * 2


def mentions_personal(
    text: str,
    known: Iterable[str] = (),
    patterns: Iterable[re.Pattern[str]] = (),
    *,
    allowed: Iterable[str] = (),
) -> list[str]:
    """What keeps a text off a public surface: `email`, `phone`, `card`, `known`, and `pattern <source>` for each of
    the host's that matches. Empty where nothing does. The text itself is never repeated.

    `known` are the customer's own addresses, compared as words without regard to case, and telephone numbers also
    by their last digits, however they are written; leave out a handle that is public there. `allowed` are addresses
    that may be said (the company's own). `patterns` come from `safe_pattern`, and see some 250 characters at a time.
    Not every way to write a number is caught: this is a guard, not a proof.
    """
    plain = _plain(text)
    public = [address for address in map(_plain, allowed) if address]
    for address in public:
        plain = _word(address).sub(" ", plain)
    ours = {digits(address)[-_SAME_NUMBER:] for address in public}
    numbers = [(one, digits(one)) for one in _NUMBER.findall(_DATE.sub(" . ", plain))]
    theirs = [(one, value) for one, value in numbers if value[-_SAME_NUMBER:] not in ours]
    reasons = {
        "email": _MAIL.search(plain) is not None,
        "phone": any(_is_phone(one, len(value)) for one, value in theirs),
        "card": mask_cards(plain) != plain,
        "known": any(_mentions(plain, theirs, address) for address in map(_plain, known)),
    }
    hits = [f"pattern {pattern.pattern}" for pattern in patterns if found(pattern, plain)]
    return [reason for reason, is_so in reasons.items() if is_so] + hits


def _plain(text: str) -> str:
    """One form for what looks alike, without the invisible characters that would hide a match."""
    if text.isascii():
        return text.strip()
    return "".join(one for one in normalize("NFKC", text) if category(one) != "Cf").strip()


def _word(address: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(address)}(?!\w)", re.IGNORECASE)


def _is_phone(written: str, count: int) -> bool:
    if written.startswith(("+", "00")):
        return count in _ABROAD
    return (written.lstrip("(").startswith("0") and count in _AT_HOME) or bool(_NORTH_AMERICA.fullmatch(written))


def _mentions(plain: str, numbers: Iterable[tuple[str, str]], address: str) -> bool:
    if len(address) < _SHORTEST_KNOWN:
        return False
    if _word(address).search(plain):
        return True
    tail = digits(address)[-_SAME_NUMBER:] if _NUMBER.fullmatch(address) else ""
    return len(tail) == _SAME_NUMBER and any(value.endswith(tail) for _, value in numbers)
