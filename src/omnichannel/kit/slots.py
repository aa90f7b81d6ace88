"""The values in a template, as the customer's language writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, assert_never

from omnichannel.model.content import Slot

_NARROW_SPACE = "\u202f"


class Habits(NamedTuple):
    """How a language writes numbers and dates (Unicode CLDR 46: decimal, group, short date)."""

    decimal: str
    group: str
    date: str


_ISO = Habits(".", "", "%Y-%m-%d")
_HABITS: Mapping[str, Habits] = {
    "ar": Habits(".", ",", "%d/%m/%Y"),
    "cs": Habits(",", "\u00a0", "%d. %m. %Y"),
    "da": Habits(",", ".", "%d.%m.%Y"),
    "de": Habits(",", ".", "%d.%m.%Y"),
    "en-us": Habits(".", ",", "%m/%d/%Y"),
    "en-gb": Habits(".", ",", "%d/%m/%Y"),
    "en": Habits(".", ",", "%Y-%m-%d"),  # which of the two nobody can tell from the number alone
    "es": Habits(",", ".", "%d/%m/%Y"),
    "fi": Habits(",", "\u00a0", "%d.%m.%Y"),
    "fr": Habits(",", _NARROW_SPACE, "%d/%m/%Y"),
    "hi": Habits(".", ",", "%d/%m/%Y"),
    "id": Habits(",", ".", "%d/%m/%Y"),
    "it": Habits(",", ".", "%d/%m/%Y"),
    "ja": Habits(".", ",", "%Y/%m/%d"),
    "nb": Habits(",", "\u00a0", "%d.%m.%Y"),
    "nl": Habits(",", ".", "%d-%m-%Y"),
    "pl": Habits(",", "\u00a0", "%d.%m.%Y"),
    "pt": Habits(",", ".", "%d/%m/%Y"),
    "ru": Habits(",", "\u00a0", "%d.%m.%Y"),
    "sv": Habits(",", "\u00a0", "%Y-%m-%d"),
    "tr": Habits(",", ".", "%d.%m.%Y"),
    "uk": Habits(",", "\u00a0", "%d.%m.%Y"),
    "zh": Habits(".", ",", "%Y/%m/%d"),
}


def tag(language: str) -> str:
    """`en_GB` and `en-GB` are one."""
    return language.lower().replace("_", "-")


def pick_language(languages: Mapping[str, str], wanted: str | None) -> tuple[str, str]:
    """The language tag and Meta's code for it: exact, then the primary language, then the first one there is."""
    known = {tag(one): (one, code) for one, code in languages.items()}
    asked = tag(wanted or "")
    return known.get(asked) or known.get(asked.partition("-")[0]) or next(iter(known.values()))


def habits_of(language: str) -> Habits:
    """What is known of a language, else ISO 8601 and a point."""
    asked = tag(language)
    return _HABITS.get(asked) or _HABITS.get(asked.partition("-")[0]) or _ISO


def format_slot(value: Slot, language: str) -> str:
    """A value as one line of text.

    Numbers that are counted or read aloud (`int`) stay as they are: an order number has no thousands. Meta takes
    no line breaks, tabs or runs of spaces in a variable
    (https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes, 132018).
    """
    habits = habits_of(language)
    match value:
        case datetime():
            zone = f" {value.tzname()}" if value.tzinfo is not None else ""
            return f"{value:{habits.date}} {value:%H:%M}{zone}"
        case date():
            return f"{value:{habits.date}}"
        case Decimal():
            return _number(value, habits)
        case int():
            return str(value)
        case str():
            return re.sub(r"\s*[\r\n\t]+\s*| {5,}", " ", value).strip()
        case _:
            assert_never(value)


def _number(value: Decimal, habits: Habits) -> str:
    """With all its digits: 12.50 has two decimals because whoever wrote it meant them."""
    if not value.is_finite():
        return str(value)
    plain = f"{value:,f}"
    return plain.replace(",", "\0").replace(".", habits.decimal).replace("\0", habits.group)
