"""Withdrawals and their history, the moves that followed, and the counts of where everyone ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, func, insert, select, update

from omnichannel.model.base import dump
from omnichannel.model.conversation import Conversation
from omnichannel.model.exceptions import NotFound
from omnichannel.model.ids import IdSource
from omnichannel.model.withdrawal import Withdrawal
from omnichannel.stores import log, records
from omnichannel.stores.health import wake_held
from omnichannel.stores.schema import (
    addresses,
    contacts,
    conversations,
    moves,
    notices,
    withdrawal_history,
    withdrawals,
)
from omnichannel.stores.units import Fact
from omnichannel.stores.upsert import upsert
from omnichannel.withdrawal.phases import next_change, phase_at

_DATA: TypeAdapter[Withdrawal] = TypeAdapter(Withdrawal)


def active(connection: Connection) -> list[Withdrawal]:
    """Those that were not ended."""
    query = select(withdrawals.c.data).where(withdrawals.c.ended_at.is_(None)).order_by(withdrawals.c.id)
    return [_DATA.validate_python(data) for data in connection.execute(query).scalars()]


def state(connection: Connection) -> tuple[int, datetime | None]:
    """How many changes there were, and the last of them: enough to see whether anything is new."""
    query = select(func.count(), func.max(withdrawal_history.c.changed_at)).select_from(withdrawal_history)
    row = connection.execute(query).one()
    return row[0], row[1]


def get(connection: Connection, withdrawal_id: str) -> Withdrawal:
    """One by id. Raises `NotFound`."""
    data = connection.execute(select(withdrawals.c.data).where(withdrawals.c.id == withdrawal_id)).scalar()
    if data is None:
        raise NotFound(f"there is no withdrawal {withdrawal_id!r}")
    return _DATA.validate_python(data)


def save(connection: Connection, new: Withdrawal, by: str, what: str, now: datetime, ids: IdSource) -> None:
    """Keeps a withdrawal, with who changed what when."""
    data = dump(_DATA, new)
    phase = phase_at(new, now)
    values: dict[str, Any] = {
        "id": new.id,
        "brand": new.brand,
        "channel": new.channel,
        "account": new.account,
        "data": data,
        "period": new.period,
        "phase": phase,
        "due_at": next_change(new, now),
        "updated_at": now,
    }
    upsert(connection, withdrawals, [values], key=("id",), update=[name for name in values if name != "id"])
    connection.execute(
        insert(withdrawal_history).values(withdrawal_id=new.id, changed_at=now, changed_by=by, what=what, data=data)
    )
    wake_held(connection, now)
    fact = {"withdrawal": new.id, "channel": new.channel, "phase": phase, "what": what}
    log.append(connection, [Fact(type="withdrawal.changed", brand=new.brand, data=fact)], ids, now)


def advance(connection: Connection, now: datetime, ids: IdSource) -> int:
    """Notes the phases that have begun; gives how many. The phase itself is a function of the clock: this tells it."""
    due = connection.execute(select(withdrawals).where(withdrawals.c.due_at <= now).order_by(withdrawals.c.id)).all()
    for row in due:
        one = _DATA.validate_python(row.data)
        phase = phase_at(one, now)
        changed = update(withdrawals).where(withdrawals.c.id == row.id)
        connection.execute(changed.values(phase=phase, due_at=next_change(one, now), updated_at=now))
        if phase == row.phase:
            continue
        connection.execute(
            insert(withdrawal_history).values(
                withdrawal_id=row.id, changed_at=now, changed_by="clock", what=f"phase {phase}", data=row.data
            )
        )
        wake_held(connection, now)
        what = {"withdrawal": row.id, "channel": row.channel, "phase": phase, "before": row.phase}
        log.append(connection, [Fact(type="withdrawal.phase_changed", brand=row.brand, data=what)], ids, now)
    return len(due)


def next_due(connection: Connection) -> datetime | None:
    """When the next phase begins."""
    found: datetime | None = connection.execute(select(func.min(withdrawals.c.due_at))).scalar()
    return found


def people_on(connection: Connection, brand: str, channel: str, account: str | None = None) -> Sequence[str]:
    """The customers of a brand who have an address on a channel, by the id of the row that holds it; of an account,
    those who were in touch with it."""
    query = select(addresses.c.customer_id).where(addresses.c.brand == brand, addresses.c.channel == channel)
    if account is not None:
        query = query.join(contacts, contacts.c.address_id == addresses.c.id).where(contacts.c.account == account)
    return list(connection.execute(query.distinct()).scalars())


def moved_people(connection: Connection, withdrawal_id: str) -> set[str]:
    """Who followed the notice. Whoever came with the reference and has not proved who they are does not count: the
    conversation has left no address yet."""
    query = select(moves.c.customer_id).where(moves.c.withdrawal_id == withdrawal_id, moves.c.from_address.isnot(None))
    return set(connection.execute(query).scalars())


def told_people(connection: Connection, withdrawal_id: str) -> set[str]:
    """Who was given the notice."""
    query = select(notices.c.customer_id).where(notices.c.withdrawal_id == withdrawal_id)
    return set(connection.execute(query).scalars())


def open_on(connection: Connection, one: Withdrawal) -> int:
    """How many open conversations take place where a withdrawal is about."""
    c = conversations.c
    query = select(func.count()).select_from(conversations)
    query = query.where(c.brand == one.brand, c.channel == one.channel, c.status != "resolved")
    if one.account is not None:
        query = query.where(c.account == one.account)
    if one.scope.surface is not None:
        query = query.where(c.surface == one.scope.surface)
    return connection.execute(query).scalar_one()


def surfaces_of(connection: Connection, one: Withdrawal) -> dict[str, str]:
    """Where on the channel each customer's newest conversation takes place."""
    c = conversations.c
    query = select(c.customer_id, c.surface).where(c.brand == one.brand, c.channel == one.channel).order_by(c.id)
    return {row.customer_id: row.surface for row in connection.execute(query)}


def silent_on(connection: Connection, one: Withdrawal, limit: int | None) -> list[Conversation]:
    """The newest conversation there of each customer who did not get this period's notice and has not moved."""
    had = select(notices.c.customer_id).where(notices.c.withdrawal_id == one.id, notices.c.period == one.period)
    gone = select(moves.c.customer_id).where(moves.c.withdrawal_id == one.id, moves.c.from_address.isnot(None))
    query = select(conversations).where(
        conversations.c.brand == one.brand,
        conversations.c.channel == one.channel,
        conversations.c.customer_id.notin_(had),
        conversations.c.customer_id.notin_(gone),
    )
    if one.account is not None:
        query = query.where(conversations.c.account == one.account)
    if one.scope.surface is not None:
        query = query.where(conversations.c.surface == one.scope.surface)
    newest = {row.customer_id: row for row in connection.execute(query.order_by(conversations.c.id))}
    return [records.conversation(row) for row in list(newest.values())[:limit]]
