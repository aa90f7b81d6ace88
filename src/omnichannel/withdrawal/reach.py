"""Where a withdrawal leaves each customer: in exactly one of four places, and the counts add up to the persons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, TypeAlias

__all__ = ["Place", "Reach", "Standing", "classify_customer", "reach"]

Place: TypeAlias = Literal["moved", "reachable_elsewhere", "told", "unreachable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of one customer. `elsewhere` are the other channels with an address and consent; `reason` says
    why there is none. A customer may stand in several rows (one an address): they are one person."""

    customer_id: str
    moved: bool = False
    elsewhere: tuple[str, ...] = ()
    told: bool = False
    reason: str = ""
    notices: int = 0
    cost: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Persons, counted once each: `customers` is the sum of the four. `reasons` say why the unreachable are, `by`
    through which channels those reachable elsewhere can be reached (a person may be in several)."""

    customers: int
    moved: int
    reachable_elsewhere: int
    told: int
    unreachable: int
    notices: int = 0
    cost: Decimal = Decimal(0)
    reasons: Mapping[str, int] = field(default_factory=lambda: MappingProxyType(dict[str, int]()))
    by: Mapping[str, int] = field(default_factory=lambda: MappingProxyType(dict[str, int]()))


def classify_customer(*, moved: bool, reachable_elsewhere: bool, told: bool) -> Place:
    """Exactly one place: moved, then reachable elsewhere, then told, then unreachable."""
    if moved:
        return "moved"
    if reachable_elsewhere:
        return "reachable_elsewhere"
    return "told" if told else "unreachable"


def reach(standings: Iterable[Standing]) -> Reach:
    """The counts. Rows of one customer are joined first, so that nobody is counted twice."""
    joined: dict[str, Standing] = {}
    for one in standings:
        known = joined.get(one.customer_id)
        joined[one.customer_id] = one if known is None else _join(known, one)
    placed = {
        who: classify_customer(moved=one.moved, reachable_elsewhere=bool(one.elsewhere), told=one.told)
        for who, one in joined.items()
    }
    counts = Counter(placed.values())
    lost = Counter(joined[who].reason or "no other address" for who, place in placed.items() if place == "unreachable")
    by = Counter(
        channel for who, p in placed.items() if p == "reachable_elsewhere" for channel in set(joined[who].elsewhere)
    )
    return Reach(
        customers=len(joined),
        moved=counts["moved"],
        reachable_elsewhere=counts["reachable_elsewhere"],
        told=counts["told"],
        unreachable=counts["unreachable"],
        notices=sum(one.notices for one in joined.values()),
        cost=sum((one.cost for one in joined.values()), Decimal(0)),
        reasons=MappingProxyType(dict(sorted(lost.items()))),
        by=MappingProxyType(dict(sorted(by.items()))),
    )


def _join(a: Standing, b: Standing) -> Standing:
    return Standing(
        customer_id=a.customer_id,
        moved=a.moved or b.moved,
        elsewhere=tuple(dict.fromkeys((*a.elsewhere, *b.elsewhere))),
        told=a.told or b.told,
        reason=a.reason or b.reason,
        notices=a.notices + b.notices,
        cost=a.cost + b.cost,
    )
