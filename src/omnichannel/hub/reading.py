"""Reading records and following events."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Self

import anyio
from sqlalchemy import Connection, insert, select
from sqlalchemy import update as update_rows

from omnichannel.handlers import Event
from omnichannel.handlers.dispatch import event_of
from omnichannel.hub.answers import Page
from omnichannel.hub.core import Core
from omnichannel.model.address import Address, Customer
from omnichannel.model.conversation import Conversation
from omnichannel.model.exceptions import ConfigurationError, DeliveryError, NotFound, RefusedContent
from omnichannel.model.message import Delivery, Message
from omnichannel.stores import desk, log, records
from omnichannel.stores.directory import family_of
from omnichannel.stores.merging import merge
from omnichannel.stores.progress import RANK
from omnichannel.stores.schema import addresses, conversations, customers, deliveries

SWEEP = 1.0


def _one_of(**given: object) -> None:
    if sum(value is not None for value in given.values()) != 1:
        raise ConfigurationError(f"give exactly one of {', '.join(given)}")


async def customer(
    core: Core, customer_id: str | None, external_id: str | None, address: Address | None, brand: str
) -> Customer:
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

    return await core.store.read(unit)


async def link_customer(core: Core, customer_id: str, external_id: str, assurance: int) -> Customer:
    """Ties a customer to the host's own record; two who are the same to the host are one from now on."""
    now = core.ports.clock.now()

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
        log.append(connection, facts, core.ids, now)
        return records.find_customer(connection, owner)

    return await core.store.write(unit)


async def add_address(core: Core, customer_id: str, address: Address) -> Customer:
    """Notes an address that the host knows of."""
    now, fresh = core.ports.clock.now(), core.ids.new("adr")

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

    return await core.store.write(unit)


async def conversation(core: Core, conversation_id: str | None, external_id: str | None, brand: str) -> Conversation:
    """A conversation by one of two names."""
    _one_of(id=conversation_id, external_id=external_id)

    def unit(connection: Connection) -> Conversation:
        found = conversation_id
        if external_id is not None:
            found = records.find_by_external_id(connection, conversations, external_id, brand)
        return records.find_conversation(connection, found or "")

    return await core.store.read(unit)


async def update(
    core: Core, conversation_id: str, external_id: str | None, metadata: Mapping[str, str] | None
) -> Conversation:
    """Changes what is the host's in a conversation."""
    values: dict[str, Any] = {}
    if external_id is not None:
        values["external_id"] = external_id
    if metadata is not None:
        values["metadata"] = dict(metadata)
    now = core.ports.clock.now()
    return await core.store.write(
        lambda c: desk.change(c, conversation_id, values, "conversation.updated", core.ids, now)
    )


async def history(core: Core, customer_id: str, after: str | None, limit: int) -> Page[Message]:
    """A customer's messages, newest first."""

    def unit(connection: Connection) -> Sequence[Message]:
        who = records.find_customer(connection, customer_id)
        family = family_of(connection, who.id)
        return records.history(connection, customer_ids=family, conversation_id=None, after=after, limit=limit + 1)

    found = await core.store.read(unit)
    return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)


async def delivery(core: Core, delivery_id: str) -> Delivery:
    """A delivery."""
    return await core.store.read(lambda c: records.find_delivery(c, delivery_id))


async def wait(core: Core, delivery_id: str, until: str, within: timedelta | None) -> Delivery:
    """Waits for a delivery."""
    clock = core.ports.clock
    ends = None if within is None else clock.now() + within
    while True:
        found = await delivery(core, delivery_id)
        if found.state in ("failed", "expired", "cancelled"):
            why = await core.store.read(partial(_why, delivery_id=delivery_id))
            raise DeliveryError(f"delivery {delivery_id} is {found.state}: {why}")
        if RANK.get(found.state, 0) >= RANK[until]:
            return found
        if ends is not None and clock.now() >= ends:
            raise TimeoutError(f"delivery {delivery_id} is still {found.state}")
        await core.ports.engine.wait(0.05)
        await anyio.lowlevel.checkpoint()


def _why(connection: Connection, *, delivery_id: str) -> str:
    found = connection.execute(select(deliveries.c.reason).where(deliveries.c.id == delivery_id)).scalar()
    return found or "no reason is known"


class EventStream:
    """The event log from a number on, for ever. No generator: whoever leaves the loop has nothing to close."""

    def __init__(self, core: Core, after: int | None, types: Sequence[str]) -> None:
        self._core = core
        self._seq = after
        self._types = types
        self._read: deque[Event] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """The next event; waits for it."""
        store = self._core.store
        if self._seq is None:
            self._seq = await store.read(log.last)
        while not self._read:
            rows = await store.read(partial(log.after, seq=self._seq, types=self._types))
            self._read.extend(event_of(row) for row in rows)
            if not rows:
                await self._core.ports.engine.wait(SWEEP)
        event = self._read.popleft()
        self._seq = event.seq
        return event
