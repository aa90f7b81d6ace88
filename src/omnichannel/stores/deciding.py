"""What is on disk before anything is sent: the decision with its step and parts, and that an attempt begins.

Both are written in one unit where the first request of a send is one that cannot be repeated, which is nearly always;
and for many deliveries at once, in as many statements as for one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, cast

from sqlalchemy import Connection, select, update

from omnichannel.model.content import Block, dump_sendable
from omnichannel.model.ids import IdSource
from omnichannel.model.message import Decision, Step
from omnichannel.stores import leases, telling
from omnichannel.stores.leases import Held
from omnichannel.stores.prepared import Prepared
from omnichannel.stores.progress import FINAL
from omnichannel.stores.schema import attempts, decisions, deliveries, parts, steps
from omnichannel.stores.statements import row_of, rows_among
from omnichannel.stores.types import AnyRow
from omnichannel.stores.upsert import insert_rows, insert_with, member_of, update_rows

_STARTED = Prepared(
    update(parts)
    .where(member_of(parts.c.key, "keys"), parts.c.state == "pending")
    .values(state="started", tries=parts.c.tries + 1)
)
_READY = Prepared(
    select(parts.c.key)
    .join(deliveries, (deliveries.c.id == parts.c.delivery_id) & (deliveries.c.step == parts.c.step))
    .join(steps, (steps.c.delivery_id == parts.c.delivery_id) & (steps.c.n == parts.c.step))
    .where(member_of(parts.c.key, "keys"), parts.c.state == "pending")
    .where(steps.c.state == "running", *(deliveries.c.state != final for final in sorted(FINAL)))
)


@dataclass(frozen=True, slots=True)
class NewStep:
    """A step that begins, with the parts that it sends."""

    step: Step
    address_id: str | None
    parts: Sequence[Block]
    deadline_at: datetime | None


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision about a delivery that is to be stored; the step that it begins, if any, with its parts, and what
    becomes of the delivery."""

    delivery: AnyRow
    decision: Decision
    data: Any
    ids: IdSource
    step: Mapping[str, Any] | None = None
    parts: Sequence[Mapping[str, Any]] = ()
    values: Mapping[str, Any] | None = None

    def delivery_row(self) -> AnyRow:
        """The delivery as it is read once this is on disk."""
        return cast(AnyRow, self.delivery._replace(**self.values or {}))

    def step_rows(self) -> list[AnyRow]:
        """Likewise the new step, if there is one."""
        return [] if self.step is None else [row_of(steps, self.step)]

    def part_rows(self) -> list[AnyRow]:
        """Likewise its parts."""
        return [row_of(parts, part) for part in self.parts]


def begins(
    delivery: AnyRow, known: Sequence[AnyRow], decision: Decision, data: Any, begun: NewStep, ids: IdSource
) -> Decided:
    """A decision that begins a step, after those `known`; the delivery is due at once."""
    n, step = max((row.n for row in known), default=0) + 1, begun.step
    new = {
        "delivery_id": delivery.id,
        "n": n,
        "channel": step.channel,
        "adapter": step.adapter,
        "account": step.account,
        "surface": step.surface,
        "address_id": begun.address_id,
        "to": step.address,
        "thread": step.thread,
        "success": step.success,
        "wait": step.wait,
        "deadline_at": begun.deadline_at,
        "state": "running",
        "lost": list(step.lost),
        "cost": step.cost,
    }
    pieces = [_part(delivery.id, n, i, content) for i, content in enumerate(begun.parts)]
    values = {"step": n, "channel": step.channel, "state": "queued", "due_at": decision.decided_at, "reason": None}
    return Decided(delivery, decision, data, ids, new, pieces, values)


def _part(delivery_id: str, step: int, n: int, content: Block) -> dict[str, Any]:
    return {
        "key": f"{delivery_id}.{step}.{n}",
        "delivery_id": delivery_id,
        "step": step,
        "n": n,
        "content": dump_sendable(content),
        "state": "pending",
        "tries": 0,
        "resent": False,
    }


class Refusal(Enum):
    """Why something was not written."""

    LANE_LOST = auto()
    """Somebody else works on the lane now."""
    OVERTAKEN = auto()
    """An echo or a status has settled what it is about since it was read."""


