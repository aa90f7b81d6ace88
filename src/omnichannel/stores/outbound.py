"""The outbox's rows: what is due, what is known about it, and each change as a unit of its own."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Integer, bindparam, exists, func, select, update

from omnichannel.model.base import dump
from omnichannel.model.ids import IdSource
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.stores import consents, log
from omnichannel.stores.directory import OPTED_OUT
from omnichannel.stores.outgoing import Outgoing, load_rows
from omnichannel.stores.prepared import Prepared
from omnichannel.stores.progress import DOUBTED, SPOKEN
from omnichannel.stores.schema import (
    addresses,
    attempts,
    conversations,
    deliveries,
    parts,
    steps,
)
from omnichannel.stores.statements import set_by
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import LANES, AccountInfo, Fact
from omnichannel.stores.upsert import member_of, not_member_of

_FAILURE: TypeAdapter[Failure] = TypeAdapter(Failure)
WAITING = "queued"
"""The state in which a delivery holds up the later ones of its conversation: what was said first arrives first."""
_before = deliveries.alias("before")
_IS_FIRST = ~exists().where(
    _before.c.conversation_id == deliveries.c.conversation_id,
    _before.c.id < deliveries.c.id,
    _before.c.state == WAITING,
    _before.c.due_at.isnot(None),
)

_FREE = deliveries.c.state != WAITING
_DUE = (
    select(deliveries)
    .where(deliveries.c.due_at <= bindparam("now"), _FREE | _IS_FIRST)
    .where(not_member_of(deliveries.c.conversation_id, "busy"))
    .order_by(deliveries.c.due_at)
    .limit(bindparam("most", type_=Integer))
)
_CLAIM = Prepared(_DUE)
_CLAIM_SOME = Prepared(_DUE.where(member_of(deliveries.c.lane, "lanes")))
_DUE_LANES = Prepared(select(deliveries.c.lane).where(deliveries.c.due_at <= bindparam("now")).distinct())


@dataclass(frozen=True, slots=True, order=True)
class DueDelivery:
    """A delivery that there is something to do about; `out` is all about it, for the first of its conversation."""

    delivery_id: str
    conversation_id: str
    lane: int
    out: Outgoing | None = field(default=None, compare=False)


def due_lanes(connection: Connection, now: datetime) -> set[int]:
    """The lanes with deliveries to work on."""
    return {row.lane for row in _DUE_LANES.rows(connection, now=now)}


def next_due(connection: Connection) -> datetime | None:
    """When there is something to do about a delivery next."""
    free = _FREE | _IS_FIRST
    found: datetime | None = connection.execute(select(func.min(deliveries.c.due_at)).where(free)).scalar()
    return found


def claim(
    connection: Connection, lanes: Collection[int], now: datetime, busy: Collection[str], limit: int
) -> list[DueDelivery]:
    """The deliveries to work on, in order; none that an earlier one of its conversation holds up."""
    given = {"now": now, "busy": list(busy), "most": limit}
    every = len(lanes) == LANES
    rows = _CLAIM.rows(connection, **given) if every else _CLAIM_SOME.rows(connection, lanes=list(lanes), **given)
    first: dict[str, AnyRow] = {}
    for row in sorted(rows, key=attrgetter("id")):
        first.setdefault(row.conversation_id, row)
    loaded = load_rows(connection, list(first.values()))
    return sorted(DueDelivery(row.id, row.conversation_id, row.lane, loaded.get(row.id)) for row in rows)


class Overtaken(Exception):
    """An echo or a status has settled what this was about since it was read: nothing of it is written. Look again."""


def _only(changed: int) -> None:
    if not changed:
        raise Overtaken


def fail_attempt(
    connection: Connection,
    key: str,
    attempt: int,
    failure: Failure,
    part_state: str,
    due_at: datetime | None,
    now: datetime,
) -> bool:
    """An attempt ended without success: what the platform said, and what becomes of the part. False where another
    attempt, or an echo of one, has settled the part: it stays as it is. Raises `Overtaken`."""
    unknown = part_state == "unknown"
    ended = {
        "state": "unknown" if unknown else "failed",
        "was_unknown": unknown,
        "ended_at": now,
        "outcome": failure.outcome,
        "certain": failure.certain,
        "code": failure.code,
        "detail": failure.message,
    }
    _only(set_by(connection, attempts, {"seq": attempt, "state": "started"}, ended))
    kept = dump(_FAILURE, failure) if part_state == "failed" else None
    under_way = {"key": key, "state": "started"}
    return set_by(connection, parts, under_way, {"state": part_state, "due_at": due_at, "failure": kept}) > 0


def doubt(connection: Connection, part: AnyRow, until: datetime) -> None:
    """What was tried under the part's key may have arrived, and the platform has forgotten the key: the part is not
    tried again until then, unless something settles it. Raises `Overtaken`."""
    _only(set_by(connection, parts, _as_seen(part), {"state": "unknown", "due_at": until}))
    newest = select(attempts.c.seq).where(attempts.c.part == part.key, DOUBTED).order_by(attempts.c.seq.desc()).limit(1)
    this = update(attempts).where(attempts.c.seq == newest.scalar_subquery())
    connection.execute(this.values(state="unknown", was_unknown=True))


def postpone(connection: Connection, part: AnyRow, due_at: datetime | None, *, resent: bool = False) -> None:
    """The part is to be tried, then. Raises `Overtaken`."""
    values: dict[str, Any] = {"state": "pending", "due_at": due_at}
    if resent:
        values["resent"] = True
    _only(set_by(connection, parts, _as_seen(part), values))


def _as_seen(part: AnyRow) -> dict[str, Any]:
    return {"key": part.key, "state": part.state}


def end_step(connection: Connection, delivery_id: str, n: int, state: str, outcome: str | None) -> None:
    """A step that runs is over without success. Raises `Overtaken`."""
    ended = {"state": state, "outcome": outcome, "deadline_at": None}
    _only(set_by(connection, steps, {"delivery_id": delivery_id, "n": n, "state": "running"}, ended))


def set_delivery(connection: Connection, delivery: AnyRow, now: datetime, ids: IdSource, **values: Any) -> None:
    """Changes a delivery, if it is in the state that was seen; a new state is told. Raises `Overtaken`."""
    _only(set_by(connection, deliveries, {"id": delivery.id, "state": delivery.state}, values))
    state = values.get("state", delivery.state)
    if state != delivery.state:
        what = {"delivery": delivery.id, "conversation": delivery.conversation_id, "state": state}
        what |= {"reason": values.get("reason"), "channel": delivery.channel}
        log.append(connection, [Fact(type="delivery.updated", brand=delivery.brand, data=what)], ids, now)
    if state in ("failed", "unknown") and state != delivery.state and values.get("due_at") is None:
        _show(connection, delivery, now)


def _show(connection: Connection, delivery: AnyRow, now: datetime) -> None:
    """What could not be said to a customer is for a person: the conversation waits in its queue again."""
    if delivery.kind not in SPOKEN or delivery.purpose != "service":
        return
    c = conversations.c
    waits = update(conversations).where(c.id == delivery.conversation_id, c.waiting.is_(False))
    connection.execute(waits.values(waiting=True, waiting_at=now, version=c.version + 1))


def note_address(
    connection: Connection, step: AnyRow, failure: Failure, delivery: AnyRow, now: datetime, ids: IdSource
) -> None:
    """What a failure says about the address: nobody is reached there, or nobody wants to be, until somebody writes
    from it again."""
    if failure.outcome is Outcome.OPTED_OUT:
        fact = consents.record(
            connection,
            info=AccountInfo(id=step.account, channel=step.channel, adapter=step.adapter, brand=delivery.brand),
            customer_id=delivery.customer_id,
            address_id=step.address_id,
            purpose=failure.purpose or "all",
            granted=False,
            source="platform",
            text=failure.message,
            at=now,
        )
        log.append(connection, [fact], ids, now)
    gone = failure.outcome is Outcome.UNREACHABLE and failure.level is Level.ADDRESS
    refused = failure.outcome is Outcome.OPTED_OUT and failure.purpose is None
    if step.address_id is not None and (gone or refused):
        # On this surface: whoever takes no private messages may still be answered in public.
        why = f"{step.surface} {OPTED_OUT if refused else failure.code or ''}"
        marked = update(addresses).where(addresses.c.id == step.address_id)
        connection.execute(marked.values(unreachable_at=now, unreachable_why=why))


def spent(connection: Connection, delivery_id: str) -> Decimal:
    """What a delivery has cost."""
    costs = connection.execute(select(attempts.c.cost).where(attempts.c.delivery_id == delivery_id)).scalars()
    return sum((cost for cost in costs if cost is not None), Decimal(0))
