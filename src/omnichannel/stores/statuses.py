"""What platforms tell us later about what we sent: statuses, and our own messages coming back as echoes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, insert, or_, select

from omnichannel.model.base import dump
from omnichannel.model.event import CHANNEL_EVENT, DeliveryUpdated, MessageEchoed
from omnichannel.model.ids import IdSource
from omnichannel.stores import acceptance, progress
from omnichannel.stores.directory import family_of, owners_of
from omnichannel.stores.schema import (
    addresses,
    attempts,
    conversations,
    messages,
    parts,
    receipts,
    steps,
    unmatched,
)
from omnichannel.stores.units import AccountInfo, Fact

UNSETTLED = ("started", "unknown")
OPEN = (*UNSETTLED, "failed")
_IN_DOUBT = and_(progress.DOUBTED, parts.c.state.in_(("pending", "started", "unknown")))
SETTLED = ("accepted", "sent", "delivered")
NEWEST = 200
"""How many messages a status without an id reaches back to: what is older had its own."""
_NAMES = re.compile(r"^(?:\s*@\w+)+")

UNMATCHED_FOR = timedelta(days=8)
"""How long a status waits for its message: longer than the longest redelivery (Meta: 7 days)."""


def apply_status(connection: Connection, event: DeliveryUpdated, now: datetime, ids: IdSource) -> Sequence[Fact]:
    """Joins a status to its part, by the platform's id or by our own key; one that comes too early waits. A status that
    names a time instead is that of all that was sent up to then."""
    if event.until is not None:
        return _up_to(connection, event, event.until, now, ids)
    key = _part_of(connection, event.account, event.receipt, event.correlation)
    if key is None:
        connection.execute(
            insert(unmatched).values(
                account=event.account,
                receipt=event.receipt,
                correlation=event.correlation,
                received_at=now,
                data=dump(CHANNEL_EVENT, event),
            )
        )
        return []
    if event.state != "failed":
        _settle_unknown(connection, key, event.account, event.receipt, now, ids)
    return progress.advance(connection, key, event.state, event.failure, now, ids)


def _up_to(
    connection: Connection, event: DeliveryUpdated, until: datetime, now: datetime, ids: IdSource
) -> Sequence[Fact]:
    """All that this person was sent on the account up to a time, as far as we know that it had been taken by then.

    A message counts from when we were told that the platform has it, which is after the platform's own time for it: so
    one that is on its way is never called read, and waits for the next status instead. It settles nothing unknown.
    """
    theirs = select(addresses.c.customer_id).where(addresses.c.value == event.recipient)
    known = list(connection.execute(theirs).scalars())
    owners = {*known, *owners_of(connection, known).values()}
    people = {one for owner in owners for one in family_of(connection, owner)}
    sent = (
        select(messages.c.platform_id)
        .where(messages.c.customer_id.in_(people), messages.c.direction == "out", messages.c.account == event.account)
        .where(messages.c.sent_at <= until)
        .order_by(messages.c.id.desc())
        .limit(NEWEST)
    )
    query = (
        select(parts.c.key)
        .join(receipts, receipts.c.part == parts.c.key)
        .join(steps, (steps.c.delivery_id == parts.c.delivery_id) & (steps.c.n == parts.c.step))
        .where(receipts.c.platform_id.in_(list(connection.execute(sent).scalars())))
        .where(receipts.c.account == event.account, steps.c.to == event.recipient, parts.c.state.in_(SETTLED))
        .order_by(parts.c.delivery_id, parts.c.n)
    )
    keys = dict.fromkeys(connection.execute(query).scalars())
    return [fact for key in keys for fact in progress.advance(connection, key, event.state, event.failure, now, ids)]


def _part_of(connection: Connection, account: str, receipt: str, correlation: str | None) -> str | None:
    query = select(receipts.c.part).where(receipts.c.platform_id == receipt, receipts.c.account == account)
    found: str | None = connection.execute(query).scalar()
    if found is None and correlation:
        tried = or_(parts.c.state.in_(OPEN), and_(parts.c.state == "pending", parts.c.tries > 0))
        known = select(parts.c.key).where(parts.c.key == correlation, tried)
        found = connection.execute(known).scalar()
    return found


def _settle_unknown(connection: Connection, key: str, account: str, receipt: str, now: datetime, ids: IdSource) -> None:
    """A part of whose answer we do not know (it was hidden, or its process died, or it comes in a moment) was taken:
    the platform has just told us."""
    query = (
        select(attempts.c.seq)
        .join(parts, parts.c.key == attempts.c.part)
        .where(attempts.c.part == key, or_(attempts.c.state.in_(UNSETTLED), _IN_DOUBT))
    )
    attempt = connection.execute(query.order_by(attempts.c.seq.desc()).limit(1)).scalar()
    if attempt is not None:
        sent = acceptance.Sent((receipt,))
        acceptance.accept(connection, [acceptance.Accepted(key, attempt, sent, "private", now, ids)])


def settle_by_echo(
    connection: Connection, event: MessageEchoed, info: AccountInfo, now: datetime, ids: IdSource
) -> Sequence[Fact]:
    """Our own message, seen from the platform's side: it settles what was unknown, or it was written by a colleague
    in the platform's own app and joins the history."""
    known = select(messages.c.id).where(messages.c.platform_id == event.message_id, messages.c.account == event.account)
    if connection.execute(known).first() or _receipt_known(connection, event):
        return []
    unsettled = _unsettled_part(connection, event)
    if unsettled is not None:
        key, attempt = unsettled
        visibility = info.visibility.get(event.surface, "private")
        sent = acceptance.Sent((event.message_id,), event.thread)
        acceptance.accept(connection, [acceptance.Accepted(key, attempt, sent, visibility, now, ids)])
        return []
    return _by_colleague(connection, event, info, now, ids)


