"""Rules: what they match, how they are loaded, and when their version changes."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from omnichannel.model.outcome import Outcome
from omnichannel.routing.rules import RULES, Rule, Situation, Then, When, first_match, rules_version

HERE = Situation(
    brand="airline",
    channel="x",
    surface="dm",
    phase="no_new",
    outcome="retry",
    purpose="service",
    language="fr-CA",
    country="ca",
    tags=frozenset({"vip", "late"}),
    business_hours=True,
    price=Decimal("0.10"),
)

TOML = """
[[rules]]
name = "X is closing"
when = { channel = "x", phase = ["no_new", "read_only", "closed"] }
then = { order = ["whatsapp", "email"], wait = "PT15M", success = "delivered", expire = "P1DT2H" }

[[rules]]
name = "rest"
then = { order = "email", hold = true, tell = true }
"""


def test_rules_are_loaded_from_toml() -> None:
    closing, rest = RULES.validate_python(tomllib.loads(TOML)["rules"])
    assert closing.when == When(channel=("x",), phase=("no_new", "read_only", "closed"))
    assert closing.then == Then(
        order=("whatsapp", "email"), wait=timedelta(minutes=15), success="delivered", expire=timedelta(hours=26)
    )
    assert rest.when == When()
    assert (rest.then.order, rest.then.hold, rest.then.tell) == (("email",), True, True)
    assert RULES.validate_json(RULES.dump_json((closing, rest))) == (closing, rest)


@pytest.mark.parametrize(
    "when",
    [
        When(),
        When(brand=("airline",)),
        When(channel=("sms", "x")),
        When(surface=("dm",)),
        When(phase=("closed", "no_new")),
        When(outcome=(Outcome.RETRY,)),
        When(purpose=("service", "alert")),
        When(language=("fr",)),
        When(language=("FR-ca",)),
        When(country=("CA",)),
        When(tag=("other", "vip")),
        When(business_hours=True),
        When(price_over=Decimal("0.09")),
        When(channel=("x",), phase=("no_new",), language=("fr",)),
    ],
)
def test_all_that_is_set_agrees(when: When) -> None:
    assert when.matches(HERE)


@pytest.mark.parametrize(
    "when",
    [
        When(brand=("klm",)),
        When(channel=("sms",)),
        When(surface=("mention",)),
        When(phase=("closed",)),
        When(outcome=(Outcome.AUTH,)),
        When(purpose=("marketing",)),
        When(language=("en", "f")),
        When(language=("fr-CA-x",)),
        When(country=("FR",)),
        When(tag=("other",)),
        When(business_hours=False),
        When(price_over=Decimal("0.10")),
        When(channel=("x",), phase=("closed",)),
    ],
)
def test_one_part_that_differs_is_enough(when: When) -> None:
    assert not when.matches(HERE)


@pytest.mark.parametrize(
    "when",
    [
        When(phase=("closed",)),
        When(outcome=(Outcome.RETRY,)),
        When(language=("fr",)),
        When(country=("FR",)),
        When(tag=("vip",)),
        When(business_hours=True),
        When(price_over=Decimal(0)),
        When(channel=("x",)),
    ],
)
def test_what_is_not_known_does_not_match(when: When) -> None:
    assert not when.matches(Situation(brand="airline"))


def test_the_first_match_wins() -> None:
    rules = (
        Rule(name="no", when=When(brand=("klm",))),
        Rule(name="first", when=When(channel=("x",))),
        Rule(name="second"),
    )
    found = first_match(rules, HERE)
    assert found is not None
    assert found.name == "first"
    assert first_match(rules[:1], HERE) is None
    other = first_match(rules, replace(HERE, channel="sms"))
    assert other is not None
    assert other.name == "second"


@pytest.mark.parametrize(
    "bad",
    [
        {"name": ""},
        {"name": "a", "when": {"channels": "x"}},
        {"name": "a", "when": {"phase": "gone"}},
        {"name": "a", "when": {"outcome": "gone"}},
        {"name": "a", "then": {"wait": "PT0S"}},
        {"name": "a", "then": {"expire": "-PT1H"}},
        {"name": "a", "then": {"success": "seen"}},
    ],
)
def test_what_cannot_be_meant_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RULES.validate_python([bad])


def test_the_version_changes_with_any_rule_and_with_their_order() -> None:
    a, b = Rule(name="a"), Rule(name="b", then=Then(order=("x",)))
    versions = [rules_version(rules) for rules in ((), (a,), (b,), (a, b), (b, a))]
    assert len(set(versions)) == 5
    assert rules_version([a, b]) == rules_version((a, b))
    assert all(len(one) == 12 for one in versions)
