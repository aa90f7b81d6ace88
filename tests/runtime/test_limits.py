"""Rate limits: exact in every window, in no wall-clock time, and forgotten when they restrict nothing."""

import random
from datetime import datetime, timedelta

import pytest

from omnichannel.channel import Account, RateLimit
from omnichannel.runtime.limits import Limiter
from omnichannel.testing.clock import START, FakeClock

SECOND = timedelta(seconds=1)
ANN = Account(id="ann")
THREE = RateLimit(level="account", count=3, per=SECOND)


class JumpingClock(FakeClock):
    """Its wall time can be set; its monotonic time cannot."""

    jump = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.jump


class SteppedClock:
    """A clock that a synchronous test moves by hand."""

    seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("a limiter never sleeps")


async def test_what_is_over_the_limit_is_told_when_to_come_back() -> None:
    clock = FakeClock()
    limiter = Limiter(clock)
    assert [limiter.take(ANN, [THREE]) for _ in range(3)] == [None] * 3
    assert limiter.take(ANN, [THREE]) == START + SECOND
    await clock.advance(timedelta(seconds=0.999))
    assert limiter.take(ANN, [THREE]) is not None
    await clock.advance(timedelta(seconds=0.001))
    assert limiter.take(ANN, [THREE]) is None


@pytest.mark.parametrize(("count", "per"), [(1, 6.0), (30, 1.0), (80, 1.0), (500, 3600.0), (2_000, 600.0)])
def test_never_more_than_the_limit_in_any_window_and_nearly_all_of_it(seed: int, count: int, per: float) -> None:
    draw = random.Random(seed)
    clock = SteppedClock()
    limiter = Limiter(clock)
    rate = RateLimit(level="account", count=count, per=timedelta(seconds=per))
    granted: list[float] = []
    while clock.seconds < 10 * per:
        if limiter.take(ANN, [rate]) is None:
            granted.append(clock.seconds)
        clock.seconds += draw.expovariate(5 * count / per)
    for index, at in enumerate(granted):
        later = granted[index + count : index + count + 1]
        assert not later or later[0] - at >= per - 1e-6
    assert len(granted) >= (9 if count > 1 else 6) * count


async def test_costs_count_and_one_that_is_too_large_for_any_window_passes_alone() -> None:
    clock = FakeClock()
    limiter = Limiter(clock)
    rate = RateLimit(level="account", count=100, per=timedelta(days=1))
    assert limiter.take(ANN, [rate], cost=60) is None
    assert limiter.take(ANN, [rate], cost=50) == START + timedelta(days=1)
    assert limiter.take(ANN, [rate], cost=40) is None
    assert limiter.take(ANN, [rate], cost=500) == START + timedelta(days=1)
    await clock.advance(timedelta(days=1))
    assert limiter.take(ANN, [rate], cost=500) is None


def test_the_seam_of_a_day_sees_no_double() -> None:
    limiter = Limiter(FakeClock())
    rate = RateLimit(level="account", count=1000, per=timedelta(days=1))
    assert [limiter.take(ANN, [rate]) for _ in range(1001)].count(None) == 1000


def test_levels_count_what_they_are_about() -> None:
    limiter = Limiter(FakeClock())
    one, two = Account(id="one", endpoint="app"), Account(id="two", endpoint="app")
    app = RateLimit(level="app", count=2, per=SECOND)
    endpoint = RateLimit(level="endpoint", count=3, per=SECOND)
    pair = RateLimit(level="pair", count=1, per=SECOND)
    account = RateLimit(level="account", count=1, per=SECOND, what="upload")
    assert limiter.take(one, [app]) is None
    assert limiter.take(two, [app]) is None
    assert limiter.take(two, [app]) is not None
    assert limiter.take(Account(id="three"), [app]) is None
    assert [limiter.take(one, [endpoint]), limiter.take(two, [endpoint])] == [None, None]
    assert limiter.take(one, [pair], pair="x") is None
    assert limiter.take(one, [pair], pair="y") is None
    assert limiter.take(one, [pair], pair="x") is not None
    assert limiter.take(two, [pair], pair="x") is None
    assert [limiter.take(one, [pair]) for _ in range(3)] == [None] * 3
    assert [limiter.take(one, [account]) for _ in range(3)] == [None] * 3
    assert limiter.take(one, [account], what="upload") is None
    assert limiter.take(one, [account], what="upload") is not None


async def test_a_refusal_by_one_limit_uses_up_nothing_of_another() -> None:
    clock = FakeClock()
    limiter = Limiter(clock)
    wide = RateLimit(level="account", count=2, per=timedelta(hours=1))
    narrow = RateLimit(level="pair", count=1, per=SECOND)
    assert limiter.take(ANN, [wide, narrow], pair="x") is None
    assert limiter.take(ANN, [wide, narrow], pair="x") == START + SECOND
    assert limiter.take(ANN, [wide, narrow], pair="y") is None
    assert limiter.take(ANN, [wide, narrow], pair="z") == START + timedelta(hours=1)


async def test_what_the_platform_says_holds_the_account_or_the_pair() -> None:
    clock = FakeClock()
    limiter = Limiter(clock)
    limiter.penalise("ann", START + timedelta(seconds=30))
    limiter.penalise("ann", START + timedelta(seconds=10))
    limiter.penalise("bob", START + timedelta(seconds=5), pair="x")
    bob = Account(id="bob")
    assert limiter.take(ANN, []) == START + timedelta(seconds=30)
    assert limiter.take(bob, [], pair="x") == START + timedelta(seconds=5)
    assert limiter.take(bob, [], pair="y") is None
    await clock.advance(timedelta(seconds=30))
    assert limiter.take(ANN, []) is None
    assert limiter.take(bob, [], pair="x") is None


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_jump_of_the_wall_clock_changes_no_wait(hours: int) -> None:
    clock = JumpingClock()
    limiter = Limiter(clock)
    limiter.penalise("held", START + timedelta(seconds=30))
    assert [limiter.take(ANN, [THREE]) for _ in range(3)] == [None] * 3
    clock.jump = timedelta(hours=hours)
    assert limiter.take(ANN, [THREE]) == clock.now() + SECOND
    assert limiter.take(Account(id="held"), []) == clock.now() + timedelta(seconds=30)
    await clock.advance(SECOND)
    assert limiter.take(ANN, [THREE]) is None


async def test_windows_that_restrict_nothing_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnichannel.runtime.limits._SWEEP", 10)
    clock = FakeClock()
    limiter = Limiter(clock)
    pair = RateLimit(level="pair", count=1, per=SECOND)
    long = RateLimit(level="account", count=1, per=timedelta(days=1))
    limiter.penalise("ann", START, pair="gone")
    assert limiter.take(ANN, [long]) is None
    for number in range(100):
        assert limiter.take(ANN, [pair], pair=str(number)) is None
        await clock.advance(SECOND)
    assert len(limiter._windows) <= 20  # pyright: ignore[reportPrivateUsage]
    assert limiter.take(ANN, [long]) is not None
