"""Column types that mean the same on SQLite and PostgreSQL.

Each says in one function what a value becomes in the database, and in one what it was: rows are many, so nothing
stands between these and the driver.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias, cast

from pydantic_core import from_json, to_json
from sqlalchemy import BigInteger, Connection, Dialect, Executable, Row, String, Text, TypeDecorator

from omnichannel.model.base import EPOCH

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
"""A row of a query whose columns are known by name."""

_named: Any = namedtuple  # the columns are known at run time alone
_PLAIN: dict[tuple[str, ...], Callable[[Any], Any]] = {}


def fetch(connection: Connection, query: Executable, values: Mapping[str, Any] | None = None) -> list[AnyRow]:
    """All rows of a query as named tuples: read column by column, they are three times as fast as rows."""
    result = connection.execute(query, values)
    names = tuple(result.keys())
    make = _PLAIN.get(names)
    if make is None:
        make = _PLAIN[names] = _named("Plain", names)._make
    return list(map(make, result.all()))


_MICROSECOND = timedelta(microseconds=1)
_EXACT = (1 << 32) * 1_000_000
"""Up to here a double of seconds tells microseconds apart (the year 2106); and seconds are read three times as fast."""
_read_seconds = datetime.fromtimestamp


def microseconds(value: datetime | None) -> int | None:
    """The number that a time is stored as. Raises `TypeError` for a naive one."""
    if value is None:
        return None
    since = value - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _instant(value: int | None) -> datetime | None:
    """The time that a stored number means: exact, aware, in UTC."""
    if value is None:
        return None
    if 0 <= value < _EXACT:
        return _read_seconds(value / 1_000_000, UTC)
    return EPOCH + timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """An aware time as microseconds since 1970, UTC: ordered, exact, and the same number on every database."""

    impl = BigInteger
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        """Refuses naive times."""
        return microseconds

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Aware, in UTC."""
        return _instant


def _length(value: timedelta | None) -> int | None:
    return None if value is None else value // _MICROSECOND


def _span(value: int | None) -> timedelta | None:
    return None if value is None else timedelta(microseconds=value)


class Span(TypeDecorator[timedelta]):
    """A duration in microseconds."""

    impl = BigInteger
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        """None stays None."""
        return _length

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """None stays None."""
        return _span


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


class Money(TypeDecorator[Decimal]):
    """An exact amount, as text."""

    impl = String
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        """None stays None."""
        return _amount

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """None stays None."""
        return _decimal


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(cast(Mapping[str, Any], value))
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON")


def _written(value: Any) -> str | None:
    return None if value is None else to_json(value, fallback=_plain).decode()


def _read(value: str | None) -> Any:
    return None if value is None else from_json(value)


class Json(TypeDecorator[Any]):
    """JSON as text. Written and read by pydantic's parser, which is fast and bounded in depth."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        """None is NULL."""
        return _written

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """NULL is None."""
        return _read
