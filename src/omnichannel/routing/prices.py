"""Price books: published prices with dates, countries and conditions, and what a configuration sets against them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType

from omnichannel.channel.capabilities import PriceFact

__all__ = ["NO_CAP", "ContractPrice", "PriceCap", "price", "price_fact", "prices_for"]

_LINKED = "_with_link"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceCap:
    """What one message may cost, in one currency. `rates` say what one unit of another currency is in it.

    A price in a currency without a rate cannot be compared and is let through, because silence would strand the
    customer; `lint` reports it. An unknown price is let through for the same reason.
    """

    amount: Decimal | None = None
    currency: str = "USD"
    rates: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType(dict[str, Decimal]()))

    def comparable(self, currency: str) -> bool:
        """Whether a price in this currency can be held against the cap."""
        return currency == self.currency or currency in self.rates

    def exceeded_by(self, amount: Decimal | None, currency: str) -> bool:
        """Whether that is too much."""
        if self.amount is None or amount is None or not self.comparable(currency):
            return False
        rate = Decimal(1) if currency == self.currency else self.rates[currency]
        return amount * rate > self.amount


NO_CAP = PriceCap()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractPrice:
    """A price of the company's own contract, for a channel, or only for one adapter or account of it."""

    channel: str
    adapter: str | None = None
    account: str | None = None
    fact: PriceFact


def prices_for(
    own: Iterable[ContractPrice], published: Sequence[PriceFact], *, channel: str, adapter: str, account: str
) -> tuple[PriceFact, ...]:
    """The price book of an account: the contract's prices go before the published ones."""
    mine = [
        one.fact
        for one in own
        if one.channel == channel and one.adapter in (None, adapter) and one.account in (None, account)
    ]
    return (*mine, *published)


def price(
    facts: Sequence[PriceFact],
    action: str,
    country: str | None,
    now: datetime,
    has_link: bool = False,
    *,
    conditions: Collection[str] = (),
) -> Decimal | None:
    """What an action costs, or None where no price is known."""
    found = price_fact(facts, action, country, now, has_link, conditions=conditions)
    return None if found is None else found.amount


def price_fact(
    facts: Sequence[PriceFact],
    action: str,
    country: str | None,
    now: datetime,
    has_link: bool = False,
    *,
    conditions: Collection[str] = (),
) -> PriceFact | None:
    """The price that applies: in force on the day, of the first action that has one, and the most particular of those.

    Actions are tried from the particular to the general: a text with a link is `<action>_with_link`, else
    `send_with_link`, else as without. A fact with a country applies in that country only, one with a condition (a
    purpose, a surface, `template`) where that is among `conditions`; earlier facts of the list win over later ones, so
    that a configuration's own go first.
    """
    linked = (action + _LINKED, "send" + _LINKED) if has_link else ()
    usable = [fact for fact in facts if _in_force(fact, now.date()) and _applies(fact, country, conditions)]
    for wanted in (*linked, action, "send"):
        found = [fact for fact in usable if fact.action == wanted]
        if found:
            return _most_particular(found)
    return None


def _in_force(fact: PriceFact, day: date) -> bool:
    return (fact.since is None or fact.since <= day) and (fact.until is None or day < fact.until)


def _applies(fact: PriceFact, country: str | None, conditions: Collection[str]) -> bool:
    return fact.country in (None, country) and (not fact.condition or fact.condition in conditions)


def _most_particular(facts: Iterable[PriceFact]) -> PriceFact:
    return max(facts, key=lambda fact: (bool(fact.condition), fact.country is not None))
