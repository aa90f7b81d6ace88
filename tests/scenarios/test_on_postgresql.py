"""Scenarios of every kind once more, end to end on PostgreSQL: those of the other modules, on other rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from omnichannel.testing.world import World
from tests.scenarios import (
    test_between,
    test_canary,
    test_consent,
    test_crashes,
    test_drills,
    test_keys,
    test_mail,
    test_moves,
    test_phases,
    test_public,
    test_reading,
    test_scopes,
    test_webhooks,
    test_windows,
)

X_TO_WHATSAPP = {"source": "x", "target": "whatsapp"}
MAIL_TO_X = {"source": "email", "target": "x"}
MESSENGER_TO_SMS = {"source": "messenger", "target": "sms"}
SCENARIOS: list[tuple[Callable[..., Coroutine[Any, Any, None]], dict[str, str]]] = [
    # A channel is left, in every way that there is.
    (test_phases.test_all_phases, X_TO_WHATSAPP),
    (test_phases.test_all_phases, MESSENGER_TO_SMS),
    (test_phases.test_new_dates_are_a_new_period, MAIL_TO_X),
    (test_phases.test_reinstated_for_some, X_TO_WHATSAPP),
    (test_scopes.test_a_surface_goes_and_the_other_stays, {"closed": "dm", "left": "mention"}),
    (test_scopes.test_only_what_goes_out_stops, {}),
    (test_scopes.test_only_what_comes_in_is_redirected, {}),
    (test_scopes.test_one_account_of_two, {}),
    (test_scopes.test_a_purpose_and_a_country, {}),
    (test_scopes.test_a_feature_goes, {}),
    (test_canary.test_a_share_of_the_customers_comes_back, {"source": "whatsapp"}),
    (test_drills.test_gone_is_routed_round, {"channel": "x", "mode": "410"}),
    (test_drills.test_gone_without_another_way_is_held, {"channel": "whatsapp", "mode": "200-with-error"}),
    (test_drills.test_an_unpaid_bill_is_held_and_released, {"channel": "x"}),
    (test_drills.test_a_suspension_holds_the_account, {"channel": "messenger"}),
    (test_drills.test_news_about_the_account, {}),
    # Its customers go on elsewhere.
    (test_moves.test_a_late_message_on_the_old_channel, X_TO_WHATSAPP),
    (test_moves.test_following_twice_is_one_move, MESSENGER_TO_SMS),
    (test_moves.test_a_forwarded_reference_opens_nothing_twice, MAIL_TO_X),
    (test_moves.test_after_three_days_a_code_is_asked_for, X_TO_WHATSAPP),
    (test_moves.test_guessing_ends_after_a_few, {}),
    (test_public.test_two_people_in_one_thread, {}),
    (test_public.test_the_customer_proves_it, {}),
    (test_consent.test_a_stop_holds_after_the_move, X_TO_WHATSAPP),
    (test_reading.test_outreach_tells_the_silent, {}),
    # Nothing is lost, and nothing is there twice.
    (test_webhooks.test_duplicates_have_one_effect, {"channel": "whatsapp"}),
    (test_webhooks.test_a_status_before_our_own_settlement, {}),
    (test_between.test_a_fallback_carries_only_the_rest, {}),
    (test_between.test_a_handler_that_fails_is_shown_and_stops_nobody, {}),
    (test_windows.test_in_time_there_is_no_second_copy, {}),
    (test_keys.test_where_nothing_tells_of_it_it_is_held_first, {}),
    (test_mail.test_an_answer_comes_back_by_its_token_alone, {}),
    (test_reading.test_events_follow_from_a_number, {}),
    (test_reading.test_the_same_key_sends_once, {"channel": "email"}),
]
STEPS = ("before", "started", "answered", "settled")


@pytest.fixture(scope="module", params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """A world runs its units in place: what differs between the loops is tested on the other store."""
    return str(request.param)


@pytest.fixture
def world(seed: int, postgres_url: str) -> World:
    """A world whose hub keeps its rows on PostgreSQL."""
    return World(seed=seed, store=postgres_url)


NAMES = ["-".join([scenario.__name__.removeprefix("test_"), *given.values()]) for scenario, given in SCENARIOS]


@pytest.mark.parametrize(("scenario", "given"), SCENARIOS, ids=NAMES)
async def test_it_is_the_same(world: World, scenario: Callable[..., Awaitable[None]], given: dict[str, str]) -> None:
    await scenario(world, **given)


@pytest.mark.parametrize("step", STEPS)
async def test_the_outbox_ends(world: World, step: str) -> None:
    await test_crashes.test_the_outbox_ends(world, "whatsapp", step)


async def test_a_handler_is_run_again(world: World) -> None:
    await test_crashes.test_a_handler_is_run_again(world, "x")


async def test_what_was_journalled_is_parsed_by_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await test_crashes.test_journalled_and_not_parsed(world, "messenger", monkeypatch)
