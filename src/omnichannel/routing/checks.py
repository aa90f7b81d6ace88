"""Every reason not to use a channel, in one order: `CHECKS`. The first that applies is the one that is told.

What no waiting changes comes first (nobody there, nobody who wants it, the channel gone), then the state of the
account, then the conversation and the content, and last what passes by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias, assert_never

from omnichannel.channel.capabilities import Capabilities, Initiation, Support
from omnichannel.kit.degrade import Fitted, fit
from omnichannel.kit.phone import country_of
from omnichannel.kit.sms import sms_segments
from omnichannel.model.address import Address
from omnichannel.model.content import Template, Text
from omnichannel.model.message import RefusalReason
from omnichannel.model.withdrawal import Phase, Withdrawal
from omnichannel.routing.consent import NEEDS_GRANT, consent_for
from omnichannel.routing.facts import Door, Facts, Request, as_money
from omnichannel.routing.guard import personal_in, texts_of
from omnichannel.routing.health import breaker_at
from omnichannel.routing.prices import price_fact
from omnichannel.withdrawal.effect import effect_of, may_answer
from omnichannel.withdrawal.phases import FIELD
from omnichannel.withdrawal.scopes import Question, governing, narrowed

__all__ = ["CHECKS", "Cost", "No", "Option", "check", "cost_of", "fitted", "governs", "is_late"]


@dataclass(frozen=True, slots=True)
class No:
    """Why not, until when where that is known, and the details."""

    reason: RefusalReason
    detail: str = ""
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One way to say it: a surface of a door, to one address of the customer."""

    door: Door
    surface: str
    capabilities: Capabilities
    address: Address
    answering: bool

    @property
    def number(self) -> str | None:
        """The customer's telephone number, where the address is one."""
        return self.address.value if self.address.value.startswith("+") else None

    def country(self, request: Request) -> str | None:
        """The number's country, else the customer's."""
        return (country_of(self.number) if self.number else None) or request.country

    def question(self, request: Request) -> Question:
        """What withdrawals are asked about it."""
        return Question(
            channel=self.door.channel,
            account=self.door.account,
            brand=request.brand,
            surface=self.surface,
            direction="out",
            country=self.country(request),
            purpose=request.purpose,
            agent=request.writer,
            tier=self.door.tier,
            number=self.number,
        )


Check: TypeAlias = Callable[[Option, Request, Facts, datetime], No | None]


def check(option: Option, request: Request, facts: Facts, now: datetime) -> No | None:
    """The first reason against an option, in the order of `CHECKS`; None where there is none."""
    return next((no for one in CHECKS if (no := one(option, request, facts, now)) is not None), None)


# ---------------------------------------------------------------- the person


def _address(option: Option, request: Request, facts: Facts, now: datetime) -> No | None:
    ended = option.address.expires_at
    if (option.door.channel, option.address.value, option.surface) in facts.unreachable:
        return No("no_address", "nobody is reached there any more")
    return No("address_expired", f"ended {ended:%Y-%m-%d}") if ended is not None and ended <= now else None


def _consent(option: Option, request: Request, facts: Facts, now: datetime) -> No | None:
    standing = consent_for(facts.consents, request.brand, request.purpose, option.door.channel)
    if standing == "revoked":
        return No("opted_out", request.purpose)
    if standing == "not_asked" and request.purpose in NEEDS_GRANT:
        return No("no_consent", request.purpose)
    return None


# ---------------------------------------------------------------- the channel


def governs(option: Option, request: Request, facts: Facts, now: datetime) -> tuple[Withdrawal, Phase] | None:
    """The withdrawal that counts for an option."""
    if not facts.withdrawals:
        return None
    return governing(facts.withdrawals, option.question(request), now, customer_id=request.customer_id)


def _withdrawn(option: Option, request: Request, facts: Facts, now: datetime) -> No | None:
    found = governs(option, request, facts, now)
    if found is None:
        return None
    w, phase = found
    opened_at = request.place.opened_at if request.place is not None else None
    # What belongs to the move itself, the notice and the code that proves who follows it, is part of draining.
    answers = option.answering or (request.notice and request.is_reply)
    allowed = may_answer(w, phase, opened_at, notice=request.notice) if answers else effect_of(phase).start
    if allowed:
        return None
    since: object = getattr(w, FIELD[phase])
    said = [f"{phase} since {since:%Y-%m-%d %H:%M} UTC" if isinstance(since, datetime) else phase]
    if w.targets:
        said.append(f"replacement: {', '.join(w.targets)}")
    returns = w.reinstated_at if w.reinstated_at is not None and w.reinstated_at > now else None
    return No("withdrawn", "; ".join(said), returns)


