"""Times as platforms write them, without raising."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["at_iso"]


def at_iso(value: str | None) -> datetime | None:
    """An ISO 8601 time with a zone, in UTC; None where it is none."""
    try:
        found = datetime.fromisoformat(value or "")
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None
