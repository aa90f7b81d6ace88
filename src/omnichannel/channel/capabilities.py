"""What a surface can do, as graded data with numbers. Docs tables and degradation are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Literal, TypeAlias

from omnichannel.channel.wire import Repeat
from omnichannel.model.base import Visibility
from omnichannel.model.content import MediaKind

TextUnit: TypeAlias = Literal["chars", "utf16", "bytes", "weighted", "linked", "septets"]
Feature: TypeAlias = Literal[
    "attachments",
    "quick_replies",
    "buttons",
    "templates",
    "location",
    "reply_to",
    "edit",
    "delete",
    "react",
    "mark_read",
    "typing",
]


class Support(IntEnum):
    """NONE: cannot. LOSSY: can, but something is lost, and which is said. FULL: as asked."""

    NONE = 0
    LOSSY = 1
    FULL = 2


class Initiation(StrEnum):
    """Who may write first."""

    ANYONE = "anyone"
    AFTER_CONTACT = "after_contact"
    TEMPLATE = "template"
    SUMMONED = "summoned"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaLimit:
    """Limits for one kind of media: bytes, MIME types (empty: any), how many a message, caption characters.

    `by_url` says that the platform fetches the file itself: only what has an https URL can be sent.
    """

    max_bytes: int
    types: tuple[str, ...] = ()
    per_message: int = 1
    caption: int = 0
    by_url: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyWindow:
    """How long we may answer after the customer's last message, and what is possible afterwards.

    `human` is how long after it a person of ours may still answer, where the platform allows that to people alone: the
    part says so (`Part.late`), and nothing automatic is sent.
    """

    length: timedelta
    after: Literal["template", "paid", "closed"]
    human: timedelta | None = None
    see: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """At most `count` per `per`, for `level`; `what` is the `HttpRequest.limit` that it is about."""

    level: Literal["account", "app", "pair", "endpoint"]
    count: int
    per: timedelta
    what: str = "send"
    see: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Limits of quick replies: up to `count` as buttons of `title` characters, up to `list_count` as a list."""

    count: int = 0
    title: int = 20
    list_count: int = 0
    list_title: int = 24
    id: int = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonLimit:
    """Limits of link buttons: how many, characters of a title, and of the text that they hang on."""

    count: int
    title: int
    text: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """What is known of the API's life: version in use, its end, what follows."""

    version: str = ""
    sunset_at: date | None = None
    successor: str | None = None
    see: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceFact:
    """A published price. `action` is `send`, `receive`, `send_with_link`, `reply` ...; `per` what it counts: each
    message, or each segment of an SMS."""

    action: str
    amount: Decimal
    per: Literal["message", "segment"] = "message"
    currency: str = "USD"
    since: date | None = None
    until: date | None = None
    country: str | None = None
    condition: str = ""
    see: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCapacity:
    """What a deep link can carry: characters of text and the alphabet; `editable` says the customer may change it."""

    chars: int
    alphabet: Literal["any", "token", "lower", "digits"] = "any"
    editable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """One surface of a channel. Policy limits of a platform are here as numbers; nothing is a literal in logic.

    `key_kept` is how long the platform knows the key of a KEYED send (None: for ever): after that a send whose answer
    was lost is not repeated as a matter of course.
    """

    text_limit: int
    text_unit: TextUnit = "chars"
    visibility: Visibility = "private"
    initiation: Initiation = Initiation.ANYONE
    window: ReplyWindow | None = None
    media: Mapping[MediaKind, MediaLimit] = field(default_factory=dict[MediaKind, MediaLimit])
    choices: Choices = Choices()
    buttons: ButtonLimit | None = None
    features: Mapping[Feature, Support] = field(default_factory=dict[Feature, Support])
    receipts: frozenset[str] = frozenset()
    repeat: Repeat = Repeat.UNSAFE
    key_kept: timedelta | None = None
    reconcile: frozenset[Literal["echo", "status", "history"]] = frozenset()
    settle_after: timedelta = timedelta(minutes=10)
    rates: tuple[RateLimit, ...] = ()
    markup: Literal["plain", "html", "whatsapp", "markdown"] = "plain"
    see: str = ""

    def supports(self, feature: Feature) -> Support:
        """How far a feature goes here."""
        return self.features.get(feature, Support.NONE)
