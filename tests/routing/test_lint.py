"""What is wrong with a plan, found before the day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from omnichannel.channel.capabilities import Initiation, PriceFact
from omnichannel.model.address import Consent
from omnichannel.model.content import Localized
from omnichannel.model.withdrawal import Scope, Withdrawal
from omnichannel.routing.facts import Door
from omnichannel.routing.lint import Finding, lint
from omnichannel.routing.prices import PriceCap
from omnichannel.routing.rules import Rule, Then, When
from tests.routing.given import DAY, DM, DOORS, EMAIL, MENTION, NOW, SMS, WHATSAPP, X

MESSENGER = replace(WHATSAPP, channel="messenger", adapter="messenger", account="fb", surfaces={"dm": DM})
LEAVING = Withdrawal(id="wdr_1", channel="x", closed_at=NOW + DAY, targets=("whatsapp", "email"))


def route(*order: str, name: str = "r", **when: tuple[str, ...]) -> Rule:
    return Rule(
        name=name,
        when=When(channel=when.get("channel", ()), language=when.get("language", ())),
        then=Then(order=order),
    )


def codes(found: Sequence[Finding]) -> set[tuple[str, str]]:
    return {(one.code, one.where) for one in found}


def look(
    *rules: Rule, withdrawals: Sequence[Withdrawal] = (), doors: Sequence[Door] = DOORS, cap: PriceCap | None = None
) -> set[tuple[str, str]]:
    return codes(lint(rules, withdrawals, doors, now=NOW, price_cap=cap or PriceCap()))


def test_a_good_plan_has_no_findings() -> None:
    assert look(route("whatsapp", "email", channel=("x",)), withdrawals=[LEAVING]) == set()
    assert lint((), (), (), now=NOW) == ()


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (route("whatsapp"), "not_owned"),
        (route("email", "x"), "not_owned"),
        (route("telegram", "email"), "not_configured"),
    ],
)
def test_routes_end_in_a_channel_of_our_own_that_exists(rule: Rule, code: str) -> None:
    assert look(rule) == {(code, "r")}


def test_what_is_owned_is_the_hosts_word() -> None:
    assert lint([route("whatsapp")], (), DOORS, now=NOW, owned={"whatsapp"}) == ()
    assert look(route("care-mail")) == set()


def test_shared_fate_of_one_vendor() -> None:
    doors = (*DOORS, MESSENGER)
    assert look(route("messenger", channel=("whatsapp",)), doors=doors) == {("shared_fate", "r"), ("not_owned", "r")}
    both = look(route("messenger", "whatsapp", "email"), doors=doors)
    assert both == {("same_vendor", "r")}
    assert look(route("messenger", "email", channel=("whatsapp",)), doors=doors) == set()


def test_steps_that_can_never_be_taken() -> None:
    silent = replace(X, surfaces={"dm": replace(DM, initiation=Initiation.NEVER), "mention": MENTION})
    assert look(route("x", "email"), doors=[silent, EMAIL]) == {("never_allowed", "r")}


def test_marketing_that_nobody_has_agreed_to() -> None:
    rule = Rule(name="r", when=When(purpose=("marketing",)), then=Then(order=("whatsapp", "email")))
    yes = Consent(
        brand="default",
        customer_id="c",
        purpose="marketing",
        channel="email",
        granted=True,
        source="form",
        changed_at=NOW,
    )
    found = lint([rule], (), DOORS, now=NOW, consents=[yes])
    assert [one.text for one in found] == ["nobody has agreed to marketing on whatsapp: the step can never be taken"]
    assert lint([rule], (), DOORS, now=NOW) == ()


def test_a_receipt_that_never_comes() -> None:
    rule = Rule(name="r", then=Then(order=("email",), success="read"))
    assert look(rule) == {("no_such_receipt", "r")}
    assert look(Rule(name="r", then=Then(order=("x", "email"), success="replied"))) == set()


def test_prices_over_the_cap() -> None:
    cap = PriceCap(amount=Decimal("0.05"))
    assert look(route("sms"), cap=cap) == {("over_price_cap", "r")}
    assert look(route("sms"), cap=PriceCap(amount=Decimal(1))) == set()
    linked = replace(SMS, prices=(PriceFact(action="send_with_link", amount=Decimal("0.20")),))
    assert look(route("sms"), doors=[linked], cap=cap) == {("over_price_cap", "r")}
    foreign = replace(SMS, prices=(PriceFact(action="send", amount=Decimal(9), currency="EUR"),))
    assert look(route("sms"), doors=[foreign], cap=cap) == {("no_rate", "r")}


@pytest.mark.parametrize(
    ("earlier", "later", "shadowed"),
    [
        (Rule(name="a"), route("email", name="b", channel=("x",)), True),
        (route("email", name="a", channel=("x", "sms")), route("sms", name="b", channel=("x",)), True),
        (route("email", name="a", channel=("x",)), route("sms", name="b", channel=("x", "sms")), False),
        (route("email", name="a", channel=("x",)), Rule(name="b"), False),
        (
            route("email", name="a", channel=("x",)),
            route("sms", name="b", channel=("x",), language=("fr",)),
            True,
        ),
        (Rule(name="a", when=When(business_hours=True)), Rule(name="b", when=When(business_hours=False)), False),
        (Rule(name="a", when=When(price_over=Decimal(1))), Rule(name="b", when=When(price_over=Decimal(1))), True),
    ],
)
def test_rules_that_never_decide(earlier: Rule, later: Rule, shadowed: bool) -> None:
    assert (("shadowed", "b") in look(earlier, later)) is shadowed


def test_customers_sent_in_a_circle() -> None:
    back = Withdrawal(id="wdr_2", channel="whatsapp", announced_at=NOW, targets=("sms", "email"))
    home = Withdrawal(id="wdr_3", channel="sms", announced_at=NOW, targets=("x", "email"))
    found = lint((), [LEAVING, back, home], DOORS, now=NOW)
    assert [(one.level, one.code, one.text) for one in found] == [
        ("error", "cycle", "customers are sent in a circle: sms -> x -> whatsapp -> sms")
    ]
    over = replace(home, reinstated_at=NOW)
    assert lint((), [LEAVING, back, over], DOORS, now=NOW) == ()


def test_rules_that_send_each_other_round() -> None:
    rules = (route("sms", name="a", channel=("email",)), route("email", "sms", name="b", channel=("sms",)))
    assert look(*rules) == {("rule_cycle", "email")}
    stays = route("email", "sms", name="a", channel=("email",))
    assert look(stays) == set()


def test_routes_that_lead_to_what_is_withdrawn_or_missing() -> None:
    closed = Withdrawal(id="wdr_2", channel="whatsapp", closed_at=NOW, targets=("email",))
    found = look(route("whatsapp", "email"), withdrawals=[LEAVING, closed])
    assert found == {("leads_to_withdrawn", "r"), ("leads_to_withdrawn", "wdr_1")}
    partly = replace(closed, scope=Scope(purpose="marketing"))
    assert look(route("whatsapp", "email"), withdrawals=[LEAVING, partly]) == set()
    assert look(withdrawals=[replace(LEAVING, targets=("telegram", "email"))]) == {("target_not_configured", "wdr_1")}
    assert look(withdrawals=[replace(LEAVING, targets=())]) == {("no_targets", "wdr_1")}


def test_bad_dates_and_notices_of_withdrawals() -> None:
    dates = replace(LEAVING, announced_at=NOW + 2 * DAY)
    slot = replace(LEAVING, notice=Localized({"en": "Go to {lnk}"}))
    host = replace(LEAVING, notice=Localized({"en": "Go to https://evil.org"}))
    for w in (dates, slot):
        assert look(withdrawals=[w]) == {("withdrawal", "wdr_1")}
    assert look(withdrawals=[host]) == set()
    found = lint((), [host], DOORS, now=NOW, hosts=["example.com"])
    assert [one.level for one in found] == ["error"]
    assert "evil.org" in found[0].text


def test_a_difference_to_the_store_is_shown() -> None:
    stored = replace(LEAVING, closed_at=NOW + 2 * DAY, reason="price", period=2, phase="announced")
    other = replace(LEAVING, id="wdr_9")
    found = lint((), [LEAVING], DOORS, now=NOW, stored=[stored, other])
    assert [one.text for one in found] == [
        "reason, closed_at in the configuration and in the store differ; the store counts"
    ]
    assert lint((), [LEAVING], DOORS, now=NOW, stored=[replace(LEAVING, period=3)]) == ()


def test_errors_come_first() -> None:
    found = lint([route("telegram", "whatsapp")], [replace(LEAVING, targets=("telegram", "email"))], DOORS, now=NOW)
    assert [one.level for one in found] == ["error", "warning", "warning"]
