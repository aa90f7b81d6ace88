"""Stage two of inbound: events wait on their lane, are handled one at a time per conversation, and settle together
with everything that the handler wrote."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, bindparam, exists, func, literal_column, select, update

from omnichannel.model.ids import IdSource
from omnichannel.stores import leases, log, records
from omnichannel.stores.deliveries import insert_all
from omnichannel.stores.notices import insert_notices
from omnichannel.stores.prepared import Prepared
from omnichannel.stores.schema import conversations, events, messages
from omnichannel.stores.statements import rows_among
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import LANES, DueTurn, Fact, TurnResult
from omnichannel.stores.upsert import insert_rows, member_of, not_member_of, update_rows

MAX_TRIES = 5
RETRIES = (timedelta(0), timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
"""After how long a handler that raised is run again; after the last one the event is parked and shown."""


_STATE_NEW: ColumnElement[str] = literal_column("'new'")  # a literal: a partial index is not found by a parameter
_PARKED: ColumnElement[str] = literal_column("'parked'")
_IS_NEW = events.c.state == _STATE_NEW
_before = events.alias("before")
_IS_FIRST = ~exists().where(
    _before.c.conversation_id == events.c.conversation_id, _before.c.seq < events.c.seq, _before.c.state == _STATE_NEW
)

_DUE = (
    select(events.c.seq, events.c.lane, events.c.tries, events.c.conversation_id, events.c.message_id)
    .where(_IS_NEW, events.c.due_at <= bindparam("now"), _IS_FIRST)
    .where(not_member_of(events.c.conversation_id, "busy"))
    .order_by(events.c.due_at)
    .limit(bindparam("most", type_=Integer))
)
_CLAIM = Prepared(_DUE)
_CLAIM_SOME = Prepared(_DUE.where(member_of(events.c.lane, "lanes")))
_SETTLE = Prepared(update(events).where(member_of(events.c.seq, "seqs"), _IS_NEW).values(state="done"))
_WITH_PARKED = Prepared(
    select(events.c.conversation_id).where(
        events.c.state == _PARKED, member_of(events.c.conversation_id, "conversations")
    )
)
_DUE_LANES = Prepared(select(events.c.lane).where(_IS_NEW, events.c.due_at <= bindparam("now")).distinct())


def due_lanes(connection: Connection, now: datetime) -> set[int]:
    """The lanes with messages to handle."""
    return {row.lane for row in _DUE_LANES.rows(connection, now=now)}


def next_due(connection: Connection) -> datetime | None:
    """When the next message is to be handled (again)."""
    found: datetime | None = connection.execute(select(func.min(events.c.due_at)).where(_IS_NEW, _IS_FIRST)).scalar()
    return found


def claim(
    connection: Connection, lanes: Collection[int], now: datetime, busy: Collection[str], limit: int
) -> list[DueTurn]:
    """The messages to handle on these lanes: the first of each conversation that is not busy, if it is due.

    So nothing overtakes a message that waits for another try, and a flood in one conversation stands in nobody's way.
    """
    given = {"now": now, "busy": list(busy), "most": limit}
    every = len(lanes) == LANES
    rows = _CLAIM.rows(connection, **given) if every else _CLAIM_SOME.rows(connection, lanes=list(lanes), **given)
    return _load(connection, sorted(rows, key=lambda row: row.seq))


def _load(connection: Connection, rows: Sequence[AnyRow]) -> list[DueTurn]:
    if not rows:
        return []
    wanted = {row.conversation_id for row in rows}
    places = rows_among(connection, conversations, "id", wanted, read=records.CONVERSATION)
    by_conversation = {row.id: records.conversation(row) for row in places}
    people = records.customers_of(connection, {place.customer_id for place in by_conversation.values()})
    found = rows_among(connection, messages, "id", [row.message_id for row in rows], read=records.MESSAGE)
    known = {address.id: address for person in people.values() for address in person.addresses}
    authors = known | records.authors_of(connection, [row for row in found if row.address_id not in known])
    by_message = {row.id: records.message(row, authors.get(row.address_id)) for row in found}
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


def settle(connection: Connection, results: Sequence[TurnResult]) -> Sequence[bool]:
    """Commits what handlers did. False for a turn whose lane another process has taken over since: nothing of it is
    written, and it is handled again there."""
    claims = [(lease_name(result.lane), result.owner, result.fence) for result in results]
    standing = leases.held_of(connection, claims)
    kept = [result for result, claimed in zip(results, claims, strict=True) if claimed in standing]
    if kept:
        _SETTLE.run(connection, {"seqs": [result.seq for result in kept]})
        insert_all(connection, [new for result in kept for new in result.deliveries])
        insert_notices(connection, [notice for result in kept for notice in result.notices])
        _change(connection, kept)
        insert_rows(connection, messages, [note for result in kept for note in result.notes])
        facts = [log.row_of(fact, result.ids, result.now) for result in kept for fact in result.facts]
        log.append_rows(connection, facts)
    return [claimed in standing for claimed in claims]


def lease_name(lane: int) -> str:
    """The lease of a lane."""
    return f"lane:{lane}"


def _change(connection: Connection, results: Sequence[TurnResult]) -> None:
    changed: dict[str, dict[str, Any]] = {}
    shown = _with_parked(connection, [result.conversation_id for result in results if "waiting" in result.changes])
    for result in results:
        if result.changes:
            stays = {"waiting": True, "waiting_at": result.now, "due_at": None}
            more = stays if result.conversation_id in shown else {}
            known = changed.setdefault(result.conversation_id, {"id": result.conversation_id})
            known.update({**result.changes, **more})
    groups: dict[frozenset[str], list[dict[str, Any]]] = {}
    for values in changed.values():
        groups.setdefault(frozenset(values), []).append(values)
    for rows in groups.values():
        update_rows(connection, conversations, rows, key="id", count="version")


def _with_parked(connection: Connection, conversation_ids: Collection[str]) -> set[str]:
    """Those with a message that no handler could deal with: they stay in the queue, whatever is answered after it."""
    if not conversation_ids:
        return set()
    return {row.conversation_id for row in _WITH_PARKED.rows(connection, conversations=conversation_ids)}


def fail(connection: Connection, seq: int, tries: int, error: str, now: datetime, ids: IdSource) -> bool:
    """A handler raised: the event is tried again by plan, or parked with its error. True where it was parked.

    Does nothing where it was settled meanwhile, by another process that took the lane over.
    """
    tries += 1
    parked = tries >= MAX_TRIES
    values: Mapping[str, Any] = {
        "tries": tries,
        "error": error,
        "state": "parked" if parked else "new",
        "due_at": None if parked else now + RETRIES[tries],
    }
    found = connection.execute(update(events).where(events.c.seq == seq, _IS_NEW).values(values)).rowcount
    if not parked or not found:
        return False
    row = connection.execute(
        select(events.c.conversation_id, conversations.c.brand)
        .join(conversations, conversations.c.id == events.c.conversation_id)
        .where(events.c.seq == seq)
    ).one()
    fact = Fact(type="message.parked", brand=row.brand, data={"conversation": row.conversation_id, "error": error})
    log.append(connection, [fact], ids, now)
    return True


def replay(connection: Connection, now: datetime) -> int:
    """Handles parked messages once more."""
    parked = update(events).where(events.c.state == "parked")
    return connection.execute(parked.values(state="new", due_at=now, tries=0, error=None)).rowcount
