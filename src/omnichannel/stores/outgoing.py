"""All that is known of a delivery when it is worked on: read for many at once, in as many statements as for one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, literal_column, select

from omnichannel.model.address import Consent, Customer
from omnichannel.model.conversation import Conversation
from omnichannel.stores import consents, records
from omnichannel.stores.acceptance import Accepted, accept
from omnichannel.stores.deciding import Decided
from omnichannel.stores.prepared import Prepared
from omnichannel.stores.schema import addresses, attempts, contacts, conversations, deliveries, messages, parts, steps
from omnichannel.stores.statements import rows_among, rows_by
from omnichannel.stores.types import AnyRow
from omnichannel.stores.upsert import member_of

_their = messages.alias("their")
_NEWEST_ID = (
    select(_their.c.id)
    .where(_their.c.conversation_id == conversations.c.id, _their.c.account == conversations.c.account)
    .where(_their.c.direction == literal_column("'in'"))  # a literal: a partial index is not found by a parameter
    .order_by(_their.c.id.desc())
    .limit(1)
    .correlate(conversations)
    .scalar_subquery()
)
_NEWEST = Prepared(
    select(messages.c.conversation_id, messages.c.platform_id)
    .select_from(conversations)
    .join(messages, messages.c.id == _NEWEST_ID)
    .where(member_of(conversations.c.id, "places"))
)
_UNREACHABLE = Prepared(
    select(addresses.c.id, addresses.c.unreachable_why).where(
        member_of(addresses.c.id, "people"), addresses.c.unreachable_at.isnot(None)
    )
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A due delivery with all that deciding and sending it needs."""

    delivery: AnyRow
    conversation: Conversation
    context: Mapping[str, str]
    customer: Customer
    consents: Sequence[Consent]
    last_in: Mapping[tuple[str, str], datetime]
    unreachable: Mapping[str, str]
    steps: Sequence[AnyRow]
    parts: Sequence[AnyRow]
    attempts: Sequence[AnyRow]
    reply_to: str | None
    decided: Decided | None = None
    """What was decided about it and is not on disk yet: it is written with the start of the first attempt."""


def with_decision(out: Outgoing, decided: Decided) -> Outgoing:
    """The delivery as it is once the decision is on disk."""
    taken, pieces = [*out.steps, *decided.step_rows()], [*out.parts, *decided.part_rows()]
    return replace(out, delivery=decided.delivery_row(), steps=taken, parts=pieces, decided=decided)


def load(connection: Connection, delivery_id: str) -> Outgoing:
    """Everything about one delivery."""
    return load_many(connection, [delivery_id])[delivery_id]


def load_many(connection: Connection, delivery_ids: Collection[str]) -> dict[str, Outgoing]:
    """Everything about deliveries, by id; in as many statements as for one."""
    return load_rows(connection, rows_among(connection, deliveries, "id", delivery_ids))


def load_rows(connection: Connection, rows: Sequence[AnyRow]) -> dict[str, Outgoing]:
    """Everything about deliveries whose rows have just been read, by id."""
    return {out.delivery.id: out for out in _gather(connection, rows)}


def about(connection: Connection, delivery: Any) -> Outgoing:
    """Everything about a delivery that may not be in the store (yet): what would happen now."""
    return _gather(connection, [delivery])[0]


