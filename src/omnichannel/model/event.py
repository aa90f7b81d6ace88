"""What a channel tells us, whatever platform it came from: one tagged union of frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from omnichannel.model import late
from omnichannel.model.address import Assurance
from omnichannel.model.base import NOTHING
from omnichannel.model.content import Media
from omnichannel.model.outcome import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEventBase:
    """`account` says whose the event is. `dedupe` is the platform's own key for it, unique per (account, kind) and
    stable over parser versions; `occurred_at` is the platform's time, aware and in UTC."""

    account: str
    dedupe: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(ChannelEventBase):
    """A person wrote to us, or in a thread of ours.

    `sender` is the address value; `aliases` are its other names by kind. `message_id` is the platform's id (defaults
    to `dedupe`). `thread` is the platform's key of the conversation where it has one. `references` are platform ids
    of earlier messages that this one answers, nearest first. `recipients` are our addresses it was sent to (where a
    reply token may sit), `others` the other people in it. `assurance` is what the platform proves about the sender.
    `addressed=False` says that it is not for us: talk in a thread of ours, a private thread that another app of ours
    holds, a link that was opened without a word; kept, and not answered.
    `automatic` marks vacation texts, bots and lists: kept, never answered. `context` is kept for the thread and comes
    back as `Part.context`. `country` is an ISO code where the platform tells it.
    """

    sender: str
    text: str
    surface: str = "dm"
    message_id: str = ""
    thread: str | None = None
    sender_name: str | None = None
    aliases: Mapping[str, str] = NOTHING
    attachments: tuple[Media, ...] = ()
    choice: str | None = None
    reply_to: str | None = None
    references: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    reference: str | None = None
    language: str | None = None
    assurance: int = Assurance.PRIVATE_HANDLE
    automatic: bool = False
    addressed: bool = True
    full_text: str | None = None
    context: Mapping[str, str] = NOTHING
    kind: Literal["message_received"] = "message_received"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEchoed(ChannelEventBase):
    """We wrote, seen from the platform's side: by us, or by a colleague in the platform's own app.

    `correlation` is our part key where the platform gives it back."""

    recipient: str
    text: str
    message_id: str
    surface: str = "dm"
    thread: str | None = None
    aliases: Mapping[str, str] = NOTHING
    attachments: tuple[Media, ...] = ()
    correlation: str | None = None
    kind: Literal["message_echoed"] = "message_echoed"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited(ChannelEventBase):
    """The text of an earlier message has changed. `message_id` is that of the original."""

    message_id: str
    text: str
    sender: str = ""
    attachments: tuple[Media, ...] = ()
    kind: Literal["message_edited"] = "message_edited"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDeleted(ChannelEventBase):
    """An earlier message was taken back by its author."""

    message_id: str
    sender: str = ""
    kind: Literal["message_deleted"] = "message_deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionChanged(ChannelEventBase):
    """An emoji on a message; `emoji=None` takes it back."""

    message_id: str
    sender: str
    emoji: str | None
    kind: Literal["reaction_changed"] = "reaction_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryUpdated(ChannelEventBase):
    """What became of something we sent: `receipt` is the platform's id, `correlation` our part key if given back.

    A platform that names no message but a time says it with `until`: all that `recipient` was sent up to then, and
    `receipt` is empty.
    """

    receipt: str
    state: Literal["sent", "delivered", "read", "failed"]
    recipient: str = ""
    until: datetime | None = None
    correlation: str | None = None
    failure: Failure | None = None
    price_category: str | None = None
    kind: Literal["delivery_updated"] = "delivery_updated"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentChanged(ChannelEventBase):
    """The customer agreed to or revoked a kind of message, by the platform's own means. `purpose="all"` is all."""

    sender: str
    purpose: str
    granted: bool
    text: str = ""
    aliases: Mapping[str, str] = NOTHING
    kind: Literal["consent_changed"] = "consent_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityChanged(ChannelEventBase):
    """An address goes on under another value (a new phone number, a new business-scoped id)."""

    sender: str
    becomes: str
    aliases: Mapping[str, str] = NOTHING
    kind: Literal["identity_changed"] = "identity_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChanged(ChannelEventBase):
    """The platform says something about our account: restricted, unlinked, a template paused, healthy again."""

    state: Literal["ok", "restricted", "suspended", "revoked", "deleted", "template", "info"]
    detail: str = ""
    failure: Failure | None = None
    kind: Literal["account_changed"] = "account_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrecognized(ChannelEventBase):
    """Something that this version does not understand: kept with its bytes, counted, and parsed again later.

    Its `dedupe` is its kind and the hash of its bytes, so that it never claims the key of an event that a mended
    parser will find."""

    what: str
    reason: str
    content: str = ""
    kind: Literal["unrecognized"] = "unrecognized"


ChannelEvent: TypeAlias = (
    MessageReceived
    | MessageEchoed
    | MessageEdited
    | MessageDeleted
    | ReactionChanged
    | DeliveryUpdated
    | ConsentChanged
    | IdentityChanged
    | AccountChanged
    | Unrecognized
)
CHANNEL_EVENT: TypeAdapter[ChannelEvent] = late.adapter(Annotated[ChannelEvent, Field(discriminator="kind")])
"""Dumps and loads events as JSON, for rows and for third parties."""
