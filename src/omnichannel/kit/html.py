"""The small HTML of posts (paragraphs, line breaks, links) as plain text. Bounded, and never raises.

Mails, which have tables and styles, are read by `kit.mail.body`, which needs a package for that.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

__all__ = ["HTML_CAP", "post_text"]

HTML_CAP = 131_072
"""Characters that are read; what comes after them is cut off."""

_BLOCKS = frozenset({"p", "div", "blockquote", "pre", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6"})
_SILENT = frozenset({"script", "style", "template"})
_LINES = re.compile(r"[ \t\xa0]*\n[ \t\xa0]*")
_BLANKS = re.compile(r"\n{3,}")
_SPACES = re.compile(r"\s+")


def post_text(html: str, *, without: frozenset[str] = frozenset()) -> str:
    """The words of a post: paragraphs apart by a blank line, `<br>` as a line break, a link as it is shown, with its
    address after it where that is not shown. Elements that have a class of `without` are left out."""
    reader = _Reader(without)
    reader.feed(html[:HTML_CAP])
    reader.close()
    return _BLANKS.sub("\n\n", _LINES.sub("\n", "".join(reader.pieces))).strip()


class _Reader(HTMLParser):
    def __init__(self, without: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._without = without
        self._skipped: list[str] = []
        self._link: tuple[str, int] | None = None
        self._verbatim = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = set((given.get("class") or "").split())
        if self._skipped:
            if tag == self._skipped[0]:
                self._skipped.append(tag)
            return
        if tag in _SILENT or classes & self._without:
            self._skipped.append(tag)
        elif tag == "br":
            self.pieces.append("\n")
        elif tag in _BLOCKS:
            self._verbatim += tag == "pre"
            self._break()
        elif tag == "li":
            self.pieces.append("\n- ")
        elif tag == "a" and not classes & {"mention", "hashtag"}:
            self._link = (given.get("href") or "", len(self.pieces))

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            if tag == self._skipped[0]:
                self._skipped.pop()
            return
        if tag in _BLOCKS:
            self._verbatim -= tag == "pre" and self._verbatim > 0
            self._break()
        elif tag == "a" and self._link is not None:
            href, begin = self._link
            self._link = None
            shown = "".join(self.pieces[begin:]).strip()
            # Servers shorten what is shown by hiding a part of it, which is still there as text.
            if href.startswith(("https://", "http://")) and href.rstrip("/") != shown.rstrip("/"):
                self.pieces.append(f" ({href})" if shown else href)

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.pieces.append(data if self._verbatim else _SPACES.sub(" ", data))

    def _break(self) -> None:
        if self.pieces:
            self.pieces.append("\n\n")
