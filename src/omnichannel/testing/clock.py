"""A clock that stands still until it is told to go on."""

from __future__ import annotations

import heapq
from datetime import UTC, datetime, timedelta

import anyio
import anyio.lowlevel

from omnichannel.model.base import EPOCH

START = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)


class FakeClock:
    """The `Clock` port for tests: nothing waits for real, and a day passes in a millisecond.

    Raises `ValueError` for a naive start and for time that would run backwards.
    """

    def __init__(self, start: datetime = START) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock starts at an aware datetime")
        self._now = start.astimezone(UTC)
        self._sleepers: list[tuple[datetime, int, anyio.Event]] = []
        self._count = 0

    def now(self) -> datetime:
        """The time that it was set to, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that pass with `advance`."""
        return (self._now - EPOCH).total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Waits until the clock was advanced so far; for nothing, only lets the others run."""
        if seconds <= 0:
            await anyio.lowlevel.checkpoint()
            return
        self._count += 1
        entry = (self._now + timedelta(seconds=seconds), self._count, anyio.Event())
        heapq.heappush(self._sleepers, entry)
        try:
            await entry[2].wait()
        finally:
            if entry in self._sleepers:
                self._sleepers.remove(entry)
                heapq.heapify(self._sleepers)

    @property
    def sleepers(self) -> int:
        """How many are waiting."""
        return len(self._sleepers)

    def next_wake(self) -> datetime | None:
        """When the next sleeper wakes, or None."""
        return self._sleepers[0][0] if self._sleepers else None

    async def advance(self, by: timedelta) -> None:
        """Lets time pass, and wakes sleepers in the order of their times; each may sleep again within the span."""
        if by < timedelta(0):
            raise ValueError("time does not run backwards")
        await self.advance_to(self._now + by)

    async def advance_to(self, until: datetime) -> None:
        """Lets time pass up to a moment."""
        if until < self._now:
            raise ValueError("time does not run backwards")
        await _let_run()
        while self._sleepers and self._sleepers[0][0] <= until:
            at, _, event = heapq.heappop(self._sleepers)
            self._now = max(self._now, at)
            event.set()
            await _let_run()
        self._now = until.astimezone(UTC)
        await _let_run()

    async def jump_to(self, until: datetime) -> None:
        """Lets time pass at once, as on a machine that slept: whoever waits wakes late, and once."""
        if until < self._now:
            raise ValueError("time does not run backwards")
        self._now = until.astimezone(UTC)
        while self._sleepers and self._sleepers[0][0] <= until:
            heapq.heappop(self._sleepers)[2].set()
        await _let_run()


async def _let_run(turns: int = 5) -> None:
    """Gives the tasks that can run a few turns. Work in other threads is waited for by whoever started it."""
    for _ in range(turns):
        await anyio.lowlevel.checkpoint()
