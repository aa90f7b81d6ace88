"""One platform clock for all processes of a demo: it runs faster than the wall's, by a factor that is printed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import anyio


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledClock:
    """The `Clock` port. `zero` is the wall's Unix time at which it showed `start`."""

    start: datetime
    zero: float
    factor: float = 1.0

    def now(self) -> datetime:
        """The platform's time."""
        return (self.start + timedelta(seconds=(time.time() - self.zero) * self.factor)).astimezone(UTC)

    def monotonic(self) -> float:
        """Platform seconds."""
        return (time.time() - self.zero) * self.factor

    async def sleep(self, seconds: float) -> None:
        """Waits so many platform seconds."""
        await anyio.sleep(max(0.0, seconds / self.factor))
