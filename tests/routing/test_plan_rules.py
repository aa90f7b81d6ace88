"""Rules, waiting, and what may have arrived: the parts of a decision that are not about one channel."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from omnichannel.channel.capabilities import Support
from omnichannel.model.address import Address
from omnichannel.model.content import Template
from omnichannel.model.message import Attempt
from omnichannel.model.outcome import Outcome
from omnichannel.model.withdrawal import Phase, Withdrawal
from omnichannel.routing.facts import Door, Facts, Request
from omnichannel.routing.health import ChannelHealth
from omnichannel.routing.plan import decide
from omnichannel.routing.rules import RULES, Rule, Then, When
from tests.routing.given import (
    ANN,
    ANN_MAIL,
    ANN_WA,
    ANSWER,
    CHAT,
    DAY,
    DM,
    DOORS,
    EMAIL,
    FACTS,
    HOUR,
    IN_DM,
    IN_PUBLIC,
    MINUTE,
    NOW,
    SMS,
    START,
    WHATSAPP,
    WROTE,
    X,
    accounts,
    attempt,
    why_not,
)
from tests.withdrawal.given import in_phase

OPEN = replace(FACTS, last_in=WROTE)

# ---------------------------------------------------------------- rules

CLOSING = RULES.validate_python(
    [
        {
            "name": "X is closing",
            "when": {"channel": "x", "phase": ["no_new", "read_only", "closed"]},
            "then": {"order": ["email", "sms"], "wait": "PT15M", "success": "delivered", "expire": "PT2H"},
        }
    ]
)


@pytest.mark.parametrize(("phase", "rule"), [("redirecting", None), ("no_new", "X is closing")])
def test_a_rule_about_a_phase(phase: Phase, rule: str | None) -> None:
    facts = replace(OPEN, withdrawals=[in_phase(phase)], rules=CLOSING)
    decision = decide(replace(ANSWER, place=replace(IN_DM, opened_at=NOW)), facts, NOW)
    assert decision.rule == rule
    assert decision.expires_at == (NOW + 2 * HOUR if rule else None)


@pytest.mark.parametrize("doors", [DOORS, (EMAIL, SMS)])
@pytest.mark.parametrize("addresses", [ANN, (ANN_MAIL,)])
def test_a_rule_about_a_closed_channel_holds_without_door_and_address(
    doors: tuple[Door, ...], addresses: tuple[Address, ...]
) -> None:
    facts = replace(OPEN, doors=doors, addresses=addresses, withdrawals=[in_phase("closed")], rules=CLOSING)
    assert decide(ANSWER, facts, NOW).rule == "X is closing"
    assert accounts(decide(ANSWER, facts, NOW))[0] == "care-mail"


@pytest.mark.parametrize(
    ("created", "expires", "expected"),
    [
        (None, None, NOW + 2 * HOUR),
        (NOW - HOUR, None, NOW + HOUR),
        (NOW - HOUR, NOW + MINUTE, NOW + MINUTE),
        (NOW - HOUR, NOW + DAY, NOW + HOUR),
    ],
)
def test_a_delivery_expires_by_its_own_time_or_the_rules(
    created: datetime | None, expires: datetime | None, expected: datetime
) -> None:
    rule = Rule(name="soon", then=Then(expire=2 * HOUR))
    request = replace(START, created_at=created, expires_at=expires)
    assert decide(request, replace(OPEN, rules=(rule,)), NOW).expires_at == expected


def test_after_its_rules_time_nothing_is_sent_by_any_channel() -> None:
    rule = Rule(name="gate", then=Then(expire=2 * HOUR))
    request = replace(START, created_at=NOW - 3 * HOUR)
    decision = decide(request, replace(OPEN, rules=(rule,)), NOW)
    assert decision.steps == ()
    assert set(why_not(decision).values()) == {"expired"}
    assert (decision.hold, decision.tell_operator) == (False, False)


def test_what_rules_look_at() -> None:
    rules = (
        Rule(name="failed", when=When(outcome=(Outcome.UNREACHABLE,))),
        Rule(name="dear", when=When(price_over=Decimal("0.05"))),
        Rule(name="vip", when=When(tag=("vip",))),
        Rule(name="night", when=When(business_hours=False)),
        Rule(name="french", when=When(country=("FR",), language=("fr",), purpose=("alert",))),
        Rule(name="public", when=When(surface=("mention",))),
    )
    facts = replace(OPEN, rules=rules)
    assert decide(replace(START, tried=(attempt(EMAIL, outcome="unreachable"),)), facts, NOW).rule == "failed"
    assert decide(replace(START, order=("sms",)), facts, NOW).rule == "dear"
    assert decide(replace(START, tags=frozenset({"vip"})), facts, NOW).rule == "vip"
    assert decide(START, replace(facts, business_hours=False), NOW).rule == "night"
    assert decide(replace(START, purpose="alert", language="fr-CA"), facts, NOW).rule == "french"
    assert decide(replace(ANSWER, place=IN_PUBLIC), facts, NOW).rule == "public"
    assert decide(START, facts, NOW).rule is None


def test_a_rule_may_hold_and_tell() -> None:
    decision = decide(START, replace(OPEN, rules=(Rule(name="wait", then=Then(hold=True, tell=True)),)), NOW)
    assert (decision.hold, decision.tell_operator) == (True, True)
    assert len(decision.steps) == 4


# ---------------------------------------------------------------- nothing to use

HELD = ChannelHealth(held="credentials")


@pytest.mark.parametrize(
    ("facts", "hold"),
    [
        (replace(FACTS, doors=[X], health={"x-main": HELD}), True),
        (replace(FACTS, doors=[X], health={"x-main": ChannelHealth(rate_limited_until=NOW + HOUR)}), True),
        (replace(FACTS, doors=[X], withdrawals=[in_phase("closed")]), False),
        (
            replace(
                FACTS,
                doors=[X],
                withdrawals=[
                    Withdrawal(id="w", channel="x", closed_at=NOW - DAY, reinstated_at=NOW + HOUR),
                ],
            ),
            True,
        ),
        (replace(FACTS, doors=[X], addresses=[]), False),
        (Facts(), False),
    ],
)
def test_where_nothing_can_be_used_it_waits_if_that_helps(facts: Facts, hold: bool) -> None:
    decision = decide(START, facts, NOW)
    assert (decision.steps, decision.hold) == ((), hold)
    # A person is told, unless it is known when it goes out by itself.
    assert decision.tell_operator is all(one.ends_at is None for one in decision.refused)


def test_it_does_not_wait_for_what_comes_after_it_expires() -> None:
    facts = replace(FACTS, doors=[X], health={"x-main": ChannelHealth(rate_limited_until=NOW + HOUR)})
    assert not decide(replace(START, expires_at=NOW + MINUTE), facts, NOW).hold
    assert decide(replace(START, expires_at=NOW + DAY), facts, NOW).hold


# ---------------------------------------------------------------- unknown outcomes

UNKNOWN = attempt(X, "unknown", ago=5 * MINUTE)
OLD = attempt(X, "unknown", ago=20 * MINUTE)
FAILED = attempt(X, "failed", ago=5 * MINUTE, certain=False)


@pytest.mark.parametrize("doubt", [UNKNOWN, FAILED])
def test_what_may_have_arrived_is_held_until_the_platform_would_have_said(doubt: Attempt) -> None:
    decision = decide(replace(START, tried=(doubt,)), OPEN, NOW)
    assert (decision.hold, decision.tell_operator) == (True, False)
    assert why_not(decision) == {"x-main": "already_tried"}


def test_then_a_service_text_is_sent_once_more() -> None:
    decision = decide(replace(START, tried=(OLD,)), OPEN, NOW)
    assert (decision.hold, accounts(decision)[0]) == (False, "x-main")


@pytest.mark.parametrize(
    "request_",
    [
        replace(START, tried=(OLD, replace(OLD, started_at=NOW - HOUR))),
        replace(START, tried=(OLD,), repeatable=False),
        replace(START, tried=(OLD,), purpose="alert"),
        replace(START, tried=(OLD,), content=Template("code")),
    ],
)
def test_anything_else_goes_to_a_person(request_: Request) -> None:
    decision = decide(request_, OPEN, NOW)
    assert (decision.hold, decision.tell_operator) == (True, True)
    assert "x-main" not in accounts(decision)


def test_the_time_to_settle_is_the_platforms() -> None:
    slow = replace(X, surfaces={"dm": replace(DM, settle_after=timedelta(hours=1))})
    assert decide(replace(START, tried=(OLD,)), replace(OPEN, doors=[slow]), NOW).hold
    gone = decide(replace(START, tried=(UNKNOWN,)), replace(OPEN, doors=[EMAIL]), NOW)
    assert (gone.hold, accounts(gone)) == (False, ["care-mail"])


def test_two_whatsapp_numbers_share_no_window() -> None:
    second = replace(WHATSAPP, account="wa-2", surfaces={"dm": replace(CHAT, features={"templates": Support.NONE})})
    facts = replace(OPEN, doors=[WHATSAPP, second], addresses=[ANN_WA])
    decision = decide(START, facts, NOW)
    assert accounts(decision) == ["wa-fr"]
    assert why_not(decision) == {"wa-2": "may_not_start"}
