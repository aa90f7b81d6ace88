"""Times as platforms write them, without raising."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from omnichannel.model.base import EPOCH

__all__ = ["at_http_date", "at_iso", "at_millis", "at_snowflake"]


def at_iso(value: str | None) -> datetime | None:
    """An ISO 8601 time with a zone, in UTC; None where it is none."""
    try:
        found = datetime.fromisoformat(value or "")
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def at_millis(value: str | None) -> datetime | None:
    """Milliseconds since 1970, written as text; None where it is none."""
    try:
        return EPOCH + timedelta(milliseconds=int(value or ""))
    except (ValueError, OverflowError):
        return None


def at_snowflake(value: str, epoch: datetime, first: int = 0) -> datetime | None:
    """The time in a snowflake id: its upper bits are the milliseconds since `epoch`
    (https://github.com/twitter-archive/snowflake/tree/snowflake-2010). None for ids from before there were such,
    which are smaller than `first`, and for what is no number."""
    if not (value.isascii() and value.isdigit()) or int(value) < first:
        return None
    try:
        return epoch + timedelta(milliseconds=int(value) >> 22)
    except OverflowError:
        return None


def at_http_date(value: str) -> datetime | None:
    """The `Date` of an HTTP answer (RFC 9110, 5.6.7) in UTC: the platform's own clock; None where it is none."""
    try:
        found = parsedate_to_datetime(value)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None
