"""Which channels, in which order, and what a step says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from omnichannel.channel.capabilities import PriceFact
from omnichannel.model.base import Success, Visibility
from omnichannel.model.content import Block, LinkButton, Location, Media, QuickReply, Template, Text
from omnichannel.model.message import Decision, Step
from omnichannel.model.withdrawal import Phase, Scope
from omnichannel.routing.facts import Place, Request
from omnichannel.routing.health import ChannelHealth
from omnichannel.routing.plan import decide
from omnichannel.routing.rules import Rule, Then, rules_version
from tests.routing.given import (
    ANN_MAIL,
    ANN_X,
    ANSWER,
    DAY,
    DM,
    EMAIL,
    FACTS,
    IN_DM,
    IN_PUBLIC,
    MENTION,
    MINUTE,
    NOW,
    SMS,
    START,
    WHATSAPP,
    WROTE,
    X,
    accounts,
    attempt,
    refusal,
    why_not,
)
from tests.withdrawal.given import in_phase

OPEN = replace(FACTS, last_in=WROTE)
"""All four doors can be used."""


def step(decision: Decision, account: str) -> Step:
    (found,) = (one for one in decision.steps if one.account == account)
    return found


# ---------------------------------------------------------------- order


@pytest.mark.parametrize(
    ("request_", "rules", "order"),
    [
        (START, (), ["x-main", "wa-fr", "care-mail", "sms-fr"]),
        (replace(START, order=("sms", "email")), (), ["sms-fr", "care-mail", "x-main", "wa-fr"]),
        (replace(START, order=("care-mail",)), (), ["care-mail", "x-main", "wa-fr", "sms-fr"]),
        (replace(START, preferred="email"), (), ["care-mail", "x-main", "wa-fr", "sms-fr"]),
        (replace(ANSWER, order=("sms",), preferred="email"), (), ["sms-fr", "x-main", "care-mail", "wa-fr"]),
        (
            replace(ANSWER, preferred="email"),
            (Rule(name="r", then=Then(order=("sms", "whatsapp"))),),
            ["x-main", "care-mail", "sms-fr", "wa-fr"],
        ),
        (replace(START, order=("email", "email", "care-mail")), (), ["care-mail", "x-main", "wa-fr", "sms-fr"]),
    ],
)
def test_the_order_is_request_conversation_preference_rule_rest(
    request_: Request, rules: tuple[Rule, ...], order: list[str]
) -> None:
    assert accounts(decide(request_, replace(OPEN, rules=rules), NOW)) == order


def test_of_several_accounts_the_conversations_own_comes_first() -> None:
    other = replace(X, account="x-other")
    facts = replace(OPEN, doors=[other, X, EMAIL])
    assert accounts(decide(ANSWER, facts, NOW)) == ["x-main", "x-other", "care-mail"]
    assert accounts(decide(START, facts, NOW)) == ["x-other", "x-main", "care-mail"]


def test_a_second_adapter_of_one_channel_is_a_fallback_of_its_own() -> None:
    second = replace(SMS, account="sms-2", adapter="vonage_sms")
    decision = decide(replace(START, order=("sms",), tried=(attempt(SMS),)), replace(OPEN, doors=[SMS, second]), NOW)
    assert [(s.account, s.adapter) for s in decision.steps] == [("sms-2", "vonage_sms")]
    assert why_not(decision) == {"sms-fr": "already_tried"}


def test_the_conversations_channel_that_is_gone_from_the_configuration_is_a_reason() -> None:
    decision = decide(ANSWER, replace(OPEN, doors=[EMAIL]), NOW)
    assert why_not(decision) == {"x": "not_configured"}
    assert accounts(decision) == ["care-mail"]


# ---------------------------------------------------------------- withdrawals: phase x action

ANSWERED = {"announced", "redirecting", "no_new", "reinstated"}
STARTED = {"announced", "reinstated"}


@pytest.mark.parametrize("phase", ["announced", "redirecting", "no_new", "read_only", "closed", "reinstated"])
@pytest.mark.parametrize("reply", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_what_a_phase_does_to_answers_and_starts(phase: Phase, reply: bool, named: bool) -> None:
    request = replace(ANSWER, place=replace(IN_DM, opened_at=NOW - 30 * DAY)) if reply else START
    request = replace(request, order=("x",) if named else ())
    decision = decide(request, replace(OPEN, withdrawals=[in_phase(phase)]), NOW)
    allowed = phase in (ANSWERED if reply else STARTED)
    assert ("x-main" in accounts(decision)) is allowed
    if not allowed:
        found = refusal(decision, "x-main")
        assert found.reason == "withdrawn"
        assert found.detail.startswith(f"{phase} since 2027-02-19")
        assert found.detail.endswith("replacement: whatsapp, email")
    elif reply or named:
        assert accounts(decision)[0] == "x-main"
    else:
        assert accounts(decision)[-1] == "x-main"
    assert accounts(decision)[-1] != accounts(decision)[0]


def test_a_reinstated_channel_is_started_on_by_rule() -> None:
    facts = replace(OPEN, withdrawals=[in_phase("reinstated")])
    ruled = replace(facts, rules=(Rule(name="back", then=Then(order=("x",))),))
    assert accounts(decide(START, facts, NOW)) == ["wa-fr", "care-mail", "sms-fr", "x-main"]
    assert accounts(decide(START, ruled, NOW)) == ["x-main", "wa-fr", "care-mail", "sms-fr"]
    announced = replace(ruled, withdrawals=[in_phase("announced")])
    assert accounts(decide(START, announced, NOW)) == ["wa-fr", "care-mail", "sms-fr", "x-main"]


def test_outside_the_canary_share_it_is_still_closed() -> None:
    facts = replace(OPEN, withdrawals=[replace(in_phase("reinstated"), canary=0.0)])
    assert why_not(decide(START, facts, NOW)) == {"x-main": "withdrawn"}


def test_while_nothing_new_is_taken_a_new_conversation_gets_the_notice_only() -> None:
    facts = replace(OPEN, withdrawals=[in_phase("no_new")])
    fresh = replace(ANSWER, place=replace(IN_DM, opened_at=NOW - DAY))
    assert why_not(decide(fresh, facts, NOW)) == {"x-main": "withdrawn"}
    assert accounts(decide(replace(fresh, notice=True), facts, NOW))[0] == "x-main"


def test_a_closed_post_surface_leaves_direct_messages_alone() -> None:
    facts = replace(OPEN, withdrawals=[in_phase("closed", scope=Scope(surface="mention"))])
    assert accounts(decide(ANSWER, facts, NOW))[0] == "x-main"
    in_public = decide(replace(ANSWER, place=IN_PUBLIC), facts, NOW)
    assert step(in_public, "x-main").surface == "dm"


def test_a_withdrawal_may_be_for_bots_a_country_or_a_purpose_only() -> None:
    bots = replace(OPEN, withdrawals=[in_phase("closed", channel="whatsapp", scope=Scope(agent="bot"))])
    assert "wa-fr" in accounts(decide(START, bots, NOW))
    assert why_not(decide(replace(START, agent="bot"), bots, NOW)) == {"wa-fr": "withdrawn"}
    assert why_not(decide(replace(START, automatic=True), bots, NOW)) == {"wa-fr": "withdrawn"}
    for country in ("FR", "+33"):
        there = replace(OPEN, withdrawals=[in_phase("closed", channel="whatsapp", scope=Scope(country=country))])
        assert why_not(decide(START, there, NOW)) == {"wa-fr": "withdrawn"}
    elsewhere = replace(OPEN, withdrawals=[in_phase("closed", channel="whatsapp", scope=Scope(country="+1"))])
    assert why_not(decide(START, elsewhere, NOW)) == {}


def test_a_withdrawn_feature_is_degraded_and_said() -> None:
    content = Text("Refund?", quick_replies=[QuickReply("Yes"), QuickReply("No")])
    facts = replace(OPEN, withdrawals=[in_phase("closed", scope=Scope(feature="quick_replies"))])
    assert "quick_replies" in step(decide(replace(START, content=content), facts, NOW), "x-main").lost


# ---------------------------------------------------------------- public and private


def test_an_answer_to_a_public_message_is_public_in_its_thread() -> None:
    decision = decide(replace(ANSWER, place=IN_PUBLIC), OPEN, NOW)
    first = decision.steps[0]
    assert (first.account, first.surface, first.thread, first.address) == ("x-main", "mention", "88", "4711")


def test_marked_private_it_goes_to_a_private_surface_of_the_same_channel_first() -> None:
    decision = decide(replace(ANSWER, place=IN_PUBLIC, visibility="private"), OPEN, NOW)
    assert [(s.account, s.surface, s.thread) for s in decision.steps[:2]] == [
        ("x-main", "dm", None),
        ("wa-fr", "dm", None),
    ]


def test_the_customers_own_data_never_goes_into_a_public_thread() -> None:
    request = replace(ANSWER, place=IN_PUBLIC, content=Text("We wrote to ann@example.com"))
    decision = decide(request, OPEN, NOW)
    assert step(decision, "x-main").surface == "dm"


@pytest.mark.parametrize(
    "content",
    [
        Text("see", buttons=[LinkButton("me", "https://example.com/?to=ann@example.com")]),
        Text("see", quick_replies=[QuickReply("ann@example.com")]),
        Text("see", attachments=[Media(caption="for ann@example.com")]),
        Media(caption="for ann@example.com"),
        Template("hello", to="ann@example.com"),
        Location(1.0, 2.0, name="at ann@example.com"),
    ],
)
def test_own_data_is_found_wherever_it_stands(content: Block) -> None:
    facts = replace(OPEN, doors=[replace(X, surfaces={"mention": MENTION})])
    decision = decide(replace(ANSWER, place=IN_PUBLIC, content=content), facts, NOW)
    assert why_not(decision) == {"x-main": "public_surface"}


def test_no_start_is_ever_public() -> None:
    everyone = replace(DM, visibility="public")
    facts = replace(OPEN, doors=[replace(X, surfaces={"post": everyone, "dm": DM})])
    assert decide(replace(START, visibility="public"), facts, NOW).steps[0].surface == "dm"


# ---------------------------------------------------------------- addresses


def test_the_conversations_address_then_the_surest_that_is_still_good() -> None:
    old = replace(ANN_MAIL, value="old@example.com", expires_at=NOW - DAY)
    weak = replace(ANN_MAIL, value="weak@example.com", assurance=0)
    facts = replace(OPEN, addresses=[old, weak, ANN_MAIL])
    assert step(decide(START, facts, NOW), "care-mail").address == "ann@example.com"
    place = Place(channel="email", account="care-mail", surface="mail", address="weak@example.com")
    assert step(decide(replace(ANSWER, place=place), facts, NOW), "care-mail").address == "weak@example.com"


def test_an_address_bound_to_an_account_is_used_by_that_account_only() -> None:
    bound = replace(ANN_X, account="x-other")
    facts = replace(OPEN, doors=[X, replace(X, account="x-other")], addresses=[bound])
    decision = decide(START, facts, NOW)
    assert accounts(decision) == ["x-other"]
    assert why_not(decision) == {"x-main": "no_address"}


# ---------------------------------------------------------------- steps


@pytest.mark.parametrize(
    ("wanted", "x", "whatsapp", "mail"),
    [
        ("accepted", "accepted", "accepted", "accepted"),
        ("sent", "accepted", "sent", "accepted"),
        ("delivered", "delivered", "delivered", "accepted"),
        ("read", "read", "read", "accepted"),
        ("replied", "replied", "replied", "replied"),
    ],
)
def test_no_step_waits_for_what_its_platform_never_reports(wanted: Success, x: str, whatsapp: str, mail: str) -> None:
    rules = (Rule(name="wait", then=Then(wait=15 * MINUTE, success=wanted)),)
    decision = decide(START, replace(OPEN, rules=rules), NOW)
    assert [s.success for s in decision.steps] == [x, whatsapp, mail, mail]
    assert {s.wait for s in decision.steps} == {15 * MINUTE}
    assert decision.rule == "wait"


def test_a_step_says_what_it_costs_and_what_is_lost() -> None:
    content = Text("Hello " * 400, quick_replies=[QuickReply("Yes")])
    decision = decide(replace(START, content=content), OPEN, NOW)
    sms = step(decision, "sms-fr")
    assert "quick_replies" in sms.lost
    assert sms.cost == 2 * Decimal("0.08")
    assert decision.prices == {"sms-fr": "0.16 USD"}
    assert step(decision, "care-mail").cost is None


def test_what_is_paid_by_the_segment_costs_more_when_it_is_long() -> None:
    by_segment = replace(SMS, prices=(PriceFact(action="send", amount=Decimal("0.08"), per="segment"),))
    facts = replace(OPEN, doors=[by_segment])
    for text, segments in (("a" * 160, 1), ("a" * 161, 2), ("ж" * 71, 2), ("", 1)):
        content = Text(text, quick_replies=() if text else [QuickReply("Yes")])
        cost = step(decide(replace(START, content=content), facts, NOW), "sms-fr").cost
        assert cost == segments * Decimal("0.08"), text


def test_a_link_may_cost_more() -> None:
    prices = (
        PriceFact(action="send", amount=Decimal("0.015")),
        PriceFact(action="send_with_link", amount=Decimal("0.20"), currency="EUR"),
    )
    facts = replace(OPEN, doors=[replace(X, prices=prices)])
    assert decide(START, facts, NOW).steps[0].cost == Decimal("0.015")
    linked = decide(replace(START, content=Text("See https://example.com")), facts, NOW).steps[0]
    assert (linked.cost, linked.currency) == (Decimal("0.20"), "EUR")
    button = Text("See", buttons=[LinkButton("there", "https://example.com")])
    assert decide(replace(START, content=button), facts, NOW).steps[0].cost == Decimal("0.20")


def test_conditions_of_a_price_are_template_surface_purpose_and_window() -> None:
    prices = (
        PriceFact(action="send", amount=Decimal(1), condition="template"),
        PriceFact(action="send", amount=Decimal(2), condition="outside_window"),
        PriceFact(action="send", amount=Decimal(3)),
    )
    facts = replace(FACTS, doors=[replace(WHATSAPP, prices=prices)])
    template = replace(START, content=Template("hello"))
    assert decide(template, facts, NOW).steps[0].cost == Decimal(1)
    assert decide(START, replace(facts, last_in=WROTE), NOW).steps[0].cost == Decimal(3)
    priced = replace(WHATSAPP, prices=prices[1:])
    assert decide(template, replace(facts, doors=[priced]), NOW).steps[0].cost == Decimal(2)


def test_the_decision_keeps_health_and_rules() -> None:
    facts = replace(OPEN, health={"sms-fr": ChannelHealth(held="payment")})
    decision = decide(START, facts, NOW)
    assert decision.health == {"x-main": "ok", "wa-fr": "ok", "care-mail": "ok", "sms-fr": "held: payment"}
    assert decision.rules_version == rules_version(()) != rules_version((Rule(name="r"),))
    assert decision.decided_at == NOW


@pytest.mark.parametrize("visibility", [None, "private", "public"])
@pytest.mark.parametrize("place", [None, IN_DM, IN_PUBLIC])
@pytest.mark.parametrize("is_reply", [True, False])
@pytest.mark.parametrize("surfaces", [("mention",), ("dm",), ("mention", "dm")])
def test_private_content_never_stands_in_public(
    visibility: Visibility | None, place: Place | None, is_reply: bool, surfaces: tuple[str, ...]
) -> None:
    door = replace(X, surfaces={name: X.surfaces[name] for name in surfaces})
    request = replace(START, visibility=visibility, place=place, is_reply=is_reply)
    used = {s.surface for s in decide(request, replace(OPEN, doors=[door]), NOW).steps}
    answers_there = is_reply and place is IN_PUBLIC
    public = visibility == "public" or (visibility is None and answers_there)
    if "mention" in used:
        assert answers_there
        assert public
    assert bool(used) is ("dm" in surfaces or (answers_there and public))
