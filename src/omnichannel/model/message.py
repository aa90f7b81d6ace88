"""Messages and what we send: parts, receipts, deliveries and their decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, TypeAlias

from omnichannel.model.address import Address
from omnichannel.model.base import NOTHING, Direction, Success, Visibility
from omnichannel.model.content import Location, Media, Template, Text, text_of

DeliveryState: TypeAlias = Literal[
    "queued", "held", "accepted", "sent", "delivered", "read", "replied", "failed", "unknown", "expired", "cancelled"
]
AttemptState: TypeAlias = Literal["started", "accepted", "sent", "delivered", "read", "failed", "unknown", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One send call's worth, already cut to the surface's capabilities.

    `key` is ours, unique and stable over retries: it goes to the platform as idempotency key or correlation where
    there is one. `to` is the address value, `aliases` its other names. `thread` and `reply_to` are the platform's
    own ids; `context` is what the adapter asked to have kept for the thread (`MessageReceived.context`). `late` says
    that the reply window has ended and a person answers, which the platform allows if it is told (`ReplyWindow.human`).
    """

    key: str
    to: str
    content: Text | Media | Template | Location
    surface: str = "dm"
    aliases: Mapping[str, str] = NOTHING
    thread: str | None = None
    reply_to: str | None = None
    context: Mapping[str, str] = NOTHING
    language: str | None = None
    automatic: bool = False
    late: bool = False
    purpose: str = "service"

    @property
    def text(self) -> str:
        """The words of the part."""
        return text_of(self.content)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The platform's ids for what it accepted. `pending` says that the platform itself has not decided yet."""

    ids: tuple[str, ...]
    pending: bool = False
    thread: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a person or we said. `id` is ours; `sent_at` is the platform's time, in UTC."""

    id: str
    conversation_id: str
    sent_at: datetime
    direction: Direction
    channel: str
    adapter: str
    account: str
    surface: str
    visibility: Visibility
    text: str
    author: Address | None = None
    language: str | None = None
    attachments: tuple[Media, ...] = ()
    choice: str | None = None
    reply_to: str | None = None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    imported: bool = False
    automatic: bool = False
    kind: Literal["message", "note"] = "message"
    platform_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One run of an adapter's send for one part."""

    channel: str
    account: str
    started_at: datetime
    state: AttemptState
    outcome: str | None = None
    certain: bool = True
    code: str | None = None
    detail: str = ""
    cost: Decimal | None = None
    part: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One thing we want to tell a customer, whatever channels it takes."""

    id: str
    conversation_id: str
    state: DeliveryState
    channel: str | None = None
    attempts: tuple[Attempt, ...] = ()
    metadata: Mapping[str, str] = NOTHING
    expires_at: datetime | None = None


RefusalReason: TypeAlias = Literal[
    "not_configured",
    "no_address",
    "address_expired",
    "no_consent",
    "opted_out",
    "window_closed",
    "withdrawn",
    "suspected",
    "held",
    "rate_limited",
    "cannot_express",
    "public_surface",
    "over_price_cap",
    "quiet_hours",
    "country_blocked",
    "purpose_blocked",
    "already_tried",
    "expired",
    "assurance_too_low",
    "may_not_start",
    "link_only",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A channel that was not used, and why. `ends_at` says when the reason passes, where that is known."""

    channel: str
    reason: RefusalReason
    account: str | None = None
    ends_at: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A channel to try. `wait` is how long for `success`; `lost` says what degradation costs the content."""

    channel: str
    account: str
    adapter: str
    surface: str
    address: str
    wait: timedelta | None = None
    success: Success = "accepted"
    lost: tuple[str, ...] = ()
    cost: Decimal | None = None
    currency: str = "USD"
    thread: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What `decide` chose: steps in order, and for every channel not used why not."""

    steps: tuple[Step, ...]
    refused: tuple[Refusal, ...]
    rules_version: str
    decided_at: datetime
    rule: str | None = None
    expires_at: datetime | None = None
    hold: bool = False
    tell_operator: bool = False
    health: Mapping[str, str] = NOTHING
    prices: Mapping[str, str] = NOTHING
