"""How long a reference lives, and how long it opens the history."""

from __future__ import annotations

from datetime import datetime, timedelta

__all__ = ["HISTORY", "LONGEST", "SHORT_LIFE", "history_open", "life"]

LONGEST = timedelta(days=30)
HISTORY = timedelta(hours=72)
SHORT_LIFE = timedelta(hours=24)
"""A short reference can be guessed sooner, so it lives less long."""


def life(closed_at: datetime | None, now: datetime, *, short: bool = False) -> datetime:
    """When a reference that is made now ends: with the channel, at the latest after 30 days.

    A channel that has closed already sets no end: its customers are still being moved.
    """
    end = now + (SHORT_LIFE if short else LONGEST)
    return min(end, closed_at) if closed_at is not None and closed_at > now else end


def history_open(created_at: datetime, now: datetime) -> bool:
    """Whether redeeming still opens the history; afterwards it opens an empty thread until a step-up."""
    return created_at <= now < created_at + HISTORY