def _public(option: Option, request: Request, facts: Facts, now: datetime) -> No | None:
    if option.capabilities.visibility != "public":
        return None
    if request.effective_visibility == "private":
        return No("public_surface", "the content is private")
    personal = personal_in(request.content, facts.addresses, facts.patterns, public_channel=option.door.channel)
    return No("public_surface", f"the content holds {personal}") if personal else None


# ---------------------------------------------------------------- the account


def _blocked(option: Option, request: Request, facts: Facts, now: datetime) -> No | None:
    health = facts.health_of(option.door.account)
    country = option.country(request)
    if country is not None and _holds(health.blocked_countries, country.upper(), now):
        return No("country_blocked", country.upper(), health.blocked_countries[country.upper()])
    if _holds(health.blocked_purposes, request.purpose, now):
        return No("purpose_blocked", request.purpose, health.blocked_purposes[request.purpose])
    return None


def _holds(blocks: Mapping[str, datetime | None], key: str, now: datetime) -> bool:
    if key not in blocks:
        return False
    until = blocks[key]
    return until is None or now < until


def _suspected(option: Option, request: Request, facts: Facts, now: datetime) -> No | None:
    for s in facts.health_of(option.door.account).suspected:
        same = s.channel == option.door.channel and s.account in (None, option.door.account)
        if same and s.surface in (None, option.surface):
            return No("suspected", f"since {s.since:%Y-%m-%d %H:%M} UTC: {s.detail}".rstrip(": "))
    return None


def _held(option: Option, request: Request, facts: Facts, now: datetime) -> No | None:
    health = facts.health_of(option.door.account)
    if health.held is not None and (health.held_until is None or now < health.held_until):
        return No("held", f"{health.held}: {health.held_detail}".rstrip(": "), health.held_until)
    if breaker_at(health, now) == "open":
        ends = [at for at in (health.open_until, health.probing_until) if at is not None and at > now]
        return No("held", "too many calls failed", max(ends, default=None))
    limited = health.rate_limited_until
    return No("rate_limited", "", limited) if limited is not None and now < limited else None


# ---------------------------------------------------------------- the conversation


def _last_in(option: Option, facts: Facts) -> datetime | None:
    return facts.last_in.get((option.door.channel, option.door.account, option.address.value))


def _outside_window(option: Option, facts: Facts, now: datetime) -> bool:
    window, last = option.capabilities.window, _last_in(option, facts)
    return window is not None and (last is None or now >= last + window.length)


def is_late(option: Option, request: Request, facts: Facts, now: datetime) -> bool:
    """Whether a person answers after the window, in the time that the platform leaves to people alone."""
    window, last = option.capabilities.window, _last_in(option, facts)
    if window is None or window.human is None or last is None or isinstance(request.content, Template):
        return False
    return option.answering and request.writer == "human" and last + window.length <= now < last + window.human


def _start(option: Option, request: Request, facts: Facts, now: datetime) -> No | None:
    """Whether we may write at all, if the customer does not write first."""
    if option.capabilities.visibility == "public" and not option.answering:
        return No("may_not_start", "in public only in the thread in which the customer wrote")
    contact = option.answering or _last_in(option, facts) is not None
    match option.capabilities.initiation:
        case Initiation.ANYONE:
            return None
        case Initiation.AFTER_CONTACT:
            return None if contact else No("may_not_start", "the customer has to write first")
        case Initiation.TEMPLATE:
            if contact or isinstance(request.content, Template):
                return None
            return No("may_not_start", "only an approved template may start")
        case Initiation.SUMMONED:
            addressed = request.place is not None and request.place.addressed and request.place.thread is not None
            return None if option.answering and addressed else No("may_not_start", "only where we were addressed")
        case Initiation.NEVER:
            return None if option.answering else No("may_not_start", "only answers")
        case _:
            assert_never(option.capabilities.initiation)


