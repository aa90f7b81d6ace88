"""What is said, what would happen to it, and what was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, insert, select

from omnichannel.hub.answers import Decision, Explanation
from omnichannel.hub.office import Office, Verb, read, refresh, write, write_item
from omnichannel.model.base import NOTHING, Visibility
from omnichannel.model.content import Localized, Sendable, Text, as_content, dump_sendable
from omnichannel.model.conversation import Conversation
from omnichannel.model.exceptions import NotFound, RefusedContent
from omnichannel.model.message import Decision as PlainDecision
from omnichannel.model.message import Delivery
from omnichannel.routing.plan import decide
from omnichannel.runtime.policy import content_of
from omnichannel.stores import deliveries, outgoing, records
from omnichannel.stores.deliveries import Answer
from omnichannel.stores.directory import family_of
from omnichannel.stores.schema import conversations, decisions, participants
from omnichannel.stores.units import NewDelivery, lane_of

_DECISION: TypeAdapter[PlainDecision] = TypeAdapter(PlainDecision)
LONGEST = 1_000_000


def checked(content: Sendable) -> Sendable:
    """The content, if there is something to send. Raises `RefusedContent`."""
    for one in content.by_language.values() if isinstance(content, Localized) else [content]:
        block = as_content(one)
        if isinstance(block, Text) and not (block.text.strip() or block.attachments):
            raise RefusedContent("there is nothing to send: the text is empty and nothing is attached")
        if isinstance(block, Text) and len(block.text) > LONGEST:
            raise RefusedContent(f"the text has {len(block.text):,} characters; {LONGEST:,} is the most")
    return content


def reply(
    office: Office,
    conversation_id: str,
    content: Sendable,
    agent: str | None,
    idempotency_key: str | None,
    visibility: Visibility | None,
    if_version: int | None,
    metadata: Mapping[str, str] | None,
) -> Verb[Delivery]:
    """Queues an answer."""
    checked(content)
    answer = Answer(
        id=office.ids.new("dlv"),
        conversation_id=conversation_id,
        content=content,
        created_at=office.clock.now(),
        visibility=visibility,
        agent=agent,
        idempotency_key=idempotency_key,
        metadata=metadata or NOTHING,
        if_version=if_version,
    )
    return (yield from write_item(deliveries.answer, answer))


def send(
    office: Office,
    customer_id: str,
    content: Sendable,
    purpose: str,
    order: Sequence[str] | None,
    expires_at: datetime | None,
    idempotency_key: str | None,
    metadata: Mapping[str, str] | None,
) -> Verb[Delivery]:
    """Queues a message of our own accord."""
    checked(content)
    if expires_at is not None and expires_at.tzinfo is None:
        raise RefusedContent("expires_at has no time zone: nobody can say when that is")
    now = office.clock.now()
    delivery_id, conversation_id = office.ids.new("dlv"), office.ids.new("cnv")

    def unit(connection: Connection) -> Delivery:
        customer = records.find_customer(connection, customer_id)
        place = _conversation_for(connection, office, customer_id, conversation_id, now)
        new = NewDelivery(
            id=delivery_id,
            brand=customer.brand,
            customer_id=customer.id,
            conversation_id=place.id,
            content=content,
            created_at=now,
            kind="start",
            purpose=purpose,
            order=order,
            expires_at=expires_at,
            idempotency_key=idempotency_key,
            metadata=metadata or NOTHING,
        )
        return records.find_delivery(connection, deliveries.insert_one(connection, new))

    return (yield from write(unit))


def _conversation_for(
    connection: Connection, office: Office, customer_id: str, new_id: str, now: datetime
) -> Conversation:
    """The customer's newest open private conversation, or a new one at their surest address."""
    customer = records.find_customer(connection, customer_id)
    family = family_of(connection, customer.id)
    query = select(conversations.c.id).where(
        conversations.c.customer_id.in_(family),
        conversations.c.status == "open",
        conversations.c.visibility == "private",
    )
    found = connection.execute(query.order_by(conversations.c.id.desc()).limit(1)).scalar()
    if found is not None:
        return records.find_conversation(connection, found)
    for address in sorted(customer.addresses, key=lambda one: -one.assurance):
        for channel in office.doors.of_channel(address.channel, customer.brand):
            info = office.doors.infos[channel.account.id]
            surface = next((name for name, seen in info.visibility.items() if seen == "private"), "dm")
            values: dict[str, Any] = {"id": new_id, "brand": customer.brand, "customer_id": customer.id}
            values |= {"address_id": address.id, "channel": info.channel, "adapter": info.adapter, "account": info.id}
            values |= {"surface": surface, "visibility": "private", "status": "open", "waiting": False}
            values |= {"queue": info.queue, "version": 1, "lane": lane_of(new_id), "created_at": now}
            connection.execute(insert(conversations).values(language=customer.language, **values))
            who = {"conversation_id": new_id, "customer_id": customer.id, "address_id": address.id}
            connection.execute(insert(participants).values(role="requester", joined_at=now, **who))
            return records.find_conversation(connection, new_id)
    raise NotFound(f"customer {customer_id} has no address on any configured channel")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Imagined:
    """A delivery that is not in the store: what would happen to it now."""

    id: str = "dlv_imagined"
    brand: str
    customer_id: str
    conversation_id: str
    kind: str
    content: Any
    purpose: str = "service"
    visibility: str | None = None
    order: Sequence[str] | None = None
    state: str = "queued"
    step: int = 0
    created_at: datetime
    expires_at: datetime | None = None
    agent: str | None = "agent"
    automatic: bool = False
    in_reply_to: str | None = None


