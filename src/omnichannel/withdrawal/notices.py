"""The text that tells a customer that a channel is closing and where to go.

A notice carries allow-listed hosts only and never asks for a card, a password or a phone number: a brand that leaves a
channel is impersonated at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from difflib import get_close_matches
from unicodedata import normalize
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from omnichannel.model.content import as_content, text_of
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.model.withdrawal import Withdrawal
from omnichannel.withdrawal.phases import FIELD
from omnichannel.withdrawal.texts import ASKED_FOR, CHANNEL_NAMES, LANGUAGES, Words

__all__ = [
    "allowed_hosts",
    "asks_for",
    "channel_name",
    "check_notice",
    "foreign_hosts",
    "format_date",
    "period_key",
    "render_notice",
]

_SLOT = re.compile(r"\{([^{}\s]*)\}")
_PLAIN = ("brand", "channel", "link", "links")
_DATES = tuple(FIELD.values())
_KNOWN = (*_PLAIN, *_DATES, *(f"{name}:date" for name in _DATES))


def period_key(w: Withdrawal, customer_id: str) -> str:
    """The key under which a notice is sent at most once: a new period begins when the dates change."""
    return f"{w.id}:{w.period}:{customer_id}"


def primary(language: str | None) -> str:
    """The primary subtag of a language tag, in lower case; `en` where there is none."""
    return (language or "en").replace("_", "-").partition("-")[0].lower()


def words_of(language: str | None) -> Words:
    """Our own words in this language, else in English."""
    return LANGUAGES.get(primary(language), LANGUAGES["en"])


def channel_name(channel: str, language: str | None = None) -> str:
    """A channel's name as a customer knows it."""
    found = words_of(language).names.get(channel) or CHANNEL_NAMES.get(channel)
    return found or channel.replace("_", " ").capitalize()


def format_date(at: datetime, language: str | None, timezone: str | None) -> str:
    """A date in the customer's language and time zone (default UTC); ISO 8601 for a language that we have no
    month names of."""
    local = at.astimezone(_zone(timezone))
    words = LANGUAGES.get(primary(language))
    if words is None:
        return f"{local:%Y-%m-%d}"
    day = words.first if local.day == 1 else str(local.day)
    return words.date.format(day=day, month=words.months[local.month - 1], year=local.year)


def _zone(name: str | None) -> ZoneInfo:
    # The name comes from a platform or a host's import: a notice is not lost because of a bad one.
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def render_notice(
    w: Withdrawal, language: str | None, links: Mapping[str, str], brand_name: str, timezone: str | None = None
) -> str:
    """The notice in the customer's language. `links` are the continuation links by channel.

    Slots: `{link}` is the first link in the order of the targets (their names where there is no link), `{links}` one
    line a link, `{channel}`, `{brand}`, and each date of the withdrawal, `{closed_at:date}` or `{closed_at}`. Raises
    ConfigurationError for any other slot (the nearest is named) and for a date that the withdrawal does not have.
    Without a `brand_name` our own words say "we".
    """
    ordered = [*(name for name in w.targets if name in links), *(name for name in links if name not in w.targets)]
    template = _default(w, language, brand_name, linked=bool(links))
    if w.notice is not None:
        template = text_of(as_content(w.notice.pick(language)))
    lines = [f"{channel_name(name, language)}: {links[name]}" for name in ordered]
    names = ", ".join(channel_name(name, language) for name in w.targets)
    plain = {
        "brand": brand_name,
        "channel": channel_name(w.channel, language),
        "link": links[ordered[0]] if ordered else names,
        "links": "\n".join(lines) or names,
    }

    def fill(match: re.Match[str]) -> str:
        slot = match.group(1)
        return plain[slot] if slot in plain else format_date(_date(w, slot), language, timezone)

    return _SLOT.sub(fill, template)


