"""How far a delivery has come: what an acceptance, a status, an echo or a late failure does to its rows.

Everything here runs inside the caller's unit, so that what is known of a part, its step and its delivery changes
together, and each change is in the event log with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, and_, bindparam, delete, or_, select, update

from omnichannel.model.base import dump
from omnichannel.model.content import Localized, Text, as_content, load_block, load_sendable, text_of
from omnichannel.model.event import CHANNEL_EVENT, DeliveryUpdated
from omnichannel.model.ids import IdSource
from omnichannel.model.outcome import Failure
from omnichannel.stores import log
from omnichannel.stores.prepared import Prepared
from omnichannel.stores.schema import (
    attempts,
    codes,
    contacts,
    conversations,
    customers,
    deliveries,
    messages,
    parts,
    receipts,
    steps,
    unmatched,
)
from omnichannel.stores.statements import row_by, rows_by, set_by
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import Fact
from omnichannel.stores.upsert import insert_rows, upsert

_FAILURE: TypeAdapter[Failure] = TypeAdapter(Failure)
CODE_KEY = "code:"
"""What the key of a delivery begins with that carries a code; the conversation that waits for it follows."""

RANK = {"pending": 0, "started": 0, "unknown": 0, "failed": 0, "accepted": 1, "sent": 2, "delivered": 3, "read": 4}
RANK["replied"] = 5
FINAL = frozenset({"expired", "cancelled"})
SPOKEN = ("message", "private", "start")
"""Kinds of delivery in which we speak in the conversation; the others are about it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a platform gave us for a part: its ids, and the thread where it opened one."""

    ids: tuple[str, ...]
    thread: str | None = None
    state: str = "accepted"


_PART = Prepared(
    select(
        parts,
        deliveries.c.brand,
        deliveries.c.customer_id,
        deliveries.c.conversation_id,
        deliveries.c.kind,
        deliveries.c.content.label("said"),
        deliveries.c.visibility,
        deliveries.c.agent,
        deliveries.c.automatic,
        deliveries.c.state.label("delivery_state"),
        deliveries.c.step.label("current_step"),
        deliveries.c.expires_at,
        deliveries.c.idempotency_key,
        steps.c.channel,
        steps.c.adapter,
        steps.c.account,
        steps.c.surface,
        steps.c.address_id,
        steps.c.to,
    )
    .join(deliveries, deliveries.c.id == parts.c.delivery_id)
    .join(steps, (steps.c.delivery_id == parts.c.delivery_id) & (steps.c.n == parts.c.step))
    .where(parts.c.key == bindparam("part"))
)
DOUBTED = and_(attempts.c.state == "failed", attempts.c.certain.is_(False))
"""A try that may have arrived and is made again under its key; it is no longer in doubt once its part is accepted."""
_OPEN = or_(attempts.c.state == "started", attempts.c.state == "unknown", DOUBTED)
_TAKEN = Prepared(
    update(attempts)
    .where(attempts.c.seq == bindparam("attempt"), _OPEN)
    .values(state=bindparam("now_is"), ended_at=bindparam("at"), certain=True)
)
_newest = attempts.alias("newest")
_NEWEST = (
    select(_newest.c.seq).where(_newest.c.part == bindparam("of")).order_by(_newest.c.seq.desc()).limit(1)
).scalar_subquery()
_ADVANCE = Prepared(
    update(attempts)
    .where(attempts.c.seq == _NEWEST)
    .values(state=bindparam("now_is"), certain=True, ended_at=bindparam("at"))
)
_EARLY = Prepared(
    select(unmatched).where(
        (unmatched.c.receipt == bindparam("receipt_")) | (unmatched.c.correlation == bindparam("key_")),
        unmatched.c.account == bindparam("account_"),
    )
)


def part_row(connection: Connection, key: str) -> AnyRow | None:
    """A part with its delivery and step."""
    found = _PART.rows(connection, part=key)
    return found[0] if found else None


def accept(
    connection: Connection, key: str, attempt: int, sent: Sent, visibility: str, now: datetime, ids: IdSource
) -> None:
    """The platform took the part: its receipts, our message, and whatever statuses came before it.

    Said twice, by an echo or a status and by the answer to our request, in any order, it is still one acceptance."""
    row = part_row(connection, key)
    if row is None:
        return
    _TAKEN.run(connection, {"attempt": attempt, "now_is": sent.state, "at": now})
    if RANK[row.state] < RANK[sent.state]:
        set_by(connection, parts, {"key": key}, {"state": sent.state, "failure": None, "due_at": None})
    rows = [
        {"platform_id": found, "account": row.account, "delivery_id": row.delivery_id, "part": key, "attempt": attempt}
        for found in sent.ids
    ]
    upsert(connection, receipts, rows, key=("platform_id", "account"))
    _record_message(connection, row, sent, visibility, now, ids)
    log.append(connection, _move_on(connection, row, sent, visibility, now), ids, now)
    if row.kind == "code" and row.idempotency_key is not None:
        # Its 15 minutes begin when it is out: a limit of the platform may have held it back for longer than that.
        waiting = codes.c.conversation_id == row.idempotency_key.removeprefix(CODE_KEY)
        connection.execute(update(codes).where(waiting, codes.c.state == "open").values(created_at=now))
    recompute(connection, row.delivery_id, now, ids)
    _join_unmatched(connection, row.account, key, sent.ids, now, ids)


def _record_message(
    connection: Connection, row: AnyRow, sent: Sent, visibility: str, now: datetime, ids: IdSource
) -> None:
    if not sent.ids or row_by(connection, messages, platform_id=sent.ids[0], account=row.account) is not None:
        return
    if RANK[row.state] >= RANK["accepted"] and _is_named(connection, row, sent.ids[0]):
        return
    content = load_block(row.content)
    message = {
        "id": ids.new("msg"),
        "conversation_id": row.conversation_id,
        "customer_id": row.customer_id,
        "direction": "out",
        "channel": row.channel,
        "adapter": row.adapter,
        "account": row.account,
        "surface": row.surface,
        "visibility": visibility,
        "sent_at": now,
        "recorded_at": now,
        "text": text_of(content),
        "platform_id": sent.ids[0],
        "automatic": row.automatic,
        "delivery_id": row.delivery_id,
        "agent": row.agent,
    }
    insert_rows(connection, messages, [message])


def _is_named(connection: Connection, row: AnyRow, platform_id: str) -> bool:
    """Whether this is the message that we have already: one whose id the platform did not tell ("I have that one
    already") bears our part's key until an echo or a status brings its id."""
    if platform_id == row.key:
        return True
    named = {"platform_id": row.key, "account": row.account}
    return set_by(connection, messages, named, {"platform_id": platform_id}) > 0


def _move_on(connection: Connection, row: AnyRow, sent: Sent, visibility: str, now: datetime) -> list[Fact]:
    """The conversation after we wrote: what may be answered by number, and where it takes place now."""
    values: dict[str, Any] = {}
    facts: list[Fact] = []
    if row.kind == "message" and row.agent is not None:
        values |= {"waiting": False, "waiting_at": None, "due_at": None}
    current = row_by(connection, conversations, id=row.conversation_id)
    if current is None:
        return facts
    options = _options(connection, row, current)
    if row.kind in SPOKEN and options != current.options:
        values["options"] = options
    same_place = (current.account, current.surface) == (row.account, row.surface)
    if row.kind in ("message", "private") and not same_place:
        values |= {"channel": row.channel, "adapter": row.adapter, "account": row.account, "surface": row.surface}
        values |= {"visibility": visibility, "address_id": row.address_id, "thread": sent.thread, "context": None}
        values |= {"moved_at": now if current.channel != row.channel else current.moved_at}
        if current.channel != row.channel:
            what = {"conversation": current.id, "customer": current.customer_id}
            what |= {"from": current.channel, "to": row.channel, "opened": current.id}
            facts.append(Fact(type="conversation.moved", brand=current.brand, data=what))
    elif sent.thread and current.thread is None and same_place:
        values["thread"] = sent.thread
    if values:
        set_by(connection, conversations, {"id": current.id}, values, count={"version": 1})
    if row.address_id is not None:
        upsert(
            connection,
            contacts,
            [{"address_id": row.address_id, "account": row.account, "last_out_at": now}],
            key=("address_id", "account"),
            latest=("last_out_at",),
        )
    return facts


def _options(connection: Connection, row: AnyRow, conversation: AnyRow) -> list[list[str]] | None:
    """What may be answered by its number or title from now on: of the whole message, because where there are no
    buttons a part shows them as mere lines. A message that asks nothing ends what was asked before."""
    content = load_sendable(row.said)
    if isinstance(content, Localized):
        theirs = select(customers.c.language).where(customers.c.id == row.customer_id)
        language = conversation.language or connection.execute(theirs).scalar()
        content = as_content(content.pick(language))
    if not isinstance(content, Text) or not content.quick_replies:
        return None
    return [[reply.title, reply.choice] for reply in content.quick_replies]


def _join_unmatched(
    connection: Connection, account: str, key: str, found: Sequence[str], now: datetime, ids: IdSource
) -> None:
    """Statuses that overtook our own settlement are applied now."""
    early: dict[int, AnyRow] = {}
    for receipt in found or ("",):
        rows = _EARLY.rows(connection, receipt_=receipt, key_=key, account_=account)
        early |= {row.seq: row for row in rows}
    for seq, row in sorted(early.items()):
        connection.execute(delete(unmatched).where(unmatched.c.seq == seq))
        event = CHANNEL_EVENT.validate_python(row.data)
        if isinstance(event, DeliveryUpdated):
            log.append(connection, advance(connection, key, event.state, event.failure, now, ids), ids, now)


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
    return recompute(connection, row.delivery_id, now, ids, tell=False)


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


def recompute(
    connection: Connection, delivery_id: str, now: datetime, ids: IdSource, *, tell: bool = True
) -> list[Fact]:
    """The delivery's state from its current step's parts: it has come as far as the part that is furthest behind."""
    (delivery,) = rows_by(connection, deliveries, id=delivery_id)
    step = row_by(connection, steps, delivery_id=delivery_id, n=delivery.step)
    if step is None or delivery.state in FINAL:
        return []
    states = [part.state for part in _parts(connection, delivery_id, delivery.step)]
    if not states or "failed" in states:
        return []
    values = _progress(delivery, step, states, now)
    if values is None:
        return []
    set_by(connection, deliveries, {"id": delivery_id}, values)
    if RANK[values["state"]] >= RANK[step.success]:
        this = {"delivery_id": delivery_id, "n": step.n}
        set_by(connection, steps, this, {"state": "ok", "deadline_at": None})
    if values["state"] == delivery.state:
        return []
    what = {"delivery": delivery_id, "conversation": delivery.conversation_id, "channel": step.channel}
    facts = [Fact(type="delivery.updated", brand=delivery.brand, data=what | {"state": values["state"]})]
    if tell:
        log.append(connection, facts, ids, now)
    return facts


def _progress(delivery: AnyRow, step: AnyRow, states: Sequence[str], now: datetime) -> dict[str, Any] | None:
    lowest = min(RANK[state] for state in states)
    if lowest == 0:
        return {"state": "unknown"} if "unknown" in states else None
    name = next(state for state, rank in RANK.items() if rank == lowest and rank > 0)
    if RANK.get(delivery.state, 0) >= RANK[name] and delivery.due_at is None:
        return None
    succeeded = lowest >= RANK[step.success]
    return {"state": name, "channel": step.channel, "reason": None, "due_at": None if succeeded else step.deadline_at}
