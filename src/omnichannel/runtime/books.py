"""What becomes of a delivery, written: each change on disk before anything is done about the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from sqlalchemy import Connection

from omnichannel.model.ids import IdSource
from omnichannel.runtime.attempts import store_decision
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.lanes import Lane
from omnichannel.stores import outbound, outgoing
from omnichannel.stores.base import Store
from omnichannel.stores.outgoing import Outgoing

Left: TypeAlias = Outgoing | None
"""The delivery as it is after something was done about it, if there is something more to do at once."""


@dataclass(frozen=True, slots=True)
class Books:
    """Where the outbox writes down what it does."""

    store: Store
    clock: Clock
    ids: IdSource

    async def set(self, out: Outgoing, **values: Any) -> Left:
        """Changes these columns of a delivery. Raises `Overtaken` where somebody else has changed it meanwhile."""
        now = self.clock.now()
        return await self.write(out, lambda c: outbound.set_delivery(c, out.delivery, now, self.ids, **values))

    async def write(self, out: Outgoing, unit: Callable[[Connection], object]) -> Left:
        """Commits a change, and gives the delivery as it is then if there is something to do about it at once."""
        now = self.clock.now()

        def change(connection: Connection) -> Left:
            unit(connection)
            return outgoing.again(connection, out, now)

        return await self.store.write(change)

    async def decided(self, out: Outgoing, lane: Lane) -> Outgoing:
        """The delivery with what was decided about it on disk."""
        if out.decided is not None:
            await store_decision(self.store, lane, out.decided)
        return replace(out, decided=None)