def _window(option: Option, request: Request, facts: Facts, now: datetime) -> No | None:
    window, last = option.capabilities.window, _last_in(option, facts)
    if window is None or not _outside_window(option, facts, now):
        return None
    if window.after == "paid" or is_late(option, request, facts, now):
        return None
    if window.after == "template" and isinstance(request.content, Template):
        return None
    if last is None and not option.answering and option.capabilities.initiation is Initiation.ANYONE:
        # The window is about answers; where anyone may start, a first message is no answer.
        return None
    since = "the customer has not written" if last is None else f"closed {last + window.length:%Y-%m-%d %H:%M} UTC"
    ways = ["a template may be sent"] if window.after == "template" else []
    if window.human is not None and last is not None and now < last + window.human:
        ways.append(f"a person may answer until {last + window.human:%Y-%m-%d %H:%M} UTC")
    return No("window_closed", "; ".join([since, *ways]))


def _assurance(option: Option, request: Request, facts: Facts, now: datetime) -> No | None:
    has, needs = option.address.assurance, request.assurance
    return No("assurance_too_low", f"{int(has)} of {int(needs)}") if has < needs else None


# ---------------------------------------------------------------- the content


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step costs."""

    amount: Decimal
    currency: str


def fitted(option: Option, request: Request, facts: Facts, now: datetime) -> Fitted:
    """The content as the surface can show it, without the features that are withdrawn."""
    capabilities = option.capabilities
    if facts.withdrawals:
        question, customer_id = option.question(request), request.customer_id
        capabilities = narrowed(
            capabilities, facts.withdrawals, question, now, answering=option.answering, customer_id=customer_id
        )
    return fit(request.content, capabilities, media_url=facts.media_url)


def cost_of(option: Option, request: Request, facts: Facts, now: datetime, parts: int) -> Cost | None:
    """What the step costs in all its parts; None where no price is known.

    The conditions that a price may name are the purpose, the surface, `template`, and `outside_window`.
    """
    conditions = {request.purpose, option.surface}
    if isinstance(request.content, Template):
        conditions.add("template")
    if _outside_window(option, facts, now):
        conditions.add("outside_window")
    found = price_fact(
        option.door.prices,
        "reply" if option.answering else "send",
        option.country(request),
        now,
        has_link(request),
        conditions=conditions,
    )
    if found is None:
        return None
    count = max(parts, 1)
    if found.per == "segment":
        count = max(count, sms_segments("\n".join(filter(None, texts_of(request.content)))).segments)
    return Cost(found.amount * count, found.currency)


def has_link(request: Request) -> bool:
    """Whether the content has a web link in it, which some platforms charge for."""
    if isinstance(request.content, Text) and request.content.buttons:
        return True
    text = "\n".join(texts_of(request.content)).casefold()
    return any(mark in text for mark in ("https://", "http://", "www."))


def _content(option: Option, request: Request, facts: Facts, now: datetime) -> No | None:
    fits = fitted(option, request, facts, now)
    if fits.support is Support.NONE or not fits.parts:
        return No("cannot_express", ", ".join(fits.lost))
    cost = cost_of(option, request, facts, now, len(fits.parts))
    if cost is not None and facts.price_cap.exceeded_by(cost.amount, cost.currency):
        cap = facts.price_cap
        limit = as_money(cap.amount or Decimal(0), cap.currency)
        return No("over_price_cap", f"{as_money(cost.amount, cost.currency)}, the cap is {limit}")
    return None


def _quiet(option: Option, request: Request, facts: Facts, now: datetime) -> No | None:
    quiet = facts.quiet_hours
    if quiet is None or option.answering or request.purpose not in quiet.purposes:
        return None
    if quiet.channels is not None and option.door.channel not in quiet.channels:
        return None
    ends_at = quiet.ends_at(now, request.timezone)
    return None if ends_at is None else No("quiet_hours", "", ends_at)


CHECKS: tuple[Check, ...] = (
    _address,
    _consent,
    _withdrawn,
    _public,
    _blocked,
    _suspected,
    _held,
    _start,
    _window,
    _assurance,
    _content,
    _quiet,
)
"""In order: address_expired; opted_out, no_consent; withdrawn; public_surface; country_blocked, purpose_blocked;
suspected; held, rate_limited; may_not_start; window_closed; assurance_too_low; cannot_express, over_price_cap;
quiet_hours. Before them come expired, not_configured, already_tried and no_address, which need no option."""
