"""`decide`: which channels, in which order, and for every other one why not. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from omnichannel.channel.capabilities import Capabilities
from omnichannel.kit.phone import country_of
from omnichannel.model.base import Success
from omnichannel.model.content import Text
from omnichannel.model.message import Attempt, Decision, Refusal, Step
from omnichannel.model.withdrawal import Phase
from omnichannel.routing.checks import No, Option, check, cost_of, fitted, governs
from omnichannel.routing.facts import Door, Facts, Request, as_money
from omnichannel.routing.health import summary
from omnichannel.routing.rules import Rule, Situation, first_match, rules_version
from omnichannel.withdrawal.effect import effect_of
from omnichannel.withdrawal.scopes import Question, governing

__all__ = ["decide", "matching_rule", "option_of"]

_PASSING = frozenset({"held", "suspected", "rate_limited", "quiet_hours", "window_closed"})
"""Reasons that may pass, whether or not it is known when: a window opens as soon as the customer writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A channel to look at. `door=None` is one that is not configured; `asked` says that the request named it,
    `ruled` that a rule did."""

    name: str
    door: Door | None
    asked: bool
    ruled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    step: Step | None = None
    refusal: Refusal | None = None
    later: bool = False


def decide(request: Request, facts: Facts, now: datetime) -> Decision:
    """The steps to take in order, and for every other channel why not.

    Candidates are the request's order, the conversation's channel, the customer's preference, the rule's order, then
    every other door of the brand; each (channel, account) stands exactly once among the steps and the refused. A name
    that is not configured is refused, never an error. Among starts, channels that are being withdrawn or were just
    reinstated come last, unless they were asked for. `hold` says that nothing is to be sent now: a rule wants it, an
    earlier attempt may still have arrived, or every channel's reason passes. Never raises.
    """
    rule = matching_rule(request, facts, now)
    expires_at = _expiry(request, rule, now)
    expired = expires_at is not None and expires_at <= now
    unsettled = _unsettled(request, facts, now)
    judged = [
        _judge(one, request, facts, now, rule=rule, expired=expired, resend=unsettled.resend)
        for one in _candidates(request, facts, rule)
    ]
    first = [one.step for one in judged if one.step is not None and not one.later]
    last = [one.step for one in judged if one.step is not None and one.later]
    refused = tuple(one.refusal for one in judged if one.refusal is not None)
    steps = (*first, *last)
    known = any(one.ends_at is not None for one in refused)  # it goes out by itself, and when is known
    waits = not steps and not expired and _may_pass(refused, expires_at)
    then = rule.then if rule else None
    doors = [door for door in facts.doors if door.brand == request.brand]
    return Decision(
        steps=steps,
        refused=refused,
        rules_version=rules_version(facts.rules),
        decided_at=now,
        rule=rule.name if rule else None,
        expires_at=expires_at,
        hold=not expired and (unsettled.hold or waits or (then is not None and then.hold)),
        tell_operator=unsettled.tell or (not steps and not expired and not known) or (then is not None and then.tell),
        health=MappingProxyType({door.account: summary(facts.health_of(door.account), now) for door in doors}),
        prices=MappingProxyType({s.account: as_money(s.cost, s.currency) for s in steps if s.cost is not None}),
    )


def _may_pass(refused: tuple[Refusal, ...], expires_at: datetime | None) -> bool:
    return any(
        (one.reason in _PASSING or one.ends_at is not None)
        and (one.ends_at is None or expires_at is None or one.ends_at < expires_at)
        for one in refused
    )


def _expiry(request: Request, rule: Rule | None, now: datetime) -> datetime | None:
    ends = [request.expires_at] if request.expires_at is not None else []
    if rule is not None and rule.then.expire is not None:
        ends.append((request.created_at or now) + rule.then.expire)
    return min(ends, default=None)


# ---------------------------------------------------------------- rules


def matching_rule(request: Request, facts: Facts, now: datetime) -> Rule | None:
    """The rule that decides. It is asked about the channel that would come first: the first one asked for, else the
    conversation's, else the one preferred."""
    if not any(rule.then.routes for rule in facts.rules):
        return None
    place = request.place
    named = (*request.order[:1], *([place.account, place.channel] if place else []), request.preferred)
    names = [name for name in named if name]
    door = next((door for name in names for door in _doors(request, facts, name)), None)
    option = next(_options(door, request, facts), None) if door else None
    cost = cost_of(option, request, facts, now, 1) if option else None
    # An account's id says nothing to a rule: without a door the name is a channel's, perhaps one that is long closed.
    channel = door.channel if door else next((name for name in names if place is None or name != place.account), None)
    numbers = (country_of(a.value) for a in facts.addresses if a.value.startswith("+"))
    situation = Situation(
        brand=request.brand,
        channel=channel,
        surface=option.surface if option else place.surface if place else None,
        phase=_phase(channel, door, option, request, facts, now),
        outcome=request.tried[-1].outcome if request.tried else None,
        purpose=request.purpose,
        language=request.language,
        country=request.country or next((country for country in numbers if country), None),
        tags=request.tags,
        business_hours=facts.business_hours,
        price=cost.amount if cost else None,
    )
    return first_match(facts.rules, situation)


