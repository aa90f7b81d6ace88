"""The dated, scoped closing of a channel, as data. The logic is in `omnichannel.withdrawal`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal, TypeAlias

from omnichannel.model.content import Localized

Phase: TypeAlias = Literal["announced", "redirecting", "no_new", "read_only", "closed", "reinstated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What part of a channel a withdrawal is about; None means all of it.

    `country` is an ISO 3166 alpha-2 code or a calling code with `+`. `feature` is one of a surface's
    features (`buttons`, `attachments`), `tier` an account tier.
    """

    direction: Literal["in", "out"] | None = None
    surface: str | None = None
    country: str | None = None
    purpose: str | None = None
    agent: Literal["human", "bot"] | None = None
    feature: str | None = None
    tier: str | None = None

    @property
    def narrowness(self) -> int:
        """How many of its parts are set: the narrowest match wins."""
        return sum(getattr(self, field.name) is not None for field in fields(self))


WHOLE = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A channel, or a part of it, that goes away. Dates are optional, aware, and ordered.

    `period` grows when the dates change: a customer gets at most one notice per period.
    """

    id: str
    channel: str
    brand: str = "default"
    account: str | None = None
    scope: Scope = WHOLE
    initiated_by: Literal["platform", "brand"] = "brand"
    reason: str = ""
    announced_at: datetime | None = None
    redirect_at: datetime | None = None
    no_new_at: datetime | None = None
    read_only_at: datetime | None = None
    closed_at: datetime | None = None
    purge_at: datetime | None = None
    reinstated_at: datetime | None = None
    targets: tuple[str, ...] = ()
    notice: Localized | None = None
    source_url: str | None = None
    canary: float = 1.0
    period: int = 1
    phase: Phase | None = None
