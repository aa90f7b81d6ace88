"""What a process has leased: endpoints to parse, lanes to work on. Asked for only when it may be had."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from omnichannel.stores import leases
from omnichannel.stores.base import Store

Key = TypeVar("Key")

PAUSE = timedelta(seconds=1)
"""How long another process's lease is not asked for again: to ask takes the turn to write."""


@dataclass(slots=True)
class Leasing(Generic[Key]):
    """The leases of one incarnation on one kind of thing; `fences` are those of what is its own."""

    store: Store
    owner: str
    ttl: timedelta
    name: Callable[[Key], str]
    fences: dict[Key, int] = field(default_factory=dict[Key, int])
    _leased_at: dict[Key, datetime] = field(default_factory=dict[Key, datetime])
    _refused_at: dict[Key, datetime] = field(default_factory=dict[Key, datetime])

    def sure(self, now: datetime) -> set[Key]:
        """What is ours for so long that there is no need to ask."""
        return {key for key, at in self._leased_at.items() if timedelta(0) <= now - at < self.ttl / 3}

    def to_ask(self, wanted: Collection[Key], now: datetime) -> list[Key]:
        """What is to be asked for: free for all we know, or ours and to be renewed."""
        if not wanted:
            return []
        sure = self.sure(now)
        self._refused_at = {key: at for key, at in self._refused_at.items() if timedelta(0) <= now - at < PAUSE}
        return [key for key in wanted if key not in sure and key not in self._refused_at]

    async def ask(self, wanted: Collection[Key], now: datetime) -> list[Key]:
        """Leases and renews what can be had; gives what is ours of it. Raises `StoreError`."""
        names = {key: self.name(key) for key in wanted}
        got = await self.store.write(lambda c: leases.acquire(c, list(names.values()), self.owner, now, self.ttl))
        for key, name in names.items():
            if name in got:
                self.fences[key], self._leased_at[key] = got[name], now
            else:
                self.lost(key)
                self._refused_at[key] = now
        return [key for key in names if key in self.fences]

    def lost(self, key: Key) -> None:
        """Another process has it now."""
        self.fences.pop(key, None)
        self._leased_at.pop(key, None)

    def give_up(self) -> None:
        """Nothing is ours any more."""
        self.fences.clear()
        self._leased_at.clear()
