"""What is wrong with a plan, found before the day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal, TypeAlias

from omnichannel.channel.capabilities import Initiation
from omnichannel.model.address import Consent
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.model.withdrawal import Withdrawal
from omnichannel.routing.consent import NEEDS_GRANT
from omnichannel.routing.facts import Door, as_money
from omnichannel.routing.notices import check_rule_notices
from omnichannel.routing.prices import NO_CAP, PriceCap, price_fact
from omnichannel.routing.rules import Rule, When
from omnichannel.withdrawal.effect import effect_of
from omnichannel.withdrawal.notices import check_notice
from omnichannel.withdrawal.phases import phase_at, validate

__all__ = ["OWNED", "Finding", "FindingLevel", "lint"]

FindingLevel: TypeAlias = Literal["error", "warning", "info"]

OWNED: frozenset[str] = frozenset({"email", "inapp", "livechat", "sms", "voice"})
"""Channels that no single platform can take away: a mailbox and a number can be taken elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that will hurt. `code` is stable, `where` names the rule or the withdrawal."""

    level: FindingLevel
    code: str
    text: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    rules: Sequence[Rule]
    withdrawals: Sequence[Withdrawal]
    doors: Sequence[Door]
    now: datetime
    owned: Collection[str]
    cap: PriceCap

    def by(self, name: str) -> list[Door]:
        """The doors that a name means."""
        return [door for door in self.doors if name in (door.channel, door.account)]

    def channel(self, name: str) -> str:
        """The channel that a name means."""
        return next((door.channel for door in self.doors if door.account == name), name)


def lint(
    rules: Sequence[Rule],
    withdrawals: Sequence[Withdrawal],
    doors: Sequence[Door],
    *,
    now: datetime,
    owned: Collection[str] = OWNED,
    price_cap: PriceCap = NO_CAP,
    hosts: Collection[str] | None = None,
    stored: Iterable[Withdrawal] = (),
    consents: Sequence[Consent] | None = None,
) -> tuple[Finding, ...]:
    """All findings, errors first. Never raises.

    `hosts` are those that notices may link to (None: not checked). `stored` are the withdrawals of the store: a
    difference to the configuration is shown, never acted on. `consents` are samples to see whether anybody has agreed
    to anything at all (None: not checked).
    """
    plan = _Plan(rules=rules, withdrawals=withdrawals, doors=doors, now=now, owned=owned, cap=price_cap)
    found = [
        *_rules(plan),
        *_shadowed(plan),
        *_routes(plan),
        *_cycles(plan),
        *_dates_and_notices(plan, hosts),
        *_differences(plan, stored),
        *_consents(plan, consents),
    ]
    order: tuple[FindingLevel, ...] = ("error", "warning", "info")
    return tuple(sorted(dict.fromkeys(found), key=lambda one: order.index(one.level)))


# ---------------------------------------------------------------- rules and routes


def _shadowed(plan: _Plan) -> Iterator[Finding]:
    for number, rule in enumerate(plan.rules):
        earlier = next((one for one in plan.rules[:number] if _covers(one, rule)), None)
        if earlier is not None:
            text = f"rule {rule.name!r} never decides: {earlier.name!r} stands before it and matches all that it does"
            yield Finding(level="warning", code="shadowed", text=text, where=rule.name)


def _covers(earlier: Rule, later: Rule) -> bool:
    """Whether whatever matches the later rule matches the earlier one."""
    wide, narrow = _conditions(earlier.when), _conditions(later.when)
    return all(not wide[name] or (narrow[name] and narrow[name] <= wide[name]) for name in wide)


def _conditions(when: When) -> Mapping[str, frozenset[str]]:
    """What a rule asks for, by name; empty is everything."""
    return {
        "brand": frozenset(when.brand),
        "channel": frozenset(when.channel),
        "surface": frozenset(when.surface),
        "phase": frozenset(when.phase),
        "outcome": frozenset(when.outcome),
        "purpose": frozenset(when.purpose),
        "language": frozenset(when.language),
        "country": frozenset(country.upper() for country in when.country),
        "tag": frozenset(when.tag),
        "business_hours": frozenset() if when.business_hours is None else frozenset({str(when.business_hours)}),
        "price_over": frozenset() if when.price_over is None else frozenset({str(when.price_over)}),
    }


def _rules(plan: _Plan) -> Iterator[Finding]:
    for rule in plan.rules:
        for name in rule.then.order:
            yield from _step(plan, rule, name)


def _step(plan: _Plan, rule: Rule, name: str) -> Iterator[Finding]:
    doors = plan.by(name)
    if not doors:
        text = f"{name} is in the order and not configured: it will be passed over"
        yield Finding(level="warning", code="not_configured", text=text, where=rule.name)
        return
    if not any(_may_ever_start(door) for door in doors):
        text = f"{name} never lets us write first: it can only answer where the customer has just written"
        yield Finding(level="warning", code="never_allowed", text=text, where=rule.name)
    wanted = rule.then.success
    receipts = {receipt for door in doors for surface in door.surfaces.values() for receipt in surface.receipts}
    if wanted in ("sent", "delivered", "read") and wanted not in receipts:
        text = f"{name} never reports {wanted!r}: its step is done at what it does report"
        yield Finding(level="warning", code="no_such_receipt", text=text, where=rule.name)
    for door in doors:
        yield from _prices(plan, rule, door)


def _may_ever_start(door: Door) -> bool:
    able = (Initiation.ANYONE, Initiation.AFTER_CONTACT, Initiation.TEMPLATE)
    return any(c.visibility == "private" and c.initiation in able for c in door.surfaces.values())


def _prices(plan: _Plan, rule: Rule, door: Door) -> Iterator[Finding]:
    cap = plan.cap
    if cap.amount is None:
        return
    for currency in sorted({fact.currency for fact in door.prices if not cap.comparable(fact.currency)}):
        text = f"prices of {door.account} are in {currency}, the cap in {cap.currency}: without a rate it is no cap"
        yield Finding(level="warning", code="no_rate", text=text, where=rule.name)
    for linked in (False, True):
        found = price_fact(door.prices, "send", None, plan.now, linked)
        if found is not None and cap.exceeded_by(found.amount, found.currency):
            what = "a message with a link" if linked else "a message"
            text = f"{what} by {door.account} costs {as_money(found.amount, found.currency)}, more than the cap"
            yield Finding(level="warning", code="over_price_cap", text=text, where=rule.name)
            return


def _routes(plan: _Plan) -> Iterator[Finding]:
    routes = [(rule.name, rule.then.order, rule.when.channel) for rule in plan.rules if rule.then.order]
    routes += [(w.id, w.targets, (w.channel,)) for w in plan.withdrawals if w.targets]
    for where, order, leaving in routes:
        yield from _route(plan, where, order, leaving)
    for w in plan.withdrawals:
        if not w.targets:
            text = f"customers of {w.channel} are not told where to go: the withdrawal has no targets"
            yield Finding(level="warning", code="no_targets", text=text, where=w.id)


def _route(plan: _Plan, where: str, order: Sequence[str], leaving: Sequence[str]) -> Iterator[Finding]:
    channels = [plan.channel(name) for name in order]
    if channels[-1] not in plan.owned:
        text = f"the route ends in {channels[-1]}, which others can close: end it in {', '.join(sorted(plan.owned))}"
        yield Finding(level="warning", code="not_owned", text=text, where=where)
    for name in order:
        closed = _closed(plan, plan.channel(name))
        if closed is not None:
            text = f"{name} is on the route and {phase_at(closed, plan.now)} itself ({closed.id})"
            yield Finding(level="error", code="leads_to_withdrawn", text=text, where=where)
        elif not plan.by(name) and where in {w.id for w in plan.withdrawals}:
            text = f"customers are sent to {name}, where we have no account"
            yield Finding(level="error", code="target_not_configured", text=text, where=where)
    yield from _fates(plan, where, order, leaving)


def _closed(plan: _Plan, channel: str) -> Withdrawal | None:
    whole = (w for w in plan.withdrawals if w.channel == channel and not w.scope.narrowness and w.account is None)
    return next((w for w in whole if not effect_of(phase_at(w, plan.now)).start), None)


def _fates(plan: _Plan, where: str, order: Sequence[str], leaving: Sequence[str]) -> Iterator[Finding]:
    vendors = {name: {door.vendor for door in plan.by(name) if door.vendor} for name in (*leaving, *order)}
    for one in leaving:
        shared = [name for name in order if vendors[one] and vendors[name] and vendors[name] <= vendors[one]]
        if shared and len(shared) == len(order):
            text = f"{one} and all that follows it ({', '.join(shared)}) belong to one vendor and can fail together"
            yield Finding(level="error", code="shared_fate", text=text, where=where)
    by_vendor: dict[str, list[str]] = {}
    for name in order:
        for vendor in sorted(vendors[name]):
            by_vendor.setdefault(vendor, []).append(name)
    for vendor, names in by_vendor.items():
        if len(names) > 1:
            text = f"{', '.join(names)} all stand on {vendor}: they are one step, not {len(names)}"
            yield Finding(level="info", code="same_vendor", text=text, where=where)


# ---------------------------------------------------------------- cycles


def _cycles(plan: _Plan) -> Iterator[Finding]:
    targets: dict[str, set[str]] = {}
    for w in plan.withdrawals:
        if phase_at(w, plan.now) != "reinstated":
            targets.setdefault(w.channel, set()).update(plan.channel(name) for name in w.targets)
    for circle in _circles(targets):
        text = f"customers are sent in a circle: {' -> '.join(circle)}"
        yield Finding(level="error", code="cycle", text=text, where=circle[0])
    first: dict[str, set[str]] = {}
    for rule in plan.rules:
        for channel in rule.when.channel:
            first.setdefault(channel, set()).update(plan.channel(name) for name in rule.then.order[:1])
    for circle in _circles({one: others - {one} for one, others in first.items()}):
        text = f"rules send deliveries in a circle: {' -> '.join(circle)}; each channel is tried once only"
        yield Finding(level="warning", code="rule_cycle", text=text, where=circle[0])


def _circles(edges: Mapping[str, Collection[str]]) -> Iterator[tuple[str, ...]]:
    """Each circle once, beginning with its smallest name."""
    seen: set[tuple[str, ...]] = set()
    for start in sorted(edges):
        path = _way_back(edges, start)
        if path is None:
            continue
        turn = path.index(min(path))
        circle = (*path[turn:], *path[:turn])
        if circle not in seen:
            seen.add(circle)
            yield (*circle, circle[0])


def _way_back(edges: Mapping[str, Collection[str]], start: str) -> tuple[str, ...] | None:
    """The shortest way from a node back to itself."""
    ways: list[tuple[str, ...]] = [(start,)]
    known: set[str] = set()
    for way in ways:
        for name in sorted(edges.get(way[-1], ())):
            if name == start:
                return way
            if name not in known:
                known.add(name)
                ways.append((*way, name))
    return None


# ---------------------------------------------------------------- withdrawals and consent


def _dates_and_notices(plan: _Plan, hosts: Collection[str] | None) -> Iterator[Finding]:
    for w in plan.withdrawals:
        try:
            validate(w)
            check_notice(w, hosts if hosts is not None else ())
            check_rule_notices(plan.rules, w, hosts if hosts is not None else ())
        except ConfigurationError as error:
            if hosts is not None or "links to" not in str(error):
                yield Finding(level="error", code="withdrawal", text=str(error), where=w.id)


def _differences(plan: _Plan, stored: Iterable[Withdrawal]) -> Iterator[Finding]:
    configured = {w.id: w for w in plan.withdrawals}
    for row in stored:
        ours = configured.get(row.id)
        if ours is None:
            continue
        names = [f.name for f in fields(Withdrawal) if f.name not in ("period", "phase", "canary")]
        differ = [name for name in names if getattr(ours, name) != getattr(row, name)]
        if differ:
            text = f"{', '.join(differ)} in the configuration and in the store differ; the store counts"
            yield Finding(level="warning", code="differs", text=text, where=row.id)


def _consents(plan: _Plan, consents: Sequence[Consent] | None) -> Iterator[Finding]:
    if consents is None:
        return
    for rule in plan.rules:
        for purpose in rule.when.purpose:
            for name in rule.then.order if purpose in NEEDS_GRANT else ():
                channel = plan.channel(name)
                if not any(c.granted and c.purpose == purpose and c.channel in (channel, None) for c in consents):
                    text = f"nobody has agreed to {purpose} on {channel}: the step can never be taken"
                    yield Finding(level="warning", code="no_consent", text=text, where=rule.name)
