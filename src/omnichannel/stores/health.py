"""The state of accounts and channels that all workers share: held, suspected, limited; and the evidence for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from omnichannel.stores.schema import deliveries, evidence, health
from omnichannel.stores.types import AnyRow
from omnichannel.stores.upsert import upsert


def set_health(
    connection: Connection,
    scope: str,
    state: str,
    reason: str,
    now: datetime,
    *,
    until: datetime | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """States what a scope is in (`account:x-main`, `channel:x/dm`); what was held by a healthy account goes on."""
    values = {"scope": scope, "state": state, "reason": reason, "until": until, "changed_at": now, "data": data}
    changing = ("state", "reason", "until", "changed_at", "data")
    upsert(connection, health, [values], key=("scope",), update=changing)
    if state == "ok":
        connection.execute(update(deliveries).where(deliveries.c.state == "held").values(due_at=now))


def all_health(connection: Connection) -> Sequence[AnyRow]:
    """Every scope that is not plainly well."""
    return connection.execute(select(health).where(health.c.state != "ok")).all()


def add_evidence(
    connection: Connection,
    *,
    channel: str,
    account: str,
    surface: str | None,
    kind: str,
    at: datetime,
    data: Mapping[str, Any],
) -> None:
    """Keeps an answer about the channel itself."""
    connection.execute(
        insert(evidence).values(channel=channel, account=account, surface=surface, kind=kind, at=at, data=data)
    )


def evidence_since(connection: Connection, channel: str, since: datetime) -> Sequence[AnyRow]:
    """The evidence about a channel, oldest first."""
    query = select(evidence).where(evidence.c.channel == channel, evidence.c.at >= since).order_by(evidence.c.seq)
    return connection.execute(query).all()
