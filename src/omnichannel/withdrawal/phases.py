"""Where a withdrawal stands: a pure function of its dates and the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from itertools import pairwise

from omnichannel.model.exceptions import ConfigurationError
from omnichannel.model.withdrawal import Phase, Withdrawal

__all__ = ["PHASES", "dates_of", "is_canary", "next_change", "phase_at", "phase_for", "reinstate", "validate"]

PHASES: tuple[Phase, ...] = ("announced", "redirecting", "no_new", "read_only", "closed", "reinstated")
"""All phases, in the order in which their dates come."""

FIELD: Mapping[Phase, str] = {
    "announced": "announced_at",
    "redirecting": "redirect_at",
    "no_new": "no_new_at",
    "read_only": "read_only_at",
    "closed": "closed_at",
    "reinstated": "reinstated_at",
}
"""The date with which each phase begins."""


def dates_of(w: Withdrawal) -> tuple[tuple[Phase, datetime], ...]:
    """The phases that this withdrawal goes through, each with its beginning; those without a date are skipped."""
    values = (w.announced_at, w.redirect_at, w.no_new_at, w.read_only_at, w.closed_at, w.reinstated_at)
    return tuple((phase, at) for phase, at in zip(PHASES, values, strict=True) if at is not None)


def phase_at(w: Withdrawal, now: datetime) -> Phase | None:
    """The phase at `now`: the latest date passed wins, and of equal dates the later phase.

    None before the first date; a withdrawal without any date is announced and no more.
    """
    dates = dates_of(w)
    if not dates:
        return "announced"
    passed: list[tuple[datetime, int, Phase]]
    passed = [(at, index, phase) for index, (phase, at) in enumerate(dates) if at <= now]
    return max(passed)[2] if passed else None


def phase_for(w: Withdrawal, now: datetime, customer_id: str | None) -> Phase | None:
    """The phase as one customer meets it: a reinstated channel stays as it was for those outside the canary share."""
    phase = phase_at(w, now)
    if phase != "reinstated" or customer_id is None or is_canary(w, customer_id, now):
        return phase
    return phase_at(replace(w, reinstated_at=None), now)


def next_change(w: Withdrawal, now: datetime) -> datetime | None:
    """When the phase changes next; None where it stays."""
    return min((at for _, at in dates_of(w) if at > now), default=None)


def is_canary(w: Withdrawal, customer_id: str, now: datetime) -> bool:
    """Whether this customer is of the share that a reinstated channel is opened to first.

    Always the same for the same customer, and a customer who is in stays in when the share grows.
    """
    if phase_at(w, now) != "reinstated":
        return False
    drawn = int.from_bytes(sha256(f"{w.id}:{customer_id}".encode("utf-8", "surrogatepass")).digest()[:8])
    return drawn < w.canary * 2**64


def reinstate(w: Withdrawal, now: datetime, canary: float) -> Withdrawal:
    """The same withdrawal, undone from `now` on. Dates still ahead are dropped, and a new notice period begins."""
    return replace(
        w,
        announced_at=_passed(w.announced_at, now),
        redirect_at=_passed(w.redirect_at, now),
        no_new_at=_passed(w.no_new_at, now),
        read_only_at=_passed(w.read_only_at, now),
        closed_at=_passed(w.closed_at, now),
        purge_at=_passed(w.purge_at, now),
        reinstated_at=now,
        canary=canary,
        period=w.period + 1,
    )


def _passed(at: datetime | None, now: datetime) -> datetime | None:
    return at if at is not None and at <= now else None


def validate(w: Withdrawal) -> None:
    """Raises ConfigurationError where a date is naive, two are out of order (both are named), or the canary share is
    not between 0 and 1."""
    named = [(FIELD[phase], at) for phase, at in dates_of(w)]
    purge = [("purge_at", w.purge_at)] if w.purge_at is not None else []
    for name, at in (*named, *purge):
        if at.utcoffset() is None:
            raise ConfigurationError(f"withdrawal {w.id}: {name} ({at.isoformat()}) has no time zone")
    for (earlier, first), (later, second) in pairwise(named):
        _check_order(w, earlier, first, later, second)
    # History may be purged before or after the channel comes back, never before it closed.
    closing = [one for one in named if one[0] != "reinstated_at"]
    if closing and purge:
        _check_order(w, *closing[-1], *purge[0])
    if not 0.0 <= w.canary <= 1.0:
        raise ConfigurationError(f"withdrawal {w.id}: canary is a share between 0 and 1, not {w.canary}")


def _check_order(w: Withdrawal, earlier: str, first: datetime, later: str, second: datetime) -> None:
    if second < first:
        raise ConfigurationError(
            f"withdrawal {w.id}: {later} ({second.isoformat()}) lies before {earlier} ({first.isoformat()})"
        )
