"""Weighted length, as X counts it: https://docs.x.com/resources/fundamentals/counting-characters (twitter-text v3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import normalize

from omnichannel.kit.graphemes import EMOJI

__all__ = ["URL_WEIGHT", "linked", "url_spans", "weighted"]

URL_WEIGHT = 23
# Code points 0-4351, 8192-8205, 8208-8223 and 8242-8247 weigh 1, all others 2.
_HEAVY = re.compile("[^\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")
_LETTERS = "A-Za-z\u00c0-\u024f\u0400-\u04ff"
_LABEL = f"[{_LETTERS}0-9_-]++"
# Nothing is tried in the middle of a word, or the search would be quadratic.
_CANDIDATE = re.compile(
    rf"(?<![{_LETTERS}0-9_@\uff20$#\uff03./-])(?P<scheme>https?://)?+(?P<host>{_LABEL}(?:\.{_LABEL})++)",
    re.IGNORECASE,
)
_REST = re.compile(
    rf"(?::[0-9]++)?+(?:/[{_LETTERS}0-9!*';:=+,.$%\[\]_~&|@()/#-]*+)?+(?:\?[A-Za-z0-9!?*'@();:&=+$/%#\[\]_.,~|-]*+)?+"
)
_CLOSING = "!*';:,.$%[]~|@(?"
_TOP_LEVEL = re.compile(rf"[{_LETTERS}]{{2,}}|xn--[A-Za-z0-9-]+")
_TOP_LEVELS = """
aero app at au be biz blog br ca ch cloud club cn co com de dev dk edu es eu fi fr gov in info int io it jobs jp link
live me mil mobi mx name net news nl no online org page pl pro pt se shop site store tech top travel tv uk us xyz
"""
_COMMON = frozenset(_TOP_LEVELS.split())


def url_spans(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of what counts as a link: with a scheme, or a bare host with at least two labels."""
    position = 0
    while match := _CANDIDATE.search(text, position):
        host = match["host"].split(".")
        while len(host) > 1 and not _TOP_LEVEL.fullmatch(host[-1]):
            host.pop()
        if len(host) < 2:
            position = match.end()
            continue
        end = match.start("host") + len(".".join(host))
        if end == match.end():
            end = _end_of_path(text, end)
        yield match.start(), end
        position = end


def _end_of_path(text: str, start: int) -> int:
    rest = _REST.match(text, start)
    path = rest[0] if rest else ""
    spare = path.count(")") - path.count("(")
    end = len(path)
    # Punctuation at the end is the sentence's; a closing bracket belongs to the link only if it was opened there.
    while end and (path[end - 1] in _CLOSING or (path[end - 1] == ")" and spare > 0)):
        end -= 1
        spare += {"(": 1, ")": -1}.get(path[end], 0)
    return start + end


def weighted(text: str) -> int:
    """The weighted length: after NFC, a link is 23, an emoji sequence 2, a character 1 or 2 by its range.

    A bare host under an uncommon top-level domain, which X may or may not take for a link, weighs what is more:
    the count is never too low for X to accept.
    """
    text = normalize("NFC", text)
    total = 0
    rest: list[str] = []
    position = 0
    for start, end in url_spans(text):
        rest.append(text[position:start])
        total += _url_weight(text[start:end])
        position = end
    rest.append(text[position:])
    return total + _plain(" ".join(rest)) - (len(rest) - 1)


def linked(text: str) -> int:
    """The length in code points, a link being 23 of them: https://docs.joinmastodon.org/user/posting/#links.

    Never too low: Mastodon counts graphemes, and a bare host, which it takes for no link, is what is more here.
    """
    total, position = 0, 0
    for start, end in url_spans(text):
        host = re.split("[/:?]", text[start:end].partition("://")[2], maxsplit=1)[0]
        sure = host.rpartition(".")[2].lower() in _COMMON
        total += start - position + (URL_WEIGHT if sure else max(URL_WEIGHT, end - start))
        position = end
    return total + len(text) - position


def _url_weight(url: str) -> int:
    if "://" in url:
        return URL_WEIGHT
    host = re.split("[/:?]", url, maxsplit=1)[0]
    sure = host.rpartition(".")[2].lower() in _COMMON
    return URL_WEIGHT if sure else max(URL_WEIGHT, _plain(url))


def _plain(text: str) -> int:
    if text.isascii():
        return len(text)
    text, emoji = EMOJI.subn("", text)
    return 2 * emoji + len(text) + len(_HEAVY.findall(text))
