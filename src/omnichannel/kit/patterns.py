"""Regular expressions that a host writes, refused before they can take minutes on a hostile text."""

from __future__ import annotations

import re

__all__ = ["found", "safe_pattern"]

_LONGEST = 500
_WIDE = 200
"""What an unbounded repeat counts for: about as much as it can meet in one window."""
_MOST_STEPS = 1_000
_WINDOW = 256
_OVERLAP = 128

_GROUP_START = re.compile(r"\((?:\?(?::|=|!|<=|<!|>|P<\w+>))?")
_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*+\]", re.DOTALL)
_QUANTIFIER = re.compile(r"(?:([*+?])|\{(\d*)(,?)(\d*)\})[?+]?")


def safe_pattern(source: str) -> re.Pattern[str]:
    """The compiled pattern, whose work on any text is bounded.

    Raises `ValueError` that names the problem: what does not compile, is too long, refers back to a group, uses
    inline flags (but `(?i)` at its start) or conditions, repeats without a bound what itself varies (`(a+)+`,
    `(a|ab)*`), or could take too many steps (two unbounded repeats: give them bounds, such as `{0,9}`).
    """
    if len(source) > _LONGEST:
        raise ValueError(f"pattern is longer than {_LONGEST} characters")
    try:
        pattern = re.compile(source)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"pattern {source!r} does not compile: {error}") from None
    steps = _Scanner(source.removeprefix("(?i)"), source).alternatives()
    if steps > _MOST_STEPS:
        raise ValueError(f"pattern {source!r} could take too many steps: give its repeats bounds, such as {{0,9}}")
    return pattern


def found(pattern: re.Pattern[str], text: str) -> bool:
    """Whether the pattern occurs, seen through windows that overlap: what is longer than 128 characters may be
    missed, so that a text of any length costs only its length."""
    last = max(len(text) - _OVERLAP, 1)
    return any(pattern.search(text, start, start + _WINDOW) for start in range(0, last, _WINDOW - _OVERLAP))


class _Scanner:
    """Counts the ways in which a pattern, known to compile, can try to match from one place."""

    def __init__(self, text: str, source: str) -> None:
        self.text = text
        self.source = source
        self.at = 0

    def alternatives(self) -> int:
        """Up to the end of the group or of the pattern."""
        total = self._sequence()
        while self.text.startswith("|", self.at):
            self.at += 1
            total += self._sequence()
        return total

    def _sequence(self) -> int:
        steps = 1
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            # Capped, so that the number itself cannot grow without bounds.
            steps = min(steps * self._repeated(self._atom()), _MOST_STEPS + 1)
        return steps

    def _atom(self) -> int:
        match self.text[self.at]:
            case "\\":
                return self._escape()
            case "[":
                found_class = _CLASS.match(self.text, self.at)
                self.at = found_class.end() if found_class else len(self.text)
                return 1
            case "(":
                return self._group()
            case _:
                self.at += 1
                return 1

    def _escape(self) -> int:
        if self.text[self.at + 1] in "123456789":
            raise self._refused("refers back to a group")
        self.at += 2
        return 1

    def _group(self) -> int:
        start = _GROUP_START.match(self.text, self.at)
        self.at = start.end() if start else self.at
        if self.text.startswith("?", self.at):
            raise self._refused(f"uses ({self.text[self.at : self.at + 3]}...), which is not taken here")
        steps = self.alternatives()
        self.at += 1
        return steps

    def _repeated(self, steps: int) -> int:
        quantifier = _QUANTIFIER.match(self.text, self.at)
        if quantifier is None:
            return steps
        self.at = quantifier.end()
        least, most = _bounds(quantifier)
        if most is None:
            if steps > 1:
                raise self._refused("repeats without a bound what varies itself (a nested quantifier or alternatives)")
            return _WIDE
        span = max(most - least + 1, 1)
        return span * (steps ** min(most, 32) if steps > 1 else 1)

    def _refused(self, why: str) -> ValueError:
        return ValueError(f"pattern {self.source!r} {why}")


def _bounds(quantifier: re.Match[str]) -> tuple[int, int | None]:
    sign, least, comma, most = quantifier.groups()
    if sign:
        return (0 if sign in "*?" else 1), (1 if sign == "?" else None)
    if not comma:
        return int(least or 1), int(least or 1)
    return int(least or 0), int(most) if most else None
