"""Which withdrawal governs a question, where several say something: the narrowest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, get_args

from omnichannel.channel.capabilities import Capabilities, Feature, Support
from omnichannel.model.base import Direction
from omnichannel.model.withdrawal import Phase, Withdrawal
from omnichannel.withdrawal.effect import effect_of
from omnichannel.withdrawal.phases import phase_for

__all__ = ["STRICTNESS", "Question", "governing", "matches", "narrowed", "narrowness"]

FEATURES: tuple[Feature, ...] = get_args(Feature)
STRICTNESS: Mapping[Phase, int] = {
    "reinstated": 0,
    "announced": 1,
    "redirecting": 2,
    "no_new": 3,
    "read_only": 4,
    "closed": 5,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is about to happen, as far as it is known. A scope that asks for something unknown here does not match.

    `country` is an ISO code; `number` the customer's phone in E.164, for scopes that name a calling code.
    """

    channel: str
    account: str | None = None
    brand: str = "default"
    surface: str | None = None
    direction: Direction | None = None
    country: str | None = None
    purpose: str | None = None
    agent: Literal["human", "bot"] | None = None
    feature: str | None = None
    tier: str | None = None
    number: str | None = None


def narrowness(w: Withdrawal) -> int:
    """How many parts of its scope are set, the account among them."""
    return w.scope.narrowness + (w.account is not None)


def matches(w: Withdrawal, q: Question) -> bool:
    """Whether the withdrawal is about the question: same channel and brand, and every set part of the scope agrees."""
    scope = w.scope
    wanted = (
        (w.account, q.account),
        (scope.direction, q.direction),
        (scope.surface, q.surface),
        (scope.purpose, q.purpose),
        (scope.agent, q.agent),
        (scope.feature, q.feature),
        (scope.tier, q.tier),
    )
    return (
        (w.channel, w.brand) == (q.channel, q.brand)
        and all(want is None or want == found for want, found in wanted)
        and (scope.country is None or _in_country(scope.country, q))
    )


def _in_country(country: str, q: Question) -> bool:
    if country.startswith("+"):
        return q.number is not None and q.number.startswith(country)
    return q.country is not None and q.country.casefold() == country.casefold()


def governing(
    withdrawals: Iterable[Withdrawal], q: Question, now: datetime, *, customer_id: str | None = None
) -> tuple[Withdrawal, Phase] | None:
    """The withdrawal that counts, and its phase.

    The narrowest match wins, so that a narrower reinstated scope opens what a wider one closed; among equally narrow
    ones the stricter phase. One that was not announced yet says nothing. `customer_id` decides about canaries.
    """
    found: list[tuple[int, int, str, Withdrawal, Phase]] = [
        (narrowness(w), STRICTNESS[phase], w.id, w, phase)
        for w in withdrawals
        if matches(w, q) and (phase := phase_for(w, now, customer_id)) is not None
    ]
    if not found:
        return None
    *_, winner, phase = max(found, key=lambda one: one[:3])
    return winner, phase


def narrowed(
    capabilities: Capabilities,
    withdrawals: Iterable[Withdrawal],
    q: Question,
    now: datetime,
    *,
    answering: bool,
    customer_id: str | None = None,
) -> Capabilities:
    """The capabilities without the features that are withdrawn, as routing and degradation are to see them."""
    scoped = [w for w in withdrawals if w.scope.feature is not None]
    named = {w.scope.feature for w in scoped}
    lost: list[Feature] = [
        feature
        for feature in FEATURES
        if feature in named and _feature_lost(scoped, replace(q, feature=feature), now, answering, customer_id)
    ]
    if not lost:
        return capabilities
    features: dict[Feature, Support] = {**capabilities.features, **dict.fromkeys(lost, Support.NONE)}
    return replace(capabilities, features=features)


def _feature_lost(
    withdrawals: Iterable[Withdrawal], q: Question, now: datetime, answering: bool, customer_id: str | None
) -> bool:
    found = governing(withdrawals, q, now, customer_id=customer_id)
    if found is None:
        return False
    effect = effect_of(found[1])
    return not (effect.answer if answering else effect.start)
