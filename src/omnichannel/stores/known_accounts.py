"""The accounts that a store has ever been used with: what is not configured any more keeps its webhook's URL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from omnichannel.stores.schema import accounts, endpoints
from omnichannel.stores.units import AccountInfo
from omnichannel.stores.upsert import upsert


def remember(connection: Connection, infos: Iterable[AccountInfo], now: datetime) -> None:
    """Writes down what is configured now."""
    known = list(infos)
    behind = {info.endpoint: {"id": info.endpoint, "adapter": info.adapter} for info in known}
    rows = [
        {
            "id": info.id,
            "brand": info.brand,
            "channel": info.channel,
            "adapter": info.adapter,
            "endpoint": info.endpoint,
            "label": info.label,
            "seen_at": now,
        }
        for info in known
    ]
    if known:
        changing = ("brand", "channel", "adapter", "endpoint", "label", "seen_at")
        upsert(connection, endpoints, list(behind.values()), key=("id",), update=("adapter",))
        upsert(connection, accounts, rows, key=("id",), update=changing)


def removed(connection: Connection, configured: Iterable[str]) -> set[str]:
    """The endpoints that there were, and that none of the configured ones is."""
    return set(connection.execute(select(endpoints.c.id)).scalars()) - set(configured)
