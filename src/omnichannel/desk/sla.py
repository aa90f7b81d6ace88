"""Promised times."""

from __future__ import annotations

from datetime import datetime, timedelta

__all__ = ["due_at", "is_breached"]


def due_at(first_response: timedelta | None, received_at: datetime) -> datetime | None:
    """When the first answer is due; None where the queue promises nothing."""
    return None if first_response is None else received_at + first_response


def is_breached(due: datetime | None, answered_at: datetime | None, now: datetime) -> bool:
    """Whether the answer came, or still has not come, after it was due."""
    return due is not None and (answered_at or now) > due
