"""A hub's settings, from arguments or from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from os import PathLike
from typing import TYPE_CHECKING

from omnichannel.model.exceptions import ConfigurationError
from omnichannel.model.withdrawal import Withdrawal

if TYPE_CHECKING:
    from omnichannel.channel.base import Account
    from omnichannel.runtime.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSettings:
    """Everything that is configured; nothing was opened or read for it."""

    accounts: Sequence[Account]
    store: str = "sqlite:///omnichannel.db"
    db_schema: str | None = None
    migrate: str | None = "auto"
    """None: `auto` for SQLite, and `check` for PostgreSQL, which many may use."""
    public_url: str = "http://localhost:8000"
    queues: Mapping[str, str] = field(default_factory=dict[str, str])
    first_response: Mapping[str, timedelta] = field(default_factory=dict[str, timedelta])
    policy: Policy | None = None
    withdrawals: Sequence[Withdrawal] = ()

    @property
    def brands(self) -> tuple[str, ...]:
        """The brands that accounts are configured for."""
        return tuple(dict.fromkeys(account.brand for account in self.accounts))

    def brand(self, asked: str | None) -> str:
        """The brand that is meant: None is the only one there is. Raises `ConfigurationError`."""
        known: list[str] = list(self.brands) or ["default"]
        if asked is None:
            if len(known) > 1:
                raise ConfigurationError(f"there are several brands ({', '.join(known)}): say which, with brand=")
            return known[0]
        if asked not in known:
            raise ConfigurationError(f"there is no brand {asked!r}; there are: {', '.join(known)}")
        return asked


def accounts_of(given: Sequence[Account | str]) -> list[Account]:
    """Accounts; a name stands for one that needs no settings. Raises `ConfigurationError`."""
    from omnichannel.registry import account_type

    found: list[Account] = []
    for one in given:
        account = account_type(one)(id=one) if isinstance(one, str) else one
        if any(account.id == other.id for other in found):
            raise ConfigurationError(f"two accounts have the id {account.id!r}: give each one of its own")
        found.append(account)
    return found


def from_toml(path: str | PathLike[str]) -> HubSettings:
    """The settings in a file. Raises `ConfigurationError`."""
    from omnichannel.config import load
    from omnichannel.hub.policies import policy_of

    read = load(path)
    queues = {account: name for name, queue in read.queues.items() for account in queue.accounts}
    return HubSettings(
        accounts=accounts_of(read.accounts),
        store=read.store.url,
        db_schema=read.store.db_schema,
        migrate=read.store.migrate,
        public_url=read.public_url or "http://localhost:8000",
        queues=queues,
        first_response={name: q.first_response for name, q in read.queues.items() if q.first_response is not None},
        policy=policy_of(read),
        withdrawals=read.withdrawals,
    )