def _phase(
    channel: str | None, door: Door | None, option: Option | None, request: Request, facts: Facts, now: datetime
) -> Phase | None:
    if option is not None:
        found = governs(option, request, facts, now)
    elif channel is not None:
        question = Question(
            channel=channel,
            account=door.account if door else None,
            brand=request.brand,
            direction="out",
            purpose=request.purpose,
            agent=request.writer,
            country=request.country,
        )
        found = governing(facts.withdrawals, question, now, customer_id=request.customer_id)
    else:
        found = None
    return found[1] if found else None


# ---------------------------------------------------------------- candidates


def _doors(request: Request, facts: Facts, name: str) -> list[Door]:
    """The doors that a name means: an account, or all accounts of a channel, the conversation's own first."""
    place = request.place
    found = [door for door in facts.doors if door.brand == request.brand and name in (door.account, door.channel)]
    return sorted(
        found, key=lambda door: place is None or (door.channel, door.account) != (place.channel, place.account)
    )


def _candidates(request: Request, facts: Facts, rule: Rule | None) -> Iterator[_Candidate]:
    ruled = rule.then.order if rule else ()
    place = [request.place.channel] if request.place else []
    preferred = [request.preferred] if request.preferred else []
    rest = [door.account for door in facts.doors if door.brand == request.brand]
    asked_for, ruled_for = _keys(request, facts, request.order), _keys(request, facts, ruled)
    seen: set[tuple[str, str | None]] = set()
    for name in (*request.order, *place, *preferred, *ruled, *rest):
        doors: list[Door | None] = [*_doors(request, facts, name)]
        for door in doors or [None]:
            key = (name, None) if door is None else (door.channel, door.account)
            if key not in seen:
                seen.add(key)
                yield _Candidate(name=name, door=door, asked=key in asked_for, ruled=key in ruled_for)


def _keys(request: Request, facts: Facts, names: tuple[str, ...]) -> set[tuple[str, str | None]]:
    return {(door.channel, door.account) for name in names for door in _doors(request, facts, name)}


# ---------------------------------------------------------------- options


def option_of(account: str, surface: str, address: str, request: Request, facts: Facts) -> Option | None:
    """The way that a step has taken, to be looked at once more before its next part is sent; None where the account,
    the surface or the address is there no more."""
    door = next((door for door in facts.doors if door.account == account and door.brand == request.brand), None)
    found = () if door is None else _options(door, request, facts)
    return next((one for one in found if (one.surface, one.address.value) == (surface, address)), None)


def _options(door: Door, request: Request, facts: Facts) -> Iterator[Option]:
    """All ways through a door, the best first: the conversation's own surface and address, then surfaces as public as
    the content, then the surest address that is still good."""
    place = request.place if _is_here(door, request) else None
    here = place.address if place else None
    addresses = sorted(
        (a for a in facts.addresses if a.channel == door.channel and a.account in ("", door.account)),
        key=lambda a: (a.value != here, a.expires_at is not None, -a.assurance),
    )

    def rank(item: tuple[str, Capabilities]) -> tuple[bool, bool]:
        name, capabilities = item
        # A private message is never answered in public, and a public one, if not in its thread, rather privately.
        return not (place is not None and name == place.surface), capabilities.visibility == "public"

    surfaces = sorted(door.surfaces.items(), key=rank)
    if request.effective_visibility == "private":
        surfaces.sort(key=lambda item: item[1].visibility == "public")
    for name, capabilities in surfaces:
        for address in addresses:
            answering = (
                request.is_reply
                and place is not None
                and name == place.surface
                and place.address in (None, address.value)
            )
            yield Option(door=door, surface=name, capabilities=capabilities, address=address, answering=answering)


