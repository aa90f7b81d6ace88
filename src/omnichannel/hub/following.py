"""What waits: for a delivery, and for the next event. It needs an event loop, and an engine that wakes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Self

import anyio
import anyio.lowlevel
from sqlalchemy import Connection, select

from omnichannel.handlers import Event
from omnichannel.hub import reading
from omnichannel.hub.core import Core
from omnichannel.model.exceptions import DeliveryError
from omnichannel.model.message import Delivery
from omnichannel.stores import log
from omnichannel.stores.progress import RANK
from omnichannel.stores.schema import deliveries

SWEEP = 1.0


async def wait(core: Core, delivery_id: str, until: str, within: timedelta | None) -> Delivery:
    """Waits for a delivery."""
    clock = core.ports.clock
    ends = None if within is None else clock.now() + within
    while True:
        found = await core.run(reading.delivery(core.office, delivery_id))
        if found.state in ("failed", "expired", "cancelled"):
            why = await core.store.read(partial(_why, delivery_id=delivery_id))
            raise DeliveryError(f"delivery {delivery_id} is {found.state}: {why}")
        if RANK.get(found.state, 0) >= RANK[until]:
            return found
        if ends is not None and clock.now() >= ends:
            raise TimeoutError(f"delivery {delivery_id} is still {found.state}")
        await core.ports.engine.wait(0.05)
        await anyio.lowlevel.checkpoint()


def _why(connection: Connection, *, delivery_id: str) -> str:
    found = connection.execute(select(deliveries.c.reason).where(deliveries.c.id == delivery_id)).scalar()
    return found or "no reason is known"


class EventStream:
    """The event log from a number on, for ever. No generator: whoever leaves the loop has nothing to close."""

    def __init__(self, core: Core, after: int | None, types: Sequence[str]) -> None:
        self._core = core
        self._seq = after
        self._types = types
        self._read: deque[Event] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """The next event; waits for it."""
        core = self._core
        if self._seq is None:
            self._seq = await core.store.read(log.last)
        while not self._read:
            self._read.extend(await core.run(reading.events(self._seq, self._types)))
            if not self._read:
                await core.ports.engine.wait(SWEEP)
        event = self._read.popleft()
        self._seq = event.seq
        return event
