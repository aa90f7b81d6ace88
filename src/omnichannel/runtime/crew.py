"""Works on what a look has found: conversations side by side, what is due in one in order.

A task for each conversation costs more than most handlers do. So a runner takes one conversation after the other, and
has another one stand by, which goes on with the rest as soon as the first has to wait for somebody. What handlers did
is settled beside them, as much at a time as there is.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

import anyio.lowlevel
from anyio.abc import TaskGroup

from omnichannel.model.exceptions import StoreError
from omnichannel.runtime.clock import Clock
from omnichannel.stores.outbound import DueDelivery
from omnichannel.stores.outgoing import Outgoing
from omnichannel.stores.units import DueTurn, TurnResult

_log = logging.getLogger("omnichannel.worker")

Item: TypeAlias = DueTurn | DueDelivery
REST = timedelta(seconds=1)
"""How long a conversation is left alone after our own code or the store failed in it."""
AT_A_STRETCH = 0.005
"""Seconds that a runner goes on without a look at what else the event loop has to do."""


class Handling(Protocol):
    """Runs handlers."""

    async def handle(self, turn: DueTurn, owner: str, fence: int) -> TurnResult | None:
        """Handles one message, and gives what is to be settled; None where that has been done. Raises `StoreError`."""
        ...

    async def settle(self, results: Sequence[TurnResult]) -> None:
        """Commits what handlers did, all of it or nothing. Raises `StoreError`."""
        ...


class Sending(Protocol):
    """Works on deliveries."""

    async def work(self, delivery_id: str, lane: int, owner: str, fence: int, known: Outgoing | None = None) -> None:
        """Brings one delivery as far as it goes now."""
        ...


@dataclass(frozen=True, slots=True)
class _Work:
    """What is due in a conversation."""

    conversation_id: str
    items: Sequence[Item]


@dataclass(slots=True)
class Crew:
    """The runners of one worker. `fences` are those of the lanes that are its own at the moment: whoever leases them
    changes them here."""

    handling: Handling
    sending: Sending
    clock: Clock
    owner: str
    kick: Callable[[], None]
    fences: dict[int, int] = field(default_factory=dict[int, int])
    busy: set[str] = field(default_factory=set[str])
    _resting: dict[str, datetime] = field(default_factory=dict[str, datetime])
    _waiting: deque[_Work] = field(default_factory=deque[_Work])
    _handled: list[tuple[_Work, TurnResult]] = field(default_factory=list[tuple[_Work, TurnResult]])
    _stands_by: bool = False
    _settles: bool = False

    def not_now(self, now: datetime) -> frozenset[str]:
        """The conversations that are worked on, or are left alone for a moment."""
        self._resting = {one: until for one, until in self._resting.items() if until > now}
        return frozenset(self.busy | self._resting.keys())

    def start(self, group: TaskGroup, found: Mapping[str, Sequence[Item]]) -> None:
        """Works on these conversations, which nobody is working on, in tasks of the group."""
        self.busy.update(found)
        self._waiting.extend(_Work(conversation_id, items) for conversation_id, items in found.items())
        self._stand_by(group)

    def drop(self) -> None:
        """Leaves to others what nobody has begun with."""
        self.busy.difference_update(work.conversation_id for work in self._waiting)
        self._waiting.clear()

    # -- runners

    def _stand_by(self, group: TaskGroup) -> None:
        if self._waiting and not self._stands_by:
            self._stands_by = True
            group.start_soon(self._run, group)

    async def _run(self, group: TaskGroup) -> None:
        self._stands_by = False
        began = self.clock.monotonic()
        while self._waiting:
            work = self._waiting.popleft()
            self._stand_by(group)
            await self._work_on(work, group)
            if self.clock.monotonic() - began > AT_A_STRETCH:
                await anyio.lowlevel.checkpoint()
                began = self.clock.monotonic()

    async def _work_on(self, work: _Work, group: TaskGroup) -> None:
        """What is due in one conversation, as far as it goes without settling."""
        result: TurnResult | None = None
        try:
            for at, item in enumerate(work.items):
                fence = self.fences.get(item.lane)
                if fence is None:
                    continue
                if isinstance(item, DueTurn):
                    result = await self.handling.handle(item, self.owner, fence)
                    if result is not None:
                        self._settle_soon(_Work(work.conversation_id, work.items[at + 1 :]), result, group)
                        return
                else:
                    await self.sending.work(item.delivery_id, item.lane, self.owner, fence, item.out)
        except Exception as error:
            self._rest(work, error)
        finally:
            if result is None:
                self._end(work)

    def _rest(self, work: _Work, error: Exception) -> None:
        if isinstance(error, StoreError):
            _log.warning("conversation %s waits for the store: %s", work.conversation_id, error)
        else:
            _log.error("the work on conversation %s failed, trying again", work.conversation_id, exc_info=error)
        self._resting[work.conversation_id] = self.clock.now() + REST

    def _end(self, work: _Work) -> None:
        self.busy.discard(work.conversation_id)
        self.kick()

    # -- settling

    def _settle_soon(self, rest: _Work, result: TurnResult, group: TaskGroup) -> None:
        self._handled.append((rest, result))
        if not self._settles:
            self._settles = True
            group.start_soon(self._settle, group)

    async def _settle(self, group: TaskGroup) -> None:
        try:
            while self._handled:
                handled, self._handled = self._handled, []
                await self._commit(handled)
                for rest, _ in handled:
                    if rest.items and rest.conversation_id in self.busy:
                        self._waiting.append(rest)
                self._stand_by(group)
        finally:
            self._settles = False

    async def _commit(self, handled: Sequence[tuple[_Work, TurnResult]]) -> None:
        """Settles turns; where one of them cannot be, it alone is left as it was."""
        try:
            await self.handling.settle([result for _, result in handled])
        except Exception as error:
            if len(handled) > 1 and not isinstance(error, StoreError):
                for one in handled:
                    await self._commit([one])
                return
            for rest, _ in handled:
                self._rest(rest, error)
                self._end(rest)
            return
        for rest, _ in handled:
            if not rest.items:
                self._end(rest)
