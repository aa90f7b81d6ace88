"""The state of accounts and channels that all workers share: held, suspected, limited; and the evidence for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from omnichannel.stores.schema import deliveries, evidence, health
from omnichannel.stores.types import AnyRow
from omnichannel.stores.upsert import upsert


def save_state(connection: Connection, account: str, data: Mapping[str, Any], now: datetime) -> None:
    """Keeps the state of an account, as routing folded it."""
    values = {"scope": account, "data": data, "changed_at": now}
    upsert(connection, health, [values], key=("scope",), update=("data", "changed_at"))


def states(connection: Connection) -> Sequence[AnyRow]:
    """The state of every account of which something is known."""
    return connection.execute(select(health)).all()


def wake_held(connection: Connection, now: datetime) -> int:
    """Looks at what is held once more: something that held it may have passed."""
    return connection.execute(update(deliveries).where(deliveries.c.state == "held").values(due_at=now)).rowcount


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


def forget_evidence(connection: Connection, account: str) -> None:
    """Somebody who knows says that the account works: what spoke against it counts no more."""
    connection.execute(delete(evidence).where(evidence.c.account == account))