@dataclass(frozen=True, slots=True)
class Start:
    """An attempt that is about to begin, by right of a lease on the lane; with the decision that led to it, if that is
    not on disk yet. With `sent` its request has left already: it is written whatever else has happened."""

    part: AnyRow
    step: AnyRow
    right: Held
    at: datetime
    decided: Decided | None = None
    sent: bool = False


def start(connection: Connection, starts: Sequence[Start]) -> Sequence[int | Refusal]:
    """Writes that attempts begin, before the first request of each that cannot be repeated, and gives their numbers.
    Of one that is refused nothing is written, and nothing may be sent."""
    standing = leases.held_of(connection, {one.right for one in starts})
    mine = [one for one in starts if one.right in standing]
    going = _still_wanted(connection, mine)
    keep(connection, [one.decided for one in going if one.decided is not None], {one.part.key for one in going})
    again = [one.part.key for one in going if one.decided is None]
    if again:
        _STARTED.run(connection, {"keys": again})
    begun = dict(insert_with(connection, attempts, [_attempt(one) for one in going], get=("part", "seq")))
    return [begun.get(one.part.key, _refusal(one.right, standing)) for one in starts]


def _still_wanted(connection: Connection, starts: Sequence[Start]) -> list[Start]:
    """Those whose parts nothing has settled since they were read."""
    again = [one.part.key for one in starts if one.decided is None and not one.sent]
    ready = {row.key for row in _READY.rows(connection, keys=again)} if again else set[str]()
    seen = _as_seen(connection, [one.decided for one in starts if one.decided is not None and not one.sent])

    def wanted(one: Start) -> bool:
        return one.sent or (one.part.key in ready if one.decided is None else _id(one.decided) in seen)

    return [one for one in starts if wanted(one)]


def _as_seen(connection: Connection, decided: Sequence[Decided]) -> set[str]:
    """The deliveries that stand as they did when it was decided about them."""
    now = rows_among(connection, deliveries, "id", [_id(one) for one in decided], read=("id", "state", "step"))
    then = {_id(one): (one.delivery.state, one.delivery.step) for one in decided}
    return {row.id for row in now if then[row.id] == (row.state, row.step)}


def _id(decided: Decided) -> str:
    return cast(str, decided.delivery.id)


def _refusal(right: Held, standing: Collection[Held]) -> Refusal:
    return Refusal.OVERTAKEN if right in standing else Refusal.LANE_LOST


def _attempt(one: Start) -> dict[str, Any]:
    part, step = one.part, one.step
    return {
        "part": part.key,
        "delivery_id": part.delivery_id,
        "channel": step.channel,
        "account": step.account,
        "started_at": one.at,
        "state": "started",
        "owner": one.right[1],
        "n": part.n,
    }


def keep_mine(connection: Connection, wanted: Sequence[tuple[Held, Decided]]) -> Sequence[Refusal | None]:
    """Stores decisions before any request is made that follows from them. Of one that is refused nothing is written."""
    standing = leases.held_of(connection, {right for right, _ in wanted})
    mine = [decided for right, decided in wanted if right in standing]
    seen = _as_seen(connection, mine)
    keep(connection, [decided for decided in mine if _id(decided) in seen])
    return [
        None if right in standing and _id(decided) in seen else _refusal(right, standing) for right, decided in wanted
    ]


def keep(connection: Connection, decided: Sequence[Decided], started: Collection[str] = ()) -> None:
    """Stores decisions with the steps that they begin, and tells a person where they say so. An attempt of the parts
    that are `started` begins in the same unit."""
    made = [
        {
            "delivery_id": one.delivery.id,
            "decided_at": one.decision.decided_at,
            "rules_version": one.decision.rules_version,
            "data": one.data,
        }
        for one in decided
    ]
    insert_rows(connection, decisions, made)
    insert_rows(connection, steps, [one.step for one in decided if one.step is not None])
    under_way = {"state": "started", "tries": 1}
    pieces = [{**part, **under_way} if part["key"] in started else part for one in decided for part in one.parts]
    insert_rows(connection, parts, pieces)
    changed = [{"id": one.delivery.id, **one.values} for one in decided if one.values is not None]
    update_rows(connection, deliveries, changed, key="id")
    for one in decided:
        if one.decision.tell_operator:
            telling.tell(connection, one.delivery, one.decision, one.ids)
