"""Rate limits of the platforms, kept in this process: never more than they allow in any window, and never a wait.

A window remembers what it granted, so that not even the seam of two fixed windows sees twice the limit. Intervals are
monotonic: a wall clock that jumps changes nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from omnichannel.channel.base import Account
from omnichannel.channel.capabilities import RateLimit
from omnichannel.runtime.clock import Clock

_SLOTS = 128
_SWEEP = 4096


class _Window:
    """What was granted within the last `per` seconds, in slots: a slot ends when its last grant has aged."""

    __slots__ = ("count", "grants", "merge", "per", "used")

    def __init__(self, limit: RateLimit) -> None:
        self.count = limit.count
        self.per = limit.per.total_seconds()
        # Grants that are close together share a slot: a day's quota of thousands stays small.
        self.merge = self.per / _SLOTS if limit.count > _SLOTS else 0.0
        self.grants: deque[list[float]] = deque()  # [first, last, units]
        self.used = 0.0

    def wait(self, now: float, cost: float) -> float:
        """Seconds until `cost` fits; 0 if it fits now."""
        grants = self.grants
        while grants and now - grants[0][1] >= self.per:
            self.used -= grants.popleft()[2]
        excess = self.used + min(cost, self.count) - self.count
        if excess <= 0:
            return 0.0
        for _, last, units in grants:
            excess -= units
            if excess <= 0:
                return last + self.per - now
        return self.per

    def grant(self, now: float, cost: float) -> None:
        cost = min(cost, self.count)
        self.used += cost
        if self.grants and now - self.grants[-1][0] < self.merge:
            self.grants[-1][1] = now
            self.grants[-1][2] += cost
        else:
            self.grants.append([now, now, cost])

    def idle(self, now: float) -> bool:
        return not self.grants or now - self.grants[-1][1] >= self.per


_Key = tuple[str, str, RateLimit]


class Limiter:
    """The limits of all accounts. It grants or says when; it never sleeps."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[_Key, _Window] = {}
        self._held: dict[tuple[str, str], float] = {}
        self._sweep_at = _SWEEP

    def take(
        self, account: Account, rates: Iterable[RateLimit], *, what: str = "send", pair: str = "", cost: int = 1
    ) -> datetime | None:
        """Counts `cost` against every limit named `what`, and returns None; or counts nothing and returns when to
        come back. A `pair` limit counts per customer, an `app` limit per endpoint, whatever account uses it."""
        now = self._clock.monotonic()
        wait = self._penalty(account.id, pair, now)
        windows: list[_Window] = []
        for rate in rates:
            if rate.what == what and (pair or rate.level != "pair"):
                window = self._window(account, rate, pair, now)
                windows.append(window)
                wait = max(wait, window.wait(now, cost))
        if wait > 0:
            return self._clock.now() + timedelta(seconds=wait)
        for window in windows:
            window.grant(now, cost)
        return None

    def penalise(self, account: str, until: datetime, *, pair: str = "") -> None:
        """The platform itself said to wait: grants nothing to the account (or the pair) before that time."""
        due = self._clock.monotonic() + (until - self._clock.now()).total_seconds()
        key = (account, pair)
        self._held[key] = max(due, self._held.get(key, due))

    def _penalty(self, account: str, pair: str, now: float) -> float:
        if not self._held:
            return 0.0
        wait = 0.0
        for key in {(account, ""), (account, pair)}:
            due = self._held.get(key)
            if due is not None and due <= now:
                del self._held[key]
            elif due is not None:
                wait = max(wait, due - now)
        return wait

    def _window(self, account: Account, rate: RateLimit, pair: str, now: float) -> _Window:
        key = (_scope(account, rate), pair if rate.level == "pair" else "", rate)
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= self._sweep_at:
                self._sweep(now)
            window = self._windows[key] = _Window(rate)
        return window

    def _sweep(self, now: float) -> None:
        """Forgets windows that restrict nothing any more: there is one for each pair."""
        self._windows = {key: window for key, window in self._windows.items() if not window.idle(now)}
        self._held = {key: due for key, due in self._held.items() if due > now}
        self._sweep_at = max(_SWEEP, 2 * len(self._windows))


def _scope(account: Account, rate: RateLimit) -> str:
    if rate.level in ("app", "endpoint"):
        return f"{rate.level} {account.endpoint or account.id}"
    return account.id
