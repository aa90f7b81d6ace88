"""Runs handlers: one message of a conversation at a time, its writes collected and settled as one unit."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from omnichannel.handlers.registry import Event, Handlers
from omnichannel.handlers.turn import Services, Turn
from omnichannel.model.exceptions import StoreError
from omnichannel.model.ids import IdSource
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.continuing import Continuing
from omnichannel.stores import journal, leases, log, turns
from omnichannel.stores.base import Store
from omnichannel.stores.schema import customers
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import DueTurn, TurnResult

_log = logging.getLogger("omnichannel.handlers")


@dataclass(slots=True)
class Dispatcher:
    """Finds the handler of each message and settles what it did."""

    store: Store
    clock: Clock
    ids: IdSource
    handlers: Handlers
    continuing: Continuing
    services: Services

    async def handle(self, turn: DueTurn, owner: str, fence: int) -> TurnResult | None:
        """Handles one message, and gives what it did. Where it raises, None: it is tried again by plan, and never stops
        the messages of others. Raises `StoreError`."""
        result = TurnResult(
            seq=turn.seq,
            lane=turn.lane,
            fence=fence,
            owner=owner,
            conversation_id=turn.conversation.id,
            now=self.clock.now(),
            ids=self.ids,
        )
        try:
            await self._run(turn, result)
        except StoreError:
            raise
        except Exception as error:
            _log.exception("the handler of message %s failed", turn.message.id)
            now, why = self.clock.now(), f"{type(error).__name__}: {error}"
            await self.store.write(lambda c: turns.fail(c, turn.seq, turn.tries, why, now, self.ids))
            return None
        return result

    async def settle(self, results: Sequence[TurnResult]) -> None:
        """Commits what handlers did, all in one unit; what another worker has taken over meanwhile is left to it."""
        ours = await self.store.write(lambda c: turns.settle(c, results))
        for result, is_ours in zip(results, ours, strict=True):
            if not is_ours:
                _log.info("event %s is handled by another worker", result.seq)

    async def _run(self, turn: DueTurn, result: TurnResult) -> None:
        await self.continuing.book.reload()
        if await self.continuing.step_up(turn):
            return
        if self.continuing.book.current:
            notice = await self.continuing.notice(turn)
            if notice is not None:
                result.notices.append(notice)
        turn = await self._identify(turn)
        handler = self.handlers.match(turn)
        if handler is None:
            return
        given = Turn(
            message=turn.message,
            conversation=turn.conversation,
            customer=turn.customer,
            attempt=turn.tries + 1,
            _due=turn,
            _result=result,
            _services=self.services,
        )
        await handler(given)
        if not given.handed_off:
            result.changes |= {"waiting": False, "waiting_at": None, "due_at": None}

    async def _identify(self, turn: DueTurn) -> DueTurn:
        """Asks the host once who a new customer is to it."""
        resolver, author = self.handlers.resolver, turn.message.author
        if resolver is None or author is None or turn.customer.external_id is not None:
            return turn
        external_id = await resolver(author)
        if external_id is None:
            return turn
        customer = turn.customer
        brand, customer_id = customer.brand, customer.id
        if not await self.store.write(lambda c: _link(c, brand, customer_id, external_id)):
            return turn
        return replace(turn, customer=replace(customer, external_id=external_id))


def _link(connection: Connection, brand: str, customer_id: str, external_id: str) -> bool:
    taken = connection.execute(
        customers.select().where(customers.c.brand == brand, customers.c.external_id == external_id)
    ).first()
    if taken is not None:
        return False  # somebody else here already is that customer: a merge is for a person to decide
    connection.execute(update(customers).where(customers.c.id == customer_id).values(external_id=external_id))
    return True


def event_of(row: AnyRow) -> Event:
    """An event of the log."""
    return Event(seq=row.seq, id=row.id, type=row.type, occurred_at=row.occurred_at, brand=row.brand, data=row.data)


SUBSCRIBERS = "subscribers"


@dataclass(slots=True)
class Notifier:
    """Gives events to the host's subscribers, in order, each at least once; one process at a time does it."""

    store: Store
    clock: Clock
    handlers: Handlers
    owner: str

    async def begin(self) -> None:
        """Subscribers of a store without a place in the log begin with what happens from now on."""
        now = self.clock.now()

        def unit(connection: Connection) -> None:
            if journal.cursor(connection, SUBSCRIBERS) is None:
                journal.set_cursor(connection, SUBSCRIBERS, str(log.last(connection)), now)

        if self.handlers.event_types:
            await self.store.write(unit)

    async def notify(self) -> int:
        """Gives a batch of events out; gives how many."""
        types = self.handlers.event_types
        if not types:
            return 0
        rows = await self.store.read(lambda c: _unseen(c, sorted(types)))
        if not rows or not await self._mine():
            return 0
        for row in rows:
            event = event_of(row)
            for subscriber in self.handlers.subscribers(event.type):
                await self._give(subscriber, event)
        last, now = str(rows[-1].seq), self.clock.now()
        await self.store.write(lambda c: journal.set_cursor(c, SUBSCRIBERS, last, now))
        return len(rows)

    async def _mine(self) -> bool:
        now: datetime = self.clock.now()
        held = await self.store.write(lambda c: leases.acquire(c, [SUBSCRIBERS], self.owner, now))
        return SUBSCRIBERS in held

    @staticmethod
    async def _give(subscriber: Any, event: Event) -> None:
        try:
            await subscriber(event)
        except Exception:
            _log.exception("a subscriber of %s failed; the event stays in the log as number %s", event.type, event.seq)


def _unseen(connection: Connection, types: Sequence[str]) -> Sequence[AnyRow]:
    return log.after(connection, int(journal.cursor(connection, SUBSCRIBERS) or 0), types, 200)
