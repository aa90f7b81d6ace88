"""What a file decides, as routing wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnichannel.config.checks import DAYS
from omnichannel.kit.patterns import safe_pattern
from omnichannel.routing.facts import QuietHours
from omnichannel.routing.hours import BusinessHours, spans
from omnichannel.routing.prices import NO_CAP, ContractPrice, PriceCap
from omnichannel.runtime.policy import Policy

if TYPE_CHECKING:
    from omnichannel.config import Settings


def policy_of(read: Settings) -> Policy:
    """The rules, prices, hours and patterns of a file that was checked."""
    cap = read.price_cap
    return Policy(
        rules=read.rules,
        prices=[
            ContractPrice(channel=one.channel, adapter=one.adapter, account=one.account, fact=one.price)
            for one in read.prices
        ],
        price_cap=PriceCap(amount=cap.amount, currency=cap.currency, rates=cap.rates) if cap is not None else NO_CAP,
        quiet_hours=_quiet(read),
        business_hours=_business(read),
        patterns=[safe_pattern(source) for source in read.guard.patterns],
        brand_names={name: brand.name or name for name, brand in read.brands.items()},
        allowed_hosts=frozenset(host for brand in read.brands.values() for host in brand.hosts),
        timezone=read.timezone,
        brand_zones={name: brand.timezone for name, brand in read.brands.items() if brand.timezone},
        brand_languages={name: brand.languages for name, brand in read.brands.items()},
    )


def _quiet(read: Settings) -> QuietHours | None:
    quiet = read.quiet_hours
    if quiet is None:
        return None
    return QuietHours(
        start=quiet.start,
        end=quiet.end,
        timezone=quiet.timezone or read.timezone or "UTC",
        purposes=frozenset(quiet.purposes),
        channels=None if quiet.channels is None else frozenset(quiet.channels),
    )


def _business(read: Settings) -> BusinessHours | None:
    hours = read.business_hours
    if hours is None:
        return None
    texts: list[str | None] = [getattr(hours, day) for day in DAYS]
    return BusinessHours(
        days={number: spans(text) for number, text in enumerate(texts) if text is not None},
        timezone=hours.timezone or read.timezone or "UTC",
    )