def _default(w: Withdrawal, language: str | None, brand_name: str, *, linked: bool) -> str:
    words = words_of(language)
    until, leaving = (words.until, words.leaving) if brand_name else (words.until_us, words.we_leave)
    said = until if w.closed_at is not None else leaving
    if linked or w.targets:
        return f"{said} {words.go_on}\n{{links}}"
    return said


def _date(w: Withdrawal, slot: str) -> datetime:
    if slot not in _KNOWN:
        nearest = get_close_matches(slot, _KNOWN, n=1, cutoff=0.0)[0]
        raise ConfigurationError(f"withdrawal {w.id}: its notice has no slot {{{slot}}}; the nearest is {{{nearest}}}")
    name = slot.partition(":")[0]
    at: object = getattr(w, name)
    if not isinstance(at, datetime):
        raise ConfigurationError(f"withdrawal {w.id}: its notice names {name}, which has no date")
    return at


def check_notice(w: Withdrawal, hosts: Collection[str]) -> None:
    """Raises ConfigurationError where the notice, in any of its languages, has an unknown slot or a date that is not
    set, links to a host that is not allow-listed, or asks for what only an impostor asks for."""
    for language in LANGUAGES if w.notice is None else w.notice.by_language:
        text = render_notice(w, language, {}, "")
        foreign = foreign_hosts(text, hosts)
        if foreign:
            raise ConfigurationError(f"withdrawal {w.id}: its notice ({language}) links to {', '.join(foreign)}")
        asked = asks_for(text)
        if asked:
            raise ConfigurationError(f"withdrawal {w.id}: its notice ({language}) asks for: {', '.join(asked)}")


# ---------------------------------------------------------------- what may stand in a notice

_LINK = re.compile(r"(?i)(?<![a-z])(https?://|mailto:|sms:|tel:)([^\s<>\"']+)")
_BARE = re.compile(r"(?i)(?<![\w.-])((?:[\w-]+\.)+[^\W\d_]{2,})")
_HOST = re.compile(r"[a-z0-9.-]+")


def foreign_hosts(text: str, hosts: Collection[str]) -> tuple[str, ...]:
    """The hosts and numbers that a text leads to and that are not allow-listed.

    An entry allows itself and its subdomains; a telephone number is allowed as written. Bare domains count, because
    messengers make links of them; a host that is not plain ASCII is always foreign, because it may look like ours.
    """
    allowed = {host.casefold() for host in hosts}
    # NFKC turns full-width dots and letters into plain ones, and browsers read the ideographic full stop as a dot.
    plain = normalize("NFKC", text).replace("\u3002", ".")
    found = [_target(scheme.casefold(), rest) for scheme, rest in _LINK.findall(plain)]
    found += [bare.casefold() for bare in _BARE.findall(_LINK.sub(" ", plain))]
    return tuple(dict.fromkeys(one for one in found if not _is_allowed(one, allowed)))


def allowed_hosts(text: str, hosts: Collection[str]) -> bool:
    """Whether a text leads to allow-listed hosts only."""
    return not foreign_hosts(text, hosts)


def _target(scheme: str, rest: str) -> str:
    if scheme in ("sms:", "tel:"):
        return unquote(re.split(r"[?;&]", rest, maxsplit=1)[0])
    if scheme == "mailto:":
        return unquote(rest.partition("?")[0]).rpartition("@")[2].casefold()
    # A backslash is a slash to browsers and a letter to urlsplit.
    try:
        return urlsplit(scheme + rest.replace("\\", "/")).hostname or "?"
    except ValueError:
        return rest[:80]


def _is_allowed(host: str, allowed: Collection[str]) -> bool:
    name = host.rstrip(".")
    if name in allowed:
        return True
    if not _HOST.fullmatch(name):
        return False
    return any(name.endswith("." + one) for one in allowed)


def asks_for(text: str) -> tuple[str, ...]:
    """What a text asks for that no notice of ours ever asks for: cards, passwords, phone numbers."""
    folded = " ".join(normalize("NFKC", text).casefold().split())
    return tuple(phrase for phrase in ASKED_FOR if phrase in folded)
