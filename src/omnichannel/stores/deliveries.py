"""New deliveries: rows first, sending later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from omnichannel.model.base import NOTHING
from omnichannel.model.content import Sendable, dump_sendable
from omnichannel.model.message import Delivery
from omnichannel.stores import desk, records
from omnichannel.stores.prepared import Prepared
from omnichannel.stores.schema import conversations, deliveries
from omnichannel.stores.statements import rows_by
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import NewDelivery, lane_of
from omnichannel.stores.upsert import member_of, upsert

_PLACE = (conversations.c.id, conversations.c.brand, conversations.c.customer_id, conversations.c.version)
_PLACES = Prepared(select(*_PLACE).where(member_of(conversations.c.id, "places")))


def insert_all(connection: Connection, new: Sequence[NewDelivery]) -> None:
    """Queues deliveries, due at once."""
    upsert(connection, deliveries, [_row(delivery) for delivery in new], key=("brand", "idempotency_key"))


def insert_one(connection: Connection, new: NewDelivery) -> str:
    """Queues a delivery and gives its id; that of the earlier one where its key was used before."""
    insert_all(connection, [new])
    return _id_of(connection, new)


def _id_of(connection: Connection, new: NewDelivery) -> str:
    if new.idempotency_key is None:
        return new.id
    (row,) = rows_by(connection, deliveries, brand=new.brand, idempotency_key=new.idempotency_key)
    return str(row.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is to be said in a conversation, if that is still at the version `if_version`."""

    id: str
    conversation_id: str
    content: Sendable
    created_at: datetime
    visibility: str | None
    agent: str | None
    idempotency_key: str | None
    metadata: Mapping[str, str]
    if_version: int | None


def answer(connection: Connection, answers: Sequence[Answer]) -> Sequence[Delivery]:
    """Queues answers, and gives each as it is now: the earlier one where its key was used before. Raises `NotFound`
    and `VersionConflict`."""
    places = {row.id: row for row in _PLACES.rows(connection, places=list({one.conversation_id for one in answers}))}
    new = [_new(one, places.get(one.conversation_id)) for one in answers]
    insert_all(connection, new)
    return [_queued(connection, one) for one in new]


def _new(one: Answer, found: AnyRow | None) -> NewDelivery:
    place = desk.checked(found, one.conversation_id, one.if_version)
    return NewDelivery(
        id=one.id,
        brand=place.brand,
        customer_id=place.customer_id,
        conversation_id=one.conversation_id,
        content=one.content,
        created_at=one.created_at,
        visibility=one.visibility,
        agent=one.agent,
        idempotency_key=one.idempotency_key,
        metadata=one.metadata,
    )


def _queued(connection: Connection, new: NewDelivery) -> Delivery:
    if new.idempotency_key is not None:
        return records.find_delivery(connection, _id_of(connection, new))
    metadata = dict(new.metadata) or NOTHING
    return Delivery(id=new.id, conversation_id=new.conversation_id, state="queued", metadata=metadata)


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
