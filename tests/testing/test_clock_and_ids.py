"""The fake clock stands still until told to go on; seeded ids repeat."""

from datetime import UTC, datetime, timedelta, timezone

import anyio
import pytest

from omnichannel.testing.clock import START, FakeClock
from omnichannel.testing.ids import SeededIds


async def test_sleepers_wake_in_the_order_of_their_times() -> None:
    clock, woken = FakeClock(), list[tuple[str, datetime]]()

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.now()))

    async with anyio.create_task_group() as tasks:
        for name, seconds in (("late", 60), ("early", 5), ("middle", 30), ("never mind", 0)):
            tasks.start_soon(sleeper, name, seconds)
        await clock.advance(timedelta(0))
        assert woken == [("never mind", START)]
        assert (clock.sleepers, clock.next_wake()) == (3, START + timedelta(seconds=5))
        await clock.advance(timedelta(seconds=59))
        assert [name for name, _ in woken[1:]] == ["early", "middle"]
        assert woken[1][1] == START + timedelta(seconds=5)
        assert clock.now() == START + timedelta(seconds=59)
        await clock.advance(timedelta(seconds=1))
    assert woken[-1] == ("late", START + timedelta(seconds=60))
    assert (clock.sleepers, clock.next_wake()) == (0, None)


async def test_a_day_of_one_who_wakes_every_hour() -> None:
    clock, hours = FakeClock(), list[int]()

    async def every_hour() -> None:
        while True:
            await clock.sleep(3600)
            hours.append(clock.now().hour)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(every_hour)
        await clock.advance(timedelta(days=1))
        tasks.cancel_scope.cancel()
    assert hours == [(10 + step) % 24 for step in range(24)]
    assert clock.sleepers == 0


def test_a_clock_is_aware_and_never_runs_backwards() -> None:
    with pytest.raises(ValueError, match="aware"):
        FakeClock(datetime(2027, 1, 4))  # noqa: DTZ001 - the mistake that is tested
    paris = timezone(timedelta(hours=1))
    clock = FakeClock(datetime(2027, 1, 4, 10, tzinfo=paris))
    assert clock.now() == datetime(2027, 1, 4, 9, tzinfo=UTC)
    assert clock.now().tzinfo is UTC


async def test_time_that_would_run_backwards_is_refused() -> None:
    clock = FakeClock()
    before = clock.monotonic()
    with pytest.raises(ValueError, match="backwards"):
        await clock.advance(timedelta(seconds=-1))
    with pytest.raises(ValueError, match="backwards"):
        await clock.advance_to(START - timedelta(seconds=1))
    await clock.advance(timedelta(seconds=1.5))
    assert clock.monotonic() - before == 1.5


def test_ids_are_the_same_for_the_same_seed_and_ascend() -> None:
    clock = FakeClock()
    ids, again, other = SeededIds(7, clock), SeededIds(7, clock), SeededIds(8, clock)
    made = [ids.new("msg") for _ in range(50)]
    assert made == [again.new("msg") for _ in range(50)]
    assert made == sorted(set(made))
    assert made[0].startswith("msg_")
    assert len(made[0]) == 30
    assert other.new("msg") not in made
    tokens = {ids.token() for _ in range(20)}
    assert len(tokens) == 20
    assert max(tokens) < 1 << 128
    assert ids.token(4) < 16
