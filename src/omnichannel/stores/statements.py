"""Statements by their shape, built and compiled once: either takes SQLAlchemy longer than the database the rest."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Table, bindparam, select, update

from omnichannel.stores.prepared import Prepared
from omnichannel.stores.types import AnyRow
from omnichannel.stores.upsert import member_of

_KNOWN: dict[tuple[Any, ...], Prepared] = {}
_NONE: Mapping[str, int] = {}
_named: Any = namedtuple  # the columns are known when the program runs
_ROWS: dict[str, Callable[..., Any]] = {}


def row_of(table: Table, values: Mapping[str, Any]) -> AnyRow:
    """A row as it is read once these values are written: what they do not name is None."""
    make = _ROWS.get(table.name)
    if make is None:
        make = _ROWS[table.name] = _named("Plain", table.columns.keys(), defaults=[None] * len(table.columns))
    return cast(AnyRow, make(**values))


def rows_by(connection: Connection, table: Table, *, order: Sequence[str] = (), **where: Any) -> list[AnyRow]:
    """The rows whose columns have these values (never None), in the order of some columns."""
    shape = ("rows", table.name, tuple(where), tuple(order))
    query = _KNOWN.get(shape)
    if query is None:
        wanted = [table.c[name] == bindparam(f"w_{name}") for name in where]
        query = _KNOWN[shape] = Prepared(select(table).where(*wanted).order_by(*(table.c[name] for name in order)))
    return query.rows(connection, **{f"w_{name}": value for name, value in where.items()})


def row_by(connection: Connection, table: Table, **where: Any) -> AnyRow | None:
    """The row whose columns have these values, which only one can have."""
    found = rows_by(connection, table, **where)
    return found[0] if found else None


def set_by(
    connection: Connection,
    table: Table,
    where: Mapping[str, Any],
    values: Mapping[str, Any],
    count: Mapping[str, int] = _NONE,
) -> int:
    """Sets columns of the rows whose columns have these values (never None); `count` is added to others. Gives how many
    rows that were."""
    shape = ("set", table.name, tuple(where), tuple(values), tuple(count))
    statement = _KNOWN.get(shape)
    if statement is None:
        wanted = [table.c[name] == bindparam(f"w_{name}") for name in where]
        new: dict[str, Any] = {name: bindparam(f"v_{name}") for name in values}
        more: dict[str, Any] = {
            name: table.c[name] + bindparam(f"c_{name}", type_=table.c[name].type) for name in count
        }
        statement = _KNOWN[shape] = Prepared(update(table).where(*wanted).values(new | more))
    given = {f"w_{name}": value for name, value in where.items()}
    given |= {f"v_{name}": value for name, value in values.items()}
    given |= {f"c_{name}": value for name, value in count.items()}
    return statement.run(connection, given)


def rows_among(
    connection: Connection,
    table: Table,
    column: str,
    values: Collection[str],
    *,
    order: Sequence[str] = (),
    read: Sequence[str] = (),
) -> list[AnyRow]:
    """The rows whose column has one of these values, which are ids of ours; of all columns, or of those to `read`."""
    if not values:
        return []
    shape = ("among", table.name, column, tuple(order), tuple(read))
    query = _KNOWN.get(shape)
    if query is None:
        wanted = select(*[table.c[name] for name in read or table.c.keys()])
        wanted = wanted.where(member_of(table.c[column], "wanted"))
        query = _KNOWN[shape] = Prepared(wanted.order_by(*(table.c[name] for name in order)))
    return query.rows(connection, wanted=list(values))
