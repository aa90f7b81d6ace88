"""What became of everything: computed from the database, and checked against what the platforms saw."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, select

from omnichannel.demo.cast import Record, Said
from omnichannel.hub.core import Core
from omnichannel.hub.hub import Hub
from omnichannel.hub.withdrawing import standings_of
from omnichannel.model.withdrawal import Withdrawal
from omnichannel.stores import withdrawals
from omnichannel.stores.directory import owners_of
from omnichannel.stores.schema import addresses, attempts, deliveries, messages, notices
from omnichannel.testing.simulators.base import Simulator
from omnichannel.withdrawal.reach import Place

_ORDER: tuple[Place, ...] = ("moved", "reachable_elsewhere", "told", "unreachable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The figures that a demo ends with. The four after `customers` add up to it."""

    customers: int
    moved: int
    reachable_elsewhere: int
    told: int
    unreachable: int
    messages_in: int
    messages_out: int
    lost: int
    duplicated: int
    unknown: int
    notices: int
    notices_repeated: int
    out_of_order: int
    seconds: float
    rate: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that should not be, in words."""

    kind: str
    detail: str


async def settle_up(hub: Hub, record: Record, channel: str, seconds: float) -> tuple[Totals, list[Problem]]:
    """The totals, and every single problem behind them."""
    core = hub.core
    problems: list[Problem] = []
    places = await _places(core, channel)
    found = await core.store.read(lambda c: _rows(c, record.said, problems))
    sims = record.stage.simulators
    out_problems = await core.store.read(lambda c: _outbound(c, sims))
    problems += out_problems
    kinds = Counter(problem.kind for problem in problems)
    total = found["in"] + found["out"]
    return Totals(
        customers=sum(places.values()),
        moved=places["moved"],
        reachable_elsewhere=places["reachable_elsewhere"],
        told=places["told"],
        unreachable=places["unreachable"],
        messages_in=found["in"],
        messages_out=found["out"],
        lost=kinds["lost"],
        duplicated=kinds["duplicated"],
        unknown=found["unknown"],
        notices=found["notices"],
        notices_repeated=kinds["notice repeated"],
        out_of_order=kinds["out of order"],
        seconds=round(seconds, 2),
        rate=round(total / seconds, 1) if seconds else 0.0,
    ), problems


async def _places(core: Core, channel: str) -> Counter[Place]:
    """Each person in one place: somebody who writes to two brands is one person, where they are best off."""
    best: dict[str, Place] = {}
    for one in core.book.current:
        if one.channel == channel:
            handles = await core.store.read(partial(_handles, one=one))
            for customer_id, place in await core.run(standings_of(core.office, one)):
                handle = handles[customer_id]
                before: Place = best.get(handle, "unreachable")
                best[handle] = place if _ORDER.index(place) < _ORDER.index(before) else before
    return Counter(best.values())


def _handles(connection: Connection, one: Withdrawal) -> dict[str, str]:
    people = withdrawals.people_on(connection, one.brand, one.channel)
    owners = owners_of(connection, people)
    query = select(addresses.c.customer_id, addresses.c.value).where(
        addresses.c.channel == one.channel, addresses.c.brand == one.brand
    )
    found: dict[str, str] = {}
    for row in connection.execute(query):
        customer_id = str(row.customer_id)
        found[owners.get(customer_id, customer_id)] = row.value
    return found


def _rows(connection: Connection, said: Sequence[Said], problems: list[Problem]) -> dict[str, int]:
    run = connection.execute
    inbound = run(select(messages).where(messages.c.direction == "in").order_by(messages.c.id)).all()
    by_key: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in inbound:
        by_key[row.account, row.platform_id].append(row)
    places: dict[str, list[int]] = defaultdict(list)
    for number, one in enumerate(said):
        rows = by_key.get((one.account, one.message_id), [])
        if not rows:
            problems.append(Problem("lost", f"{one.handle} on {one.channel}: {one.text[:80]!r} is in no row"))
        problems.extend(Problem("duplicated", f"{one.message_id} has another row") for _ in rows[1:])
        for row in rows[:1]:
            places[row.id].append(number)
    _check_order(inbound, {row_id: numbers[0] for row_id, numbers in places.items()}, problems)
    repeated = run(
        select(notices.c.customer_id, notices.c.withdrawal_id, func.count())
        .group_by(notices.c.customer_id, notices.c.withdrawal_id, notices.c.period)
        .having(func.count() > 1)
    ).all()
    problems.extend(Problem("notice repeated", f"customer {row[0]}") for row in repeated)
    count = select(func.count()).select_from
    out = count(messages).where(messages.c.direction == "out", messages.c.kind == "message")
    unknown = select(func.count(attempts.c.part.distinct())).where(attempts.c.was_unknown.is_(True))
    return {
        "in": len(inbound),
        "out": run(out).scalar_one(),
        "notices": run(count(notices)).scalar_one(),
        "unknown": run(unknown).scalar_one(),
    }


def _check_order(inbound: Sequence[Any], numbers: dict[str, int], problems: list[Problem]) -> None:
    """In each conversation, what one person said on one channel stands in the order in which they said it."""
    last: dict[tuple[str, str, str], int] = {}
    for row in inbound:
        number = numbers.get(row.id)
        key = (row.conversation_id, row.channel, row.address_id or "")
        if number is None:
            continue
        if number < last.get(key, -1):
            problems.append(Problem("out of order", f"{row.platform_id} in {row.conversation_id}"))
        last[key] = max(number, last.get(key, -1))


def _outbound(connection: Connection, simulators: dict[str, Simulator]) -> list[Problem]:
    """What the platforms took against what we hold for sent, text by text; and deliveries that came to no end."""
    run = connection.execute
    problems: list[Problem] = []
    query = select(messages.c.channel, messages.c.text, func.count()).where(
        messages.c.direction == "out", messages.c.kind == "message"
    )
    ours: Counter[tuple[str, str]] = Counter()
    for channel, text, number in run(query.group_by(messages.c.channel, messages.c.text)):
        ours[channel, _folded(text)] += number
    theirs: Counter[tuple[str, str]] = Counter()
    for channel, simulator in simulators.items():
        for (_, text, _), number in simulator.accepted.items():
            theirs[channel, _folded(text)] += number
    for key in ours.keys() | theirs.keys():
        extra = theirs[key] - ours[key]
        what = f"{key[0]}: {key[1][:80]!r}"
        problems.extend(Problem("duplicated", f"sent more often than it is in our rows, {what}") for _ in range(extra))
        problems.extend(Problem("lost", f"in our rows as sent, but never taken, {what}") for _ in range(-extra))
    stuck = select(deliveries.c.id, deliveries.c.state, deliveries.c.reason).where(
        deliveries.c.state.in_(("queued", "held"))
    )
    problems.extend(Problem("lost", f"delivery {row.id} is still {row.state}: {row.reason}") for row in run(stuck))
    return problems


def _folded(text: str) -> str:
    return " ".join(text.split())
