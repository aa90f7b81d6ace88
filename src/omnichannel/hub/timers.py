"""What the clock alone makes due: phases of withdrawals, news about accounts, and what is no longer kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, delete, func, select

from omnichannel.model.event import CHANNEL_EVENT, AccountChanged
from omnichannel.model.ids import IdSource
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.health import HealthBoard
from omnichannel.runtime.policy import WithdrawalBook
from omnichannel.runtime.probing import Prober
from omnichannel.stores import journal, responses, withdrawals
from omnichannel.stores.base import Store
from omnichannel.stores.schema import accounts, timers
from omnichannel.stores.statuses import forget_unmatched
from omnichannel.stores.types import AnyRow

KEEP_RAW = timedelta(days=30)
HOUSEKEEPING = timedelta(hours=1)
PRECISION = timedelta(seconds=1)


@dataclass(slots=True)
class Timers:
    """Looks at what is due, at most once a second: dates are not that exact."""

    store: Store
    clock: Clock
    ids: IdSource
    board: HealthBoard
    book: WithdrawalBook
    prober: Prober
    _looked_at: datetime | None = None
    _cleaned_at: datetime | None = None

    async def tick(self) -> int:
        """Does what is due; gives how much it was."""
        now = self.clock.now()
        if self._looked_at is not None and timedelta(0) <= now - self._looked_at < PRECISION:
            return 0
        self._looked_at = now
        done = 0
        phase, news = await self.store.read(partial(_due, now=now))
        if phase is not None and phase <= now:
            done += await self.store.write(lambda c: withdrawals.advance(c, now, self.ids))
            await self.book.reload(now=True)
        done += await self._account_news(news)
        done += await self.prober.tick()
        await self._clean(now)
        return done

    async def next_due(self) -> datetime | None:
        """When the next phase begins, or something is looked at again."""
        found = [await self.store.read(withdrawals.next_due), self.prober.next_due()]
        return min((at for at in found if at is not None), default=None)

    async def _account_news(self, rows: Sequence[AnyRow]) -> int:
        for row in rows:
            event = CHANNEL_EVENT.validate_python(row.data)
            if isinstance(event, AccountChanged):
                brand = await self.store.read(partial(_brand, account=event.account))
                await self.board.learn(event.account, event, brand)
            await self.store.write(partial(_done, seq=row.seq))
        return len(rows)

    async def _clean(self, now: datetime) -> None:
        if self._cleaned_at is not None and now - self._cleaned_at < HOUSEKEEPING:
            return
        self._cleaned_at = now
        await self.store.write(partial(_forget, now=now))


def _due(connection: Connection, *, now: datetime) -> tuple[datetime | None, Sequence[AnyRow]]:
    """When the next phase begins, and the timers that are due."""
    news = connection.execute(select(timers).where(timers.c.due_at <= now).order_by(timers.c.seq)).all()
    return withdrawals.next_due(connection), news


def _forget(connection: Connection, *, now: datetime) -> None:
    journal.forget(connection, now - KEEP_RAW)
    forget_unmatched(connection, now)
    responses.forget(connection, now - HOUSEKEEPING)


def _done(connection: Connection, *, seq: int) -> None:
    connection.execute(delete(timers).where(timers.c.seq == seq))


def _brand(connection: Connection, *, account: str) -> str:
    found: str | None = connection.execute(
        select(func.coalesce(accounts.c.brand, "default")).where(accounts.c.id == account)
    ).scalar()
    return found or "default"
