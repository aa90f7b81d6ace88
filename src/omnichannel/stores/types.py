"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias, cast

from pydantic_core import from_json, to_json
from sqlalchemy import BigInteger, Dialect, Row, String, Text, TypeDecorator

from omnichannel.model.base import EPOCH

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
"""A row of a query whose columns are known by name."""

_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware time as microseconds since 1970, UTC: ordered, exact, and the same number on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Refuses naive times."""
        if value is None:
            return None
        return (value - EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Aware, in UTC."""
        return None if value is None else instant(value)


def instant(value: int) -> datetime:
    """The time that a stored number means."""
    seconds, micros = divmod(value, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)


class Span(TypeDecorator[timedelta]):
    """A duration in microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:
        """None stays None."""
        return None if value is None else value // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> timedelta | None:
        """None stays None."""
        return None if value is None else timedelta(microseconds=value)


class Money(TypeDecorator[Decimal]):
    """An exact amount, as text."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """None stays None."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """None stays None."""
        return None if value is None else Decimal(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(cast(Mapping[str, Any], value))
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON")


class Json(TypeDecorator[Any]):
    """JSON as text. Written and read by pydantic's parser, which is fast and bounded in depth."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """None is NULL."""
        if value is None:
            return None
        return to_json(value, fallback=_plain).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """NULL is None."""
        return None if value is None else from_json(value)
