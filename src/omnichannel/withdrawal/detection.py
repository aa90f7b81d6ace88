"""Signs that a channel is going away without having said so: evidence, and when it is enough to route round.

Only answers *about the channel* count. A timeout or a 5xx is never evidence, and a bill that was not paid is a state of
its own with its own remedy. A suspicion holds and routes round; only a Withdrawal closes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias

from omnichannel.model.outcome import Failure, Outcome

__all__ = ["Evidence", "EvidenceKind", "Suspicion", "evidence_of", "suspicion"]

EvidenceKind: TypeAlias = Literal["gone", "refused", "body", "sunset", "announced", "payment"]
"""`gone`: 410. `refused`: another answer that the adapter reads as withdrawn (403 for the plan, a code). `body`: the
same inside an HTTP 200. `sunset`: refused after the date that the platform had given. `announced`: a date or a
deprecation in the headers of an answer; it alerts. `payment`: kept for the record; it never counts."""

ENOUGH = 3
WITHIN = timedelta(minutes=10)
DECISIVE_FOR = timedelta(days=1)
_COUNTS: frozenset[EvidenceKind] = frozenset({"gone", "refused", "body", "sunset"})
_DECISIVE: frozenset[EvidenceKind] = frozenset({"gone", "sunset"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One answer that says something about the channel. `until` is the end that the platform gave."""

    channel: str
    account: str
    surface: str | None
    kind: EvidenceKind
    at: datetime
    code: str | None = None
    status: int | None = None
    detail: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A scope that seems to be gone: held and routed round until a probe or an operator says otherwise.

    `surface=None` is all of the account, `account=None` all of the channel.
    """

    channel: str
    account: str | None = None
    surface: str | None = None
    since: datetime
    pieces: int
    detail: str = ""


def evidence_of(
    failure: Failure | None,
    channel: str,
    account: str,
    surface: str | None,
    now: datetime,
    headers: Mapping[str, str],
) -> Evidence | None:
    """What an answer says about the channel's end, or None. `failure=None` is a success with its headers
    (lower-case names): a working channel is never suspected, its dates are only announced."""
    until = sunset_of(headers)
    kind = _announced(until, headers) if failure is None else _kind(failure, until, now, headers)
    if kind is None:
        return None
    return Evidence(
        channel=channel,
        account=account,
        surface=surface,
        kind=kind,
        at=now,
        code=failure.code if failure else None,
        status=failure.status if failure else None,
        detail=failure.message[:200] if failure else "",
        until=until,
    )


def _announced(until: datetime | None, headers: Mapping[str, str]) -> EvidenceKind | None:
    return "announced" if until is not None or "deprecation" in headers else None


def _kind(failure: Failure, until: datetime | None, now: datetime, headers: Mapping[str, str]) -> EvidenceKind | None:
    if not failure.certain or (failure.status is not None and failure.status >= 500):
        return None
    if failure.outcome is Outcome.PAYMENT_REQUIRED:
        return "payment"
    if failure.outcome is not Outcome.WITHDRAWN:
        return _announced(until, headers)
    if failure.status == 410:
        return "gone"
    if until is not None and until <= now:
        return "sunset"
    return "body" if failure.status is not None and failure.status < 300 else "refused"


def sunset_of(headers: Mapping[str, str]) -> datetime | None:
    """The date of a `Sunset` header (RFC 8594); None where there is none or it cannot be read."""
    try:
        at = parsedate_to_datetime(headers.get("sunset", "").strip())
    except (ValueError, IndexError, OverflowError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def suspicion(evidence: Sequence[Evidence], now: datetime) -> Suspicion | None:
    """Whether the evidence about one channel is enough: three pieces within ten minutes, or a single answer that
    leaves no doubt (410, or a refusal after the platform's own sunset date) within the last day.

    The suspicion is as wide as its evidence: one surface, one account, or the whole channel.
    """
    counted = [e for e in evidence if e.kind in _COUNTS and e.at <= now]
    recent = [e for e in counted if now - e.at <= WITHIN]
    decisive = [e for e in counted if e.kind in _DECISIVE and now - e.at <= DECISIVE_FOR]
    pieces = recent if len(recent) >= ENOUGH else decisive
    if not pieces:
        return None
    accounts, surfaces = {e.account for e in pieces}, {e.surface for e in pieces}
    return Suspicion(
        channel=pieces[0].channel,
        account=accounts.pop() if len(accounts) == 1 else None,
        surface=surfaces.pop() if len(surfaces) == 1 else None,
        since=min(e.at for e in pieces),
        pieces=len(pieces),
        detail="; ".join(dict.fromkeys(e.code or e.detail or str(e.status or e.kind) for e in pieces))[:300],
    )
