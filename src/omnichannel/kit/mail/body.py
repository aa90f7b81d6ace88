"""The text of a mail: plain parts as they are, HTML without its quotes turned into text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from omnichannel.kit.mail.mime import TEXT_CAP, Leaf, Mail
from omnichannel.kit.mail.trim import trim, unflow
from omnichannel.model import late

__all__ = ["TEXTS_CAP", "Body", "html_text", "read_body", "without_quote"]

late.require("inscriptis")

TEXTS_CAP = 20
"""Parts that are read as text; what comes after them is attached."""

_TAG = re.compile(r"<(?:div|blockquote|hr|span|table|section)\b([^>]{0,600})", re.IGNORECASE)
_QUOTES = re.compile(
    r"gmail_quote|yahoo_quoted|moz-cite-prefix|protonmail_quote|tutanota_quote|zmail_extra|ntes-mailer|appendonsend|"
    r"divRplyFwdMsg|stopSpelling|OLK_SRC_BODY_SECTION|type\s{0,3}=\s{0,3}[\"']?cite|"
    r"border-top:\s{0,3}solid\s{0,3}#(?:e1e1e1|b5c4df)",
    re.IGNORECASE,
)
_BLOCKQUOTE = re.compile(r"<(/?)blockquote\b[^>]{0,600}>?", re.IGNORECASE)
_MARKUP = re.compile(r"<[^>]{0,2000}>?|&nbsp;|&#160;|\s")
# Sizes in a style are laid out with spaces: a few bytes could ask for millions of them.
_STYLE = re.compile(r"\sstyle\s{0,3}=\s{0,3}(?:\"[^\"]{0,5000}\"|'[^']{0,5000}')", re.IGNORECASE)
_LARGE = re.compile(r"\d{3}")
_SPACES = re.compile(r"[ \t\u00a0]+$", re.MULTILINE)
_BLANKS = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Body:
    """What a mail says: the newest words, all words, and the parts that they were read from."""

    text: str
    full: str
    read: tuple[Leaf, ...]
    cut: bool


def read_body(mail: Mail, delimiter: str = "") -> Body:
    """Reads the text parts, of each alternative the plain one unless it is empty."""
    full, new, read = list[str](), list[str](), list[Leaf]()
    cut, size = mail.cut, 0
    for leaves in _groups(mail)[:TEXTS_CAP]:
        plain = [leaf for leaf in leaves if leaf.type == "text/plain"]
        html = [leaf for leaf in leaves if leaf.type == "text/html"]
        read.extend(leaves)
        whole, newest, shortened = _plain(mail, plain)
        if not whole.strip() and html:
            whole, newest, shortened = _html(mail, html)
        cut = cut or shortened
        if whole.strip():
            full.append(whole)
            new.append(newest)
            size += len(whole)
        if size >= TEXT_CAP:
            cut = True
            break
    everything = "\n".join(full).strip("\n")
    text = trim("\n".join(new), delimiter)
    return Body(text if text.strip() else everything.strip(), everything, tuple(read), cut)


def _groups(mail: Mail) -> list[list[Leaf]]:
    """The text parts in order; those of one multipart/alternative together."""
    groups: list[list[Leaf]] = []
    by_group: dict[int, list[Leaf]] = {}
    for leaf in mail.leaves:
        if leaf.attached:
            continue
        if leaf.group is None:
            groups.append([leaf])
        elif leaf.group in by_group:
            by_group[leaf.group].append(leaf)
        else:
            by_group[leaf.group] = [leaf]
            groups.append(by_group[leaf.group])
    return groups


def _plain(mail: Mail, leaves: Sequence[Leaf]) -> tuple[str, str, bool]:
    texts, cut = list[str](), False
    for leaf in leaves:
        text, shortened = mail.text(leaf)
        if leaf.declared[1].get("format", "").lower() == "flowed":
            text = unflow(text)
        texts.append(text)
        cut = cut or shortened
    whole = "\n".join(texts)
    return whole, whole, cut


def _html(mail: Mail, leaves: Sequence[Leaf]) -> tuple[str, str, bool]:
    full, new, cut = list[str](), list[str](), False
    for leaf in leaves:
        source, shortened = mail.text(leaf)
        full.append(html_text(source))
        newest = without_quote(source)
        new.append(full[-1] if newest == source else html_text(newest) or full[-1])
        cut = cut or shortened
    return "\n".join(full), "\n".join(new), cut


def without_quote(html: str) -> str:
    """HTML up to what its mail program marked as quoted; all of it where there is an answer below or in between."""
    for tag in _TAG.finditer(html):
        if _QUOTES.search(tag[1]):
            return html if _answered(html[tag.start() :]) else html[: tag.start()]
    return html


def _answered(tail: str) -> bool:
    depth, end, seen = 0, 0, False
    for tag in _BLOCKQUOTE.finditer(tail):
        if depth == 0 and seen and _MARKUP.sub("", tail[end : tag.start()]):
            return True
        depth = max(0, depth + (-1 if tag[1] else 1))
        end, seen = tag.end(), True
    return seen and depth == 0 and bool(_MARKUP.sub("", tail[end:]))


def _get_text(html: str) -> str:
    # Imported here, because it is large and most mails have plain text as well; cast, because it has no types.
    return cast(Callable[[str], str], import_module("inscriptis").get_text)(html)


def html_text(html: str) -> str:
    """HTML as plain text. Never raises; at most `TEXT_CAP` characters."""
    source = _STYLE.sub(lambda found: "" if _LARGE.search(found[0]) else found[0], html)
    try:
        text = _get_text(source) if source.strip() else ""
    except (ValueError, RecursionError, AssertionError, IndexError, KeyError, TypeError, AttributeError):
        # The HTML library is not total; without tags is better than nothing.
        text = _MARKUP.sub(" ", source)
    return _BLANKS.sub("\n\n", _SPACES.sub("", text[:TEXT_CAP])).strip("\n")
