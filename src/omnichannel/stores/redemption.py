"""A reference comes back: what `omnichannel.continuation` decides about it, carried out in the intake's unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select, update

from omnichannel.continuation.assurance import on_surface
from omnichannel.continuation.redeem import Redeemer, RedemptionKind, ReferenceState, redeem
from omnichannel.continuation.references import digest
from omnichannel.model.event import MessageReceived
from omnichannel.stores.directory import AddressRow
from omnichannel.stores.merging import merge
from omnichannel.stores.schema import moves, reference_tries, references
from omnichannel.stores.threads import ConversationRow
from omnichannel.stores.units import AccountInfo, Fact

TRIES_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Use:
    """A reference that may be used: how, and where it opens."""

    digest: str
    kind: RedemptionKind
    conversation_id: str
    withdrawal_id: str | None
    hide_history: bool
    opened_in: str | None


def redeem_first(
    connection: Connection,
    found: Sequence[str],
    info: AccountInfo,
    sender: AddressRow,
    event: MessageReceived,
    now: datetime,
) -> Use | None:
    """The first of these references that opens something; None where the message is an ordinary one.

    Wrong references are counted against their sender, so that guessing ends after a few.
    """
    query = select(references).where(references.c.digest.in_([digest(reference) for reference in found]))
    rows = {row.digest: row for row in connection.execute(query)}
    visibility = info.visibility.get(event.surface, "private")
    by = Redeemer(
        channel=info.channel,
        address=sender.value,
        brand=info.brand,
        visibility=visibility,
        assurance=event.assurance,
        automatic=event.automatic,
        wrong_tries=_wrong_tries(connection, sender, now),
    )
    for reference in found:
        key = digest(reference)
        row = rows.get(key)
        state = None
        if row is not None:
            state = ReferenceState(
                conversation_id=row.conversation_id,
                brand=row.brand,
                target=row.target,
                created_at=row.created_at,
                expires_at=row.expires_at,
                assurance=row.assurance,
                public=row.public,
                redeemed_by=row.redeemed_by,
                hidden=row.hidden,
            )
        outcome = redeem(state, by, now)
        if outcome.kind != "refused" and row is not None:
            return Use(key, outcome.kind, row.conversation_id, row.withdrawal_id, outcome.hide_history, row.opened_in)
        if outcome.reason == "unknown":
            connection.execute(insert(reference_tries).values(address_id=sender.id, at=now))
    return None


def _wrong_tries(connection: Connection, sender: AddressRow, now: datetime) -> int:
    query = select(func.count()).select_from(reference_tries)
    recent = query.where(reference_tries.c.address_id == sender.id, reference_tries.c.at > now - TRIES_WITHIN)
    return connection.execute(recent).scalar_one()


def take_up(
    connection: Connection,
    origin: ConversationRow,
    opened: ConversationRow,
    info: AccountInfo,
    sender: AddressRow,
    event: MessageReceived,
    use: Use,
    now: datetime,
) -> Sequence[Fact]:
    """Marks the reference as used and records the move.

    Where identity is shown by it, `opened` is `origin` itself: it goes on here, with its agent, its place in the queue
    and its clock, and the sender is the customer. Otherwise `opened` is a new, empty conversation linked to it.
    """
    connection.execute(
        update(references)
        .where(references.c.digest == use.digest, references.c.redeemed_at.is_(None))
        .values(redeemed_at=now, redeemed_by=sender.value, hidden=use.hide_history, opened_in=opened.id)
    )
    connection.execute(
        insert(moves).values(
            brand=origin.brand,
            conversation_id=origin.id,
            customer_id=origin.customer_id,
            withdrawal_id=use.withdrawal_id,
            from_channel=origin.channel,
            to_channel=info.channel,
            from_address=origin.address_id if opened is origin else None,
            address_id=sender.id,
            assurance=on_surface(event.assurance, info.visibility.get(event.surface, "private")),
            moved_at=now,
        )
    )
    what = {"conversation": origin.id, "customer": origin.customer_id, "from": origin.channel, "to": info.channel}
    facts = [Fact(type="conversation.moved", brand=origin.brand, data=what | {"opened": opened.id})]
    if opened is origin:
        facts += _same_person(connection, origin, sender, event.assurance, now)
        go_on_at(origin, info, sender, event, use.hide_history, now)
    return facts


def _same_person(
    connection: Connection, origin: ConversationRow, sender: AddressRow, assurance: int, now: datetime
) -> list[Fact]:
    """The sender is the conversation's customer."""
    facts = merge(
        connection,
        brand=origin.brand,
        customer_id=sender.owner_id,
        into_id=origin.customer_id,
        address_id=sender.id,
        assurance=assurance,
        evidence="reference",
        reason=f"took up conversation {origin.id}",
        now=now,
    )
    sender.owner_id = origin.customer_id
    return facts


def go_on_at(
    origin: ConversationRow,
    info: AccountInfo,
    sender: AddressRow,
    event: MessageReceived,
    hide_history: bool,
    now: datetime,
) -> None:
    """The conversation takes place where its customer has just written."""
    origin.channel, origin.adapter, origin.account = info.channel, info.adapter, info.id
    origin.surface = event.surface
    origin.visibility = info.visibility.get(event.surface, "private")
    origin.address_id, origin.thread = sender.id, event.thread
    origin.context = dict(event.context) or None
    origin.options, origin.moved_at = None, now
    origin.history_hidden = hide_history
