"""What routing is told: the configuration, the withdrawals and the health, as the pure packages want them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

import anyio

from omnichannel.channel.base import Channel
from omnichannel.kit.phone import country_of
from omnichannel.model.address import Address
from omnichannel.model.base import Purpose, Visibility
from omnichannel.model.content import Block, Localized, Media, as_content, load_sendable
from omnichannel.model.conversation import Conversation
from omnichannel.model.withdrawal import Withdrawal
from omnichannel.routing.checks import is_late
from omnichannel.routing.facts import Door, Facts, Place, QuietHours, Request
from omnichannel.routing.hours import BusinessHours
from omnichannel.routing.plan import option_of
from omnichannel.routing.prices import NO_CAP, ContractPrice, PriceCap, prices_for
from omnichannel.routing.rules import Rule
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.doors import Doors
from omnichannel.runtime.health import HealthBoard
from omnichannel.runtime.unsent import DOUBT
from omnichannel.stores import records, withdrawals
from omnichannel.stores.base import Store
from omnichannel.stores.directory import OPTED_OUT
from omnichannel.stores.outgoing import Outgoing
from omnichannel.stores.types import AnyRow

DEFAULT_BRAND = "default"
RELOAD_SECONDS = 0.2
"""By the wall: how long another process's change may go unnoticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the company decided: rules, prices and caps, hours, patterns of data that must not stand in public."""

    rules: Sequence[Rule] = ()
    prices: Sequence[ContractPrice] = ()
    price_cap: PriceCap = NO_CAP
    quiet_hours: QuietHours | None = None
    business_hours: BusinessHours | None = None
    patterns: Sequence[re.Pattern[str]] = ()
    brand_names: Mapping[str, str] = field(default_factory=dict[str, str])
    allowed_hosts: frozenset[str] = frozenset()
    timezone: str | None = None
    """In which dates are told to customers whose own time zone and whose brand's are not known; UTC without."""
    brand_zones: Mapping[str, str] = field(default_factory=dict[str, str])
    brand_languages: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    media_url: Callable[[Media], str | None] | None = None

    def name_of(self, brand: str) -> str:
        """What customers call a brand; empty for the only one there is, as long as nobody has named it."""
        return self.brand_names.get(brand, "" if brand == DEFAULT_BRAND else brand)

    def zone_of(self, brand: str, known: str | None) -> str | None:
        """A customer's time zone: their own, else their brand's."""
        return known or self.brand_zones.get(brand)

    def language_of(self, brand: str, *known: str | None) -> str | None:
        """A customer's language: the first that is known, else the first of their brand's."""
        return next((one for one in (*known, *self.brand_languages.get(brand, ())) if one), None)


@dataclass(slots=True)
class WithdrawalBook:
    """The withdrawals in force, read again when another process may have changed them."""

    store: Store
    clock: Clock
    current: Sequence[Withdrawal] = ()
    _seen: tuple[int, datetime | None] | None = None
    _loaded_at: float | None = None

    async def reload(self, *, now: bool = False) -> None:
        """Reads them, at most once in a while unless `now`, and only where something has changed."""
        at = anyio.current_time()
        if not now and self._loaded_at is not None and at - self._loaded_at < RELOAD_SECONDS:
            return
        self._loaded_at = at
        state = await self.store.read(withdrawals.state)
        if now or state != self._seen:
            self.take(state, await self.store.read(withdrawals.active))

    def take(self, state: tuple[int, datetime | None], current: Sequence[Withdrawal]) -> None:
        """Goes by what was read."""
        self._seen, self.current = state, current


def door_of(channel: Channel[Any], policy: Policy) -> Door:
    """An account as routing sees it, with the contract's prices before the published ones."""
    surfaces = {name: channel.surface(name) for name in channel.surfaces}
    account = channel.account
    return Door(
        channel=channel.channel,
        adapter=channel.adapter,
        account=account.id,
        brand=account.brand,
        surfaces={name: one for name, one in surfaces.items() if one is not None},
        prices=prices_for(
            policy.prices, channel.prices, channel=channel.channel, adapter=channel.adapter, account=account.id
        ),
        vendor=channel.vendor,
        tier=account.tier,
    )


