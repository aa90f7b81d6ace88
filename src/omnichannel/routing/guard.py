"""What must never stand on a public surface: the customer's own data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import assert_never
from unicodedata import normalize

from omnichannel.model.address import Address
from omnichannel.model.content import Block, Location, Media, Template, Text

__all__ = ["personal_in", "texts_of"]

_SHORTEST = 5
"""A name or id shorter than that would be found in ordinary words."""
_DIGITS = re.compile(r"\+?[0-9][0-9 ().\u00a0/-]{5,}[0-9]")


def texts_of(content: Block) -> tuple[str, ...]:
    """All words of a content that others would read."""
    match content:
        case Text():
            files = [word for media in content.attachments for word in (media.caption, media.alt or "", media.name)]
            links = [word for button in content.buttons for word in (button.title, button.url)]
            return (content.text, *(choice.title for choice in content.quick_replies), *links, *files)
        case Media():
            return (content.caption, content.alt or "", content.name)
        case Template():
            return tuple(str(value) for value in content.slots.values())
        case Location():
            return (content.name or "",)
        case _:
            assert_never(content)


def personal_in(
    content: Block, addresses: Iterable[Address], patterns: Iterable[re.Pattern[str]], *, public_channel: str
) -> str | None:
    """What of the customer's own data a content holds, described without repeating it; None where there is nothing.

    Looked for are the customer's addresses on every other channel than the one that the thread is on, where they are
    public anyway, telephone numbers however they are written, and the host's patterns (order references).
    """
    text = normalize("NFKC", "\n".join(texts_of(content)))
    folded = text.casefold()
    numbers = [re.sub(r"[^0-9]", "", found) for found in _DIGITS.findall(text)]
    for address in addresses:
        if address.channel == public_channel:
            continue
        for value in (address.value, *address.aliases.values()):
            if _holds(folded, numbers, value.casefold()):
                return f"the customer's address on {address.channel}"
    return next((f"a match of the host's pattern {p.pattern!r}" for p in patterns if p.search(text)), None)


def _holds(folded: str, numbers: Iterable[str], value: str) -> bool:
    if len(value) < _SHORTEST:
        return False
    digits = value.removeprefix("+")
    if digits.isdigit():
        # A number is also written with its trunk prefix, 0612345678 for +33612345678: the last nine digits tell.
        return any(number.endswith(digits[-9:]) or digits in number for number in numbers)
    return value in folded
