"""Later news about messages and accounts: edits, deletions, and what a platform says of our account.

Platforms promise no order, and after an outage everything comes at once: news of a message may come in the same batch
as the message itself, or before it. Then it waits, and is applied when the message is filed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import Connection, delete, insert, select, update

from omnichannel.kit.mask import mask_cards
from omnichannel.model.base import dump
from omnichannel.model.event import (
    CHANNEL_EVENT,
    AccountChanged,
    ChannelEvent,
    MessageDeleted,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
)
from omnichannel.stores.prepared import Prepared
from omnichannel.stores.schema import conversations, events, messages, timers, unmatched
from omnichannel.stores.types import fetch
from omnichannel.stores.units import AccountInfo, Fact
from omnichannel.stores.upsert import among, has_nul, member_of, upsert

Found: TypeAlias = tuple[int, ChannelEvent]
"""An event with the number of its journal row."""


def runs_of(found: Sequence[Found]) -> Iterator[Sequence[Found]]:
    """The events in runs that can be filed in bulk: a run ends before what changes, or may answer, a message of it,
    because that looks for rows."""
    run: list[Found] = []
    said: set[tuple[str, str]] = set()
    for seq, event in found:
        if _looks_back(event, said):
            yield run
            run, said = [], set()
        run.append((seq, event))
        if isinstance(event, MessageReceived):
            said.add((event.account, event.message_id or event.dedupe))
    if run:
        yield run


def _looks_back(event: ChannelEvent, said: set[tuple[str, str]]) -> bool:
    if isinstance(event, MessageEdited | MessageDeleted):
        return (event.account, event.message_id) in said
    return bool(said) and isinstance(event, MessageEchoed)  # it joins the conversation that they may have begun


def edit_message(connection: Connection, event: MessageEdited, now: datetime) -> Sequence[Fact]:
    """Replaces the text; an edit older than the one we have changes nothing, one of a message that is not here yet
    waits for it."""
    mine = (messages.c.platform_id == event.message_id) & (messages.c.account == event.account)
    row = connection.execute(
        select(messages.c.id, messages.c.conversation_id, messages.c.edited_at).where(mine)
    ).first()
    if row is None:
        return _wait(connection, event, now)
    if row.edited_at is not None and row.edited_at >= event.occurred_at:
        return []
    connection.execute(
        update(messages).where(messages.c.id == row.id).values(text=mask_cards(event.text), edited_at=event.occurred_at)
    )
    return [_fact(connection, "message.edited", row.id, row.conversation_id)]


def delete_message(connection: Connection, event: MessageDeleted, now: datetime) -> Sequence[Fact]:
    """Marks a message as taken back; agents still see that there was one. Waits for one that is not here yet."""
    mine = (messages.c.platform_id == event.message_id) & (messages.c.account == event.account)
    row = connection.execute(select(messages.c.id, messages.c.conversation_id).where(mine)).first()
    if row is None:
        return _wait(connection, event, now)
    connection.execute(update(messages).where(messages.c.id == row.id).values(deleted_at=event.occurred_at))
    return [_fact(connection, "message.deleted", row.id, row.conversation_id)]


def _wait(connection: Connection, event: MessageEdited | MessageDeleted, now: datetime) -> Sequence[Fact]:
    """Kept as long as a status without its message is; see `statuses.forget_unmatched`."""
    row = {"account": event.account, "receipt": event.message_id, "received_at": now}
    connection.execute(insert(unmatched).values(row | {"data": dump(CHANNEL_EVENT, event)}))
    return []


_WAITING = select(unmatched.c.seq, unmatched.c.account, unmatched.c.receipt, unmatched.c.data)
_EARLY = Prepared(_WAITING.where(member_of(unmatched.c.receipt, "ids")).order_by(unmatched.c.seq))


def join_early(connection: Connection, said: Sequence[tuple[str, str]], now: datetime) -> list[Fact]:
    """Applies news that came before these messages (account and platform id), which have just been filed."""
    ids, these = [platform_id for _, platform_id in said], set(said)
    if has_nul(ids):
        rows = fetch(connection, _WAITING.where(among(unmatched.c.receipt, ids)).order_by(unmatched.c.seq))
    else:
        rows = _EARLY.rows(connection, ids=ids) if ids else []
    facts: list[Fact] = []
    for row in rows:
        event = CHANNEL_EVENT.validate_python(row.data)
        if (row.account, row.receipt) in these and isinstance(event, MessageEdited | MessageDeleted):
            connection.execute(delete(unmatched).where(unmatched.c.seq == row.seq))
            facts.extend(apply_early(connection, event, now))
    return facts


def apply_early(connection: Connection, event: ChannelEvent, now: datetime) -> Sequence[Fact]:
    """News of a message that has waited for it, now that it is here."""
    if isinstance(event, MessageEdited):
        return edit_message(connection, event, now)
    return delete_message(connection, event, now) if isinstance(event, MessageDeleted) else []


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
