"""What is handed to the store and comes out of it, as plain values: importing this loads no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from omnichannel.model.address import Customer
from omnichannel.model.base import NOTHING, Visibility
from omnichannel.model.content import Sendable
from omnichannel.model.conversation import Conversation
from omnichannel.model.ids import IdSource
from omnichannel.model.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountInfo:
    """What the store needs to know of an account to file what comes in on it."""

    id: str
    channel: str
    adapter: str
    brand: str = "default"
    endpoint: str = ""
    queue: str = "support"
    visibility: Mapping[str, Visibility] = field(default_factory=dict[str, Visibility])
    first_response: timedelta | None = None
    label: str = ""
    answers: bool = False
    """Whether a webhook of this account may be answered in its own response."""


LEASE_TTL = timedelta(seconds=30)
"""How long a lease lasts unless it is renewed."""

LANES = 64
"""Work is owned by lane, so that any number of processes share it; inside a lane conversations run side by side."""


def lane_of(conversation_id: str) -> int:
    """The lane of a conversation: the same in every process and version."""
    return crc32(conversation_id.encode()) % LANES


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An event to append: `message.received`, `delivery.updated`, `conversation.moved` ..."""

    type: str
    brand: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """One thing to tell a customer. `kind` is `message`, `private` (take it off the public surface), `notice`,
    `code` (a one-time code) or `pointer`. `idempotency_key` is unique in a brand: a second one changes nothing."""

    id: str
    brand: str
    customer_id: str
    conversation_id: str
    content: Sendable
    created_at: datetime
    kind: str = "message"
    purpose: str = "service"
    visibility: str | None = None
    order: Sequence[str] | None = None
    expires_at: datetime | None = None
    agent: str | None = None
    automatic: bool = False
    in_reply_to: str | None = None
    idempotency_key: str | None = None
    metadata: Mapping[str, str] = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReference:
    """A reference that goes out in a link; only its digest is kept."""

    digest: str
    brand: str
    conversation_id: str
    customer_id: str
    target: str
    withdrawal_id: str | None
    created_at: datetime
    expires_at: datetime
    assurance: int = 0
    public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """A notice with the delivery that carries it and the references in its links."""

    withdrawal_id: str
    customer_id: str
    period: int
    delivery: NewDelivery
    references: Sequence[NewReference]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DueTurn:
    """A message that waits for its handler, with all that the handler sees."""

    seq: int
    lane: int
    tries: int
    message: Message
    conversation: Conversation
    customer: Customer


@dataclass(slots=True, kw_only=True)
class TurnResult:
    """What a handler did, collected: it commits as a whole, or not at all."""

    seq: int
    lane: int
    fence: int
    owner: str
    conversation_id: str
    now: datetime
    ids: IdSource
    deliveries: list[NewDelivery] = field(default_factory=list[NewDelivery])
    notices: list[NewNotice] = field(default_factory=list[NewNotice])
    changes: dict[str, Any] = field(default_factory=dict[str, Any])
    notes: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    facts: list[Fact] = field(default_factory=list[Fact])
    external_id: tuple[str, str] | None = None
