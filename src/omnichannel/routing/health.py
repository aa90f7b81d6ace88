"""What an account's answers add up to: held, blocked, limited, suspected, or failing too often for now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal, TypeAlias, assert_never

from omnichannel.model.event import AccountChanged
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.withdrawal.detection import Suspicion

__all__ = [
    "HEALTHY",
    "BreakerState",
    "Called",
    "ChannelHealth",
    "HealthFact",
    "HoldReason",
    "Probed",
    "Released",
    "Suspected",
    "breaker_at",
    "fold",
    "summary",
]

HoldReason: TypeAlias = Literal["credentials", "payment", "suspension", "review"]
BreakerState: TypeAlias = Literal["closed", "open", "half_open"]
Until: TypeAlias = datetime | None

WINDOW_SECONDS = 10
LEAST_CALLS = 20
FAILED_SHARE = 0.5
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=5)
PROBE_LIFE = timedelta(seconds=30)
PROBES_TO_CLEAR = 2
"""A suspicion ends after that many good probes in a row: one answer could come from a server not yet switched off."""


def _no_blocks() -> Mapping[str, Until]:
    return MappingProxyType(dict[str, Until]())


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHealth:
    """The state of one account.

    `held_until=None` with a reason is until somebody acts. `blocked_countries` and `blocked_purposes` are what the
    platform refuses in part, each until when. `calls` are the seconds of the breaker's window with how many calls and
    how many failures each saw.
    """

    held: HoldReason | None = None
    held_until: datetime | None = None
    held_detail: str = ""
    rate_limited_until: datetime | None = None
    blocked_countries: Mapping[str, Until] = field(default_factory=_no_blocks)
    blocked_purposes: Mapping[str, Until] = field(default_factory=_no_blocks)
    suspected: tuple[Suspicion, ...] = ()
    good_probes: int = 0
    calls: tuple[tuple[int, int, int], ...] = ()
    open_until: datetime | None = None
    pause: timedelta = FIRST_PAUSE
    probing_until: datetime | None = None


HEALTHY = ChannelHealth()


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A send ended; `failure=None` is a success. Only the last word counts: what was refreshed and then worked is a
    success."""

    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """A probe began (`started`), or ended with a failure or without."""

    failure: Failure | None = None
    started: bool = False


@dataclass(frozen=True, slots=True)
class Suspected:
    """The evidence about a scope is enough."""

    suspicion: Suspicion


@dataclass(frozen=True, slots=True)
class Released:
    """An operator says that the account works, or that a suspicion was wrong: a fresh start, also for what the platform
    has refused in part, a country or a purpose. What it still refuses is blocked again by its next answer."""


HealthFact: TypeAlias = Called | Probed | Suspected | Released | AccountChanged


def breaker_at(health: ChannelHealth, now: datetime) -> BreakerState:
    """Open: do not call. Half open: one call, as a probe. Closed: call."""
    if health.open_until is None:
        return "closed"
    probing = health.probing_until is not None and now < health.probing_until
    return "open" if now < health.open_until or probing else "half_open"


def fold(health: ChannelHealth, fact: HealthFact, now: datetime) -> ChannelHealth:
    """The state after one more fact. Pure, so that the same facts give the same state on every worker."""
    match fact:
        case Called():
            counted = _count(health, _is_breakdown(fact.failure), now)
            return _worked(counted) if fact.failure is None else _failed(counted, fact.failure, now)
        case Probed():
            return _probed(health, fact, now)
        case Suspected():
            others = tuple(s for s in health.suspected if _scope(s) != _scope(fact.suspicion))
            return replace(health, suspected=(*others, fact.suspicion), good_probes=0)
        case Released():
            released = _worked(replace(health, suspected=(), good_probes=0))
            whole = replace(released, blocked_countries=_no_blocks(), blocked_purposes=_no_blocks())
            return replace(whole, calls=(), open_until=None, pause=FIRST_PAUSE)
        case AccountChanged():
            return _changed(health, fact, now)
        case _:
            assert_never(fact)


def _scope(s: Suspicion) -> tuple[str, str | None, str | None]:
    return s.channel, s.account, s.surface


def _worked(health: ChannelHealth) -> ChannelHealth:
    stands = (health.held, health.held_until, health.rate_limited_until, health.probing_until)
    if stands == (None, None, None, None) and not health.held_detail:
        return health
    return replace(health, held=None, held_until=None, held_detail="", rate_limited_until=None, probing_until=None)


def _probed(health: ChannelHealth, fact: Probed, now: datetime) -> ChannelHealth:
    if fact.started:
        return replace(health, probing_until=now + PROBE_LIFE)
    ended = replace(health, probing_until=None)
    if fact.failure is not None:
        return _failed(_count(replace(ended, good_probes=0), _is_breakdown(fact.failure), now), fact.failure, now)
    good = ended.good_probes + 1 if ended.suspected else 0
    cleared = good >= PROBES_TO_CLEAR
    worked = _worked(_count(ended, False, now))
    return replace(worked, good_probes=0 if cleared else good, suspected=() if cleared else worked.suspected)


