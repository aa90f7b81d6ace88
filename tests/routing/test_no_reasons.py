"""What is no reason: where a check must let a channel through."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from decimal import Decimal
from types import MappingProxyType

import pytest

from omnichannel.channel.capabilities import Capabilities, Initiation, ReplyWindow
from omnichannel.model.address import Consent
from omnichannel.model.content import Location, Template, Text
from omnichannel.model.withdrawal import Scope, Withdrawal
from omnichannel.routing.facts import Facts, QuietHours, Request
from omnichannel.routing.health import ChannelHealth
from omnichannel.routing.plan import decide
from omnichannel.routing.prices import PriceCap
from omnichannel.withdrawal.detection import Suspicion
from tests.routing.given import (
    ANN_MAIL,
    ANN_X,
    ANSWER,
    DAY,
    DM,
    DOORS,
    EMAIL,
    FACTS,
    HOUR,
    IN_PUBLIC,
    MENTION,
    MINUTE,
    NOW,
    PAGE,
    START,
    UNHEARD,
    WROTE,
    X,
    accounts,
    attempt,
    why_not,
)


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
NEVER_WRITE = replace(DM, initiation=Initiation.NEVER)

ANN_AS = replace(with_x("mention", MENTION), addresses=[ANN_X, replace(ANN_MAIL, value="ann")])
"""A name that is part of ordinary words is not looked for."""

# ---------------------------------------------------------------- what is no reason


@pytest.mark.parametrize(
    ("request_", "facts"),
    [
        (replace(START, expires_at=NOW + MINUTE), FACTS),
        (replace(START, tried=(attempt(X, "skipped"),)), FACTS),
        (replace(START, tried=(attempt(X),), current="x-main"), FACTS),
        (START, replace(FACTS, consents=[said("marketing", "x", False)])),
        (START, replace(FACTS, consents=[said("all", "sms", False)])),
        (START, replace(FACTS, consents=[replace(said("all", None, False), brand="klm")])),
        (START, replace(FACTS, consents=[said("all", "x", False, 2), said("all", "x", True, 1)])),
        (replace(START, purpose="marketing"), replace(FACTS, consents=[said("marketing", None, True)])),
        (START, replace(FACTS, withdrawals=[replace(CLOSED, scope=Scope(surface="post"))])),
        (START, replace(FACTS, withdrawals=[replace(CLOSED, scope=Scope(direction="in"))])),
        (START, replace(FACTS, withdrawals=[replace(CLOSED, account="x-other")])),
        (START, replace(FACTS, withdrawals=[replace(CLOSED, brand="klm")])),
        (START, replace(FACTS, withdrawals=[replace(CLOSED, closed_at=NOW + MINUTE)])),
        (START, healthy_but(x_main=ChannelHealth(held="review", held_until=NOW))),
        (START, healthy_but(x_main=ChannelHealth(rate_limited_until=NOW))),
        (START, healthy_but(x_main=ChannelHealth(open_until=NOW))),
        (START, healthy_but(x_main=ChannelHealth(suspected=(replace(SUSPECTED, surface="mention"),)))),
        (START, healthy_but(x_main=ChannelHealth(suspected=(replace(SUSPECTED, account="x-other"),)))),
        (START, healthy_but(x_main=ChannelHealth(blocked_countries=MappingProxyType({"IT": None})))),
        (START, healthy_but(x_main=ChannelHealth(blocked_purposes=MappingProxyType({"service": NOW})))),
        (START, replace(with_x("dm", PAGE), last_in={("x", "x-main", "4711"): NOW - HOUR})),
        (ANSWER, with_x("dm", NEVER_WRITE)),
        (ANSWER, replace(with_x("dm", PAGE), last_in={("x", "x-main", "4711"): NOW - HOUR})),
        (START, with_x("dm", replace(DM, window=ReplyWindow(length=DAY, after="closed")))),
        (START, replace(with_x("dm", replace(DM, window=ReplyWindow(length=DAY, after="paid"))), last_in=WROTE)),
        (replace(START, assurance=2), FACTS),
        (START, replace(FACTS, price_cap=PriceCap(amount=Decimal(0)))),
        (replace(START, timezone="Asia/Tokyo"), replace(FACTS, quiet_hours=QUIET)),
        (replace(ANSWER, timezone="Asia/Tokyo"), replace(FACTS, quiet_hours=replace(QUIET, start=time(20)))),
        (replace(START, purpose="alert"), replace(FACTS, quiet_hours=replace(QUIET, start=time(0), end=time(23)))),
        (START, replace(FACTS, quiet_hours=QuietHours(start=time(0), end=time(23), channels=frozenset({"sms"})))),
        (replace(ANSWER, place=IN_PUBLIC), with_x("mention", MENTION)),
        (replace(ANSWER, place=IN_PUBLIC, content=Text("Call +49 30 123456")), with_x("mention", MENTION)),
        (replace(ANSWER, place=IN_PUBLIC, content=Location(1.0, 2.0)), with_x("mention", MENTION)),
        (replace(ANSWER, place=IN_PUBLIC, content=Text("You, Ann? No: @ann")), ANN_AS),
        (replace(START, timezone="Nowhere/Atlantis"), replace(FACTS, quiet_hours=QUIET)),
    ],
)
def test_what_is_no_reason(request_: Request, facts: Facts) -> None:
    assert accounts(decide(request_, facts, NOW))[0] == "x-main"


@pytest.mark.parametrize(
    ("content", "allowed"), [(Template("hello"), True), (Text("hello"), False), (Text("hello"), True)]
)
def test_a_template_starts_and_reopens_what_text_cannot(content: Template | Text, allowed: bool) -> None:
    wrote = WROTE if isinstance(content, Text) and allowed else UNHEARD
    decision = decide(replace(START, content=content), replace(FACTS, last_in=wrote), NOW)
    assert ("wa-fr" in accounts(decision)) is allowed


@pytest.mark.parametrize(
    "written",
    ["0612345678", "06 12 34 56 78", "+33 6 12 34 56 78", "0033612345678", "+33-612-345-678", "(06) 12.34.56.78"],
)
def test_a_number_is_known_however_it_is_written(written: str) -> None:
    request = replace(ANSWER, place=IN_PUBLIC, content=Text(f"We call you on {written} today."))
    assert why_not(decide(request, with_x("mention", MENTION), NOW))["x-main"] == "public_surface"


def test_the_doors_of_another_brand_do_not_exist() -> None:
    facts = replace(FACTS, doors=[replace(door, brand="klm") for door in DOORS])
    decision = decide(replace(START, order=("x",)), facts, NOW)
    assert decision.steps == ()
    assert why_not(decision) == {"x": "not_configured"}