@dataclass(slots=True)
class Advisor:
    """Makes requests and facts from rows."""

    doors: Doors
    policy: Policy
    book: WithdrawalBook
    board: HealthBoard
    _doors: list[Door] = field(default_factory=list[Door])

    def __post_init__(self) -> None:
        for channel in self.doors.channels.values():
            self._doors.append(door_of(channel, self.policy))

    def facts(self, out: Outgoing) -> Facts:
        """The facts for a delivery."""
        by_id = {address.id: address for address in out.customer.addresses}
        last_in = {
            (by_id[address_id].channel, account, by_id[address_id].value): at
            for (address_id, account), at in out.last_in.items()
            if address_id in by_id
        }
        lost = frozenset(
            (by_id[address_id].channel, by_id[address_id].value, why.partition(" ")[0])
            for address_id, why in out.unreachable.items()
            if not why.endswith(OPTED_OUT)  # that is a matter of consent
        )
        return self.facts_for(_anywhere(out.customer.addresses), out.consents, last_in, lost)

    def facts_for(
        self,
        addresses: Sequence[Address],
        consents: Sequence[Any],
        last_in: Mapping[tuple[str, str, str], datetime],
        unreachable: frozenset[tuple[str, str, str]] = frozenset(),
    ) -> Facts:
        """The facts about a customer."""
        hours = self.policy.business_hours
        return Facts(
            doors=self._doors,
            addresses=addresses,
            consents=consents,
            withdrawals=self.book.current,
            rules=self.policy.rules,
            last_in=last_in,
            health=self.board.states,
            price_cap=self.policy.price_cap,
            quiet_hours=self.policy.quiet_hours,
            business_hours=hours.open_at(self.book.clock.now()) if hours is not None else None,
            patterns=self.policy.patterns,
            media_url=self.policy.media_url,
            unreachable=unreachable,
        )

    def door(self, account: str) -> Door | None:
        """The door of an account."""
        return next((door for door in self._doors if door.account == account), None)

    def is_late(self, out: Outgoing, step: AnyRow, content: Block) -> bool:
        """Whether this goes out after the reply window, because a person wrote it (`Part.late`)."""
        door = self.door(step.account)
        window = door.surfaces[step.surface].window if door is not None and step.surface in door.surfaces else None
        if window is None or window.human is None:
            return False
        request, facts = self.request(out, content), self.facts(out)
        option = option_of(step.account, step.surface, step.to, request, facts)
        return option is not None and is_late(option, request, facts, self.book.clock.now())

    def request(self, out: Outgoing, content: Block) -> Request:
        """What routing is asked about a delivery."""
        row = out.delivery
        place = place_of(out.conversation, out.customer.addresses)
        replying = row.kind in ("message", "notice", "private", "code", "pointer", "plain")
        numbers = (country_of(address.value) for address in out.customer.addresses if address.value.startswith("+"))
        return Request(
            delivery_id=row.id,
            customer_id=out.customer.id,
            content=content,
            brand=row.brand,
            purpose=cast(Purpose, row.purpose),
            order=tuple(row.order or ()),
            visibility=cast(Visibility | None, row.visibility),
            created_at=row.created_at,
            expires_at=row.expires_at,
            place=place,
            is_reply=replying,
            notice=row.kind in ("notice", "code"),
            agent="human" if row.agent else "bot",
            automatic=row.automatic,
            tried=tuple(records.attempt(attempt) for attempt in _counting(out, self.book.clock.now())),
            repeatable=row.kind != "code",
            country=next((country for country in numbers if country), None),
            language=self.policy.language_of(row.brand, out.customer.language),
            timezone=self.policy.zone_of(row.brand, out.customer.timezone),
            preferred=out.customer.preferred_channel,
            tags=out.customer.tags,
        )


def _counting(out: Outgoing, now: datetime) -> Sequence[AnyRow]:
    """The attempts that speak against their account. Where it is certain that nothing was sent, those of a step that
    was broken off for another reason (the account was held, a scope closed) do not; nor, after a while, those that
    were told that the channel is gone: the next one shows whether that is so."""
    ended = {step.n: step.state for step in out.steps}
    states = {part.key: ended.get(part.step) for part in out.parts}

    def counts(attempt: AnyRow) -> bool:
        if attempt.state != "failed" or not attempt.certain:
            return True
        state = states.get(attempt.part)
        return not (state == "skipped" or (state == "doubted" and attempt.started_at + DOUBT <= now))

    return [attempt for attempt in out.attempts if counts(attempt)]


def content_of(out: Outgoing, policy: Policy) -> Block:
    """The content in the customer's language, else in the brand's."""
    content = load_sendable(out.delivery.content)
    if isinstance(content, Localized):
        return as_content(
            content.pick(policy.language_of(out.delivery.brand, out.conversation.language, out.customer.language))
        )
    return content


def place_of(conversation: Conversation, addresses: Sequence[Address]) -> Place:
    """Where a conversation takes place."""
    here = next((address for address in addresses if address.id == conversation.address_id), None)
    return Place(
        channel=conversation.channel,
        account=conversation.account,
        surface=conversation.surface,
        visibility=conversation.visibility,
        address=here.value if here else None,
        thread=conversation.thread,
        opened_at=conversation.created_at,
    )


def _anywhere(addresses: Sequence[Address]) -> list[Address]:
    """Addresses as routing wants them: not tied to the account on which they were first seen."""
    return [replace(address, account="") if address.account else address for address in addresses]
