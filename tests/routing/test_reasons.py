"""Every reason for which a channel is not used, and which one is told where several apply."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import get_args

import pytest

from omnichannel.channel.capabilities import Capabilities, Initiation, ReplyWindow
from omnichannel.model.address import Consent
from omnichannel.model.content import Template, Text
from omnichannel.model.message import RefusalReason
from omnichannel.model.withdrawal import Withdrawal
from omnichannel.routing.facts import Door, Facts, QuietHours, Request
from omnichannel.routing.health import ChannelHealth
from omnichannel.routing.plan import decide
from omnichannel.routing.prices import PriceCap
from omnichannel.withdrawal.detection import Suspicion
from tests.routing.given import (
    ANN,
    ANN_MAIL,
    ANSWER,
    DAY,
    DM,
    EMAIL,
    FACTS,
    HOUR,
    IN_DM,
    IN_PUBLIC,
    MENTION,
    MINUTE,
    NOW,
    PAGE,
    SMS,
    START,
    X,
    accounts,
    attempt,
    refusal,
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A request, the facts, and who is refused for what."""

    request: Request = START
    facts: Facts = FACTS
    account: str = "x-main"
    reason: RefusalReason
    ends_at: datetime | None = None
    detail: str = ""


HUMAN = replace(START, is_reply=True, place=IN_DM, agent="human")
PEOPLE = replace(PAGE, window=ReplyWindow(length=DAY, after="closed", human=7 * DAY))


def with_window(silent: timedelta) -> Facts:
    """A surface on which people may answer for a week, and a customer who was silent for so long."""
    return replace(with_x("dm", PEOPLE), last_in={("x", "x-main", "4711"): NOW - silent})


def without(channel: str) -> Facts:
    return replace(FACTS, addresses=[a for a in ANN if a.channel != channel])


def healthy_but(**health: ChannelHealth) -> Facts:
    return replace(FACTS, health={account.replace("_", "-"): state for account, state in health.items()})


def said(purpose: str, channel: str | None, granted: bool, ago: int = 1) -> Consent:
    return Consent(
        brand="default",
        customer_id="cus_1",
        purpose=purpose,
        channel=channel,
        granted=granted,
        source="test",
        changed_at=NOW - ago * HOUR,
    )


def with_x(surface: str, capabilities: Capabilities) -> Facts:
    return replace(FACTS, doors=[replace(X, surfaces={surface: capabilities}), EMAIL])


CLOSED = Withdrawal(id="wdr_1", channel="x", closed_at=NOW - DAY, targets=("whatsapp", "email"))
QUIET = QuietHours(start=time(22), end=time(8))
SUSPECTED = Suspicion(channel="x", account="x-main", surface="dm", since=NOW - HOUR, pieces=3, detail="453")
UNTIL = NOW + HOUR
NEVER_WRITE = replace(DM, initiation=Initiation.NEVER)

