"""New deliveries: rows first, sending later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from omnichannel.model.content import dump_sendable
from omnichannel.stores.schema import deliveries
from omnichannel.stores.units import NewDelivery, lane_of
from omnichannel.stores.upsert import upsert


def insert_all(connection: Connection, new: Sequence[NewDelivery]) -> None:
    """Queues deliveries, due at once."""
    upsert(connection, deliveries, [_row(delivery) for delivery in new], key=("brand", "idempotency_key"))


def insert_one(connection: Connection, new: NewDelivery) -> str:
    """Queues a delivery and gives its id; that of the earlier one where its key was used before."""
    insert_all(connection, [new])
    if new.idempotency_key is None:
        return new.id
    query = select(deliveries.c.id).where(
        deliveries.c.brand == new.brand, deliveries.c.idempotency_key == new.idempotency_key
    )
    found: str = connection.execute(query).scalar_one()
    return found


def _row(new: NewDelivery) -> dict[str, Any]:
    return {
        "id": new.id,
        "brand": new.brand,
        "customer_id": new.customer_id,
        "conversation_id": new.conversation_id,
        "lane": lane_of(new.conversation_id),
        "kind": new.kind,
        "content": dump_sendable(new.content),
        "purpose": new.purpose,
        "visibility": new.visibility,
        "order": list(new.order) if new.order is not None else None,
        "state": "queued",
        "due_at": new.created_at,
        "expires_at": new.expires_at,
        "agent": new.agent,
        "automatic": new.automatic,
        "in_reply_to": new.in_reply_to,
        "idempotency_key": new.idempotency_key,
        "metadata": dict(new.metadata) or None,
        "created_at": new.created_at,
    }
