"""Reading and changing records, and reading the event log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy import update as update_rows

from omnichannel.handlers import Event
from omnichannel.handlers.dispatch import event_of
from omnichannel.hub.answers import Page
from omnichannel.hub.office import Office, Verb, read, write
from omnichannel.model.address import Address, Customer
from omnichannel.model.conversation import Conversation
from omnichannel.model.exceptions import ConfigurationError, NotFound, RefusedContent
from omnichannel.model.message import Delivery, Message
from omnichannel.stores import desk, log, records
from omnichannel.stores.directory import family_of
from omnichannel.stores.merging import merge
from omnichannel.stores.schema import addresses, conversations, customers


def _one_of(**given: object) -> None:
    if sum(value is not None for value in given.values()) != 1:
        raise ConfigurationError(f"give exactly one of {', '.join(given)}")


def customer(
    office: Office, customer_id: str | None, external_id: str | None, address: Address | None, brand: str
) -> Verb[Customer]:
    """A customer by one of three names."""
    _one_of(id=customer_id, external_id=external_id, address=address)

    def unit(connection: Connection) -> Customer:
        found = customer_id
        if external_id is not None:
            found = records.find_by_external_id(connection, customers, external_id, brand)
        if address is not None:
            query = select(addresses.c.customer_id).where(
                addresses.c.channel == address.channel, addresses.c.value == address.value, addresses.c.brand == brand
            )
            found = connection.execute(query).scalar()
            if found is None:
                raise NotFound(f"nobody has the address {address.value!r} on {address.channel}")
        return records.find_customer(connection, found or "")

    return (yield from read(unit))


def link_customer(office: Office, customer_id: str, external_id: str, assurance: int) -> Verb[Customer]:
    """Ties a customer to the host's own record; two who are the same to the host are one from now on."""
    now = office.clock.now()

    def unit(connection: Connection) -> Customer:
        found = records.find_customer(connection, customer_id)
        known = select(customers.c.id).where(customers.c.brand == found.brand, customers.c.external_id == external_id)
        holder = connection.execute(known).scalar()
        owner = found.id if holder is None else records.find_customer(connection, holder).id
        if holder is None:
            linked = update_rows(customers).where(customers.c.id == found.id)
            connection.execute(linked.values(external_id=external_id))
        mine = [address.id for address in found.addresses]
        raised = update_rows(addresses).where(addresses.c.id.in_(mine), addresses.c.assurance < assurance)
        connection.execute(raised.values(assurance=assurance))
        facts = merge(
            connection,
            brand=found.brand,
            customer_id=found.id,
            into_id=owner,
            assurance=assurance,
            evidence="host",
            reason=f"the host calls both {external_id}",
            now=now,
        )
        log.append(connection, facts, office.ids, now)
        return records.find_customer(connection, owner)

    return (yield from write(unit))


def add_address(office: Office, customer_id: str, address: Address) -> Verb[Customer]:
    """Notes an address that the host knows of."""
    now, fresh = office.clock.now(), office.ids.new("adr")

    def unit(connection: Connection) -> Customer:
        who = records.find_customer(connection, customer_id)
        mine = (addresses.c.channel == address.channel) & (addresses.c.value == address.value)
        query = select(addresses.c.customer_id).where(mine, addresses.c.brand == who.brand)
        owner = connection.execute(query).scalar()
        if owner is not None and owner not in family_of(connection, who.id):
            raise RefusedContent(f"that address on {address.channel} belongs to another customer, {owner}")
        if owner is None:
            values = {"id": fresh, "brand": who.brand, "customer_id": who.id, "created_at": now, "name": address.name}
            values |= {"channel": address.channel, "value": address.value, "assurance": address.assurance}
            connection.execute(insert(addresses).values(aliases=dict(address.aliases), **values))
        return records.find_customer(connection, who.id)

    return (yield from write(unit))


def conversation(
    office: Office, conversation_id: str | None, external_id: str | None, brand: str
) -> Verb[Conversation]:
    """A conversation by one of two names."""
    _one_of(id=conversation_id, external_id=external_id)

    def unit(connection: Connection) -> Conversation:
        found = conversation_id
        if external_id is not None:
            found = records.find_by_external_id(connection, conversations, external_id, brand)
        return records.find_conversation(connection, found or "")

    return (yield from read(unit))


def update(
    office: Office, conversation_id: str, external_id: str | None, metadata: Mapping[str, str] | None
) -> Verb[Conversation]:
    """Changes what is the host's in a conversation."""
    values: dict[str, Any] = {}
    if external_id is not None:
        values["external_id"] = external_id
    if metadata is not None:
        values["metadata"] = dict(metadata)
    now = office.clock.now()
    changed = write(lambda c: desk.change(c, conversation_id, values, "conversation.updated", office.ids, now))
    return (yield from changed)


def history(office: Office, customer_id: str, after: str | None, limit: int) -> Verb[Page[Message]]:
    """A customer's messages, newest first."""

    def unit(connection: Connection) -> Sequence[Message]:
        who = records.find_customer(connection, customer_id)
        family = family_of(connection, who.id)
        return records.history(connection, customer_ids=family, conversation_id=None, after=after, limit=limit + 1)

    found = yield from read(unit)
    return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)


def delivery(office: Office, delivery_id: str) -> Verb[Delivery]:
    """A delivery."""
    return (yield from read(lambda c: records.find_delivery(c, delivery_id)))


def events(after: int, types: Sequence[str]) -> Verb[Sequence[Event]]:
    """The next events of the log after a number, oldest first; none where it ends there."""
    rows = yield from read(lambda c: log.after(c, after, types))
    return [event_of(row) for row in rows]
