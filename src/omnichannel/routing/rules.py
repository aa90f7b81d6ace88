"""Rules are data: the first one that matches decides. Loadable from TOML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Annotated, Any, TypeAlias, TypeVar, cast

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator, TypeAdapter

from omnichannel.model.base import Purpose, Success
from omnichannel.model.content import Localized, as_content, text_of
from omnichannel.model.frozen import Frozen
from omnichannel.model.outcome import Outcome
from omnichannel.model.withdrawal import Phase

__all__ = ["RULES", "Rule", "Situation", "Then", "When", "first_match", "rules_version"]

T = TypeVar("T")


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


OneOrMany: TypeAlias = Annotated[tuple[T, ...], BeforeValidator(_one_or_many)]
Duration: TypeAlias = Annotated[timedelta, Field(gt=timedelta(0))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What rules look at. `channel`, `surface`, `phase` and `price` are those of the channel that would come first:
    the one asked for, else the conversation's, else the one preferred."""

    brand: str
    channel: str | None = None
    surface: str | None = None
    phase: Phase | None = None
    outcome: str | None = None
    purpose: str = "service"
    language: str | None = None
    country: str | None = None
    tags: frozenset[str] = frozenset()
    business_hours: bool | None = None
    price: Decimal | None = None


class When(Frozen):
    """All that is set must agree; a list is one of. `{}` matches everything.

    `language` also matches its regional variants, `tag` any of the customer's tags, `price_over` a price above it.
    """

    brand: OneOrMany[str] = ()
    channel: OneOrMany[str] = ()
    surface: OneOrMany[str] = ()
    phase: OneOrMany[Phase] = ()
    outcome: OneOrMany[Outcome] = ()
    purpose: OneOrMany[Purpose] = ()
    language: OneOrMany[str] = ()
    country: OneOrMany[str] = ()
    tag: OneOrMany[str] = ()
    business_hours: bool | None = None
    price_over: Decimal | None = None

    def matches(self, s: Situation) -> bool:
        """Whether the situation is the one that the rule is about."""
        return (
            _in(self.brand, s.brand)
            and _in(self.channel, s.channel)
            and _in(self.surface, s.surface)
            and _in(self.phase, s.phase)
            and _in(self.outcome, s.outcome)
            and _in(self.purpose, s.purpose)
            and _speaks(self.language, s.language)
            and _in([country.upper() for country in self.country], s.country.upper() if s.country else None)
            and (not self.tag or not s.tags.isdisjoint(self.tag))
            and self.business_hours in (None, s.business_hours)
            and (self.price_over is None or (s.price is not None and s.price > self.price_over))
        )


def _in(wanted: Sequence[str], found: str | None) -> bool:
    return not wanted or found in wanted


def _speaks(wanted: Sequence[str], found: str | None) -> bool:
    if not wanted:
        return True
    tag = (found or "").replace("_", "-").casefold()
    return any(tag == want.casefold() or tag.startswith(want.casefold() + "-") for want in wanted)


def _localized(value: object) -> object:
    """Texts by language, and `default`: the language for all others (English, or the only one there is)."""
    if isinstance(value, Localized):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("expected one text per language")
    words = dict(cast(Mapping[str, Any], value))
    default = words.pop("default", "en" if "en" in words or len(words) != 1 else next(iter(words)))
    if not all(isinstance(text, str) for text in (default, *words.values())):
        raise ValueError("expected one text per language")
    return Localized(words, default=default)


def _plain(value: Localized) -> dict[str, str]:
    return {tag: text_of(as_content(one)) for tag, one in value.by_language.items()} | {"default": value.default}


Notice: TypeAlias = Annotated[Localized, PlainValidator(_localized), PlainSerializer(_plain)]


class Then(Frozen):
    """What follows.

    `order` names channels or accounts, `wait` is how long a step may take for `success`, `expire` how long the whole
    delivery lives, `hold` keeps it for a person, `tell` alerts one. `notice` is the text for the customers that the
    rule matches when a withdrawal is told to them; a rule that says that and nothing else decides about no delivery.
    """

    order: OneOrMany[str] = ()
    wait: Duration | None = None
    success: Success = "accepted"
    expire: Duration | None = None
    hold: bool = False
    tell: bool = False
    notice: Notice | None = None

    @property
    def routes(self) -> bool:
        """Whether it is about deliveries."""
        return self.notice is None or self.model_fields_set != {"notice"}


class Rule(Frozen):
    """A named rule, as in `[[rules]]` of the configuration."""

    name: str = Field(min_length=1)
    when: When = When()
    then: Then = Then()


RULES: TypeAdapter[tuple[Rule, ...]] = TypeAdapter(tuple[Rule, ...])
"""Loads and dumps a list of rules."""


def first_match(rules: Iterable[Rule], situation: Situation) -> Rule | None:
    """The first rule about deliveries that matches."""
    return next((rule for rule in rules if rule.then.routes and rule.when.matches(situation)), None)


def rules_version(rules: Iterable[Rule]) -> str:
    """Twelve hex digits that change with any rule and with their order."""
    return sha256(RULES.dump_json(tuple(rules))).hexdigest()[:12]
