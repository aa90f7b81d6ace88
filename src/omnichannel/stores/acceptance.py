"""Parts that platforms took: receipts, our message in the history, how far the delivery has come.

Many at once, in as many statements as for one: what sixteen conversations are answered with at the same moment costs
the database little more than one answer does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, Table, bindparam, delete, or_, select, update

from omnichannel.model.content import Localized, Text, as_content, load_block, load_sendable, text_of
from omnichannel.model.event import CHANNEL_EVENT, DeliveryUpdated
from omnichannel.model.ids import IdSource
from omnichannel.stores import log
from omnichannel.stores.inbound_changes import apply_early
from omnichannel.stores.prepared import Prepared
from omnichannel.stores.progress import (
    CODE_KEY,
    DOUBTED,
    RANK,
    SPOKEN,
    Moved,
    advance,
    part_rows,
    recompute,
)
from omnichannel.stores.schema import (
    attempts,
    codes,
    contacts,
    conversations,
    customers,
    messages,
    parts,
    receipts,
    unmatched,
)
from omnichannel.stores.statements import rows_among, set_by
from omnichannel.stores.texts import without_nul
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import Fact
from omnichannel.stores.upsert import among, has_nul, insert_rows, member_of, update_rows, upsert

_OPEN = or_(attempts.c.state == "started", attempts.c.state == "unknown", DOUBTED)
_TAKEN = Prepared(
    update(parts).where(member_of(parts.c.key, "keys")).values(state=bindparam("now_is"), failure=None, due_at=None)
)
_PLACES = Prepared(
    select(
        conversations.c.id,
        conversations.c.brand,
        conversations.c.customer_id,
        conversations.c.channel,
        conversations.c.account,
        conversations.c.surface,
        conversations.c.thread,
        conversations.c.options,
        conversations.c.language,
        conversations.c.moved_at,
    ).where(member_of(conversations.c.id, "places"))
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a platform gave us for a part: its ids, and the thread where it opened one."""

    ids: tuple[str, ...]
    thread: str | None = None
    state: str = "accepted"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A platform took a part, as an attempt, its answer, an echo or a status told us. With `believed` also what was
    tried under its key before counts as having arrived."""

    part: str
    attempt: int
    sent: Sent
    visibility: str
    at: datetime
    ids: IdSource
    believed: bool = False


_Taken: TypeAlias = tuple[Accepted, AnyRow]
"""With the row of the part as it was before."""


def accept(connection: Connection, taken: Sequence[Accepted]) -> Sequence[bool]:
    """The platforms took the parts: their receipts, our messages, and whatever statuses came before. True for each
    whose delivery has something left to do at once.

    Said twice, by an echo or a status and by the answer to our request, in any order, it is still one acceptance.
    """
    found: dict[int, bool] = {}
    if connection.dialect.name == "postgresql":
        taken = [replace(one, sent=without_nul(one.sent)) for one in taken]
    rest = list(enumerate(taken))
    while rest:
        # What happens in one conversation happens one after the other.
        rows = part_rows(connection, {one.part for _, one in rest})
        now: dict[str, tuple[int, _Taken]] = {}
        later: list[tuple[int, Accepted]] = []
        for n, one in rest:
            row = rows.get(one.part)
            if row is None:
                found[n] = False
            elif row.conversation_id in now:
                later.append((n, one))
            else:
                now[row.conversation_id] = n, (one, row)
        left = _accept(connection, [pair for _, pair in now.values()])
        found |= {n: more for (n, _), more in zip(now.values(), left, strict=True)}
        rest = later
    return [found[n] for n in range(len(taken))]


def _accept(connection: Connection, taken: Sequence[_Taken]) -> Sequence[bool]:
    """As `accept`, for parts of different conversations."""
    for one, row in taken:
        if one.believed:
            connection.execute(update(attempts).where(attempts.c.part == row.key, DOUBTED).values(certain=True))
    ended = {one.attempt: {"seq": one.attempt, "state": one.sent.state, "ended_at": one.at} for one, _ in taken}
    update_rows(connection, attempts, [{**row, "certain": True} for row in ended.values()], key="seq", only=_OPEN)
    fresh = [(one, row) for one, row in taken if RANK[row.state] < RANK[one.sent.state]]
    for state in {one.sent.state for one, _ in fresh}:
        keys = [row.key for one, row in fresh if one.sent.state == state]
        _TAKEN.run(connection, {"now_is": state, "keys": keys})
    upsert(connection, receipts, [each for one in taken for each in _receipts(*one)], key=("platform_id", "account"))
    insert_rows(connection, messages, _messages(connection, taken))
    facts = _move_on(connection, taken)
    for one, row in taken:
        if row.kind == "code" and row.idempotency_key is not None:
            _begin_code(connection, row.idempotency_key, one.at)
    moved = recompute(connection, [row for _, row in taken])
    told: list[dict[str, Any]] = []
    for one, row in taken:
        news = [*facts.get(row.conversation_id, ()), moved[row.delivery_id].fact]
        told += [log.row_of(fact, one.ids, one.at) for fact in news if fact is not None]
    log.append_rows(connection, told)
    early = _early(connection, taken)
    return [_is_due(moved[row.delivery_id], one.at) or row.key in early for one, row in taken]


def _is_due(moved: Moved, now: datetime) -> bool:
    return moved.due_at is not None and moved.due_at <= now


def _receipts(one: Accepted, row: AnyRow) -> list[dict[str, Any]]:
    if one.sent.ids == (row.key,) and RANK[row.state] >= RANK["accepted"]:
        return []  # "I have that one already": its id is known by now
    known = {"account": row.account, "delivery_id": row.delivery_id, "part": row.key, "attempt": one.attempt}
    return [{"platform_id": found, **known} for found in one.sent.ids]


def _begin_code(connection: Connection, key: str, now: datetime) -> None:
    """Its 15 minutes begin when it is out: a limit of the platform may have held it back for longer than that."""
    waiting = codes.c.conversation_id == key.removeprefix(CODE_KEY)
    connection.execute(update(codes).where(waiting, codes.c.state == "open").values(created_at=now))


# ---------------------------------------------------------------- the history


def _messages(connection: Connection, taken: Sequence[_Taken]) -> list[dict[str, Any]]:
    """What we said, unless the history has it already."""
    known = _said(connection, messages, "platform_id", [one.sent.ids[0] for one, _ in taken if one.sent.ids])
    there = {(row.account, row.platform_id) for row in known}
    rows: list[dict[str, Any]] = []
    for one, row in taken:
        if not one.sent.ids or (row.account, one.sent.ids[0]) in there:
            continue
        if RANK[row.state] >= RANK["accepted"] and _is_named(connection, row, one.sent.ids[0]):
            continue
        there.add((row.account, one.sent.ids[0]))
        rows.append(_message(one, row))
    return rows


def _message(one: Accepted, row: AnyRow) -> dict[str, Any]:
    return {
        "id": one.ids.new("msg"),
        "conversation_id": row.conversation_id,
        "customer_id": row.customer_id,
        "direction": "out",
        "channel": row.channel,
        "adapter": row.adapter,
        "account": row.account,
        "surface": row.surface,
        "visibility": one.visibility,
        "sent_at": one.at,
        "recorded_at": one.at,
        "text": _words(row.content),
        "platform_id": one.sent.ids[0],
        "automatic": row.automatic,
        "delivery_id": row.delivery_id,
        "agent": row.agent,
    }


def _words(content: Mapping[str, Any]) -> str:
    """What a part says; of a text, which most are, without reading the rest of it."""
    return str(content["text"]) if content["type_"] == "text" else text_of(load_block(dict(content)))


def _is_named(connection: Connection, row: AnyRow, platform_id: str) -> bool:
    """Whether this is the message that we have already: one whose id the platform did not tell ("I have that one
    already") bears our part's key until an echo or a status brings its id."""
    if platform_id == row.key:
        return True
    named = {"platform_id": row.key, "account": row.account}
    return set_by(connection, messages, named, {"platform_id": platform_id}) > 0


def _said(connection: Connection, table: Table, column: str, values: Sequence[str]) -> Sequence[Any]:
    """The rows with one of these values, which are texts of others."""
    if not has_nul(values):
        return rows_among(connection, table, column, values)
    return connection.execute(select(table).where(among(table.c[column], values))).all()


# ---------------------------------------------------------------- the conversation


def _move_on(connection: Connection, taken: Sequence[_Taken]) -> Mapping[str, Sequence[Fact]]:
    """Conversations after we wrote: what may be answered by number, and where each takes place now."""
    places = {row.id: row for row in _PLACES.rows(connection, places=[row.conversation_id for _, row in taken])}
    facts: dict[str, Sequence[Fact]] = {}
    changes: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for one, row in taken:
        current = places.get(row.conversation_id)
        if current is None:
            continue
        change = _change(connection, one, row, current)
        if change.values:
            changes.setdefault(tuple(change.values), []).append({"id": current.id, **change.values})
        facts[current.id] = change.facts
    for rows in changes.values():
        update_rows(connection, conversations, rows, key="id", count="version")
    spoken = [
        {"address_id": row.address_id, "account": row.account, "last_out_at": one.at}
        for one, row in taken
        if row.address_id is not None and row.conversation_id in places
    ]
    upsert(connection, contacts, spoken, key=("address_id", "account"), latest=("last_out_at",))
    return facts


@dataclass(slots=True)
class _Change:
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    facts: list[Fact] = field(default_factory=list[Fact])


def _change(connection: Connection, one: Accepted, row: AnyRow, current: AnyRow) -> _Change:
    found = _Change()
    values = found.values
    if row.kind == "message" and row.agent is not None:
        values |= {"waiting": False, "waiting_at": None, "due_at": None}
    options = _options(connection, row, current)
    if row.kind in SPOKEN and options != current.options:
        values["options"] = options
    same_place = (current.account, current.surface) == (row.account, row.surface)
    if row.kind in ("message", "private") and not same_place:
        values |= {"channel": row.channel, "adapter": row.adapter, "account": row.account, "surface": row.surface}
        values |= {"visibility": one.visibility, "address_id": row.address_id, "thread": one.sent.thread}
        values |= {"context": None, "moved_at": one.at if current.channel != row.channel else current.moved_at}
        if current.channel != row.channel:
            what = {"conversation": current.id, "customer": current.customer_id}
            what |= {"from": current.channel, "to": row.channel, "opened": current.id}
            found.facts.append(Fact(type="conversation.moved", brand=current.brand, data=what))
    elif one.sent.thread and current.thread is None and same_place:
        values["thread"] = one.sent.thread
    return found


def _options(connection: Connection, row: AnyRow, conversation: AnyRow) -> list[list[str]] | None:
    """What may be answered by its number or title from now on: of the whole message, because where there are no
    buttons a part shows them as mere lines. A message that asks nothing ends what was asked before."""
    if row.said.get("type_") == "text" and not row.said["quick_replies"]:
        return None
    content = load_sendable(row.said)
    if isinstance(content, Localized):
        theirs = select(customers.c.language).where(customers.c.id == row.customer_id)
        language = conversation.language or connection.execute(theirs).scalar()
        content = as_content(content.pick(language))
    if not isinstance(content, Text) or not content.quick_replies:
        return None
    return [[reply.title, reply.choice] for reply in content.quick_replies]


# ---------------------------------------------------------------- what came before


def _early(connection: Connection, taken: Sequence[_Taken]) -> set[str]:
    """What overtook our own settlement is applied now: statuses, and news of the messages. Gives the parts that there
    were any statuses for."""
    named = [receipt for one, _ in taken for receipt in one.sent.ids or ("",)]
    waiting = {row.seq: row for row in _said(connection, unmatched, "receipt", named)}
    waiting |= {row.seq: row for row in rows_among(connection, unmatched, "correlation", [row.key for _, row in taken])}
    found: set[str] = set()
    for seq, status in sorted(waiting.items()):
        for one, row in taken:
            is_theirs = status.receipt in (one.sent.ids or ("",)) or status.correlation == row.key
            if status.account != row.account or not is_theirs:
                continue
            connection.execute(delete(unmatched).where(unmatched.c.seq == seq))
            event = CHANNEL_EVENT.validate_python(status.data)
            facts: Sequence[Fact]
            if isinstance(event, DeliveryUpdated):
                found.add(row.key)
                facts = advance(connection, row.key, event.state, event.failure, one.at, one.ids)
            else:
                facts = apply_early(connection, event, one.at)
            log.append(connection, facts, one.ids, one.at)
            break
    return found