def _gather(connection: Connection, rows: Sequence[Any]) -> list[Outgoing]:
    if not rows:
        return []
    found_places = rows_among(connection, conversations, "id", {row.conversation_id for row in rows})
    places = {place.id: place for place in found_places}
    people = records.customers_of(connection, {row.customer_id for row in rows})
    agreed = consents.of_many(connection, {one.id: one.brand for one in people.values()})
    ids = {address.id for one in people.values() for address in one.addresses}
    seen = _last_in(connection, ids)
    lost = _unreachable(connection, ids)
    wanted = [row.id for row in rows]
    taken = _by_delivery(rows_among(connection, steps, "delivery_id", wanted, order=("n",)))
    pieces = _by_delivery(rows_among(connection, parts, "delivery_id", wanted, order=("step", "n")))
    runs = _by_delivery(rows_among(connection, attempts, "delivery_id", wanted, order=("seq",)))
    answered = _answered(connection, rows, places)
    found: list[Outgoing] = []
    for row in rows:
        place, customer = places[row.conversation_id], people[row.customer_id]
        mine = {address.id for address in customer.addresses}
        found.append(
            Outgoing(
                delivery=row,
                conversation=records.conversation(place),
                context=place.context or {},
                customer=customer,
                consents=agreed.get(customer.id, ()),
                last_in={(one.address_id, one.account): one.last_in_at for one in seen if one.address_id in mine},
                unreachable={address_id: why for address_id, why in lost.items() if address_id in mine},
                steps=taken.get(row.id, []),
                parts=pieces.get(row.id, []),
                attempts=runs.get(row.id, []),
                reply_to=answered.get(row.id),
            )
        )
    return found


def _last_in(connection: Connection, address_ids: Collection[str]) -> list[AnyRow]:
    return [row for row in rows_among(connection, contacts, "address_id", address_ids) if row.last_in_at is not None]


def _unreachable(connection: Connection, address_ids: Collection[str]) -> dict[str, str]:
    rows = _UNREACHABLE.rows(connection, people=list(address_ids)) if address_ids else []
    return {row.id: row.unreachable_why or "" for row in rows}


def _by_delivery(rows: Sequence[AnyRow]) -> dict[str, list[AnyRow]]:
    found: dict[str, list[AnyRow]] = {}
    for row in rows:
        found.setdefault(row.delivery_id, []).append(row)
    return found


def again(connection: Connection, out: Outgoing, now: datetime) -> Outgoing | None:
    """The same delivery after something was done about it; None where there is nothing more to do now.

    While a step is under way, who the customer is and what they agreed to is taken as it was a moment ago; to decide
    once more, everything is read again.
    """
    delivery_id = out.delivery.id
    (delivery,) = rows_by(connection, deliveries, id=delivery_id)
    if delivery.due_at is None or delivery.due_at > now:
        return None
    taken = rows_by(connection, steps, delivery_id=delivery_id, order=("n",))
    if not any(step.n == delivery.step and step.state == "running" for step in taken):
        return about(connection, delivery)
    return replace(
        out,
        delivery=delivery,
        steps=taken,
        parts=rows_by(connection, parts, delivery_id=delivery_id, order=("step", "n")),
        attempts=rows_by(connection, attempts, delivery_id=delivery_id, order=("seq",)),
        decided=None,
    )


def settle(connection: Connection, taken: Sequence[tuple[Accepted, Outgoing]]) -> Sequence[Outgoing | None]:
    """Platforms took parts; gives the deliveries with which there is something more to do now, as they are then."""
    left = accept(connection, [one for one, _ in taken])
    return [again(connection, out, one.at) if more else None for (one, out), more in zip(taken, left, strict=True)]


def _answered(connection: Connection, rows: Sequence[Any], places: Mapping[str, AnyRow]) -> dict[str, str]:
    """The platform's ids of the messages that are answered: the one asked for, else the customer's newest. None for
    a message of another account: where the conversation goes on now, nobody knows its id."""
    asked = {row.id: row.in_reply_to for row in rows if row.in_reply_to is not None}
    known = {row.id: row for row in rows_among(connection, messages, "id", asked.values())}
    others = {row.conversation_id for row in rows if row.in_reply_to is None}
    found = _NEWEST.rows(connection, places=list(others)) if others else []
    newest = {row.conversation_id: row.platform_id for row in found}
    answered: dict[str, str | None] = {}
    for row in rows:
        message = known.get(asked.get(row.id, ""))
        if row.id not in asked:
            answered[row.id] = newest.get(row.conversation_id)
        elif message is not None and message.account == places[row.conversation_id].account:
            answered[row.id] = message.platform_id
    return {delivery_id: platform_id for delivery_id, platform_id in answered.items() if platform_id}