def _receipt_known(connection: Connection, event: MessageEchoed) -> bool:
    query = select(receipts.c.part).where(
        receipts.c.platform_id == event.message_id, receipts.c.account == event.account
    )
    return connection.execute(query).first() is not None


def _unsettled_part(connection: Connection, event: MessageEchoed) -> tuple[str, int] | None:
    """The part that this echo can only be: same account, same recipient, same words, and not settled yet."""
    query = (
        select(parts.c.key, attempts.c.seq, parts.c.content)
        .join(attempts, attempts.c.part == parts.c.key)
        .join(steps, (steps.c.delivery_id == parts.c.delivery_id) & (steps.c.n == parts.c.step))
        .where(attempts.c.account == event.account, or_(attempts.c.state.in_(UNSETTLED), _IN_DOUBT))
        .order_by(attempts.c.seq)
    )
    if event.correlation:
        query = query.where(parts.c.key == event.correlation)
    elif event.recipient:
        query = query.where(steps.c.to == event.recipient)
    for row in connection.execute(query):
        if event.correlation or _words(str(row.content.get("text", ""))) == _words(event.text):
            return row.key, row.seq
    return None


def _words(text: str) -> str:
    """A text without the names that it begins with: platforms add them to answers, and take them away."""
    return " ".join(_NAMES.sub("", text).split())


def _by_colleague(
    connection: Connection, event: MessageEchoed, info: AccountInfo, now: datetime, ids: IdSource
) -> Sequence[Fact]:
    place = _conversation_with(connection, event, info)
    if place is None:
        return []
    conversation_id, customer_id = place
    connection.execute(
        insert(messages).values(
            id=ids.new("msg"),
            conversation_id=conversation_id,
            customer_id=customer_id,
            direction="out",
            channel=info.channel,
            adapter=info.adapter,
            account=info.id,
            surface=event.surface,
            visibility=info.visibility.get(event.surface, "private"),
            sent_at=event.occurred_at,
            recorded_at=now,
            text=event.text,
            platform_id=event.message_id,
        )
    )
    what = {"conversation": conversation_id, "channel": info.channel, "by": "platform"}
    return [Fact(type="message.sent", brand=info.brand, data=what)]


def _conversation_with(connection: Connection, event: MessageEchoed, info: AccountInfo) -> tuple[str, str] | None:
    query = select(conversations.c.id, conversations.c.customer_id).where(conversations.c.account == info.id)
    if event.thread:
        first = query.where(conversations.c.thread == event.thread).order_by(conversations.c.id).limit(1)
        row = connection.execute(first).first()
        if row is not None:
            return row.id, row.customer_id
    theirs = select(addresses.c.id).where(
        addresses.c.value == event.recipient, addresses.c.channel == info.channel, addresses.c.brand == info.brand
    )
    query = query.where(conversations.c.address_id.in_(theirs)).order_by(conversations.c.id.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else (row.id, row.customer_id)


def forget_unmatched(connection: Connection, now: datetime) -> int:
    """Drops statuses that nothing ever claimed."""
    return connection.execute(delete(unmatched).where(unmatched.c.received_at < now - UNMATCHED_FOR)).rowcount
