"""Notices that rules choose: by language, country, price or brand another text than the withdrawal's own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from omnichannel.kit.phone import country_of
from omnichannel.model.address import Customer
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.model.withdrawal import Phase, Withdrawal
from omnichannel.routing.rules import Rule, Situation
from omnichannel.withdrawal.notices import check_notice
from omnichannel.withdrawal.phases import FIELD

__all__ = ["check_rule_notices", "rules_about", "situation_of", "with_notice_of", "wrong_notices"]

_ANY_DAY = datetime(2027, 1, 1, tzinfo=UTC)


def situation_of(
    w: Withdrawal,
    phase: Phase | None,
    customer: Customer,
    *,
    surface: str,
    language: str | None,
    business_hours: bool | None,
    price: Decimal | None,
) -> Situation:
    """What rules are asked about the notice of a withdrawal to one customer; `price` is what it costs there."""
    numbers = (country_of(address.value) for address in customer.addresses if address.value.startswith("+"))
    return Situation(
        brand=w.brand,
        channel=w.channel,
        surface=surface,
        phase=phase,
        language=language,
        country=next((country for country in numbers if country), None),
        tags=customer.tags,
        business_hours=business_hours,
        price=price,
    )


def with_notice_of(w: Withdrawal, rules: Iterable[Rule], situation: Situation) -> Withdrawal:
    """The withdrawal with the text of the first rule that names one and matches; else as it is."""
    said = next((r.then.notice for r in rules if r.then.notice is not None and r.when.matches(situation)), None)
    return w if said is None else replace(w, notice=said)


def rules_about(rules: Iterable[Rule], w: Withdrawal) -> Iterator[tuple[Rule, Withdrawal]]:
    """The rules whose text may be used for a withdrawal, each with the withdrawal as it would then be."""
    for rule in rules:
        here = w.channel in (rule.when.channel or (w.channel,)) and w.brand in (rule.when.brand or (w.brand,))
        if rule.then.notice is not None and here:
            yield rule, replace(w, notice=rule.then.notice)


def check_rule_notices(rules: Iterable[Rule], w: Withdrawal, hosts: Collection[str]) -> None:
    """Raises ConfigurationError as `check_notice` does, for each text that a rule may put into a withdrawal's place."""
    for rule, said in rules_about(rules, w):
        try:
            check_notice(said, hosts)
        except ConfigurationError as error:
            raise ConfigurationError(f"rule {rule.name!r}: {error}") from error


def wrong_notices(rules: Sequence[Rule], hosts: Collection[str]) -> Iterator[tuple[int, str]]:
    """Rules, by their place, whose text would be wrong for any withdrawal: unknown slots, foreign hosts, what only an
    impostor asks for. Which dates a withdrawal has is checked with the withdrawal."""
    dates: dict[str, Any] = {name: _ANY_DAY + timedelta(days=day) for day, name in enumerate(FIELD.values())}
    for index, rule in enumerate(rules):
        if rule.then.notice is not None:
            imagined = replace(Withdrawal(id="", channel="", notice=rule.then.notice), **dates)
            try:
                check_notice(imagined, hosts)
            except ConfigurationError as error:
                yield index, str(error).removeprefix("withdrawal : ")
