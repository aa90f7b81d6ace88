"""Looks again at accounts whose channel seems to be gone, so that a wrong suspicion ends by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from omnichannel.channel.base import Channel
from omnichannel.routing.health import Probed
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.doors import Doors
from omnichannel.runtime.health import HealthBoard
from omnichannel.runtime.runner import Runner
from omnichannel.stores import leases
from omnichannel.stores.base import Store

FIRST = timedelta(minutes=5)
LONGEST = timedelta(hours=6)


@dataclass(slots=True)
class Prober:
    """Probes suspected accounts, ever more seldom; one process at a time does."""

    store: Store
    clock: Clock
    doors: Doors
    runner: Runner
    board: HealthBoard
    owner: str
    _waits: dict[str, timedelta] = field(default_factory=dict[str, timedelta])
    _due: dict[str, datetime] = field(default_factory=dict[str, datetime])

    async def tick(self) -> int:
        """Probes what is due; gives how many."""
        now = self.clock.now()
        due = [account for account, at in self._plan(now).items() if at <= now]
        for account in due:
            await self._probe(account, now)
        return len(due)

    def next_due(self) -> datetime | None:
        """When the next probe is due."""
        return min(self._plan(self.clock.now()).values(), default=None)

    def _plan(self, now: datetime) -> Mapping[str, datetime]:
        suspected = {account for account, state in self.board.states.items() if state.suspected}
        suspected = {account for account in suspected if _can_probe(self.doors.channels.get(account))}
        for account in self._due.keys() - suspected:
            del self._due[account], self._waits[account]
        for account in suspected - self._due.keys():
            self._waits[account], self._due[account] = FIRST, now + FIRST
        return self._due

    async def _probe(self, account: str, now: datetime) -> None:
        self._waits[account] = min(self._waits[account] * 2, LONGEST)
        self._due[account] = now + self._waits[account]
        name = f"probe:{account}"
        held = await self.store.write(lambda c: leases.acquire(c, [name], self.owner, now))
        if name not in held:
            return
        channel = self.doors.channels[account]
        failure = await self.runner.run(channel, channel.probe())
        if failure is None:
            # A second look follows soon: one good answer could come from a server that is not switched off yet.
            self._waits[account], self._due[account] = FIRST, now + FIRST
        await self.board.learn(account, Probed(failure=failure), channel.account.brand)


def _can_probe(channel: Channel[Any] | None) -> bool:
    own: object = getattr(type(channel), "probe", None)
    inherited: object = getattr(Channel, "probe", None)
    return channel is not None and own is not inherited
