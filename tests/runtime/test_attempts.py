"""What a platform told us is written, if the store lets us at all."""

from __future__ import annotations

import pytest

from omnichannel.model.exceptions import StoreError
from omnichannel.runtime.attempts import PAUSES, surely
from omnichannel.runtime.clock import SystemClock


class Waits(SystemClock):
    """A clock that notes how long it was asked to wait."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


class Failing:
    """A store that fails so many times."""

    def __init__(self, times: int, error: Exception) -> None:
        self.times, self.error, self.asked = times, error, 0

    async def write(self) -> str:
        self.asked += 1
        if self.asked <= self.times:
            raise self.error
        return "written"


@pytest.mark.parametrize("times", range(len(PAUSES) + 1))
async def test_it_is_written_again(times: int) -> None:
    clock, store = Waits(), Failing(times, StoreError("gone"))
    assert await surely(clock, store.write) == "written"
    assert clock.waited == list(PAUSES[:times])


async def test_at_last_the_failure_is_told() -> None:
    store = Failing(99, StoreError("gone"))
    with pytest.raises(StoreError, match="gone"):
        await surely(Waits(), store.write)
    assert store.asked == len(PAUSES) + 1


async def test_our_own_mistakes_are_not_repeated() -> None:
    store = Failing(99, LookupError("ours"))
    with pytest.raises(LookupError):
        await surely(Waits(), store.write)
    assert store.asked == 1
