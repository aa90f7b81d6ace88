"""A worker: leases lanes, runs what is due on them, and waits for more.

Rows are the truth; a wake-up only says "look". A simulation drives the same steps with `drain` and never waits.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from omnichannel.engines.base import Engine
from omnichannel.model.exceptions import StoreError
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.parsing import Parser
from omnichannel.stores import leases, outbound, turns
from omnichannel.stores.base import Store
from omnichannel.stores.units import DueTurn

_log = logging.getLogger("omnichannel.worker")

SWEEP = 1.0
"""Seconds after which a worker looks by itself: a lost wake-up costs no more."""
BATCH = 256
RENEW = leases.TTL / 3


class Handling(Protocol):
    """Runs handlers."""

    async def handle(self, turn: DueTurn, owner: str, fence: int) -> None:
        """Handles one message and settles it."""
        ...


class Sending(Protocol):
    """Works on deliveries."""

    async def work(self, delivery_id: str, lane: int, owner: str, fence: int) -> None:
        """Brings one delivery as far as it goes now."""
        ...


class Ticking(Protocol):
    """Does what is due by the clock: phases of withdrawals, retention, suspicion."""

    async def tick(self) -> int:
        """How many things were done."""
        ...

    async def next_due(self) -> datetime | None:
        """When there is something to do next."""
        ...


@dataclass(slots=True)
class Worker:
    """One incarnation of a worker. `owner` is unique to it, so that its leases are nobody else's."""

    store: Store
    clock: Clock
    engine: Engine
    owner: str
    parser: Parser
    handling: Handling
    sending: Sending
    timers: Ticking
    notify: Callable[[], Awaitable[int]]
    _fences: dict[int, int] = field(default_factory=dict[int, int])
    _leased_at: dict[int, datetime] = field(default_factory=dict[int, datetime])
    _busy: set[str] = field(default_factory=set[str])

    # -- driven by a simulation

    async def drain(self, limit: int = 10_000) -> int:
        """Does everything that is due now, and what becomes due by that; gives how much it was."""
        total = 0
        for _ in range(limit):
            async with anyio.create_task_group() as group:
                done = await self.step(group)
            if done == 0:
                return total
            total += done
        raise RuntimeError(f"still not done after {limit} rounds: something makes itself due again and again")

    async def next_due(self) -> datetime | None:
        """When something becomes due next."""
        found = await self.store.read(lambda c: [turns.next_due(c), outbound.next_due(c)])
        found.append(await self.timers.next_due())
        return min((at for at in found if at is not None), default=None)

    # -- live

    async def run(self) -> None:
        """Works until cancelled. A store that fails for a while is waited for; nothing is lost by that."""
        async with anyio.create_task_group() as group:
            while True:
                done = 0
                try:
                    done = await self.step(group)
                except StoreError as error:
                    _log.warning("the store is not available, trying again: %s", error)
                    await self.clock.sleep(SWEEP)
                    continue
                if done == 0:
                    await self.engine.wait(SWEEP)

    def kick(self) -> None:
        """There may be work. Lost, doubled or late kicks are harmless."""
        self.engine.kick()

    # -- one look

    async def step(self, group: TaskGroup) -> int:
        """Starts what is due in the group, and gives how much was done or started."""
        done, _ = await self.parser.step()
        now = self.clock.now()
        lanes = await self.store.read(lambda c: turns.due_lanes(c, now) | outbound.due_lanes(c, now))
        if lanes:
            held = await self._lease(lanes, now)
            if held:
                done += await self._start(group, sorted(held), now)
        done += await self.timers.tick()
        done += await self.notify()
        return done

    async def _lease(self, lanes: Iterable[int], now: datetime) -> set[int]:
        """Those of the lanes that are ours, leased or renewed where needed."""
        wanted = set(lanes) | {lane for lane in self._fences if self._busy}
        stale = [lane for lane in wanted if now - self._leased_at.get(lane, now - leases.TTL) >= RENEW]
        if stale:
            names = {turns.lease_name(lane): lane for lane in stale}
            got = await self.store.write(lambda c: leases.acquire(c, list(names), self.owner, now))
            for name, lane in names.items():
                if name in got:
                    self._fences[lane], self._leased_at[lane] = got[name], now
                else:
                    self._fences.pop(lane, None)
                    self._leased_at.pop(lane, None)
        return {lane for lane in wanted if lane in self._fences}

    async def _start(self, group: TaskGroup, lanes: Sequence[int], now: datetime) -> int:
        busy = frozenset(self._busy)
        due, outgoing = await self.store.read(
            lambda c: (turns.claim(c, lanes, now, busy, BATCH), outbound.claim(c, lanes, now, busy, BATCH))
        )
        work: dict[str, tuple[list[DueTurn], list[tuple[str, int]]]] = {}
        for turn in due:
            work.setdefault(turn.conversation.id, ([], []))[0].append(turn)
        for delivery_id, conversation_id, lane in outgoing:
            work.setdefault(conversation_id, ([], []))[1].append((delivery_id, lane))
        for conversation_id, (mine, theirs) in work.items():
            self._busy.add(conversation_id)
            group.start_soon(self._conversation, conversation_id, mine, theirs)
        return len(due) + len(outgoing)

    async def _conversation(
        self, conversation_id: str, due: Sequence[DueTurn], outgoing: Sequence[tuple[str, int]]
    ) -> None:
        """What is due in one conversation, in order: never two at a time."""
        try:
            for delivery_id, lane in outgoing:
                if lane in self._fences:
                    await self.sending.work(delivery_id, lane, self.owner, self._fences[lane])
            for turn in due:
                if turn.lane in self._fences:
                    await self.handling.handle(turn, self.owner, self._fences[turn.lane])
        except StoreError as error:
            _log.warning("conversation %s waits for the store: %s", conversation_id, error)
        finally:
            self._busy.discard(conversation_id)
            self.kick()

    async def release(self) -> None:
        """Gives the lanes back at once, so that another worker need not wait for the leases to end."""
        names = [turns.lease_name(lane) for lane in self._fences]
        self._fences.clear()
        self._leased_at.clear()
        if names:
            now = self.clock.now()
            await self.store.write(lambda c: leases.release(c, names, self.owner, now))
