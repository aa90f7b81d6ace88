"""The event log: what hosts follow. Append-only, numbered, resumable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from omnichannel.model.ids import IdSource
from omnichannel.stores.schema import log
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import Fact
from omnichannel.stores.upsert import insert_rows


def append(connection: Connection, facts: Sequence[Fact], ids: IdSource, now: datetime) -> None:
    """Appends events; they are numbered in commit order."""
    insert_rows(connection, log, [row_of(fact, ids, now) for fact in facts])


def row_of(fact: Fact, ids: IdSource, now: datetime) -> dict[str, Any]:
    """An event as a row."""
    return {"id": ids.new("evt"), "type": fact.type, "brand": fact.brand, "occurred_at": now, "data": fact.data}


def append_rows(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Appends events of several units at once, as `row_of` made them."""
    insert_rows(connection, log, rows)


def after(connection: Connection, seq: int, types: Iterable[str] = (), limit: int = 500) -> Sequence[AnyRow]:
    """The events after a number, oldest first."""
    query = select(log).where(log.c.seq > seq).order_by(log.c.seq).limit(limit)
    wanted = list(types)
    if wanted:
        query = query.where(log.c.type.in_(wanted))
    return connection.execute(query).all()


def last(connection: Connection) -> int:
    """The newest number, 0 where there is none."""
    newest: int = connection.execute(select(func.coalesce(func.max(log.c.seq), 0))).scalar_one()
    return newest
