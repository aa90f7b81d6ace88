"""A phase is a function of the dates and the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.model.exceptions import ConfigurationError
from omnichannel.model.withdrawal import Phase, Withdrawal
from omnichannel.withdrawal.effect import EFFECTS, NORMAL, effect_of, may_answer, wants_notice
from omnichannel.withdrawal.phases import (
    PHASES,
    dates_of,
    is_canary,
    next_change,
    phase_at,
    phase_for,
    reinstate,
    validate,
)
from tests.withdrawal.given import DAY, FULL, NOON, START, in_phase

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(("number", "phase"), list(enumerate(PHASES)))
def test_each_phase_begins_on_the_second_of_its_date(number: int, phase: Phase) -> None:
    begins = START + number * 10 * DAY
    assert phase_at(FULL, begins) == phase
    assert phase_at(FULL, begins - SECOND) == (PHASES[number - 1] if number else None)
    assert phase_at(FULL, begins + 10 * DAY - SECOND) == phase


@pytest.mark.parametrize(
    ("w", "phase"),
    [
        (Withdrawal(id="w", channel="x"), "announced"),
        (Withdrawal(id="w", channel="x", purge_at=START), "announced"),
        (Withdrawal(id="w", channel="x", closed_at=NOON + DAY), None),
        (Withdrawal(id="w", channel="x", closed_at=NOON), "closed"),
        (Withdrawal(id="w", channel="x", announced_at=START, closed_at=NOON + DAY), "announced"),
        (Withdrawal(id="w", channel="x", redirect_at=NOON, no_new_at=NOON), "no_new"),
        (Withdrawal(id="w", channel="x", closed_at=NOON, reinstated_at=NOON), "reinstated"),
    ],
)
def test_missing_and_equal_dates(w: Withdrawal, phase: Phase | None) -> None:
    assert phase_at(w, NOON) == phase


def test_the_phase_changes_at_each_date_and_then_no_more() -> None:
    now, seen = START - DAY, list[datetime]()
    while (change := next_change(FULL, now)) is not None:
        assert phase_at(FULL, change) != phase_at(FULL, change - SECOND)
        seen.append(change)
        now = change
    assert seen == [at for _, at in dates_of(FULL)]
    assert len(seen) == 6


@given(st.lists(st.integers(0, 400), min_size=6, max_size=6), st.integers(-1, 401))
def test_time_never_runs_backwards_through_ordered_dates(days: list[int], day: int) -> None:
    dates = [START + one * DAY for one in sorted(days)]
    w = Withdrawal(
        id="w",
        channel="x",
        announced_at=dates[0],
        redirect_at=dates[1],
        no_new_at=dates[2],
        read_only_at=dates[3],
        closed_at=dates[4],
        reinstated_at=dates[5],
    )
    validate(w)
    now = START + day * DAY
    passed = [phase for phase, at in dates_of(w) if at <= now]
    assert phase_at(w, now) == (passed[-1] if passed else None)


@pytest.mark.parametrize(
    ("w", "named"),
    [
        (replace(FULL, closed_at=START), ("closed_at", "read_only_at")),
        (replace(FULL, announced_at=NOON + 90 * DAY), ("redirect_at", "announced_at")),
        (replace(FULL, reinstated_at=START), ("reinstated_at", "closed_at")),
        (Withdrawal(id="wdr_1", channel="x", closed_at=NOON, purge_at=START), ("purge_at", "closed_at")),
        (Withdrawal(id="wdr_1", channel="x", redirect_at=NOON, closed_at=START), ("closed_at", "redirect_at")),
        (Withdrawal(id="wdr_1", channel="x", closed_at=NOON.replace(tzinfo=None)), ("closed_at", "time zone")),
        (Withdrawal(id="wdr_1", channel="x", purge_at=NOON.replace(tzinfo=None)), ("purge_at", "time zone")),
        (Withdrawal(id="wdr_1", channel="x", canary=1.5), ("canary", "1.5")),
    ],
)
def test_bad_dates_are_refused_and_named(w: Withdrawal, named: tuple[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        validate(w)
    assert all(one in str(caught.value) for one in ("wdr_1", *named))


def test_history_may_be_purged_before_or_after_the_channel_comes_back() -> None:
    assert FULL.closed_at is not None
    validate(replace(FULL, purge_at=FULL.closed_at + DAY))
    validate(replace(FULL, purge_at=FULL.closed_at + 90 * DAY))
    validate(Withdrawal(id="w", channel="x", purge_at=START))


# ---------------------------------------------------------------- canaries


def test_a_canary_stays_one_while_the_share_grows() -> None:
    w = in_phase("reinstated")
    people = [f"cus_{number}" for number in range(2000)]
    few = {who for who in people if is_canary(replace(w, canary=0.05), who, NOON)}
    many = {who for who in people if is_canary(replace(w, canary=0.5), who, NOON)}
    assert 60 <= len(few) <= 140
    assert 900 <= len(many) <= 1100
    assert few < many
    assert all(is_canary(w, who, NOON) for who in people)
    assert not any(is_canary(replace(w, canary=0.0), who, NOON) for who in people)


def test_only_a_reinstated_channel_has_canaries() -> None:
    assert not is_canary(in_phase("closed"), "cus_1", NOON)


def test_those_outside_the_canary_share_meet_the_channel_as_it_was() -> None:
    w = replace(in_phase("reinstated"), canary=0.0)
    assert phase_at(w, NOON) == "reinstated"
    assert phase_for(w, NOON, "cus_1") == "closed"
    assert phase_for(w, NOON, None) == "reinstated"
    assert phase_for(replace(w, canary=1.0), NOON, "cus_1") == "reinstated"


@pytest.mark.parametrize("day", [5, 15, 35, 45])
def test_reinstating_drops_what_was_still_to_come(day: int) -> None:
    now = START + day * DAY
    w = reinstate(replace(FULL, reinstated_at=None), now, 0.1)
    validate(w)
    assert phase_at(w, now) == "reinstated"
    assert phase_at(w, now + 1000 * DAY) == "reinstated"
    assert next_change(w, now) is None
    assert (w.canary, w.period) == (0.1, 2)


# ---------------------------------------------------------------- effects

#            answer start  notice          prefer harvest
TABLE: dict[Phase, tuple[bool, bool, str, bool, bool]] = {
    "announced": (True, True, "none", True, True),
    "redirecting": (True, False, "every_writer", True, True),
    "no_new": (True, False, "new_only", True, True),
    "read_only": (False, False, "none", True, False),
    "closed": (False, False, "none", True, False),
    "reinstated": (True, True, "none", True, False),
}


@pytest.mark.parametrize("phase", PHASES)
def test_what_each_phase_allows(phase: Phase) -> None:
    effect = effect_of(phase)
    found = (effect.answer, effect.start, effect.notice, effect.prefer_other, effect.harvest)
    assert found == TABLE[phase]


def test_no_withdrawal_changes_nothing() -> None:
    assert effect_of(None) is NORMAL
    assert (NORMAL.answer, NORMAL.start, NORMAL.notice, NORMAL.prefer_other) == (True, True, "none", False)
    assert EFFECTS.keys() == set(PHASES)


OLD, NEW = NOON - 15 * DAY, NOON - DAY


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(("opened_at", "is_new"), [(OLD, False), (NEW, True), (None, False)])
def test_only_while_nothing_new_is_taken_the_age_of_a_conversation_counts(
    phase: Phase, opened_at: datetime | None, is_new: bool
) -> None:
    w = in_phase(phase)
    new_there = phase == "no_new" and is_new
    assert may_answer(w, phase, opened_at) == (TABLE[phase][0] and not new_there)
    assert may_answer(w, phase, opened_at, notice=True) == TABLE[phase][0]
    told = wants_notice(w, phase, opened_at, automatic=False, noticed=False)
    assert told == (phase == "redirecting" or new_there)


@pytest.mark.parametrize("phase", PHASES)
def test_no_notice_for_bots_and_none_twice(phase: Phase) -> None:
    w = in_phase(phase)
    assert not wants_notice(w, phase, NEW, automatic=True, noticed=False)
    assert not wants_notice(w, phase, NEW, automatic=False, noticed=True)


def test_without_a_date_of_its_own_every_writer_is_new() -> None:
    w = Withdrawal(id="w", channel="x", announced_at=START)
    assert wants_notice(w, "no_new", OLD, automatic=False, noticed=False)
