"""Later news about messages and accounts: edits, deletions, and what a platform says of our account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from omnichannel.kit.mask import mask_cards
from omnichannel.model.base import dump
from omnichannel.model.event import CHANNEL_EVENT, AccountChanged, MessageDeleted, MessageEdited
from omnichannel.stores.prepared import Prepared
from omnichannel.stores.schema import conversations, events, messages, timers
from omnichannel.stores.types import fetch
from omnichannel.stores.units import AccountInfo, Fact
from omnichannel.stores.upsert import has_nul, member_of, upsert


def edit_message(connection: Connection, event: MessageEdited) -> Sequence[Fact]:
    """Replaces the text; an edit older than the one we have changes nothing."""
    mine = (messages.c.platform_id == event.message_id) & (messages.c.account == event.account)
    row = connection.execute(
        select(messages.c.id, messages.c.conversation_id, messages.c.edited_at).where(mine)
    ).first()
    if row is None or (row.edited_at is not None and row.edited_at >= event.occurred_at):
        return []
    connection.execute(
        update(messages).where(messages.c.id == row.id).values(text=mask_cards(event.text), edited_at=event.occurred_at)
    )
    return [_fact(connection, "message.edited", row.id, row.conversation_id)]


def delete_message(connection: Connection, event: MessageDeleted) -> Sequence[Fact]:
    """Marks a message as taken back; agents still see that there was one."""
    mine = (messages.c.platform_id == event.message_id) & (messages.c.account == event.account)
    row = connection.execute(select(messages.c.id, messages.c.conversation_id).where(mine)).first()
    if row is None:
        return []
    connection.execute(update(messages).where(messages.c.id == row.id).values(deleted_at=event.occurred_at))
    return [_fact(connection, "message.deleted", row.id, row.conversation_id)]


def _fact(connection: Connection, kind: str, message_id: str, conversation_id: str) -> Fact:
    brand = connection.execute(select(conversations.c.brand).where(conversations.c.id == conversation_id)).scalar()
    return Fact(type=kind, brand=brand or "default", data={"message": message_id, "conversation": conversation_id})


def record_account_change(
    connection: Connection, event: AccountChanged, info: AccountInfo, now: datetime
) -> Sequence[Fact]:
    """Leaves the news for whoever keeps the health of accounts; the host is told in any case."""
    key = f"{event.account}:{event.dedupe}"
    data = dump(CHANNEL_EVENT, event)
    upsert(
        connection,
        timers,
        [{"kind": "account_changed", "key": key, "due_at": now, "data": data}],
        key=("kind", "key"),
    )
    what = {"account": event.account, "state": event.state, "detail": event.detail}
    return [Fact(type="account.changed", brand=info.brand, data=what)]


_FILED = select(events.c.account, events.c.kind, events.c.key)
_SEEN = Prepared(_FILED.where(member_of(events.c.key, "keys")))


def filed(connection: Connection, keys: Sequence[str]) -> set[tuple[str, str, str]]:
    """The events with these keys that there are already: account, kind and key."""
    if has_nul(keys):
        rows = fetch(connection, _FILED.where(events.c.key.in_(keys)))
    else:
        rows = _SEEN.rows(connection, keys=keys)
    return {(row.account, row.kind, row.key) for row in rows}
