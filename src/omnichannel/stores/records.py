"""From rows to the records that hosts see, and the reading queries for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, cast

from sqlalchemy import Connection, Table, select

from omnichannel.model.address import Address, Customer
from omnichannel.model.base import NOTHING
from omnichannel.model.content import Media
from omnichannel.model.conversation import Conversation
from omnichannel.model.exceptions import NotFound
from omnichannel.model.message import Attempt, Delivery, Message
from omnichannel.stores.directory import owners_of
from omnichannel.stores.schema import (
    addresses,
    attempts,
    conversations,
    customers,
    deliveries,
    merges,
    messages,
    participants,
)
from omnichannel.stores.statements import row_by, rows_among, rows_by
from omnichannel.stores.types import AnyRow, fetch


def _shown(record: type[Any], table: Table) -> tuple[str, ...]:
    return tuple(one.name for one in fields(record) if one.name in table.c)


ADDRESS = _shown(Address, addresses)
CUSTOMER = _shown(Customer, customers)
CONVERSATION = _shown(Conversation, conversations)
MESSAGE = (*_shown(Message, messages), "address_id")
"""The columns that a record is made of: a row has others, which would be read for nothing."""


def address(row: Any) -> Address:
    """An address."""
    return Address(
        id=row.id,
        channel=row.channel,
        value=row.value,
        account=row.account,
        aliases=row.aliases or NOTHING,
        assurance=row.assurance,
        expires_at=row.expires_at,
        name=row.name,
    )


def customer(row: Any, own: Sequence[Address]) -> Customer:
    """A customer with their addresses."""
    return Customer(
        id=row.id,
        brand=row.brand,
        addresses=tuple(own),
        external_id=row.external_id,
        name=row.name,
        language=row.language,
        timezone=row.timezone,
        preferred_channel=row.preferred_channel,
        tags=frozenset(row.tags or ()),
        metadata=row.metadata or NOTHING,
    )


def conversation(row: Any, people: Sequence[str] = ()) -> Conversation:
    """A conversation."""
    return Conversation(
        id=row.id,
        brand=row.brand,
        customer_id=row.customer_id,
        status=row.status,
        channel=row.channel,
        account=row.account,
        surface=row.surface,
        visibility=row.visibility,
        queue=row.queue,
        version=row.version,
        participants=tuple(people),
        address_id=row.address_id,
        thread=row.thread,
        external_id=row.external_id,
        assignee=row.assignee,
        tags=frozenset(row.tags or ()),
        language=row.language,
        due_at=row.due_at,
        created_at=row.created_at,
        last_in_at=row.last_in_at,
        linked_to=row.linked_to,
        history_hidden=row.history_hidden,
        unverified=row.unverified,
        priority=row.priority,
        metadata=row.metadata or NOTHING,
    )


def media_of(items: Sequence[Mapping[str, Any]] | None) -> tuple[Media, ...]:
    """The attachments of a message."""
    return tuple(
        Media(
            id=item["id"],
            kind=item["kind"],
            name=item["name"],
            type=item["type"],
            size=item["size"],
            sha256=item["sha256"],
            ref=item["ref"],
            alt=item.get("alt"),
            caption=item.get("caption", ""),
        )
        for item in items or ()
    )


def message(row: Any, author: Address | None = None) -> Message:
    """A message."""
    return Message(
        id=row.id,
        conversation_id=row.conversation_id,
        sent_at=row.sent_at,
        direction=row.direction,
        kind=row.kind,
        channel=row.channel,
        adapter=row.adapter,
        account=row.account,
        surface=row.surface,
        visibility=row.visibility,
        text=row.text,
        author=author,
        language=row.language,
        attachments=media_of(row.attachments),
        choice=row.choice,
        reply_to=row.reply_to,
        edited_at=row.edited_at,
        deleted_at=row.deleted_at,
        imported=row.imported,
        automatic=row.automatic,
        platform_id=row.platform_id,
    )


def delivery(row: Any, tried: Sequence[Attempt] = ()) -> Delivery:
    """A delivery with what was attempted for it."""
    return Delivery(
        id=row.id,
        conversation_id=row.conversation_id,
        state=row.state,
        channel=row.channel,
        attempts=tuple(tried),
        metadata=row.metadata or NOTHING,
        expires_at=row.expires_at,
    )


def attempt(row: Any) -> Attempt:
    """An attempt."""
    return Attempt(
        channel=row.channel,
        account=row.account,
        started_at=row.started_at,
        state=row.state,
        outcome=row.outcome,
        certain=row.certain,
        code=row.code,
        detail=row.detail,
        cost=row.cost,
        part=row.n,
    )


# ---------------------------------------------------------------- reading


def find_conversation(connection: Connection, conversation_id: str) -> Conversation:
    """A conversation by id. Raises `NotFound`."""
    row = connection.execute(select(conversations).where(conversations.c.id == conversation_id)).first()
    if row is None:
        raise NotFound(f"there is no conversation {conversation_id!r}")
    query = select(participants.c.customer_id).where(participants.c.conversation_id == conversation_id)
    return conversation(row, list(connection.execute(query.order_by(participants.c.customer_id)).scalars()))


def find_by_external_id(connection: Connection, table: Any, external_id: str, brand: str) -> str:
    """Our id for the host's. Raises `NotFound`."""
    found = connection.execute(select(table.c.id).where(table.c.external_id == external_id, table.c.brand == brand))
    ours = found.scalar()
    if ours is None:
        kind = table.name.removeprefix("omni_").rstrip("s")
        raise NotFound(f"there is no {kind} with external_id {external_id!r} in brand {brand!r}")
    return cast(str, ours)


