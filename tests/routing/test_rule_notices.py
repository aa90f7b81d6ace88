"""Which text a rule puts in the place of a withdrawal's own, and what may stand in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from omnichannel.model.address import Address, Customer
from omnichannel.model.content import Localized
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.model.withdrawal import Withdrawal
from omnichannel.routing.notices import check_rule_notices, situation_of, with_notice_of, wrong_notices
from omnichannel.routing.rules import RULES, Rule, Situation, first_match, rules_version

AT = datetime(2027, 3, 1, tzinfo=UTC)
OWN = Localized({"en": "We leave."})
W = Withdrawal(id="w", channel="x", notice=OWN, redirect_at=AT)
PHONE = Address(id="a", channel="sms", value="+33612345678")
ANN = Customer(id="c", brand="default", addresses=(PHONE,), tags=frozenset({"gold"}))


def rule(name: str, notice: Any, when: dict[str, Any] | None = None, **then: Any) -> Rule:
    return Rule.model_validate({"name": name, "when": when or {}, "then": {"notice": notice, **then}})


def here(**more: Any) -> Situation:
    settings: dict[str, Any] = {"surface": "dm", "language": "fr", "business_hours": None, "price": Decimal("0.2")}
    return situation_of(W, "redirecting", ANN, **(settings | more))


def said(*rules: Rule, situation: Situation | None = None) -> object:
    chosen = with_notice_of(W, rules, situation or here()).notice
    return None if chosen is None else chosen.pick("en")


@pytest.mark.parametrize(
    ("when", "matches"),
    [
        ({}, True),
        ({"channel": "x", "phase": "redirecting", "surface": "dm", "brand": "default"}, True),
        ({"language": "fr", "country": "FR", "tag": "gold"}, True),
        ({"price_over": "0.1"}, True),
        ({"price_over": "0.2"}, False),
        ({"channel": "sms"}, False),
        ({"language": "de"}, False),
        ({"phase": "closed"}, False),
        ({"business_hours": True}, False),
    ],
)
def test_the_customers_that_it_matches_get_its_text(when: dict[str, Any], matches: bool) -> None:
    assert said(rule("r", {"en": "Come along."}, when)) == ("Come along." if matches else "We leave.")


def test_the_first_that_names_a_text_wins() -> None:
    silent = Rule.model_validate({"name": "routes", "then": {"order": "sms"}})
    other = rule("other", {"en": "No."}, {"language": "de"})
    assert said(silent, other, rule("first", {"en": "One."}), rule("second", {"en": "Two."})) == "One."
    assert said(silent, other) == "We leave."
    assert said() == "We leave."


def test_a_rule_about_a_notice_alone_is_in_no_deliverys_way() -> None:
    only = rule("only", {"en": "One."})
    routes = Rule.model_validate({"name": "routes", "then": {"order": "sms"}})
    assert first_match([only, routes], here()) is routes
    both = rule("both", {"en": "One."}, order="sms")
    assert first_match([both, routes], here()) is both
    # A rule that says nothing still keeps those below it away, as ever.
    empty = Rule.model_validate({"name": "empty"})
    assert first_match([empty, routes], here()) is empty


def test_texts_by_language_as_a_file_has_them() -> None:
    def text(words: dict[str, str]) -> Localized | None:
        return rule("r", words).then.notice

    assert text({"fr": "Au revoir."}) == Localized({"fr": "Au revoir."}, default="fr")
    two = {"fr": "Au revoir.", "nl": "Tot ziens."}
    assert text({**two, "default": "nl"}) == Localized(two, default="nl")
    assert rule("r", OWN).then.notice == OWN
    for wrong in (two, {"en": 1}, "leaving", {"fr": "Au revoir.", "default": "en"}):
        with pytest.raises(ValidationError):
            rule("r", wrong)


def test_the_text_is_part_of_the_rules_version() -> None:
    one, two = [rule("r", {"en": "One."})], [rule("r", {"en": "Two."})]
    assert rules_version(one) != rules_version(two)
    assert RULES.validate_json(RULES.dump_json(tuple(one))) == tuple(one)


HOSTS = {"desk.example"}
BAD = [
    ("See https://evil.example", "links to evil.example"),
    ("Until {close_at:date}", "no slot {close_at:date}"),
    ("Send us your card number.", "asks for"),
]


@pytest.mark.parametrize(("text", "why"), BAD)
def test_what_no_notice_may_say_no_rule_may_say(text: str, why: str) -> None:
    rules = [rule("good", {"en": "Until {closed_at:date}: https://desk.example"}), rule("bad", {"en": text})]
    ((index, told),) = wrong_notices(rules, HOSTS)
    assert index == 1
    assert why in told
    with pytest.raises(ConfigurationError, match="rule 'bad': withdrawal w: its notice"):
        check_rule_notices(rules[1:], W, HOSTS)


def test_a_date_has_to_be_one_of_the_withdrawals_that_it_is_about() -> None:
    dated = rule("dated", {"en": "Until {closed_at:date}."}, {"channel": "x"})
    with pytest.raises(ConfigurationError, match=r"rule 'dated': .* names closed_at, which has no date"):
        check_rule_notices([dated], W, HOSTS)
    check_rule_notices([dated], replace(W, closed_at=AT), HOSTS)
    check_rule_notices([dated], replace(W, channel="sms"), HOSTS)
