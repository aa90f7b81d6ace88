"""Who a person is on a channel, who they are to us, and what they agreed to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from omnichannel.model.base import NOTHING


class Assurance(IntEnum):
    """How sure we are that an address is who it says. DENIED is a message's alone: its platform says that somebody
    else wrote it under that name, which is more than having no proof (UNKNOWN)."""

    DENIED = -1
    UNKNOWN = 0
    PUBLIC_HANDLE = 1
    PRIVATE_HANDLE = 2
    VERIFIED = 3
    SIGNED_IN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A customer's identity on a channel. `value` does not depend on the provider where there is such a value."""

    channel: str
    value: str
    account: str = ""
    id: str = ""
    aliases: Mapping[str, str] = NOTHING
    assurance: int = Assurance.UNKNOWN
    expires_at: datetime | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A person, within one brand."""

    id: str
    brand: str
    addresses: tuple[Address, ...] = ()
    external_id: str | None = None
    name: str | None = None
    language: str | None = None
    timezone: str | None = None
    preferred_channel: str | None = None
    tags: frozenset[str] = frozenset()
    metadata: Mapping[str, str] = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a customer agreed to or revoked. `channel=None` is every channel."""

    brand: str
    customer_id: str
    purpose: str
    channel: str | None
    granted: bool
    source: str
    changed_at: datetime
    text: str = ""
    proof: str = ""
