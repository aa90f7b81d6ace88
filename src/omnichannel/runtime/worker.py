"""A worker: leases lanes, runs what is due on them, and waits for more.

Rows are the truth; a wake-up only says "look". A simulation drives the same steps with `drain` and never waits.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

import anyio
from anyio.abc import TaskGroup
from sqlalchemy import Connection

from omnichannel.engines.base import Engine
from omnichannel.model.exceptions import StoreError
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.crew import Crew, Item
from omnichannel.runtime.leasing import Leasing
from omnichannel.runtime.parsing import Parser
from omnichannel.stores import leases, outbound, turns
from omnichannel.stores.base import Store
from omnichannel.stores.units import LANES

_log = logging.getLogger("omnichannel.worker")

SWEEP = 1.0
"""Seconds after which a worker looks by itself: a lost wake-up costs no more."""
BATCH = 256
MOST_BUSY = 1000
"""How many conversations are worked on at a time: what is beyond that waits in its rows, not in memory."""
FINISH = 5.0
PAUSE = 0.02


class Ticking(Protocol):
    """Does what is due by the clock: phases of withdrawals, retention, suspicion."""

    async def tick(self) -> int:
        """How many things were done."""
        ...

    async def next_due(self) -> datetime | None:
        """When there is something to do next."""
        ...


_Found: TypeAlias = list[tuple[str, Item]]


@dataclass(slots=True)
class Worker:
    """One incarnation of a worker. `owner` is unique to it, so that its leases are nobody else's."""

    store: Store
    clock: Clock
    engine: Engine
    owner: str
    parser: Parser
    crew: Crew
    timers: Ticking
    notify: Callable[[], Awaitable[int]]
    lease_ttl: timedelta = leases.TTL
    _leased: Leasing[int] = field(init=False)
    _looked_at: datetime | None = None
    _parsing: bool = False
    _more_is_due: bool = False
    _asked: bool = False
    _closing: bool = False

    def __post_init__(self) -> None:
        self._leased = Leasing(self.store, self.owner, self.lease_ttl, turns.lease_name, self.crew.fences)

    # -- driven by a simulation

    async def drain(self, limit: int = 10_000) -> int:
        """Does everything that is due now, and what becomes due by that; gives how much it was."""
        total = done = 0
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
                self._asked = True
                if not self._parsing:
                    self._parsing = True
                    group.start_soon(self._parse)
                self._more_is_due = False
                await self._patiently(lambda: self._look(group))
                if not self._more_is_due:
                    await self.engine.wait(SWEEP)

    async def _parse(self) -> None:
        """Files what was journalled, beside the handlers of what was filed before, until there is no more."""
        try:
            while self._asked:
                self._asked = False
                while await self._patiently(self._parse_batch):
                    self.kick()
        finally:
            self._parsing = False

    async def _parse_batch(self) -> int:
        done, _ = await self.parser.step()
        return done

    async def _patiently(self, work: Callable[[], Awaitable[int]]) -> int:
        """Does it, or waits a little where it failed: no failure ends a worker."""
        try:
            return await work()
        except StoreError as error:
            _log.warning("the store is not available, trying again: %s", error)
        except Exception:
            _log.exception("the worker failed, trying again")
        await self.clock.sleep(SWEEP)
        return 0

    def kick(self) -> None:
        """There may be work. Lost, doubled or late kicks are harmless."""
        self.engine.kick()

    # -- one look

    async def step(self, group: TaskGroup) -> int:
        """Starts what is due in the group, and gives how much was done or started."""
        return await self._parse_batch() + await self._look(group)

    async def _look(self, group: TaskGroup) -> int:
        now = self.clock.now()
        if self._closing:
            return 0
        started = await self._start(group, now)
        told = await self.timers.tick() + await self.notify()
        # What was started wakes us when it ends. To look again before that finds nothing but what is in hand.
        self._more_is_due = told > 0 or started >= BATCH
        return started + told

    async def _start(self, group: TaskGroup, now: datetime) -> int:
        """Starts what is due on our lanes, and on those that can be had."""
        held = self._leased.sure(now)
        busy = self.crew.not_now(now)
        work, others = await self.store.read(lambda c: self._due(c, held, now, busy))
        if asked := self._leased.to_ask(others, now):
            mine = await self._leased.ask(asked, now)
            work += await self.store.read(lambda c: _claim(c, mine, now, busy)) if mine else []
        by_conversation: dict[str, list[Item]] = {}
        for conversation_id, item in work:
            by_conversation.setdefault(conversation_id, []).append(item)
        self.crew.start(group, by_conversation)
        return len(work)

    def _due(
        self, connection: Connection, held: Collection[int], now: datetime, busy: frozenset[str]
    ) -> tuple[_Found, set[int]]:
        """What is due on our lanes; and the other lanes with work, unless there is enough here to go on with."""
        found = _claim(connection, held, now, busy) if held else []
        recent = self._looked_at is not None and timedelta(0) <= now - self._looked_at < timedelta(seconds=SWEEP)
        if len(held) == LANES or (recent and len(found) >= BATCH):
            return found, set()
        self._looked_at = now
        return found, (turns.due_lanes(connection, now) | outbound.due_lanes(connection, now)) - set(held)

    async def finish(self, within: float = FINISH) -> None:
        """Takes up nothing new, and lets what is under way come to its end for so many seconds: a request that is cut
        off leaves a message of which nobody knows whether it arrived."""
        self._closing = True
        self.crew.drop()
        with anyio.move_on_after(within, shield=True):
            while self.crew.busy:
                await self.engine.wait(PAUSE)

    async def release(self) -> None:
        """Gives everything back at once, so that another worker need not wait for the leases to end."""
        self._leased.give_up()
        now = self.clock.now()
        await self.store.write(lambda c: leases.release_all(c, self.owner, now))


def _claim(connection: Connection, lanes: Collection[int], now: datetime, busy: frozenset[str]) -> _Found:
    """What is due on these lanes in conversations that are not worked on, and no more than can be worked on."""
    limit = min(BATCH, MOST_BUSY - len(busy))
    if limit <= 0:
        return []
    outgoing = outbound.claim(connection, lanes, now, busy, limit)
    due = turns.claim(connection, lanes, now, busy, limit)
    found: _Found = [(one.conversation_id, one) for one in outgoing]
    return found + [(turn.conversation.id, turn) for turn in due]
