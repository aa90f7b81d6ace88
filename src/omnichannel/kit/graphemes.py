"""User-perceived characters, so that a cut never separates a letter from its accent or an emoji from its parts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from unicodedata import category

__all__ = ["EMOJI", "graphemes"]

# Extended_Pictographic with its unassigned neighbours, by blocks (https://www.unicode.org/reports/tr51/).
_PICT = (
    "\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff\U0001fc00-\U0001fffd"
)
_SKIN = "\U0001f3fb-\U0001f3ff"
_TAGS = "\U000e0020-\U000e007f"
_FLAG = "\U0001f1e6-\U0001f1ff"
_CONTROL = (
    "\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e001f\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"
)
_PREPEND = (
    "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd\U000111c2\U000111c3\U0001193f\U00011941"
    "\U00011a3a\U00011a84-\U00011a89\U00011d46\U00011f02"
)
# Consonants and viramas of the scripts whose conjuncts stay together (rule GB9c).
_CONSONANT = (
    "\u0915-\u0939\u0958-\u095f\u0978-\u097f\u0995-\u09b9\u09dc-\u09df\u09f0\u09f1\u0a95-\u0ab9\u0af9"
    "\u0b15-\u0b39\u0b5c\u0b5d\u0b5f\u0b71\u0c15-\u0c39\u0c58-\u0c5a\u0d15-\u0d3a"
)
_VIRAMA = "\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d"
# What extends a character without being a mark by its category.
_EXTRA = "\u0e33\u0eb3\u200c\u200d\uff9e\uff9f"
_ANY_ASTRAL = "[\U00010000-\U0010ffff]"
# Characters that join nothing and extend nothing: letters of Europe, kana, ideographs, common punctuation.
_SIMPLE = (
    " -~\xa0-\xa8\xaa-\xac\xb0-\u02ff\u0370-\u0482\u048a-\u0590\u05d0-\u05ea\u0621-\u064a\u0e01-\u0e30"
    "\u1e00-\u1fff\u2010-\u2027\u20a0-\u20cf\u3001-\u3020\u3041-\u3096\u30a1-\u30ff\u3400-\u9fff\uff01-\uff5e"
)
# Where marks are; the gaps (CJK, Hangul, Tangut) hold none and would only cost time.
_MARK_BLOCKS = ((0x300, 0x3100), (0xA66F, 0xABF0), (0xFB1E, 0xFB1F), (0xFE00, 0xFE30))
_ASTRAL_BLOCKS = (
    *((0x101FD, 0x10400), (0x10A00, 0x12000), (0x13430, 0x13460), (0x16100, 0x17000)),
    *((0x1BC00, 0x1BD00), (0x1CF00, 0x1DB00), (0x1E000, 0x1E950), (0xE0100, 0xE01F0)),
)

EMOJI = re.compile(
    f"[{_FLAG}]{{2}}"
    "|[0-9#*]\ufe0f?\u20e3"
    "|[\xa9\xae]\ufe0f"
    f"|[{_PICT}][\ufe0f{_SKIN}]?+(?:\u200d[{_PICT}][\ufe0f{_SKIN}]?+)*+[{_TAGS}]*+"
)
"""One emoji with its presentation selector, skin tone, joined parts or tags; a flag; a keycap."""


def graphemes(text: str) -> list[str]:
    """The text cut into extended grapheme clusters; joined they are the text. Linear in its length.

    Covers https://www.unicode.org/reports/tr29/: CR LF, controls, combining and spacing marks, variation selectors,
    prepended signs, emoji with skin tones, joiners and tags, pairs of regional indicators, Hangul syllables and
    Indic conjuncts. Where it departs from the standard it keeps more together, never less: all spacing marks
    attach, and whole blocks count as pictographs. Marks are those of this Python's Unicode version.
    """
    if text.isascii() and "\r\n" not in text:
        return list(text)
    found: list[str] = _clusters().findall(text)
    return found


@cache
def _clusters() -> re.Pattern[str]:
    """Built when it is first needed: it looks at the category of some twenty-five thousand characters."""
    syllables = "".join(map(chr, range(0xAC00, 0xD7A4, 28)))
    vowel = "\u1160-\u11a7\ud7b0-\ud7c6"
    final = "[\u11a8-\u11ff\ud7cb-\ud7fb]"
    initial = "[\u1100-\u115f\ua960-\ua97c]"
    # Astral ranges are searched one by one, so they stand apart: a miss in the plane of most text is then cheap.
    tail = f"(?:[{_marks(_MARK_BLOCKS)}{_EXTRA}]|(?={_ANY_ASTRAL})[{_marks(_ASTRAL_BLOCKS)}{_SKIN}{_TAGS}])*+"
    hangul = f"{initial}*+(?:[{vowel}]++|[{syllables}][{vowel}]*+|[\uac00-\ud7a3]){final}*+|{initial}++|{final}++"
    emoji = f"[\xa9\xae{_PICT}](?:{tail}(?<=\u200d)[\xa9\xae{_PICT}])*+"
    conjunct = f"[{_CONSONANT}](?:{tail}(?:(?<=[{_VIRAMA}])|(?<=[{_VIRAMA}]\u200d))[{_CONSONANT}])*+"
    core = f"(?:{hangul}|{conjunct}|[{_FLAG}]{{2}}|{emoji}|[^{_CONTROL}]){tail}"
    # The first branch is the frequent case, taken without trying the others.
    return re.compile(f"[{_SIMPLE}](?=[{_SIMPLE}\r\n]|\\Z)|\r\n|[{_CONTROL}]|[{_PREPEND}]++(?:{core})?|{core}")


def _marks(blocks: Iterable[tuple[int, int]]) -> str:
    """Categories Mn, Mc and Me as ranges of a character class."""
    ranges: list[list[int]] = []
    for first, last in blocks:
        for code in range(first, last):
            if category(chr(code))[0] == "M":
                if ranges and ranges[-1][1] == code - 1:
                    ranges[-1][1] = code
                else:
                    ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
