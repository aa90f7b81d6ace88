"""The event log: what hosts follow. Append-only, numbered, resumable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from omnichannel.model.ids import IdSource
from omnichannel.stores.schema import log
from omnichannel.stores.types import AnyRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An event to append: `message.received`, `delivery.updated`, `conversation.moved` ..."""

    type: str
    brand: str
    data: Mapping[str, Any]


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


def unnotified(connection: Connection, types: Sequence[str], limit: int = 200) -> Sequence[AnyRow]:
    """Events that subscribers of these types have not been given yet."""
    query = select(log).where(log.c.notified.is_(False), log.c.type.in_(types)).order_by(log.c.seq).limit(limit)
    return connection.execute(query).all()


def notified(connection: Connection, seqs: Sequence[int]) -> None:
    """Marks events as given to their subscribers."""
    connection.execute(update(log).where(log.c.seq.in_(seqs)).values(notified=True))
