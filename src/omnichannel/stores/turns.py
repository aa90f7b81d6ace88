"""Stage two of inbound: events wait on their lane, are handled one at a time per conversation, and settle together
with everything that the handler wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from omnichannel.model.ids import IdSource
from omnichannel.stores import leases, log, records
from omnichannel.stores.deliveries import insert_all
from omnichannel.stores.notices import insert_notices
from omnichannel.stores.schema import conversations, events, messages
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import DueTurn, Fact, TurnResult

MAX_TRIES = 5
RETRIES = (timedelta(0), timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
"""After how long a handler that raised is run again; after the last one the event is parked and shown."""


def due_lanes(connection: Connection, now: datetime) -> set[int]:
    """The lanes with messages to handle."""
    query = select(events.c.lane).where(events.c.state == "new", events.c.due_at <= now).distinct()
    return set(connection.execute(query).scalars())


def next_due(connection: Connection) -> datetime | None:
    """When the next message is to be handled (again)."""
    found: datetime | None = connection.execute(
        select(func.min(events.c.due_at)).where(events.c.state == "new")
    ).scalar()
    return found


def claim(
    connection: Connection, lanes: Sequence[int], now: datetime, busy: frozenset[str], limit: int
) -> list[DueTurn]:
    """The messages to handle on these lanes, in order. A conversation whose earlier message waits for another try
    is left alone, so that nothing overtakes it."""
    mine = (events.c.state == "new") & events.c.lane.in_(lanes)
    waiting = select(events.c.conversation_id, func.min(events.c.seq)).where(mine, events.c.due_at > now)
    blocked: dict[str, int] = {row[0]: row[1] for row in connection.execute(waiting.group_by(events.c.conversation_id))}
    query = (
        select(events.c.seq, events.c.lane, events.c.tries, events.c.conversation_id, events.c.message_id)
        .where(mine, events.c.due_at <= now)
        .order_by(events.c.seq)
        .limit(limit + len(busy))
    )
    rows = [
        row
        for row in connection.execute(query)
        if row.conversation_id not in busy and row.seq < blocked.get(row.conversation_id, row.seq + 1)
    ]
    return _load(connection, rows[:limit])


def _load(connection: Connection, rows: Sequence[AnyRow]) -> list[DueTurn]:
    if not rows:
        return []
    said = select(messages).where(messages.c.id.in_([row.message_id for row in rows]))
    found = connection.execute(said).all()
    authors = records.authors_of(connection, found)
    by_message = {row.id: records.message(row, authors.get(row.address_id)) for row in found}
    places = select(conversations).where(conversations.c.id.in_(list({row.conversation_id for row in rows})))
    by_conversation = {row.id: records.conversation(row) for row in connection.execute(places)}
    people = records.customers_of(connection, {place.customer_id for place in by_conversation.values()})
    return [
        DueTurn(
            seq=row.seq,
            lane=row.lane,
            tries=row.tries,
            message=by_message[row.message_id],
            conversation=by_conversation[row.conversation_id],
            customer=people[by_conversation[row.conversation_id].customer_id],
        )
        for row in rows
    ]


_DONE = update(events).where(events.c.seq == bindparam("b_seq"), events.c.state == "new").values(state="done")


def settle(connection: Connection, results: Sequence[TurnResult]) -> Sequence[bool]:
    """Commits what handlers did. False for a turn whose lane another process has taken over since: nothing of it is
    written, and it is handled again there."""
    standing: dict[tuple[int, int, str], bool] = {}
    for result in results:
        key = (result.lane, result.fence, result.owner)
        if key not in standing:
            standing[key] = leases.held(connection, lease_name(result.lane), result.owner, result.fence)
    kept = [result for result in results if standing[result.lane, result.fence, result.owner]]
    if kept:
        connection.execute(_DONE, [{"b_seq": result.seq} for result in kept])
        insert_all(connection, [new for result in kept for new in result.deliveries])
        insert_notices(connection, [notice for result in kept for notice in result.notices])
        _change(connection, kept)
        notes = [note for result in kept for note in result.notes]
        if notes:
            connection.execute(insert(messages), notes)
        for result in kept:
            log.append(connection, result.facts, result.ids, result.now)
    return [standing[result.lane, result.fence, result.owner] for result in results]


def lease_name(lane: int) -> str:
    """The lease of a lane."""
    return f"lane:{lane}"


def _change(connection: Connection, results: Sequence[TurnResult]) -> None:
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for result in results:
        if result.changes:
            names = tuple(sorted(result.changes))
            values = {f"b_{name}": value for name, value in result.changes.items()}
            groups.setdefault(names, []).append(values | {"b_id": result.conversation_id})
    for names, rows in groups.items():
        statement = update(conversations).where(conversations.c.id == bindparam("b_id"))
        binds: dict[str, Any] = {name: bindparam(f"b_{name}") for name in names}
        binds["version"] = conversations.c.version + 1
        connection.execute(statement.values(binds), rows)


def fail(connection: Connection, seq: int, tries: int, error: str, now: datetime, ids: IdSource) -> bool:
    """A handler raised: the event is tried again by plan, or parked with its error. True where it was parked."""
    tries += 1
    parked = tries >= MAX_TRIES
    values: Mapping[str, Any] = {
        "tries": tries,
        "error": error,
        "state": "parked" if parked else "new",
        "due_at": None if parked else now + RETRIES[tries],
    }
    connection.execute(update(events).where(events.c.seq == seq).values(values))
    if parked:
        row = connection.execute(
            select(events.c.conversation_id, conversations.c.brand)
            .join(conversations, conversations.c.id == events.c.conversation_id)
            .where(events.c.seq == seq)
        ).one()
        fact = Fact(type="message.parked", brand=row.brand, data={"conversation": row.conversation_id, "error": error})
        log.append(connection, [fact], ids, now)
    return parked


def replay(connection: Connection, now: datetime) -> int:
    """Handles parked messages once more."""
    parked = update(events).where(events.c.state == "parked")
    return connection.execute(parked.values(state="new", due_at=now, tries=0, error=None)).rowcount
