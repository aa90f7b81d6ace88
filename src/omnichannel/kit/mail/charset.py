"""Bytes to text when the label may be wrong: the declared charset, UTF-8, a guess, and at last Latin-1."""

from __future__ import annotations

import codecs
import re

from omnichannel.model import late

__all__ = ["decode_text", "known"]

late.require("charset_normalizer")

_NAME = re.compile(r"[A-Za-z0-9_.:+-]{1,40}")
_SAMPLE = 8_192
"""Bytes that a guess looks at: its time grows with them."""

# What mailers write and what they mean by it (https://encoding.spec.whatwg.org/#names-and-labels).
_MEANT = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "iso-8859-8-i": "iso-8859-8",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "euc-kr": "cp949",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp_2",
    "unicode-1-1-utf-7": "utf-7",
}
_WESTERN = re.compile(
    r"[\x00-\x7f\xa0\xab\xb0\xb4\xb7\xbb\xc0\xc2-\xc4\xc6-\xcb\xce\xcf\xd1\xd3-\xd6\xd8-\xdc\xdf-\xef\xf1-\xf6\xf8-\xfc"
    r"\u0152\u0153\u2013\u2014\u2018-\u201d\u2026\u20ac]*"
)
# Codecs that are no charsets: some of them take quadratic time.
_REFUSED = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "charmap"})


def decode_text(raw: bytes, charset: str | None, *, cut: bool = False, guess: bool = True) -> str:
    """The text. `cut` says that the bytes end in the middle, perhaps of a character. Never raises.

    A guess takes milliseconds however short the text is: many short ones are better not guessed.
    """
    if raw.isascii() and (charset is None or not charset.lower().startswith(("iso-2022", "utf-7", "utf-16", "hz"))):
        return raw.decode("ascii")
    names = [name for name in (known(charset), "utf-8") if name]
    if charset is not None and charset.lower() in ("ascii", "us-ascii"):
        names.reverse()
    for name in names:
        text = _strict(raw, name, cut=cut)
        if text is not None:
            return text
    return _guess(raw, cut=cut) if guess else raw.decode("latin-1")


def known(charset: str | None) -> str | None:
    """The codec for a declared charset, or None where there is none."""
    if charset is None or not _NAME.fullmatch(charset):
        return None
    name = _MEANT.get(charset.lower(), charset.lower())
    try:
        info = codecs.lookup(name)
        "".encode(name)  # refuses codecs that do not make bytes of text (rot13, zip)
    except (LookupError, UnicodeError, ValueError):
        return None
    return None if info.name in _REFUSED else info.name


def _strict(raw: bytes, name: str, *, cut: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(name)("strict").decode(raw, not cut)
    except (UnicodeError, ValueError):
        return None


def _guess(raw: bytes, *, cut: bool) -> str:
    western = _strict(raw, "cp1252", cut=cut)
    if western is not None and _WESTERN.fullmatch(western):
        # Statistics are poor in short texts; these letters alone are a better sign.
        return western
    from charset_normalizer import from_bytes

    best = from_bytes(raw[:_SAMPLE]).best()
    guessed = None if best is None else _strict(raw, best.encoding, cut=cut)
    return raw.decode("latin-1") if guessed is None else guessed
