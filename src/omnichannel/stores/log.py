"""The event log: what hosts follow. Append-only, numbered, resumable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from omnichannel.model.ids import IdSource
from omnichannel.stores.schema import log
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import Fact


def append(connection: Connection, facts: Sequence[Fact], ids: IdSource, now: datetime) -> None:
    """Appends events; they are numbered in commit order."""
    if not facts:
        return
    rows = [
        {"id": ids.new("evt"), "type": fact.type, "brand": fact.brand, "occurred_at": now, "data": dict(fact.data)}
        for fact in facts
    ]
    connection.execute(insert(log), rows)


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
