"""Responses that wait for an answer: rows, so that the process which holds a platform's request open and the one that
makes the answer need nothing in common but the store.

A row of `responses` says that a webhook is answered no later than `until`; one of `answerable`, which message came in
it. The outbox offers it the parts of a delivery that answers such a message (`parts.response`), and leaves them alone
until then. Whoever changes an offered part asks for the offer in the same statement, so a part is either taken into
the response or sent, whatever the clocks of two processes say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, exists, insert, literal_column, select, update

from omnichannel.model.ids import IdSource
from omnichannel.model.outcome import Failure
from omnichannel.stores import acceptance, journal, outbound, progress
from omnichannel.stores.acceptance import Accepted, Sent
from omnichannel.stores.journal import Arrival
from omnichannel.stores.prepared import Prepared
from omnichannel.stores.schema import answerable, attempts, deliveries, events, messages, parts, responses, steps
from omnichannel.stores.schema import journal as journal_table
from omnichannel.stores.statements import row_by, rows_by, set_by
from omnichannel.stores.types import AnyRow
from omnichannel.stores.upsert import among, insert_rows

WRITING = timedelta(seconds=30)
"""How long after its deadline a response may be on its way out, before an attempt in it counts as interrupted."""

_OPEN_FOR = Prepared(
    select(responses.c.journal_seq, responses.c.until, messages.c.account, messages.c.surface, messages.c.address_id)
    .join(answerable, answerable.c.journal_seq == responses.c.journal_seq)
    .join(messages, messages.c.id == answerable.c.message_id)
    .where(answerable.c.message_id == bindparam("message"))
)
_OFFERED = Prepared(
    select(parts)
    .join(deliveries, (deliveries.c.id == parts.c.delivery_id) & (deliveries.c.step == parts.c.step))
    .join(steps, (steps.c.delivery_id == parts.c.delivery_id) & (steps.c.n == parts.c.step))
    .where(parts.c.response == bindparam("seq"), parts.c.state == "pending")
    .where(deliveries.c.state == outbound.WAITING, steps.c.state == "running")
    .order_by(parts.c.delivery_id, parts.c.n)
)
_NEW = events.c.state == literal_column("'new'")  # a literal: a partial index is not found by a parameter
_HANDLED_LATER = Prepared(
    select(events.c.seq)
    .join(
        answerable,
        (answerable.c.conversation_id == events.c.conversation_id) & (answerable.c.message_id == events.c.message_id),
    )
    .where(answerable.c.journal_seq == bindparam("seq"), _NEW)
    .limit(1)
)
_DUE = Prepared(
    select(deliveries.c.id)
    .join(
        answerable,
        (answerable.c.conversation_id == deliveries.c.conversation_id)
        & (answerable.c.message_id == deliveries.c.in_reply_to),
    )
    .where(answerable.c.journal_seq == bindparam("seq"))
    .where(deliveries.c.state == outbound.WAITING, deliveries.c.due_at < bindparam("until"))
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Offered:
    """The parts that a response may carry: those of one delivery, in order. `waits` says that there may be some yet."""

    parts: Sequence[AnyRow] = ()
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """Parts that go out in the response: their attempts have begun, by the keys of the parts."""

    delivery_id: str
    attempts: Mapping[str, int]


class TakenBack(Exception):
    """The outbox was first with some of the parts: the unit is undone."""


# ---------------------------------------------------------------- what comes in


def begin(connection: Connection, arrival: Arrival, until: datetime) -> int:
    """Journals an envelope together with the fact that its response waits; gives the journal's number."""
    seq = journal.append_one(connection, arrival)
    connection.execute(insert(responses).values(journal_seq=seq, until=until))
    return seq


def arrived(connection: Connection, found: Sequence[tuple[str, int, str]]) -> None:
    """Messages (with the number in the journal and their conversation), where a response waits for their answer."""
    if not found:
        return
    query = select(responses.c.journal_seq).where(among(responses.c.journal_seq, {seq for _, seq, _ in found}))
    waiting = set(connection.execute(query).scalars())
    rows = [
        {"message_id": message_id, "journal_seq": seq, "conversation_id": conversation_id}
        for message_id, seq, conversation_id in found
        if seq in waiting
    ]
    insert_rows(connection, answerable, rows)


# ---------------------------------------------------------------- the outbox


def offer(connection: Connection, delivery: AnyRow, step: AnyRow, now: datetime) -> bool:
    """Leaves the parts of a step to the response of the message that they answer. False where none waits, or where
    the step leads somewhere else. The caller has the right to work on the lane. Raises `Overtaken`."""
    for row in _OPEN_FOR.rows(connection, message=delivery.in_reply_to):
        here = (row.account, row.surface, row.address_id) == (step.account, step.surface, step.address_id)
        if not here or row.until <= now:
            continue
        this = {"delivery_id": delivery.id, "step": step.n, "state": "pending"}
        set_by(connection, parts, this, {"response": row.journal_seq, "due_at": row.until})
        if not set_by(connection, deliveries, {"id": delivery.id, "state": delivery.state}, {"due_at": row.until}):
            raise outbound.Overtaken
        return True
    return False


