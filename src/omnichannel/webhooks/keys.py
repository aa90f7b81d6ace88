"""Public keys of platforms: fetched when an adapter asks, kept, and not asked for again by every forger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

import anyio

from omnichannel.channel.wire import Keys

MOST = 64
AGAIN_AFTER = timedelta(minutes=5)
"""How long an answer, also a bad one, is good enough: a platform that rotates its key is followed within this time."""


class KeyRing:
    """The keys so far. One fetch at a time; each URL at most once in five minutes, and 64 URLs in all."""

    def __init__(
        self, fetch: Callable[[str], Awaitable[bytes | None]], lock: AbstractAsyncContextManager[Any] | None = None
    ) -> None:
        self._fetch = fetch
        self._by_url: dict[str, bytes] = {}
        self._asked_at: dict[str, datetime] = {}
        self._lock = lock
        self.keys = Keys(self._by_url)

    async def have(self, url: str, now: datetime) -> bool:
        """Fetches the key; False where there is none, or where it is known and the adapter wants another one
        too soon. Never raises for a failed fetch."""
        if self._lock is None:
            self._lock = anyio.Lock()
        before = self._by_url.get(url)
        async with self._lock:
            if self._by_url.get(url) is not before:
                return True
            asked_at = self._asked_at.get(url)
            if asked_at is not None and now - asked_at < AGAIN_AFTER:
                return False
            if url not in self._asked_at and len(self._asked_at) >= MOST and not self._forget(now):
                return False
            self._asked_at[url] = now
            try:
                key = await self._fetch(url)
            except Exception:
                key = None
            if key is None:
                return False
            self._by_url[url] = key
            return True

    def _forget(self, now: datetime) -> bool:
        """Makes room among those that nobody could fetch, or that are old."""
        old = [url for url, at in self._asked_at.items() if now - at >= AGAIN_AFTER]
        for url in old:
            del self._asked_at[url]
            self._by_url.pop(url, None)
        return bool(old)
