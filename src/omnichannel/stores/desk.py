"""The desk's rows: who waits, who answers, notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from omnichannel.desk.queue import QueueKey, queue_key
from omnichannel.model.conversation import Conversation
from omnichannel.model.exceptions import NotFound, VersionConflict
from omnichannel.model.ids import IdSource
from omnichannel.model.message import Message
from omnichannel.stores import log, records
from omnichannel.stores.schema import conversations, events, messages
from omnichannel.stores.statements import row_by
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import Fact

_OPEN = ("open", "snoozed")


def listing(
    connection: Connection, queue: str, state: str, agent: str | None, after: QueueKey | None, limit: int
) -> list[Conversation]:
    """Conversations of a queue in the order in which they are to be answered."""
    c = conversations.c
    query = select(conversations).where(c.queue == queue)
    match state:
        case "waiting":
            query = query.where(c.status == "open", c.waiting.is_(True))
        case "mine":
            query = query.where(c.status.in_(_OPEN), c.assignee == agent)
        case _:
            query = query.where(c.status == state)
    rows = connection.execute(query.order_by(c.priority.desc(), c.due_at, c.created_at, c.id)).all()
    found = sorted((records.conversation(row) for row in rows), key=queue_key)
    if after is not None:
        found = [one for one in found if queue_key(one) > after]
    return found[:limit]


def row_of(connection: Connection, conversation_id: str, if_version: int | None = None) -> AnyRow:
    """A conversation's row. Raises `NotFound` and `VersionConflict`."""
    return checked(row_by(connection, conversations, id=conversation_id), conversation_id, if_version)


def checked(row: AnyRow | None, conversation_id: str, if_version: int | None = None) -> AnyRow:
    """A conversation's row, if it was found, and at that version. Raises `NotFound` and `VersionConflict`."""
    if row is None:
        raise NotFound(f"there is no conversation {conversation_id!r}")
    if if_version is not None and row.version != if_version:
        raise VersionConflict(conversation_id, expected=if_version, found=row.version)
    return row


def change(
    connection: Connection,
    conversation_id: str,
    values: Mapping[str, Any],
    fact: str | None,
    ids: IdSource,
    now: datetime,
    **data: Any,
) -> Conversation:
    """Changes a conversation, and tells it."""
    row = row_of(connection, conversation_id)
    changed = update(conversations).where(conversations.c.id == conversation_id)
    connection.execute(changed.values(version=row.version + 1, **values))
    if fact is not None:
        what = {"conversation": conversation_id, **data}
        log.append(connection, [Fact(type=fact, brand=row.brand, data=what)], ids, now)
    return records.find_conversation(connection, conversation_id)


def add_note(
    connection: Connection, conversation_id: str, text: str, agent: str | None, ids: IdSource, now: datetime
) -> Message:
    """A note that the customer never sees."""
    row = row_of(connection, conversation_id)
    message_id = ids.new("msg")
    connection.execute(
        insert(messages).values(
            id=message_id,
            conversation_id=conversation_id,
            customer_id=row.customer_id,
            direction="out",
            kind="note",
            channel=row.channel,
            adapter=row.adapter,
            account=row.account,
            surface=row.surface,
            visibility="private",
            sent_at=now,
            recorded_at=now,
            text=text,
            agent=agent,
        )
    )
    return records.message(connection.execute(select(messages).where(messages.c.id == message_id)).one())


def parked(connection: Connection) -> Sequence[AnyRow]:
    """Messages whose handlers failed for good, newest first."""
    query = select(events).where(events.c.state == "parked").order_by(events.c.seq.desc()).limit(200)
    return connection.execute(query).all()
