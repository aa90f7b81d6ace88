"""New deliveries: rows first, sending later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from omnichannel.model.base import NOTHING
from omnichannel.model.content import Sendable, dump_sendable
from omnichannel.stores.base import lane_of
from omnichannel.stores.schema import deliveries
from omnichannel.stores.upsert import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """One thing to tell a customer. `kind` is `message`, `private` (take it off the public surface), `notice`,
    `code` (a one-time code) or `pointer`. `idempotency_key` is unique in a brand: a second one changes nothing."""

    id: str
    brand: str
    customer_id: str
    conversation_id: str
    content: Sendable
    created_at: datetime
    kind: str = "message"
    purpose: str = "service"
    visibility: str | None = None
    order: Sequence[str] | None = None
    expires_at: datetime | None = None
    agent: str | None = None
    automatic: bool = False
    in_reply_to: str | None = None
    idempotency_key: str | None = None
    metadata: Mapping[str, str] = NOTHING


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
