"""How far a delivery has come: what a status, an echo or a late failure does to its rows.

Everything here runs inside the caller's unit, so that what is known of a part, its step and its delivery changes
together, and each change is in the event log with it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, and_, bindparam, select, update

from omnichannel.model.base import dump
from omnichannel.model.ids import IdSource
from omnichannel.model.outcome import Failure
from omnichannel.stores.prepared import Prepared
from omnichannel.stores.schema import attempts, deliveries, parts, steps
from omnichannel.stores.statements import rows_by, set_by
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import Fact
from omnichannel.stores.upsert import member_of, update_rows

_FAILURE: TypeAdapter[Failure] = TypeAdapter(Failure)
CODE_KEY = "code:"
"""What the key of a delivery begins with that carries a code; the conversation that waits for it follows."""

RANK = {"pending": 0, "started": 0, "unknown": 0, "failed": 0, "accepted": 1, "sent": 2, "delivered": 3, "read": 4}
RANK["replied"] = 5
FINAL = frozenset({"expired", "cancelled"})
SPOKEN = ("message", "private", "start")
"""Kinds of delivery in which we speak in the conversation; the others are about it."""

_PARTS = Prepared(
    select(
        parts,
        deliveries.c.brand,
        deliveries.c.customer_id,
        deliveries.c.conversation_id,
        deliveries.c.kind,
        deliveries.c.content.label("said"),
        deliveries.c.agent,
        deliveries.c.automatic,
        deliveries.c.state.label("delivery_state"),
        deliveries.c.step.label("current_step"),
        deliveries.c.due_at.label("delivery_due_at"),
        deliveries.c.idempotency_key,
        steps.c.channel,
        steps.c.adapter,
        steps.c.account,
        steps.c.surface,
        steps.c.address_id,
        steps.c.success,
        steps.c.deadline_at,
    )
    .join(deliveries, deliveries.c.id == parts.c.delivery_id)
    .join(steps, (steps.c.delivery_id == parts.c.delivery_id) & (steps.c.n == parts.c.step))
    .where(member_of(parts.c.key, "keys"))
)
_STATES = Prepared(
    select(parts.c.delivery_id, parts.c.step, parts.c.state).where(member_of(parts.c.delivery_id, "those"))
)
_CURRENT = select(deliveries.c.step).where(deliveries.c.id == steps.c.delivery_id).scalar_subquery()
_STEPS_OK = Prepared(
    update(steps)
    .where(member_of(steps.c.delivery_id, "those"), steps.c.n == _CURRENT)
    .values(state="ok", deadline_at=None)
)
DOUBTED = and_(attempts.c.state == "failed", attempts.c.certain.is_(False))
"""A try that may have arrived and is made again under its key; it is no longer in doubt once its part is accepted."""
_newest = attempts.alias("newest")
_NEWEST = (
    select(_newest.c.seq).where(_newest.c.part == bindparam("of")).order_by(_newest.c.seq.desc()).limit(1)
).scalar_subquery()
_ADVANCE = Prepared(
    update(attempts)
    .where(attempts.c.seq == _NEWEST)
    .values(state=bindparam("now_is"), certain=True, ended_at=bindparam("at"))
)


def part_rows(connection: Connection, keys: Collection[str]) -> dict[str, AnyRow]:
    """Parts by their keys, each with its delivery and step."""
    return {row.key: row for row in _PARTS.rows(connection, keys=list(keys))}


def part_row(connection: Connection, key: str) -> AnyRow | None:
    """A part with its delivery and step."""
    return part_rows(connection, [key]).get(key)


def advance(
    connection: Connection, key: str, state: str, failure: Failure | None, now: datetime, ids: IdSource
) -> list[Fact]:
    """A status for a part. States only go forward; a failure reopens the delivery, unless it has arrived already,
    has expired, or another step has taken over."""
    row = part_row(connection, key)
    if row is None or row.delivery_state in FINAL:
        return []
    if state == "failed":
        return _fail_late(connection, row, failure, now)
    if RANK[state] <= RANK[row.state]:
        return []
    set_by(connection, parts, {"key": key}, {"state": state, "failure": None})
    _ADVANCE.run(connection, {"of": key, "now_is": state, "at": now})
    if row.step != row.current_step:
        return _succeeded_late(connection, row, now)
    moved = recompute(connection, [row])[row.delivery_id]
    return [] if moved.fact is None else [moved.fact]


def _succeeded_late(connection: Connection, row: AnyRow, now: datetime) -> list[Fact]:
    """A step that was given up reports success after all: what followed is not sent any more, or, where it is out
    already, the customer has two copies, and that is told."""
    this = (steps.c.delivery_id == row.delivery_id, steps.c.n == row.step)
    step = connection.execute(select(steps).where(*this)).one()
    rank = min(RANK[part.state] for part in _parts(connection, row.delivery_id, row.step))
    if step.state == "ok" or rank < RANK[step.success]:
        return []
    connection.execute(update(steps).where(*this).values(state="ok", deadline_at=None))
    later = _parts(connection, row.delivery_id, row.current_step)
    what = {"delivery": row.delivery_id, "conversation": row.conversation_id, "channel": step.channel}
    if any(part.state != "pending" for part in later):
        return [Fact(type="delivery.doubled", brand=row.brand, data=what)]
    given_up = update(steps).where(steps.c.delivery_id == row.delivery_id, steps.c.n == row.current_step)
    connection.execute(given_up.values(state="skipped", outcome="not_needed", deadline_at=None))
    state = next(name for name, known in RANK.items() if known == rank)
    values = {"step": row.step, "state": state, "channel": step.channel, "due_at": None, "reason": None}
    connection.execute(update(deliveries).where(deliveries.c.id == row.delivery_id).values(values))
    return [Fact(type="delivery.updated", brand=row.brand, data=what | {"state": state})]


def _parts(connection: Connection, delivery_id: str, step: int) -> Sequence[AnyRow]:
    return rows_by(connection, parts, delivery_id=delivery_id, step=step)


def _fail_late(connection: Connection, row: AnyRow, failure: Failure | None, now: datetime) -> list[Fact]:
    if RANK[row.state] >= RANK["delivered"] or row.state == "failed" or row.delivery_state == "replied":
        return []
    data = None if failure is None else dump(_FAILURE, failure)
    connection.execute(update(parts).where(parts.c.key == row.key).values(state="failed", failure=data))
    newest = select(attempts.c.seq).where(attempts.c.part == row.key).order_by(attempts.c.seq.desc()).limit(1)
    connection.execute(
        update(attempts)
        .where(attempts.c.seq == newest.scalar_subquery())
        .values(
            state="failed",
            ended_at=now,
            certain=failure.certain if failure else True,  # it may have been unknown until now
            outcome=failure.outcome if failure else None,
            code=failure.code if failure else None,
            detail=failure.message if failure else "",
        )
    )
    if row.step == row.current_step:
        reopened = update(steps).where(steps.c.delivery_id == row.delivery_id, steps.c.n == row.step)
        connection.execute(reopened.values(state="running"))
        connection.execute(
            update(deliveries).where(deliveries.c.id == row.delivery_id).values(state="queued", due_at=now)
        )
    return [_fact(row, "failed")]


def _fact(row: AnyRow, state: str) -> Fact:
    what = {"delivery": row.delivery_id, "conversation": row.conversation_id, "channel": row.channel, "state": state}
    return Fact(type="delivery.updated", brand=row.brand, data=what)


@dataclass(frozen=True, slots=True)
class Moved:
    """How far a delivery has come, and when there is something to do about it next."""

    fact: Fact | None
    due_at: datetime | None


def recompute(connection: Connection, rows: Sequence[AnyRow]) -> dict[str, Moved]:
    """The states of deliveries from the parts of their current steps: each has come as far as the part that is furthest
    behind. Given one part of each, as it was before it changed; a part of an earlier step moves nothing."""
    current = {row.delivery_id: row for row in rows if row.step == row.current_step and row.delivery_state not in FINAL}
    states: dict[str, list[str]] = {}
    for part in _STATES.rows(connection, those=list(current)) if current else ():
        if part.step == current[part.delivery_id].step:
            states.setdefault(part.delivery_id, []).append(part.state)
    moved = {row.delivery_id: Moved(None, row.delivery_due_at) for row in rows}
    changed: list[dict[str, Any]] = []
    for delivery_id, row in current.items():
        values = _progress(row, states[delivery_id])
        if values is None:
            continue
        fact = None if values["state"] == row.delivery_state else _fact(row, values["state"])
        moved[delivery_id] = Moved(fact, values.get("due_at", row.delivery_due_at))
        if values["state"] == "unknown":
            set_by(connection, deliveries, {"id": delivery_id}, values)
        else:
            changed.append({"id": delivery_id, **values})
    update_rows(connection, deliveries, changed, key="id")
    done = [one["id"] for one in changed if RANK[one["state"]] >= RANK[current[one["id"]].success]]
    if done:
        _STEPS_OK.run(connection, {"those": done})
    return moved


def _progress(row: AnyRow, states: Sequence[str]) -> dict[str, Any] | None:
    if "failed" in states:
        return None
    lowest = min(RANK[state] for state in states)
    if lowest == 0:
        return {"state": "unknown"} if "unknown" in states else None
    name = next(state for state, rank in RANK.items() if rank == lowest and rank > 0)
    if RANK.get(row.delivery_state, 0) >= RANK[name] and row.delivery_due_at is None:
        return None
    succeeded = lowest >= RANK[row.success]
    return {"state": name, "channel": row.channel, "reason": None, "due_at": None if succeeded else row.deadline_at}