def _is_here(door: Door, request: Request) -> bool:
    place = request.place
    return place is not None and (door.channel, door.account) == (place.channel, place.account)


# ---------------------------------------------------------------- judging


def _judge(
    one: _Candidate,
    request: Request,
    facts: Facts,
    now: datetime,
    *,
    rule: Rule | None,
    expired: bool,
    resend: Attempt | None,
) -> _Judged:
    door = one.door
    if door is None or expired or _tried(door, request, resend):
        reason = No("expired") if expired else No("not_configured") if door is None else No("already_tried")
        return _refused(one, reason)
    if not door.surfaces:
        return _refused(one, No("link_only", "the platform has no message API"))
    first: No | None = None
    for option in _options(door, request, facts):
        no = check(option, request, facts, now)
        if no is None:
            return _Judged(
                step=_step(option, request, facts, now, rule), later=_later(one, option, request, facts, now)
            )
        first = first or no
    return _refused(one, first or No("no_address"))


def _refused(one: _Candidate, no: No) -> _Judged:
    door = one.door
    return _Judged(
        refusal=Refusal(
            channel=door.channel if door else one.name,
            account=door.account if door else None,
            reason=no.reason,
            detail=no.detail,
            ends_at=no.ends_at,
        )
    )


def _later(one: _Candidate, option: Option, request: Request, facts: Facts, now: datetime) -> bool:
    found = governs(option, request, facts, now)
    if found is None or option.answering or one.asked:
        return False
    # A reinstated channel is started on by rule; one that is going away only where the request itself names it.
    return effect_of(found[1]).prefer_other and not (found[1] == "reinstated" and one.ruled)


def _step(option: Option, request: Request, facts: Facts, now: datetime, rule: Rule | None) -> Step:
    fits = fitted(option, request, facts, now)
    cost = cost_of(option, request, facts, now, len(fits.parts))
    return Step(
        channel=option.door.channel,
        account=option.door.account,
        adapter=option.door.adapter,
        surface=option.surface,
        address=option.address.value,
        wait=rule.then.wait if rule else None,
        success=_success(rule.then.success if rule else "accepted", option.capabilities),
        lost=fits.lost,
        cost=cost.amount if cost else None,
        currency=cost.currency if cost else "USD",
        thread=request.place.thread if option.answering and request.place else None,
    )


_WEAKER: Mapping[Success, tuple[Success, ...]] = {
    "read": ("read", "delivered", "sent"),
    "delivered": ("delivered", "sent"),
    "sent": ("sent",),
}


def _success(wanted: Success, capabilities: Capabilities) -> Success:
    """The strongest success, up to the one wanted, that the platform ever reports: no step waits for what never
    comes."""
    if wanted == "replied":
        return wanted
    for one in _WEAKER.get(wanted, ()):
        if one in capabilities.receipts:
            return one
    return "accepted"


# ---------------------------------------------------------------- attempts


@dataclass(frozen=True, slots=True)
class _Unsettled:
    hold: bool = False
    tell: bool = False
    resend: Attempt | None = None


def _unsettled(request: Request, facts: Facts, now: datetime) -> _Unsettled:
    """What follows from attempts of which nobody knows whether they arrived.

    They are held until the platform's time for echoes and statuses has passed. Then a service text is sent once more;
    anything else, and a second time, is for a person.
    """
    open_ones = [a for a in request.tried if a.state == "unknown" or (a.state == "failed" and not a.certain)]
    if not open_ones:
        return _Unsettled()
    newest = max(open_ones, key=lambda a: a.started_at)
    if now < newest.started_at + _settle_after(newest, facts):
        return _Unsettled(hold=True)
    is_text = request.purpose == "service" and isinstance(request.content, Text)
    if request.repeatable and is_text and len(open_ones) == 1:
        return _Unsettled(resend=newest)
    return _Unsettled(hold=True, tell=True)


def _settle_after(attempt: Attempt, facts: Facts) -> timedelta:
    times = [c.settle_after for door in facts.doors if door.account == attempt.account for c in door.surfaces.values()]
    return max(times, default=timedelta(0))


def _tried(door: Door, request: Request, resend: Attempt | None) -> bool:
    """Whether this delivery has been here before. What a drill or a closed breaker skipped was not a try."""
    if door.account == request.current:
        return False
    return any(
        (a.channel, a.account) == (door.channel, door.account) and a.state != "skipped" and a is not resend
        for a in request.tried
    )