def _changed(health: ChannelHealth, event: AccountChanged, now: datetime) -> ChannelHealth:
    match event.state:
        case "ok":
            return _worked(health)
        case "restricted":
            return _hold(health, "review", None, event.detail)
        case "suspended" | "deleted":
            return _hold(health, "suspension", None, event.detail)
        case "revoked":
            return _hold(health, "credentials", None, event.detail)
        case "template" | "info":
            return health if event.failure is None else _failed(health, event.failure, now)
        case _:
            assert_never(event.state)


# ---------------------------------------------------------------- failures


_NARROWER = frozenset({Level.PAIR, Level.ADDRESS, Level.CONVERSATION, Level.TEMPLATE, Level.MESSAGE})
_WIDE = frozenset({Level.ACCOUNT, Level.APP, Level.CHANNEL})


def _failed(health: ChannelHealth, failure: Failure, now: datetime) -> ChannelHealth:
    until = _until(failure, now)
    # A part of the account first: a country or a purpose that is refused says nothing about the rest.
    if failure.level is Level.COUNTRY:
        blocked = {**health.blocked_countries, (failure.country or "").upper(): until}
        return replace(health, blocked_countries=MappingProxyType(blocked)) if failure.country else health
    if failure.purpose is not None and failure.level in _WIDE:
        purposes = {**health.blocked_purposes, failure.purpose: until}
        return replace(health, blocked_purposes=MappingProxyType(purposes))
    if failure.level in _NARROWER:
        return health
    return _account_failed(health, failure, until)


def _account_failed(health: ChannelHealth, failure: Failure, until: Until) -> ChannelHealth:
    match failure.outcome:
        case Outcome.AUTH:
            return _hold(health, "credentials", until, failure.message)
        case Outcome.SUSPENDED:
            return _hold(health, "suspension", until, failure.message)
        case Outcome.PAYMENT_REQUIRED:
            return _hold(health, "payment", until, failure.message)
        case Outcome.RETRY:
            limited = failure.status == 429 or failure.level is not Level.ATTEMPT
            return _limit(health, until) if limited and until is not None else health
        case _:
            return health


def _until(failure: Failure, now: datetime) -> Until:
    after = None if failure.retry_after is None else now + failure.retry_after
    return max((at for at in (after, failure.not_before) if at is not None), default=None)


def _hold(health: ChannelHealth, reason: HoldReason, until: Until, detail: str) -> ChannelHealth:
    return replace(health, held=reason, held_until=until, held_detail=detail[:200])


def _limit(health: ChannelHealth, until: datetime) -> ChannelHealth:
    known = health.rate_limited_until
    return replace(health, rate_limited_until=until if known is None else max(known, until))


# ---------------------------------------------------------------- breaker


def _is_breakdown(failure: Failure | None) -> bool:
    # An answer, even a refusal, shows that the platform is there; a limit is not a breakdown either.
    return failure is not None and failure.outcome is Outcome.RETRY and failure.status != 429


def _count(health: ChannelHealth, failed: bool, now: datetime) -> ChannelHealth:
    if health.open_until is not None and now >= health.open_until:
        return _after_trial(health, failed, now)
    second = int(now.timestamp())
    kept = [row for row in health.calls if second - WINDOW_SECONDS < row[0] <= second]
    if kept and kept[-1][0] == second:
        _, calls, failures = kept.pop()
    else:
        calls, failures = 0, 0
    kept.append((second, calls + 1, failures + failed))
    total, bad = sum(row[1] for row in kept), sum(row[2] for row in kept)
    counted = replace(health, calls=tuple(kept))
    if health.open_until is None and total >= LEAST_CALLS and bad >= FAILED_SHARE * total:
        return replace(counted, calls=(), open_until=now + health.pause)
    return counted


def _after_trial(health: ChannelHealth, failed: bool, now: datetime) -> ChannelHealth:
    if not failed:
        return replace(health, calls=(), open_until=None, pause=FIRST_PAUSE, probing_until=None)
    longer = min(health.pause * 2, LONGEST_PAUSE)
    return replace(health, calls=(), open_until=now + longer, pause=longer, probing_until=None)


def summary(health: ChannelHealth, now: datetime) -> str:
    """One word or two for a stored decision: `ok`, or what is wrong."""
    said = [f"held: {health.held}"] if health.held else []
    if health.rate_limited_until is not None and now < health.rate_limited_until:
        said.append("rate limited")
    if health.suspected:
        said.append("suspected")
    state = breaker_at(health, now)
    if state != "closed":
        said.append(f"breaker {state.replace('_', ' ')}")
    return ", ".join(said) or "ok"
