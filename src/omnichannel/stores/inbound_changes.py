"""Later news about messages and accounts: edits, deletions, and what a platform says of our account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from omnichannel.model.event import AccountChanged, MessageDeleted, MessageEdited
from omnichannel.stores.base import AccountInfo
from omnichannel.stores.health import set_health
from omnichannel.stores.log import Fact
from omnichannel.stores.schema import conversations, messages


def edit_message(connection: Connection, event: MessageEdited) -> Sequence[Fact]:
    """Replaces the text; an edit older than the one we have changes nothing."""
    mine = (messages.c.platform_id == event.message_id) & (messages.c.account == event.account)
    row = connection.execute(
        select(messages.c.id, messages.c.conversation_id, messages.c.edited_at).where(mine)
    ).first()
    if row is None or (row.edited_at is not None and row.edited_at >= event.occurred_at):
        return []
    connection.execute(
        update(messages).where(messages.c.id == row.id).values(text=event.text, edited_at=event.occurred_at)
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


_HELD = {"restricted": "suspension", "suspended": "suspension", "revoked": "credentials", "deleted": "suspension"}


def record_account_change(
    connection: Connection, event: AccountChanged, info: AccountInfo, now: datetime
) -> Sequence[Fact]:
    """Holds or releases the account; whatever it is, the host is told."""
    data = {"account": event.account, "state": event.state, "detail": event.detail}
    reason = _HELD.get(event.state)
    if reason is not None:
        set_health(connection, f"account:{event.account}", "held", reason, now, data=data)
        return [Fact(type="account.held", brand=info.brand, data=data | {"reason": reason})]
    if event.state == "ok":
        set_health(connection, f"account:{event.account}", "ok", "", now, data=data)
        return [Fact(type="account.released", brand=info.brand, data=data)]
    return [Fact(type="account.changed", brand=info.brand, data=data)]
