"""Notices: at most one per withdrawal, customer and period, however often and wherever they write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from omnichannel.stores.deliveries import insert_all
from omnichannel.stores.schema import notices, references
from omnichannel.stores.units import NewNotice, NewReference
from omnichannel.stores.upsert import upsert


def had_notice(connection: Connection, withdrawal_id: str, customer_id: str, period: int) -> bool:
    """Whether this customer was given the notice of this period."""
    query = select(notices.c.delivery_id).where(
        notices.c.withdrawal_id == withdrawal_id, notices.c.customer_id == customer_id, notices.c.period == period
    )
    return connection.execute(query).first() is not None


def insert_notices(connection: Connection, new: Sequence[NewNotice]) -> int:
    """Queues the notices that are really the first; gives how many. The unique key decides, not an earlier look."""
    written = 0
    for notice in new:
        row = {
            "withdrawal_id": notice.withdrawal_id,
            "customer_id": notice.customer_id,
            "period": notice.period,
            "delivery_id": notice.delivery.id,
            "created_at": notice.created_at,
        }
        if upsert(connection, notices, [row], key=("withdrawal_id", "customer_id", "period")) == 1:
            insert_references(connection, notice.references)
            insert_all(connection, [notice.delivery])
            written += 1
    return written


def insert_references(connection: Connection, new: Sequence[NewReference]) -> None:
    """Keeps references."""
    rows: list[dict[str, Any]] = [
        {
            "digest": reference.digest,
            "brand": reference.brand,
            "conversation_id": reference.conversation_id,
            "customer_id": reference.customer_id,
            "target": reference.target,
            "withdrawal_id": reference.withdrawal_id,
            "created_at": reference.created_at,
            "expires_at": reference.expires_at,
            "assurance": reference.assurance,
            "public": reference.public,
        }
        for reference in new
    ]
    if rows:
        connection.execute(insert(references), rows)
