"""A try to send a part, and what of it is on disk when."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from omnichannel.model.exceptions import StoreError
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.lanes import Lane, LaneLost
from omnichannel.stores import deciding
from omnichannel.stores.base import Store
from omnichannel.stores.deciding import Decided, Refusal, Start
from omnichannel.stores.outbound import Overtaken
from omnichannel.stores.types import AnyRow

T = TypeVar("T")
_log = logging.getLogger("omnichannel.sending")
PAUSES = (0.0, 0.1, 1.0)
"""Seconds before each new try to write what a platform told us."""


@dataclass(slots=True)
class Attempt:
    """One attempt. What was decided is on disk before any request leaves; that the attempt began, with the right to
    make it, before the first request that cannot be repeated. Mostly these are one request, and so one unit."""

    store: Store
    clock: Clock
    crash: Callable[[str], None]
    lane: Lane
    step: AnyRow
    part: AnyRow
    decided: Decided | None
    seq: int | None = None

    async def opens(self) -> None:
        """Stores the decision, if it is not stored yet. Raises `LaneLost` and `Overtaken`."""
        if self.decided is not None:
            await store_decision(self.store, self.lane, self.decided)
            self.decided = None

    async def starts(self, *, sent: bool = False) -> None:
        """Writes that the attempt begins. Raises `LaneLost` and `Overtaken`: then nothing may be sent. With `sent` it
        has been: that is written even if something else has settled the part meanwhile."""
        start = Start(self.part, self.step, self.lane.right, self.clock.now(), self.decided, sent)
        begun = await self.store.batch(deciding.start, start)
        if isinstance(begun, Refusal):
            raise _REASONS[begun]
        self.seq, self.decided = begun, None
        self.crash("started")


_REASONS = {Refusal.LANE_LOST: LaneLost, Refusal.OVERTAKEN: Overtaken}


async def store_decision(store: Store, lane: Lane, decided: Decided) -> None:
    """Stores a decision by right of the lane. Raises `LaneLost` and `Overtaken`."""
    refused = await store.batch(deciding.keep_mine, (lane.right, decided))
    if refused is not None:
        raise _REASONS[refused]


async def surely(clock: Clock, write: Callable[[], Awaitable[T]]) -> T:
    """Writes what a platform told us. Only this process knows it, so a store that fails for a moment (a connection that
    ends) must not make it something that nobody knows. What is written may be written twice. Raises `StoreError`."""
    for pause in PAUSES:
        try:
            return await write()
        except StoreError as error:
            _log.warning("what came of an attempt is written again: %s", error)
            await clock.sleep(pause)
    return await write()
