"""What `decide` is asked, and what it is told: plain values, so that the same ones always give the same decision."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from omnichannel.channel.capabilities import Capabilities, PriceFact
from omnichannel.model.address import Address, Consent
from omnichannel.model.base import Purpose, Visibility
from omnichannel.model.content import Block, Media
from omnichannel.model.message import Attempt
from omnichannel.model.withdrawal import Withdrawal
from omnichannel.routing.health import HEALTHY, ChannelHealth
from omnichannel.routing.prices import NO_CAP, PriceCap
from omnichannel.routing.rules import Rule

__all__ = ["Door", "Facts", "Place", "QuietHours", "Request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One configured account: a way to reach customers of one brand. `surfaces` are as the account narrows them,
    `prices` the configuration's own before the published ones."""

    channel: str
    adapter: str
    account: str
    brand: str = "default"
    surfaces: Mapping[str, Capabilities]
    prices: Sequence[PriceFact] = ()
    vendor: str = ""
    tier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the conversation takes place now. `addressed` says that its thread was addressed to us (a mention, not
    only a post about us), `opened_at` when the conversation began."""

    channel: str
    account: str
    surface: str
    visibility: Visibility = "private"
    address: str | None = None
    thread: str | None = None
    addressed: bool = True
    opened_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One delivery, and what is known of its customer.

    `is_reply` answers the open conversation at `place`; otherwise we start. `notice` is the text about a withdrawal.
    `visibility=None` is that of the conversation for a reply, else private. `order` names channels or accounts.
    `assurance` is the level that the content asks of an address. `current` is the account whose own retry or next part
    this is: what was tried there does not count against it. `repeatable=False` is for what must never arrive twice
    (calls, payments, one-time codes).
    """

    delivery_id: str
    customer_id: str
    content: Block
    brand: str = "default"
    purpose: Purpose = "service"
    order: tuple[str, ...] = ()
    visibility: Visibility | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    place: Place | None = None
    is_reply: bool = False
    notice: bool = False
    agent: Literal["human", "bot"] = "human"
    automatic: bool = False
    assurance: int = 0
    tried: tuple[Attempt, ...] = ()
    current: str | None = None
    repeatable: bool = True
    country: str | None = None
    language: str | None = None
    timezone: str | None = None
    preferred: str | None = None
    tags: frozenset[str] = frozenset()

    @property
    def effective_visibility(self) -> Visibility:
        """What was asked for, else the conversation's for a reply, else private."""
        if self.visibility is not None:
            return self.visibility
        return self.place.visibility if self.is_reply and self.place is not None else "private"

    @property
    def writer(self) -> Literal["human", "bot"]:
        """Who writes, for scopes and platform rules that tell people from machines."""
        return "bot" if self.automatic else self.agent


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """When we do not start on our own, in the customer's time zone, else in `timezone`. Answers are never held back,
    and alerts only where `purposes` says so. `channels=None` is every channel."""

    start: time
    end: time
    timezone: str = "UTC"
    purposes: frozenset[str] = frozenset({"service", "marketing"})
    channels: frozenset[str] | None = None

    def ends_at(self, now: datetime, timezone: str | None) -> datetime | None:
        """When the quiet hours that `now` lies in end; None outside them."""
        local = now.astimezone(_zone(timezone) or _zone(self.timezone) or ZoneInfo("UTC"))
        clock = local.time()
        quiet = self.start <= clock < self.end if self.start <= self.end else clock >= self.start or clock < self.end
        if not quiet:
            return None
        # Wall-clock arithmetic on purpose: eight in the morning is eight in the morning after a change of clocks too.
        end = local.replace(hour=self.end.hour, minute=self.end.minute, second=self.end.second, microsecond=0, fold=0)
        end = end if end > local else end + timedelta(days=1)
        return end.astimezone(now.tzinfo)


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


def _no_times() -> Mapping[tuple[str, str, str], datetime]:
    return MappingProxyType(dict[tuple[str, str, str], datetime]())


def _no_health() -> Mapping[str, ChannelHealth]:
    return MappingProxyType(dict[str, ChannelHealth]())


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a decision depends on besides the request and the clock.

    `addresses` are the customer's (those of merged customers too), `last_in` the time of the last inbound message by
    (channel, account, address value), `health` the state by account. `patterns` are the host's for data that must not
    stand in public. `media_url` gives a link for media that a surface cannot carry. `unreachable` are the (channel,
    address value, surface) by which a platform said that nobody is reached any more.
    """

    doors: Sequence[Door] = ()
    addresses: Sequence[Address] = ()
    consents: Sequence[Consent] = ()
    withdrawals: Sequence[Withdrawal] = ()
    rules: Sequence[Rule] = ()
    last_in: Mapping[tuple[str, str, str], datetime] = field(default_factory=_no_times)
    health: Mapping[str, ChannelHealth] = field(default_factory=_no_health)
    price_cap: PriceCap = NO_CAP
    quiet_hours: QuietHours | None = None
    business_hours: bool | None = None
    patterns: Sequence[re.Pattern[str]] = ()
    media_url: Callable[[Media], str | None] | None = None
    unreachable: frozenset[tuple[str, str, str]] = frozenset()

    def health_of(self, account: str) -> ChannelHealth:
        """The state of an account; healthy where nothing is known."""
        return self.health.get(account, HEALTHY)


def as_money(amount: Decimal, currency: str) -> str:
    """An amount as a stored decision shows it."""
    return f"{amount.normalize():f} {currency}"
