"""When the company is there to answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import TypeAlias
from zoneinfo import ZoneInfo

__all__ = ["BusinessHours", "Span", "spans"]

Span: TypeAlias = tuple[time, time]


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessHours:
    """Spans by day of the week (0 is Monday), on the clock of one place. A day that is not there is closed."""

    days: Mapping[int, tuple[Span, ...]]
    timezone: str = "UTC"

    def open_at(self, now: datetime) -> bool:
        """Whether somebody is there; the last minute of a span is not in it."""
        local = now.astimezone(ZoneInfo(self.timezone))
        return any(start <= local.time() < end for start, end in self.days.get(local.weekday(), ()))


def spans(text: str) -> tuple[Span, ...]:
    """`09:00-12:00, 13:00-18:00` as spans. Raises `ValueError`, which says what was expected."""
    found: list[Span] = []
    for one in text.split(","):
        begin, dash, finish = (part.strip() for part in one.partition("-"))
        try:
            span = (time.fromisoformat(begin), time.max if finish == "24:00" else time.fromisoformat(finish))
        except ValueError:
            dash = ""
            span = (time.min, time.min)
        if not dash or span[0] >= span[1]:
            raise ValueError(f"expected hours such as '09:00-12:00, 13:00-18:00', found {text!r}")
        found.append(span)
    return tuple(found)