CASES = {
    "expired": Case(request=replace(START, expires_at=NOW), reason="expired"),
    "expired by a second": Case(request=replace(START, expires_at=NOW - MINUTE), account="sms-fr", reason="expired"),
    "already tried": Case(request=replace(START, tried=(attempt(X),)), reason="already_tried"),
    "tried and accepted, too late": Case(request=replace(START, tried=(attempt(X, "sent"),)), reason="already_tried"),
    "no address": Case(facts=without("x"), reason="no_address"),
    "address of another account": Case(
        facts=replace(FACTS, addresses=[replace(a, account="x-other") for a in ANN]), reason="no_address"
    ),
    "address expired": Case(
        facts=replace(FACTS, addresses=[replace(a, expires_at=NOW) for a in ANN]),
        reason="address_expired",
        detail="ended 2027-03-01",
    ),
    "opted out of it": Case(
        facts=replace(FACTS, consents=[said("service", "x", False)]), reason="opted_out", detail="service"
    ),
    "opted out of all": Case(facts=replace(FACTS, consents=[said("all", None, False)]), reason="opted_out"),
    "no consent": Case(request=replace(START, purpose="marketing"), reason="no_consent", detail="marketing"),
    "withdrawn": Case(
        facts=replace(FACTS, withdrawals=[CLOSED]),
        reason="withdrawn",
        detail="closed since 2027-02-28 12:00 UTC; replacement: whatsapp, email",
    ),
    "withdrawn and coming back": Case(
        facts=replace(FACTS, withdrawals=[replace(CLOSED, reinstated_at=NOW + DAY, targets=())]),
        reason="withdrawn",
        ends_at=NOW + DAY,
        detail="closed since 2027-02-28 12:00 UTC",
    ),
    "suspected": Case(
        facts=healthy_but(x_main=ChannelHealth(suspected=(SUSPECTED,))),
        reason="suspected",
        detail="since 2027-03-01 11:00 UTC: 453",
    ),
    "suspected as a whole": Case(
        facts=healthy_but(x_main=ChannelHealth(suspected=(replace(SUSPECTED, account=None, surface=None),))),
        reason="suspected",
    ),
    "held": Case(
        facts=healthy_but(x_main=ChannelHealth(held="payment", held_detail="no credits")),
        reason="held",
        detail="payment: no credits",
    ),
    "held until": Case(
        facts=healthy_but(x_main=ChannelHealth(held="review", held_until=UNTIL)),
        reason="held",
        ends_at=UNTIL,
        detail="review",
    ),
    "breaker open": Case(
        facts=healthy_but(x_main=ChannelHealth(open_until=UNTIL)),
        reason="held",
        ends_at=UNTIL,
        detail="too many calls failed",
    ),
    "breaker probing": Case(
        facts=healthy_but(x_main=ChannelHealth(open_until=NOW - HOUR, probing_until=NOW + MINUTE)),
        reason="held",
        ends_at=NOW + MINUTE,
    ),
    "rate limited": Case(
        facts=healthy_but(x_main=ChannelHealth(rate_limited_until=UNTIL)), reason="rate_limited", ends_at=UNTIL
    ),
    "country blocked": Case(
        facts=healthy_but(wa_fr=ChannelHealth(blocked_countries=MappingProxyType({"FR": UNTIL}))),
        account="wa-fr",
        reason="country_blocked",
        ends_at=UNTIL,
        detail="FR",
    ),
    "country blocked, told by the customer": Case(
        request=replace(START, country="ru"),
        facts=healthy_but(x_main=ChannelHealth(blocked_countries=MappingProxyType({"RU": None}))),
        reason="country_blocked",
        detail="RU",
    ),
    "purpose blocked": Case(
        facts=healthy_but(x_main=ChannelHealth(blocked_purposes=MappingProxyType({"service": UNTIL}))),
        reason="purpose_blocked",
        ends_at=UNTIL,
        detail="service",
    ),
    "public surface": Case(facts=with_x("mention", MENTION), reason="public_surface", detail="the content is private"),
    "public answer that was marked private": Case(
        request=replace(ANSWER, place=IN_PUBLIC, visibility="private"),
        facts=with_x("mention", MENTION),
        reason="public_surface",
    ),
    "own data in public": Case(
        request=replace(ANSWER, place=IN_PUBLIC, content=Text("We wrote to Ann@Example.com.")),
        facts=with_x("mention", MENTION),
        reason="public_surface",
        detail="the content holds the customer's address on email",
    ),
    "the host's pattern in public": Case(
        request=replace(ANSWER, place=IN_PUBLIC, content=Text("Booking AB12CD is fine.")),
        facts=replace(with_x("mention", MENTION), patterns=[re.compile(r"\b[A-Z0-9]{6}\b")]),
        reason="public_surface",
    ),
    "template only": Case(account="wa-fr", reason="may_not_start", detail="only an approved template may start"),
    "only a link": Case(
        facts=replace(FACTS, doors=[replace(X, surfaces={}), EMAIL]),
        reason="link_only",
        detail="the platform has no message API",
    ),
    "after contact": Case(facts=with_x("dm", PAGE), reason="may_not_start"),
    "summoned": Case(
        request=replace(ANSWER, place=replace(IN_PUBLIC, addressed=False)),
        facts=with_x("mention", MENTION),
        reason="may_not_start",
        detail="only where we were addressed",
    ),
    "summoned without a thread": Case(
        request=replace(ANSWER, place=replace(IN_PUBLIC, thread=None)),
        facts=with_x("mention", MENTION),
        reason="may_not_start",
    ),
    "never first": Case(facts=with_x("dm", NEVER_WRITE), reason="may_not_start", detail="only answers"),
    "in public without a thread": Case(
        request=replace(START, visibility="public"),
        facts=with_x("post", replace(DM, visibility="public")),
        reason="may_not_start",
    ),
    "window closed": Case(
        facts=replace(FACTS, last_in={("whatsapp", "wa-fr", "+33612345678"): NOW - DAY}),
        account="wa-fr",
        reason="window_closed",
        detail="closed 2027-03-01 12:00 UTC; a template may be sent",
    ),
    "window closed for a machine": Case(
        request=replace(HUMAN, agent="bot"),
        facts=with_window(DAY),
        reason="window_closed",
        detail="closed 2027-03-01 12:00 UTC; a person may answer until 2027-03-07 12:00 UTC",
    ),
    "window closed for an automatic text": Case(
        request=replace(HUMAN, automatic=True), facts=with_window(DAY), reason="window_closed"
    ),
    "window closed for whoever starts": Case(request=START, facts=with_window(DAY), reason="window_closed"),
    "window closed for people": Case(
        request=HUMAN, facts=with_window(7 * DAY), reason="window_closed", detail="closed 2027-02-23 12:00 UTC"
    ),
    "window closed for good": Case(
        request=replace(START, content=Template("hello")),
        facts=replace(with_x("dm", PAGE), last_in={("x", "x-main", "4711"): NOW - DAY}),
        reason="window_closed",
        detail="closed 2027-03-01 12:00 UTC",
    ),
    "assurance too low": Case(request=replace(START, assurance=3), reason="assurance_too_low", detail="2 of 3"),
    "cannot express": Case(
        request=replace(START, content=Template("hello")), reason="cannot_express", detail="templates"
    ),
    "over the price cap": Case(
        facts=replace(FACTS, price_cap=PriceCap(amount=Decimal("0.05"))),
        account="sms-fr",
        reason="over_price_cap",
        detail="0.08 USD, the cap is 0.05 USD",
    ),
    "quiet hours": Case(
        request=replace(START, timezone="Asia/Tokyo"),
        facts=replace(FACTS, quiet_hours=replace(QUIET, start=time(21))),
        reason="quiet_hours",
        ends_at=datetime.fromisoformat("2027-03-01T23:00:00+00:00"),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_reason_is_told_with_its_end(case: Case) -> None:
    decision = decide(case.request, case.facts, NOW)
    found = refusal(decision, case.account)
    assert (found.reason, found.ends_at) == (case.reason, case.ends_at)
    assert case.detail in (found.detail, "")
    assert case.account not in accounts(decision)


def test_a_channel_that_is_not_configured_is_a_reason_and_no_error() -> None:
    decision = decide(replace(START, order=("telegram", "email", "telegram")), FACTS, NOW)
    assert accounts(decision)[0] == "care-mail"
    assert [(r.channel, r.account) for r in decision.refused if r.reason == "not_configured"] == [("telegram", None)]


def test_every_reason_is_covered() -> None:
    assert {case.reason for case in CASES.values()} | {"not_configured"} == set(get_args(RefusalReason))


# ---------------------------------------------------------------- precedence


def test_the_first_reason_of_the_documented_order_is_told() -> None:
    """All is wrong at once; each reason that goes away uncovers the next."""
    address = replace(ANN_MAIL, assurance=0, expires_at=NOW)
    window = ReplyWindow(length=DAY, after="closed")
    unable = Capabilities(text_limit=100, initiation=Initiation.NEVER, window=window, visibility="public")
    door = Door(channel="email", adapter="a", account="m", surfaces={"list": unable}, prices=SMS.prices)
    ill = ChannelHealth(
        suspected=(replace(SUSPECTED, channel="email", account=None, surface=None),),
        held="payment",
        rate_limited_until=UNTIL,
        blocked_countries=MappingProxyType({"FR": None}),
        blocked_purposes=MappingProxyType({"marketing": None}),
    )
    request = Request(
        delivery_id="dlv_1",
        customer_id="cus_1",
        content=Template("hello"),
        purpose="marketing",
        country="FR",
        assurance=1,
        expires_at=NOW,
        tried=(attempt(door),),
    )
    facts = Facts(
        doors=[door],
        consents=[said("all", None, False)],
        withdrawals=[replace(CLOSED, channel="email")],
        health={"m": ill},
        price_cap=PriceCap(amount=Decimal("0.05")),
        quiet_hours=QuietHours(start=time(0), end=time(23)),
    )
    asked = said("marketing", None, True, ago=0)
    told: list[str] = []

    def ask() -> None:
        (found,) = decide(request, facts, NOW).refused
        told.append(found.reason)

    ask()
    request = replace(request, expires_at=None)
    ask()
    request = replace(request, tried=())
    ask()
    facts = replace(facts, addresses=[address])
    ask()
    facts = replace(facts, addresses=[replace(address, expires_at=None)])
    ask()
    facts = replace(facts, consents=[])
    ask()
    facts = replace(facts, consents=[asked])
    ask()
    facts = replace(facts, withdrawals=[])
    ask()
    facts = replace(facts, doors=[replace(door, surfaces={"list": replace(unable, visibility="private")})])
    ask()
    ill = replace(ill, blocked_countries=MappingProxyType({}))
    facts = replace(facts, health={"m": ill})
    ask()
    ill = replace(ill, blocked_purposes=MappingProxyType({}))
    facts = replace(facts, health={"m": ill})
    ask()
    ill = replace(ill, suspected=())
    facts = replace(facts, health={"m": ill})
    ask()
    ill = replace(ill, held=None)
    facts = replace(facts, health={"m": ill})
    ask()
    facts = replace(facts, health={})
    ask()
    able = replace(unable, visibility="private", initiation=Initiation.AFTER_CONTACT)
    facts = replace(
        facts,
        doors=[replace(door, surfaces={"list": able})],
        last_in={("email", "m", "ann@example.com"): NOW - 2 * DAY},
    )
    ask()
    facts = replace(facts, last_in={("email", "m", "ann@example.com"): NOW - HOUR})
    ask()
    request = replace(request, assurance=0)
    ask()
    request = replace(request, content=Text("Hello"))
    ask()
    facts = replace(facts, price_cap=PriceCap())
    ask()
    assert told == [
        "expired",
        "already_tried",
        "no_address",
        "address_expired",
        "opted_out",
        "no_consent",
        "withdrawn",
        "public_surface",
        "country_blocked",
        "purpose_blocked",
        "suspected",
        "held",
        "rate_limited",
        "may_not_start",
        "window_closed",
        "assurance_too_low",
        "cannot_express",
        "over_price_cap",
        "quiet_hours",
    ]
    facts = replace(facts, quiet_hours=None)
    assert accounts(decide(request, facts, NOW)) == ["m"]


def test_a_person_may_answer_for_a_week() -> None:
    for silent, first in ((6 * DAY, "x-main"), (7 * DAY, "care-mail")):
        decision = decide(HUMAN, with_window(silent), NOW)
        assert decision.steps[0].account == first
