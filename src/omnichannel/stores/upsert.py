"""Many rows in few statements, and the SQL that two databases write differently: the one place that knows them.

A driver's `executemany` runs one step a row. On SQLite each step gives up the interpreter's lock and has to win it
back from a busy event loop, which can take milliseconds; a statement of many rows does so once. So rows go in chunks
of a few fixed sizes, whose statements stay prepared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from sqlalchemy import BindParameter, ColumnElement, Connection, Dialect, Table, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import ARRAY, Boolean, Text, TypeDecorator, TypeEngine

from omnichannel.stores.prepared import bind_of, execute

Row = Mapping[str, Any]
CHUNK = 64
"""The most rows of a statement; smaller groups use the powers of two below it."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """A statement without its rows, and how to bind them."""

    head: str
    one: str
    tail: str
    names: tuple[str, ...]
    binds: Sequence[tuple[int, Callable[[Any], Any]]]

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Executes it for all rows; gives how many were written."""
        written = 0
        for cursor in self.executed(connection, rows):
            written += int(cursor.rowcount)
            cursor.close()
        return written

    def executed(self, connection: Connection, rows: Sequence[Row]) -> Iterator[Any]:
        """The cursor of each statement that it takes."""
        width = len(self.names)
        for chunk in _chunks(rows):
            values: list[Any] = []
            for row in chunk:
                if len(row) != width:
                    raise ValueError(f"rows of one statement differ in their columns: {sorted(row)}")
                one = [row[name] for name in self.names]
                for at, bind in self.binds:
                    one[at] = bind(one[at])
                values += one
            sql = self.head + ",".join([self.one] * len(chunk)) + self.tail
            yield execute(connection, sql, values)


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    start, size = 0, CHUNK
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        yield rows[start : start + size]
        start += size


_SHAPES: dict[tuple[Any, ...], _Shape] = {}


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Inserts rows, in order. All have the same columns; those that none has get the table's default."""
    if rows:
        _shape(connection, table, rows[0], _insert, ()).run(connection, rows)


