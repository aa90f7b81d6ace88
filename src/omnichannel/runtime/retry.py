"""The one retry layer: when a part is tried again, and how many retries a platform is worth while it is down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from omnichannel.model.outcome import Failure, Outcome
from omnichannel.runtime.clock import Clock

PLAN = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""The waits after the first try, the second ...: ten tries in 75 hours and 35 minutes, as
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md recommends."""

JITTER = 0.1
RATE_LIMITED = "rate_limited"
"""The code of a failure that our own limiter made: nothing was sent."""


def next_try(
    tries: int, failure: Failure, now: datetime, expires_at: datetime | None, rand: Callable[[], float]
) -> datetime | None:
    """When to try again after `tries` tries, or None: not a matter of waiting, the plan is over, or too late.

    `rand` draws from [0, 1): the wait is the plan's, give or take a tenth, but never before the platform's own
    `Retry-After`. What our own limiter put off was no try: it comes back when the limit allows, however often.
    """
    if failure.outcome is not Outcome.RETRY:
        return None
    spread = 1 + JITTER * (2 * rand() - 1)
    if failure.code == RATE_LIMITED and failure.not_before is not None:
        at = max(now, failure.not_before)
    elif 1 <= tries <= len(PLAN):
        at = _not_before(now + PLAN[tries - 1] * spread, failure, now, spread)
    else:
        return None
    return None if expires_at is not None and at >= expires_at else at


def _not_before(planned: datetime, failure: Failure, now: datetime, spread: float) -> datetime:
    # All that were refused together come back a little apart, and none too early.
    apart = 1 + abs(spread - 1)
    at = planned
    if failure.retry_after is not None:
        at = max(at, now + failure.retry_after * apart)
    if failure.not_before is not None and failure.not_before > now:
        at = max(at, now + (failure.not_before - now) * apart)
    return at


@dataclass(slots=True)
class Backoff:
    """Waits that double from `first` to `longest`, and start again after a success."""

    first: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(minutes=5)
    failed: int = 0

    def succeeded(self) -> None:
        """The next wait is the first one again."""
        self.failed = 0

    def next(self, failure: Failure | None, clock: Clock) -> float:
        """Seconds to wait now, and at least what the platform asked for."""
        wait = min(self.first * (1 << min(self.failed, 20)), self.longest)
        self.failed += 1
        if failure is not None and failure.retry_after is not None:
            wait = max(wait, failure.retry_after)
        if failure is not None and failure.not_before is not None:
            wait = max(wait, failure.not_before - clock.now())
        return wait.total_seconds()


class RetryBudget:
    """How many retries an account is worth: each costs, each success earns; first tries are always free.

    While a platform is down the budget runs dry and only `trickle` retries a second go on, so that it is not
    hammered, and its return is noticed. The numbers are those of botocore's standard mode
    (https://github.com/boto/botocore/blob/develop/botocore/retries/standard.py), the trickle is ours.
    """

    CAPACITY = 500.0
    COST = 14.0
    THROTTLED_COST = 5.0
    EARNED = 1.0

    def __init__(self, clock: Clock, *, trickle: float = 1.0) -> None:
        self._clock = clock
        self._per_second = trickle * self.COST
        self._left = self.CAPACITY
        self._at = clock.monotonic()

    def spend(self, failure: Failure) -> bool:
        """Pays for a retry after this failure; False where there is nothing left: put it off, do not drop it."""
        self._regain()
        cost = self._cost(failure)
        if self._left < cost:
            return False
        self._left -= cost
        return True

    def succeeded(self, retried: Failure | None = None) -> None:
        """A try was accepted; where it was a retry after `retried`, its price comes back."""
        self._regain()
        earned = self.EARNED if retried is None else self._cost(retried)
        self._left = min(self.CAPACITY, self._left + earned)

    def _cost(self, failure: Failure) -> float:
        return self.THROTTLED_COST if failure.status == 429 else self.COST

    def _regain(self) -> None:
        now = self._clock.monotonic()
        # Only up to one retry: the trickle keeps a probe going, it does not save up a burst for the recovery.
        if self._left < self.COST:
            self._left = min(self.COST, self._left + (now - self._at) * self._per_second)
        self._at = now
