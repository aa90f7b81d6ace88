"""What is configured: the accounts, their channels, and what everybody needs to know of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from omnichannel.channel.base import Account, Channel
from omnichannel.channel.capabilities import Capabilities
from omnichannel.stores.units import AccountInfo

_NO_ANSWER: Callable[..., Any] = Channel[Any].answer


@dataclass(frozen=True, slots=True)
class Doors:
    """The channels by account id, and by the endpoint that their webhooks come to."""

    channels: Mapping[str, Channel[Any]] = field(default_factory=dict[str, Channel[Any]])
    infos: Mapping[str, AccountInfo] = field(default_factory=dict[str, AccountInfo])
    endpoints: Mapping[str, Channel[Any]] = field(default_factory=dict[str, Channel[Any]])

    def of_channel(self, name: str, brand: str | None = None) -> list[Channel[Any]]:
        """The accounts of a channel, in the order of configuration."""
        return [
            channel
            for channel in self.channels.values()
            if channel.channel == name and brand in (None, channel.account.brand)
        ]

    def surface(self, account: str, name: str) -> Capabilities | None:
        """A surface of an account; None where the account is not configured, or has none of that name."""
        channel = self.channels.get(account)
        return None if channel is None else channel.surface(name)

    def names(self, brand: str | None = None) -> tuple[str, ...]:
        """The channels that are configured for a brand."""
        found = (channel.channel for channel in self.channels.values() if brand in (None, channel.account.brand))
        return tuple(dict.fromkeys(found))


def build(
    accounts: Sequence[tuple[Account, type[Channel[Any]]]],
    *,
    queues: Mapping[str, str] | None = None,
    first_response: Mapping[str, timedelta] | None = None,
) -> Doors:
    """Makes the channels. Accounts that name the same endpoint share their URL, secrets and handshake; one that names
    none is its own endpoint. `queues` says which queue an account's conversations wait in (default `support`)."""
    behind: dict[str, list[Account]] = {}
    for account, _ in accounts:
        behind.setdefault(account.endpoint or account.id, []).append(account)
    channels: dict[str, Channel[Any]] = {}
    infos: dict[str, AccountInfo] = {}
    endpoints: dict[str, Channel[Any]] = {}
    for account, kind in accounts:
        endpoint = account.endpoint or account.id
        channel = kind(account, behind[endpoint])
        channels[account.id] = channel
        endpoints.setdefault(endpoint, channel)
        queue = (queues or {}).get(account.id, "support")
        infos[account.id] = AccountInfo(
            id=account.id,
            channel=channel.channel,
            adapter=channel.adapter,
            brand=account.brand,
            endpoint=endpoint,
            queue=queue,
            visibility={name: surface.visibility for name, surface in channel.surfaces.items()},
            first_response=(first_response or {}).get(queue),
            label=account.label,
            answers=kind.answer is not _NO_ANSWER,
        )
    return Doors(channels, infos, endpoints)