def insert_with(
    connection: Connection, table: Table, rows: Sequence[Row], *, get: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Inserts rows and gives columns of them that need no converting, in any order."""
    found: list[tuple[Any, ...]] = []
    if rows:
        for cursor in _shape(connection, table, rows[0], _insert, tuple(get)).executed(connection, rows):
            found += cursor.fetchall()
            cursor.close()
    return found


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    *,
    key: Sequence[str],
    update: Sequence[str] = (),
    latest: Sequence[str] = (),
) -> int:
    """Inserts rows; where one with that key exists its `update` columns are replaced and its `latest` columns keep
    the greater value, or nothing happens without either.

    Gives how many rows were written.
    """
    if not rows:
        return 0
    if update or latest:
        rows = _merged(rows, key, latest)
    what = (tuple(key), tuple(update), tuple(latest))
    return _shape(connection, table, rows[0], _upsert, what).run(connection, rows)


def update_rows(
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    *,
    key: str,
    count: str | None = None,
    only: ColumnElement[bool] | None = None,
) -> int:
    """Sets the columns of the rows with these keys, each to values of its own; no key twice. `count` is a column that
    goes up by one, `only` a condition (always the same one) that they have to meet. Gives how many were found."""
    if not rows:
        return 0
    return _shape(connection, table, rows[0], _update, (key, count, only)).run(connection, rows)


def _merged(rows: Sequence[Row], key: Sequence[str], latest: Sequence[str]) -> Sequence[Row]:
    """One row a key, the last one: PostgreSQL refuses to touch a row twice in one statement."""
    merged: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        name = tuple(row[column] for column in key)
        earlier = merged.get(name)
        if earlier is not None:
            row = {**row, **{column: max(row[column], earlier[column]) for column in latest}}
        merged[name] = row
    return rows if len(merged) == len(rows) else list(merged.values())


# ---------------------------------------------------------------- statements


def _shape(
    connection: Connection, table: Table, row: Row, make: Callable[..., tuple[str, str, str]], what: tuple[Any, ...]
) -> _Shape:
    dialect = connection.dialect
    names = tuple(row)
    known = (dialect.name, table.name, names, make, what)
    shape = _SHAPES.get(known)
    if shape is None:
        found = [bind_of(table.c[name].type, dialect) for name in names]
        binds = [(at, bind) for at, bind in enumerate(found) if bind is not None]
        shape = _SHAPES[known] = _Shape(*make(dialect, table, names, *what), names, binds)
    return shape


def _mark(dialect: Dialect) -> str:
    return "?" if dialect.paramstyle == "qmark" else "%s"


def _insert(dialect: Dialect, table: Table, names: Sequence[str], *get: str) -> tuple[str, str, str]:
    quote = dialect.identifier_preparer
    listed = ", ".join(quote.quote(name) for name in names)
    one = "(" + ", ".join([_mark(dialect)] * len(names)) + ")"
    tail = f" RETURNING {', '.join(map(quote.quote, get))}" if get else ""
    return f"INSERT INTO {quote.format_table(table)} ({listed}) VALUES ", one, tail  # noqa: S608 - names of our own


def _upsert(
    dialect: Dialect,
    table: Table,
    names: Sequence[str],
    key: Sequence[str],
    update: Sequence[str],
    latest: Sequence[str],
) -> tuple[str, str, str]:
    head, one, _ = _insert(dialect, table, names)
    quote = dialect.identifier_preparer
    target, own = ", ".join(map(quote.quote, key)), quote.format_table(table)
    changes = [f"{quote.quote(name)} = excluded.{quote.quote(name)}" for name in update]
    for name in map(quote.quote, latest):
        newer = f"CASE WHEN {own}.{name} > excluded.{name} THEN {own}.{name} ELSE excluded.{name} END"
        changes.append(f"{name} = {newer}")
    what = f"UPDATE SET {', '.join(changes)}" if changes else "NOTHING"
    return head, one, f" ON CONFLICT ({target}) DO {what}"


def _update(
    dialect: Dialect,
    table: Table,
    names: Sequence[str],
    key: str,
    count: str | None,
    only: ColumnElement[bool] | None,
) -> tuple[str, str, str]:
    # Both databases name the columns of a bare VALUES list column1, column2 ...; PostgreSQL wants to know their types.
    quote = dialect.identifier_preparer
    own = quote.format_table(table)
    places = {name: f"given.column{n}" for n, name in enumerate(names, 1)}
    changes = [f"{quote.quote(name)} = {place}" for name, place in places.items() if name != key]
    if count is not None:
        changes.append(f"{quote.quote(count)} = {own}.{quote.quote(count)} + 1")
    marks = [_typed(dialect, table.c[name].type) for name in names]
    head = f"UPDATE {own} SET {', '.join(changes)} FROM (VALUES "  # noqa: S608 - names of our own
    tail = f") AS given WHERE {own}.{quote.quote(key)} = {places[key]}"
    if only is not None:
        tail += f" AND ({only.compile(dialect=dialect, compile_kwargs={'literal_binds': True})})"
    return head, "(" + ", ".join(marks) + ")", tail


def _typed(dialect: Dialect, kind: TypeEngine[Any]) -> str:
    mark = _mark(dialect)
    return f"CAST({mark} AS {kind.compile(dialect)})" if dialect.name == "postgresql" else mark


# ---------------------------------------------------------------- membership


class _Values(TypeDecorator[Any]):
    """Many values in one parameter: JSON on SQLite, an array on PostgreSQL."""

    impl = Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """An array where there are arrays."""
        return ARRAY(self.item) if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        """A list, or its JSON."""
        return list(value or ()) if dialect.name == "postgresql" else to_json(list(value or ())).decode()


class _Membership(FunctionElement[bool]):
    inherit_cache = True
    type = Boolean()

    def self_group(self, against: Any = None) -> Any:
        """Itself. SQLAlchemy would write `(x IN ...) = 1`, which hides the condition from every index."""
        return self


class _Among(_Membership):
    inherit_cache = True


class _NotAmong(_Membership):
    inherit_cache = True


@compiles(_Among)
def _in(element: _Among, compiler: SQLCompiler, **more: Any) -> str:
    return _member(element, compiler, "= ANY", "IN", more)


@compiles(_NotAmong)
def _not_in(element: _NotAmong, compiler: SQLCompiler, **more: Any) -> str:
    return _member(element, compiler, "<> ALL", "NOT IN", more)


def _member(element: _Membership, compiler: SQLCompiler, of_array: str, of_rows: str, more: dict[str, Any]) -> str:
    column, values = element.clauses
    one, many = compiler.process(column, **more), compiler.process(values, **more)
    if compiler.dialect.name == "postgresql":
        return f"{one} {of_array} ({many})"
    return f"{one} {of_rows} (SELECT value FROM json_each({many}))"  # noqa: S608 - parameters


def among(column: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Whether a text or number is one of these, however many: one parameter, so always the same statement."""
    listed = list(values)
    return column.in_(listed) if has_nul(listed) else _Among(column, _bound(column, listed))


def member_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """As `among`, for a statement that is built once: the values are given by this name. Not for texts of others, which
    may hold a NUL."""
    return _Among(column, bindparam(name, type_=_Values(column.type)))


def not_member_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """As `none_of`, for a statement that is built once."""
    return _NotAmong(column, bindparam(name, type_=_Values(column.type)))


def none_of(column: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Whether a text or number is none of these."""
    listed = list(values)
    return column.not_in(listed) if has_nul(listed) else _NotAmong(column, _bound(column, listed))


def _bound(column: ColumnElement[Any], values: Sequence[Any]) -> BindParameter[Any]:
    return bindparam(None, values, type_=_Values(column.type), unique=True)


def has_nul(values: Sequence[Any]) -> bool:
    """SQLite's JSON functions end a text at its first NUL."""
    return any(isinstance(value, str) and "\0" in value for value in values)
