"""What the settings file holds, table by table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AwareDatetime, Field, SerializeAsAny, StringConstraints

from omnichannel.channel.base import Account
from omnichannel.channel.capabilities import PriceFact
from omnichannel.model.base import Purpose
from omnichannel.model.content import Localized
from omnichannel.model.frozen import Frozen
from omnichannel.model.withdrawal import Withdrawal
from omnichannel.routing.rules import Rule

__all__ = [
    "BrandSettings",
    "BusinessHoursSettings",
    "Document",
    "EngineSettings",
    "GuardSettings",
    "PriceCapSettings",
    "PriceSettings",
    "QueueSettings",
    "QuietHoursSettings",
    "ScopeSettings",
    "Settings",
    "StoreSettings",
    "WithdrawalSettings",
    "Word",
]

Word: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
"""An id of the user's: it stands in rows and URLs, and is never renamed."""

Country: TypeAlias = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|\+[0-9]{1,6})$")]


class StoreSettings(Frozen):
    """Where rows are kept. `url` may be `env:NAME` or `file:/path`; `migrate` is chosen by the kind where it is not
    said: `auto` for SQLite, `check` for PostgreSQL."""

    url: str = "sqlite:///omnichannel.db"
    db_schema: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,62}$")] | None = None
    migrate: Literal["auto", "check", "off"] | None = None


class EngineSettings(Frozen):
    """What wakes workers. Only `in-process` is there yet."""

    url: str = "in-process"


class BrandSettings(Frozen):
    """A brand as customers know it. `hosts` are those that its notices may link to; the first of `languages`, and
    `timezone`, are those of customers of whom no other is known."""

    name: str = ""
    languages: tuple[str, ...] = ()
    timezone: str | None = None
    hosts: tuple[str, ...] = ()


class QueueSettings(Frozen):
    """Who waits here: conversations of these accounts; `first_response` is the promised time (`PT4H`)."""

    accounts: tuple[str, ...] = ()
    first_response: timedelta | None = None


class PriceCapSettings(Frozen):
    """What one message may cost; `rates` say what one unit of another currency is in this one."""

    amount: Decimal = Field(ge=0)
    currency: str = "USD"
    rates: dict[str, Decimal] = Field(default_factory=dict[str, Decimal])


class QuietHoursSettings(Frozen):
    """When we do not start on our own, by the customer's clock."""

    start: time
    end: time
    timezone: str | None = None
    purposes: tuple[Purpose, ...] = ("service", "marketing")
    channels: tuple[str, ...] | None = None


class BusinessHoursSettings(Frozen):
    """When somebody is there: `09:00-12:00, 13:00-18:00` by day; a day that is not said is closed."""

    timezone: str | None = None
    mon: str | None = None
    tue: str | None = None
    wed: str | None = None
    thu: str | None = None
    fri: str | None = None
    sat: str | None = None
    sun: str | None = None


class GuardSettings(Frozen):
    """What must not stand in public besides addresses: patterns of the host's own references."""

    patterns: tuple[str, ...] = ()


class ScopeSettings(Frozen):
    """What part of a channel a withdrawal is about; nothing set is all of it."""

    direction: Literal["in", "out"] | None = None
    surface: str | None = None
    country: Country | None = None
    purpose: str | None = None
    agent: Literal["human", "bot"] | None = None
    feature: str | None = None
    tier: str | None = None


class WithdrawalSettings(Frozen):
    """A withdrawal; `notice` is a text by language, or the name of one of `notices`."""

    id: Word
    channel: str
    brand: str = "default"
    account: str | None = None
    scope: ScopeSettings = ScopeSettings()
    initiated_by: Literal["platform", "brand"] = "brand"
    reason: str = ""
    announced_at: AwareDatetime | None = None
    redirect_at: AwareDatetime | None = None
    no_new_at: AwareDatetime | None = None
    read_only_at: AwareDatetime | None = None
    closed_at: AwareDatetime | None = None
    purge_at: AwareDatetime | None = None
    reinstated_at: AwareDatetime | None = None
    targets: tuple[str, ...] = ()
    notice: str | dict[str, str] | None = None
    source_url: str | None = None
    canary: float = Field(default=1.0, ge=0, le=1)


class PriceSettings(Frozen):
    """A price of your contract; it stands before the published one of the same channel, action and condition."""

    channel: str
    adapter: str | None = None
    account: str | None = None
    price: PriceFact


class Document(Frozen):
    """The file as it is written, before accounts, rules and prices are understood."""

    version: Literal[1] = Field(alias="schema")
    timezone: str | None = None
    public_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+$")] | None = None
    store: StoreSettings = StoreSettings()
    engine: EngineSettings = EngineSettings()
    brands: dict[Word, BrandSettings] = Field(default_factory=dict[Word, BrandSettings])
    endpoints: dict[Word, dict[str, Any]] = Field(default_factory=dict[Word, dict[str, Any]])
    accounts: dict[Word, dict[str, Any]] = Field(default_factory=dict[Word, dict[str, Any]])
    queues: dict[Word, QueueSettings] = Field(default_factory=dict[Word, QueueSettings])
    rules: tuple[Rule, ...] = ()
    withdrawals: list[WithdrawalSettings] = Field(default_factory=list[WithdrawalSettings])
    notices: dict[Word, dict[str, str]] = Field(default_factory=dict[Word, dict[str, str]])
    prices: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    price_cap: PriceCapSettings | None = None
    quiet_hours: QuietHoursSettings | None = None
    business_hours: BusinessHoursSettings | None = None
    guard: GuardSettings = GuardSettings()


class Settings(Frozen):
    """A configuration that has been checked. No secret was read: they are still `env:NAME` and `file:/path`."""

    timezone: str | None = None
    public_url: str | None = None
    store: StoreSettings = StoreSettings()
    engine: EngineSettings = EngineSettings()
    brands: Mapping[str, BrandSettings] = Field(default_factory=dict[str, BrandSettings])
    accounts: tuple[SerializeAsAny[Account], ...] = ()
    queues: Mapping[str, QueueSettings] = Field(default_factory=dict[str, QueueSettings])
    rules: tuple[Rule, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()
    notices: Mapping[str, Localized] = Field(default_factory=dict[str, Localized])
    prices: tuple[PriceSettings, ...] = ()
    price_cap: PriceCapSettings | None = None
    quiet_hours: QuietHoursSettings | None = None
    business_hours: BusinessHoursSettings | None = None
    guard: GuardSettings = GuardSettings()

    def account(self, account_id: str) -> Account | None:
        """The account of that id, or None."""
        return next((one for one in self.accounts if one.id == account_id), None)
