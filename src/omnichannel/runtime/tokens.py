"""Credentials that change: cached, refreshed by one at a time, on disk before they are used."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias

import anyio

from omnichannel.channel.base import Channel
from omnichannel.channel.wire import Token
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.runtime.clock import Clock

EARLY = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token as it is on disk; `version` grows with each save."""

    token: Token
    version: int


class TokenRows(Protocol):
    """Where tokens are kept. `save` commits before it returns."""

    async def load(self, account: str) -> StoredToken | None:
        """The account's token, or None."""
        ...

    async def save(self, account: str, token: Token, *, expect: int) -> bool:
        """Writes version `expect + 1` if the row still is at `expect` (0: there is none); else False."""
        ...


Refresh: TypeAlias = Callable[[Channel[Any], Token | None], Awaitable[Token | Failure]]
"""Runs the channel's refresh flow; given by whoever drives flows."""


_UNSUPPORTED: object = Channel[Any].refresh


def refreshes(channel: Channel[Any]) -> bool:
    """Whether the channel has credentials that change."""
    return type(channel).refresh is not _UNSUPPORTED


class TokenVault:
    """One token per account. Refresh tokens rotate, so a new one is committed before it is used, two tasks never
    refresh the same one, and of two processes the one whose commit came second takes the other's."""

    def __init__(self, rows: TokenRows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock
        self._cache: dict[str, StoredToken | None] = {}
        self._locks: dict[str, anyio.Lock] = {}

    async def current(self, channel: Channel[Any], refresh: Refresh) -> Token | Failure | None:
        """The token to sign with, None where there is none yet; refreshed first where it expires within a minute."""
        if not refreshes(channel):
            return None
        account = channel.account.id
        if account not in self._cache:
            self._cache[account] = await self._rows.load(account)
        stored = self._cache[account]
        if stored is None or not self._expires(stored.token, self._clock.now() + EARLY):
            return None if stored is None else stored.token
        fresh = await self.refreshed(channel, stored.token, refresh)
        if isinstance(fresh, Failure) and not self._expires(stored.token, self._clock.now()):
            return stored.token
        return fresh

    async def refreshed(self, channel: Channel[Any], used: Token | None, refresh: Refresh) -> Token | Failure:
        """A token other than the one `used`, which was refused or is old: another task's or process's, or a new one
        from the platform. A failure of the refresh reaches as far as the account."""
        account = channel.account.id
        async with self._locks.setdefault(account, anyio.Lock()):
            stored = self._cache[account] = await self._rows.load(account)
            if stored is not None and stored.token != used:
                return stored.token
            fresh = await refresh(channel, used)
            version = 0 if stored is None else stored.version
            if isinstance(fresh, Token) and await self._rows.save(account, fresh, expect=version):
                self._cache[account] = StoredToken(fresh, version + 1)
                return fresh
            stored = self._cache[account] = await self._rows.load(account)
            if stored is not None and stored.version != version:
                return stored.token
            return _for_account(fresh) if isinstance(fresh, Failure) else _lost()

    def forget(self, account: str) -> None:
        """Reads the row again at the next use: somebody connected the account anew."""
        self._cache.pop(account, None)

    def _expires(self, token: Token, by: datetime) -> bool:
        return token.expires_at is not None and token.expires_at <= by


def _for_account(failure: Failure) -> Failure:
    level = Level.ACCOUNT if failure.level in (Level.ATTEMPT, Level.MESSAGE) else failure.level
    return replace(failure, level=level, certain=True, refresh=False)


def _lost() -> Failure:
    why = "the new token could not be kept: its row vanished"
    return Failure(outcome=Outcome.RETRY, level=Level.ACCOUNT, code="token_not_kept", message=why)
