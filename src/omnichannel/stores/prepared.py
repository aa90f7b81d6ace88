"""Statements that go to the driver as they were compiled once.

SQLAlchemy writes the SQL and knows the types; after that a statement of a few rows costs it five times what it costs
the database. So what is executed for each message is compiled once a dialect, and then bound, executed and read here.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

from omnichannel.stores.types import AnyRow

_named: Any = namedtuple  # the columns are known when the program runs
Convert = Callable[[Any], Any]


def bind_of(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    """What makes of a value what the driver takes; None where that is the value itself."""
    return kind.dialect_impl(dialect).bind_processor(dialect)


def say_no_values(error: BaseException) -> bool:
    """PostgreSQL's errors quote the values that were refused; this leaves what happened. False where nothing had to be
    left out."""
    said = getattr(getattr(error, "diag", None), "message_primary", None)
    if not said or error.args == (said,):
        return False
    error.args = (said,)
    return True


def execute(connection: Connection, sql: str, values: Sequence[Any] | Mapping[str, Any] | None) -> Any:
    """The driver's cursor after a statement, inside the connection's transaction. Raises what SQLAlchemy would."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(sql, values)
    except Exception as error:
        cursor.close()
        errors = connection.dialect.loaded_dbapi.Error
        if isinstance(error, errors):
            say_no_values(error)
            gone = connection.dialect.is_disconnect(error, cast(Any, connection.connection.driver_connection), cursor)
            if gone:
                connection.invalidate(error)
            raise DBAPIError.instance(sql, None, error, errors, connection_invalidated=gone) from error
        raise
    return cursor


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement of one dialect. `names` are its parameters by position; None where the driver takes them by name."""

    sql: str
    names: tuple[str, ...] | None
    fixed: Mapping[str, Any]
    binds: Mapping[str, Convert]
    make: Convert
    reads: Sequence[tuple[int, Convert]]

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        given = {**self.fixed, **values}
        for name, bind in self.binds.items():
            given[name] = bind(given[name])
        if self.names is None:
            return execute(connection, self.sql, given)
        return execute(connection, self.sql, [given[name] for name in self.names])

    def rows(self, cursor: Any) -> list[AnyRow]:
        found = cursor.fetchall()
        cursor.close()
        if not self.reads:
            return [self.make(row) for row in found]
        made: list[AnyRow] = []
        for row in found:
            values = list(row)
            for at, read in self.reads:
                if values[at] is not None:  # NULL is None in every type of ours
                    values[at] = read(values[at])
            made.append(self.make(values))
        return made


class Prepared:
    """A statement that is built once; its values come by the names of its `bindparam`s."""

    __slots__ = ("_compiled", "_statement")

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, connection: Connection, **values: Any) -> list[AnyRow]:
        """The rows that a query finds."""
        compiled = self._for(connection.dialect)
        return compiled.rows(compiled.run(connection, values))

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Executes a change; gives how many rows it touched."""
        cursor = self._for(connection.dialect).run(connection, values)
        touched = int(cursor.rowcount)
        cursor.close()
        return touched

    def _for(self, dialect: Dialect) -> _Compiled:
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = _compile(self._statement, dialect)
        return found


def _compile(statement: ClauseElement, dialect: Dialect) -> _Compiled:
    compiled: Any = statement.compile(dialect=dialect)
    if any(bind.expanding for bind in compiled.bind_names):
        raise TypeError("a prepared statement has no IN with a list of its own: use `member_of`")
    binds = {name: bind_of(bind.type, dialect) for bind, name in compiled.bind_names.items()}
    columns: Sequence[Any] = tuple(statement.selected_columns) if isinstance(statement, Select) else ()
    reads = [(at, _read_of(column.type, dialect)) for at, column in enumerate(columns)]
    return _Compiled(
        sql=str(compiled),
        names=tuple(compiled.positiontup) if compiled.positional else None,
        fixed={name: bind.effective_value for bind, name in compiled.bind_names.items() if not bind.required},
        binds={name: bind for name, bind in binds.items() if bind is not None},
        make=_named("Plain", [column.key for column in columns])._make if columns else tuple,
        reads=[(at, read) for at, read in reads if read is not None],
    )


def _read_of(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)
