"""Insert-or-update, which SQL has twice: the one place that knows the dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, case
from sqlalchemy.dialects import postgresql, sqlite


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
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
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table)
    if update or latest:
        values: dict[str, Any] = {name: statement.excluded[name] for name in update}
        for name in latest:
            old, new = table.c[name], statement.excluded[name]
            values[name] = case((old > new, old), else_=new)
        statement = statement.on_conflict_do_update(index_elements=list(key), set_=values)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(key))
    return connection.execute(statement, list(rows)).rowcount