def find_customer(connection: Connection, customer_id: str) -> Customer:
    """A customer by id; a merged one resolves to who they are now. Raises `NotFound`."""
    found = customers_of(connection, [customer_id])
    if customer_id not in found:
        raise NotFound(f"there is no customer {customer_id!r}")
    return found[customer_id]


def customers_of(connection: Connection, ids: Iterable[str]) -> dict[str, Customer]:
    """Customers by the ids asked for, each as who they are now, with the addresses of all merged into them."""
    asked = set(ids)
    owners = owners_of(connection, asked)
    wanted = {owners.get(found, found) for found in asked}
    rows = rows_among(connection, customers, "id", wanted, read=CUSTOMER)
    members = families_of(connection, wanted)
    own: dict[str, list[Address]] = {found: [] for found in wanted}
    read = (*ADDRESS, "customer_id")
    for row in rows_among(connection, addresses, "customer_id", members, order=("id",), read=read):
        own[members[row.customer_id]].append(address(row))
    people = {row.id: customer(row, own[row.id]) for row in rows}
    return {found: people[owner] for found in asked if (owner := owners.get(found, found)) in people}


def families_of(connection: Connection, owners: set[str]) -> dict[str, str]:
    """For each owner and everyone merged into them, the owner."""
    members = {owner: owner for owner in owners}
    pending = list(owners)
    while pending:
        rows = rows_among(connection, merges, "into_id", pending)
        fresh = [row for row in rows if row.undone_at is None and row.customer_id not in members]
        members |= {row.customer_id: members[row.into_id] for row in fresh}
        pending = [row.customer_id for row in fresh]
    return members


def find_delivery(connection: Connection, delivery_id: str) -> Delivery:
    """A delivery by id. Raises `NotFound`."""
    row = row_by(connection, deliveries, id=delivery_id)
    if row is None:
        raise NotFound(f"there is no delivery {delivery_id!r}")
    return delivery(row, attempts_of(connection, delivery_id))


def attempts_of(connection: Connection, delivery_id: str) -> list[Attempt]:
    """What was attempted for a delivery, oldest first."""
    return [attempt(row) for row in rows_by(connection, attempts, delivery_id=delivery_id, order=("seq",))]


def history(
    connection: Connection, *, customer_ids: Sequence[str], conversation_id: str | None, after: str | None, limit: int
) -> list[Message]:
    """Messages of a person, or of one conversation, newest first, older than the cursor `after`."""
    query = select(messages).order_by(messages.c.id.desc()).limit(limit)
    if conversation_id is None:
        query = query.where(messages.c.customer_id.in_(customer_ids))
    else:
        query = query.where(messages.c.conversation_id == conversation_id)
    if after is not None:
        query = query.where(messages.c.id < after)
    rows = fetch(connection, query)
    authors = authors_of(connection, rows)
    return [message(row, authors.get(row.address_id)) for row in rows]


def authors_of(connection: Connection, rows: Sequence[AnyRow]) -> dict[str, Address]:
    """The addresses that wrote these messages."""
    wanted = list({row.address_id for row in rows if row.address_id is not None})
    if not wanted:
        return {}
    return {row.id: address(row) for row in rows_among(connection, addresses, "id", wanted, read=ADDRESS)}
