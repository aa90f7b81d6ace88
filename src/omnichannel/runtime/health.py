"""The health of accounts, shared: folded here, kept in rows, read by routing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import anyio
from pydantic import TypeAdapter
from sqlalchemy import Connection

from omnichannel.model.base import dump
from omnichannel.model.ids import IdSource
from omnichannel.model.outcome import Failure
from omnichannel.routing.health import HEALTHY, Called, ChannelHealth, HealthFact, Released, Suspected, fold, summary
from omnichannel.runtime.clock import Clock
from omnichannel.stores import health, log
from omnichannel.stores.base import Store
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import Fact
from omnichannel.withdrawal.detection import Evidence, evidence_of, suspicion

_STATE: TypeAdapter[ChannelHealth] = TypeAdapter(ChannelHealth)
_EVIDENCE: TypeAdapter[Evidence] = TypeAdapter(Evidence)
LOOK_BACK = timedelta(days=1)
RELOAD_SECONDS = 0.2
_shared = attrgetter(*(one.name for one in fields(ChannelHealth) if one.name != "calls"))
"""What other processes are told of a state."""


@dataclass(slots=True)
class HealthBoard:
    """What is known of each account. The breaker's window is this process's own; the rest is shared through rows."""

    store: Store
    clock: Clock
    ids: IdSource
    _states: dict[str, ChannelHealth] = field(default_factory=dict[str, ChannelHealth])
    _loaded_at: float | None = None

    @property
    def states(self) -> Mapping[str, ChannelHealth]:
        """The state by account."""
        return self._states

    async def reload(self) -> None:
        """Reads what other processes found, at most once in a while."""
        at = anyio.current_time()
        if self._loaded_at is not None and at - self._loaded_at < RELOAD_SECONDS:
            return
        self._loaded_at = at
        self.take(await self.store.read(health.states))

    def take(self, rows: Sequence[AnyRow]) -> None:
        """Goes by what was read; whoever looks at the states meanwhile sees those before or those after."""
        states = dict(self._states)
        for row in rows:
            mine = states.get(row.scope, HEALTHY)
            states[row.scope] = replace(_STATE.validate_python(row.data), calls=mine.calls)
        self._states = states

    async def called(
        self, account: str, channel: str, surface: str, brand: str, failure: Failure | None, headers: Mapping[str, str]
    ) -> None:
        """A send ended: counts for the breaker, may hold the account, may be evidence that the channel is going."""
        await self.learn(account, Called(failure=failure), brand)
        piece = evidence_of(failure, channel, account, surface, self.clock.now(), headers)
        if piece is not None:
            await self._gather(piece, brand)

    async def learn(self, account: str, fact: HealthFact, brand: str, *, by: str = "platform") -> None:
        """Folds a fact; what matters to others is kept and told. `by` says who let an account go on."""
        unit = self.fold(account, fact, brand, by=by)
        if unit is not None:
            await self.store.write(unit)

    def fold(
        self, account: str, fact: HealthFact, brand: str, *, by: str = "platform"
    ) -> Callable[[Connection], None] | None:
        """Folds a fact; gives the unit that keeps and tells it, None where it matters to nobody else."""
        now = self.clock.now()
        before = self._states.get(account, HEALTHY)
        after = fold(before, fact, now)
        self._states[account] = after
        if _shared(before) == _shared(after):
            return None
        facts = _told(account, brand, before, after, now, by)
        data = dump(_STATE, replace(after, calls=()))
        freed = _obstacles(before) - _obstacles(after)

        def unit(connection: Connection) -> None:
            health.save_state(connection, account, data, now)
            log.append(connection, facts, self.ids, now)
            if isinstance(fact, Released):
                health.forget_evidence(connection, account)
            if freed:
                health.wake_held(connection, now)

        return unit

    async def _gather(self, piece: Evidence, brand: str) -> None:
        data = dump(_EVIDENCE, piece)

        def unit(connection: Connection) -> list[Any]:
            health.add_evidence(
                connection,
                channel=piece.channel,
                account=piece.account,
                surface=piece.surface,
                kind=piece.kind,
                at=piece.at,
                data=data,
            )
            rows = health.evidence_since(connection, piece.channel, piece.at - LOOK_BACK)
            return [row.data for row in rows]

        pieces = [_EVIDENCE.validate_python(row) for row in await self.store.write(unit)]
        found = suspicion(pieces, self.clock.now())
        if found is None:
            return
        accounts = [found.account] if found.account is not None else list({each.account for each in pieces})
        for account in accounts:
            await self.learn(account, Suspected(found), brand)


def _obstacles(state: ChannelHealth) -> set[object]:
    """What stands between an account and its messages; they are looked at again as soon as one of these is gone."""
    found: set[object] = {(one.channel, one.account, one.surface) for one in state.suspected}
    found |= {("country", name) for name in state.blocked_countries} | {
        ("for", name) for name in state.blocked_purposes
    }
    return found | {name for name in ("held", "open_until") if getattr(state, name) is not None}


def _told(account: str, brand: str, before: ChannelHealth, after: ChannelHealth, now: datetime, by: str) -> list[Fact]:
    facts: list[Fact] = []
    what = {"account": account, "state": summary(after, now), "detail": after.held_detail}
    if after.held is not None and before.held is None:
        facts.append(Fact(type="account.held", brand=brand, data=what | {"reason": after.held}))
    stood = before.held is not None or bool(before.suspected)
    countries = sorted(before.blocked_countries.keys() - after.blocked_countries.keys())
    purposes = sorted(before.blocked_purposes.keys() - after.blocked_purposes.keys())
    if (stood or countries or purposes) and after.held is None and not after.suspected:
        free = {"by": by, "countries": countries, "purposes": purposes}
        facts.append(Fact(type="account.released", brand=brand, data=what | free))
    if after.suspected and after.suspected != before.suspected:
        scopes = [asdict(one) for one in after.suspected]
        facts.append(Fact(type="channel.suspected", brand=brand, data={"account": account, "scopes": scopes}))
    return facts
