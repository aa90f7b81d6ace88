"""The narrowest withdrawal that matches governs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, permutations

import pytest

from omnichannel.channel.capabilities import Capabilities, Support
from omnichannel.model.withdrawal import WHOLE, Phase, Scope, Withdrawal
from omnichannel.withdrawal.scopes import STRICTNESS, Question, governing, matches, narrowed, narrowness
from tests.withdrawal.given import NOON, in_phase

EVERYTHING = Question(
    channel="x",
    account="x-main",
    brand="default",
    surface="dm",
    direction="out",
    country="FR",
    purpose="marketing",
    agent="bot",
    feature="buttons",
    tier="self_serve",
    number="+33612345678",
)


@pytest.mark.parametrize(
    "scope",
    [
        WHOLE,
        Scope(direction="out"),
        Scope(surface="dm"),
        Scope(country="FR"),
        Scope(country="fr"),
        Scope(country="+33"),
        Scope(purpose="marketing"),
        Scope(agent="bot"),
        Scope(feature="buttons"),
        Scope(tier="self_serve"),
        Scope(direction="out", surface="dm", country="+33", purpose="marketing", agent="bot", tier="self_serve"),
    ],
)
def test_a_scope_matches_where_all_that_it_names_agrees(scope: Scope) -> None:
    assert matches(in_phase("closed", scope=scope), EVERYTHING)
    assert matches(in_phase("closed", scope=scope, account="x-main"), EVERYTHING)


@pytest.mark.parametrize(
    "scope",
    [
        Scope(direction="in"),
        Scope(surface="mention"),
        Scope(country="IT"),
        Scope(country="+39"),
        Scope(country="+7"),
        Scope(purpose="service"),
        Scope(agent="human"),
        Scope(feature="attachments"),
        Scope(tier="enterprise"),
        Scope(surface="dm", country="IT"),
    ],
)
def test_one_part_that_differs_is_enough_not_to_match(scope: Scope) -> None:
    assert not matches(in_phase("closed", scope=scope), EVERYTHING)


@pytest.mark.parametrize(
    "scope",
    [
        Scope(direction="out"),
        Scope(surface="dm"),
        Scope(country="FR"),
        Scope(country="+33"),
        Scope(purpose="marketing"),
        Scope(agent="bot"),
        Scope(feature="buttons"),
        Scope(tier="self_serve"),
    ],
)
def test_what_the_question_does_not_carry_does_not_match(scope: Scope) -> None:
    assert not matches(in_phase("closed", scope=scope), Question(channel="x"))


@pytest.mark.parametrize(
    "w",
    [
        in_phase("closed", channel="whatsapp"),
        in_phase("closed", brand="klm"),
        in_phase("closed", account="x-other"),
    ],
)
def test_other_channels_brands_and_accounts_are_left_alone(w: Withdrawal) -> None:
    assert not matches(w, EVERYTHING)
    assert governing([w], EVERYTHING, NOON) is None


def test_an_account_makes_a_scope_narrower() -> None:
    assert narrowness(in_phase("closed")) == 0
    assert narrowness(in_phase("closed", account="x-main")) == 1
    assert narrowness(in_phase("closed", account="x-main", scope=Scope(surface="dm", country="FR"))) == 3


def test_a_narrower_reinstated_scope_opens_what_a_wider_one_closed() -> None:
    wide = in_phase("closed", id="wide")
    narrow = in_phase("reinstated", id="narrow", scope=Scope(surface="dm"))
    for order in permutations([wide, narrow]):
        assert governing(order, EVERYTHING, NOON) == (narrow, "reinstated")
        assert governing(order, replace(EVERYTHING, surface="mention"), NOON) == (wide, "closed")


def test_a_closed_post_surface_leaves_direct_messages_alone() -> None:
    posts = in_phase("closed", scope=Scope(surface="post"))
    assert governing([posts], EVERYTHING, NOON) is None
    assert governing([posts], replace(EVERYTHING, surface="post"), NOON) == (posts, "closed")


PHASES_BY_STRICTNESS: list[Phase] = sorted(STRICTNESS, key=lambda phase: STRICTNESS[phase])


@pytest.mark.parametrize(("milder", "stricter"), list(pairwise(PHASES_BY_STRICTNESS)))
def test_among_equally_narrow_ones_the_stricter_phase_wins(milder: Phase, stricter: Phase) -> None:
    a = in_phase(milder, id="z", scope=Scope(surface="dm"))
    b = in_phase(stricter, id="a", scope=Scope(direction="out"))
    for order in permutations([a, b]):
        assert governing(order, EVERYTHING, NOON) == (b, stricter)


def test_what_was_not_announced_yet_says_nothing() -> None:
    early = in_phase("closed", id="early", scope=Scope(surface="dm"))
    later = replace(early, announced_at=NOON.replace(year=2028), closed_at=None)
    wide = in_phase("no_new", id="wide")
    assert governing([later, wide], EVERYTHING, NOON) == (wide, "no_new")


def test_a_customer_outside_the_canary_share_still_finds_it_closed() -> None:
    w = replace(in_phase("reinstated"), canary=0.0)
    assert governing([w], EVERYTHING, NOON, customer_id="cus_1") == (w, "closed")
    assert governing([w], EVERYTHING, NOON) == (w, "reinstated")


CAPABLE = Capabilities(text_limit=100, features={"buttons": Support.FULL, "quick_replies": Support.FULL})
NO_BUTTONS = Question(channel="x", surface="dm", direction="out")


@pytest.mark.parametrize(
    ("phase", "answering", "left"),
    [
        ("closed", True, Support.NONE),
        ("closed", False, Support.NONE),
        ("no_new", True, Support.FULL),
        ("no_new", False, Support.NONE),
        ("announced", False, Support.FULL),
        ("reinstated", False, Support.FULL),
    ],
)
def test_a_withdrawn_feature_narrows_the_capabilities(phase: Phase, answering: bool, left: Support) -> None:
    w = in_phase(phase, scope=Scope(feature="buttons"))
    found = narrowed(CAPABLE, [w], NO_BUTTONS, NOON, answering=answering)
    assert found.supports("buttons") == left
    assert found.supports("quick_replies") == Support.FULL


def test_capabilities_stay_the_same_object_where_nothing_is_withdrawn() -> None:
    elsewhere = in_phase("closed", scope=Scope(feature="buttons", country="IT"))
    whole = in_phase("closed")
    assert narrowed(CAPABLE, [elsewhere, whole], NO_BUTTONS, NOON, answering=True) is CAPABLE
