"""The retry plan, the budget of retries, and the waits of sources."""

import random
from datetime import datetime, timedelta

import pytest

from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.runtime.retry import PLAN, RATE_LIMITED, Backoff, RetryBudget, next_try
from omnichannel.testing.clock import START, FakeClock

AGAIN = Failure(outcome=Outcome.RETRY, level=Level.ATTEMPT)
BUSY = Failure(outcome=Outcome.RETRY, level=Level.ACCOUNT, status=429)


def middle() -> float:
    return 0.5


def test_the_plan_is_ten_tries_in_three_days() -> None:
    now, tries, waits = START, 1, list[timedelta]()
    while (at := next_try(tries, AGAIN, now, None, middle)) is not None:
        waits.append(at - now)
        now, tries = at, tries + 1
    assert tries == 10
    assert tuple(waits) == PLAN
    assert now - START == timedelta(hours=75, minutes=35, seconds=5)


def test_jitter_is_a_tenth_either_way_and_seeded(seed: int) -> None:
    def run(seed: int) -> list[float]:
        draw = random.Random(seed)
        found = [next_try(2, AGAIN, START, None, draw.random) for _ in range(500)]
        return [(at - START) / PLAN[1] for at in found if at is not None]

    shares = run(seed)
    assert len(shares) == 500
    assert 0.9 <= min(shares) < 0.95 < 1.05 < max(shares) <= 1.1
    assert shares == run(seed)


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.RETRY])
def test_only_a_retry_is_tried_again(outcome: Outcome) -> None:
    assert next_try(1, Failure(outcome=outcome, level=Level.ATTEMPT), START, None, middle) is None


@pytest.mark.parametrize("rand", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("wait", [timedelta(seconds=1), timedelta(minutes=10), timedelta(days=2)])
@pytest.mark.parametrize("as_date", [True, False])
def test_what_the_platform_asks_for_is_a_least_wait(rand: float, wait: timedelta, as_date: bool) -> None:
    failure = Failure(
        outcome=Outcome.RETRY,
        level=Level.ATTEMPT,
        retry_after=None if as_date else wait,
        not_before=START + wait if as_date else None,
    )
    at = next_try(1, failure, START, None, lambda: rand)
    assert at is not None
    assert at - START >= wait
    assert at - START <= max(wait, PLAN[0]) * 1.1


@pytest.mark.parametrize(
    ("expires_at", "expected"),
    [(None, START + PLAN[0]), (START + timedelta(seconds=6), START + PLAN[0]), (START + PLAN[0], None), (START, None)],
)
def test_it_stops_where_the_message_expires(expires_at: datetime | None, expected: datetime | None) -> None:
    assert next_try(1, AGAIN, START, expires_at, middle) == expected


def test_a_try_that_our_own_limit_put_off_does_not_count() -> None:
    at = START + timedelta(seconds=90)
    limited = Failure(outcome=Outcome.RETRY, level=Level.ATTEMPT, code=RATE_LIMITED, not_before=at)
    assert [next_try(tries, limited, START, None, middle) for tries in (0, 1, 10, 99)] == [at] * 4
    assert next_try(1, limited, at + timedelta(hours=1), None, middle) == at + timedelta(hours=1)
    assert next_try(0, AGAIN, START, None, middle) is None


# ---------------------------------------------------------------- the budget


async def test_an_outage_costs_at_most_a_tenth_more_attempts() -> None:
    clock = FakeClock()
    budget = RetryBudget(clock)
    messages, waiting, retries = 0, 0, 0
    for _ in range(600):
        messages += 100
        waiting += 100
        for _ in range(waiting):
            if not budget.spend(AGAIN):
                break
            retries += 1
        await clock.advance(timedelta(seconds=1))
    assert 600 <= retries <= 0.1 * messages


async def test_successes_earn_and_a_retry_that_worked_gets_its_price_back() -> None:
    clock = FakeClock()
    budget = RetryBudget(clock, trickle=0)
    spent = sum(budget.spend(AGAIN) for _ in range(100))
    assert spent == int(RetryBudget.CAPACITY // RetryBudget.COST)
    budget.succeeded(AGAIN)
    assert [budget.spend(AGAIN), budget.spend(AGAIN)] == [True, False]
    for _ in range(14):
        budget.succeeded()
    assert [budget.spend(AGAIN), budget.spend(AGAIN)] == [True, False]
    for _ in range(10_000):
        budget.succeeded()
    assert sum(budget.spend(BUSY) for _ in range(1000)) == 100


async def test_the_recovery_meets_a_trickle_not_a_burst() -> None:
    clock = FakeClock()
    budget = RetryBudget(clock)
    while budget.spend(AGAIN):
        pass
    await clock.advance(timedelta(hours=1))
    assert [budget.spend(AGAIN), budget.spend(AGAIN)] == [True, False]


# ---------------------------------------------------------------- waits of sources


def test_waits_double_up_to_five_minutes_and_start_again() -> None:
    clock = FakeClock()
    backoff = Backoff()
    assert [backoff.next(None, clock) for _ in range(10)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    backoff.succeeded()
    wanted = Failure(outcome=Outcome.RETRY, level=Level.ATTEMPT, retry_after=timedelta(seconds=9))
    dated = Failure(outcome=Outcome.RETRY, level=Level.ATTEMPT, not_before=START + timedelta(seconds=7))
    assert [backoff.next(one, clock) for one in (wanted, dated, AGAIN)] == [9, 7, 4]