def can_reply(office: Office, conversation_id: str, content: Sendable) -> Verb[Decision]:
    """What would happen to an answer."""
    place = yield from read(lambda c: records.find_conversation(c, conversation_id))
    return (yield from _imagine(office, place, place.customer_id, "message", content, "service"))


def plan(office: Office, customer_id: str, content: Sendable, purpose: str) -> Verb[Decision]:
    """What would happen to a message of our own accord."""
    checked(content)

    def unit(connection: Connection) -> Conversation:
        family = family_of(connection, records.find_customer(connection, customer_id).id)
        query = select(conversations.c.id).where(conversations.c.customer_id.in_(family))
        found = connection.execute(query.order_by(conversations.c.id.desc()).limit(1)).scalar()
        if found is None:
            raise NotFound(f"customer {customer_id} was never in a conversation: there is nothing to plan on")
        return records.find_conversation(connection, found)

    place = yield from read(unit)
    return (yield from _imagine(office, place, customer_id, "start", content, purpose))


def _imagine(
    office: Office, place: Conversation, customer_id: str, kind: str, content: Sendable, purpose: str
) -> Verb[Decision]:
    yield from refresh(office)
    now = office.clock.now()
    imagined = _Imagined(
        brand=place.brand,
        customer_id=customer_id,
        conversation_id=place.id,
        kind=kind,
        content=dump_sendable(content),
        purpose=purpose,
        created_at=now,
    )
    out = yield from read(lambda c: outgoing.about(c, imagined))
    request = office.advisor.request(out, content_of(out, office.policy))
    return Decision.of(decide(request, office.advisor.facts(out), now))


def explain(office: Office, delivery_id: str) -> Verb[Explanation]:
    """What was decided then."""

    def unit(connection: Connection) -> Explanation:
        records.find_delivery(connection, delivery_id)
        query = select(decisions.c.data).where(decisions.c.delivery_id == delivery_id).order_by(decisions.c.seq)
        stored = [_DECISION.validate_python(data) for data in connection.execute(query).scalars()]
        return Explanation(decisions=tuple(stored), attempts=tuple(records.attempts_of(connection, delivery_id)))

    return (yield from read(unit))
