"""What an account's answers add up to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest

from omnichannel.model.event import AccountChanged
from omnichannel.model.outcome import Failure, Level, Outcome, level_of
from omnichannel.routing.health import (
    FIRST_PAUSE,
    HEALTHY,
    LONGEST_PAUSE,
    Called,
    ChannelHealth,
    HealthFact,
    Probed,
    Released,
    Suspected,
    breaker_at,
    fold,
    summary,
)
from omnichannel.withdrawal.detection import Suspicion

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def failed(
    outcome: Outcome,
    *,
    level: Level | None = None,
    status: int | None = None,
    after: timedelta | None = None,
    purpose: str | None = None,
    country: str | None = None,
    not_before: datetime | None = None,
) -> Called:
    return Called(
        failure=Failure(
            outcome=outcome,
            level=level or level_of(outcome),
            status=status,
            retry_after=after,
            purpose=purpose,
            country=country,
            not_before=not_before,
            message="why",
        )
    )


def changed(state: str, failure: Failure | None = None) -> AccountChanged:
    base = AccountChanged(account="a", dedupe="1", occurred_at=NOW, state="info", detail="said so", failure=failure)
    match state:
        case "ok" | "restricted" | "suspended" | "revoked" | "deleted" | "template":
            return replace(base, state=state)
        case _:
            return base


def after(*facts: HealthFact, start: ChannelHealth = HEALTHY) -> ChannelHealth:
    return reduce(lambda health, fact: fold(health, fact, NOW), facts, start)


@pytest.mark.parametrize(
    ("fact", "held", "until"),
    [
        (failed(Outcome.AUTH), "credentials", None),
        (failed(Outcome.SUSPENDED), "suspension", None),
        (failed(Outcome.PAYMENT_REQUIRED), "payment", None),
        (failed(Outcome.PAYMENT_REQUIRED, after=HOUR), "payment", NOW + HOUR),
        (failed(Outcome.SUSPENDED, not_before=NOW + HOUR, after=SECOND), "suspension", NOW + HOUR),
        (changed("restricted"), "review", None),
        (changed("suspended"), "suspension", None),
        (changed("deleted"), "suspension", None),
        (changed("revoked"), "credentials", None),
        (changed("info"), None, None),
        (changed("template"), None, None),
        (changed("info", Failure(outcome=Outcome.AUTH, level=Level.ACCOUNT)), "credentials", None),
        (failed(Outcome.INVALID), None, None),
        (failed(Outcome.UNREACHABLE), None, None),
        (failed(Outcome.WITHDRAWN), None, None),
        (failed(Outcome.OPTED_OUT, level=Level.ACCOUNT), None, None),
        (failed(Outcome.SUSPENDED, level=Level.PAIR), None, None),
        (Called(), None, None),
    ],
)
def test_what_holds_an_account(fact: HealthFact, held: str | None, until: datetime | None) -> None:
    health = after(fact)
    assert (health.held, health.held_until) == (held, until)


@pytest.mark.parametrize("good", [Called(), Probed(), changed("ok"), Released()])
def test_what_releases_it(good: HealthFact) -> None:
    health = after(failed(Outcome.PAYMENT_REQUIRED, after=HOUR), good)
    assert (health.held, health.held_until, health.held_detail) == (None, None, "")


def test_a_release_ends_what_is_blocked_in_part_and_a_success_does_not() -> None:
    country = Called(failure=Failure(outcome=Outcome.AUTH, level=Level.COUNTRY, country="it"))
    purpose = Called(failure=Failure(outcome=Outcome.SUSPENDED, level=Level.ACCOUNT, purpose="marketing"))
    blocked = after(country, purpose)
    assert after(Called(), start=blocked).blocked_countries == {"IT": None}
    released = after(Released(), start=blocked)
    assert (dict(released.blocked_countries), dict(released.blocked_purposes)) == ({}, {})
    assert after(country, start=released).blocked_countries == {"IT": None}


def test_a_failed_probe_holds_it_again() -> None:
    bad = failed(Outcome.AUTH).failure
    assert after(changed("ok"), Probed(failure=bad)).held == "credentials"


@pytest.mark.parametrize(
    ("fact", "until"),
    [
        (failed(Outcome.RETRY, status=429, after=HOUR), NOW + HOUR),
        (failed(Outcome.RETRY, status=429), None),
        (failed(Outcome.RETRY, status=503, after=HOUR), None),
        (failed(Outcome.RETRY, level=Level.APP, after=HOUR), NOW + HOUR),
        (failed(Outcome.RETRY, level=Level.ACCOUNT, not_before=NOW + 2 * HOUR), NOW + 2 * HOUR),
        (failed(Outcome.RETRY, level=Level.PAIR, status=429, after=HOUR), None),
    ],
)
def test_limits_of_an_account_and_of_a_pair(fact: HealthFact, until: datetime | None) -> None:
    assert after(fact).rate_limited_until == until


def test_the_longer_limit_counts() -> None:
    long, short = (failed(Outcome.RETRY, status=429, after=wait) for wait in (HOUR, SECOND))
    assert after(long, short).rate_limited_until == NOW + HOUR
    assert after(short, long).rate_limited_until == NOW + HOUR
    assert after(long, Called()).rate_limited_until is None


def test_a_part_of_an_account_is_blocked_apart_from_the_rest() -> None:
    health = after(
        failed(Outcome.INVALID, level=Level.COUNTRY, country="ru"),
        failed(Outcome.INVALID, level=Level.COUNTRY, country="IR", after=HOUR),
        failed(Outcome.INVALID, level=Level.COUNTRY),
        failed(Outcome.SUSPENDED, purpose="marketing", after=HOUR),
        failed(Outcome.RETRY, level=Level.PAIR, purpose="service"),
    )
    assert health.blocked_countries == {"RU": None, "IR": NOW + HOUR}
    assert health.blocked_purposes == {"marketing": NOW + HOUR}
    assert health.held is None


# ---------------------------------------------------------------- suspicion

DOUBT = Suspicion(channel="x", account="a", surface="dm", since=NOW, pieces=3)


def test_a_suspicion_ends_after_two_good_probes_in_a_row() -> None:
    bad = Probed(failure=failed(Outcome.WITHDRAWN, status=403).failure)
    assert after(Suspected(DOUBT), Probed()).suspected == (DOUBT,)
    assert after(Suspected(DOUBT), Probed(), Probed()).suspected == ()
    assert after(Suspected(DOUBT), Probed(), bad, Probed()).suspected == (DOUBT,)
    assert after(Suspected(DOUBT), Probed(), Suspected(DOUBT), Probed()).suspected == (DOUBT,)
    assert after(Suspected(DOUBT), Called()).suspected == (DOUBT,)
    assert after(Suspected(DOUBT), Released()).suspected == ()


def test_a_scope_is_suspected_once() -> None:
    newer, other = replace(DOUBT, pieces=9), replace(DOUBT, surface="mention")
    assert after(Suspected(DOUBT), Suspected(other), Suspected(newer)).suspected == (other, newer)


# ---------------------------------------------------------------- breaker

DOWN = failed(Outcome.RETRY, status=503)
UP = Called()


@pytest.mark.parametrize(
    ("facts", "opens"),
    [
        ([DOWN] * 20, True),
        ([DOWN] * 19, False),
        ([DOWN, UP] * 10, True),
        ([DOWN] * 9 + [UP] * 11, False),
        ([UP] * 1000, False),
        ([failed(Outcome.RETRY, status=429)] * 50, False),
        ([failed(Outcome.INVALID, status=400)] * 50, False),
        ([failed(Outcome.RETRY)] * 20, True),
    ],
)
def test_it_opens_at_half_of_twenty_calls_in_ten_seconds(facts: list[HealthFact], opens: bool) -> None:
    ordered = sorted(facts, key=lambda fact: fact == DOWN)
    health = after(*ordered)
    assert (breaker_at(health, NOW) == "open") is opens
    assert health.open_until == (NOW + FIRST_PAUSE if opens else None)


def test_old_calls_are_forgotten() -> None:
    health = after(*[DOWN] * 19)
    assert fold(health, DOWN, NOW + 9 * SECOND).open_until is not None
    later = fold(health, DOWN, NOW + 10 * SECOND)
    assert later.open_until is None
    assert len(later.calls) == 1


def test_the_window_does_not_grow_with_the_load() -> None:
    health = HEALTHY
    for number in range(5000):
        health = fold(health, UP, NOW + number * SECOND / 100)
    assert len(health.calls) <= 10
    assert sum(calls for _, calls, _ in health.calls) >= 900


def test_half_open_one_probe_decides() -> None:
    opened = after(*[DOWN] * 20)
    then = NOW + FIRST_PAUSE
    assert breaker_at(opened, then - SECOND) == "open"
    assert breaker_at(opened, then) == "half_open"
    probing = fold(opened, Probed(started=True), then)
    assert breaker_at(probing, then) == "open"
    assert breaker_at(probing, then + 30 * SECOND) == "half_open"
    closed = fold(probing, UP, then + SECOND)
    assert (breaker_at(closed, then + SECOND), closed.calls, closed.pause) == ("closed", (), FIRST_PAUSE)
    by_probe = fold(probing, Probed(), then + SECOND)
    assert breaker_at(by_probe, then + SECOND) == "closed"


def test_each_failed_probe_doubles_the_pause_up_to_five_minutes() -> None:
    health, now, pauses = after(*[DOWN] * 20), NOW, list[timedelta]()
    for _ in range(6):
        assert health.open_until is not None
        now = health.open_until
        health = fold(health, DOWN, now)
        assert health.open_until is not None
        pauses.append(health.open_until - now)
    assert pauses[:3] == [60 * SECOND, 120 * SECOND, 240 * SECOND]
    assert pauses[3:] == [LONGEST_PAUSE] * 3


def test_calls_that_end_late_do_not_reopen_it() -> None:
    opened = after(*[DOWN] * 20)
    late = reduce(lambda health, fact: fold(health, fact, NOW + SECOND), [DOWN] * 40, opened)
    assert late.open_until == opened.open_until


def test_an_operator_gives_a_fresh_start() -> None:
    health = after(*[DOWN] * 20, failed(Outcome.AUTH), Suspected(DOUBT), Released())
    assert health == HEALTHY


@pytest.mark.parametrize(
    ("health", "text"),
    [
        (HEALTHY, "ok"),
        (ChannelHealth(held="payment"), "held: payment"),
        (ChannelHealth(rate_limited_until=NOW + SECOND, suspected=(DOUBT,)), "rate limited, suspected"),
        (ChannelHealth(rate_limited_until=NOW), "ok"),
        (ChannelHealth(open_until=NOW + SECOND), "breaker open"),
        (ChannelHealth(open_until=NOW), "breaker half open"),
    ],
)
def test_a_summary_for_the_record(health: ChannelHealth, text: str) -> None:
    assert summary(health, NOW) == text