def take_back(connection: Connection, seq: int) -> None:
    """The response is not waited for any more: what it was offered and did not take is sent as anything else."""
    _release(connection, seq)
    _forget(connection, seq)


def _release(connection: Connection, seq: int) -> None:
    left = {"response": seq, "state": "pending"}
    set_by(connection, parts, left, {"response": None, "due_at": None})


# ---------------------------------------------------------------- whoever answers


def look(connection: Connection, seq: int) -> Offered:
    """What the response may carry by now, and whether to go on waiting: while the envelope is not parsed, one of its
    messages is not handled, or an answer to one is due in time."""
    waiting = row_by(connection, responses, journal_seq=seq)
    if waiting is None:
        return Offered()
    found = _OFFERED.rows(connection, seq=seq)
    if found:
        return Offered([part for part in found if part.delivery_id == found[0].delivery_id])
    (kept,) = rows_by(connection, journal_table, seq=seq)
    if kept.state == "new":
        return Offered(waits=True)
    waits = bool(_HANDLED_LATER.rows(connection, seq=seq) or _DUE.rows(connection, seq=seq, until=waiting.until))
    return Offered(waits=waits)


def take(
    connection: Connection, seq: int, wanted: Sequence[AnyRow], step: AnyRow, owner: str, now: datetime
) -> Taken | None:
    """Writes that an attempt begins with each of these parts, before the response leaves; what else was offered is
    sent after it. None, or `TakenBack`, where the outbox has taken them back: then nothing may be in the response."""
    waiting = row_by(connection, responses, journal_seq=seq)
    keys = [part.key for part in wanted]
    (delivery,) = rows_by(connection, deliveries, id=step.delivery_id)
    if waiting is None or delivery.state != outbound.WAITING:
        return None
    mine = update(parts).where(among(parts.c.key, keys), parts.c.state == "pending", parts.c.response == seq)
    begun = mine.values(state="started", due_at=None, response=None, tries=parts.c.tries + 1)
    if connection.execute(begun).rowcount != len(keys):
        raise TakenBack
    _release(connection, seq)
    # Who ends before the response is out leaves started attempts, which the outbox finds then.
    set_by(connection, deliveries, {"id": delivery.id}, {"due_at": waiting.until + WRITING})
    _forget(connection, seq)
    return Taken(delivery.id, {part.key: _attempt(connection, part, step, owner, now) for part in wanted})


def _attempt(connection: Connection, part: AnyRow, step: AnyRow, owner: str, now: datetime) -> int:
    row = {
        "part": part.key,
        "delivery_id": part.delivery_id,
        "channel": step.channel,
        "account": step.account,
        "started_at": now,
        "state": "started",
        "owner": owner,
        "n": part.n,
    }
    seq: int = connection.execute(insert(attempts).returning(attempts.c.seq), row).scalar_one()
    return seq


def went_out(connection: Connection, taken: Taken, visibility: str, now: datetime, ids: IdSource) -> None:
    """The response was written: its parts are accepted, and the next ones are due."""
    # Their ids are not told in a response; ours stand in their place until an echo or a status brings them.
    out = [Accepted(key, attempt, Sent((key,)), visibility, now, ids) for key, attempt in taken.attempts.items()]
    acceptance.accept(connection, out)
    _go_on(connection, taken.delivery_id, now)


def broke_off(
    connection: Connection, taken: Taken, failure: Failure, settles_at: datetime, now: datetime, ids: IdSource
) -> None:
    """The connection broke while the response was written: nobody knows what of it arrived."""
    for key, attempt in taken.attempts.items():
        row = progress.part_row(connection, key)
        if row is not None and row.state == "started":
            outbound.fail_attempt(connection, key, attempt, failure, "unknown", settles_at, now)
    (delivery,) = rows_by(connection, deliveries, id=taken.delivery_id)
    if delivery.state == outbound.WAITING:
        values = {"state": "unknown", "due_at": settles_at, "reason": failure.message}
        outbound.set_delivery(connection, delivery, now, ids, **values)


def _go_on(connection: Connection, delivery_id: str, now: datetime) -> None:
    left = exists().where(parts.c.delivery_id == delivery_id, parts.c.step == deliveries.c.step)
    row = update(deliveries).where(deliveries.c.id == delivery_id, left.where(parts.c.state == "pending"))
    connection.execute(row.where(deliveries.c.state == outbound.WAITING).values(due_at=now))


def close(connection: Connection, seq: int, now: datetime) -> None:
    """The response leaves without an answer: what it was offered is due now, and sent as anything else."""
    offered = {part.delivery_id for part in rows_by(connection, parts, response=seq, state="pending")}
    take_back(connection, seq)
    for delivery_id in sorted(offered):
        this = {"id": delivery_id, "state": outbound.WAITING}
        set_by(connection, deliveries, this, {"due_at": now})


def _forget(connection: Connection, seq: int) -> None:
    connection.execute(delete(answerable).where(answerable.c.journal_seq == seq))
    connection.execute(delete(responses).where(responses.c.journal_seq == seq))


def forget(connection: Connection, before: datetime) -> None:
    """Drops what a process left behind that ended while it waited."""
    for seq in list(connection.execute(select(responses.c.journal_seq).where(responses.c.until < before)).scalars()):
        take_back(connection, seq)
