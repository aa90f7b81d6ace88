"""Measure, split and shorten text in the unit that a platform counts in. Linear in the length of the text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import assert_never

from omnichannel.channel.capabilities import TextUnit
from omnichannel.kit.graphemes import graphemes
from omnichannel.kit.sms import SmsSegments, escapes, is_gsm, septets, sms_segments, utf16_units
from omnichannel.kit.weighted import linked, url_spans, weighted

__all__ = ["SMALLEST_LIMIT", "SmsSegments", "graphemes", "measure", "shorten", "sms_segments", "split"]

SMALLEST_LIMIT = 4
"""Every character fits into four of any unit (UTF-8 needs that many bytes)."""

_SENTENCE_END = re.compile("[.!?\u2026\u061f\u0964][\"'\u201d\u2019\xbb)\\]]*+(?=\\s)")
_CLAUSE_END = re.compile("[\u3002\uff01\uff1f\uff1b\uff0c\u3001\u2026][\u300d\u300f\u201d\u2019\uff09]*+")
"""Ends of clauses in scripts that put no space after them."""


def measure(text: str, unit: TextUnit) -> int:
    """The length of `text` in `unit`.

    chars: code points. utf16: UTF-16 code units. bytes: UTF-8. weighted: as X counts. linked: code
    points, a link for 23 of them, as Mastodon counts. septets: GSM 7-bit septets,
    or UTF-16 units where a character is outside that alphabet (`sms_segments` tells which, and what it costs).
    """
    match unit:
        case "chars":
            return len(text)
        case "utf16":
            return utf16_units(text)
        case "bytes":
            return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        case "weighted":
            return weighted(text)
        case "linked":
            return linked(text)
        case "septets":
            return septets(text)
        case _:
            assert_never(unit)


def split(text: str, limit: int, unit: TextUnit) -> tuple[str, ...]:
    """The text in parts of at most `limit`, cut where it hurts least; a text that fits is returned as it is.

    Prefers ends of paragraphs, lines and sentences in the second half of a part, else the last word end; only a
    word that is longer than `limit` is cut, and a grapheme only if it alone is longer than `limit`. The white space
    at a cut is dropped, so that the parts hold the same words in the same order. Raises `ValueError` for a limit
    under `SMALLEST_LIMIT`.
    """
    if limit < SMALLEST_LIMIT:
        raise ValueError(f"cannot split text to {limit} {unit}: at least {SMALLEST_LIMIT} are needed")
    if measure(text, unit) <= limit:
        return (text,)
    ruler = _Ruler(text, limit, unit)
    parts: list[str] = []
    start = ruler.skip_space(0)
    while start < ruler.count:
        cut = ruler.cut(start)
        parts.append(ruler.part(start, cut))
        start = ruler.skip_space(cut)
    return tuple(parts) or ("",)


def shorten(text: str, limit: int, unit: TextUnit, ellipsis: str = "…") -> str:
    """The text, or its beginning and `ellipsis`, in at most `limit`. Cut at a word end if there is one in the second
    half, never inside a grapheme. Where the ellipsis does not fit it is left out; where nothing fits, all is.

    In septets an ellipsis that would turn GSM text into UCS-2 becomes three dots.
    """
    if measure(text, unit) <= limit:
        return text
    if limit <= 0:
        return ""
    if unit == "septets" and not is_gsm(ellipsis):
        ellipsis = "..."
    room = limit - measure(ellipsis, unit)
    if room < SMALLEST_LIMIT:
        room, ellipsis = limit, ""
    ruler = _Ruler(text, max(room, SMALLEST_LIMIT), unit)
    end = ruler.reach(0, room)
    word = ruler.word_end(0, end) or 0
    return ruler.part(0, word if 2 * word >= end else end) + ellipsis


class _Ruler:
    """A text as atoms that are not cut, with their running lengths in code points and in the unit."""

    def __init__(self, text: str, limit: int, unit: TextUnit) -> None:
        self.text = text
        self.limit = limit
        self.unit: TextUnit = unit
        atoms = _atoms(text, unit)
        costs = _costs(atoms, unit)
        if max(costs.values()) > limit:
            atoms = [piece for atom in atoms for piece in (atom if costs[atom] > limit else (atom,))]
            costs = _costs(atoms, unit)
        self.atoms = atoms
        self.count = len(atoms)
        self.ends = list(accumulate(map(len, atoms), initial=0))
        self.sums = list(accumulate(map(costs.__getitem__, atoms), initial=0))

    def reach(self, start: int, room: int) -> int:
        """The furthest atom boundary that `room` allows from `start`."""
        end = bisect_right(self.sums, self.sums[start] + room) - 1
        # The sums are exact but for a cut that makes a link out of half a word.
        while end > start and measure(self.part(start, end), self.unit) > room:
            end = start + (end - start) // 2
        return end

    def cut(self, start: int) -> int:
        """Where the part that begins at `start` ends."""
        end = self.reach(start, self.limit)
        if end == self.count:
            return end
        low, high = self.ends[start], self.ends[end]
        middle = low + (high - low) // 2
        for place in (
            self.text.rfind("\n\n", middle, high + 2),
            self.text.rfind("\n", middle, high + 1),
            _last_end(_SENTENCE_END, self.text, middle, high + 1),
        ):
            if (found := self._boundary(place)) > start:
                return found
        if (word := self.word_end(start, end)) is not None:
            return word
        clause = self._boundary(_last_end(_CLAUSE_END, self.text, middle, high))
        return clause if clause > start else end

    def word_end(self, start: int, end: int) -> int | None:
        """The last boundary in the range, its end included, that is beside white space and has a word before it."""
        if end == start:
            return None
        if self.starts_space(end) or self.starts_space(end - 1):
            return end
        pieces = self.text[self.ends[start] : self.ends[end]].rsplit(None, 1)
        found = self._boundary(self.ends[end] - len(pieces[-1]))
        return found if found > start else None

    def starts_space(self, at: int) -> bool:
        return at < self.count and self.atoms[at].isspace()

    def skip_space(self, at: int) -> int:
        while self.starts_space(at):
            at += 1
        return at

    def part(self, start: int, end: int) -> str:
        while end > start and self.atoms[end - 1].isspace():
            end -= 1
        return self.text[self.ends[start] : self.ends[end]]

    def _boundary(self, place: int) -> int:
        return bisect_right(self.ends, place) - 1


def _atoms(text: str, unit: TextUnit) -> list[str]:
    if unit not in ("weighted", "linked"):
        return graphemes(text)
    atoms: list[str] = []
    position = 0
    for start, end in url_spans(text):
        atoms += graphemes(text[position:start])
        atoms.append(text[start:end])
        position = end
    return atoms + graphemes(text[position:])


def _costs(atoms: list[str], unit: TextUnit) -> Mapping[str, int]:
    return {atom: _cost(atom, unit) for atom in set(atoms)}


def _cost(atom: str, unit: TextUnit) -> int:
    # A text is GSM or not as a whole: both prices for each character are never too low.
    return utf16_units(atom) + escapes(atom) if unit == "septets" else measure(atom, unit)


def _last_end(pattern: re.Pattern[str], text: str, low: int, high: int) -> int:
    end = -1
    for match in pattern.finditer(text, low, high):
        end = match.end()
    return end
